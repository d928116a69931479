"""Settings of where sessions are, how many, and who may show a handle."""

from __future__ import annotations

from typing import Any

import pytest

from idp_session.models import SessionLimit

from .reading_options import LIMITS
from .reading_options import read
from .reading_options import refuses


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param(0, "at least 1", id="none"),
        pytest.param("5", "type int", id="string"),
        pytest.param(True, "type int", id="boolean"),
    ],
)
def test_refused_limits(name: str, value: Any, wanted: str) -> None:
    """A limit that allows nothing would lock everybody out."""
    assert wanted in refuses(name, value)


def test_limits() -> None:
    """Two numbers and one policy make the two limits; by default there are none."""
    options = read(
        max_sessions_per_subject=5,
        max_sessions_per_subject_and_client=1,
        session_limit_policy="refuse",
    )

    assert options.subject_limit == SessionLimit(at_most=5, policy="refuse")
    assert options.subject_and_client_limit == SessionLimit(at_most=1, policy="refuse")
    assert read().subject_limit is read().subject_and_client_limit is None


def test_an_unknown_policy_is_refused() -> None:
    """There are three policies, and the message names them."""
    message = refuses("session_limit_policy", "end_newest")

    assert '"refuse", "end_oldest" or "end_least_recently_used"' in message


def test_no_header_and_no_other_origin_count_by_default() -> None:
    """Whoever says nothing has cookies, for pages of the provider only."""
    assert read().authorization_scheme is None
    assert read().websocket_origins == ()


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param("", "letters, digits", id="empty"),
        pytest.param("My Session", "letters, digits", id="space"),
        pytest.param("Session,", "letters, digits", id="comma"),
        pytest.param("sitzungß", "letters, digits", id="not ASCII"),
        pytest.param("Bearer", "a name of your own", id="tokens"),
        pytest.param("bearer", "a name of your own", id="small letters"),
        pytest.param("BASIC", "a name of your own", id="passwords"),
        pytest.param("DPoP", "a name of your own", id="bound tokens"),
        pytest.param(5, "type str", id="number"),
    ],
)
def test_refused_schemes(value: Any, wanted: str) -> None:
    """A scheme is an HTTP token, and not one that means something else."""
    assert wanted in refuses("authorization_scheme", value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("https://app.example.com", id="host"),
        pytest.param("https://app.example.com:8443", id="port"),
        pytest.param("http://127.0.0.1:5000", id="loopback"),
        pytest.param("http://[::1]:5000", id="IPv6"),
    ],
)
def test_origins(value: str) -> None:
    """An origin is kept letter for letter, since browsers send it so."""
    assert read(websocket_origins=value).websocket_origins == (value,)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("*", id="star"),
        pytest.param("null", id="null"),
        pytest.param("app.example.com", id="no scheme"),
        pytest.param("wss://app.example.com", id="the socket's scheme"),
        pytest.param("https://app.example.com/", id="slash"),
        pytest.param("https://app.example.com/path", id="path"),
        pytest.param("https://App.example.com", id="capital"),
        pytest.param("https://app.example.com:443", id="default port"),
        pytest.param("http://app.example.com:80", id="default port of http"),
        pytest.param("https://*.example.com", id="pattern"),
        pytest.param("https://user@app.example.com", id="user"),
        pytest.param("https://app.example.com\n", id="line break"),
    ],
)
def test_refused_origins(value: str) -> None:
    """What no browser sends would never be equal, and is refused at the start."""
    assert "origins as browsers send them" in refuses("websocket_origins", [value])


@pytest.mark.parametrize("value", [pytest.param(0, id="none"), 10_000])
def test_numbers_of_event_streams(value: int) -> None:
    """There may be none, and as many as a process can hold."""
    assert read(max_event_streams=value).max_event_streams == value


@pytest.mark.parametrize("value", [-1, 10_001, True, "5"])
def test_refused_numbers_of_event_streams(value: Any) -> None:
    """What is no such number is refused."""
    refuses("max_event_streams", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("max_sessions_per_subject", 5, id="limit"),
        pytest.param("max_sessions_per_subject_and_client", 5, id="limit of a client"),
        pytest.param("client_activity_renews", True, id="renewal without the cookie"),
        pytest.param("broadcast_url", "redis://localhost", id="channels"),
        pytest.param("check_session_cookie_name", "idp_session.1", id="name of a part"),
        pytest.param("delivery_retention", 13 * 86400, id="ends forgotten too early"),
    ],
)
def test_what_needs_sessions_on_the_server(name: str, value: Any) -> None:
    """It is refused where sessions are in cookies, and nowhere else."""
    assert "IDP_SESSION_TICKETS" in refuses(name, value, tickets="cookie")
    assert getattr(read(**{name: value}), name)


def test_where_sessions_are() -> None:
    """There are two places."""
    assert read().tickets == "server"
    assert read(tickets="cookie").tickets == "cookie"
    assert '"server" or "cookie"' in refuses("tickets", "browser")


def test_how_much_of_an_address_is_kept() -> None:
    """Nothing, a part or all of it; anything else is a mistake."""
    assert read().keep_ip_address == "no"
    assert read(keep_ip_address="shortened").keep_ip_address == "shortened"
    assert '"no", "shortened" or "full"' in refuses("keep_ip_address", "yes")
