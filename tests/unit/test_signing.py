"""Signing with the provider's keys, and recognising its own tokens."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import generate_key
from joserfc.jwk import Key
from joserfc.jwk import KeySet
from joserfc.jwk import OctKey
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.errors import LogoutTokenError
from idp_session.models import Client

RSA = generate_key("RSA", 2048)
EC = generate_key("EC", "P-256")
OKP = generate_key("OKP", "Ed25519")
SIGNER = KeySetTokenSigner(KeySet([RSA, EC, OKP]))
SECRET = "a secret that only the client and we have"
CLAIMS = {"iss": "https://op.test", "aud": "shop", "exp": 1}


class Clients:
    """A client store that remembers who was asked for."""

    def __init__(self, *clients: Client) -> None:
        self._clients = {client.client_id: client for client in clients}
        self.asked: list[str] = []

    def get(self, client_id: str) -> Client | None:
        self.asked.append(client_id)
        return self._clients.get(client_id)


def client(algorithm: str = "RS256", **members: Any) -> Client:
    return Client(client_id="shop", id_token_signed_response_alg=algorithm, **members)


HS256_CLIENT = client("HS256", secret=SECRET)


def sign(algorithm: str = "RS256", claims: Mapping[str, Any] = CLAIMS) -> str:
    return SIGNER.sign(
        claims, client=client(algorithm, secret=SECRET), token_type="logout+jwt"
    )


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def header_of(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(token.split(".")[0] + "==")
    )
    return header


def foreign(header: dict[str, Any], payload: object, key: Key) -> str:
    return jws.serialize_compact(
        header,
        json.dumps(payload),
        key,
        registry=JWSRegistry(algorithms=[header["alg"]], strict_check_header=False),
    )


@pytest.mark.parametrize("token_type", ["JWT", "logout+jwt"])
def test_token_is_what_joserfc_would_make(token_type: str) -> None:
    """A token is, byte by byte, joserfc's serialization of its header and claims."""
    claims = {**CLAIMS, "name": "Zo\u00eb", "events": {"logout": {}}}

    token = SIGNER.sign(claims, client=client(), token_type=token_type)

    header = {"alg": "RS256", "typ": token_type, "kid": RSA.kid}
    payload = json.dumps(claims, separators=(",", ":"))
    assert token == jws.serialize_compact(header, payload, RSA)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        pytest.param("RS256", RSA, id="RS256"),
        pytest.param("PS256", RSA, id="PS256"),
        pytest.param("ES256", EC, id="ES256"),
        pytest.param("EdDSA", OKP, id="EdDSA"),
    ],
)
def test_registered_algorithm_is_used(algorithm: str, key: Key) -> None:
    """A token is signed as the client has registered, and we know it again."""
    # BCL-OP-05, BCL-OP-21, BCL-OP-24
    token = sign(algorithm)

    verified = SIGNER.verify(token, clients=Clients())

    assert header_of(token) == {"alg": algorithm, "kid": key.kid, "typ": "logout+jwt"}
    assert verified is not None
    assert verified.header == header_of(token)
    assert verified.claims == CLAIMS


def test_unsigned_is_not_an_algorithm() -> None:
    """A client whose ID tokens are unsigned has its logout tokens signed."""
    assert header_of(sign("none"))["alg"] == "RS256"  # BCL-OP-24


@pytest.mark.parametrize(
    "secret",
    [pytest.param(SECRET, id="long"), pytest.param("short", id="short")],
)
def test_shared_secret(secret: str) -> None:
    """HS256 uses the octets of the client's secret, and names no key."""
    shop = client("HS256", secret=secret)
    token = SIGNER.sign(CLAIMS, client=shop, token_type="logout+jwt")

    verified = SIGNER.verify(token, clients=Clients(shop))

    assert header_of(token) == {"alg": "HS256", "typ": "logout+jwt"}
    assert verified is not None
    assert verified.claims == CLAIMS


def test_shared_secret_speaks_for_its_owner_only() -> None:
    """No client signs a token that another client could be meant by."""
    token = sign("HS256", {"aud": ["shop", "other"], "azp": "other"})
    clients = Clients(HS256_CLIENT)

    assert SIGNER.verify(token, clients=clients) is None
    assert clients.asked == []


@pytest.mark.parametrize(
    ("algorithm", "secret"),
    [
        pytest.param("HS256", None, id="no secret"),
        pytest.param("HS256", "", id="empty secret"),
        pytest.param("RS512", SECRET, id="unsupported"),
    ],
)
def test_no_key_for_a_client(algorithm: str, secret: str | None) -> None:
    """Where there is no key, the error names the algorithm and the client."""
    shop = client(algorithm, secret=secret)

    with pytest.raises(LogoutTokenError, match=f"{algorithm}.*shop"):
        SIGNER.sign(CLAIMS, client=shop, token_type="logout+jwt")


@pytest.mark.parametrize(
    "registered",
    [
        pytest.param(None, id="unknown client"),
        pytest.param(client("RS256", secret=SECRET), id="other algorithm"),
        pytest.param(client("HS256"), id="no secret"),
        pytest.param(client("HS256", secret="another"), id="other secret"),
    ],
)
def test_shared_secret_of_nobody(registered: Client | None) -> None:
    """HS256 counts for clients that registered it, with their own secret only."""
    clients = Clients(*([registered] if registered else []))  # RIL-OP-26

    assert SIGNER.verify(sign("HS256"), clients=clients) is None


@pytest.mark.parametrize(
    "audience",
    [
        pytest.param(None, id="none"),
        pytest.param({"shop": 1}, id="object"),
        pytest.param("shop\0", id="NUL"),
        pytest.param("sh\u00f6p", id="not ASCII"),
        pytest.param(["shop"] * 9, id="too many"),
    ],
)
def test_stranger_does_not_choose_what_is_looked_up(audience: object) -> None:
    """Before a signature is verified, only a few plausible ids are looked up."""
    clients = Clients(HS256_CLIENT)

    assert SIGNER.verify(sign("HS256", {"aud": audience}), clients=clients) is None
    assert clients.asked == []


def test_public_key_is_no_shared_secret() -> None:
    """A token signed with HS256 and a published key is refused."""
    key = OctKey(RSA.as_pem(), RSA.as_pem())
    token = foreign({"alg": "HS256", "kid": RSA.kid}, CLAIMS, key)

    assert SIGNER.verify(token, clients=Clients(HS256_CLIENT)) is None


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"alg": "RS256"}, id="no key id"),
        pytest.param({"alg": "RS256", "kid": RSA.kid, "x": 1}, id="unknown member"),
        pytest.param({"alg": "PS256", "typ": "JWT"}, id="other padding"),
    ],
)
def test_token_of_the_host(header: dict[str, Any]) -> None:
    """What the host's OAuth server signed with the same keys is known."""
    token = foreign(header, CLAIMS, RSA)

    assert SIGNER.verify(token, clients=Clients()) is not None


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(
            foreign({"alg": "RS256"}, CLAIMS, generate_key("RSA", 2048)), id="stranger"
        ),
        pytest.param(foreign({"alg": "RS512"}, CLAIMS, RSA), id="other algorithm"),
        pytest.param(
            foreign({"alg": "RS256", "kid": "other"}, CLAIMS, RSA), id="other key id"
        ),
        pytest.param(
            foreign({"alg": "RS256", "kid": EC.kid}, CLAIMS, RSA), id="wrong kind"
        ),
        pytest.param(foreign({"alg": "RS256"}, [1], RSA), id="no claims"),
        pytest.param(
            part({"alg": "none"}) + "." + part(CLAIMS) + ".", id="unsigned"
        ),  # RIL-OP-25
        pytest.param(
            part({"alg": "none", "kid": RSA.kid}) + "." + part(CLAIMS) + ".AAAA",
            id="unsigned with key id",
        ),
        pytest.param(
            part({"alg": "ES256"}) + "." + part(CLAIMS) + ".AAAA", id="short signature"
        ),
        pytest.param(
            part({"alg": "EdDSA"}) + "." + part(CLAIMS) + ".=", id="bad signature"
        ),
        pytest.param(part({"alg": "RS256"}) + ".." + "AAAA", id="detached"),
        pytest.param(part({"alg": ["RS256"]}) + "." + part(CLAIMS) + ".A", id="list"),
        pytest.param(part(["alg"]) + "." + part(CLAIMS) + ".AAAA", id="header list"),
        pytest.param(part("alg") + "." + part(CLAIMS) + ".AAAA", id="header text"),
        pytest.param(part(5) + "." + part(CLAIMS) + ".AAAA", id="header number"),
        pytest.param(part({}) + "." + part(CLAIMS) + ".AAAA", id="no algorithm"),
        pytest.param(
            part({"alg": "RS256", "crit": 5}) + "." + part(CLAIMS) + ".AAAA",
            id="odd crit",
        ),
        pytest.param(
            part({"alg": "RS256", "crit": ["x"], "x": 1}) + "." + part(CLAIMS) + ".A",
            id="critical unknown",
        ),
        pytest.param(
            part({"alg": "RS256", "b64": False}) + "." + part(CLAIMS) + ".AAAA",
            id="unencoded",
        ),
        pytest.param(
            part({"alg": "HS256"}) + "." + part(b"[" * 20000) + ".AAAA", id="deep"
        ),
        pytest.param(
            part({"alg": "HS256"}) + "." + part(b'{"a":' + b"1" * 9000 + b"}") + ".A",
            id="huge number",
        ),
        pytest.param("a.b.c.d.e", id="encrypted"),
        pytest.param("", id="empty"),
        pytest.param("..", id="dots"),
        pytest.param("\ud800.\ud800.\ud800", id="surrogates"),
        pytest.param("a" * 100_000, id="long"),
        pytest.param(None, id="nothing"),
        pytest.param(sign().encode(), id="bytes"),
        pytest.param(sign()[:-3], id="cut off"),
        pytest.param(sign() + "\n", id="line end"),
    ],
)
def test_token_of_someone_else(token: object) -> None:
    """Anything that we did not sign is nothing, and no error."""
    assert SIGNER.verify(token, clients=Clients(HS256_CLIENT)) is None


@given(
    st.one_of(
        st.text(),
        st.lists(st.from_regex(r"[A-Za-z0-9_-]*", fullmatch=True), max_size=4).map(
            ".".join
        ),
        st.dictionaries(
            st.sampled_from(["alg", "kid", "crit", "b64", "typ", "jwk"]),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.sampled_from(["RS256", "HS256", "none", "b64", "alg"]),
                lambda inner: st.lists(inner, max_size=3),
            ),
        ).map(lambda header: f"{part(header)}.{part(CLAIMS)}.AAAA"),
    )
)
def test_junk(token: str) -> None:
    """Whatever arrives, the answer is that we did not sign it."""
    assert SIGNER.verify(token, clients=Clients(HS256_CLIENT)) is None


def test_tampered_claims() -> None:
    """A signature holds for the claims it was made over."""
    head, _, signature = sign().split(".")
    token = f"{head}.{part({**CLAIMS, 'sub': 'mallory'})}.{signature}"

    assert SIGNER.verify(token, clients=Clients()) is None


def test_rotated_key_still_verifies() -> None:
    """A key of the past verifies and is published, but does not sign."""
    new = generate_key("RSA", 2048)
    old = RSAKey.import_key(RSA.as_dict(private=False))
    rotated = KeySetTokenSigner(KeySet([old, new]))
    token = rotated.sign(CLAIMS, client=client(), token_type="JWT")

    assert rotated.verify(sign(), clients=Clients()) is not None
    assert header_of(token)["kid"] == new.kid
    assert [jwk["kid"] for jwk in rotated.public_key_set()["keys"]] == [
        RSA.kid,
        new.kid,
    ]


def test_published_keys() -> None:
    """What is published says use and key id, and nothing private."""
    # BCL-OP-06
    keys = SIGNER.public_key_set()["keys"]

    assert [sorted(key) for key in keys] == [
        ["e", "kid", "kty", "n", "use"],
        ["alg", "crv", "kid", "kty", "use", "x", "y"],
        ["alg", "crv", "kid", "kty", "use", "x"],
    ]
    assert [key.get("alg") for key in keys] == [None, "ES256", "EdDSA"]
    assert {key["use"] for key in keys} == {"sig"}


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_published_keys_verify(algorithm: str) -> None:
    """A receiver verifies our tokens with nothing but the published keys."""
    keys = KeySet.import_key_set({"keys": SIGNER.public_key_set()["keys"]})

    verified = jws.deserialize_compact(sign(algorithm), keys, [algorithm])

    assert json.loads(verified.payload) == CLAIMS


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        pytest.param(RSA, ("RS256", "PS256", "HS256"), id="RSA"),
        pytest.param(
            generate_key("RSA", 2048, {"alg": "PS256"}),
            ("PS256", "HS256"),
            id="RSA for one algorithm",
        ),
        pytest.param(EC, ("ES256", "HS256"), id="P-256"),
        pytest.param(OKP, ("EdDSA", "HS256"), id="Ed25519"),
        pytest.param(generate_key("EC", "P-384"), ("HS256",), id="P-384"),
        pytest.param(generate_key("OKP", "X25519"), ("HS256",), id="X25519"),
        pytest.param(generate_key("oct", 256), ("HS256",), id="symmetric"),
        pytest.param(
            generate_key("RSA", 2048, {"use": "enc"}), ("HS256",), id="encryption"
        ),
        pytest.param(
            RSAKey.import_key(RSA.as_dict(private=False)), ("HS256",), id="public"
        ),
    ],
)
def test_supported_algorithms(key: Key, algorithms: tuple[str, ...]) -> None:
    """What is supported is what the keys can do, and HS256."""
    assert KeySetTokenSigner(KeySet([key])).algorithms == algorithms


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(generate_key("oct", 256), id="symmetric"),
        pytest.param(generate_key("RSA", 2048, {"use": "enc"}), id="encryption"),
    ],
)
def test_key_that_does_not_sign_is_not_published(key: Key) -> None:
    """A key that is none of ours to use stays where it is."""
    assert KeySetTokenSigner(KeySet([key])).public_key_set() == {"keys": []}


def test_key_that_may_only_sign() -> None:
    """A key that its owner does not let verify is passed over without an error."""
    key = RSAKey.import_key({**RSA.as_dict(private=True), "key_ops": ["sign"]})
    signer = KeySetTokenSigner(KeySet([key]))

    assert signer.verify(sign(), clients=Clients()) is None


def test_private_key() -> None:
    """The host's OAuth server can sign with the same keys."""
    assert SIGNER.private_key("ES256") is EC


def test_no_private_key() -> None:
    """Asking for a key that is not there is a mistake that says its name."""
    with pytest.raises(ValueError, match="ES384"):
        SIGNER.private_key("ES384")


def test_error_of_the_client_store_is_not_hidden() -> None:
    """A store that fails is not taken for a bad token."""

    class Broken(Clients):
        def get(self, client_id: str) -> Client | None:
            raise ValueError(client_id)

    with pytest.raises(ValueError, match="shop"):
        SIGNER.verify(sign("HS256"), clients=Broken())


def test_claims_are_not_changed() -> None:
    """Signing leaves the claims as they were."""
    claims = dict(CLAIMS)
    SIGNER.sign(claims, client=dataclasses.replace(client()), token_type="JWT")

    assert claims == CLAIMS
