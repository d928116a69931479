"""Where the handle of a request comes from, and where a new one goes."""

from .choice import TransportChoice as TransportChoice
from .cookies import check_session_cookie as check_session_cookie
from .cookies import CookieSpec as CookieSpec
from .cookies import CookieTransport as CookieTransport
from .cookies import handle_cookie as handle_cookie
from .plain import HandleTransport as HandleTransport
from .plain import ResponseTransport as ResponseTransport
from .tickets import TicketCookieTransport as TicketCookieTransport

__all__ = [
    "CookieSpec",
    "CookieTransport",
    "HandleTransport",
    "ResponseTransport",
    "TicketCookieTransport",
    "TransportChoice",
    "check_session_cookie",
    "handle_cookie",
]
