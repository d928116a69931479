"""What a client may register, checked the same for files and for registrations."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from idp_session.errors import InvalidClientMetadataError
from idp_session.integrations.authlib import check_logout_metadata

__all__ = ["ALGORITHMS", "MEMBERS", "checked"]

ALGORITHMS = ("RS256", "ES256", "EdDSA", "PS256", "HS256")

_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")
_FORBIDDEN_SCHEMES = {"about", "blob", "data", "file", "javascript", "vbscript"}
_GRANT_TYPES = ("authorization_code", "refresh_token")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_uris(value: Any) -> bool:
    return _is_texts(value) and bool(value) and all(map(_is_uri, value))


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False

    if " " in text or "#" in text or not parts.scheme:
        return False

    if parts.scheme in {"http", "https"}:
        return bool(parts.hostname)

    # A native app's own scheme.
    return parts.scheme not in _FORBIDDEN_SCHEMES


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
    "redirect_uris": (_is_uris, "a list of absolute URIs without fragment"),
    "token_endpoint_auth_method": _among(*_AUTH_METHODS),
    "id_token_signed_response_alg": _among(*ALGORITHMS),
    "grant_types": _all_among(*_GRANT_TYPES),
    "response_types": _all_among("code"),
    "scope": (_is_text, "a string"),
    "require_consent": (_is_flag, "true or false"),
}

_LOGOUT_MEMBERS = frozenset(
    {
        "post_logout_redirect_uris",
        "frontchannel_logout_uri",
        "frontchannel_logout_session_required",
        "backchannel_logout_uri",
        "backchannel_logout_session_required",
    }
)

#: Every member that means something here.
MEMBERS = frozenset(_RULES) | _LOGOUT_MEMBERS | {"client_id"}


def checked(member: Mapping[str, Any]) -> dict[str, Any]:
    """The known members of a client's metadata, all of them right.

    :param member: As it was read.
    :raises ValueError: If a value is wrong; the message begins with its member.
    """
    for name, (accepts, words) in _RULES.items():
        if name in member and not accepts(member[name]):
            raise ValueError(f"{name} must be {words}")

    if "redirect_uris" not in member:
        raise ValueError("redirect_uris is missing")

    method = member.get("token_endpoint_auth_method", "client_secret_basic")

    if method != "none" and "client_secret" not in member:
        raise ValueError(f"client_secret is missing; {method} needs one")

    if member.get("id_token_signed_response_alg") == "HS256" and method == "none":
        raise ValueError("id_token_signed_response_alg HS256 needs a client_secret")

    try:
        check_logout_metadata(member)
    except InvalidClientMetadataError as error:
        raise ValueError(error.description) from error

    return {name: member[name] for name in MEMBERS - {"client_id"} if name in member}
