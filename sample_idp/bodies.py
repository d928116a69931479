"""Bodies that break off, or are framed wrongly, are the fault of who sends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from typing import TYPE_CHECKING

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse
    from _typeshed.wsgi import WSGIApplication
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["refusing_broken_bodies"]


def refusing_broken_bodies(app: WSGIApplication) -> WSGIApplication:
    """An app in which reading a broken body is answered 400.

    gunicorn reads a body when the app does, and raises errors of its own, which would
    be taken for the app's.

    :param app: The app.
    """

    def serve(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        environ["wsgi.input"] = _Body(environ["wsgi.input"])

        return app(environ, start_response)

    return serve


class _Body:
    """As much of ``wsgi.input`` as werkzeug reads."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Read from it.

        :param size: At most so many bytes; all of them if it is negative.
        :raises BadRequest: If the body is not framed as HTTP/1.1 wants it.
        """
        try:
            data: bytes = self._stream.read(None if size < 0 else size)
        except ParseException as error:
            raise BadRequest("The body of the request is broken.") from error

        return data
