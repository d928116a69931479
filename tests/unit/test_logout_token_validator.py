"""What a client accepts as a logout token, rule by rule (SPECS chapter 8)."""

import base64
import json
import threading
from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any

import pytest
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey
from joserfc.jwk import Key
from joserfc.jwk import KeySet
from joserfc.jwk import OctKey
from joserfc.jwk import OKPKey
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from idp_session.errors import ConfigurationError
from idp_session.errors import InvalidLogoutTokenError
from idp_session.relying_party import LogoutToken
from idp_session.relying_party import LogoutTokenValidator
from idp_session.relying_party import MemoryReplayGuard
from idp_session.relying_party import MemorySessionRegistry

ISSUER = "https://idp.test"
CLIENT = "shop"
SECRET = "a secret of the shop that is long enough"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ABSENT = object()

RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "other"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
EDWARDS = OKPKey.generate_key("Ed25519", {"kid": "ed"})
MONTGOMERY = OKPKey.generate_key("X25519", {"kid": "x"})
SHARED = OctKey.import_key(SECRET)
PUBLISHED = KeySet([RSA, EC, EDWARDS])


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class RotatingKeys:
    """A provider whose keys are new after a refresh; counts the refreshes."""

    def __init__(self, before: KeySet, after: KeySet) -> None:
        self.keys = before
        self.after = after
        self.refreshes = 0

    def __call__(self, *, refresh: bool = False) -> KeySet:
        if refresh:
            self.refreshes += 1
            self.keys = self.after

        return self.keys


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def signed(
    claims: object, *, key: Key = RSA, alg: str = "RS256", **header: object
) -> str:
    """A token, signed by hand so that any header and any payload is possible."""
    head: dict[str, object] = {"alg": alg, "kid": key.kid, "typ": "logout+jwt"} | header
    kept = {k: v for k, v in head.items() if v is not None and v is not ABSENT}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    content = f"{encoded(json.dumps(kept).encode())}.{encoded(payload)}"
    model: JWSAlgModel = JWSRegistry.algorithms[alg]

    return f"{content}.{encoded(model.sign(content.encode(), key))}"


def claims(**changes: object) -> dict[str, object]:
    good: dict[str, object] = {
        "iss": ISSUER,
        "aud": CLIENT,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 120,
        "jti": "token-1",
        "events": {EVENT: {}},
        "sub": "alice",
        "sid": "session-1",
    }

    return {k: v for k, v in (good | changes).items() if v is not ABSENT}


def at(offset: float) -> float:
    return NOW.timestamp() + offset


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Callable[..., LogoutTokenValidator]:
    def validator(**options: Any) -> LogoutTokenValidator:
        defaults: dict[str, Any] = {"keys": PUBLISHED, "clock": clock}

        return LogoutTokenValidator(
            issuer=ISSUER, client_id=CLIENT, **(defaults | options)
        )

    return validator


@pytest.fixture
def validator(make: Callable[..., LogoutTokenValidator]) -> LogoutTokenValidator:
    return make()


def test_a_good_token(validator: LogoutTokenValidator) -> None:  # LTV-01
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
    ("changes", "header"),
    [
        pytest.param({"colour": "green"}, {}, id="unknown claim LTV-02"),
        pytest.param({}, {"colour": "green"}, id="unknown header parameter LTV-02"),
        pytest.param({"aud": ["mail", CLIENT]}, {}, id="one of several audiences"),
        pytest.param({"sid": ABSENT}, {}, id="sub alone LTV-12"),
        pytest.param({"sub": ABSENT}, {}, id="sid alone LTV-12"),
        pytest.param({"events": {EVENT: {}, "x": 1}}, {}, id="more events LTV-13"),
        pytest.param({"events": {EVENT: {"a": 1}}}, {}, id="event with members"),
        pytest.param({"iat": at(59)}, {}, id="clock of the provider ahead LTV-11"),
        pytest.param({"exp": at(-59)}, {}, id="clock of the provider behind LTV-11"),
        pytest.param({"exp": at(0.5)}, {}, id="fractions of a second"),
        pytest.param({}, {"typ": ABSENT}, id="no typ LTV-16"),
        pytest.param({}, {"typ": "JWT"}, id="typ of any JWT LTV-16"),
        pytest.param({}, {"typ": "Logout+JWT"}, id="typ in other letters LTV-16"),
        pytest.param({}, {"typ": "application/logout+jwt"}, id="whole media type"),
        pytest.param({}, {"kid": ABSENT}, id="no kid"),
    ],
)
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
        pytest.param({"iss": f"{ISSUER}INVALID"}, "iss", id="other issuer LTV-05"),
        pytest.param({"iss": ABSENT}, "iss", id="no issuer LTV-05"),
        pytest.param({"iss": [ISSUER]}, "iss", id="issuer in a list LTV-05"),
        pytest.param({"aud": f"{CLIENT}INVALID"}, "aud", id="other audience LTV-06"),
        pytest.param({"aud": ["mail"]}, "aud", id="other audiences LTV-06"),
        pytest.param({"aud": []}, "aud", id="empty audience LTV-06"),
        pytest.param({"aud": [CLIENT, 1]}, "aud", id="audience with a number"),
        pytest.param({"aud": ABSENT}, "aud", id="no audience LTV-06"),
        pytest.param({"events": ABSENT}, "events", id="no events LTV-07"),
        pytest.param({"events": [EVENT]}, "events", id="events in a list LTV-07"),
        pytest.param(
            {"events": {"http://schemas.openid.net/event/foobar": {}}},
            "events",
            id="another event LTV-08",
        ),
        pytest.param({"events": {EVENT: True}}, "events", id="event no object LTV-13"),
        pytest.param({"nonce": "n"}, "nonce", id="nonce LTV-09"),
        pytest.param({"nonce": None}, "nonce", id="nonce that is null LTV-09"),
        pytest.param({"exp": at(-60)}, "expired", id="expired LTV-11"),
        pytest.param({"exp": ABSENT}, "exp", id="no expiry LTV-11"),
        pytest.param({"exp": "soon"}, "exp", id="expiry in words"),
        pytest.param({"exp": True}, "exp", id="expiry that is a truth value"),
        pytest.param({"exp": 1e300}, "exp", id="expiry beyond all calendars"),
        pytest.param({"iat": ABSENT}, "iat", id="no issue time LTV-11"),
        pytest.param({"iat": at(61)}, "iat", id="from the future LTV-11"),
        pytest.param({"iat": None}, "iat", id="issue time null"),
        pytest.param(
            {"sub": ABSENT, "sid": ABSENT}, "sub", id="neither sub nor sid LTV-12"
        ),
        pytest.param({"sub": ""}, "sub", id="empty sub"),
        pytest.param({"sub": 7}, "sub", id="sub that is a number"),
        pytest.param({"sid": None}, "sid", id="sid null"),
        pytest.param({"sid": ["a"]}, "sid", id="sid in a list"),
        pytest.param({"jti": ABSENT}, "jti", id="no jti"),
        pytest.param({"jti": ""}, "jti", id="empty jti"),
    ],
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
        pytest.param({"typ": "at+jwt"}, "typ", id="access token LTV-16"),
        pytest.param({"typ": 1}, "no key", id="typ that is a number"),
        pytest.param({"kid": 1}, "kid", id="kid that is a number"),
        pytest.param({"kid": "rsa-2"}, "no key", id="unknown key LTV-10"),
        pytest.param({"kid": "ec"}, "no key", id="key of another kind"),
        pytest.param({"crit": ["exp"], "exp": 1}, "extension", id="critical"),
        pytest.param({"crit": 1}, "extension", id="critical that is a number"),
        pytest.param({"b64": False}, "extension", id="unencoded payload"),
        pytest.param({"jku": 1}, "no key", id="malformed parameter"),
    ],
)
def test_headers_that_are_refused(
    validator: LogoutTokenValidator, header: dict[str, Any], word: str
) -> None:
    """A header that is wrong or not understood ends the validation."""
    with pytest.raises(InvalidLogoutTokenError, match=word):
        validator.validate(signed(claims(), **header))


ALGORITHMS = [
    pytest.param("RS256", RSA, id="RS256"),
    pytest.param("PS256", RSA, id="PS256"),
    pytest.param("ES256", EC, id="ES256"),
    pytest.param("EdDSA", EDWARDS, id="EdDSA"),
    pytest.param("Ed25519", EDWARDS, id="Ed25519"),
    pytest.param("HS256", SHARED, id="HS256"),
]


@pytest.mark.parametrize(("algorithm", "key"), ALGORITHMS)
def test_the_registered_algorithm(
    make: Callable[..., LogoutTokenValidator], algorithm: str, key: Key
) -> None:
    """Whichever algorithm the client registered is understood, without warnings."""
    validator = make(algorithm=algorithm, client_secret=SECRET)

    token = validator.validate(signed(claims(), key=key, alg=algorithm))

    assert token.session_id == "session-1"


@pytest.mark.parametrize(("algorithm", "key"), ALGORITHMS[1:])
def test_another_algorithm_of_the_provider(  # LTV-04
    validator: LogoutTokenValidator, algorithm: str, key: Key
) -> None:
    """A genuine signature with an algorithm that was not registered is refused."""
    with pytest.raises(InvalidLogoutTokenError, match="registered algorithm"):
        validator.validate(signed(claims(), key=key, alg=algorithm))


def test_a_public_key_is_not_a_secret(
    make: Callable[..., LogoutTokenValidator],
) -> None:
    """What is published never verifies a symmetric signature."""
    public = OctKey.import_key({"kty": "oct", "k": encoded(b"published" * 4)})
    validator = make(
        algorithm="HS256", client_secret=SECRET, keys=KeySet([RSA, public])
    )

    with pytest.raises(InvalidLogoutTokenError, match="no key"):
        validator.validate(signed(claims(), key=public, alg="HS256"))


def test_a_symmetric_signature_ignores_the_key_id(
    make: Callable[..., LogoutTokenValidator],
) -> None:
    """There is one secret, whatever the provider calls it."""
    validator = make(algorithm="HS256", client_secret=SECRET, keys=None)

    token = validator.validate(signed(claims(), key=SHARED, alg="HS256", kid="x"))

    assert token.subject == "alice"


def test_a_key_that_cannot_sign(make: Callable[..., LogoutTokenValidator]) -> None:
    """A key for key agreement verifies nothing, and is no failure of the server."""
    validator = make(algorithm="EdDSA", keys=KeySet([MONTGOMERY]))

    with pytest.raises(InvalidLogoutTokenError, match="no key"):
        validator.validate(signed(claims(), key=EDWARDS, alg="EdDSA", kid="x"))


GOOD = signed(claims())


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(None, id="nothing"),
        pytest.param(b"a.b.c", id="bytes"),
        pytest.param("", id="empty"),
        pytest.param("a.b", id="two parts"),
        pytest.param("a.b.c.d.e", id="encrypted LTV-17"),
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
            id="not signed LTV-03",
        ),
        pytest.param(GOOD[:-8] + "AAAAAAAA", id="tampered signature LTV-10"),
        pytest.param(GOOD + "=", id="padded"),
        pytest.param(
            ".".join((GOOD.split(".")[0], "!", GOOD.split(".")[2])),
            id="payload not base64url",
        ),
        pytest.param(
            signed(claims(), key=OTHER_RSA, kid="rsa"), id="signed by another LTV-10"
        ),
        pytest.param(signed(b"[]"), id="claims a list"),
        pytest.param(signed(b"\xff"), id="claims not text"),
        pytest.param(signed(b"[" * 5000), id="claims of 5000 levels"),
        pytest.param(signed(b'{"iat":NaN}'), id="a number that is none"),
    ],
)
def test_what_is_no_token_at_all(
    validator: LogoutTokenValidator, token: object
) -> None:
    """Whatever is sent, the answer is a refusal and never a failure."""
    with pytest.raises(InvalidLogoutTokenError) as refused:
        validator.validate(token)

    assert refused.value.error == "invalid_request"


def test_an_id_token(validator: LogoutTokenValidator) -> None:  # LTV-16
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
def test_strict_about_the_type(  # LTV-16
    make: Callable[..., LogoutTokenValidator], typ: object
) -> None:
    """A strict client wants the type that only logout tokens have."""
    validator = make(require_type=True)

    with pytest.raises(InvalidLogoutTokenError, match="typ"):
        validator.validate(signed(claims(), typ=typ))


def test_the_strict_type(make: Callable[..., LogoutTokenValidator]) -> None:  # LTV-16
    """A strict client accepts a token that says what it is."""
    assert make(require_type=True).validate(signed(claims())).subject == "alice"


def test_a_token_without_expiry(  # LTV-11
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


def test_a_new_key(make: Callable[..., LogoutTokenValidator]) -> None:
    """A key that the provider has begun to use since is fetched."""
    keys = RotatingKeys(KeySet([RSA]), KeySet([RSA, OTHER_RSA]))

    token = make(keys=keys).validate(signed(claims(), key=OTHER_RSA))

    assert (token.subject, keys.refreshes) == ("alice", 1)


def test_a_new_key_without_a_key_id(make: Callable[..., LogoutTokenValidator]) -> None:
    """Without a key id, all keys are tried before they are fetched again."""
    keys = RotatingKeys(KeySet([RSA]), KeySet([RSA, OTHER_RSA]))

    token = make(keys=keys).validate(signed(claims(), key=OTHER_RSA, kid=ABSENT))

    assert (token.subject, keys.refreshes) == ("alice", 1)


def test_a_known_key_is_not_fetched_again(
    make: Callable[..., LogoutTokenValidator],
) -> None:
    """A bad signature by a known key is no reason to ask the provider."""
    keys = RotatingKeys(KeySet([RSA]), KeySet([RSA]))

    with pytest.raises(InvalidLogoutTokenError):
        make(keys=keys).validate(signed(claims(), key=OTHER_RSA, kid="rsa"))

    assert keys.refreshes == 0


@pytest.mark.parametrize(
    ("seconds", "refreshes"),
    [pytest.param(9, 1, id="too soon"), pytest.param(10, 2, id="after a while")],
)
def test_made_up_key_ids(
    make: Callable[..., LogoutTokenValidator],
    clock: Clock,
    seconds: int,
    refreshes: int,
) -> None:
    """Made-up key ids do not have the keys fetched at any rate."""
    keys = RotatingKeys(KeySet([RSA]), KeySet([RSA]))
    validator = make(keys=keys)

    with pytest.raises(InvalidLogoutTokenError):
        validator.validate(signed(claims(), kid="made up"))

    clock.now += seconds * SECOND

    with pytest.raises(InvalidLogoutTokenError):
        validator.validate(signed(claims(), kid="made up as well"))

    assert keys.refreshes == refreshes


def test_keys_out_of_reach(make: Callable[..., LogoutTokenValidator]) -> None:
    """That the keys cannot be fetched says nothing about the token."""

    def unreachable(*, refresh: bool = False) -> KeySet:
        raise ConnectionError(f"refresh={refresh}")

    with pytest.raises(ConnectionError):
        make(keys=unreachable).validate(signed(claims()))


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


# Replays, LTV-14


def test_a_repeated_token(make: Callable[..., LogoutTokenValidator]) -> None:
    """With a guard, the second use of a token is refused."""
    validator = make(seen=MemoryReplayGuard())
    validator.validate(signed(claims()))

    with pytest.raises(InvalidLogoutTokenError, match="used before"):
        validator.validate(signed(claims()))


def test_a_repeated_token_without_a_guard(validator: LogoutTokenValidator) -> None:
    """Without a guard, a token may be repeated: ending twice is ending once."""
    validator.forget(validator.validate(signed(claims())))

    assert validator.validate(signed(claims())).token_id == "token-1"


def test_another_token(make: Callable[..., LogoutTokenValidator]) -> None:
    """The guard minds the ``jti`` and nothing else."""
    validator = make(seen=MemoryReplayGuard())
    validator.validate(signed(claims()))

    assert validator.validate(signed(claims(jti="token-2"))).token_id == "token-2"


def test_a_token_whose_logout_failed(make: Callable[..., LogoutTokenValidator]) -> None:
    """A token may be used again if its logout could not be done."""
    validator = make(seen=MemoryReplayGuard())
    validator.forget(validator.validate(signed(claims())))

    assert validator.validate(signed(claims())).token_id == "token-1"


def test_a_refused_token_is_not_used_up(
    make: Callable[..., LogoutTokenValidator], clock: Clock
) -> None:
    """A token that came too early is good when its time has come."""
    validator = make(seen=MemoryReplayGuard())
    early = signed(claims(iat=at(100), exp=at(200)))

    with pytest.raises(InvalidLogoutTokenError, match="iat"):
        validator.validate(early)

    clock.now += 100 * SECOND

    assert validator.validate(early).token_id == "token-1"


def test_a_token_for_all_time(make: Callable[..., LogoutTokenValidator]) -> None:
    """An ``exp`` at the end of the calendar overflows nothing."""
    validator = make(seen=MemoryReplayGuard())
    last = datetime(9999, 12, 31, tzinfo=UTC)

    assert validator.validate(signed(claims(exp=last.timestamp()))).expires_at == last


def token(number: int = 1, *, session_id: str | None = "session-1") -> LogoutToken:
    return LogoutToken(
        issuer=ISSUER,
        subject="alice",
        session_id=session_id,
        token_id=f"token-{number}",
        issued_at=NOW,
        expires_at=NOW + 120 * SECOND,
    )


def test_expired_tokens_make_room() -> None:
    """What nobody could use any more is not remembered."""
    guard = MemoryReplayGuard(capacity=2)
    guard.first_use(token(1), until=NOW + SECOND, now=NOW)
    guard.first_use(token(2), until=NOW + 3 * SECOND, now=NOW)
    guard.first_use(token(3), until=NOW + 4 * SECOND, now=NOW + SECOND)

    assert not guard.first_use(token(2), until=NOW + 3 * SECOND, now=NOW + SECOND)


def test_a_full_guard_forgets_the_oldest() -> None:
    """A guard never grows beyond its capacity."""
    guard = MemoryReplayGuard(capacity=1)
    guard.first_use(token(1), until=NOW + SECOND, now=NOW)
    guard.first_use(token(2), until=NOW + SECOND, now=NOW)

    assert guard.first_use(token(1), until=NOW + SECOND, now=NOW)


def test_a_full_guard_knows_what_it_remembers() -> None:
    """Asking for a token that is known pushes none out."""
    guard = MemoryReplayGuard(capacity=1)
    guard.first_use(token(1), until=NOW + SECOND, now=NOW)

    assert not guard.first_use(token(1), until=NOW + SECOND, now=NOW)


def test_a_guard_without_memory() -> None:
    """A guard that could not remember a single token is refused."""
    with pytest.raises(ValueError, match="capacity"):
        MemoryReplayGuard(capacity=0)


@pytest.mark.parametrize("round_", range(25))
def test_simultaneous_replays(round_: int) -> None:
    """Of several simultaneous uses of a token, one is the first."""
    guard = MemoryReplayGuard()
    barrier = threading.Barrier(4)
    answers: list[bool] = []

    def use() -> None:
        barrier.wait()
        answers.append(guard.first_use(token(round_), until=NOW + SECOND, now=NOW))

    threads = [threading.Thread(target=use) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert sorted(answers) == [False, False, False, True]


# Which local sessions end, LTV-15 and LTV-18


class Seconds:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def registry(seconds: Seconds) -> MemorySessionRegistry:
    registry = MemorySessionRegistry(capacity=2, clock=seconds)
    registry.remember("one", issuer=ISSUER, subject="alice", session_id="session-1")
    registry.remember("two", issuer=ISSUER, subject="alice", session_id="session-2")
    registry.remember("bob", issuer=ISSUER, subject="bob", session_id="session-3")
    registry.remember("old", issuer=ISSUER, subject="alice", session_id=None)
    registry.remember(
        "elsewhere",
        issuer="https://other.test",
        subject="alice",
        session_id="session-1",
    )

    return registry


@pytest.mark.parametrize(
    ("session_id", "ended"),
    [
        pytest.param("session-1", ("one", "old"), id="that session LTV-18"),
        pytest.param(None, ("one", "two", "old"), id="all of the subject LTV-18"),
        pytest.param("session-9", ("old",), id="unknown session LTV-15"),
    ],
)
def test_what_a_token_ends(
    registry: MemorySessionRegistry, session_id: str | None, ended: tuple[str, ...]
) -> None:
    """A session id means one session, a subject alone all sessions of the user.

    A session whose ID token had no session id ends with its user's.
    """
    assert registry.end(token(session_id=session_id)) == ended


def test_an_unknown_session(registry: MemorySessionRegistry) -> None:  # LTV-15
    """A session that nobody knows is as signed out as it can be."""
    assert registry.end_session(issuer=ISSUER, session_id="session-9") == ()


def test_an_ended_session_is_not_live(registry: MemorySessionRegistry) -> None:
    """The one that was meant has ended, and no other."""
    registry.end_session(issuer=ISSUER, session_id="session-1")

    assert [registry.is_live(name) for name in ("one", "two", "elsewhere", "old")] == [
        False,
        True,
        True,
        True,
    ]


def test_a_session_ends_once(registry: MemorySessionRegistry) -> None:
    """The second call has ended nothing."""
    registry.end(token())

    assert registry.end(token()) == ()


def test_a_forgotten_session(registry: MemorySessionRegistry) -> None:
    """Who signed out here is not signed out again from outside."""
    registry.forget("one")
    registry.forget("never known")

    assert registry.end_session(issuer=ISSUER, session_id="session-1") == ()


@pytest.mark.parametrize(
    ("later", "live"),
    [
        pytest.param(29, False, id="while the sign-in was under way"),
        pytest.param(30, True, id="long before"),
    ],
)
def test_a_logout_that_overtakes_the_sign_in(
    registry: MemorySessionRegistry, seconds: Seconds, *, later: int, live: bool
) -> None:
    """A session that has just ended does not come to life by a late sign-in."""
    registry.end_session(issuer=ISSUER, session_id="late")
    seconds.now += later
    registry.remember("late", issuer=ISSUER, subject="alice", session_id="late")

    assert registry.is_live("late") is live


def test_ended_sessions_are_forgotten_in_time(
    registry: MemorySessionRegistry,
) -> None:
    """Only so many ended sessions are remembered."""
    registry.end_session(issuer=ISSUER, session_id="a")
    registry.end_session(issuer=ISSUER, session_id="b")
    registry.end_session(issuer=ISSUER, session_id="c")
    registry.remember("a", issuer=ISSUER, subject="alice", session_id="a")

    assert registry.is_live("a")


@pytest.mark.parametrize("round_", range(25))
def test_simultaneous_logouts(round_: int) -> None:
    """Of several simultaneous logouts, one has ended the session."""
    registry = MemorySessionRegistry()
    name = f"local-{round_}"
    registry.remember(name, issuer=ISSUER, subject="alice", session_id="session-1")
    barrier = threading.Barrier(4)
    ended: list[tuple[str, ...]] = []

    def end() -> None:
        barrier.wait()
        ended.append(registry.end(token()))

    threads = [threading.Thread(target=end) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert sorted(ended) == [(), (), (), (name,)]
