"""What the logout page says of its frames, in a real browser, on two sites."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import Page

from idp_session.models import SendResult
from tests.sample.processes import wait_until

from .front_channel_site import serving_site

pytestmark = [pytest.mark.browser]

OpenBrowser = Callable[..., BrowserContext]
Screenshot = Callable[[Page, str], None]

_SIGNED_OUT = "signed-out"
_DONE = "#done h1"
_STRICT = (
    "default-src 'none'; frame-src 'none'; script-src 'self' 'strict-dynamic' "
    "'nonce-theirs'; style-src 'none'; form-action 'none'; sandbox"
)


def _expect_states(page: Page, **states: str) -> None:
    for kind, state in states.items():
        row = page.locator(f"li[data-application={kind.replace('_', '-')}]")
        expect(row).to_have_attribute("data-state", state)


def _errors(page: Page) -> list[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("dialog", lambda dialog: found.append(dialog.message))
    page.on(
        "console",
        lambda said: (
            found.append(said.text)
            if "Content Security" in said.text and "favicon" not in said.text
            else None
        ),
    )

    return found


def test_what_the_frames_say(open_browser: OpenBrowser, screenshot: Screenshot) -> None:
    """Only an application's own word counts; silence is called what it is."""
    kinds = ("says-so", "silent", "later", "nested", "nonsense", "refuses")
    with serving_site(*kinds) as site:
        page = site.sign_in(open_browser(), *kinds)
        errors = _errors(page)

        site.sign_out(page)

        expect(page.locator(_DONE)).to_be_visible()
        _expect_states(page, says_so=_SIGNED_OUT, later=_SIGNED_OUT, silent="asked")
        # A word from within a frame is not the frame's; a refusal looks like silence.
        _expect_states(page, nested="asked", nonsense="asked", refuses="asked")
        expect(page.locator("#summary")).to_have_text("2 of 6 applications confirmed.")
        expect(page.locator("#advice")).to_be_visible()
        assert errors == []
        screenshot(page, "states")


@pytest.mark.parametrize(
    ("third_party_cookies", "state"),
    [
        pytest.param(True, _SIGNED_OUT, id="allowed"),
        pytest.param(False, "no-session", id="blocked"),
    ],
)
def test_cookies_in_frames(
    open_browser: OpenBrowser,
    screenshot: Screenshot,
    third_party_cookies: bool,
    state: str,
) -> None:
    """Where the browser hides the application's cookie the page says so, and what to do."""
    with serving_site("by-cookie") as site:
        context = open_browser(third_party_cookies=third_party_cookies)
        page = site.sign_in(context, "by-cookie")

        site.sign_out(page)

        _expect_states(page, by_cookie=state)
        expect(page.locator("#advice")).to_be_visible(visible=not third_party_cookies)
        screenshot(page, state)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        pytest.param(SendResult(status=200), _SIGNED_OUT, id="confirmed"),
        pytest.param(SendResult(status=503), "waiting", id="tried again"),
        pytest.param(SendResult(status=400), "no-session", id="refused"),
    ],
)
def test_both_channels(
    open_browser: OpenBrowser, answer: SendResult, state: str
) -> None:
    """The page says what both together have come to, and the frame is loaded anyway."""
    with serving_site("by-cookie", back_channel=("by-cookie",), answer=answer) as site:
        page = site.sign_in(open_browser(third_party_cookies=False), "by-cookie")

        site.sign_out(page)

        _expect_states(page, by_cookie="waiting")
        wait_until(lambda: "/by-cookie" in site.clients.asked)
        site.host.deliver()
        _expect_states(page, by_cookie=state)
        expect(page.locator("#confirmed")).to_have_text(
            "1" if state == _SIGNED_OUT else "0"
        )
        assert site.clients.asked.count("/by-cookie") == 1


def test_the_script_of_the_guide(open_browser: OpenBrowser) -> None:
    """A client whose frame has the guide's script is heard by the page."""
    with serving_site("as-documented") as site:
        page = site.sign_in(open_browser(), "as-documented")

        site.sign_out(page)

        _expect_states(page, as_documented=_SIGNED_OUT)


def test_a_word_in_the_frame_ends_the_waiting(open_browser: OpenBrowser) -> None:
    """An application that the provider cannot reach may say in its frame that it did."""
    answer = SendResult(status=503)
    with serving_site("says-so", back_channel=("says-so",), answer=answer) as site:
        page = site.sign_in(open_browser(), "says-so")

        site.sign_out(page)

        _expect_states(page, says_so=_SIGNED_OUT)


def test_each_frame_has_its_own_deadline(
    open_browser: OpenBrowser, screenshot: Screenshot
) -> None:
    """One that hangs is given up in time, and heard if it comes to life later."""
    with serving_site("hangs", "says-so", wait=1) as site:
        page = site.sign_in(open_browser(), "hangs", "says-so")

        site.sign_out(page)

        _expect_states(page, says_so=_SIGNED_OUT, hangs="not-reached")
        expect(page.locator(_DONE)).to_be_visible()
        expect(page.locator("#advice")).to_be_visible()
        screenshot(page, "not-reached")
        site.clients.released.set()
        _expect_states(page, hangs="asked")


def test_the_way_on_waits_for_all_frames(open_browser: OpenBrowser) -> None:
    """The browser goes on when every frame is settled, and not before the last one."""
    with serving_site("held", "says-so", "silent") as site:
        page = site.sign_in(open_browser(), "held", "says-so", "silent")

        site.sign_out_for(page, "says-so")

        expect(page.locator("#working h1")).to_be_visible()
        _expect_states(page, says_so=_SIGNED_OUT, silent="asked")
        wait_until(lambda: "/until-released" in site.clients.asked)
        assert "/bye" not in site.clients.asked
        site.clients.released.set()
        page.wait_for_url(f"{site.clients.url}/bye")
        assert {"/held", "/says-so", "/silent"} < set(site.clients.asked)


def test_the_way_on_waits_no_longer_than_the_deadline(
    open_browser: OpenBrowser,
) -> None:
    """A frame that hangs keeps nobody from where they wanted to go."""
    with serving_site("hangs", "says-so", wait=1) as site:
        page = site.sign_in(open_browser(), "hangs", "says-so")

        site.sign_out_for(page, "says-so")

        page.wait_for_url(f"{site.clients.url}/bye")


def test_without_scripts(open_browser: OpenBrowser, screenshot: Screenshot) -> None:
    """The frames load all the same, nothing is claimed, and a link leads on."""
    with serving_site("silent", "refuses") as site:
        context = open_browser()
        page = site.sign_in(context, "silent", "refuses")
        context.new_cdp_session(page).send(
            "Emulation.setScriptExecutionDisabled", {"value": True}
        )

        site.sign_out_for(page, "silent")

        expect(page.locator("#advice")).to_be_visible()
        _expect_states(page, silent="asked", refuses="asked")
        screenshot(page, "no-script")
        # Whoever goes on may break off a frame that has not been asked for.
        wait_until(lambda: {"/silent", "/refuses"} <= set(site.clients.asked))
        page.get_by_role("link", name="Continue").click()
        page.wait_for_url(f"{site.clients.url}/bye")
        assert {"/silent", "/refuses"} < set(site.clients.asked)


def test_a_frame_cannot_break_out(open_browser: OpenBrowser) -> None:
    """It neither leads the browser elsewhere nor opens a dialogue."""
    with serving_site("breaks-out") as site:
        page = site.sign_in(open_browser(), "breaks-out")
        errors = _errors(page)

        site.sign_out(page)

        _expect_states(page, breaks_out="asked")
        assert page.url == f"{site.url}/connect/endsession/callback"
        assert "/evil" not in site.clients.asked
        assert errors == []


def test_a_frame_that_has_gone_elsewhere(open_browser: OpenBrowser) -> None:
    """What another origin says in the application's frame is not its word."""
    with serving_site("elsewhere", policy="frame-src *") as site:
        page = site.sign_in(open_browser(), "elsewhere")

        site.sign_out(page)

        _expect_states(page, elsewhere="asked")
        said = "() => document.querySelector('iframe').dataset.outcome"
        wait_until(lambda: "/says-so" in site.clients.asked)
        page.wait_for_timeout(500)
        assert page.evaluate(said) == "asked"


def test_a_strict_policy_of_the_host(open_browser: OpenBrowser) -> None:
    """The question, the frames, the scripts and the way on work under the host's own."""
    with serving_site("says-so", "silent", policy=_STRICT) as site:
        page = site.sign_in(open_browser(), "says-so", "silent")
        errors = _errors(page)

        site.sign_out(page)

        _expect_states(page, says_so=_SIGNED_OUT, silent="asked")
        colour = "getComputedStyle(document.querySelector('.card')).borderTopStyle"
        assert page.evaluate(colour) == "solid"
        assert errors == []


def test_back_shows_nothing(open_browser: OpenBrowser) -> None:
    """Whoever goes back to the page does not learn whose applications these were."""
    with serving_site("says-so") as site:
        page = site.sign_in(open_browser(), "says-so")
        site.sign_out(page)
        _expect_states(page, says_so=_SIGNED_OUT)
        page.goto(f"{site.clients.url}/bye")

        page.go_back()

        expect(page.locator("h1")).to_have_text("You are signed out")
        expect(page.locator("li")).to_have_count(0)
        expect(page.locator("iframe")).to_have_count(0)
        page.reload()
        expect(page.locator("li")).to_have_count(0)


def test_a_page_kept_for_back_shows_nothing(open_browser: OpenBrowser) -> None:
    """A browser that has kept the page as it was gets another one."""
    with serving_site("says-so") as site:
        page = site.sign_in(open_browser(), "says-so")
        site.sign_out(page)
        _expect_states(page, says_so=_SIGNED_OUT)

        # Browsers under test keep no pages, so this is told as they would.
        page.evaluate(
            "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
        )

        expect(page.locator("li")).to_have_count(0)
        expect(page.locator("h1")).to_have_text("You are signed out")
