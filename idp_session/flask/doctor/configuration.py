"""Looks at what Flask was told: secrets, debugging, hosts and proxies."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from .findings import error
from .findings import Examined
from .findings import Finding
from .findings import ok
from .findings import warning

__all__ = ["check_debugging", "check_hosts", "check_proxy", "check_secrets"]

_SECRET_SIZE = 32
_FEW_FALLBACKS = 2
# Each middleware hides the next; a chain that never ends is none.
_MOST_MIDDLEWARES = 50


def check_secrets(examined: Examined) -> Iterator[Finding]:
    """Whether the secret is long enough, and the old ones were forgotten.

    :param examined: What is looked at.
    """
    secret: str | bytes = examined.app.config["SECRET_KEY"]
    fallbacks: Sequence[str | bytes] = (
        examined.app.config.get("SECRET_KEY_FALLBACKS") or ()
    )

    if len(_bytes(secret)) < _SECRET_SIZE:
        yield warning(
            "secret key",
            f"SECRET_KEY has fewer than {_SECRET_SIZE} bytes.",
            "Make one with python -c 'import secrets; print(secrets.token_hex())', and "
            "keep the old one in SECRET_KEY_FALLBACKS until all sessions have ended.",
        )
    else:
        yield ok("secret key", "SECRET_KEY is long enough.")

    if _bytes(secret) in map(_bytes, fallbacks):
        yield warning(
            "secret key",
            "SECRET_KEY is one of SECRET_KEY_FALLBACKS.",
            "Remove it there: with the old secret in both places nothing was replaced.",
        )

    if len(fallbacks) > _FEW_FALLBACKS:
        yield warning(
            "secret key",
            f"There are {len(fallbacks)} SECRET_KEY_FALLBACKS; whoever has one of them "
            "can open what it has sealed.",
            "Remove those that are older than the longest session.",
        )


def check_debugging(examined: Examined) -> Iterator[Finding]:
    """Whether the app is run as one runs it while writing it.

    :param examined: What is looked at.
    """
    if examined.app.debug and examined.state.options.secure_transport:
        yield error(
            "debugging",
            "Debug mode is on: whoever causes an error may run code on this machine.",
            "Unset FLASK_DEBUG, and run the app on a server for production.",
        )
    elif examined.app.debug:
        yield warning(
            "debugging",
            "Debug mode is on, which is for development only.",
            "Unset FLASK_DEBUG where others reach the provider.",
        )
    else:
        yield ok("debugging", "Debug mode is off.")

    if examined.app.testing:
        yield warning(
            "debugging", "TESTING is set.", "Unset it where people use the provider."
        )


def check_hosts(examined: Examined) -> Iterator[Finding]:
    """Whether requests for other hosts than the issuer's are refused.

    :param examined: What is looked at.
    """
    config = examined.app.config
    issuer_host = urlsplit(examined.state.options.issuer).netloc
    trusted = config.get("TRUSTED_HOSTS")

    if not trusted:
        yield warning(
            "hosts",
            "TRUSTED_HOSTS is not set, so requests may name any host.",
            f'Set TRUSTED_HOSTS to ["{_name(issuer_host)}"], beside what health checks '
            "use.",
        )
    elif not host_is_trusted(issuer_host, trusted):
        yield error(
            "hosts",
            f"TRUSTED_HOSTS does not have the issuer's host {_name(issuer_host)}, so "
            "its requests are answered 400.",
            "Add it.",
        )
    else:
        yield ok("hosts", "Only requests for trusted hosts are answered.")

    server_name = config.get("SERVER_NAME")

    if server_name and server_name.lower() != issuer_host.lower():
        yield warning(
            "hosts",
            f"SERVER_NAME is {server_name}, and the issuer is at {issuer_host}.",
            "Make them the same, or unset SERVER_NAME.",
        )


def check_proxy(examined: Examined) -> Iterator[Finding]:
    """Whether what a proxy says of its clients is believed.

    :param examined: What is looked at.
    """
    proxy = _proxy_fix(examined.app)

    if proxy is None and examined.state.options.secure_transport:
        yield warning(
            "proxy",
            "There is no ProxyFix. Behind a proxy that ends TLS, requests seem to come "
            "from the proxy, and by http.",
            "Wrap app.wsgi_app in werkzeug's ProxyFix, with the number of proxies in "
            "front; or leave it, if the server itself speaks TLS or knows the proxy.",
        )
    elif proxy is None:
        yield ok("proxy", "There is no ProxyFix, and no https that would need one.")
    elif not proxy.x_proto:
        yield error(
            "proxy",
            "ProxyFix does not believe X-Forwarded-Proto, so requests by https seem to "
            "come by http.",
            "Set x_proto to the number of proxies in front.",
        )
    else:
        yield ok("proxy", f"ProxyFix believes {proxy.x_proto} of the proxies in front.")


def _proxy_fix(app: Flask) -> ProxyFix | None:
    middleware: object = app.wsgi_app

    for _ in range(_MOST_MIDDLEWARES):
        if middleware is None or isinstance(middleware, ProxyFix):
            return middleware

        # By this name Werkzeug's own middlewares keep what they wrap.
        middleware = getattr(middleware, "app", None)

    return None


def _name(host: str) -> str:
    return urlsplit(f"//{host}").hostname or host


def _bytes(secret: str | bytes) -> bytes:
    return secret.encode() if isinstance(secret, str) else secret
