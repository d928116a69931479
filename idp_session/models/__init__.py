"""The values that everything else passes around; all of them frozen."""

from .clients import Client as Client
from .clients import SignedToken as SignedToken
from .deliveries import Backlog as Backlog
from .deliveries import Delivery as Delivery
from .deliveries import DeliveryResult as DeliveryResult
from .deliveries import DeliveryState as DeliveryState
from .deliveries import FairShare as FairShare
from .events import SessionEvent as SessionEvent
from .events import SessionEventKind as SessionEventKind
from .keys import SigningKeyState as SigningKeyState
from .keys import SigningKeyStatus as SigningKeyStatus
from .lifetimes import Lifetime as Lifetime
from .limits import LimitPolicy as LimitPolicy
from .limits import SessionLimit as SessionLimit
from .logout_results import ClientLogout as ClientLogout
from .logout_results import LogoutOutcome as LogoutOutcome
from .logout_results import LogoutResult as LogoutResult
from .logouts import AddressStanding as AddressStanding
from .logouts import HintStanding as HintStanding
from .logouts import LogoutContext as LogoutContext
from .origins import SessionOrigin as SessionOrigin
from .searching import Position as Position
from .searching import SessionFilter as SessionFilter
from .searching import SessionPage as SessionPage
from .sending import Attempt as Attempt
from .sending import AttemptOutcome as AttemptOutcome
from .sending import SendFailure as SendFailure
from .sending import SendResult as SendResult
from .sessions import Departure as Departure
from .sessions import EndedSession as EndedSession
from .sessions import LogoutReason as LogoutReason
from .sessions import Participant as Participant
from .sessions import ServerSideSession as ServerSideSession
from .sign_ins import AuthenticationProperties as AuthenticationProperties
from .sign_ins import Principal as Principal
from .sign_ins import Ticket as Ticket

__all__ = [
    "AddressStanding",
    "Attempt",
    "AttemptOutcome",
    "AuthenticationProperties",
    "Backlog",
    "Client",
    "ClientLogout",
    "Delivery",
    "DeliveryResult",
    "DeliveryState",
    "Departure",
    "EndedSession",
    "FairShare",
    "HintStanding",
    "Lifetime",
    "LimitPolicy",
    "LogoutContext",
    "LogoutOutcome",
    "LogoutReason",
    "LogoutResult",
    "Participant",
    "Position",
    "Principal",
    "SendFailure",
    "SendResult",
    "ServerSideSession",
    "SessionEvent",
    "SessionEventKind",
    "SessionFilter",
    "SessionLimit",
    "SessionOrigin",
    "SessionPage",
    "SignedToken",
    "SigningKeyState",
    "SigningKeyStatus",
    "Ticket",
]
