"""The frames of the logout page, and what may be registered for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl
from urllib.parse import urlsplit

import pytest

from .browser import Browser
from .browser import STATE
from .conftest import Join
from .pages import form_of
from .pages import frames_of
from .pages import is_own_page
from .provider import Provider
from .relying_party import Answer
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]


def _application(html: str, party: RelyingParty) -> str:
    """What the page says of one client, without markup."""
    [entry] = [
        entry
        for entry in re.findall(r"<li(?:\s[^>]*)?>(.*?)</li>", html, re.DOTALL)
        if party.metadata["client_name"] in entry
    ]

    return " ".join(re.sub(r"<[^>]*>", " ", entry).split())


@pytest.mark.parametrize("required", [True, False, None])
@pytest.mark.spec("FCL-OP-02", "FCL-OP-03", "FCL-OP-04", "FCL-OP-08")
def test_what_is_added_to_the_address(
    plain: Provider, browser: Browser, join: Join, required: bool | None
) -> None:
    """Issuer and session of the ID token, once each, whatever the client requires."""
    party = join(front=True, frontchannel_logout_session_required=required)
    session = browser.sign_in(party)

    page = browser.log_out_from(session)

    [frame] = frames_of(page.text)
    assert frame.startswith(f"{party.url}/front?")
    assert parse_qsl(urlsplit(frame).query, strict_parsing=True) == [
        ("iss", plain.metadata["issuer"]),
        ("sid", session.claims["sid"]),
    ]


@pytest.mark.spec("FCL-OP-09")
def test_an_address_with_a_query(
    plain: Provider, browser: Browser, relying_party: Callable[..., RelyingParty]
) -> None:
    """The client's own query stays as it is, and is text in the page."""
    party = relying_party()
    query = "a=%22%3E%3Cscript%3E&b=x'y&copy=1"
    party.register(plain, frontchannel_logout_uri=f"{party.url}/front?{query}")

    page = browser.log_out_from(browser.sign_in(party))

    [frame] = frames_of(page.text)
    assert frame.startswith(f"{party.url}/front?{query}&iss=http")
    assert query not in page.text
    assert "&amp;copy=1&amp;iss=" in page.text


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("/front", id="not absolute"),
        pytest.param("https://shop.test/front#here", id="fragment"),
        pytest.param("https://other.test/front", id="another host"),
        pytest.param("https://shop.test:8443/front", id="another port"),
        pytest.param("http://shop.test/front", id="another scheme"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("https://me@shop.test/front", id="user"),
        pytest.param(["https://shop.test/front"], id="list"),
    ],
)
@pytest.mark.spec("FCL-OP-10")
def test_addresses_that_cannot_be_registered(
    plain: Provider, relying_party: Callable[..., RelyingParty], uri: object
) -> None:
    """An address that is not where the client lives is refused by name."""
    response = relying_party().register(
        plain,
        redirect_uris=["https://shop.test/callback"],
        post_logout_redirect_uris=None,
        frontchannel_logout_uri=uri,
    )

    assert response.status_code == 400
    assert response.json()["error"] == "invalid_client_metadata"
    assert "frontchannel_logout_uri" in response.json()["error_description"]


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("https://shop.test/front", id="same origin"),
        pytest.param("https://shop.test:443/front?a=b", id="port 443"),
        pytest.param("https://SHOP.test/front", id="capitals"),
    ],
)
@pytest.mark.spec("FCL-OP-10")
def test_addresses_that_can_be_registered(
    plain: Provider, relying_party: Callable[..., RelyingParty], uri: str
) -> None:
    """The same origin in other words is the same origin."""
    response = relying_party().register(
        plain,
        redirect_uris=["https://elsewhere.test/", "https://shop.test/callback"],
        frontchannel_logout_uri=uri,
    )

    assert response.status_code == 201
    assert response.json()["frontchannel_logout_uri"] == uri


@pytest.mark.parametrize(
    ("method", "status"),
    [
        pytest.param("client_secret_basic", 201, id="with a secret"),
        pytest.param("none", 400, id="without one"),
    ],
)
@pytest.mark.spec("FCL-OP-11")
def test_http(
    plain: Provider,
    relying_party: Callable[..., RelyingParty],
    method: str,
    status: int,
) -> None:
    """Only who can keep a secret may be reached by http."""
    response = relying_party().register(
        plain,
        redirect_uris=["http://shop.test/callback"],
        post_logout_redirect_uris=None,
        frontchannel_logout_uri="http://shop.test/front",
        token_endpoint_auth_method=method,
    )

    assert response.status_code == status


@pytest.mark.spec("FCL-OP-07", "FCL-OP-12")
def test_which_clients_are_framed(
    browser: Browser, new_browser: Callable[..., Browser], join: Join
) -> None:
    """Each client of this session once; none without an address, none of another."""
    shop, mail, quiet, elsewhere = (
        join(front=True),
        join(front=True),
        join(back=True),
        join(front=True),
    )
    new_browser().sign_in(elsewhere)
    session = browser.sign_in(shop)
    browser.sign_in(quiet)
    browser.sign_in(mail)
    browser.sign_in(shop)

    page = browser.log_out_from(session)

    frames = [frame.partition("?")[0] for frame in frames_of(page.text)]
    assert sorted(frames) == sorted([f"{shop.url}/front", f"{mail.url}/front"])
    assert quiet.first_logout_token()
    assert elsewhere.hits_at("/front") == []


@pytest.mark.spec("FCL-OP-13")
def test_the_policy_of_the_page(browser: Browser, join: Join) -> None:
    """It may frame exactly the clients that it frames, and nobody may frame it."""
    shop, mail = join(front=True), join(front=True)
    session = browser.sign_in(shop)
    browser.sign_in(mail)

    page = browser.log_out_from(session)

    policy = dict(
        part.strip().partition(" ")[::2]
        for part in page.headers["Content-Security-Policy"].split(";")
    )
    assert set(policy["frame-src"].split()) == {shop.url, mail.url}
    assert policy["frame-ancestors"] == "'none'"


@pytest.mark.spec("FCL-OP-15")
def test_the_page_a_second_time(browser: Browser, join: Join) -> None:
    """Its address shows the frames once, and nothing after that."""
    party = join(front=True)
    page = browser.log_out_from(browser.sign_in(party))
    assert len(frames_of(page.text)) == 1

    again = browser.get(page.url)

    assert again.status_code == 200
    assert frames_of(again.text) == []
    assert party.url not in again.text


@pytest.mark.parametrize(
    "query", ["", "?logoutId=1", "?end_session_id=1", "?sid=a&iss=b", "?id=../x"]
)
@pytest.mark.spec("FCL-OP-15")
def test_the_page_of_somebody_else(
    browser: Browser, new_browser: Callable[..., Browser], join: Join, query: str
) -> None:
    """Another browser sees nothing at that address, whatever it makes up."""
    party = join(front=True)
    session = browser.sign_in(party)
    leaving = browser.log_out_from(session, follow=False)
    stranger = new_browser()
    address = f"{browser.provider.issuer}{urlsplit(leaving.headers['Location']).path}"

    page = stranger.get(f"{address}{query}")

    assert is_own_page(browser.provider, page)
    assert frames_of(page.text) == []
    assert session.claims["sid"] not in page.text


@pytest.mark.parametrize("forged", ["", "00", "zz", "ab" * 100])
@pytest.mark.spec("FCL-OP-15")
def test_a_forged_cookie(browser: Browser, join: Join, forged: str) -> None:
    """What the page shows comes sealed; nobody can make it up."""
    party = join(front=True)
    leaving = browser.log_out_from(browser.sign_in(party), follow=False)
    address = f"{browser.provider.issuer}{urlsplit(leaving.headers['Location']).path}"

    for cookie in browser.http.cookies:
        cookie.value = forged

    page = browser.get(address)

    assert page.status_code == 200
    assert frames_of(page.text) == []


@pytest.mark.spec("FCL-OP-16")
def test_what_the_page_claims(browser: Browser, join: Join) -> None:
    """A client that was only framed is not said to have signed the user out."""
    framed = join(front=True, client_name="Alpha")
    told = join(back=True, client_name="Omega")
    session = browser.sign_in(framed)
    browser.sign_in(told)

    page = browser.log_out(id_token_hint=session.id_token)

    about_framed = _application(page.text, framed).removeprefix("Alpha")
    about_told = _application(page.text, told).removeprefix("Omega")
    assert about_told
    assert about_framed
    assert about_told not in about_framed


@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.spec("FCL-OP-16")
def test_what_the_page_admits(browser: Browser, join: Join, status: int) -> None:
    """A client that has refused or failed is not said to have signed the user out."""
    unwilling = join(back=True, client_name="Alpha")
    willing = join(back=True, client_name="Omega")
    unwilling.answers["/back"] = [Answer(status=status)]
    session = browser.sign_in(unwilling)
    browser.sign_in(willing)

    page = browser.log_out(id_token_hint=session.id_token)

    confirmed = _application(page.text, willing).removeprefix("Omega")
    assert confirmed not in _application(page.text, unwilling)


@pytest.mark.spec("FCL-OP-05", "FCL-OP-06")
def test_without_a_script(browser: Browser, join: Join) -> None:
    """Where no script runs, a link leads on, with the state, and all is ended."""
    party = join(front=True)

    page = browser.log_out_from(browser.sign_in(party), state=STATE)

    [onward] = re.findall(r'id="continue"[^>]* href="([^"]*)"', page.text)
    browser.get(onward.replace("&amp;", "&").replace("&#39;", "'"))
    [hit] = party.hits_at("/bye")
    assert hit.parameters == {"state": [STATE]}
    assert not browser.is_signed_in(party)


@pytest.mark.spec("FCL-OP-07", "RIL-OP-03")
def test_a_very_long_state(browser: Browser, join: Join) -> None:
    """A state that no cookie could hold does not lose the frames."""
    party = join(front=True)

    page = browser.log_out_from(browser.sign_in(party), state="s" * 3900)

    assert len(frames_of(page.text)) == 1
    assert "state=" + "s" * 3900 in page.text


@pytest.mark.spec("FCL-OP-12")
def test_the_question_frames_nobody(browser: Browser, join: Join) -> None:
    """As long as the user has not agreed, no client is loaded."""
    party = join(front=True)
    browser.sign_in(party)

    page = browser.log_out()

    assert form_of(page.text).fields["confirmation"]
    assert frames_of(page.text) == []
    assert len(frames_of(browser.confirm(page).text)) == 1
