"""What the four logout specifications add to discovery and registration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.claims import BaseClaims
from authlib.oauth2.rfc7591.errors import InvalidClientMetadataError
from flask import request
from flask import url_for

from ... import errors
from ..._protocol import back_channel
from ..._protocol import encryption
from ..._protocol import front_channel
from ..._protocol import redirect_uris
from ..._protocol import rp_initiated
from ...flask.blueprints import protocol_endpoint
from ...flask.protocol import CHECK_SESSION
from ...flask.state import app_state

__all__ = [
    "LogoutClientMetadataClaims",
    "check_logout_metadata",
    "check_redirect_uris",
    "discovery_metadata",
    "encryption_metadata",
]


def discovery_metadata() -> dict[str, Any]:
    """The members of the discovery document that come with this package.

    RP-Initiated Logout 1.0 §2.1, Session Management 1.0 §3.3, Front-Channel
    Logout 1.0 §3, Back-Channel Logout 1.0 §2.1. The addresses begin with the
    issuer, whatever host the request names.
    """
    state = app_state()
    # Where the app is mounted at the issuer's path, both would name that path.
    # DISC-OP-11: clients compare the frame's origin with the issuer's.
    issuer = state.options.issuer.rstrip("/").removesuffix(request.script_root)
    metadata: dict[str, Any] = {
        "end_session_endpoint": issuer + url_for(protocol_endpoint("end_session")),
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }

    if state.options.check_session:
        frame = url_for(protocol_endpoint(CHECK_SESSION))
        metadata["check_session_iframe"] = issuer + frame

    return metadata


def encryption_metadata() -> dict[str, list[str]]:
    """The members of the discovery document that announce encryption.

    They speak of ID tokens, and of logout tokens with them (Back-Channel Logout 1.0
    §2.6). So they are not among those of :func:`discovery_metadata`: only a provider
    whose ID tokens are made by :class:`.SessionOpenIDCode`, or are encrypted in
    another way, may say so.
    """
    return {
        "id_token_encryption_alg_values_supported": list(encryption.key_encryptions()),
        "id_token_encryption_enc_values_supported": list(
            encryption.content_encryptions()
        ),
    }


def check_logout_metadata(metadata: Mapping[str, Any]) -> None:
    """Check what a client registers for logout (FCL-OP-10, BCL-OP-32, RIL-OP-32).

    With them goes how tokens are encrypted, since that of ID tokens holds for logout
    tokens, too.

    :param metadata: The whole metadata of the client, by its names on the wire.
    :raises InvalidClientMetadataError: With the member at fault.
    """
    rp_initiated.check_registration(metadata)
    front_channel.check_registration(metadata)
    back_channel.check_registration(metadata)
    encryption.check_registration(metadata)


def check_redirect_uris(
    metadata: Mapping[str, Any], *, allow_http: bool = False
) -> None:
    """Check where a client wants its codes sent.

    OpenID Connect Core §3.1.2.1 and RFC 8252: absolute, without fragment and without
    a user; https, or http on the loopback interface, or a scheme of the client's own
    that has a dot in it.

    :param metadata: The whole metadata of the client, by its names on the wire.
    :param allow_http: Whether a client that keeps a secret may use http anywhere.
    :raises InvalidRedirectUriError: With ``invalid_redirect_uri`` as its ``error``
        (RFC 7591 §3.2.2).
    """
    redirect_uris.check_registration(metadata, allow_http=allow_http)


class LogoutClientMetadataClaims(BaseClaims):  # type: ignore[misc]
    """The members that the logout specifications add to dynamic registration.

    Give it to Authlib's ``ClientRegistrationEndpoint`` beside the classes for
    RFC 7591 and OpenID Connect.
    """

    REGISTERED_CLAIMS = [  # noqa: RUF012 - Authlib's way
        "post_logout_redirect_uris",
        "frontchannel_logout_uri",
        "frontchannel_logout_session_required",
        "backchannel_logout_uri",
        "backchannel_logout_session_required",
        "id_token_encrypted_response_alg",
        "id_token_encrypted_response_enc",
        "jwks",
        "jwks_uri",
    ]

    def validate(self, now: int | None = None, leeway: int = 0) -> None:
        """Check all of them.

        :param now: Not used; there are no times among them.
        :param leeway: Not used.
        :raises InvalidClientMetadataError: Authlib's, with the member's name.
        """
        super().validate(now, leeway)

        try:
            check_logout_metadata(self)
        except errors.InvalidClientMetadataError as error:
            raise InvalidClientMetadataError(error.description) from error
