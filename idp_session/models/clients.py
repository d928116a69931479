"""Relying parties, and tokens for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Literal

from .sessions import LogoutReason

__all__ = ["Client", "SignedToken"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """What the session component has to know about a relying party.

    The members are those of OpenID Connect Dynamic Client Registration and of
    the four logout specifications.
    """

    #: Identifies the client.
    client_id: str
    #: The name that people know it by.
    name: str | None = None
    #: Its home page, to which pages at the end of a logout lead back by a link; only
    #: http and https.
    client_uri: str | None = None
    #: Whether the user is asked before this client signs them out: ``None`` as the
    #: settings say, ``True`` always, ``False`` not although
    #: ``IDP_SESSION_CONFIRM_EVERY_LOGOUT`` is set, for applications of your own. It
    #: waives nothing but that: a request without a hint of this session and user is
    #: asked about in any case.
    confirm_logout: bool | None = None
    #: Key for symmetric signatures; only needed with an HS algorithm.
    secret: str | None = field(default=None, repr=False)
    #: Where authorization responses may go.
    redirect_uris: tuple[str, ...] = ()
    #: Where the browser may go after a logout (RP-Initiated Logout 1.0 §3.1).
    post_logout_redirect_uris: tuple[str, ...] = ()
    #: What the browser loads in a frame (Front-Channel Logout 1.0 §2).
    front_channel_logout_uri: str | None = None
    #: Whether that address needs ``iss`` and ``sid``.
    front_channel_logout_session_required: bool = False
    #: Where logout tokens are posted (Back-Channel Logout 1.0 §2.2).
    back_channel_logout_uri: str | None = None
    #: Whether logout tokens need a ``sid``.
    back_channel_logout_session_required: bool = False
    #: How ID tokens and logout tokens are signed for it.
    id_token_signed_response_alg: str = "RS256"
    #: How the key of its encrypted ID tokens and logout tokens is encrypted, such as
    #: ``"RSA-OAEP-256"``; ``None`` if they are signed only.
    id_token_encrypted_response_alg: str | None = None
    #: How their content is encrypted, if they are.
    id_token_encrypted_response_enc: str = "A128CBC-HS256"
    #: Its public keys, as a JSON Web Key Set (RFC 7517 §5).
    jwks: Mapping[str, Any] | None = field(default=None, hash=False)
    #: Where its public keys are, for a :class:`.ClientKeys` that fetches them.
    jwks_uri: str | None = None
    #: ``"legacy"`` for a receiver that refuses the ``typ`` of logout tokens; theirs
    #: is then ``JWT``, as it was before explicit types.
    logout_token_profile: Literal["standard", "legacy"] = "standard"
    #: Whether it is told of all sessions of a user at once, by logout tokens with
    #: ``sub`` alone (Back-Channel Logout 1.0 §2.4), when they end for the reason
    #: ``SUBJECT`` or ``ACCOUNT_DISABLED``. Without effect for a client that requires
    #: a ``sid``.
    subject_wide_logout: bool = False
    #: For which reasons it is told by the back channel that a session has ended;
    #: ``None`` if for those that the settings say.
    logout_reasons: frozenset[LogoutReason] | None = None
    #: Whether its logout tokens have the claim ``logout_reason``, an extension of
    #: ours; ``None`` if as the settings say.
    logout_reason_claim: bool | None = None

    @property
    def label(self) -> str:
        """What to call the client when talking to a person."""
        # A page must not fail because of one client's half of a character.
        return (self.name or self.client_id).encode(errors="replace").decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedToken:
    """A token whose signature was verified; nothing else about it was."""

    #: The JOSE header.
    header: Mapping[str, Any]
    #: The claims.
    claims: Mapping[str, Any]
