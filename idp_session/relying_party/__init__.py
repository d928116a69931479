"""For the other side: what a client needs to be signed out by its provider.

Nothing here needs a database or the provider's half of the package. A client
validates logout tokens with :class:`LogoutTokenValidator`, receives the
provider's requests with :class:`LogoutReceiver` and keeps what it needs to end
its own sessions in a :class:`SessionRegistry`.
"""

from .blueprint import LogoutReceiver as LogoutReceiver
from .jti import MemoryReplayGuard as MemoryReplayGuard
from .jti import ReplayGuard as ReplayGuard
from .sessions import MemorySessionRegistry as MemorySessionRegistry
from .sessions import SessionRegistry as SessionRegistry
from .signature import KeySource as KeySource
from .token import LogoutToken as LogoutToken
from .validator import LogoutTokenValidator as LogoutTokenValidator

__all__ = [
    "KeySource",
    "LogoutReceiver",
    "LogoutToken",
    "LogoutTokenValidator",
    "MemoryReplayGuard",
    "MemorySessionRegistry",
    "ReplayGuard",
    "SessionRegistry",
]
