"""Looks at the issuer, and at what the provider publishes there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import urllib3
from joserfc.errors import JoseError
from urllib3.exceptions import HTTPError

from ...adapters._authorities import tls_context
from ...errors import ConfigurationError
from .cookies import is_loopback
from .findings import error
from .findings import Examined
from .findings import Finding
from .findings import ok
from .findings import warning

__all__ = ["check_issuer", "check_published"]

_WELL_KNOWN = "/.well-known/openid-configuration"
_SECONDS = 5.0
_LARGEST_DOCUMENT = 512 * 1024


class _NotReadError(Exception):
    """A document is not there, or is none; says why."""


def check_issuer(examined: Examined) -> Iterator[Finding]:
    """Whether the issuer is one that others can rely on.

    :param examined: What is looked at.
    """
    issuer = examined.state.options.issuer

    if examined.state.options.secure_transport:
        yield ok("issuer", f"{issuer} is https.")
    elif is_loopback(issuer):
        yield warning(
            "issuer",
            f"{issuer} is on this machine, by plain http: fine for development.",
            "Set IDP_SESSION_ISSUER to an https URL where others use the provider.",
        )
    else:
        yield error(
            "issuer",
            f"{issuer} is plain http: cookies and tokens can be read on the way.",
            "Serve the provider by https, and set IDP_SESSION_ISSUER to that URL.",
        )

    endpoints = {rule.endpoint for rule in examined.app.url_map.iter_rules()}

    if not any(endpoint.endswith(".end_session") for endpoint in endpoints):
        yield warning(
            "issuer",
            "There is no end-session endpoint, so clients cannot sign anybody out.",
            "Register protocol_blueprint() on the app.",
        )


def check_published(examined: Examined) -> Iterator[Finding]:
    """Whether clients find what this app knows of itself; asks the running provider.

    :param examined: What is looked at.
    """
    served = any(
        rule.rule.endswith(_WELL_KNOWN) for rule in examined.app.url_map.iter_rules()
    )

    if examined.offline or not served:
        return

    issuer = examined.state.options.issuer
    url = issuer.rstrip("/") + _WELL_KNOWN

    try:
        document = _document(examined, url)
    except _NotReadError as problem:
        yield warning(
            "discovery",
            f"{url} cannot be read from here: {problem}.",
            "Start the provider; if it runs, check that the issuer leads to it.",
        )
        return

    if document.get("issuer") != issuer:
        yield error(
            "discovery",
            f"{url} names another issuer than IDP_SESSION_ISSUER, so clients refuse "
            "one or the other.",
            "Make them the same, to the letter.",
        )
        return

    yield from _member_findings(url, document)
    yield from _key_findings(examined, document)


def _member_findings(url: str, document: Mapping[str, Any]) -> Iterator[Finding]:
    missing = [
        name
        for name in ("end_session_endpoint", "backchannel_logout_supported")
        if not document.get(name)
    ]

    if missing:
        yield warning(
            "discovery",
            f"It does not say {' and '.join(missing)}, so clients do not know that they "
            "can be told of logouts.",
            "Add discovery_metadata() of idp_session.integrations.authlib to it.",
        )
    else:
        yield ok("discovery", f"{url} is there and names this issuer.")


def _key_findings(examined: Examined, document: Mapping[str, Any]) -> Iterator[Finding]:
    uri = document.get("jwks_uri")

    if not isinstance(uri, str):
        return

    try:
        published = _document(examined, uri).get("keys")
    except _NotReadError as problem:
        yield error(
            "published keys",
            f"{uri} cannot be read: {problem}.",
            "Serve the key set there; without it no token verifies.",
        )
        return

    known = published if isinstance(published, list) else []
    there = {key.get("kid") for key in known if isinstance(key, dict)}

    if missing := sorted(_signing_key_ids(examined) - there):
        yield error(
            "published keys",
            f"{uri} does not have the key {', '.join(missing)}, which signs.",
            "Publish signer.public_key_set(), and check that this command has the same "
            "key file and SECRET_KEY as the running provider.",
        )
    else:
        yield ok("published keys", "All keys that sign are published.")


def _signing_key_ids(examined: Examined) -> set[str]:
    keys: Any = getattr(examined.state.signer, "keys", None)

    # Of keys that cannot be read, another check has said so.
    with contextlib.suppress(AttributeError, ConfigurationError, JoseError):
        return {
            key.kid for key in keys.key_set() if key.is_private and key.kid is not None
        }

    return set()


def _document(examined: Examined, url: str) -> dict[str, Any]:
    try:
        with urllib3.PoolManager(
            ssl_context=tls_context(examined.state.options.delivery_ca_file)
        ) as pool:
            response = pool.request(
                "GET",
                url,
                timeout=_SECONDS,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            with contextlib.closing(response):
                return _members(response.status, response.read(_LARGEST_DOCUMENT))
    except (HTTPError, OSError, ValueError) as failure:
        raise _NotReadError(type(failure).__name__) from failure


def _members(status: int, body: bytes) -> dict[str, Any]:
    if status != 200:  # noqa: PLR2004
        raise _NotReadError(f"the answer is {status}")

    found = json.loads(body)

    if not isinstance(found, dict):
        raise _NotReadError("it is no JSON object")

    return found
