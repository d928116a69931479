"""What a client accepts as a logout token, rule by rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from functools import partial
from typing import Any

import pytest

from idp_session.errors import ConfigurationError
from idp_session.errors import InvalidLogoutTokenError
from idp_session.relying_party import LogoutToken
from idp_session.relying_party import LogoutTokenValidator

from .logout_tokens_by_hand import ABSENT
from .logout_tokens_by_hand import at
from .logout_tokens_by_hand import claims
from .logout_tokens_by_hand import CLIENT
from .logout_tokens_by_hand import Clock
from .logout_tokens_by_hand import encoded
from .logout_tokens_by_hand import EVENT
from .logout_tokens_by_hand import ISSUER
from .logout_tokens_by_hand import NOW
from .logout_tokens_by_hand import OTHER_RSA
from .logout_tokens_by_hand import PUBLISHED
from .logout_tokens_by_hand import SECOND
from .logout_tokens_by_hand import signed
from .logout_tokens_by_hand import validator_with


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Callable[..., LogoutTokenValidator]:
    return partial(validator_with, clock)


@pytest.fixture
def validator(make: Callable[..., LogoutTokenValidator]) -> LogoutTokenValidator:
    return make()


@pytest.mark.spec("LTV-01")
def test_a_good_token(validator: LogoutTokenValidator) -> None:
    """What a good token says is handed on."""
    assert validator.validate(signed(claims())) == LogoutToken(
        issuer=ISSUER,
        subject="alice",
        session_id="session-1",
        token_id="token-1",
        issued_at=NOW,
        expires_at=NOW + 120 * SECOND,
    )


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        pytest.param("admin", "admin", id="a text"),
        pytest.param("", None, id="nothing"),
        pytest.param({"of": "another"}, None, id="an extension of somebody else"),
    ],
)
def test_a_reason(
    validator: LogoutTokenValidator, claim: object, reason: str | None
) -> None:
    """Why a session ended is handed on if it is a text, and never a ground to refuse."""
    token = validator.validate(signed(claims(logout_reason=claim)))

    assert token.reason == reason


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        pytest.param({"colour": "green"}, {}, id="unknown claim"),
        pytest.param({}, {"colour": "green"}, id="unknown header parameter"),
        pytest.param({"aud": ["mail", CLIENT]}, {}, id="one of several audiences"),
        pytest.param({"sid": ABSENT}, {}, id="sub alone"),
        pytest.param({"sub": ABSENT}, {}, id="sid alone"),
        pytest.param({"events": {EVENT: {}, "x": 1}}, {}, id="more events"),
        pytest.param({"events": {EVENT: {"a": 1}}}, {}, id="event with members"),
        pytest.param({"iat": at(59)}, {}, id="clock of the provider ahead"),
        pytest.param({"exp": at(-59)}, {}, id="clock of the provider behind"),
        pytest.param({"exp": at(0.5)}, {}, id="fractions of a second"),
        pytest.param({}, {"typ": ABSENT}, id="no typ"),
        pytest.param({}, {"typ": "JWT"}, id="typ of any JWT"),
        pytest.param({}, {"typ": "Logout+JWT"}, id="typ in other letters"),
        pytest.param({}, {"typ": "application/logout+jwt"}, id="whole media type"),
        pytest.param({}, {"kid": ABSENT}, id="no kid"),
    ],
)
@pytest.mark.spec("LTV-02", "LTV-11", "LTV-12", "LTV-13", "LTV-16")
def test_variations_that_are_allowed(
    validator: LogoutTokenValidator,
    changes: dict[str, object],
    header: dict[str, Any],
) -> None:
    """What the specification tolerates is accepted."""
    token = validator.validate(signed(claims(**changes), **header))

    assert token.token_id == "token-1"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        pytest.param({"iss": f"{ISSUER}INVALID"}, "iss", id="other issuer"),
        pytest.param({"iss": ABSENT}, "iss", id="no issuer"),
        pytest.param({"iss": [ISSUER]}, "iss", id="issuer in a list"),
        pytest.param({"aud": f"{CLIENT}INVALID"}, "aud", id="other audience"),
        pytest.param({"aud": ["mail"]}, "aud", id="other audiences"),
        pytest.param({"aud": []}, "aud", id="empty audience"),
        pytest.param({"aud": [CLIENT, 1]}, "aud", id="audience with a number"),
        pytest.param({"aud": ABSENT}, "aud", id="no audience"),
        pytest.param({"events": ABSENT}, "events", id="no events"),
        pytest.param({"events": [EVENT]}, "events", id="events in a list"),
        pytest.param(
            {"events": {"http://schemas.openid.net/event/foobar": {}}},
            "events",
            id="another event",
        ),
        pytest.param({"events": {EVENT: True}}, "events", id="event no object"),
        pytest.param({"nonce": "n"}, "nonce", id="nonce"),
        pytest.param({"nonce": None}, "nonce", id="nonce that is null"),
        pytest.param({"exp": at(-60)}, "expired", id="expired"),
        pytest.param({"exp": ABSENT}, "exp", id="no expiry"),
        pytest.param({"exp": "soon"}, "exp", id="expiry in words"),
        pytest.param({"exp": True}, "exp", id="expiry that is a truth value"),
        pytest.param({"exp": 1e300}, "exp", id="expiry beyond all calendars"),
        pytest.param({"iat": ABSENT}, "iat", id="no issue time"),
        pytest.param({"iat": at(61)}, "iat", id="from the future"),
        pytest.param({"iat": None}, "iat", id="issue time null"),
        pytest.param({"sub": ABSENT, "sid": ABSENT}, "sub", id="neither sub nor sid"),
        pytest.param({"sub": ""}, "sub", id="empty sub"),
        pytest.param({"sub": 7}, "sub", id="sub that is a number"),
        pytest.param({"sid": None}, "sid", id="sid null"),
        pytest.param({"sid": ["a"]}, "sid", id="sid in a list"),
        pytest.param({"jti": ABSENT}, "jti", id="no jti"),
        pytest.param({"jti": ""}, "jti", id="empty jti"),
    ],
)
@pytest.mark.spec(
    "LTV-05", "LTV-06", "LTV-07", "LTV-08", "LTV-09", "LTV-11", "LTV-12", "LTV-13"
)
def test_claims_that_are_refused(
    validator: LogoutTokenValidator, changes: dict[str, object], word: str
) -> None:
    """A genuine signature does not make up for a wrong claim."""
    with pytest.raises(InvalidLogoutTokenError, match=word):
        validator.validate(signed(claims(**changes)))


@pytest.mark.parametrize(
    ("header", "word"),
    [
        pytest.param({"typ": "at+jwt"}, "typ", id="access token"),
        pytest.param({"typ": 1}, "no key", id="typ that is a number"),
        pytest.param({"kid": 1}, "kid", id="kid that is a number"),
        pytest.param({"kid": "rsa-2"}, "no key", id="unknown key"),
        pytest.param({"kid": "ec"}, "no key", id="key of another kind"),
        pytest.param({"crit": ["exp"], "exp": 1}, "extension", id="critical"),
        pytest.param({"crit": 1}, "extension", id="critical that is a number"),
        pytest.param({"b64": False}, "extension", id="unencoded payload"),
        pytest.param({"jku": 1}, "no key", id="malformed parameter"),
    ],
)
@pytest.mark.spec("LTV-10", "LTV-16")
def test_headers_that_are_refused(
    validator: LogoutTokenValidator, header: dict[str, Any], word: str
) -> None:
    """A header that is wrong or not understood ends the validation."""
    with pytest.raises(InvalidLogoutTokenError, match=word):
        validator.validate(signed(claims(), **header))


GOOD = signed(claims())


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(None, id="nothing"),
        pytest.param(b"a.b.c", id="bytes"),
        pytest.param("", id="empty"),
        pytest.param("a.b", id="two parts"),
        pytest.param("a.b.c.d.e", id="encrypted"),
        pytest.param("ä.b.c", id="not ASCII"),
        pytest.param("a" * 20_000, id="too long"),
        pytest.param("a.b.c", id="header of impossible length"),
        pytest.param("%%%%.b.c", id="header not base64url"),
        pytest.param(encoded(b"{") + ".b.c", id="header not JSON"),
        pytest.param(encoded(b"\xff\xfe\xfd") + ".b.c", id="header not text"),
        pytest.param(encoded(b"[" * 9000) + ".b.c", id="header of 9000 levels"),
        pytest.param(encoded(b'["alg"]') + ".b.c", id="header a list"),
        pytest.param(encoded(b'{"typ":"JWT"}') + ".b.c", id="no alg"),
        pytest.param(encoded(b'{"alg":["RS256"]}') + ".b.c", id="alg a list"),
        pytest.param(
            encoded(b'{"alg":"none"}') + "." + GOOD.split(".")[1] + ".",
            id="not signed",
        ),
        pytest.param(GOOD[:-8] + "AAAAAAAA", id="tampered signature"),
        pytest.param(GOOD + "=", id="padded"),
        pytest.param(
            ".".join((GOOD.split(".")[0], "!", GOOD.split(".")[2])),
            id="payload not base64url",
        ),
        pytest.param(
            signed(claims(), key=OTHER_RSA, kid="rsa"), id="signed by another"
        ),
        pytest.param(signed(b"[]"), id="claims a list"),
        pytest.param(signed(b"\xff"), id="claims not text"),
        pytest.param(signed(b"[" * 5000), id="claims of 5000 levels"),
        pytest.param(signed(b'{"iat":NaN}'), id="a number that is none"),
    ],
)
@pytest.mark.spec("LTV-03", "LTV-10", "LTV-17")
def test_what_is_no_token_at_all(
    validator: LogoutTokenValidator, token: object
) -> None:
    """Whatever is sent, the answer is a refusal and never a failure."""
    with pytest.raises(InvalidLogoutTokenError) as refused:
        validator.validate(token)

    assert refused.value.error == "invalid_request"


@pytest.mark.spec("LTV-16")
def test_an_id_token(validator: LogoutTokenValidator) -> None:
    """An ID token of the same provider for the same client signs nobody out."""
    id_token = signed(claims(events=ABSENT, nonce="n"), typ="JWT")

    with pytest.raises(InvalidLogoutTokenError, match="events"):
        validator.validate(id_token)


@pytest.mark.parametrize(
    "typ",
    [
        pytest.param(ABSENT, id="absent"),
        pytest.param("JWT", id="of any JWT"),
    ],
)
@pytest.mark.spec("LTV-16")
def test_strict_about_the_type(
    make: Callable[..., LogoutTokenValidator], typ: object
) -> None:
    """A strict client wants the type that only logout tokens have."""
    validator = make(require_type=True)

    with pytest.raises(InvalidLogoutTokenError, match="typ"):
        validator.validate(signed(claims(), typ=typ))


@pytest.mark.spec("LTV-16")
def test_the_strict_type(make: Callable[..., LogoutTokenValidator]) -> None:
    """A strict client accepts a token that says what it is."""
    assert make(require_type=True).validate(signed(claims())).subject == "alice"


@pytest.mark.spec("LTV-11")
def test_a_token_without_expiry(
    make: Callable[..., LogoutTokenValidator],
) -> None:
    """Old providers send no ``exp``; a client may do without."""
    token = make(require_expiry=False).validate(signed(claims(exp=ABSENT)))

    assert token.expires_at is None


def test_an_old_token_without_expiry(
    make: Callable[..., LogoutTokenValidator], clock: Clock
) -> None:
    """Even a token without ``exp`` does not live for ever."""
    validator = make(require_expiry=False)
    clock.now += timedelta(minutes=11)

    with pytest.raises(InvalidLogoutTokenError, match="expired"):
        validator.validate(signed(claims(exp=ABSENT)))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        pytest.param({"algorithm": "none"}, "none", id="no signature"),
        pytest.param({"algorithm": "RS257"}, "RS257", id="no such algorithm"),
        pytest.param({"algorithm": "HS256"}, "client_secret", id="no secret"),
        pytest.param({"keys": None}, "keys", id="no keys"),
    ],
)
def test_a_validator_that_cannot_work(
    make: Callable[..., LogoutTokenValidator], options: dict[str, Any], word: str
) -> None:
    """What can never validate anything is refused when it is made."""
    with pytest.raises(ConfigurationError, match=word):
        make(**options)


def test_the_clock_of_the_machine() -> None:
    """Without a clock of its own, a validator goes by the machine's."""
    validator = LogoutTokenValidator(issuer=ISSUER, client_id=CLIENT, keys=PUBLISHED)
    now = datetime.now(UTC).timestamp()

    token = validator.validate(signed(claims(iat=now, exp=now + 60)))

    assert token.issued_at.tzinfo is UTC
