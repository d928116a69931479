"""Who signed in, how, and what belongs to that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from .lifetimes import Lifetime

__all__ = ["AuthenticationProperties", "Principal", "Ticket"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Who is signed in, and how they proved it."""

    #: The provider's own identifier of the user, never empty.
    subject_id: str
    #: A name that a person recognises, for the device and admin pages.
    display_name: str | None = None
    #: When the user proved who they are (``auth_time``, OpenID Connect Core §2);
    #: aware, and in UTC once they are signed in. ``None`` means: at the moment of the
    #: sign-in.
    authenticated_at: datetime | None = None
    #: Where the user was authenticated; ``"local"`` is the provider itself.
    identity_provider: str = "local"
    #: Authentication methods (``amr``, RFC 8176), such as ``("pwd", "otp")``.
    amr: tuple[str, ...] = ()
    #: Authentication context class (``acr``, OpenID Connect Core §2).
    acr: str | None = None
    #: Anything else that the host wants to keep; JSON values only.
    claims: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    #: When each authentication method was last proved in this session; aware UTC. A
    #: sign-in adds its own ``amr``, at ``authenticated_at`` unless it is given here.
    factors: Mapping[str, datetime] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        if not self.subject_id:
            raise ValueError("a principal needs a subject_id")

        if self.factors and None in map(datetime.utcoffset, self.factors.values()):
            raise ValueError("the times of factors must be aware datetimes")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthenticationProperties:
    """What belongs to one sign-in and not to the user."""

    #: Strings that the host keeps with the sign-in.
    items: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    #: Whether the browser keeps the session after it is closed ("remember me").
    persistent: bool = False
    #: How long the session lasts. ``None`` means: as the settings say.
    lifetime: Lifetime | None = None
    #: When the session was created; aware UTC, ``None`` before the sign-in.
    issued_at: datetime | None = None
    #: When the session ends unless it is used before; aware UTC.
    expires_at: datetime | None = None
    #: The public session id (``sid``, Back-Channel Logout 1.0 §2.1).
    session_id: str | None = None
    #: The clients that take part, in the order in which they joined: a view of
    #: the participants, which are kept as rows of their own.
    client_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """A principal and the properties of its sign-in: what a session record seals."""

    #: Who is signed in.
    principal: Principal
    #: What belongs to this sign-in.
    properties: AuthenticationProperties
