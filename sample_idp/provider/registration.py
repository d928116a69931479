"""Dynamic registration of clients (RFC 7591)."""

from __future__ import annotations

import secrets
from typing import Any

from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc7591.errors import InvalidClientMetadataError
from authlib.oauth2.rfc7591.errors import InvalidRedirectURIError
from flask import current_app

from idp_session import errors

from .client_metadata import checked
from .clients import ClientRegistry
from .guards import plain

__all__ = ["Registration"]

# A secret is given by us and never taken. Whether users are asked before a client
# signs them out is not for strangers to say.
_NOT_TAKEN = frozenset({"client_secret", "confirm_logout"})


class Registration(ClientRegistrationEndpoint):  # type: ignore[misc]
    """Registers clients by themselves (RFC 7591), if the command line opens it.

    :param clients: Where they are kept.
    """

    def __init__(self, clients: ClientRegistry) -> None:
        super().__init__()
        self._clients = clients

    def authenticate_token(self, request: Any) -> bool:
        """Whether anybody may register.

        :param request: Authlib's view of the request.
        """
        return bool(current_app.config["SAMPLE_OPEN_REGISTRATION"])

    def extract_client_metadata(self, request: Any) -> dict[str, Any]:
        """The members that mean something here, checked.

        :param request: Authlib's view of the request.
        :raises InvalidRedirectURIError: Authlib's, with the member's name.
        :raises InvalidClientMetadataError: Authlib's, with the member's name.
        """
        data = request.payload.data

        if not isinstance(data, dict):
            raise InvalidClientMetadataError("The body must be a JSON object.")

        wanted = {name: data[name] for name in data if name not in _NOT_TAKEN}

        try:
            metadata = checked({**wanted, "client_secret": "to be made"})
        except errors.InvalidRedirectUriError as error:
            raise InvalidRedirectURIError(plain(error.description)) from error
        except errors.InvalidClientMetadataError as error:
            raise InvalidClientMetadataError(plain(error.description)) from error

        del metadata["client_secret"]
        defaults = {
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "scope": "openid profile email offline_access",
        }

        return {**defaults, **metadata}

    def generate_client_secret(self, request: Any) -> str:
        """A new secret.

        :param request: Authlib's view of the request.
        """
        return secrets.token_urlsafe(32)

    def save_client(
        self, client_info: dict[str, Any], metadata: dict[str, Any], request: Any
    ) -> Any:
        """Keep a client.

        :param client_info: Its id and its secret.
        :param metadata: What it has registered.
        :param request: Authlib's view of the request.
        """
        is_public = metadata["token_endpoint_auth_method"] == "none"
        secret = None if is_public else client_info["client_secret"]
        self._clients.save(client_info["client_id"], secret, metadata)

        return self._clients.find(client_info["client_id"])

    def get_server_metadata(self) -> dict[str, Any]:
        """Nothing: what is supported was checked already."""
        return {}
