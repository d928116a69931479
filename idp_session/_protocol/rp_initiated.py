"""OpenID Connect RP-Initiated Logout 1.0.

https://openid.net/specs/openid-connect-rpinitiated-1_0.html
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import TypeGuard

from ..errors import InvalidClientMetadataError
from ..models import AddressStanding
from ..models import Client
from ..models import HintStanding
from ..models import SignedToken
from .language_tags import tags_in
from .uris import check_uri
from .uris import is_dangerous
from .uris import with_query

__all__ = [
    "Hint",
    "LogoutParameters",
    "LogoutRequest",
    "address_standing",
    "check_registration",
    "hint_from",
    "hint_standing",
    "validate",
]

# How far the clocks of one provider's machines may be apart, in seconds.
_CLOCK_SKEW = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutParameters:
    """The parameters of a logout request as they came, believed in nothing (§2)."""

    #: An ID token that the client was given; not shown, since it names the user.
    id_token_hint: str | None = field(default=None, repr=False)
    #: The client, by its own account.
    client_id: str | None = None
    #: Where the browser should go afterwards.
    post_logout_redirect_uri: str | None = None
    #: What the client wants back with the redirect.
    state: str | None = None
    #: Who should be logged out, in the client's words.
    logout_hint: str | None = None
    #: The languages that the user prefers.
    ui_locales: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """What a valid ``id_token_hint`` says."""

    #: The client that the token was issued to.
    client_id: str
    #: The user, as that client knows them.
    sub: str
    #: The session; older tokens may not have it.
    sid: str | None = None
    #: Whether it has expired, which makes it no less valid here.
    expired: bool = field(default=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutRequest:
    """What is left of a logout request after everything was checked (§4)."""

    #: The client that asks. Only with a hint has it proved that it does.
    client: Client | None = None
    #: The hint, if it is valid and nothing contradicts it.
    hint: Hint | None = None
    #: Where the browser may go, with the state already in it.
    redirect_uri: str | None = None
    #: Whether there was an ``id_token_hint``, valid or not.
    hint_given: bool = field(default=False, compare=False)
    #: Whether there was a ``post_logout_redirect_uri``, allowed or not.
    address_given: bool = field(default=False, compare=False)
    #: The languages that the user prefers, best first.
    ui_locales: tuple[str, ...] = field(default=(), compare=False)


def hint_from(
    token: SignedToken | None, *, iss: str, now: int, client_id: str | None = None
) -> Hint | None:
    """What a token says when it comes back as ``id_token_hint`` (§2).

    :param token: The token, if the provider signed it.
    :param iss: The provider's issuer identifier.
    :param now: The current time, in seconds since 1970.
    :param client_id: The parameter of the same request; it only helps where
        several audiences leave open whom the token was issued to.
    :returns: ``None`` for anything but an ID token of this provider for one
        known audience. An expired one is welcome.
    """
    if token is None or not _is_id_token(token) or token.claims.get("iss") != iss:
        return None

    claims = token.claims
    audience = _audience(claims, client_id)
    sub, sid = claims.get("sub"), claims.get("sid")

    if audience is None or not _is_timely(claims, now):
        return None

    if not _is_text(sub) or not (sid is None or _is_text(sid)):
        return None

    return Hint(
        client_id=audience, sub=sub, sid=sid, expired=bool(claims["exp"] <= now)
    )


def validate(
    parameters: LogoutParameters,
    *,
    hint: Hint | None,
    find_client: Callable[[str], Client | None],
) -> LogoutRequest:
    """What a request may be used for; what fails a check is not in it (§2 to §4).

    :param parameters: The parameters as they came.
    :param hint: What :func:`hint_from` made of the ``id_token_hint``.
    :param find_client: Finds a registered client by its id.
    """
    named = parameters.client_id if _is_client_id(parameters.client_id) else None
    bare = LogoutRequest(
        hint_given=bool(parameters.id_token_hint),
        address_given=bool(parameters.post_logout_redirect_uri),
        ui_locales=tags_in(parameters.ui_locales),
    )

    # rpinitiated §2, §4: two different clients cannot both be asking, and what
    # fails validation must not be used for anything.
    if hint is not None and named not in {None, hint.client_id}:
        return bare

    client_id = hint.client_id if hint else named
    client = find_client(client_id) if client_id else None

    # rpinitiated §3: a client_id alone, which anybody can write, proves nothing.
    if hint is None or client is None:
        return dataclasses.replace(bare, client=client)

    return dataclasses.replace(
        bare, client=client, hint=hint, redirect_uri=_redirect_uri(parameters, client)
    )


def hint_standing(
    request: LogoutRequest,
    *,
    current_sid: str | None,
    sub_at_client: str | None,
    takes_part: bool,
) -> HintStanding:
    """Whose hint a request has, seen from the session of this browser (§2).

    :param request: The validated request.
    :param current_sid: The session of this browser, if somebody is signed in.
    :param sub_at_client: How the hint's client knows that session's user.
    :param takes_part: Whether the hint's client takes part in that session.
    """
    hint = request.hint

    if hint is None:
        return HintStanding.INVALID if request.hint_given else HintStanding.ABSENT

    if current_sid is None:
        return HintStanding.NO_SESSION

    # That of somebody else is nobody's business here, whatever session it names:
    # whoever has an account has such a token.
    if hint.sub != sub_at_client:
        return HintStanding.OTHER_USER

    # rpinitiated §2: that the user is the same is not enough where the token says of
    # which session it is.
    if hint.sid not in {None, current_sid}:
        return HintStanding.OTHER_SESSION

    if not takes_part:
        return HintStanding.NO_PART

    return HintStanding.THIS_SESSION if hint.sid else HintStanding.THIS_USER


def address_standing(request: LogoutRequest) -> AddressStanding:
    """Whether a request has an address to go on to (§3).

    :param request: The validated request.
    """
    if request.redirect_uri is not None:
        return AddressStanding.REGISTERED

    if not request.address_given:
        return AddressStanding.ABSENT

    if request.hint is None:
        return AddressStanding.UNPROVED

    return AddressStanding.UNREGISTERED


def check_registration(metadata: Mapping[str, Any]) -> None:
    """Refuse ``post_logout_redirect_uris`` that the specification forbids (§3.1).

    Schemes of native apps are welcome.

    :param metadata: What a client registers.
    :raises InvalidClientMetadataError: If it is not an array of absolute URIs
        without fragment, if one would run code or open a file, or if a client
        without a secret names an http URI.
    """
    member = "post_logout_redirect_uris"
    uris = metadata.get(member, ())

    if not isinstance(uris, list | tuple):
        raise InvalidClientMetadataError(member, "must be an array of URIs")

    for uri in uris:
        check_uri(uri, member=member, metadata=metadata)


def _is_id_token(token: SignedToken) -> bool:
    # RFC 8725 §3.11: a logout token or an access token is signed with the same
    # keys, and must not pass for an ID token.
    token_type = token.header.get("typ", "JWT")

    return (
        isinstance(token_type, str)
        and token_type.lower() == "jwt"
        and "events" not in token.claims
    )


def _audience(claims: Mapping[str, Any], client_id: str | None) -> str | None:
    aud = claims.get("aud")
    audiences = aud if isinstance(aud, list) else [aud]

    if not audiences or not all(map(_is_client_id, audiences)):
        return None

    if len(audiences) == 1:
        return str(audiences[0])

    # core §2: azp is the party that the token was issued to.
    candidates = (claims.get("azp"), client_id)

    return next((party for party in candidates if party in audiences), None)


def _is_client_id(value: object) -> TypeGuard[str]:
    # RFC 6749 appendix A.1: visible ASCII characters and the space. Hosts look
    # clients up in databases that choke on others.
    return _is_text(value) and value.isascii() and value.isprintable()


def _is_timely(claims: Mapping[str, Any], now: int) -> bool:
    # core §2: an ID token has both. rpinitiated §2: it may have expired.
    if not _is_time(claims.get("exp")) or not _is_time(claims.get("iat")):
        return False

    begins = (claims["iat"], claims.get("nbf", now))

    return all(_is_time(begin) and begin <= now + _CLOCK_SKEW for begin in begins)


def _is_time(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)

    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != ""


def _redirect_uri(parameters: LogoutParameters, client: Client) -> str | None:
    uri = parameters.post_logout_redirect_uri

    # rpinitiated §3: equal as strings; near misses are how open redirects begin.
    if uri is None or uri not in client.post_logout_redirect_uris:
        return None

    # A page of ours goes there by script: with us it would run as ours.
    if is_dangerous(uri):
        return None

    return with_query(uri, {"state": parameters.state}) if parameters.state else uri
