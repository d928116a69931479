"""Looks at whether browsers keep the cookies, and send them where they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from ..transport.cookies import check_session_cookie
from ..transport.cookies import CookieSpec
from ..transport.cookies import handle_cookie
from .findings import error
from .findings import Examined
from .findings import Finding
from .findings import ok
from .findings import warning

__all__ = ["check_check_session_cookie", "check_handle_cookie", "is_loopback"]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def is_loopback(uri: str) -> bool:
    """Whether a URI leads to the machine on which it is used.

    :param uri: An http or https URI, or what a registry of the host's takes for one.
    """
    try:
        host = urlsplit(uri).hostname or ""
    except ValueError:
        return False

    return host in _LOOPBACK or host.endswith(".localhost")


def check_handle_cookie(examined: Examined) -> Iterator[Finding]:
    """Whether the handle is kept, kept from others, and comes back.

    :param examined: What is looked at.
    """
    options = examined.state.options
    spec = handle_cookie(options, root=examined.app.config["APPLICATION_ROOT"])
    found = [
        *_places(examined, "handle cookie", spec, setting="IDP_SESSION_COOKIE_DOMAIN"),
        *_secrecy(examined, spec),
        *_reach(spec),
    ]

    yield from found or [
        ok(
            "handle cookie",
            f"{spec.name}: {'Secure, ' if spec.secure else ''}HttpOnly, "
            f"SameSite={spec.same_site}, Path={spec.path}.",
        )
    ]


def check_check_session_cookie(examined: Examined) -> Iterator[Finding]:
    """Whether the check-session iframe will see its cookie.

    :param examined: What is looked at.
    """
    options = examined.state.options

    if not options.check_session:
        return

    about = "check-session cookie"
    spec = check_session_cookie(options, root=examined.app.config["APPLICATION_ROOT"])
    found = list(
        _places(
            examined, about, spec, setting="IDP_SESSION_CHECK_SESSION_COOKIE_DOMAIN"
        )
    )

    if spec.same_site != "None":
        found.append(
            warning(
                about,
                f"SameSite={spec.same_site} hides it from the iframe on clients' pages.",
                'Set IDP_SESSION_CHECK_SESSION_COOKIE_SAME_SITE to "None", or '
                "IDP_SESSION_CHECK_SESSION to false if no client uses the iframe.",
            )
        )

    yield from found or [ok(about, f"{spec.name}: Secure, SameSite=None.")]


def _places(
    examined: Examined, about: str, spec: CookieSpec, *, setting: str
) -> Iterator[Finding]:
    issuer = examined.state.options.issuer
    host = (urlsplit(issuer).hostname or "").lower()
    domain = (spec.domain or host).removeprefix(".").lower()

    if host != domain and not host.endswith(f".{domain}"):
        yield error(
            about,
            f"Its domain is {domain}, of which the issuer's host {host} is no part: "
            "browsers drop it.",
            f"Unset {setting}, or name a domain that the issuer is in.",
        )

    if spec.secure and issuer.startswith("http:") and not is_loopback(issuer):
        yield error(
            about,
            "It is Secure, and the issuer is plain http: browsers drop it.",
            "Serve the provider by https.",
        )


def _secrecy(examined: Examined, spec: CookieSpec) -> Iterator[Finding]:
    if not examined.state.options.secure_transport:
        return

    if not spec.secure:
        yield error(
            "handle cookie",
            "It is not Secure, so it goes over plain http too, for anybody to read.",
            "Unset IDP_SESSION_COOKIE_SECURE.",
        )
    elif not spec.name.startswith("__Host-"):
        yield warning(
            "handle cookie",
            "It has no __Host- prefix, because its domain or its path is set: other "
            "hosts of the domain can replace it.",
            "Unset IDP_SESSION_COOKIE_DOMAIN and set IDP_SESSION_COOKIE_PATH to /, if "
            "nothing else needs them.",
        )


def _reach(spec: CookieSpec) -> Iterator[Finding]:
    if spec.same_site == "Strict":
        yield error(
            "handle cookie",
            "SameSite=Strict: whoever comes from a client seems not to be signed in.",
            'Set IDP_SESSION_COOKIE_SAME_SITE to "Lax" or "None".',
        )
