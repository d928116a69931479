"""What every session store must do."""

from __future__ import annotations

from .session_changes import SessionChangesContract
from .session_ending import SessionEndingContract
from .session_expiry import SessionExpiryContract
from .session_filters import SessionFiltersContract
from .session_keeping import SessionKeepingContract
from .session_leaving import SessionLeavingContract
from .session_limits import SessionLimitsContract
from .session_participants import SessionParticipantsContract
from .session_promotion import SessionPromotionContract
from .session_queries import SessionQueriesContract
from .session_records import SessionRecordsContract

__all__ = ["SessionStoreContract"]


class SessionStoreContract(
    SessionRecordsContract,
    SessionQueriesContract,
    SessionFiltersContract,
    SessionChangesContract,
    SessionParticipantsContract,
    SessionKeepingContract,
    SessionPromotionContract,
    SessionEndingContract,
    SessionExpiryContract,
    SessionLeavingContract,
    SessionLimitsContract,
):
    """The promises of :class:`~idp_session.ports.SessionStore`, as tests.

    A subclass defines two fixtures: ``store``, empty for each test, and ``queue``,
    the delivery queue in which that store leaves what it owes.
    """
