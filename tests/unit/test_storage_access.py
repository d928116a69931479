"""What the check-session iframe tells browsers of storage that was granted."""

from __future__ import annotations

import pytest

from idp_session import Client
from idp_session.adapters.origins import origins_of

from .hosts import Host
from .hosts import host_app

PATH = "/connect/checksession"
ORIGIN = "https://shop.test"
STATUS = "Sec-Fetch-Storage-Access"
ANSWER = "Activate-Storage-Access"

pytestmark = pytest.mark.spec("SAA-03", "SAA-04")


class Origins:
    """Knows one origin, and writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def is_registered(self, origin: str) -> bool:
        self.asked.append(origin)

        return origin == ORIGIN


@pytest.fixture
def origins() -> Origins:
    return Origins()


@pytest.fixture
def host(origins: Origins) -> Host:
    return host_app(client_origins=origins)


@pytest.mark.parametrize(
    ("status", "origin", "answer"),
    [
        pytest.param("inactive", ORIGIN, "load", id="granted"),
        pytest.param("active", ORIGIN, "load", id="in use"),
        pytest.param("none", ORIGIN, None, id="not granted"),
        pytest.param(None, ORIGIN, None, id="another browser"),
        pytest.param("maybe", ORIGIN, None, id="unknown"),
        pytest.param("inactive", "https://evil.test", None, id="stranger"),
        pytest.param("inactive", f"{ORIGIN}.evil.test", None, id="longer name"),
        pytest.param("inactive", "http://shop.test", None, id="other scheme"),
        pytest.param("inactive", None, None, id="no origin"),
    ],
)
def test_the_answer(
    host: Host, status: str | None, origin: str | None, answer: str | None
) -> None:
    """Only a page of a client is helped to what the user has granted it."""
    given = {STATUS: status, "Origin": origin}
    headers = {name: value for name, value in given.items() if value is not None}

    response = host.browser().get(PATH, headers=headers)

    assert response.status_code == 200
    assert response.headers.get(ANSWER) == answer
    assert {"origin", "sec-fetch-storage-access"} <= set(response.vary.as_set())


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("null", id="opaque"),
        pytest.param("https://SHOP.test", id="capitals"),
        pytest.param("https://shop.test:443", id="usual port"),
        pytest.param("https://shop.test/", id="path"),
        pytest.param("https://user@shop.test", id="user"),
        pytest.param("https://shop.test https://shop.test", id="two"),
        pytest.param("https://" + "a" * 10_000, id="long"),
        pytest.param("com.example.app:/", id="app"),
        pytest.param("\x7f", id="control"),
        pytest.param("https://shöp.test", id="not ASCII"),
    ],
)
def test_what_no_browser_sends(host: Host, origins: Origins, origin: str) -> None:
    """Something that is no origin is not even looked up."""
    headers = {STATUS: "inactive", "Origin": origin}

    response = host.browser().get(PATH, headers=headers)

    assert (response.status_code, response.headers.get(ANSWER)) == (200, None)
    assert origins.asked == []


def test_a_host_that_knows_no_origins() -> None:
    """Without them the page is as it always was, for everybody."""
    headers = {STATUS: "inactive", "Origin": ORIGIN}

    response = host_app().browser().get(PATH, headers=headers)

    assert ANSWER not in response.headers
    assert "Vary" not in response.headers


def test_the_same_page(host: Host) -> None:
    """What the page itself says is the same with and without a grant."""
    browser = host.browser()

    granted = browser.get(PATH, headers={STATUS: "inactive", "Origin": ORIGIN})

    assert granted.data == browser.get(PATH).data


def test_the_origins_of_a_client() -> None:
    """They are those of its redirect URIs, as browsers write them."""
    client = Client(
        client_id="shop",
        redirect_uris=(
            "https://SHOP.test:443/callback",
            "https://shop.test/silent",
            "http://127.0.0.1:8080/callback",
            "com.example.shop:/callback",
        ),
    )

    assert origins_of(client) == {"https://shop.test", "http://127.0.0.1:8080"}
