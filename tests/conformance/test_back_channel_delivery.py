"""How a client is told by the back channel: when, how often, and in spite of what."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlencode
from urllib.parse import urlsplit

import pytest
import trustme

from tests.sample.clients import claims_of
from tests.sample.processes import wait_until

from .administrator import Administrator
from .browser import asks_to_sign_out
from .browser import Browser
from .browser import SignedIn
from .conftest import Join
from .provider import Provider
from .relying_party import Answer
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]

#: What the back channel may cost the user, with room for a busy machine; whoever
#: waited for the client that hangs would wait for longer, at a provider of ours.
_PATIENCE = 30


@pytest.fixture
def administrator(new_browser: Callable[..., Browser]) -> Administrator:
    return Administrator(new_browser())


@pytest.mark.spec("BCL-OP-17")
def test_the_connection(
    secure: Provider,
    authority: trustme.CA,
    foreign: Provider | None,
    new_browser: Callable[..., Browser],
    join: Join,
) -> None:
    """A client that speaks https is talked to with TLS 1.3."""
    if foreign:
        pytest.skip("--conformance-issuer: it does not know the tests' authority")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    party = join(secure, back=True, tls=context, redirect_uris=["https://shop.test/cb"])
    other = join(secure)
    browser = new_browser(secure)
    session = browser.sign_in(other)
    browser.authorize(party, follow=False)

    browser.log_out_from(session)

    party.first_logout_token()
    [hit] = party.hits_at("/back")
    assert hit.tls is not None
    assert hit.tls[0] == "TLSv1.3"


@pytest.mark.spec("BCL-OP-27", "RIL-OP-31")
def test_a_client_that_hangs(browser: Browser, join: Join) -> None:
    """The others hear of the end at once, and the user goes on within the bound."""
    slow, shop, mail = join(back=True), join(back=True), join(back=True)
    slow.answers["/back"] = [Answer(hangs=True)]
    browser.sign_in(slow)
    session = browser.sign_in(shop)
    browser.sign_in(mail)
    began = time.monotonic()

    browser.log_out_from(session)

    assert time.monotonic() - began < _PATIENCE
    assert len(shop.hits_at("/bye")) == 1
    told = [each.hits_at("/back")[0].at - began for each in (slow, shop, mail)]
    assert max(told) < _PATIENCE


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.spec("BCL-OP-28")
def test_success(
    browser: Browser, join: Join, administrator: Administrator, status: int
) -> None:
    """Either status ends the matter after one request."""
    party = join(back=True)
    party.answers["/back"] = [Answer(status=status)]

    browser.log_out_from(browser.sign_in(party))

    wait_until(lambda: administrator.deliveries(party.client_id) == [("delivered", 1)])


@pytest.mark.spec("BCL-OP-28", "BCL-OP-29", "BCL-OP-30")
def test_what_is_tried_again(
    browser: Browser, join: Join, administrator: Administrator
) -> None:
    """After 400 no request follows; after 503 one does, later, with a fresh token."""
    refusing, failing, down = join(back=True), join(back=True), join(back=True)
    refusing.answers["/back"] = [Answer(status=400, body='{"error":"invalid_request"}')]
    failing.answers["/back"] = [Answer(status=503), Answer(status=204)]
    session = browser.sign_in(refusing)
    browser.sign_in(failing)
    browser.sign_in(down)
    down.stop()

    browser.log_out_from(session)
    wait_until(lambda: len(failing.hits_at("/back")) == 2)
    wait_until(
        lambda: administrator.deliveries(failing.client_id) == [("delivered", 2)]
    )

    first, second = (claims_of(token) for token in failing.logout_tokens)
    before, after = failing.hits_at("/back")
    assert after.at - before.at > 0.2
    assert first["jti"] != second["jti"]
    assert first["iat"] <= second["iat"] < time.time() < second["exp"]
    assert {first["sid"], second["sid"]} == {session.claims["sid"]}
    wait_until(lambda: administrator.deliveries(refusing.client_id) == [("refused", 1)])
    assert len(refusing.hits_at("/back")) == 1
    assert administrator.deliveries(down.client_id)[0][0] == "pending"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.spec("BCL-OP-31")
def test_redirects_are_not_followed(
    browser: Browser, join: Join, administrator: Administrator, status: int
) -> None:
    """The token goes to the registered address and is not carried on from there."""
    party, elsewhere = join(back=True), join()
    onward = {"Location": f"{elsewhere.url}/back"}
    party.answers["/back"] = [Answer(status=status, headers=onward)]

    browser.log_out_from(browser.sign_in(party))

    wait_until(lambda: administrator.deliveries(party.client_id) == [("failed", 1)])
    assert len(party.hits_at("/back")) == 1
    assert elsewhere.hits == []


def _by_the_administrator(
    browser: Browser, session: SignedIn, administrator: Administrator
) -> None:
    administrator.end(session.claims["sid"])


def _at_the_provider(
    browser: Browser, session: SignedIn, administrator: Administrator
) -> None:
    browser.confirm(browser.log_out())


def _on_another_device(
    browser: Browser, session: SignedIn, administrator: Administrator
) -> None:
    other = Browser(browser.provider)
    other.sign_in(session.client)
    asked = other.get(f"{browser.provider.issuer}/account/sessions/end-others")
    page = other.submit(asked, {})
    other.close()
    assert page.status_code == 200


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(_by_the_administrator, id="by the administrator"),
        pytest.param(_at_the_provider, id="at the provider"),
        pytest.param(_on_another_device, id="on another device"),
    ],
)
@pytest.mark.spec("BCL-OP-33")
def test_other_ways_to_end_a_session(
    browser: Browser,
    join: Join,
    administrator: Administrator,
    end: Callable[[Browser, SignedIn, Administrator], None],
) -> None:
    """Whoever ends it, the client is told of exactly that session."""
    party = join(back=True)
    session = browser.sign_in(party)

    end(browser, session, administrator)

    party.first_logout_token()
    assert [claims_of(token)["sid"] for token in party.logout_tokens] == [
        session.claims["sid"]
    ]
    assert not browser.is_signed_in(party)


@pytest.mark.spec("BCL-OP-33")
def test_a_session_that_is_not_used(
    strict: Provider, new_browser: Callable[..., Browser], join: Join
) -> None:
    """Nobody clicks anything: the session times out, and the client is told."""
    party = join(strict, back=True)
    session = new_browser(strict).sign_in(party)

    wait_until(lambda: bool(party.logout_tokens))

    assert claims_of(party.logout_tokens[0])["sid"] == session.claims["sid"]


@pytest.mark.spec("BCL-OP-34")
def test_refresh_tokens(plain: Provider, browser: Browser, join: Join) -> None:
    """Those of the session end with it; those that were granted beyond it do not."""
    bound, offline = join(), join()
    session = browser.sign_in(bound)
    kept = browser.sign_in(offline, scope="openid offline_access", prompt="consent")
    statuses = []

    for _ in range(2):
        statuses.append([_refresh(plain, each) for each in (session, kept)])
        browser.log_out_from(session)

    assert statuses == [[200, 200], [400, 200]]


@pytest.mark.spec("BCL-OP-35")
def test_a_browser_that_vanishes(browser: Browser, join: Join) -> None:
    """Whoever agrees and closes the browser is signed out everywhere all the same."""
    party = join(back=True)
    session = browser.sign_in(party)
    query = urlencode({"id_token_hint": session.id_token})
    endpoint = urlsplit(browser.provider.metadata["end_session_endpoint"])

    if endpoint.scheme != "http":
        pytest.skip("only a plain connection is broken off like this")

    cookies = "; ".join(f"{each.name}={each.value}" for each in browser.http.cookies)
    request = (
        f"GET {endpoint.path}?{query} HTTP/1.1\r\nHost: {endpoint.netloc}\r\n"
        f"Cookie: {cookies}\r\n\r\n"
    )

    with socket.create_connection((endpoint.hostname, endpoint.port)) as connection:
        connection.sendall(request.encode())

    party.first_logout_token()
    assert not browser.is_signed_in(party)


@pytest.mark.spec("BCL-OP-27", "RIL-OP-18")
def test_a_client_that_refuses_keeps_nobody_in(browser: Browser, join: Join) -> None:
    """What clients answer does not decide whether the user is signed out."""
    party = join(back=True)
    party.answers["/back"] = [Answer(status=500)]
    session = browser.sign_in(party)

    browser.log_out_from(session)

    assert len(party.hits_at("/bye")) == 1
    assert not browser.is_signed_in(party)
    assert not asks_to_sign_out(browser.log_out())


def _refresh(provider: Provider, session: SignedIn) -> int:
    party: RelyingParty = session.client
    response = provider.token(
        (party.client_id, party.client_secret),
        grant_type="refresh_token",
        refresh_token=session.tokens["refresh_token"],
    )

    if response.ok:
        session.tokens.update(response.json())

    return response.status_code
