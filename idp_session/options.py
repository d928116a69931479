"""Every setting, declared once and read from the ``IDP_SESSION_*`` keys of the app."""

from __future__ import annotations

import ipaddress
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from typing import Literal
from typing import Self
from urllib.parse import urlsplit

from .errors import ConfigurationError
from .models import LimitPolicy
from .models import SessionLimit

__all__ = ["PREFIX", "SameSite", "SessionOptions"]

#: What the name of each setting begins with in the app's config.
PREFIX = "IDP_SESSION_"

SameSite = Literal["Lax", "Strict", "None"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionOptions:
    """The settings; durations may be given in seconds.

    :raises ConfigurationError: If a value is refused or two contradict each other.
    """

    #: The issuer identifier, exactly as in the ID tokens: an http(s) URL without
    #: query or fragment (OpenID Connect Core §2). Has no default.
    issuer: str
    #: Where sessions and deliveries are kept, as an SQLAlchemy URL. Default:
    #: ``None``, a SQLite file in the app's instance folder.
    database_url: str | None = None
    #: Name of the cookie that holds the handle. Over https it is sent with the
    #: prefix ``__Host-``, if no domain is set and the path is ``/``. Default:
    #: ``"idp_session"``.
    cookie_name: str = "idp_session"
    #: Domain of the handle cookie. Default: ``None``, the provider's host only.
    cookie_domain: str | None = None
    #: Path of both cookies. Default: ``None``, the application root.
    cookie_path: str | None = None
    #: Whether the handle cookie is sent over https only. Default: ``None``,
    #: which means: if the issuer is https.
    cookie_secure: bool | None = None
    #: ``SameSite`` of the handle cookie. Default: ``None``, which means
    #: ``"None"`` if the cookie is secure, so that a client's ``prompt=none`` in a
    #: frame reaches the session, and ``"Lax"`` otherwise.
    cookie_same_site: SameSite | None = None
    #: Whether a check-session cookie is kept and the iframe served. Default:
    #: ``True``.
    check_session: bool = True
    #: Name of the check-session cookie. Default: ``"idsrv.session"``.
    check_session_cookie_name: str = "idsrv.session"
    #: Domain of the check-session cookie. Default: ``None``, the provider's host.
    check_session_cookie_domain: str | None = None
    #: Whether the check-session cookie is sent over https only; browsers take
    #: that on loopback too. Default: ``True``.
    check_session_cookie_secure: bool = True
    #: ``SameSite`` of the check-session cookie; anything but ``"None"`` hides it
    #: from the iframe on other sites. Default: ``"None"``.
    check_session_cookie_same_site: SameSite = "None"
    #: For how long a session may be unused. Default: 2 hours.
    idle_timeout: timedelta = timedelta(hours=2)
    #: How long a session lives, used or not. Default: 12 hours.
    absolute_lifetime: timedelta = timedelta(hours=12)
    #: For how long a remembered session may be unused. Default: 14 days.
    remembered_idle_timeout: timedelta = timedelta(days=14)
    #: How long a remembered session lives, used or not. Default: 90 days.
    remembered_absolute_lifetime: timedelta = timedelta(days=90)
    #: For how long a session in which nobody is signed in may be unused. Default: 1
    #: hour.
    anonymous_idle_timeout: timedelta = timedelta(hours=1)
    #: How long such a session lives, used or not. Default: 24 hours.
    anonymous_absolute_lifetime: timedelta = timedelta(hours=24)
    #: For how long a proof of who the user is counts. Then :class:`.SignOn` asks
    #: again, while the session and its clients stay. Default: ``None``, as long as
    #: the session lasts.
    authentication_lifetime: timedelta | None = None
    #: Whether :meth:`.IdpSession.touch` renews: a client that uses its tokens keeps
    #: the session alive. Default: ``False``.
    client_activity_renews: bool = False
    #: How many sessions one subject may have at once. Default: ``None``, any number.
    max_sessions_per_subject: int | None = None
    #: In how many sessions of one subject the same client may take part at once.
    #: Default: ``None``, any number.
    max_sessions_per_subject_and_client: int | None = None
    #: What happens to one session more than a limit allows: ``"refuse"`` it, or
    #: ``"end_oldest"`` or ``"end_least_recently_used"`` of the others. Default:
    #: ``"end_oldest"``.
    session_limit_policy: LimitPolicy = "end_oldest"
    #: How often expired sessions are looked for, so that their clients hear of
    #: it although no request finds them. Default: 60 seconds.
    sweep_interval: timedelta = timedelta(seconds=60)
    #: Whether the user is asked even when a client proves with a valid hint that
    #: it speaks of this session (RP-Initiated Logout 1.0 §2). Default: ``False``.
    confirm_every_logout: bool = False
    #: How long a confirmation form and a logout page may be used. Default: 10
    #: minutes.
    logout_page_lifetime: timedelta = timedelta(minutes=10)
    #: How long the logout page waits for its frames (Front-Channel Logout 1.0
    #: §3). Default: 4 seconds.
    front_channel_wait: timedelta = timedelta(seconds=4)
    #: How long the response that ends a session waits for the clients' answers,
    #: at the most. Default: 2 seconds.
    back_channel_wait: timedelta = timedelta(seconds=2)
    #: How long a logout token may be used (Back-Channel Logout 1.0 §4). At most
    #: two minutes, which is the default.
    logout_token_lifetime: timedelta = timedelta(minutes=2)
    #: Whether deliveries are sent by threads of each process that serves
    #: requests. Without, run ``flask idp-session deliver``. Default: ``True``.
    delivery_in_process: bool = True
    #: How many deliveries one process has on their way at once, at most a quarter of
    #: them to one client. They mostly wait, so many cost little. Default: 64.
    delivery_threads: int = 64
    #: For how long a process owns a delivery that it has taken; then another one
    #: takes it over. Longer than ``delivery_timeout``. Default: 20 seconds.
    delivery_lease: timedelta = timedelta(seconds=20)
    #: How long one request to a client may take, all in all. Default: 10 seconds.
    delivery_timeout: timedelta = timedelta(seconds=10)
    #: How long connecting to a client may take. Default: 5 seconds.
    delivery_connect_timeout: timedelta = timedelta(seconds=5)
    #: When a failed delivery is tried again at first; each further wait may be
    #: twice as long. Default: 5 seconds.
    delivery_retry_after: timedelta = timedelta(seconds=5)
    #: The longest wait between two tries; caps ``Retry-After``. Default: 1 hour.
    delivery_retry_at_most_after: timedelta = timedelta(hours=1)
    #: For how long a delivery is tried before it is given up. Default: 24 hours.
    delivery_lifetime: timedelta = timedelta(hours=24)
    #: For how long deliveries that are over are kept, to be looked at. Default: 30
    #: days.
    delivery_retention: timedelta = timedelta(days=30)
    #: How often a process looks for deliveries that others left behind. Default:
    #: 5 seconds.
    delivery_poll_interval: timedelta = timedelta(seconds=5)
    #: Whether logout tokens may be sent over plain http. Default: ``False``.
    delivery_allow_http: bool = False
    #: Networks of clients inside the company, as CIDR, that may be reached
    #: although their addresses are not public. Default: none.
    delivery_allowed_networks: tuple[str, ...] = ()
    #: A file of certificates that are trusted besides the usual ones. Default:
    #: ``None``.
    delivery_ca_file: str | None = None

    #: The Redis server through which the processes of the provider tell each other
    #: what happens to sessions, as a URL; needs the extra ``redis``. Default:
    #: ``None``, each process tells its own channels only.
    broadcast_url: str | None = None
    #: How often the sessions of open channels are looked for in the store, so that
    #: an end is noticed although no message came. Default: 30 seconds.
    channel_check_interval: timedelta = timedelta(seconds=30)
    #: How many event streams one process serves at once; each may hold a thread of
    #: the server. Default: 100.
    max_event_streams: int = 100

    def __post_init__(self) -> None:
        _check_issuer(self.issuer)
        _check_lifetimes(self)
        _check_limits(self)
        _check_cookies(self)
        _check_delivery(self)
        _check_channels(self)

    @property
    def secure_transport(self) -> bool:
        """Whether the provider is reached by https."""
        return self.issuer.startswith("https:")

    @property
    def handle_cookie_secure(self) -> bool:
        """Whether the handle cookie is sent over https only."""
        if self.cookie_secure is None:
            return self.secure_transport

        return self.cookie_secure

    @property
    def subject_limit(self) -> SessionLimit | None:
        """The limit of sessions of one subject, if there is one."""
        return self._limit(self.max_sessions_per_subject)

    @property
    def subject_and_client_limit(self) -> SessionLimit | None:
        """The limit of sessions of one subject with one client, if there is one."""
        return self._limit(self.max_sessions_per_subject_and_client)

    def _limit(self, at_most: int | None) -> SessionLimit | None:
        if at_most is None:
            return None

        return SessionLimit(at_most=at_most, policy=self.session_limit_policy)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Read the settings from an app's config.

        :param config: A mapping; only keys that begin with ``IDP_SESSION_`` count.
        :raises ConfigurationError: If a name is unknown or a value is refused.
        """
        given = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in config.items()
            if name.startswith(PREFIX)
        }
        hints = typing.get_type_hints(cls)

        if unknown := sorted(given.keys() - hints.keys()):
            names = ", ".join(PREFIX + name.upper() for name in unknown)
            raise ConfigurationError(
                f"unknown setting: {names}; docs/reference/options.md lists them all"
            )

        if "issuer" not in given:
            raise ConfigurationError(
                "IDP_SESSION_ISSUER is not set; give the issuer of your ID tokens"
            )

        return cls(**{k: _converted(k, v, hints[k]) for k, v in given.items()})


def _converted(name: str, value: Any, hint: Any) -> Any:
    wanted = typing.get_args(hint) or (hint,)

    if typing.get_origin(hint) is tuple:
        return _strings(name, value)

    if value is None and type(None) in wanted:
        return None

    if timedelta in wanted:
        return _duration(name, value)

    for choices in (SameSite, LimitPolicy):
        if choices in wanted or hint == choices:
            return _one_of(name, value, typing.get_args(choices))

    expected = next(kind for kind in wanted if kind is not type(None))

    if type(value) is not expected:
        raise _refused(name, f"a value of type {expected.__name__}")

    return value


def _duration(name: str, value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value

    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(name, "a duration in seconds")

    try:
        return timedelta(seconds=value)
    except (OverflowError, ValueError):
        raise _refused(name, "a duration in seconds that fits a calendar") from None


def _strings(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]

    if not isinstance(value, list | tuple) or not all(
        isinstance(part, str) for part in value
    ):
        raise _refused(name, "a list of strings, or one string with commas")

    return tuple(value)


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        *others, last = [f'"{choice}"' for choice in choices]
        raise _refused(name, f"{', '.join(others)} or {last}")

    return str(value)


def _refused(name: str, wanted: str) -> ConfigurationError:
    return ConfigurationError(f"{PREFIX}{name.upper()} must be {wanted}")


_LONGEST = timedelta(days=36500)


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
        raise _refused("issuer", "an http or https URL without query or fragment")


def _check_lifetimes(options: SessionOptions) -> None:
    for name, least in (
        ("idle_timeout", timedelta(seconds=1)),
        ("absolute_lifetime", timedelta(seconds=1)),
        ("remembered_idle_timeout", timedelta(seconds=1)),
        ("remembered_absolute_lifetime", timedelta(seconds=1)),
        ("anonymous_idle_timeout", timedelta(seconds=1)),
        ("anonymous_absolute_lifetime", timedelta(seconds=1)),
        ("authentication_lifetime", timedelta(seconds=1)),
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
            raise _refused(name, f"at least {least.total_seconds():g} seconds")

        # Instants that far away would fall off the calendar.
        if duration is not None and duration > _LONGEST:
            raise _refused(name, "at most 100 years")

    # backchannel §4: preferably at most two minutes in the future.
    if options.logout_token_lifetime > timedelta(minutes=2):
        raise _refused("logout_token_lifetime", "at most 120 seconds")


def _check_limits(options: SessionOptions) -> None:
    for name in ("max_sessions_per_subject", "max_sessions_per_subject_and_client"):
        at_most = getattr(options, name)

        if at_most is not None and at_most < 1:
            raise _refused(name, "at least 1")


def _check_cookies(options: SessionOptions) -> None:
    if options.cookie_name == options.check_session_cookie_name:
        raise _refused("check_session_cookie_name", "different from the cookie_name")

    # Browsers drop a cookie that is SameSite=None and not Secure.
    if options.cookie_same_site == "None" and not options.handle_cookie_secure:
        raise _refused("cookie_secure", 'true when cookie_same_site is "None"')

    if (
        options.check_session_cookie_same_site == "None"
        and not options.check_session_cookie_secure
    ):
        raise _refused(
            "check_session_cookie_secure",
            'true when check_session_cookie_same_site is "None"',
        )

    # RFC 6265 §5.2.4: for anything else each page would have a path of its own.
    if options.cookie_path is not None and not options.cookie_path.startswith("/"):
        raise _refused("cookie_path", "a path that begins with /")

    for name in ("cookie_name", "check_session_cookie_name"):
        _check_cookie_name(name, getattr(options, name))


def _check_cookie_name(name: str, value: str) -> None:
    # RFC 6265 §4.1.1: a cookie name is an HTTP token.
    if not value or not all(
        c.isascii() and (c.isalnum() or c in _TCHAR) for c in value
    ):
        raise _refused(name, "letters, digits and the marks " + _TCHAR)

    if value.startswith("__"):
        raise _refused(name, "a name without prefix; __Host- is added where it holds")


_TCHAR = "!#$%&'*+-.^_`|~"


def _check_delivery(options: SessionOptions) -> None:
    if options.delivery_lease <= options.delivery_timeout:
        raise _refused("delivery_lease", "longer than IDP_SESSION_DELIVERY_TIMEOUT")

    if not 1 <= options.delivery_threads <= 256:  # noqa: PLR2004
        raise _refused("delivery_threads", "between 1 and 256")

    for network in options.delivery_allowed_networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise _refused(
                "delivery_allowed_networks", f"networks as CIDR, but {error}"
            ) from error


def _check_channels(options: SessionOptions) -> None:
    if not 0 <= options.max_event_streams <= 10_000:  # noqa: PLR2004
        raise _refused("max_event_streams", "between 0 and 10000")
