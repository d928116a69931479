"""Providers for the whole run; clients and browsers for each test."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from playwright.sync_api import BrowserContext
from playwright.sync_api import sync_playwright

from tests.browser.conftest import launch

from .browser import Browser
from .chromium import OpenTab
from .chromium import Tab
from .provider import Provider
from .provider import start_provider
from .relying_party import RelyingParty

Join = Callable[..., RelyingParty]
Open = Callable[..., Browser]

# Long enough for a client that does answer and a frame that does load, on a busy
# machine; whoever waited for one that hangs would wait for longer.
_WAITS = (
    *("--set", "IDP_SESSION_BACK_CHANNEL_WAIT=10"),
    *("--set", "IDP_SESSION_FRONT_CHANNEL_WAIT=10"),
    *("--set", "IDP_SESSION_DELIVERY_TIMEOUT=60"),
    *("--set", "IDP_SESSION_DELIVERY_LEASE=90"),
)
# Asks before every logout, and nothing lives long in it but what is remembered; long
# enough to sign in.
_STRICT = (
    "--id-token-lifetime",
    "1",
    "--set",
    "IDP_SESSION_CONFIRM_EVERY_LOGOUT=true",
    "--set",
    "IDP_SESSION_IDLE_TIMEOUT=8",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--conformance-issuer", help="a provider that runs already")
    group.addoption("--conformance-ca-file", help="a CA that vouches for it")


@pytest.fixture(scope="session")
def foreign(request: pytest.FixtureRequest) -> Provider | None:
    """The provider that the command line names."""
    issuer = request.config.getoption("conformance_issuer", None)
    ca_file = request.config.getoption("conformance_ca_file", None)

    return Provider(issuer.rstrip("/"), ca_file=ca_file) if issuer else None


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who vouches for the certificates of the tests."""
    return trustme.CA()


@pytest.fixture(scope="session")
def plain(
    foreign: Provider | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Provider]:
    """A provider over plain http on loopback."""
    provider = foreign or start_provider(tmp_path_factory.mktemp("plain"), *_WAITS)
    yield provider
    provider.stop()


@pytest.fixture(scope="session")
def secure(
    foreign: Provider | None,
    authority: trustme.CA,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Provider]:
    """A provider over https."""
    if foreign and not foreign.issuer.startswith("https:"):
        pytest.skip("the provider of --conformance-issuer does not speak https")

    folder = tmp_path_factory.mktemp("secure")
    provider = foreign or start_provider(
        folder, *_WAITS, tls=_tls_files(authority, folder)
    )
    yield provider
    provider.stop()


@pytest.fixture(scope="session")
def strict(
    foreign: Provider | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Provider]:
    """A provider with settings that only a process of our own can have."""
    if foreign:
        pytest.skip("--conformance-issuer: its settings are not ours to choose")

    provider = start_provider(tmp_path_factory.mktemp("strict"), *_WAITS, *_STRICT)
    yield provider
    provider.stop()


@pytest.fixture
def relying_party() -> Iterator[Callable[..., RelyingParty]]:
    """Makes clients that have not registered yet."""
    parties: list[RelyingParty] = []

    def relying_party(*, tls: ssl.SSLContext | None = None) -> RelyingParty:
        parties.append(RelyingParty(tls=tls))
        return parties[-1]

    yield relying_party

    for party in parties:
        party.stop()


@pytest.fixture
def join(plain: Provider, relying_party: Callable[..., RelyingParty]) -> Join:
    """Makes clients that have registered; the flags give them logout addresses."""

    def join(
        provider: Provider = plain,
        *,
        back: bool = False,
        front: bool = False,
        tls: ssl.SSLContext | None = None,
        **metadata: Any,
    ) -> RelyingParty:
        party = relying_party(tls=tls)
        addresses = {
            "backchannel_logout_uri": f"{party.url}/back" if back else None,
            "frontchannel_logout_uri": f"{party.url}/front" if front else None,
        }
        response = party.register(provider, **(addresses | metadata))
        assert response.status_code == 201, response.text
        return party

    return join


@pytest.fixture
def new_browser(plain: Provider) -> Iterator[Open]:
    """Opens browsers in which nobody is signed in."""
    browsers: list[Browser] = []

    def new_browser(provider: Provider = plain) -> Browser:
        browsers.append(Browser(provider))
        return browsers[-1]

    yield new_browser

    for browser in browsers:
        browser.close()


@pytest.fixture
def browser(new_browser: Open) -> Browser:
    """A browser in which nobody is signed in."""
    return new_browser()


@pytest.fixture
def shop(join: Join) -> RelyingParty:
    """A client without logout addresses."""
    return join()


@pytest.fixture(scope="module")
def chromium(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., BrowserContext]]:
    """Starts Chromium once for each kind of cookies."""
    with sync_playwright() as playwright:
        started: dict[bool, BrowserContext] = {}

        def chromium(*, third_party_cookies: bool) -> BrowserContext:
            if third_party_cookies not in started:
                started[third_party_cookies] = launch(
                    playwright,
                    tmp_path_factory.mktemp("profile"),
                    third_party_cookies=third_party_cookies,
                    ignore_https_errors=True,
                )
            return started[third_party_cookies]

        yield chromium

        for context in started.values():
            context.close()


@pytest.fixture
def open_tab(
    chromium: Callable[..., BrowserContext], secure: Provider
) -> Iterator[OpenTab]:
    """Opens tabs of a browser in which nobody is signed in."""
    opened: list[Tab] = []

    def open_tab(*, third_party_cookies: bool = True) -> Tab:
        context = chromium(third_party_cookies=third_party_cookies)
        opened.append(Tab(context, secure))
        return opened[-1]

    yield open_tab

    for tab in opened:
        tab.page.context.clear_cookies()
        tab.page.close()


@pytest.fixture
def tab(open_tab: OpenTab) -> Tab:
    """A tab of a browser that shows cookies to frames of other sites."""
    return open_tab()


def _tls_files(authority: trustme.CA, folder: Path) -> tuple[str, str, str]:
    certificate = authority.issue_cert("localhost")
    names = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
    certificate.cert_chain_pems[0].write_to_path(names[0])
    certificate.private_key_pem.write_to_path(names[1])
    authority.cert_pem.write_to_path(names[2])

    return str(names[0]), str(names[1]), str(names[2])
