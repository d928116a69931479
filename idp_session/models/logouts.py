"""What is known of a logout request when somebody has to decide about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .clients import Client
from .sign_ins import Principal

__all__ = ["AddressStanding", "HintStanding", "LogoutContext"]


class HintStanding(enum.StrEnum):
    """Whose ``id_token_hint`` came with a logout request (RP-Initiated Logout 1.0 §2)."""

    #: There is none.
    ABSENT = "absent"
    #: It is no ID token of this provider for one known client, or it contradicts the
    #: ``client_id``. Nothing in it is used. So it is for an encrypted one.
    INVALID = "invalid"
    #: It is of this session, by its ``sid``, and of a client that takes part.
    THIS_SESSION = "this_session"
    #: It names no session; it is of this user, and of a client that takes part.
    THIS_USER = "this_user"
    #: It is of another session of this user, by its ``sid``.
    OTHER_SESSION = "other_session"
    #: It is of another user.
    OTHER_USER = "other_user"
    #: It is of this user, but its client takes no part in the session.
    NO_PART = "no_part"
    #: It is genuine, and nobody is signed in.
    NO_SESSION = "no_session"


class AddressStanding(enum.StrEnum):
    """Whether the browser may go to the ``post_logout_redirect_uri`` (§3)."""

    #: There is none.
    ABSENT = "absent"
    #: The client that asks has registered exactly this one.
    REGISTERED = "registered"
    #: The client that asks has not registered it.
    UNREGISTERED = "unregistered"
    #: No valid hint shows which client asks.
    UNPROVED = "unproved"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutContext:
    """A logout request, after everything in it was checked, and who is signed in."""

    #: Who is signed in in this browser; ``None`` if nobody is.
    user: Principal | None
    #: Their session.
    session_id: str | None
    #: Who takes part in it, in the order in which they joined.
    client_ids: tuple[str, ...]
    #: The client that the request names. Only with a valid hint has it proved that
    #: it asks.
    client: Client | None
    #: Whose hint it is.
    hint: HintStanding
    #: Whether the hint has expired, which alone is no reason to doubt it (§2).
    hint_expired: bool
    #: Whether there is an address to go on to.
    address: AddressStanding
    #: Whether the settings ask for a question in any case
    #: (``IDP_SESSION_CONFIRM_EVERY_LOGOUT``).
    confirm_every_logout: bool
