"""Logout tokens, to the letter and to the client."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import generate_key
from joserfc.jwk import Key
from joserfc.jwk import KeySet

from idp_session.adapters.encryption import JweTokenEncrypter
from idp_session.adapters.encryption import RegisteredClientKeys
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.errors import LogoutTokenError
from idp_session.models import Client
from idp_session.models import Delivery
from idp_session.models import LogoutReason
from idp_session.relying_party import LogoutTokenValidator
from idp_session.services.logout_tokens import LogoutTokenService
from idp_session.testing import ManualClock
from idp_session.testing import START
from tests.fakes import FakeClientStore
from tests.fakes import ISSUER
from tests.fakes import make_client
from tests.fakes import make_options

from .independent_jose import decrypted
from .independent_jose import header_of
from .independent_jose import verified_claims

SECRET = "a secret that only the client and we have"
SIGNER = KeySetTokenSigner(
    KeySet(
        [
            generate_key("RSA", 2048),
            generate_key("EC", "P-256"),
            generate_key("OKP", "Ed25519"),
        ]
    )
)
RSA, OTHER_RSA = generate_key("RSA", 2048), generate_key("RSA", 2048)
P256 = generate_key("EC", "P-256")
P521 = generate_key("EC", "P-521")
X25519 = generate_key("OKP", "X25519")
DELIVERY = Delivery(
    id=1,
    session_id="5e55",
    client_id="shop",
    issuer=ISSUER,
    subject="alice-at-shop",
    reason=LogoutReason.ADMIN,
    created_at=START,
    due_at=START,
)
ENCODINGS = ("A128CBC-HS256", "A128GCM", "A256GCM")


def service(
    clock: ManualClock | None = None, *, encrypts: bool = True, **settings: Any
) -> LogoutTokenService:
    return LogoutTokenService(
        signer=SIGNER,
        encrypter=JweTokenEncrypter(RegisteredClientKeys()) if encrypts else None,
        clock=clock or ManualClock(),
        options=make_options(**settings),
    )


def token_for(client: Client, **settings: Any) -> str:
    return service(**settings).token_for(DELIVERY, client)


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token for a client with ES256."""
    return verified_claims(token, published_key(token))


def published_key(token: str) -> dict[str, Any]:
    keys = SIGNER.public_key_set()["keys"]
    (key,) = (key for key in keys if key["kid"] == header_of(token)["kid"])

    return key


def jwks(*keys: Key, **members: Any) -> dict[str, Any]:
    """What a client registers."""
    return {"keys": [{**key.as_dict(private=False), **members} for key in keys]}


def private(key: Key) -> Any:
    return key.private_key


# Signatures


@pytest.mark.parametrize(
    ("registered", "used"),
    [
        *((name, name) for name in ("RS256", "PS256", "ES256", "EdDSA")),
        pytest.param("none", "RS256", id="none"),
    ],
)
def test_signatures(registered: str, used: str) -> None:
    """Each algorithm verifies by the RFC and the published key; unsigned is none."""
    # BCL-OP-24
    token = token_for(make_client(id_token_signed_response_alg=registered))

    assert header_of(token)["alg"] == used
    assert verified_claims(token, published_key(token))["aud"] == "shop"


def test_shared_secret() -> None:
    """HS256 verifies by the client's secret."""
    client = make_client(id_token_signed_response_alg="HS256", secret=SECRET)
    token = token_for(client)

    assert header_of(token) == {"alg": "HS256", "typ": "logout+jwt"}
    assert verified_claims(token, SECRET.encode())["aud"] == "shop"


# Claims


def test_who_and_which_session() -> None:
    """A token always has both, the user as this client knows them."""
    # BCL-OP-22, BCL-OP-23, BCL-OP-26
    claims = claims_of(token_for(make_client()))

    assert (claims["sub"], claims["sid"]) == ("alice-at-shop", "5e55")


@pytest.mark.parametrize(
    ("members", "reason", "about"),
    [
        pytest.param({}, LogoutReason.SUBJECT, {"sub", "sid"}, id="not asked for"),
        pytest.param(
            {"subject_wide_logout": True},
            LogoutReason.SUBJECT,
            {"sub"},
            id="all of a subject",
        ),
        pytest.param(
            {"subject_wide_logout": True},
            LogoutReason.ACCOUNT_DISABLED,
            {"sub"},
            id="account disabled",
        ),
        pytest.param(
            {"subject_wide_logout": True},
            LogoutReason.USER,
            {"sub", "sid"},
            id="one session",
        ),
        pytest.param(
            {
                "subject_wide_logout": True,
                "back_channel_logout_session_required": True,
            },
            LogoutReason.SUBJECT,
            {"sub", "sid"},
            id="sid required",
        ),
    ],
)
def test_all_sessions_at_once(
    members: dict[str, Any], reason: LogoutReason, about: set[str]
) -> None:
    """Only a client that wants it is told by the subject alone, and never else."""
    delivery = dataclasses.replace(DELIVERY, reason=reason)

    claims = claims_of(service().token_for(delivery, make_client(**members)))

    assert {"sub", "sid"} & claims.keys() == about


def test_never_ahead_of_the_clock() -> None:
    """A token of the last microsecond of a second is not from the next one."""
    clock = ManualClock(START + timedelta(microseconds=999_999))
    claims = claims_of(service(clock).token_for(DELIVERY, make_client()))

    assert claims["iat"] == int(START.timestamp())
    assert claims["exp"] == claims["iat"] + 120  # BCL-OP-19, BCL-OP-20


def test_no_two_tokens_are_alike() -> None:
    """Each attempt has its own jti."""
    client = make_client()
    tokens = {claims_of(token_for(client))["jti"] for _ in range(10)}

    assert len(tokens) == 10


@pytest.mark.parametrize(
    ("setting", "registered", "told"),
    [
        pytest.param(False, None, None, id="by default not"),
        pytest.param(True, None, "admin", id="by the settings"),
        pytest.param(False, True, "admin", id="by the client"),
        pytest.param(True, False, None, id="not for this client"),
    ],
)
def test_the_reason(
    *, setting: bool, registered: bool | None, told: str | None
) -> None:
    """Why the session ended is told where that is wanted, in one word."""
    client = make_client(logout_reason_claim=registered)
    claims = claims_of(token_for(client, logout_reason_claim=setting))

    assert claims.get("logout_reason") == told


@pytest.mark.parametrize(
    ("setting", "registered", "wanted"),
    [
        pytest.param(None, None, True, id="all by default"),
        pytest.param(("admin", "user"), None, True, id="among the settings"),
        pytest.param(("user",), None, False, id="not among the settings"),
        pytest.param(("user",), {LogoutReason.ADMIN}, True, id="the client decides"),
        pytest.param(None, {LogoutReason.USER}, False, id="the client does not want"),
        pytest.param(None, set(), False, id="the client wants nothing"),
    ],
)
def test_wanted_reasons(
    *,
    setting: tuple[str, ...] | None,
    registered: set[LogoutReason] | None,
    wanted: bool,
) -> None:
    """A client hears of the reasons that it chose, else of those of the settings."""
    reasons = None if registered is None else frozenset(registered)
    client = make_client(logout_reasons=reasons)

    assert service(logout_reasons=setting).is_wanted(DELIVERY, client) is wanted


# Profiles


@pytest.mark.parametrize(
    ("profile", "typ"),
    [
        pytest.param("standard", "logout+jwt", id="standard"),
        pytest.param("legacy", "JWT", id="legacy"),
    ],
)
def test_profiles(profile: Any, typ: str) -> None:
    """An old receiver gets the type that it knows, and the same claims."""
    # BCL-OP-21
    token = token_for(make_client(logout_token_profile=profile))

    assert header_of(token).keys() == {"alg", "kid", "typ"}
    assert header_of(token)["typ"] == typ
    assert claims_of(token).keys() == {
        "iss", "aud", "iat", "exp", "jti", "events", "sub", "sid",
    }  # fmt: skip


@pytest.mark.parametrize("profile", ["standard", "legacy"])
def test_our_own_receiver_takes_both(profile: Any) -> None:
    """The validator for clients takes either profile, unless told otherwise."""
    clock = ManualClock()
    client = make_client(logout_token_profile=profile)
    validator = LogoutTokenValidator(
        issuer=ISSUER,
        client_id="shop",
        keys=KeySet.import_key_set({"keys": SIGNER.public_key_set()["keys"]}),
        algorithm="ES256",
        clock=clock.now,
    )

    received = validator.validate(service(clock).token_for(DELIVERY, client))

    assert received.session_id == "5e55"


# Encryption


@pytest.mark.parametrize("enc", ENCODINGS)
@pytest.mark.parametrize(
    ("alg", "key"),
    [
        pytest.param("RSA-OAEP", RSA, id="RSA-OAEP"),
        pytest.param("RSA-OAEP-256", RSA, id="RSA-OAEP-256"),
        pytest.param("ECDH-ES", P256, id="ECDH-ES"),
        pytest.param("ECDH-ES", X25519, id="ECDH-ES with X25519"),
        pytest.param("ECDH-ES+A128KW", P256, id="ECDH-ES+A128KW"),
        pytest.param("ECDH-ES+A256KW", P521, id="ECDH-ES+A256KW"),
        pytest.param("ECDH-ES+A256KW", X25519, id="ECDH-ES+A256KW with X25519"),
    ],
)
def test_encryption(alg: str, enc: str, key: Key) -> None:
    """The client's private key opens the token by the RFC, and a signed one is in it."""
    # BCL-OP-25
    token = token_for(
        make_client(
            id_token_encrypted_response_alg=alg,
            id_token_encrypted_response_enc=enc,
            jwks=jwks(key, kid="of-the-client"),
        )
    )
    header = header_of(token)
    header.pop("epk", None)
    inner = decrypted(token, private(key))

    assert header == {
        "alg": alg, "enc": enc, "cty": "JWT", "iss": ISSUER, "kid": "of-the-client",
    }  # fmt: skip
    assert header_of(inner)["typ"] == "logout+jwt"
    assert claims_of(inner)["sid"] == "5e55"


def test_the_default_content_encryption() -> None:
    """A client that registers no enc gets the one that the specification names."""
    client = make_client(id_token_encrypted_response_alg="ECDH-ES", jwks=jwks(P256))

    assert header_of(token_for(client))["enc"] == "A128CBC-HS256"


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(
            [*jwks(OTHER_RSA, use="sig")["keys"], *jwks(RSA)["keys"]], id="signs"
        ),
        pytest.param(
            [*jwks(OTHER_RSA, alg="RSA-OAEP")["keys"], *jwks(RSA)["keys"]],
            id="other algorithm",
        ),
        pytest.param([*jwks(P256, use="enc")["keys"], *jwks(RSA)["keys"]], id="kind"),
        pytest.param([{"kty": "RSA"}, *jwks(RSA)["keys"]], id="broken"),
        pytest.param([7, None, *jwks(RSA)["keys"]], id="no keys"),
        pytest.param([*jwks(RSA)["keys"], *jwks(OTHER_RSA)["keys"]], id="the first"),
    ],
)
def test_the_key_that_fits(keys: list[Any]) -> None:
    """Of several keys the first that fits is taken; others do no harm."""
    client = make_client(
        id_token_encrypted_response_alg="RSA-OAEP-256", jwks={"keys": keys}
    )

    assert decrypted(token_for(client), private(RSA))


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({}, id="no keys"),
        pytest.param({"jwks": {}}, id="no set"),
        pytest.param({"jwks": {"keys": []}}, id="empty set"),
        pytest.param({"jwks": jwks(P256)}, id="other kind"),
        pytest.param({"jwks": jwks(RSA, use="sig")}, id="for signatures"),
        pytest.param({"jwks_uri": "https://shop.test/jwks"}, id="not by value"),
        pytest.param(
            {"jwks": {"keys": [{"kty": "RSA", "n": "sXch", "e": "AQAB"}]}}, id="small"
        ),
        pytest.param(
            {"jwks": jwks(RSA), "id_token_encrypted_response_alg": "RSA1_5"},
            id="old algorithm",
        ),
        pytest.param(
            {"jwks": jwks(RSA), "id_token_encrypted_response_enc": "A192GCM"},
            id="other content encryption",
        ),
    ],
)
def test_never_unencrypted(members: dict[str, Any]) -> None:
    """Where a token cannot be encrypted, there is none."""
    defaults = {"id_token_encrypted_response_alg": "RSA-OAEP-256"}

    with pytest.raises(LogoutTokenError, match="shop"):
        token_for(make_client(**{**defaults, **members}))


def test_nothing_that_encrypts() -> None:
    """Without an encrypter a client that wants one gets no token."""
    client = make_client(id_token_encrypted_response_alg="ECDH-ES", jwks=jwks(P256))

    with pytest.raises(LogoutTokenError, match="nothing encrypts"):
        service(encrypts=False).token_for(DELIVERY, client)


def test_a_client_with_keys_is_a_value() -> None:
    """A client with keys can still be compared, and kept in a set."""
    client = make_client(jwks=jwks(P256))

    assert len({client, make_client(jwks=jwks(P256))}) == 1


def test_an_encrypted_token_is_no_hint() -> None:
    """What was encrypted for a client is not taken for one of our signed tokens."""
    client = make_client(id_token_encrypted_response_alg="ECDH-ES", jwks=jwks(P256))

    assert SIGNER.verify(token_for(client), clients=FakeClientStore(client)) is None
