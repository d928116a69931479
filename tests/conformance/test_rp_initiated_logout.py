"""Logout that a client asks for: what is done, and where the browser goes."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl
from urllib.parse import unquote
from urllib.parse import urlsplit

import pytest

from .browser import Browser
from .browser import REFUSALS
from .browser import STATE
from .conftest import Join
from .pages import is_own_page
from .provider import Provider
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]


@pytest.mark.spec("RIL-OP-01", "RIL-OP-02", "RIL-OP-03", "RIL-OP-04", "RIL-OP-06")
def test_logout_with_hint_address_and_state(
    browser: Browser, shop: RelyingParty
) -> None:
    """The browser ends once at the registered address, with the state alone."""
    signed_in = browser.sign_in(shop)

    browser.log_out_from(signed_in, state=STATE)

    [hit] = shop.hits_at("/bye")
    [(name, _, value)] = [part.partition("=") for part in hit.query.split("&")]
    assert (hit.method, name, unquote(value)) == ("GET", "state", STATE)
    assert parse_qsl(hit.query) == [("state", STATE)]
    assert not browser.is_signed_in(shop)


@pytest.mark.parametrize(
    "state",
    [
        pytest.param("a b+c;d&e=f#g?h", id="marks of addresses"),
        pytest.param("%41%2B%zz%", id="percent signs"),
        pytest.param("äöü \u2603 \U0001f600", id="not ASCII"),
        pytest.param("line\r\nSet-Cookie: a=b", id="line breaks"),
        pytest.param("\x00\x1f\x7f", id="control characters"),
        pytest.param("\"'><script>", id="markup"),
        pytest.param(" ", id="blank"),
        pytest.param("s" * 2500, id="long"),
    ],
)
@pytest.mark.spec("RIL-OP-03")
def test_any_state(browser: Browser, shop: RelyingParty, state: str) -> None:
    """Whatever a client sends as its state, it gets back."""
    browser.log_out_from(browser.sign_in(shop), state=state)

    [hit] = shop.hits_at("/bye")
    assert hit.parameters == {"state": [state]}


@pytest.mark.parametrize("state", [None, ""], ids=["no state", "empty state"])
@pytest.mark.spec("RIL-OP-05")
def test_logout_without_state(
    browser: Browser, shop: RelyingParty, state: str | None
) -> None:
    """Who sends no state gets none."""
    browser.log_out_from(browser.sign_in(shop), state=state)

    [hit] = shop.hits_at("/bye")
    assert hit.query == ""


@pytest.mark.spec("RIL-OP-06", "RIL-OP-07")
def test_the_refusal_after_the_logout(
    plain: Provider, browser: Browser, shop: RelyingParty
) -> None:
    """The answer to ``prompt=none`` is an error that is well formed."""
    browser.log_out_from(browser.sign_in(shop))

    response = browser.authorize(shop, prompt="none", state=STATE)

    given = dict(parse_qsl(urlsplit(response.url).query, keep_blank_values=True))
    assert given["error"] in REFUSALS
    assert given["state"] == STATE
    assert given.get("iss", plain.issuer) == plain.issuer
    assert given.keys() <= {
        *("error", "error_description", "error_uri", "state", "session_state", "iss")
    }
    description = given.get("error_description", "")
    # RFC 6749 §4.1.2.1: neither quotes nor backslashes, and ASCII only.
    assert description.isascii()
    assert description.isprintable()
    assert not set('"\\') & set(description)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.spec("RIL-OP-08")
def test_both_methods(
    plain: Provider, browser: Browser, shop: RelyingParty, method: str
) -> None:
    """A form does what an address does."""
    signed_in = browser.sign_in(shop)
    send = getattr(browser, method)

    send(
        plain.metadata["end_session_endpoint"],
        id_token_hint=signed_in.id_token,
        post_logout_redirect_uri=shop.bye,
        state="s",
    )

    assert [hit.query for hit in shop.hits_at("/bye")] == ["state=s"]
    assert not browser.is_signed_in(shop)


@pytest.mark.spec("RIL-OP-08")
def test_a_form_without_the_cookie(
    plain: Provider, browser: Browser, shop: RelyingParty
) -> None:
    """A form from another site, which brings no cookie, ends the session as well."""
    signed_in = browser.sign_in(shop)
    cookies = browser.http.cookies.copy()
    browser.http.cookies.clear()
    posted = browser.post(
        plain.metadata["end_session_endpoint"],
        follow=False,
        id_token_hint=signed_in.id_token,
        post_logout_redirect_uri=shop.bye,
    )
    browser.http.cookies.update(cookies)

    browser.get(f"{plain.issuer}{_path(posted.headers['Location'])}")

    assert len(shop.hits_at("/bye")) == 1
    assert not browser.is_signed_in(shop)


@pytest.mark.spec("RIL-OP-09")
def test_an_address_with_a_query(
    plain: Provider, browser: Browser, relying_party: Callable[..., RelyingParty]
) -> None:
    """The client's own query stays in front of the state."""
    party = relying_party()
    party.register(plain, post_logout_redirect_uris=[f"{party.url}/bye?a=b%20c&d"])

    browser.log_out_from(browser.sign_in(party), state="s")

    assert [hit.query for hit in party.hits_at("/bye")] == ["a=b%20c&d&state=s"]


@pytest.mark.parametrize(
    "uri",
    ["com.example.shop:/done", "com.example.shop://done/", "shop.app:///done"],
)
@pytest.mark.spec("RIL-OP-10")
def test_an_app_with_its_own_scheme(browser: Browser, join: Join, uri: str) -> None:
    """An app is sent back to exactly what it registered."""
    party = join(post_logout_redirect_uris=[uri])
    signed_in = browser.sign_in(party)

    response = browser.log_out_from(signed_in, state="s", follow=False)

    assert response.headers["Location"] == f"{uri}?state=s"


@pytest.mark.spec("RIL-OP-31")
def test_all_are_told_before_the_browser_goes_on(browser: Browser, join: Join) -> None:
    """The client that asks hears of the end, and so does every other, and first."""
    shop, mail = join(back=True), join(back=True)
    signed_in = browser.sign_in(shop)
    browser.sign_in(mail)

    browser.log_out_from(signed_in)

    [told_shop], [told_mail] = shop.hits_at("/back"), mail.hits_at("/back")
    [arrived] = shop.hits_at("/bye")
    assert told_shop.at < arrived.at
    assert told_mail.at < arrived.at


@pytest.mark.parametrize(
    ("uris", "public"),
    [
        pytest.param("https://shop.test/", False, id="no list"),
        pytest.param(["/bye"], False, id="not absolute"),
        pytest.param(["https://shop.test/#a"], False, id="fragment"),
        pytest.param(["javascript:alert(1)"], False, id="script"),
        pytest.param(["https://"], False, id="no host"),
        pytest.param(["http://shop.test/"], True, id="http without a secret"),
    ],
)
@pytest.mark.spec("RIL-OP-32")
def test_addresses_that_cannot_be_registered(
    plain: Provider,
    relying_party: Callable[..., RelyingParty],
    uris: object,
    public: bool,
) -> None:
    """An address that no browser should be sent to is refused by name."""
    method = "none" if public else "client_secret_basic"

    response = relying_party().register(
        plain,
        redirect_uris=["https://shop.test/callback"],
        post_logout_redirect_uris=uris,
        token_endpoint_auth_method=method,
    )

    assert response.status_code == 400
    assert response.json()["error"] == "invalid_client_metadata"
    assert "post_logout_redirect_uris" in response.json()["error_description"]


@pytest.mark.spec("RIL-OP-32")
def test_several_addresses(browser: Browser, join: Join) -> None:
    """A client registers a list, and may ask for any of it."""
    first, second = "https://shop.test/a", "https://shop.test/b"
    party = join(post_logout_redirect_uris=[first, second])
    signed_in = browser.sign_in(party)

    response = browser.log_out_from(
        signed_in, post_logout_redirect_uri=second, follow=False
    )

    assert response.headers["Location"] == second


@pytest.mark.spec("RIL-OP-33")
def test_a_logout_that_begins_at_the_provider(
    plain: Provider, browser: Browser, shop: RelyingParty
) -> None:
    """The browser stays, although a client of the session has an address."""
    browser.sign_in(shop)

    page = browser.confirm(browser.log_out())

    assert is_own_page(plain, page)
    assert shop.hits_at("/bye") == []


@pytest.mark.spec("RIL-OP-34")
def test_what_is_kept_of_a_logout(browser: Browser, join: Join) -> None:
    """No page and no redirect of a logout is stored, or tells where it came from."""
    party = join(back=True, front=True)
    signed_in = browser.sign_in(party)
    asked = browser.log_out(id_token_hint="x", state="s")

    ended = browser.log_out_from(signed_in, state="s")
    gone = browser.log_out_from(signed_in, state="s", follow=False)

    responses = [asked, *ended.history, ended, gone]
    own = [each for each in responses if each.url.startswith(browser.provider.issuer)]
    assert len(own) >= 4
    assert all("no-store" in each.headers["Cache-Control"] for each in own)
    assert {each.headers["Referrer-Policy"] for each in own} == {"no-referrer"}


def _path(url: str) -> str:
    parts = urlsplit(url)

    return f"{parts.path}?{parts.query}"


def test_the_state_of_the_certification() -> None:
    """It has 90 characters: all marks but the plus, the blank and the semicolon."""
    marks = {chr(code) for code in range(0x21, 0x7F) if not chr(code).isalnum()}

    assert len(STATE) == 90
    assert marks - set(STATE) == {"+", ";"}
