"""What is known of relying parties, and how tokens for them are made."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import Protocol
from typing import runtime_checkable

from ..models import Client
from ..models import SignedToken

__all__ = [
    "ClientDirectory",
    "ClientKeys",
    "ClientOrigins",
    "ClientStore",
    "SubjectIdentifiers",
    "TokenEncrypter",
    "TokenSigner",
]


class ClientStore(Protocol):
    """Knows the relying parties."""

    def get(self, client_id: str, /) -> Client | None:
        """The client as it is registered now."""


@runtime_checkable
class ClientDirectory(Protocol):
    """Lists the relying parties; a :class:`ClientStore` may do so as well.

    Only ``flask idp-session doctor`` asks for it, and it takes a mapping as it is.
    """

    def all_clients(self) -> Iterable[Client]:
        """The clients that are registered now, in any order."""


class ClientOrigins(Protocol):
    """Knows at which origins clients have pages.

    Only registered origins are helped to the storage that a user has granted
    (Session Management 1.0 §3.2).
    """

    def is_registered(self, origin: str) -> bool:
        """Whether a client has pages at this origin.

        :func:`.origins_of` gives the origins of a client, to be kept beside it.

        :param origin: As browsers send it, such as ``https://shop.example``; it may
            be anybody's.
        """


class SubjectIdentifiers(Protocol):
    """Decides which ``sub`` a client is given (OpenID Connect Core §8)."""

    def subject_for(self, subject_id: str, client_id: str) -> str:
        """The ``sub`` of this subject at this client; the same at every call."""


class TokenSigner(Protocol):
    """Signs with the keys that the provider publishes, and knows its own tokens."""

    def sign(
        self, claims: Mapping[str, Any], *, client: Client, token_type: str
    ) -> str:
        """A compact JWS over the claims, by the client's registered algorithm.

        Logout tokens are signed by several threads at once.

        :param claims: The claims, ready to be sent.
        :param client: Whom the token is for.
        :param token_type: The ``typ`` of the JOSE header.
        :raises LogoutTokenError: If there is no key for the algorithm.
        """

    def verify(self, token: str, *, clients: ClientStore) -> SignedToken | None:
        """The token if this provider signed it, whatever its claims say.

        :param token: A compact JWS.
        :param clients: Where to find the secret of a client whose tokens are
            signed symmetrically.
        """


class ClientKeys(Protocol):
    """Knows the public keys with which tokens are encrypted for clients."""

    def key_set_of(self, client: Client) -> Mapping[str, Any] | None:
        """The client's JSON Web Key Set as it is now, ``None`` if it has none.

        It is asked for every token, from several threads. Whoever fetches it from
        ``jwks_uri`` keeps it for a while, bounds the time and the size, and does not
        let clients reach addresses inside the company.

        :param client: Whose.
        """


class TokenEncrypter(Protocol):
    """Encrypts signed tokens for the client that they are for."""

    def encrypt(self, token: str, *, client: Client, issuer: str) -> str:
        """A nested token: a compact JWE whose content is the signed one.

        By the client's ``id_token_encrypted_response_alg`` and ``enc``; the header
        repeats ``iss`` (Back-Channel Logout 1.0 §2.6).

        :param token: A compact JWS.
        :param client: Whom it is for.
        :param issuer: The ``iss`` of the token.
        :raises LogoutTokenError: If there is no key, or the client has registered
            something that is not supported. Nothing is ever left unencrypted.
        """
