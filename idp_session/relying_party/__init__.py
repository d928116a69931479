"""For the other side: what a client needs to be signed out by its provider.

Nothing here needs a database or the provider's half of the package. A client
validates logout tokens with :class:`LogoutTokenValidator`, receives the
provider's requests with :class:`LogoutReceiver` and keeps what it needs to end
its own sessions in a :class:`SessionRegistry`. :class:`FetchedKeys` gets the
provider's keys. Flask is loaded when the receiver is first asked for.
"""

import importlib
import typing

from .decryption import TokenDecryption as TokenDecryption
from .fetched_keys import FetchedKeys as FetchedKeys
from .jti import MemoryReplayGuard as MemoryReplayGuard
from .jti import ReplayGuard as ReplayGuard
from .sessions import MemorySessionRegistry as MemorySessionRegistry
from .sessions import SessionRegistry as SessionRegistry
from .signature import KeySource as KeySource
from .token import LogoutToken as LogoutToken
from .validator import LogoutTokenValidator as LogoutTokenValidator

if typing.TYPE_CHECKING:
    from .blueprint import LogoutReceiver as LogoutReceiver

__all__ = [
    "FetchedKeys",
    "KeySource",
    "LogoutReceiver",
    "LogoutToken",
    "LogoutTokenValidator",
    "MemoryReplayGuard",
    "MemorySessionRegistry",
    "ReplayGuard",
    "SessionRegistry",
    "TokenDecryption",
]


def __getattr__(name: str) -> object:
    # A client with another framework has no Flask, and needs none.
    if name != "LogoutReceiver":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    receiver = importlib.import_module(".blueprint", __name__).LogoutReceiver
    globals()[name] = receiver

    return receiver
