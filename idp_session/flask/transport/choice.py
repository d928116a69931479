"""The one place that knows which requests carry their handle how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Request

from ...options import SessionOptions
from ...ports import TicketProtector
from ...stores.cookie import CookieSealer
from .authorization import AuthorizationTransport
from .authorization import credentials_of
from .cookies import check_session_cookie
from .cookies import CookieSpec
from .cookies import CookieTransport
from .cookies import handle_cookie
from .plain import ResponseTransport
from .tickets import TicketCookieTransport
from .websocket import HandshakeTransport
from .websocket import is_from_own_page
from .websocket import is_handshake

__all__ = ["TransportChoice"]


class TransportChoice:
    """Chooses the transport of each request.

    :param options: The settings.
    :param protector: Seals sessions that are in cookies themselves.
    :param config: That of the app; asked for its root at each request.
    """

    def __init__(
        self,
        options: SessionOptions,
        *,
        protector: TicketProtector,
        config: Mapping[str, Any],
    ) -> None:
        self._options = options
        self._protector = protector
        self._config = config
        # By the path of the application; an app has one, as a rule.
        self._specs: dict[str, tuple[CookieSpec, CookieSpec]] = {}

    def transport_for(self, request: Request) -> ResponseTransport:
        """The transport of a request.

        :param request: The request.
        """
        root: str = self._config["APPLICATION_ROOT"]
        credentials = self._credentials(request)

        if "HTTP_UPGRADE" in request.environ and is_handshake(request):
            cookie = self._cookie_of_handshake(request, root=root)

            return HandshakeTransport(cookie if credentials is None else credentials)

        if credentials is not None:
            return AuthorizationTransport(credentials)

        return self._cookies(request, root=root)

    def _cookies(self, request: Request, *, root: str) -> CookieTransport:
        handle, session_id = self._cookie_specs(root)

        if self._options.tickets == "server":
            return CookieTransport(request, handle=handle, session_id=session_id)

        sealer = CookieSealer(
            self._protector, issuer=self._options.issuer, name=handle.name
        )

        return TicketCookieTransport(
            request, ticket=handle, session_id=session_id, sealer=sealer
        )

    def _cookie_specs(self, root: str) -> tuple[CookieSpec, CookieSpec]:
        specs = self._specs.get(root)

        if specs is None:
            specs = self._specs[root] = (
                handle_cookie(self._options, root=root),
                check_session_cookie(self._options, root=root),
            )

        return specs

    def _credentials(self, request: Request) -> str | None:
        scheme = self._options.authorization_scheme

        if scheme is None:
            return None

        return credentials_of(request.headers.get("Authorization"), scheme=scheme)

    def _cookie_of_handshake(self, request: Request, *, root: str) -> str | None:
        # What happens on a socket could not be put back into a cookie.
        if self._options.tickets == "cookie" or not is_from_own_page(
            request, self._options
        ):
            return None

        return request.cookies.get(self._cookie_specs(root)[0].name)
