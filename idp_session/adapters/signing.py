"""Signs with the provider's keys, and knows what was signed with them."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Protocol
from typing import TypeGuard

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey
from joserfc.jwk import Key
from joserfc.jwk import KeySet
from joserfc.jwk import OctKey
from joserfc.jwk import OKPKey
from joserfc.jwk import RSAKey
from joserfc.jws import CompactSignature
from joserfc.jws import JWSRegistry

from ..errors import LogoutTokenError
from ..models import Client
from ..models import SignedToken
from ..ports import ClientStore

__all__ = ["KeySetTokenSigner", "SigningKeys"]

_ASYMMETRIC = ("RS256", "PS256", "ES256", "EdDSA")
_SYMMETRIC = "HS256"
_DEFAULT = "RS256"
_PUBLIC_MEMBERS = frozenset({"kty", "kid", "alg", "n", "e", "crv", "x", "y"})
_LONGEST_TOKEN = 64 * 1024
# Two types of tokens for each algorithm, and for each key of the past years.
_MOST_HEADERS = 128
_MALFORMED = (JoseError, ValueError, TypeError, RecursionError)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What there is to know of a set of keys."""

    #: Which set.
    key_set: KeySet
    #: Each key, and the algorithms that it may be used with.
    keys: tuple[tuple[Key, tuple[str, ...]], ...]
    #: The key that signs, by algorithm.
    signing: Mapping[str, _SigningKey]


class _SigningKey:
    """A key of joserfc that is judged at the first signature, and not at each.

    :param key: The key.
    """

    def __init__(self, key: Key) -> None:
        self.key = key
        self.kid = key.kid
        self._native: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.key, name)

    def get_op_key(self, operation: Any) -> Any:
        """What OpenSSL takes, for an operation that the key is for."""
        if operation not in self._native:
            self._native[operation] = self.key.get_op_key(operation)

        return self._native[operation]


class SigningKeys(Protocol):
    """Knows the provider's keys, which may change; a :class:`.KeyRing` is one."""

    def key_set(self) -> KeySet:
        """The keys of this moment, the preferred ones first.

        It is asked at every signature: quickly, from any thread, with the same
        object until something changes.
        """


class KeySetTokenSigner:
    """Signs tokens with a set of keys; the first one that fits is used.

    A key with private members signs. One without, such as a key of the past, is
    published and verifies. Symmetric keys in the set are left alone; HS256 takes
    the client's secret (OpenID Connect Core §10.1), which should have at least 32
    octets (RFC 7518 §3.2).

    :param keys: RSA, P-256 and Ed25519 keys, the preferred ones first; or what knows
        those of each moment.
    """

    def __init__(self, keys: KeySet | SigningKeys) -> None:
        #: Where the keys come from. The command ``flask idp-session keys`` looks here.
        self.keys = _FixedKeys(keys) if isinstance(keys, KeySet) else keys
        self._seen: _Known | None = None

    @property
    def _known(self) -> _Known:
        keys, seen = self.keys.key_set(), self._seen

        if seen is None or seen.key_set is not keys:
            seen = self._seen = _known_of(keys)

        return seen

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What can be signed with, as for ``id_token_signing_alg_values_supported``."""
        found = self._known.signing
        return (*(name for name in _ASYMMETRIC if name in found), _SYMMETRIC)

    def private_key(self, algorithm: str) -> Key:
        """The key that signs with an algorithm.

        :param algorithm: An asymmetric one, such as ``"RS256"``.
        :raises ValueError: If there is none.
        """
        signing = self._known.signing.get(algorithm)

        if signing is None:
            raise ValueError(f"there is no private key for {algorithm}")

        return signing.key

    def public_key_set(self) -> dict[str, list[dict[str, Any]]]:
        """The JSON Web Key Set to publish (RFC 7517 §5), without private members."""
        return {
            "keys": [_published(key, names) for key, names in self._known.keys if names]
        }

    def sign(
        self, claims: Mapping[str, Any], *, client: Client, token_type: str
    ) -> str:
        algorithm = _algorithm_for(client)

        key = (
            _key_shared_with(client)
            if algorithm == _SYMMETRIC
            else self._known.signing.get(algorithm)
        )

        if key is None:
            raise LogoutTokenError(
                f"there is no key for {algorithm}, which the client"
                f" {client.client_id} has registered"
            )

        # joserfc's own serialization judges header and key anew for each token, which
        # takes most of the time beside the signature itself.
        header = _encoded_header(algorithm, token_type, key.kid)
        signed = f"{header}.{_base64url(_to_json(dict(claims)).encode())}"
        signature = _REGISTRY.get_alg(algorithm).sign(signed.encode(), key)

        return f"{signed}.{_base64url(signature)}"

    def verify(self, token: object, *, clients: ClientStore) -> SignedToken | None:
        parsed = _parsed(token)

        if parsed is None:
            return None

        signature, claims = parsed
        header = signature.protected

        if header["alg"] == _SYMMETRIC:
            keys = _shared_keys(claims, clients)
        else:
            keys = self._own_keys(header)

        if not any(_is_signed_with(key, signature) for key in keys):
            return None

        return SignedToken(header=header, claims=claims)

    def _own_keys(self, header: Mapping[str, Any]) -> Iterator[Key]:
        for key, names in self._known.keys:
            if header["alg"] in names and header.get("kid", key.kid) == key.kid:
                yield key


class _FixedKeys:
    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def key_set(self) -> KeySet:
        return self._keys


class _Registry(JWSRegistry):
    """Has no warning for EdDSA: its newer name is one that receivers do not know."""

    def get_alg(self, name: str) -> JWSAlgModel:
        if name not in {*_ASYMMETRIC, _SYMMETRIC}:
            raise UnsupportedAlgorithmError(name)

        return self.algorithms[name]


# RFC 7515 §4: header members that are not understood are ignored.
_REGISTRY = _Registry(strict_check_header=False)


_to_json = json.JSONEncoder(separators=(",", ":")).encode


@functools.lru_cache(maxsize=_MOST_HEADERS)
def _encoded_header(algorithm: str, token_type: str, key_id: str | None) -> str:
    header = {"alg": algorithm, "typ": token_type}

    if key_id is not None:
        header["kid"] = key_id

    _REGISTRY.check_header(header)

    return _base64url(_to_json(header).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _known_of(key_set: KeySet) -> _Known:
    keys = tuple((key, _algorithms_of(key)) for key in key_set)
    signing: dict[str, _SigningKey] = {}

    for key, names in keys:
        if key.is_private:
            # The preferred ones come first.
            signing = dict.fromkeys(names, _SigningKey(key)) | signing

    return _Known(key_set=key_set, keys=keys, signing=signing)


def _algorithm_for(client: Client) -> str:
    # backchannel §2.6: a logout token is never unsigned.
    if client.id_token_signed_response_alg == "none":
        return _DEFAULT

    return client.id_token_signed_response_alg


def _algorithms_of(key: Key) -> tuple[str, ...]:
    if key.get("use", "sig") != "sig":
        return ()

    names = _algorithms_of_kind(key)
    return tuple(name for name in names if key.alg in {None, name})


def _algorithms_of_kind(key: Key) -> tuple[str, ...]:
    if isinstance(key, RSAKey):
        return ("RS256", "PS256")

    if isinstance(key, ECKey) and key.curve_name == "P-256":
        return ("ES256",)

    if isinstance(key, OKPKey) and key.curve_name == "Ed25519":
        return ("EdDSA",)

    return ()


def _published(key: Key, names: tuple[str, ...]) -> dict[str, Any]:
    members = key.as_dict(private=False)
    jwk = {name: members[name] for name in members if name in _PUBLIC_MEMBERS}

    # A key for several algorithms cannot say one of them.
    if len(names) == 1:
        jwk["alg"] = names[0]

    return {**jwk, "use": "sig"}


def _key_shared_with(client: Client) -> OctKey | None:
    if not client.secret:
        return None

    # Not imported: that warns of short secrets, with which this client's ID tokens
    # are signed all the same, and tries to read each one as a certificate first.
    secret = client.secret.encode()
    return OctKey(secret, secret)


def _shared_keys(claims: Mapping[str, Any], clients: ClientStore) -> Iterator[Key]:
    audience = claims.get("aud")
    client_ids = audience if isinstance(audience, list) else [audience]

    # A shared secret speaks for nobody but its owner: with two audiences one of
    # them could write what the other one is then believed to have been given.
    if len(client_ids) != 1 or not _is_client_id(client_ids[0]):
        return

    client = clients.get(client_ids[0])

    if client is None or client.id_token_signed_response_alg != _SYMMETRIC:
        return

    key = _key_shared_with(client)

    if key is not None:
        yield key


def _is_client_id(value: Any) -> TypeGuard[str]:
    # RFC 6749 appendix A.1: visible ASCII characters and the space.
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _parsed(token: object) -> tuple[CompactSignature, dict[str, Any]] | None:
    if not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
        return None

    try:
        signature = jws.extract_compact(token.encode(), registry=_REGISTRY)
        header: Any = signature.headers()
        claims = json.loads(signature.payload)
        _REGISTRY.check_header(header)
        _REGISTRY.get_alg(header["alg"])
    except _MALFORMED:
        return None

    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None

    return signature, claims


def _is_signed_with(key: Key, signature: CompactSignature) -> bool:
    try:
        return jws.validate_compact(signature, key, registry=_REGISTRY)
    except _MALFORMED:
        return False
