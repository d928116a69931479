"""Sessions that the browser keeps, sealed in its cookie."""

from .contents import CarriedSession as CarriedSession
from .contents import CookieContents as CookieContents
from .jar import SessionJar as SessionJar
from .plain import PlainTicketProtector as PlainTicketProtector
from .sealing import CookieSealer as CookieSealer
from .sessions import CookieSessionStore as CookieSessionStore

__all__ = [
    "CarriedSession",
    "CookieContents",
    "CookieSealer",
    "CookieSessionStore",
    "PlainTicketProtector",
    "SessionJar",
]
