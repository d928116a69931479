"""Settings are declared once, and a wrong one stops the app at its start."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from idp_session.errors import ConfigurationError
from idp_session.models import SessionLimit
from idp_session.options import SessionOptions

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
)

BOOLEANS = (
    "cookie_secure",
    "check_session",
    "check_session_cookie_secure",
    "client_activity_renews",
    "confirm_every_logout",
    "delivery_in_process",
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


def test_every_setting_is_tested_here() -> None:
    """A new setting needs a test of what it refuses."""
    tested = {
        *LEAST_SECONDS,
        *STRINGS,
        *BOOLEANS,
        *SAME_SITES,
        *LIMITS,
        "session_limit_policy",
        "delivery_threads",
        "delivery_allowed_networks",
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
    ("settings", "secure_transport", "cookie_secure"),
    [
        pytest.param({}, True, True, id="https"),
        pytest.param({"cookie_secure": False}, True, False, id="https, not secure"),
        pytest.param({"issuer": "http://localhost"}, False, False, id="http"),
        pytest.param(
            {"issuer": "http://localhost", "cookie_secure": True},
            False,
            True,
            id="http, secure",
        ),
    ],
)
def test_the_handle_cookie_is_secure_where_it_can_be(
    settings: dict[str, Any], *, secure_transport: bool, cookie_secure: bool
) -> None:
    """Without a word from the host the issuer decides."""
    options = read(**settings)

    assert options.secure_transport is secure_transport
    assert options.handle_cookie_secure is cookie_secure


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


# BCL-OP-20
def test_logout_tokens_are_short_lived() -> None:
    """Two minutes is the most that the specification would like to see."""
    assert read(logout_token_lifetime=120).logout_token_lifetime == 120 * SECOND
    assert "at most 120" in refuses("logout_token_lifetime", 120.5)


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
        pytest.param("delivery_threads", id="delivery_threads"),
        pytest.param("delivery_allowed_networks", id="delivery_allowed_networks"),
        pytest.param("max_event_streams", id="max_event_streams"),
    ],
)
def test_none_where_it_means_nothing(name: str) -> None:
    """Everywhere else None is a mistake."""
    refuses(name, None)


@pytest.mark.parametrize("name", SAME_SITES)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("lax", id="small letters"),
        pytest.param("", id="empty"),
        pytest.param(1, id="number"),
    ],
)
def test_what_is_no_same_site_is_refused(name: str, value: Any) -> None:
    """Browsers would fall back to a default of their own."""
    assert '"Lax", "Strict" or "None"' in refuses(name, value)


@pytest.mark.parametrize("name", SAME_SITES)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("Lax", id="Lax"),
        pytest.param("Strict", id="Strict"),
        pytest.param("None", id="None"),
    ],
)
def test_same_sites(name: str, value: str) -> None:
    """There are three of them."""
    assert getattr(read(**{name: value}), name) == value


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


@pytest.mark.parametrize("name", ["cookie_name", "check_session_cookie_name"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("a b", id="space"),
        pytest.param("a;b", id="semicolon"),
        pytest.param("a=b", id="equals sign"),
        pytest.param("a\nb", id="line break"),
        pytest.param("sitzungß", id="not ASCII"),
    ],
)
def test_cookie_names_are_tokens(name: str, value: str) -> None:
    """No cookie name breaks a header apart (RFC 6265 §4.1.1)."""
    assert "letters, digits" in refuses(name, value)


@pytest.mark.parametrize("name", ["cookie_name", "check_session_cookie_name"])
def test_prefixes_are_added_where_they_hold(name: str) -> None:
    """Browsers drop a prefixed cookie that does not keep its prefix's promise."""
    assert "__Host- is added" in refuses(name, "__Host-x")


def test_the_two_cookies_differ() -> None:
    """The public copy never overwrites the secret, nor the other way round."""
    message = refuses("check_session_cookie_name", "one", cookie_name="one")

    assert "different from the cookie_name" in message


def test_a_cookie_path_is_absolute() -> None:
    """Browsers take anything else for the folder of the page (RFC 6265 §5.2.4)."""
    assert read(cookie_path="/auth").cookie_path == "/auth"
    assert "begins with /" in refuses("cookie_path", "auth")
    assert "begins with /" in refuses("cookie_path", "")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"issuer": "http://localhost"}, id="over http"),
        pytest.param({"cookie_secure": False}, id="on request"),
    ],
)
def test_same_site_none_needs_secure(settings: dict[str, Any]) -> None:
    """Browsers drop a cookie that is SameSite=None and not Secure."""
    with pytest.raises(ConfigurationError, match="COOKIE_SECURE must be true when"):
        read(cookie_same_site="None", **settings)


def test_same_site_none_over_http_on_loopback() -> None:
    """A development server may have both, since browsers trust loopback."""
    options = read(
        issuer="http://localhost", cookie_same_site="None", cookie_secure=True
    )

    assert options.handle_cookie_secure


# SM-OP-15
def test_the_check_session_cookie_keeps_the_same_rule() -> None:
    """A check-session cookie that browsers drop would say "signed out" to all."""
    message = refuses("check_session_cookie_secure", value=False)
    options = read(
        check_session_cookie_secure=False, check_session_cookie_same_site="Lax"
    )

    assert "check_session_cookie_same_site" in message
    assert not options.check_session_cookie_secure


@pytest.mark.parametrize(
    "timeout", [pytest.param(20, id="as long"), pytest.param(30, id="shorter")]
)
def test_a_lease_outlasts_its_request(timeout: int) -> None:
    """No other process may take a delivery over while its request is on its way."""
    message = refuses("delivery_lease", 20, delivery_timeout=timeout)

    assert "longer than IDP_SESSION_DELIVERY_TIMEOUT" in message


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param(0, "between 1 and 256", id="none"),
        pytest.param(257, "between 1 and 256", id="too many"),
        pytest.param("16", "type int", id="string"),
        pytest.param(True, "type int", id="boolean"),
        pytest.param(1.5, "type int", id="fraction"),
    ],
)
def test_refused_thread_counts(value: Any, wanted: str) -> None:
    """There is at least one thread, and there are not too many."""
    assert wanted in refuses("delivery_threads", value)


@pytest.mark.parametrize(
    "count", [pytest.param(1, id="1"), pytest.param(256, id="256")]
)
def test_thread_counts(count: int) -> None:
    """The bounds themselves are accepted."""
    assert read(delivery_threads=count).delivery_threads == count


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param((), (), id="none"),
        pytest.param("", (), id="empty string"),
        pytest.param("10.0.0.0/8", ("10.0.0.0/8",), id="one"),
        pytest.param(
            "10.0.0.0/8, ::1 ,", ("10.0.0.0/8", "::1"), id="string with commas"
        ),
        pytest.param(["10.0.0.0/8"], ("10.0.0.0/8",), id="list"),
    ],
)
def test_networks(value: Any, expected: tuple[str, ...]) -> None:
    """The environment has only strings: commas make a list."""
    options = read(delivery_allowed_networks=value)

    assert options.delivery_allowed_networks == expected


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param("intranet", "networks as CIDR", id="name"),
        pytest.param("10.0.0.1/8", "networks as CIDR", id="host bits"),
        pytest.param("10.0.0.0/33", "networks as CIDR", id="no such prefix"),
        pytest.param(5, "a list of strings", id="number"),
        pytest.param([5], "a list of strings", id="list of numbers"),
        pytest.param({"10.0.0.0/8": 1}, "a list of strings", id="mapping"),
    ],
)
def test_refused_networks(value: Any, wanted: str) -> None:
    """A hole in the address check is never larger than it was meant to be."""
    assert wanted in refuses("delivery_allowed_networks", value)


@pytest.mark.parametrize("value", [pytest.param(0, id="none"), 10_000])
def test_numbers_of_event_streams(value: int) -> None:
    """There may be none, and as many as a process can hold."""
    assert read(max_event_streams=value).max_event_streams == value


@pytest.mark.parametrize("value", [-1, 10_001, True, "5"])
def test_refused_numbers_of_event_streams(value: Any) -> None:
    """What is no such number is refused."""
    refuses("max_event_streams", value)
