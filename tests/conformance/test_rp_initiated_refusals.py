"""Logout that a client asks for: when no redirect may happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from .browser import asks_to_sign_out
from .browser import Browser
from .browser import SignedIn
from .browser import STATE
from .conftest import Join
from .forgeries import altered
from .forgeries import issued_by_the_client
from .forgeries import of_another_issuer
from .forgeries import signed_by_the_client
from .forgeries import signed_with_the_public_key
from .forgeries import signed_with_the_secret
from .forgeries import unsigned
from .forgeries import unsigned_with_signature
from .pages import is_own_page
from .provider import Provider
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]

FORGERIES = [
    pytest.param(unsigned, marks=pytest.mark.spec("RIL-OP-25"), id="alg none"),
    pytest.param(
        unsigned_with_signature,
        marks=pytest.mark.spec("RIL-OP-25"),
        id="alg none with the signature of another",
    ),
    pytest.param(
        signed_by_the_client,
        marks=pytest.mark.spec("RIL-OP-26"),
        id="signed by the client",
    ),
    pytest.param(
        issued_by_the_client,
        marks=pytest.mark.spec("RIL-OP-26"),
        id="issued by the client",
    ),
    pytest.param(
        signed_with_the_secret,
        marks=pytest.mark.spec("RIL-OP-26"),
        id="signed with the client secret",
    ),
    pytest.param(
        signed_with_the_public_key,
        marks=pytest.mark.spec("RIL-OP-26"),
        id="signed with a public key",
    ),
    pytest.param(altered, marks=pytest.mark.spec("RIL-OP-11"), id="altered"),
    pytest.param(
        of_another_issuer, marks=pytest.mark.spec("RIL-OP-11"), id="another issuer"
    ),
    pytest.param(
        lambda _: "no.token.at-all", marks=pytest.mark.spec("RIL-OP-11"), id="nonsense"
    ),
    pytest.param(
        lambda session: session.tokens["access_token"],
        marks=pytest.mark.spec("RIL-OP-30"),
        id="access token",
    ),
]


class Refusal:
    """A logout request after which nobody may come to any client."""

    def __init__(self, browser: Browser, session: SignedIn) -> None:
        self._browser = browser
        self._session = session

    def __call__(self, *others: RelyingParty, **parameters: str | None) -> None:
        """Send it, agree to sign out, and look who came."""
        browser, party = self._browser, self._session.client
        visited = {each: len(each.hits) for each in (party, *others)}

        request: dict[str, Any] = {
            "post_logout_redirect_uri": party.bye,
            "state": STATE,
            **parameters,
        }

        page = browser.log_out(**request)
        assert is_own_page(browser.provider, page)

        if asks_to_sign_out(page):
            page = browser.confirm(page)
            assert is_own_page(browser.provider, page)

        assert page.status_code == 200
        assert {each: len(each.hits) for each in visited} == visited
        assert not browser.is_signed_in(party)


@pytest.fixture
def session(browser: Browser, shop: RelyingParty) -> SignedIn:
    return browser.sign_in(shop)


@pytest.fixture
def refused(browser: Browser, session: SignedIn) -> Refusal:
    return Refusal(browser, session)


@pytest.mark.spec("RIL-OP-22")
def test_an_address_without_a_hint(refused: Refusal) -> None:
    """Nothing proves who asks, so nobody is sent anywhere, not even after a yes."""
    refused()


@pytest.mark.spec("RIL-OP-15", "RIL-OP-22")
def test_an_address_with_a_client_id(session: SignedIn, refused: Refusal) -> None:
    """The name of a client, which anybody can write, proves nothing."""
    refused(client_id=session.client.client_id)


@pytest.mark.spec("RIL-OP-23")
def test_an_unregistered_address(session: SignedIn, refused: Refusal) -> None:
    """A page of the client's that it has not registered is not gone to."""
    refused(
        id_token_hint=session.id_token,
        post_logout_redirect_uri=f"{session.client.url}/other",
    )


@pytest.mark.parametrize(
    "nearly",
    [
        pytest.param("{}?foo=bar", id="query"),
        pytest.param("{}?", id="empty query"),
        pytest.param("{}#", id="fragment"),
        pytest.param("{}/", id="slash"),
        pytest.param("{}%20", id="blank"),
        pytest.param(" {}", id="blank in front"),
        pytest.param("{}/../bye", id="dots"),
        pytest.param("{}\r\nX: y", id="line break"),
        pytest.param("{}\x00", id="zero"),
    ],
)
@pytest.mark.spec("RIL-OP-24")
def test_a_nearly_registered_address(
    session: SignedIn, refused: Refusal, nearly: str
) -> None:
    """Addresses are compared as they are written, and not as they are meant."""
    refused(
        id_token_hint=session.id_token,
        post_logout_redirect_uri=nearly.format(session.client.bye),
    )


@pytest.mark.spec("RIL-OP-24")
def test_another_spelling_of_the_host(session: SignedIn, refused: Refusal) -> None:
    """The same machine under another name is another address."""
    other = session.client.bye.replace("127.0.0.1", "localhost")

    refused(id_token_hint=session.id_token, post_logout_redirect_uri=other)


@pytest.mark.parametrize("forge", FORGERIES)
@pytest.mark.spec("RIL-OP-28")
def test_a_forged_hint(
    session: SignedIn,
    refused: Refusal,
    browser: Browser,
    forge: Callable[[SignedIn], str],
) -> None:
    """It counts for nothing: the user is asked, and no client is come to."""
    hint = forge(session)

    assert asks_to_sign_out(browser.log_out(id_token_hint=hint))
    refused(id_token_hint=hint)


@pytest.mark.spec("RIL-OP-28")
def test_a_forged_hint_names_nobody(
    browser: Browser, join: Join, session: SignedIn
) -> None:
    """What the page says of the client is not taken from a forged token."""
    named = join(client_name="Grocery")
    other = browser.sign_in(named)

    assert "Grocery" in browser.log_out(client_id=named.client_id).text
    assert "Grocery" not in browser.log_out(id_token_hint=unsigned(other)).text


@pytest.mark.spec("RIL-OP-11")
def test_a_hint_of_another_provider(
    strict: Provider,
    new_browser: Callable[..., Browser],
    join: Join,
    refused: Refusal,
    session: SignedIn,
) -> None:
    """A genuine token of another provider is as good as none."""
    foreigner = join(strict)
    elsewhere = new_browser(strict).sign_in(foreigner, remember=True)

    refused(foreigner, id_token_hint=elsewhere.id_token)


@pytest.mark.parametrize("with_both_registered", [False, True], ids=["one", "both"])
@pytest.mark.spec("RIL-OP-27")
def test_an_address_of_another_client(
    join: Join, session: SignedIn, refused: Refusal, with_both_registered: bool
) -> None:
    """An address counts for the client that registered it, and for no other."""
    other = join()
    client_id = {"client_id": session.client.client_id} if with_both_registered else {}

    refused(
        other,
        id_token_hint=session.id_token,
        post_logout_redirect_uri=other.bye,
        **client_id,
    )


@pytest.mark.spec("RIL-OP-14", "RIL-OP-28")
def test_two_clients_in_one_request(
    browser: Browser, join: Join, session: SignedIn, refused: Refusal
) -> None:
    """A client that is not the hint's makes the whole request count for nothing."""
    other = join()
    contradiction: dict[str, Any] = {
        "id_token_hint": session.id_token,
        "client_id": other.client_id,
    }

    assert asks_to_sign_out(browser.log_out(**contradiction))
    refused(other, **contradiction)


@pytest.mark.spec("RIL-OP-30")
def test_a_logout_token_as_a_hint(
    new_browser: Callable[..., Browser], join: Join
) -> None:
    """A logout token, signed with the same key, does not pass for an ID token."""
    party, browser = join(back=True), new_browser()
    browser.log_out_from(browser.sign_in(party))
    logout_token = party.first_logout_token()
    again = browser.sign_in(party)
    party.hits.clear()

    page = browser.log_out_from(again, id_token_hint=logout_token)

    assert asks_to_sign_out(page)
    assert is_own_page(browser.provider, browser.confirm(page))
    assert party.hits_at("/bye") == []


@pytest.mark.spec("RIL-OP-26")
def test_a_hint_with_the_secret_of_the_client(browser: Browser, join: Join) -> None:
    """Where the client's algorithm is HS256, its own signature is the provider's."""
    party = join(id_token_signed_response_alg="HS256")
    signed_in = browser.sign_in(party)
    expired = {
        **signed_in.claims,
        "iat": int(time.time()) - 60,
        "iss": "https://x.test",
    }
    key = OctKey.import_key(party.client_secret)
    forged = jwt.encode({"alg": "HS256"}, expired, key)

    assert asks_to_sign_out(browser.log_out(id_token_hint=forged))
    browser.log_out_from(signed_in)
    assert len(party.hits_at("/bye")) == 1


@pytest.mark.parametrize(
    "request_of",
    [
        pytest.param(lambda _: {}, id="no hint"),
        pytest.param(
            lambda session: {"client_id": session.client.client_id}, id="client alone"
        ),
        pytest.param(
            lambda session: {"id_token_hint": unsigned(session)}, id="unsigned hint"
        ),
        pytest.param(
            lambda session: {"id_token_hint": signed_by_the_client(session)},
            id="signed by the client",
        ),
        pytest.param(
            lambda session: {
                "id_token_hint": session.id_token,
                "post_logout_redirect_uri": f"{session.client.bye}?foo=bar",
            },
            id="nearly registered",
        ),
    ],
)
@pytest.mark.spec("RIL-OP-20", "RIL-OP-22", "RIL-OP-25", "RIL-OP-26")
def test_nobody_is_signed_in(
    browser: Browser,
    session: SignedIn,
    refused: Refusal,
    request_of: Callable[[SignedIn], dict[str, str]],
) -> None:
    """Where there is nothing to end there is no redirect to an unproved address."""
    browser.log_out(id_token_hint=session.id_token)

    refused(**request_of(session))
