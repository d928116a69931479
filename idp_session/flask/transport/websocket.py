"""The handle that came with the handshake of a WebSocket (RFC 6455 §4)."""

from __future__ import annotations

from datetime import datetime

from flask import Request

from ..._protocol.uris import origin_of
from ...errors import HandleNotIssuableError
from ...options import SessionOptions
from .plain import HandleTransport

__all__ = ["HandshakeTransport", "is_from_own_page", "is_handshake"]


def is_handshake(request: Request) -> bool:
    """Whether a request opens a WebSocket (RFC 6455 §4.2.1).

    It is one exactly if Werkzeug routes it to a ``websocket=True`` rule, or to none:
    an ordinary view is never given a handshake.

    :param request: The request.
    """
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return False

    connection = request.headers.get("Connection", "").lower()

    return "upgrade" in map(str.strip, connection.split(","))


def is_from_own_page(request: Request, options: SessionOptions) -> bool:
    """Whether a page whose sockets may use the cookie sent a handshake.

    Browsers send cookies with the handshakes of any site, and ask nobody; but they
    say in ``Origin`` whose page it is (RFC 6455 §10.2). The own origin is the
    issuer's, not that of the address asked for: behind a proxy that one may be wrong,
    and over plain http somebody else's. Without ``Origin`` it was no browser, or
    somebody on the way has dropped it; the cookie does not count then.

    :param request: The handshake.
    :param options: The settings.
    """
    allowed = {origin_of(options.issuer), *options.websocket_origins}

    return request.headers.get("Origin") in allowed


class HandshakeTransport(HandleTransport):
    """Brings a handle, and can give none: the response was sent by the handshake."""

    @property
    def can_issue(self) -> bool:
        return False

    def issue_handle(self, handle: str, *, expires_at: datetime | None) -> None:
        raise HandleNotIssuableError
