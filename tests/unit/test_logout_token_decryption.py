"""What a client accepts that has its tokens encrypted (LTV-17)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey
from joserfc.jwk import Key
from joserfc.jwk import KeySet
from joserfc.jwk import OKPKey
from joserfc.jwk import RSAKey

from idp_session import Client
from idp_session.adapters.encryption import JweTokenEncrypter
from idp_session.adapters.encryption import RegisteredClientKeys
from idp_session.errors import ConfigurationError
from idp_session.errors import InvalidLogoutTokenError
from idp_session.relying_party import LogoutTokenValidator
from idp_session.relying_party import TokenDecryption

from .logout_tokens_by_hand import claims
from .logout_tokens_by_hand import CLIENT
from .logout_tokens_by_hand import Clock
from .logout_tokens_by_hand import ISSUER
from .logout_tokens_by_hand import OTHER_RSA
from .logout_tokens_by_hand import signed
from .logout_tokens_by_hand import validator_with

pytestmark = pytest.mark.spec("LTV-17")

MINE: RSAKey = RSAKey.generate_key(2048, {"kid": "mine"})
OLDER: RSAKey = RSAKey.generate_key(2048, {"kid": "older"})
CURVE: ECKey = ECKey.generate_key("P-256", {"kid": "curve"})
BENT: OKPKey = OKPKey.generate_key("X25519", {"kid": "bent"})
EVERYTHING = JWERegistry(
    algorithms=[
        "RSA-OAEP",
        "RSA-OAEP-256",
        "ECDH-ES",
        "A128CBC-HS256",
        "A256GCM",
        "DEF",
    ]
)


def validator(*keys: Key, **options: Any) -> LogoutTokenValidator:
    given = TokenDecryption(KeySet(list(keys or (MINE,))), **options)

    return validator_with(Clock(), decryption=given)


def encrypted(
    content: str | None = None,
    *,
    key: Any = MINE,
    alg: str = "RSA-OAEP",
    enc: str = "A128CBC-HS256",
    **header: Any,
) -> str:
    head = {"alg": alg, "enc": enc, "cty": "JWT"} | header
    text = signed(claims()) if content is None else content

    return jwe.encrypt_compact(head, text.encode(), key, registry=EVERYTHING)


@pytest.mark.parametrize(
    ("key", "options"),
    [
        pytest.param(MINE, {}, id="as is usual"),
        pytest.param(MINE, {"algorithm": "RSA-OAEP-256"}, id="RSA"),
        pytest.param(CURVE, {"algorithm": "ECDH-ES"}, id="curve"),
        pytest.param(
            CURVE,
            {"algorithm": "ECDH-ES+A256KW", "content_encryption": "A256GCM"},
            id="wrapped",
        ),
    ],
)
def test_what_the_provider_sends(key: Key, options: dict[str, str]) -> None:
    """A client opens what this package's own provider encrypts for it."""
    client = Client(
        client_id=CLIENT,
        jwks=KeySet([key]).as_dict(private=False),
        id_token_encrypted_response_alg=options.get("algorithm", "RSA-OAEP"),
        id_token_encrypted_response_enc=options.get(
            "content_encryption", "A128CBC-HS256"
        ),
    )
    encrypter = JweTokenEncrypter(RegisteredClientKeys())
    sent = encrypter.encrypt(signed(claims()), client=client, issuer=ISSUER)

    assert validator(key, **options).validate(sent).token_id == "token-1"


def test_a_key_that_is_replaced() -> None:
    """While two keys are in use, tokens for either are opened."""
    both = validator(MINE, OLDER)

    tokens = [both.validate(encrypted(key=key)) for key in (MINE, OLDER)]

    assert tokens[0] == tokens[1]


def _tampered(token: str, part: int) -> str:
    parts = token.split(".")
    content = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
    content[len(content) // 2] ^= 1
    parts[part] = base64.urlsafe_b64encode(content).decode().rstrip("=")

    return ".".join(parts)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(claims()), id="signed only"),
        pytest.param(encrypted(key=OLDER), id="for another key"),
        pytest.param(encrypted(alg="RSA-OAEP-256"), id="other algorithm"),
        pytest.param(encrypted(enc="A256GCM"), id="other content encryption"),
        pytest.param(encrypted(alg="ECDH-ES", key=CURVE), id="other kind of key"),
        pytest.param(encrypted(zip="DEF"), id="compressed"),
        pytest.param(encrypted(json.dumps(claims())), id="not signed inside"),
        pytest.param(encrypted(encrypted()), id="encrypted twice"),
        pytest.param(encrypted(""), id="nothing inside"),
        pytest.param(encrypted("ä"), id="not ASCII inside"),
        pytest.param(encrypted(signed(claims(), key=OTHER_RSA)), id="other signer"),
        *(
            pytest.param(_tampered(encrypted(), part), id=f"part {part} changed")
            for part in range(5)
        ),
        pytest.param(encrypted() + "a", id="a character more"),
        pytest.param("....", id="empty parts"),
        pytest.param("a.b.c.d.e", id="no parts"),
        pytest.param(".".join(["e30"] * 5), id="empty header"),
        pytest.param("W10.a.b.c.d", id="header a list"),
        pytest.param("a" * 40_000, id="long"),
        pytest.param("é.b.c.d.e", id="not ASCII"),
        pytest.param(None, id="nothing"),
        pytest.param(b"a.b.c.d.e", id="bytes"),
    ],
)
def test_what_is_refused(token: object) -> None:
    """What is not encrypted as registered, and signed inside, is refused."""
    with pytest.raises(InvalidLogoutTokenError):
        validator().validate(token)


@pytest.mark.parametrize(
    "ephemeral",
    [
        pytest.param({"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"}, id="curve"),
        pytest.param({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, id="point"),
        pytest.param({"kty": "OKP", "crv": "X25519", "x": "AA"}, id="short"),
        pytest.param({"kty": "RSA", "n": "AQ", "e": "AQ"}, id="other kind"),
        pytest.param({}, id="empty"),
        pytest.param("x", id="text"),
        pytest.param(None, id="nothing"),
    ],
)
@pytest.mark.parametrize("key", [CURVE, BENT], ids=["P-256", "X25519"])
def test_a_key_in_the_header_that_is_none(key: Key, ephemeral: object) -> None:
    """Whatever somebody puts into the header, the token is refused, and that is all."""
    header = {"alg": "ECDH-ES", "enc": "A128CBC-HS256", "epk": ephemeral}
    # No wrapped key, and initialization vector, ciphertext and tag of the right sizes.
    parts = (json.dumps(header).encode(), b"", bytes(16), bytes(32), bytes(16))
    encoded = (base64.urlsafe_b64encode(part).decode() for part in parts)
    token = ".".join(part.rstrip("=") for part in encoded)

    with pytest.raises(InvalidLogoutTokenError):
        validator(key, algorithm="ECDH-ES").validate(token)


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        pytest.param([], {}, id="no key"),
        pytest.param(
            [RSAKey.import_key(MINE.as_dict(private=False))], {}, id="public key"
        ),
        pytest.param([MINE], {"algorithm": "RSA1_5"}, id="broken algorithm"),
        pytest.param([MINE], {"algorithm": "dir"}, id="no algorithm"),
        pytest.param([MINE], {"content_encryption": "none"}, id="no encryption"),
    ],
)
def test_settings_that_are_refused(keys: list[Key], options: dict[str, str]) -> None:
    """What could open nothing, or is not safe, is refused at the start."""
    with pytest.raises(ConfigurationError):
        TokenDecryption(KeySet(keys), **options)
