"""What the services need from the outside, as protocols whose docstrings bind."""

from .broadcast import SessionBroadcast as SessionBroadcast
from .broadcast import SessionListener as SessionListener
from .clients import ClientDirectory as ClientDirectory
from .clients import ClientKeys as ClientKeys
from .clients import ClientOrigins as ClientOrigins
from .clients import ClientStore as ClientStore
from .clients import SubjectIdentifiers as SubjectIdentifiers
from .clients import TokenEncrypter as TokenEncrypter
from .clients import TokenSigner as TokenSigner
from .clock import Clock as Clock
from .delivering import Dispatcher as Dispatcher
from .delivering import LogoutSender as LogoutSender
from .delivery_queue import DeliveryQueue as DeliveryQueue
from .logout_policy import LogoutPolicy as LogoutPolicy
from .protection import TicketProtector as TicketProtector
from .session_store import SessionStore as SessionStore
from .tokens import SessionTokens as SessionTokens
from .transport import SessionTransport as SessionTransport
from .user_session import SessionData as SessionData
from .user_session import UserSession as UserSession

__all__ = [
    "ClientDirectory",
    "ClientKeys",
    "ClientOrigins",
    "ClientStore",
    "Clock",
    "DeliveryQueue",
    "Dispatcher",
    "LogoutPolicy",
    "LogoutSender",
    "SessionBroadcast",
    "SessionData",
    "SessionListener",
    "SessionStore",
    "SessionTokens",
    "SessionTransport",
    "SubjectIdentifiers",
    "TicketProtector",
    "TokenEncrypter",
    "TokenSigner",
    "UserSession",
]
