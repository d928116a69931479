"""Settings of deliveries are refused where they could not do what they say."""

from __future__ import annotations

from typing import Any

import pytest

from .reading_options import read
from .reading_options import refuses
from .reading_options import SECOND


# BCL-OP-20
def test_logout_tokens_are_short_lived() -> None:
    """Two minutes is the most that the specification would like to see."""
    assert read(logout_token_lifetime=120).logout_token_lifetime == 120 * SECOND
    assert "at most 120" in refuses("logout_token_lifetime", 120.5)


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
        pytest.param(0, "between 1 and 10000", id="none"),
        pytest.param(10_001, "between 1 and 10000", id="too many"),
        pytest.param("16", "type int", id="string"),
        pytest.param(True, "type int", id="boolean"),
        pytest.param(1.5, "type int", id="fraction"),
    ],
)
def test_refused_numbers_in_flight(value: Any, wanted: str) -> None:
    """There is at least one, and there are not too many."""
    assert wanted in refuses("delivery_in_flight", value)


def test_no_more_in_flight_than_threads() -> None:
    """Whoever chooses threads cannot have as many as libcurl carries."""
    assert "at most 256" in refuses(
        "delivery_in_flight", 257, delivery_sender="requests"
    )
    assert read(delivery_in_flight=256).delivery_in_flight == 256


@pytest.mark.parametrize(
    "count", [pytest.param(1, id="1"), pytest.param(10_000, id="10000")]
)
def test_numbers_in_flight(count: int) -> None:
    """The bounds themselves are accepted."""
    assert read(delivery_in_flight=count).delivery_in_flight == count


@pytest.mark.parametrize(
    ("settings", "per_host"),
    [
        pytest.param({}, 64, id="default"),
        pytest.param({"delivery_in_flight": 3}, 1, id="few"),
        pytest.param({"delivery_in_flight_per_host": 7}, 7, id="given"),
    ],
)
def test_share_of_a_host(settings: dict[str, int], per_host: int) -> None:
    """A host may have a quarter, unless told otherwise, and always one."""
    assert read(**settings).deliveries_per_host == per_host


def test_a_host_has_some_share() -> None:
    """A share of nothing would be a client that is never told."""
    assert "at least 1" in refuses("delivery_in_flight_per_host", 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param((), (), id="none"),
        pytest.param("", (), id="empty string"),
        pytest.param(8443, (8443,), id="number"),
        pytest.param("443, 8443", (443, 8443), id="string with commas"),
        pytest.param([1, 65535], (1, 65535), id="bounds"),
    ],
)
def test_ports(value: Any, expected: tuple[int, ...]) -> None:
    """Ports may come from the environment, as numbers or as text."""
    assert read(delivery_allowed_ports=value).delivery_allowed_ports == expected


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param(0, "from 1 to 65535", id="too small"),
        pytest.param([65536], "from 1 to 65535", id="too large"),
        pytest.param("https", "whole numbers", id="word"),
        pytest.param("-1", "whole numbers", id="sign"),
        pytest.param("\u0664\u0664\u0663", "whole numbers", id="foreign digits"),
        pytest.param(["443"], "whole numbers", id="strings"),
        pytest.param([True], "whole numbers", id="boolean"),
        pytest.param(None, "whole numbers", id="nothing"),
    ],
)
def test_refused_ports(value: Any, wanted: str) -> None:
    """What is no port stops the app."""
    assert wanted in refuses("delivery_allowed_ports", value)


def test_allowed_hosts() -> None:
    """Several hosts may come as one string."""
    hosts = read(delivery_allowed_hosts="crm.test, *.intranet.test")

    assert hosts.delivery_allowed_hosts == ("crm.test", "*.intranet.test")


def test_refused_sender() -> None:
    """A sender is one of those that there are."""
    assert '"auto", "requests" or "curl"' in refuses("delivery_sender", "httpx")


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


@pytest.mark.parametrize("value", ["user, admin", ["user", "admin"]])
def test_reasons(value: Any) -> None:
    """Reasons are a list, or one string with commas."""
    assert read(logout_reasons=value).logout_reasons == ("user", "admin")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param("user, usr", "some of user, rp_initiated", id="misspelt"),
        pytest.param("", "some of user, rp_initiated", id="nothing"),
        pytest.param(5, "a list of strings", id="number"),
    ],
)
def test_refused_reasons(value: Any, wanted: str) -> None:
    """A misspelt reason does not silently keep clients from being told."""
    assert wanted in refuses("logout_reasons", value)
