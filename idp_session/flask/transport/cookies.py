"""The session's two cookies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Request
from flask import Response

from ...options import SameSite
from ...options import SessionOptions
from ..request_cookies import cookies_of

__all__ = ["CookieSpec", "CookieTransport", "check_session_cookie", "handle_cookie"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CookieSpec:
    """The attributes of one cookie, the same when it is set and when it is deleted."""

    #: The whole name, with its prefix.
    name: str
    #: Below which path it is sent.
    path: str
    #: To which domain it is sent; ``None`` means: to this host only.
    domain: str | None
    #: Whether it is sent over https only.
    secure: bool
    #: Whether scripts are kept from it.
    http_only: bool
    #: When it is sent with requests that other sites cause.
    same_site: SameSite

    def set_on(
        self, response: Response, value: str, *, expires_at: datetime | None = None
    ) -> None:
        """Set the cookie.

        :param response: The response that carries it.
        :param value: Its value.
        :param expires_at: Until when it is kept; ``None`` means until the browser
            is closed.
        """
        response.set_cookie(
            self.name,
            value,
            expires=expires_at,
            path=self.path,
            domain=self.domain,
            secure=self.secure,
            httponly=self.http_only,
            samesite=self.same_site,
        )

    def delete_on(self, response: Response) -> None:
        """Delete the cookie.

        :param response: The response that carries the deletion.
        """
        response.delete_cookie(
            self.name,
            path=self.path,
            domain=self.domain,
            secure=self.secure,
            httponly=self.http_only,
            samesite=self.same_site,
        )


def handle_cookie(options: SessionOptions, *, root: str) -> CookieSpec:
    """The cookie that holds the handle.

    :param options: The settings.
    :param root: The path of the application.
    """
    path = options.cookie_path or root
    secure = options.handle_cookie_secure
    # RFC 6265bis §4.1.3.2: what a __Host- cookie must look like.
    host_only = options.cookie_domain is None and path == "/"
    prefixed = options.secure_transport and secure and host_only

    return CookieSpec(
        name=f"__Host-{options.cookie_name}" if prefixed else options.cookie_name,
        path=path,
        domain=options.cookie_domain,
        secure=secure,
        http_only=True,
        same_site=options.cookie_same_site or ("None" if secure else "Lax"),
    )


def check_session_cookie(options: SessionOptions, *, root: str) -> CookieSpec:
    """The cookie that the check-session iframe reads (Session Management 1.0 §3.2).

    :param options: The settings.
    :param root: The path of the application.
    """
    return CookieSpec(
        name=options.check_session_cookie_name,
        path=options.cookie_path or root,
        domain=options.check_session_cookie_domain,
        secure=options.check_session_cookie_secure,
        http_only=False,
        same_site=options.check_session_cookie_same_site,
    )


def _cookie(request: Request, name: str) -> str | None:
    cookies = cookies_of(request)

    # To get one that is not there has Werkzeug make an error, and catch it.
    if name not in cookies:
        return None

    return cookies[name]


class CookieTransport:
    """Carries the handle and the check-session id in cookies.

    :param request: Where the cookies come from.
    :param handle: The cookie of the handle.
    :param session_id: The check-session cookie.
    """

    def __init__(
        self, request: Request, *, handle: CookieSpec, session_id: CookieSpec
    ) -> None:
        self._handle_spec = handle
        self._session_id_spec = session_id
        self._handle = _cookie(request, handle.name)
        self._session_id = _cookie(request, session_id.name)
        self._handle_expires_at: datetime | None = None
        self._handle_changed = False
        self._session_id_changed = False
        self._login_status: str | None = None

    @property
    def handle(self) -> str | None:
        return self._handle

    @property
    def can_issue(self) -> bool:
        return True

    @property
    def session_id_copy(self) -> str | None:
        return self._session_id

    def issue_handle(self, handle: str, *, expires_at: datetime | None) -> None:
        self._handle = handle
        self._handle_expires_at = expires_at
        self._handle_changed = True

    def withdraw_handle(self) -> None:
        self._handle_changed = self._handle_changed or self._handle is not None
        self._handle = None

    def issue_session_id(self, session_id: str) -> None:
        self._session_id = session_id
        self._session_id_changed = True

    def withdraw_session_id(self) -> None:
        self._session_id = None
        self._session_id_changed = True

    def set_login_status(self, *, signed_in: bool) -> None:
        self._login_status = "logged-in" if signed_in else "logged-out"

    def write_to(self, response: Response) -> None:
        """Put what was issued and withdrawn on the response.

        :param response: What goes back.
        """
        if self._handle_changed:
            self._write(response, self._handle_spec, self._handle)

        if self._session_id_changed:
            self._write(response, self._session_id_spec, self._session_id)

        if self._login_status is not None:
            response.headers["Set-Login"] = self._login_status

        if self._handle_changed or self._session_id_changed:
            # A cache must never hand one user's cookies to another.
            response.cache_control.no_store = True

    def _write(self, response: Response, spec: CookieSpec, value: str | None) -> None:
        if value is None:
            spec.delete_on(response)
        elif spec is self._handle_spec:
            spec.set_on(response, value, expires_at=self._handle_expires_at)
        else:
            spec.set_on(response, value)
