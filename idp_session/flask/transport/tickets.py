"""A session that is in the cookie itself, in as many parts as it needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime

from flask import Request
from flask import Response

from ...adapters.crypto import handle_key
from ...stores.cookie import CookieContents
from ...stores.cookie import CookieSealer
from ...stores.cookie import SessionJar
from .cookies import CookieSpec
from .cookies import CookieTransport

__all__ = ["AT_MOST", "CHUNK", "TicketCookieTransport", "joined", "split"]

#: How many characters one cookie holds; browsers keep 4096 with name and attributes.
CHUNK = 3500
#: How many a session may take. Servers refuse headers beyond 8190 characters or so,
#: and other cookies need some of them.
AT_MOST = 6000
_MOST_CHUNKS = 9


def split(text: str) -> tuple[str, ...]:
    """The values of the cookies that hold a text.

    The first one says how many there are, so that none that is left over from a
    longer text is taken for a part of this one.

    :param text: Any text without a dot; not so long that it takes over 9 cookies.
    """
    count = -(-(len(text) + 2) // CHUNK)
    whole = f"{count}.{text}"

    return tuple(whole[n * CHUNK : (n + 1) * CHUNK] for n in range(count))


def joined(cookies: Mapping[str, str], name: str) -> str | None:
    """The text that cookies hold, ``None`` if a part is missing.

    :param cookies: What came with the request.
    :param name: The name of the first cookie.
    """
    count, _, text = cookies.get(name, "").partition(".")

    if count not in set("123456789"):
        return None

    rest = [cookies.get(_chunk_name(name, n)) for n in range(1, int(count))]

    return None if None in rest else "".join([text, *filter(None, rest)])


class TicketCookieTransport(CookieTransport):
    """Carries the session itself in cookies.

    :param request: Where the cookies come from.
    :param ticket: The cookie of the session; others follow it when it is long.
    :param session_id: The check-session cookie.
    :param sealer: Who seals what is in it.
    """

    def __init__(
        self,
        request: Request,
        *,
        ticket: CookieSpec,
        session_id: CookieSpec,
        sealer: CookieSealer,
    ) -> None:
        super().__init__(request, handle=ticket, session_id=session_id)
        text = joined(request.cookies, ticket.name)
        self._spec = ticket
        self._sealer = sealer
        self._received = None if text is None else sealer.open(text)
        self._came = set(_names(ticket.name)) & request.cookies.keys()
        self._withdrawn = False
        self._own_handle: str | None = None
        self._kept_until: datetime | None = None

        if self._received is not None:
            self._own_handle = self._received.handle
            self._kept_until = self._received.kept_until

        #: The session, as long as the request takes.
        self.jar = SessionJar(
            None if self._received is None else self._received.session,
            size_of=sealer.size_of,
            at_most=AT_MOST,
        )

    @property
    def handle(self) -> str | None:
        return self._own_handle

    def issue_handle(self, handle: str, *, expires_at: datetime | None) -> None:
        self._own_handle = handle
        self._kept_until = expires_at

    def withdraw_handle(self) -> None:
        self._own_handle = None
        self._withdrawn = True

    def write_to(self, response: Response) -> None:
        """Put what has changed on the response, as :class:`.CookieTransport` does.

        :param response: What goes back to the browser.
        """
        super().write_to(response)
        contents = self._contents()

        if contents == self._received and not (self._withdrawn and self._came):
            return

        self._write_chunks(response, contents)
        # A cache must never hand one user's cookies to another.
        response.cache_control.no_store = True

    def _contents(self) -> CookieContents | None:
        session = self.jar.get(handle_key(self._own_handle or ""))

        if self._own_handle is None or session is None:
            return None

        return CookieContents(
            handle=self._own_handle, kept_until=self._kept_until, session=session
        )

    def _write_chunks(
        self, response: Response, contents: CookieContents | None
    ) -> None:
        values = () if contents is None else split(self._sealer.seal(contents))
        needed = dict(zip(_names(self._spec.name), values, strict=False))

        for name, value in needed.items():
            spec = dataclasses.replace(self._spec, name=name)
            spec.set_on(response, value, expires_at=self._kept_until)

        for name in sorted(self._came - needed.keys()):
            dataclasses.replace(self._spec, name=name).delete_on(response)


def _names(name: str) -> Iterator[str]:
    yield name

    for number in range(1, _MOST_CHUNKS):
        yield _chunk_name(name, number)


def _chunk_name(name: str, number: int) -> str:
    return f"{name}.{number}"
