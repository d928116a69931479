"""What an app gets that says nothing else: as its settings describe it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from ..adapters.address_policy import AddressPolicy
from ..adapters.broadcast import LocalBroadcast
from ..errors import ConfigurationError
from ..options import MOST_THREADS
from ..options import SessionOptions
from ..ports import LogoutSender
from ..ports import SessionBroadcast
from ..ports import TicketProtector
from ..stores.sql import create_engine

__all__ = [
    "address_policy",
    "default_broadcast",
    "default_engine",
    "default_sender",
    "report_telemetry",
]


def default_engine(app: Flask, options: SessionOptions) -> sa.Engine:
    """The database of the settings, or a SQLite file in the instance folder.

    :param app: The app.
    :param options: Its settings.
    """
    if options.database_url is not None:
        return create_engine(options.database_url)

    path = Path(app.instance_path) / "idp_session.sqlite"

    return create_engine(sa.URL.create("sqlite", database=str(path)))


def address_policy(options: SessionOptions, *, is_logged: bool = True) -> AddressPolicy:
    """Which addresses the settings permit.

    :param options: The settings.
    :param is_logged: Whether refusals are logged.
    """
    return AddressPolicy(
        allow_http=options.delivery_allow_http,
        allowed_networks=options.delivery_allowed_networks,
        allowed_hosts=options.delivery_allowed_hosts,
        allowed_ports=options.delivery_allowed_ports,
        is_logged=is_logged,
    )


def default_sender(options: SessionOptions) -> LogoutSender:
    """The sender that the settings describe.

    :param options: The settings.
    :raises ConfigurationError: If libcurl is needed and not there.
    """
    settings: dict[str, Any] = {
        "policy": address_policy(options),
        "connect_timeout": options.delivery_connect_timeout,
        "timeout": options.delivery_timeout,
        "ca_file": options.delivery_ca_file,
    }

    if options.delivery_sender != "requests":
        try:
            from ..adapters.curl import CurlLogoutSender  # the extra "curl"
        except ImportError as error:
            _check_without_curl(options, error)
        else:
            return CurlLogoutSender(**settings, connections=options.delivery_in_flight)

    # Some megabytes, for those who send with it.
    from ..adapters.http import RequestsLogoutSender

    return RequestsLogoutSender(**settings, threads=options.delivery_in_flight)


def _check_without_curl(options: SessionOptions, error: ImportError) -> None:
    if options.delivery_sender == "curl":
        raise ConfigurationError(
            'IDP_SESSION_DELIVERY_SENDER="curl" needs pycurl:'
            " pip install 'idp-session[curl]'"
        ) from error

    if options.delivery_in_flight > MOST_THREADS:
        raise ConfigurationError(
            f"IDP_SESSION_DELIVERY_IN_FLIGHT above {MOST_THREADS} needs pycurl:"
            " pip install 'idp-session[curl]'"
        ) from error


def default_broadcast(
    options: SessionOptions, protector: TicketProtector
) -> SessionBroadcast:
    """The broadcast that the settings describe; within the process if none does.

    :param options: The settings.
    :param protector: Seals messages.
    :raises ConfigurationError: If the URL is wrong or the extra is not installed.
    """
    if options.broadcast_url is None:
        return LocalBroadcast()

    try:
        from ..adapters.redis_broadcast import RedisBroadcast  # the extra "redis"
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "IDP_SESSION_BROADCAST_URL needs redis: pip install 'idp-session[redis]'"
        ) from error

    return RedisBroadcast.from_url(options.broadcast_url, protector=protector)


def report_telemetry(app: Flask) -> None:
    """Have an app report to OpenTelemetry, if its API is installed.

    :param app: The app, with its state.
    """
    try:
        from .telemetry import report  # the extra "telemetry"
    except ImportError:
        return

    report(app)
