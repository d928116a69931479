"""What a client may register, checked the same for files and for registrations."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from idp_session.errors import InvalidClientMetadataError
from idp_session.integrations.authlib import check_logout_metadata
from idp_session.integrations.authlib import check_redirect_uris

__all__ = ["ALGORITHMS", "MEMBERS", "checked"]

ALGORITHMS = ("RS256", "ES256", "EdDSA", "PS256", "HS256")

_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")
_WEB = ("http", "https")
_GRANT_TYPES = ("authorization_code", "refresh_token")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_page(value: Any) -> bool:
    try:
        parts = urlsplit(value) if _is_text(value) else None
    except ValueError:
        return False

    return parts is not None and parts.scheme in _WEB and bool(parts.hostname)


def _among(*choices: str) -> tuple[Callable[[Any], bool], str]:
    return lambda value: value in choices, "one of " + ", ".join(choices)


def _all_among(*choices: str) -> tuple[Callable[[Any], bool], str]:
    return (
        lambda value: _is_texts(value) and set(value) <= set(choices),
        "a list of " + ", ".join(choices),
    )


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "client_secret": (_is_text, "a string"),
    "client_name": (_is_text, "a string"),
    "client_uri": (_is_page, "an http or https URI"),
    "token_endpoint_auth_method": _among(*_AUTH_METHODS),
    "id_token_signed_response_alg": _among(*ALGORITHMS),
    "grant_types": _all_among(*_GRANT_TYPES),
    "response_types": _all_among("code"),
    "scope": (_is_text, "a string"),
    "require_consent": (_is_flag, "true or false"),
    "confirm_logout": (_is_flag, "true or false"),
}

# What check_logout_metadata looks at.
_LOGOUT_MEMBERS = frozenset(
    {
        "post_logout_redirect_uris",
        "frontchannel_logout_uri",
        "frontchannel_logout_session_required",
        "backchannel_logout_uri",
        "backchannel_logout_session_required",
        "id_token_encrypted_response_alg",
        "id_token_encrypted_response_enc",
        "jwks",
    }
)

#: Every member that means something here.
MEMBERS = frozenset(_RULES) | _LOGOUT_MEMBERS | {"client_id", "redirect_uris"}


def checked(member: Mapping[str, Any]) -> dict[str, Any]:
    """The known members of a client's metadata, all of them right.

    :param member: As it was read.
    :raises InvalidRedirectUriError: If it is ``redirect_uris`` that is wrong.
    :raises InvalidClientMetadataError: If another value is; with the member's name.
    """
    for name, (accepts, words) in _RULES.items():
        if name in member and not accepts(member[name]):
            raise InvalidClientMetadataError(name, f"must be {words}")

    # A sample talks to applications that are being developed; the package's own
    # default is https, or http on the loopback interface.
    check_redirect_uris(member, allow_http=True)
    _check_secret(member)

    if "id_token_encrypted_response_alg" in member and "jwks" not in member:
        # What is at a jwks_uri is not fetched.
        raise InvalidClientMetadataError(
            "id_token_encrypted_response_alg", "needs jwks"
        )

    check_logout_metadata(member)

    return {name: member[name] for name in MEMBERS - {"client_id"} if name in member}


def _check_secret(member: Mapping[str, Any]) -> None:
    method = member.get("token_endpoint_auth_method", "client_secret_basic")

    if method != "none" and "client_secret" not in member:
        raise InvalidClientMetadataError(
            "client_secret", f"is missing; {method} needs one"
        )

    if member.get("id_token_signed_response_alg") == "HS256" and method == "none":
        raise InvalidClientMetadataError(
            "id_token_signed_response_alg", "HS256 needs a client_secret"
        )
