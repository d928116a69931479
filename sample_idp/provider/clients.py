"""The clients: from files and registrations to a table."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import TypeGuard

import sqlalchemy as sa
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749 import list_to_scope
from authlib.oauth2.rfc6749 import scope_to_list

from idp_session import Client
from idp_session.errors import InvalidClientMetadataError
from idp_session.ports import TicketProtector

from ..errors import StartError
from ..settings import json_list
from .client_metadata import checked
from .client_metadata import MEMBERS
from .client_origins import save_origins
from .schema import clients

__all__ = ["ClientRegistry", "OAuthClient"]

_logger = logging.getLogger(__name__)

_LONGEST_CLIENT_ID = 255
_SECRET_PURPOSE = "client-secret"


def is_client_id(value: object) -> TypeGuard[str]:
    """Whether something can be a client id at all (RFC 6749 appendix A.1).

    :param value: As it came.
    """
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST_CLIENT_ID
        and value.isascii()
        and value.isprintable()
    )


class OAuthClient(ClientMixin):  # type: ignore[misc]
    """A client as Authlib wants to see it.

    :param client_id: Identifies it.
    :param metadata: Its registered metadata.
    :param secret: Its secret, ``None`` for a public client.
    """

    def __init__(
        self, client_id: str, metadata: Mapping[str, Any], secret: str | None
    ) -> None:
        self.client_id = client_id
        self.client_metadata = dict(metadata)
        self.client_secret = secret

    @property
    def name(self) -> str:
        """What to call it."""
        return str(self.client_metadata.get("client_name") or self.client_id)

    @property
    def requires_consent(self) -> bool:
        """Whether the user is always asked."""
        return bool(self.client_metadata.get("require_consent"))

    @property
    def token_endpoint_auth_method(self) -> str:
        """How it proves who it is."""
        return str(
            self.client_metadata.get(
                "token_endpoint_auth_method", "client_secret_basic"
            )
        )

    def get_client_id(self) -> str:
        """Its id."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """The redirect URI of a request that names none."""
        uris = self.client_metadata["redirect_uris"]

        return str(uris[0]) if len(uris) == 1 else None

    def get_allowed_scope(self, scope: str) -> str:
        """What it may have of what it asks for.

        :param scope: What it asks for.
        """
        registered = self.client_metadata.get("scope", "openid profile email")
        allowed = set(scope_to_list(registered) or ())
        wanted = scope_to_list(scope) or ()

        return str(list_to_scope([name for name in wanted if name in allowed]))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it registered exactly this redirect URI.

        :param redirect_uri: As it came.
        """
        return redirect_uri in self.client_metadata["redirect_uris"]

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare its secret in constant time.

        :param client_secret: As it came.
        """
        return self.client_secret is not None and secrets.compare_digest(
            self.client_secret.encode(), client_secret.encode()
        )

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it registered this way of proving who it is.

        :param method: The way that it used.
        :param endpoint: Where.
        """
        return method == self.token_endpoint_auth_method

    def check_response_type(self, response_type: str) -> bool:
        """Whether it may use a response type.

        :param response_type: As it came.
        """
        return response_type in self.client_metadata.get("response_types", ["code"])

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may use a grant type.

        :param grant_type: As it came.
        """
        grants = self.client_metadata.get("grant_types", ["authorization_code"])

        return grant_type in grants


class ClientRegistry:
    """The table of clients; it is the :class:`~idp_session.ports.ClientStore`.

    :param engine: The database.
    :param protector: Seals client secrets.
    """

    def __init__(self, engine: sa.Engine, protector: TicketProtector) -> None:
        self._engine = engine
        self._protector = protector

    def load(self, paths: Iterable[Path]) -> None:
        """Add the clients of some files; one with a known id is replaced.

        :param paths: Files with JSON lists of clients.
        :raises StartError: If a file or a client in it cannot be used.
        """
        for path in paths:
            for number, member in enumerate(json_list(path), start=1):
                if not isinstance(member, dict):
                    raise StartError(f"{path}: client {number} must be a JSON object")
                self._load(path, member)

    def save(
        self, client_id: str, secret: str | None, metadata: Mapping[str, Any]
    ) -> None:
        """Add or replace a client.

        :param client_id: Identifies it.
        :param secret: Its secret, ``None`` for a public client.
        :param metadata: Its checked metadata.
        """
        sealed = secret and self._protector.seal(
            secret.encode(), purpose=_SECRET_PURPOSE, context=client_id
        )

        with self._engine.begin() as connection:
            connection.execute(
                sa.delete(clients).where(clients.c.client_id == client_id)
            )
            connection.execute(
                sa.insert(clients).values(
                    client_id=client_id, metadata=dict(metadata), secret=sealed or None
                )
            )
            save_origins(
                connection,
                Client(
                    client_id=client_id,
                    redirect_uris=tuple(metadata["redirect_uris"]),
                ),
            )

    def find(self, client_id: str) -> OAuthClient | None:
        """A client for Authlib.

        :param client_id: As it came.
        """
        if not is_client_id(client_id):
            return None

        with self._engine.connect() as connection:
            row = connection.execute(
                sa.select(clients).where(clients.c.client_id == client_id)
            ).one_or_none()

        if row is None or row.client_id != client_id:
            return None

        return OAuthClient(row.client_id, row.metadata, self._secret(row))

    def get(self, client_id: str) -> Client | None:
        """A client for idp_session.

        :param client_id: As it came.
        """
        found = self.find(client_id)

        if found is None:
            return None

        metadata = found.client_metadata

        return Client(
            client_id=client_id,
            name=metadata.get("client_name"),
            client_uri=metadata.get("client_uri"),
            confirm_logout=metadata.get("confirm_logout"),
            secret=found.client_secret,
            redirect_uris=tuple(metadata["redirect_uris"]),
            post_logout_redirect_uris=tuple(
                metadata.get("post_logout_redirect_uris", ())
            ),
            front_channel_logout_uri=metadata.get("frontchannel_logout_uri"),
            front_channel_logout_session_required=metadata.get(
                "frontchannel_logout_session_required", False
            ),
            back_channel_logout_uri=metadata.get("backchannel_logout_uri"),
            back_channel_logout_session_required=metadata.get(
                "backchannel_logout_session_required", False
            ),
            id_token_signed_response_alg=metadata.get(
                "id_token_signed_response_alg", "RS256"
            ),
            id_token_encrypted_response_alg=metadata.get(
                "id_token_encrypted_response_alg"
            ),
            id_token_encrypted_response_enc=metadata.get(
                "id_token_encrypted_response_enc", "A128CBC-HS256"
            ),
            jwks=metadata.get("jwks"),
        )

    def all_clients(self) -> Iterator[Client]:
        """All clients, for ``flask idp-session doctor``."""
        with self._engine.connect() as connection:
            client_ids = connection.scalars(sa.select(clients.c.client_id)).all()

        found = map(self.get, client_ids)

        return (client for client in found if client is not None)

    def _load(self, path: Path, member: dict[str, Any]) -> None:
        client_id = member.get("client_id")

        if not is_client_id(client_id):
            raise StartError(
                f"{path}: a client has no client_id of 1 to 255 visible ASCII characters"
            )

        for name in sorted(member.keys() - MEMBERS):
            _logger.warning("%s: client %r: %r is ignored", path, client_id, name)

        try:
            metadata = checked(member)
        except InvalidClientMetadataError as error:
            raise StartError(
                f"{path}: client {client_id!r}: {error.description}"
            ) from error

        self.save(client_id, metadata.pop("client_secret", None), metadata)

    def _secret(self, row: sa.Row[Any]) -> str | None:
        if row.secret is None:
            return None

        secret = self._protector.open(
            row.secret, purpose=_SECRET_PURPOSE, context=row.client_id
        )

        return None if secret is None else secret.decode()
