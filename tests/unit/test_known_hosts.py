"""Where clients were when something was last sent to them."""

from __future__ import annotations

import pytest

from idp_session.services import known_hosts
from idp_session.services.known_hosts import KnownHosts


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        pytest.param("https://shop.test/back", "shop.test", id="host"),
        pytest.param("https://Shop.TEST.:8443/", "shop.test", id="spelling"),
        pytest.param("http://[::1]:1/", "::1", id="IPv6"),
        pytest.param("nonsense", "nonsense", id="no host"),
        pytest.param("https://[::1", "https://[::1", id="no URI"),
    ],
)
def test_the_host_of_a_client(uri: str, host: str) -> None:
    """Spellings of one host count as one; what is no address counts by itself."""
    hosts = KnownHosts()

    assert hosts.learn("shop", uri) == host
    assert hosts.known() == {"shop": host}


def test_whoever_moves_is_known_by_the_new_host() -> None:
    """What counts is where a client is now, or that it has no address any more."""
    hosts = KnownHosts()
    hosts.learn("shop", "https://old.test/")
    hosts.learn("mail", "https://mail.test/")

    hosts.learn("shop", "https://new.test/")
    hosts.forget("mail")

    assert hosts.known() == {"shop": "new.test", "mail": None}


def test_it_does_not_grow_for_ever() -> None:
    """Beyond many clients it starts to learn anew."""
    hosts = KnownHosts()

    for number in range(known_hosts._AT_MOST + 1):
        hosts.forget(f"client {number}")

    assert len(hosts.known()) == 1
