"""The clients whom the benchmarks have told of logouts."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from ..benchmarks.fan_out.processes import Receivers
from ..benchmarks.fan_out.processes import receivers
from ..benchmarks.fan_out.providers import uris_of

pytestmark = [pytest.mark.process]


@pytest.fixture(scope="module")
def clients() -> Iterator[Receivers]:
    with receivers() as started:
        yield started


def _tell(uri: str, timeout: float = 10) -> int:
    with requests.Session() as http:
        http.trust_env = False

        return http.post(uri, {"logout_token": "t"}, timeout=timeout).status_code


def test_a_round_is_over_when_everybody_was_told(clients: Receivers) -> None:
    """The report has each client once, when it was told, and what the last one got."""
    began_at = time.monotonic()
    clients.begin(expected=2)

    for uri in (uris := list(uris_of(2, clients.port).values())) + uris[:1]:
        assert _tell(uri) == requests.codes.ok

    report = clients.wait(30)

    assert sorted(report.told) == [0, 1]
    assert all(began_at < at < time.monotonic() for at in report.told.values())
    assert report.body == "logout_token=t"
    assert report.most_sockets == 1


def test_a_client_that_hangs(clients: Receivers) -> None:
    """It takes the request, never answers, and is not among those who were told."""
    clients.begin(expected=1, hanging=[0])
    first, second = uris_of(2, clients.port).values()

    with pytest.raises(requests.Timeout):
        _tell(first, timeout=0.2)

    _tell(second)

    assert list(clients.wait(30).told) == [1]


def test_a_client_that_takes_its_time(clients: Receivers) -> None:
    """It counts as told at once, and answers after the delay."""
    clients.begin(expected=1, delay=0.3)
    (uri,) = uris_of(1, clients.port).values()
    asked_at = time.monotonic()
    _tell(uri)
    answered_at = time.monotonic()
    (told_at,) = clients.wait(30).told.values()

    assert asked_at <= told_at
    assert told_at + 0.3 <= answered_at
