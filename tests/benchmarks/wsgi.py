"""Calls WSGI applications without a server."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

from werkzeug.test import EnvironBuilder

__all__ = ["Application", "Browser"]

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Browser:
    """One browser's cookies, and requests that are prepared but for them.

    :param application: Whom it asks.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._environ = EnvironBuilder("/", base_url="https://idp.test").get_environ()
        self._cookies: dict[str, str] = {}
        #: The ``Set-Cookie`` headers of the last answer.
        self.set_cookies: list[str] = []

    def twin(self) -> Browser:
        """Another tab: the same cookies, and its own from now on."""
        twin = Browser(self._application)
        twin._cookies = dict(self._cookies)

        return twin

    @property
    def cookie(self) -> str:
        """What it sends as ``Cookie``."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def request(self, path: str = "/", *, method: str = "GET") -> bytes:
        """Ask, and keep the cookies of the answer.

        :param path: For what.
        :param method: How.
        :raises RuntimeError: If the answer is no success.
        """
        environ = {
            **self._environ,
            "PATH_INFO": path,
            "REQUEST_METHOD": method,
            "HTTP_COOKIE": self.cookie,
        }
        body = self._called(environ)

        for header in self.set_cookies:
            name, _, value = header.partition(";")[0].partition("=")
            self._cookies[name] = value

        return body

    def same_again(self, path: str = "/") -> Callable[[], bytes]:
        """A request with the cookies of now, whose answers change none of them.

        :param path: For what.
        """
        environ = {
            **self._environ,
            "PATH_INFO": path,
            "REQUEST_METHOD": "GET",
            "HTTP_COOKIE": self.cookie,
        }

        return lambda: self._called(environ.copy())

    def _called(self, environ: dict[str, Any]) -> bytes:
        def start(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            self.set_cookies = [
                value for name, value in headers if name.lower() == "set-cookie"
            ]

            if not status.startswith(("2", "3")):
                raise RuntimeError(f"{environ['PATH_INFO']} answered {status}")

        answer = self._application(environ, start)
        body = b"".join(answer)

        if close := getattr(answer, "close", None):
            close()

        return body
