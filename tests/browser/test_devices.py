"""The pages of the user's own devices, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import Page
from playwright.sync_api import ViewportSize

from tests.ports import free_port
from tests.sample.clients import RecordingClient
from tests.sample.clients import write_clients
from tests.sample.person import Person
from tests.sample.processes import start

pytestmark = [pytest.mark.browser, pytest.mark.process]

OpenBrowser = Callable[..., BrowserContext]
Screenshot = Callable[[Page, str], None]

_PHONE: ViewportSize = {"width": 360, "height": 740}
_ON_ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)


class Provider:
    """A provider, an application that answers and one that does not yet."""

    def __init__(self, folder: Path) -> None:
        self.mail = RecordingClient("Mail").start()
        self.shop = RecordingClient("Shop", status=503).start()
        file = write_clients(folder / "clients.json", self.mail, self.shop)
        port = free_port()
        self.issuer = f"http://localhost:{port}"
        settings = (
            *("--set", "IDP_SESSION_DELIVERY_RETRY_AFTER=1"),
            # Each answers at once, as far as the machine lets it.
            *("--set", "IDP_SESSION_BACK_CHANNEL_WAIT=30"),
            *("--set", "IDP_SESSION_KEEP_IP_ADDRESS=full"),
        )
        self._provider = start(
            "sample_idp",
            *("idp", "--port", str(port), "--clients", str(file), *settings),
            cwd=folder,
        )
        self._provider.wait_until_ready()

    def devices_of(self, browser: BrowserContext) -> Page:
        """The page of the devices, in a browser where Alice has signed in."""
        page = browser.new_page()
        page.goto(f"{self.issuer}/account/sessions")
        page.fill("#username", "alice")
        page.fill("#password", "alice")
        page.click("button[type=submit]")
        expect(page.locator("h1")).to_have_text("Your devices")

        return page

    def phone(self) -> Person:
        """Alice's phone, with both applications."""
        phone = Person(self.issuer)
        phone.http.headers["User-Agent"] = _ON_ANDROID

        for client in (self.mail, self.shop):
            phone.sign_in(client)

        return phone

    def is_signed_in(self, person: Person) -> bool:
        answer = person.http.get(
            f"{self.issuer}/account/", allow_redirects=False, timeout=20
        )

        return answer.status_code == 200

    def stop(self) -> None:
        self._provider.close()
        self.mail.stop()
        self.shop.stop()


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    provider = Provider(tmp_path)
    yield provider
    provider.stop()


def _overflows(page: Page) -> bool:
    script = (
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )

    return bool(page.evaluate(script))


def test_signing_out_a_lost_phone(
    provider: Provider, open_browser: OpenBrowser, screenshot: Screenshot
) -> None:
    """The list, the question, and what each application says, which is followed."""
    phone = provider.phone()
    page = provider.devices_of(open_browser())
    errors: list[str] = []
    page.on("console", lambda said: errors.append(f"{said.text} {said.location}"))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.reload()

    lost = page.locator("li", has_text="Chrome Mobile on Android")
    expect(lost).to_contain_text("Applications: Mail, Shop")
    expect(lost).to_contain_text("127.0.0.1")
    expect(page.locator("li", has_text="this device")).to_contain_text("active now")
    screenshot(page, "list")
    lost.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("Sign out Chrome Mobile on Android?")
    screenshot(page, "question")
    page.get_by_role("button", name="Sign out there").click()

    expect(page.locator("h1")).to_have_text("One device was signed out")
    expect(page.locator("li", has_text="Mail")).to_contain_text("signed out")
    expect(page.locator("li", has_text="Shop")).to_contain_text("we keep trying")
    screenshot(page, "waiting")
    assert not provider.is_signed_in(phone)
    provider.shop.status = 200
    shop = page.locator("li", has_text="Shop").locator(".state")
    expect(shop).to_have_text("signed out")
    expect(page.get_by_role("link", name="Look again")).to_have_count(0)
    screenshot(page, "done")
    assert [error for error in errors if "favicon.ico" not in error] == []


def test_on_a_phone_in_the_dark(
    provider: Provider, open_browser: OpenBrowser, screenshot: Screenshot
) -> None:
    """On a small screen all pages fit, in the dark too."""
    provider.phone()
    page = provider.devices_of(open_browser())
    page.set_viewport_size(_PHONE)
    page.emulate_media(color_scheme="dark")

    screenshot(page, "list")
    assert not _overflows(page)
    page.get_by_role("link", name="Sign out all others").click()
    screenshot(page, "question")
    assert not _overflows(page)
    page.get_by_role("button", name="Sign out there").click()
    expect(page.locator("h1")).to_have_text("One device was signed out")
    screenshot(page, "result")
    assert not _overflows(page)


def test_without_scripts(provider: Provider, open_browser: OpenBrowser) -> None:
    """Everything works by links and forms alone."""
    phone = provider.phone()
    page = provider.devices_of(open_browser())
    page.route("**/*.js", lambda route: route.abort())

    page.get_by_role("link", name="Sign out all others").click()
    page.get_by_role("button", name="Sign out there").click()
    expect(page.locator("li", has_text="Shop")).to_contain_text("we keep trying")
    assert not provider.is_signed_in(phone)
    provider.shop.status = 200
    shop = page.locator("li", has_text="Shop").locator(".state")

    # Whoever looks again sees it, sooner or later.
    for _ in range(60):
        if shop.inner_text() == "signed out":
            break

        page.wait_for_timeout(500)
        page.get_by_role("link", name="Look again").click()

    expect(shop).to_have_text("signed out")
    expect(page.get_by_role("link", name="Look again")).to_have_count(0)


def test_what_a_page_may_not_do(provider: Provider, open_browser: OpenBrowser) -> None:
    """A form of another site signs nobody out, whatever cookies the browser sends."""
    phone = provider.phone()
    page = provider.devices_of(open_browser())

    page.goto(f"{provider.mail.url}/")
    page.set_content(
        f'<form method="post" action="{provider.issuer}/account/sessions/end-others">'
        '<input name="confirmation" value="others"><button>Win</button></form>'
    )
    page.get_by_role("button", name="Win").click()
    page.wait_for_url(f"{provider.issuer}/**")

    assert provider.is_signed_in(phone)
