"""Settings are declared once, and a wrong one stops the app at its start."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from idp_session.errors import ConfigurationError
from idp_session.options import SessionOptions

from .reading_options import BOOLEANS
from .reading_options import ISSUER
from .reading_options import LEAST_SECONDS
from .reading_options import LIMITS
from .reading_options import read
from .reading_options import refuses
from .reading_options import SAME_SITES
from .reading_options import STRINGS


def test_every_setting_is_tested_here() -> None:
    """A new setting needs a test of what it refuses."""
    tested = {
        *LEAST_SECONDS,
        *STRINGS,
        *BOOLEANS,
        *SAME_SITES,
        *LIMITS,
        "session_limit_policy",
        "keep_ip_address",
        "logout_reasons",
        "tickets",
        "delivery_sender",
        "delivery_in_flight",
        "delivery_in_flight_per_host",
        "delivery_allowed_networks",
        "authorization_scheme",
        "websocket_origins",
        "languages",
        "delivery_allowed_hosts",
        "delivery_allowed_ports",
        "max_event_streams",
    }

    assert tested == {field.name for field in dataclasses.fields(SessionOptions)}


def test_the_issuer_alone_is_enough() -> None:
    """Everything else has a default."""
    assert read() == SessionOptions(issuer=ISSUER)


def test_defaults() -> None:
    """What hosts rely on without saying so changes only on purpose."""
    options = read()

    assert options.cookie_name == "idp_session"
    assert options.check_session_cookie_name == "idsrv.session"
    assert options.check_session_cookie_same_site == "None"
    assert options.back_channel_wait == timedelta(seconds=2)
    assert options.logout_token_lifetime == timedelta(minutes=2)
    assert options.delivery_lifetime == timedelta(hours=24)


def test_other_extensions_keep_their_settings() -> None:
    """Only names with our prefix count."""
    options = SessionOptions.from_config(
        {"SECRET_KEY": "x", "SESSION_COOKIE_NAME": 1, "IDP_SESSION_ISSUER": ISSUER}
    )

    assert options.issuer == ISSUER


def test_unknown_names_are_refused() -> None:
    """A misspelt setting does not silently do nothing, and all are named."""
    with pytest.raises(
        ConfigurationError, match="IDP_SESSION_COOKY_NAME, IDP_SESSION_TIMEOUT"
    ):
        read(timeout=1, cooky_name="x", idle_timeout=5)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("secure_transport", id="property"),
        pytest.param("from_config", id="method"),
    ],
)
def test_what_is_not_a_setting_cannot_be_set(name: str) -> None:
    """Other members of the class are unknown as settings."""
    with pytest.raises(ConfigurationError, match="unknown setting"):
        read(**{name: True})


def test_the_issuer_is_needed() -> None:
    """Nothing can be guessed for the issuer."""
    with pytest.raises(ConfigurationError, match="IDP_SESSION_ISSUER is not set"):
        SessionOptions.from_config({})


@pytest.mark.parametrize(
    "issuer",
    [
        pytest.param("https://idp.test", id="https"),
        pytest.param("https://idp.test/", id="slash"),
        pytest.param("https://idp.test:8443/tenant", id="port and path"),
        pytest.param("http://127.0.0.1:5000", id="http"),
        pytest.param("https://[::1]:5000", id="IPv6"),
    ],
)
def test_issuers(issuer: str) -> None:
    """The issuer is kept letter for letter."""
    assert read(issuer=issuer).issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        pytest.param("", id="empty"),
        pytest.param("idp.test", id="no scheme"),
        pytest.param("ftp://idp.test", id="other scheme"),
        pytest.param("https://", id="no host"),
        pytest.param("https:///path", id="path only"),
        pytest.param("https://idp.test?x=1", id="query"),
        pytest.param("https://idp.test/?", id="empty query"),
        pytest.param("https://idp.test#x", id="fragment"),
        pytest.param("https://idp.test/#", id="empty fragment"),
        pytest.param("https://[::1", id="broken address"),
        pytest.param("https://idp.test:port", id="port without number"),
        pytest.param("https://idp.test:0", id="port zero"),
        pytest.param("https://idp.test:70000", id="port too high"),
        pytest.param("HTTPS://idp.test", id="capital scheme"),
        pytest.param("https://idp.test\n", id="line break"),
        pytest.param(" https://idp.test", id="space in front"),
    ],
)
def test_refused_issuers(issuer: str) -> None:
    """An issuer that could not be one is refused (OpenID Connect Core §2)."""
    assert "http or https URL" in refuses("issuer", issuer)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(90, timedelta(seconds=90), id="whole seconds"),
        pytest.param(1.5, timedelta(milliseconds=1500), id="parts of seconds"),
        pytest.param(timedelta(hours=1), timedelta(hours=1), id="timedelta"),
    ],
)
def test_durations(value: Any, expected: timedelta) -> None:
    """A duration may be given in seconds."""
    assert read(idle_timeout=value).idle_timeout == expected


@pytest.mark.parametrize("name", LEAST_SECONDS)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("60", id="string"),
        pytest.param(True, id="boolean"),
        pytest.param([60], id="list"),
    ],
)
def test_what_is_no_duration_is_refused(name: str, value: Any) -> None:
    """What is not a number of seconds is not taken for one."""
    assert "a duration in seconds" in refuses(name, value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(1e300, id="huge"),
        pytest.param(float("inf"), id="infinite"),
        pytest.param(float("nan"), id="not a number"),
    ],
)
def test_durations_fit_a_calendar(value: float) -> None:
    """What no calendar can hold is refused at the start, not at a sign-in."""
    assert "fits a calendar" in refuses("idle_timeout", value)


@pytest.mark.parametrize("name", LEAST_SECONDS)
def test_durations_have_a_least(name: str) -> None:
    """What is too short to work is refused, by its name and with the least."""
    least = LEAST_SECONDS[name]

    message = refuses(name, least - 0.001)

    assert message.endswith(f"at least {least:g} seconds")


@pytest.mark.parametrize(
    ("name", "others"),
    [
        pytest.param(
            name, {"delivery_timeout": 0.5} if name == "delivery_lease" else {}, id=name
        )
        for name in LEAST_SECONDS
    ],
)
def test_the_least_is_accepted(name: str, others: dict[str, Any]) -> None:
    """The least is one that works."""
    least = LEAST_SECONDS[name]

    options = read(**{name: least, **others})

    assert getattr(options, name) == timedelta(seconds=least)


@pytest.mark.parametrize("name", STRINGS)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(5, id="number"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param(["x"], id="list"),
    ],
)
def test_what_is_no_string_is_refused(name: str, value: Any) -> None:
    """Nothing is turned into a string by itself."""
    assert "type str" in refuses(name, value)


@pytest.mark.parametrize("name", BOOLEANS)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("true", id="string"),
        pytest.param(1, id="number"),
    ],
)
def test_what_is_no_boolean_is_refused(name: str, value: Any) -> None:
    """The word "false" is not taken for true."""
    assert "type bool" in refuses(name, value)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("database_url", id="database_url"),
        pytest.param("cookie_domain", id="cookie_domain"),
        pytest.param("cookie_path", id="cookie_path"),
        pytest.param("cookie_secure", id="cookie_secure"),
        pytest.param("cookie_same_site", id="cookie_same_site"),
        pytest.param("check_session_cookie_domain", id="check_session_cookie_domain"),
        pytest.param("delivery_ca_file", id="delivery_ca_file"),
        pytest.param("authentication_lifetime", id="authentication_lifetime"),
        pytest.param("max_sessions_per_subject", id="max_sessions_per_subject"),
        pytest.param("logout_reasons", id="logout_reasons"),
    ],
)
def test_none_where_it_means_something(name: str) -> None:
    """Settings that have a default of their own take None."""
    assert getattr(read(**{name: None}), name) is None


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("issuer", id="issuer"),
        pytest.param("idle_timeout", id="idle_timeout"),
        pytest.param("cookie_name", id="cookie_name"),
        pytest.param("check_session", id="check_session"),
        pytest.param("check_session_cookie_same_site", id="same site"),
        pytest.param("delivery_in_flight", id="delivery_in_flight"),
        pytest.param("delivery_sender", id="delivery_sender"),
        pytest.param("delivery_allowed_networks", id="delivery_allowed_networks"),
        pytest.param("max_event_streams", id="max_event_streams"),
    ],
)
def test_none_where_it_means_nothing(name: str) -> None:
    """Everywhere else None is a mistake."""
    refuses(name, None)
