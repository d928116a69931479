"""Reads settings as an app has them, by kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from idp_session.errors import ConfigurationError
from idp_session.options import SessionOptions

__all__ = [
    "BOOLEANS",
    "ISSUER",
    "LEAST_SECONDS",
    "LIMITS",
    "SAME_SITES",
    "SECOND",
    "STRINGS",
    "read",
    "refuses",
]

ISSUER = "https://idp.test"

SECOND = timedelta(seconds=1)

#: Settings that take a duration, and the least that each accepts, in seconds.
LEAST_SECONDS = {
    "idle_timeout": 1,
    "absolute_lifetime": 1,
    "remembered_idle_timeout": 1,
    "remembered_absolute_lifetime": 1,
    "anonymous_idle_timeout": 1,
    "anonymous_absolute_lifetime": 1,
    "authentication_lifetime": 1,
    "devices_authentication_lifetime": 30,
    "sweep_interval": 1,
    "logout_page_lifetime": 10,
    "front_channel_wait": 0,
    "back_channel_wait": 0,
    "logout_token_lifetime": 1,
    "delivery_lease": 1,
    "delivery_timeout": 0.1,
    "delivery_connect_timeout": 0.1,
    "delivery_retry_after": 0.1,
    "delivery_retry_at_most_after": 0.1,
    "delivery_lifetime": 1,
    "delivery_retention": 0,
    "delivery_poll_interval": 0.1,
    "channel_check_interval": 0.1,
}

STRINGS = (
    "issuer",
    "database_url",
    "cookie_name",
    "cookie_domain",
    "cookie_path",
    "check_session_cookie_name",
    "check_session_cookie_domain",
    "delivery_ca_file",
    "broadcast_url",
    "translations_folder",
)

BOOLEANS = (
    "cookie_secure",
    "check_session",
    "check_session_cookie_secure",
    "login_status",
    "client_activity_renews",
    "keep_user_agent",
    "confirm_every_logout",
    "delivery_in_process",
    "logout_reason_claim",
    "delivery_allow_http",
)

LIMITS = ("max_sessions_per_subject", "max_sessions_per_subject_and_client")

SAME_SITES = ("cookie_same_site", "check_session_cookie_same_site")


def read(**settings: Any) -> SessionOptions:
    """The options of an app with these settings."""
    given = {"issuer": ISSUER, **settings}

    return SessionOptions.from_config(
        {f"IDP_SESSION_{name.upper()}": value for name, value in given.items()}
    )


def refuses(name: str, value: Any, **others: Any) -> str:
    """What is said about a refused value; it names the setting."""
    with pytest.raises(ConfigurationError) as caught:
        read(**{name: value, **others})

    message = str(caught.value)
    assert message.startswith(f"IDP_SESSION_{name.upper()} must be ")

    return message
