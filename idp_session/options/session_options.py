"""The settings."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from typing import Literal
from typing import Self

from ..errors import ConfigurationError
from ..models import LimitPolicy
from ..models import SessionLimit
from .checks import check
from .conversion import converted
from .conversion import PREFIX

__all__ = ["SameSite", "Sender", "SessionOptions"]

SameSite = Literal["Lax", "Strict", "None"]
Sender = Literal["auto", "requests", "curl"]


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
    #: Where sessions are: in the database, so that they can be listed and ended, or
    #: each sealed in the ``"cookie"`` of its browser. Default: ``"server"``.
    tickets: Literal["server", "cookie"] = "server"
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
    #: Whether responses that sign somebody in or out tell the browser so, in the
    #: header ``Set-Login`` (Login Status API). Default: ``True``.
    login_status: bool = True
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
    #: The scheme of an ``Authorization`` header in which apps and tools without a
    #: cookie jar send their handle (RFC 9110 §11.4), such as ``"Session"``; not one
    #: of OAuth or of passwords. Default: ``None``, the header is not looked at.
    authorization_scheme: str | None = None
    #: Origins of pages whose WebSockets are given the session of the browser, beside
    #: that of the issuer, as ``https://app.example.com``. Default: none.
    websocket_origins: tuple[str, ...] = ()
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
    #: Whether to keep from which address a session was used: ``"no"``,
    #: ``"shortened"`` to the network (the first 24 bits of IPv4, 48 of IPv6), or
    #: ``"full"``. Default: ``"no"``.
    keep_ip_address: Literal["no", "shortened", "full"] = "no"
    #: Whether to keep what the browser that uses a session says that it is. Default:
    #: ``True``.
    keep_user_agent: bool = True
    #: How recently the user must have proved who they are to sign out other devices
    #: on the pages of :func:`~idp_session.flask.devices_blueprint`. Default:
    #: ``None``, at any time in the session.
    devices_authentication_lifetime: timedelta | None = None
    #: The languages that pages may be in, as tags such as ``de`` or ``pt-BR``; the
    #: first is shown to whoever wants none of them. If it is empty these are all that
    #: there are, English first. Default: none.
    languages: tuple[str, ...] = ()
    #: A folder with the host's own translations, relative to the app's: others than
    #: English and German, or other words. Default: ``None``.
    translations_folder: str | None = None
    #: How often expired sessions are looked for, so that their clients hear of
    #: it although no request finds them. Default: 60 seconds.
    sweep_interval: timedelta = timedelta(seconds=60)
    #: Whether the user is asked even when a client proves with a valid hint that
    #: it speaks of this session (RP-Initiated Logout 1.0 §2). Default: ``False``.
    confirm_every_logout: bool = False
    #: How long a confirmation form and a logout page may be used. Default: 10
    #: minutes.
    logout_page_lifetime: timedelta = timedelta(minutes=10)
    #: How long each frame of the logout page has, counted from when the page is
    #: there (Front-Channel Logout 1.0 §3). Default: 4 seconds.
    front_channel_wait: timedelta = timedelta(seconds=4)
    #: How long the response that ends a session waits for the clients' answers,
    #: at the most. Default: 2 seconds.
    back_channel_wait: timedelta = timedelta(seconds=2)
    #: How long a logout token may be used (Back-Channel Logout 1.0 §4). At most
    #: two minutes, which is the default.
    logout_token_lifetime: timedelta = timedelta(minutes=2)
    #: Of sessions that end for which reasons clients are told by the back channel,
    #: unless a client says so itself; values of :class:`.LogoutReason`. Default:
    #: ``None``, all of them.
    logout_reasons: tuple[str, ...] | None = None
    #: Whether logout tokens have the claim ``logout_reason``, an extension of ours,
    #: unless a client says so itself. Default: ``False``.
    logout_reason_claim: bool = False
    #: Whether deliveries are sent by threads of each process that serves
    #: requests. Without, or where a dispatcher is given to
    #: :meth:`.IdpSession.init_app`, they are sent elsewhere: by
    #: ``flask idp-session deliver`` or workers of Celery. Default: ``True``.
    delivery_in_process: bool = True
    #: Who posts logout tokens: ``"curl"``, by libcurl in one thread, which needs the
    #: extra ``curl``; ``"requests"``, by Requests, each in a thread of its own; or
    #: ``"auto"``, by libcurl if it is there. Default: ``"auto"``.
    delivery_sender: Sender = "auto"
    #: How many deliveries one process has on their way at once; more than 256 need
    #: libcurl. They mostly wait, so many cost little. Default: 256.
    delivery_in_flight: int = 256
    #: How many of them may be on their way to one host, so that a slow one does not
    #: keep others waiting; clients that share a host share this. Default: ``None``,
    #: a quarter of them.
    delivery_in_flight_per_host: int | None = None
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
    #: Hosts of clients inside the company that may be reached although their
    #: addresses are private: ``crm.intranet.example``, or ``*.intranet.example``
    #: for every name below it. Default: none.
    delivery_allowed_hosts: tuple[str, ...] = ()
    #: The only ports to which logout tokens may be sent. Without any, those are 443
    #: and all from 1024 on, and 80 if plain http is allowed. Default: none.
    delivery_allowed_ports: tuple[int, ...] = ()
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
        check(self)

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
    def deliveries_per_host(self) -> int:
        """How many deliveries may be on their way to one host."""
        if self.delivery_in_flight_per_host is None:
            return max(1, self.delivery_in_flight // 4)

        return self.delivery_in_flight_per_host

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

        return cls(**{k: converted(k, v, hints[k]) for k, v in given.items()})
