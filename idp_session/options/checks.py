"""What the settings have to keep to, each alone and with others."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..models import LogoutReason
from .conversion import refused

if TYPE_CHECKING:
    from .session_options import SessionOptions

__all__ = ["MOST_THREADS", "check"]

#: With so many deliveries in flight, each may still have a thread of its own.
MOST_THREADS = 256

_LONGEST = timedelta(days=36500)


def check(options: SessionOptions) -> None:
    """Refuse settings that cannot work, and say which one has to change.

    :param options: All of them.
    :raises ConfigurationError: If a value is refused or two contradict each other.
    """
    _check_issuer(options.issuer)
    _check_lifetimes(options)
    _check_limits(options)
    _check_cookies(options)
    _check_transports(options)
    _check_delivery(options)
    _check_numbers_in_flight(options)
    _check_channels(options)
    _check_cookie_mode(options)


def _check_issuer(issuer: str) -> None:
    try:
        parts = urlsplit(issuer)
        usable = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            # The parser forgives capitals and line breaks; whoever compares the
            # issuer with that of an ID token does not.
            and parts.geturl() == issuer
        )
    except ValueError:
        usable = False

    if not usable or "?" in issuer or "#" in issuer:
        raise refused("issuer", "an http or https URL without query or fragment")


def _check_lifetimes(options: SessionOptions) -> None:
    for name, least in (
        ("idle_timeout", timedelta(seconds=1)),
        ("absolute_lifetime", timedelta(seconds=1)),
        ("remembered_idle_timeout", timedelta(seconds=1)),
        ("remembered_absolute_lifetime", timedelta(seconds=1)),
        ("anonymous_idle_timeout", timedelta(seconds=1)),
        ("anonymous_absolute_lifetime", timedelta(seconds=1)),
        ("authentication_lifetime", timedelta(seconds=1)),
        ("devices_authentication_lifetime", timedelta(seconds=30)),
        ("sweep_interval", timedelta(seconds=1)),
        ("logout_page_lifetime", timedelta(seconds=10)),
        ("front_channel_wait", timedelta(0)),
        ("back_channel_wait", timedelta(0)),
        ("logout_token_lifetime", timedelta(seconds=1)),
        ("delivery_lease", timedelta(seconds=1)),
        ("delivery_timeout", timedelta(milliseconds=100)),
        ("delivery_connect_timeout", timedelta(milliseconds=100)),
        ("delivery_retry_after", timedelta(milliseconds=100)),
        ("delivery_retry_at_most_after", timedelta(milliseconds=100)),
        ("delivery_lifetime", timedelta(seconds=1)),
        ("delivery_retention", timedelta(0)),
        ("delivery_poll_interval", timedelta(milliseconds=100)),
        ("channel_check_interval", timedelta(milliseconds=100)),
    ):
        duration = getattr(options, name)

        if duration is not None and duration < least:
            raise refused(name, f"at least {least.total_seconds():g} seconds")

        # Instants that far away would fall off the calendar.
        if duration is not None and duration > _LONGEST:
            raise refused(name, "at most 100 years")

    # backchannel §4: preferably at most two minutes in the future.
    if options.logout_token_lifetime > timedelta(minutes=2):
        raise refused("logout_token_lifetime", "at most 120 seconds")


def _check_limits(options: SessionOptions) -> None:
    for name in ("max_sessions_per_subject", "max_sessions_per_subject_and_client"):
        at_most = getattr(options, name)

        if at_most is not None and at_most < 1:
            raise refused(name, "at least 1")


def _check_cookies(options: SessionOptions) -> None:
    if options.cookie_name == options.check_session_cookie_name:
        raise refused("check_session_cookie_name", "different from the cookie_name")

    # Browsers drop a cookie that is SameSite=None and not Secure.
    if options.cookie_same_site == "None" and not options.handle_cookie_secure:
        raise refused("cookie_secure", 'true when cookie_same_site is "None"')

    if (
        options.check_session_cookie_same_site == "None"
        and not options.check_session_cookie_secure
    ):
        raise refused(
            "check_session_cookie_secure",
            'true when check_session_cookie_same_site is "None"',
        )

    # RFC 6265 §5.2.4: for anything else each page would have a path of its own.
    if options.cookie_path is not None and not _PATH.fullmatch(options.cookie_path):
        raise refused(
            "cookie_path", "a path that begins with /, in ASCII and without semicolon"
        )

    for name in ("cookie_domain", "check_session_cookie_domain"):
        _check_cookie_domain(name, getattr(options, name))

    for name in ("cookie_name", "check_session_cookie_name"):
        _check_cookie_name(name, getattr(options, name))


# RFC 6265 §4.1.1: what does not end the attribute, or the header.
_PATH = re.compile("/[!-:<-~]*")
_DOMAIN = re.compile("[a-z0-9-]+([.][a-z0-9-]+)*", re.IGNORECASE)


def _check_cookie_domain(name: str, value: str | None) -> None:
    if value is None:
        return

    try:
        # RFC 6265 §5.2.3, §4.1.2.3: a dot in front counts for nothing.
        host = value.removeprefix(".").encode("idna").decode()
    except UnicodeError:
        host = ""

    if not _DOMAIN.fullmatch(host):
        raise refused(name, "a host name, such as example.com")


def _check_cookie_name(name: str, value: str) -> None:
    # RFC 6265 §4.1.1: a cookie name is an HTTP token.
    if not _is_token(value):
        raise refused(name, "letters, digits and the marks " + _TCHAR)

    if value.startswith("__"):
        raise refused(name, "a name without prefix; __Host- is added where it holds")


_TCHAR = "!#$%&'*+-.^_`|~"


def _is_token(value: str) -> bool:
    # RFC 9110 §5.6.2.
    return bool(value) and all(
        c.isascii() and (c.isalnum() or c in _TCHAR) for c in value
    )


# Theirs is something else than a handle: access tokens and passwords.
_SCHEMES_OF_OTHERS = {"basic", "bearer", "dpop"}


def _check_transports(options: SessionOptions) -> None:
    scheme = options.authorization_scheme

    if scheme is not None and not _is_token(scheme):
        raise refused("authorization_scheme", "letters, digits and the marks " + _TCHAR)

    if scheme is not None and scheme.lower() in _SCHEMES_OF_OTHERS:
        raise refused(
            "authorization_scheme",
            "a name of your own: Basic, Bearer and DPoP carry passwords and tokens",
        )

    if not all(map(_is_origin, options.websocket_origins)):
        raise refused(
            "websocket_origins",
            "origins as browsers send them, such as https://app.example.com: small "
            "letters, no path, no slash at the end, no default port",
        )


# RFC 6454 §6.2, for the web: a browser sends nothing else.
_ORIGIN = re.compile(r"(http|https)://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?")
_DEFAULT_PORTS = (("http", ":80"), ("https", ":443"))


def _is_origin(text: str) -> bool:
    match = _ORIGIN.fullmatch(text)

    return match is not None and (match[1], match[3]) not in _DEFAULT_PORTS


def _check_delivery(options: SessionOptions) -> None:
    if options.delivery_lease <= options.delivery_timeout:
        raise refused("delivery_lease", "longer than IDP_SESSION_DELIVERY_TIMEOUT")

    if not all(1 <= port <= 65535 for port in options.delivery_allowed_ports):  # noqa: PLR2004
        raise refused("delivery_allowed_ports", "ports from 1 to 65535")

    if options.logout_reasons is not None:
        _check_reasons(options.logout_reasons)

    for network in options.delivery_allowed_networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise refused(
                "delivery_allowed_networks", f"networks as CIDR, but {error}"
            ) from error


def _check_reasons(reasons: tuple[str, ...]) -> None:
    # Nothing at all is more likely a mistake than a wish, and nobody would be told.
    if not reasons or not set(reasons) <= set(LogoutReason):
        raise refused("logout_reasons", f"some of {', '.join(LogoutReason)}")


def _check_numbers_in_flight(options: SessionOptions) -> None:
    if not 1 <= options.delivery_in_flight <= 10_000:  # noqa: PLR2004
        raise refused("delivery_in_flight", "between 1 and 10000")

    per_host = options.delivery_in_flight_per_host

    if per_host is not None and per_host < 1:
        raise refused("delivery_in_flight_per_host", "at least 1")

    if (
        options.delivery_sender == "requests"
        and options.delivery_in_flight > MOST_THREADS
    ):
        raise refused(
            "delivery_in_flight",
            f'at most {MOST_THREADS} with delivery_sender "requests"',
        )


def _check_channels(options: SessionOptions) -> None:
    if not 0 <= options.max_event_streams <= 10_000:  # noqa: PLR2004
        raise refused("max_event_streams", "between 0 and 10000")


_SERVER_ONLY = (
    "max_sessions_per_subject",
    "max_sessions_per_subject_and_client",
    "client_activity_renews",
    "broadcast_url",
    "authorization_scheme",
)


def _check_cookie_mode(options: SessionOptions) -> None:
    if options.tickets != "cookie":
        return

    for name in _SERVER_ONLY:
        if getattr(options, name):
            raise refused(name, 'unset where IDP_SESSION_TICKETS is "cookie"')

    if options.check_session_cookie_name.startswith(f"{options.cookie_name}."):
        raise refused(
            "check_session_cookie_name",
            'no continuation of the cookie_name where IDP_SESSION_TICKETS is "cookie"',
        )

    # An end is remembered for that long, and a cookie may open until its session is
    # due to be renewed.
    if options.delivery_retention < max(
        options.idle_timeout, options.remembered_idle_timeout
    ):
        raise refused(
            "delivery_retention",
            'no shorter than the idle timeouts where IDP_SESSION_TICKETS is "cookie"',
        )
