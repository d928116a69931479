"""The demo clients: sign-ins that fail."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from .fake_provider import FakeProvider
from .steps import ALICE
from .steps import is_signed_in
from .steps import make_app
from .steps import query
from .steps import SignIn


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        pytest.param("access_denied", 403, "You are not signed in", id="denied"),
        pytest.param("login_required", 403, "You are not signed in", id="no login"),
        pytest.param("server_error", 502, "did not work", id="anything else"),
    ],
)
def test_refusals_of_the_provider(
    browser: FlaskClient, error: str, status: int, words: str
) -> None:
    """An error of the provider is a page with a way on."""
    state = query(browser.get("/login"))["state"]

    page = browser.get("/callback", query_string={"error": error, "state": state})

    assert page.status_code == status
    assert words in page.text
    assert 'href="/login"' in page.text


def test_errors_in_the_log(
    browser: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Of an error that somebody made up no word is in the log."""
    state = query(browser.get("/login"))["state"]
    error = "x\n2026-01-01 INFO forged"

    browser.get("/callback", query_string={"error": error, "state": state})

    assert "the provider: another error" in caplog.messages
    assert "forged" not in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"code": "c"}, id="no state"),
        pytest.param({"code": "c", "state": "made-up"}, id="a state made up"),
        pytest.param({"error": "access_denied", "state": "made-up"}, id="an error"),
    ],
)
def test_answers_to_no_question(browser: FlaskClient, answer: dict[str, str]) -> None:
    """What this browser did not ask for signs nobody in."""
    browser.get("/login")

    page = browser.get("/callback", query_string=answer)

    assert (page.status_code, "This sign-in is over" in page.text) == (400, True)
    assert not is_signed_in(browser)


def test_an_answer_of_another_provider(browser: FlaskClient) -> None:
    """An answer that names another issuer is not taken (RFC 9207 §2.4)."""
    state = query(browser.get("/login"))["state"]
    answer = {"code": "c", "state": state, "iss": "https://other.test"}

    assert browser.get("/callback", query_string=answer).status_code == 400


def test_an_answer_that_comes_twice(
    provider: FakeProvider, signed_in: FlaskClient
) -> None:
    """The same answer does not sign in twice, and does not sign out either."""
    answer = {"code": "code", "state": provider.asked["state"]}

    assert signed_in.get("/callback", query_string=answer).status_code == 400
    assert is_signed_in(signed_in)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"nonce": "another"}, id="nonce"),
        pytest.param({"aud": "mail"}, id="audience"),
        pytest.param({"iss": "https://other.test"}, id="issuer"),
    ],
)
def test_id_tokens_that_are_wrong(
    browser: FlaskClient, come_back: SignIn, claims: dict[str, object]
) -> None:
    """An ID token that is not for this sign-in signs nobody in."""
    page = come_back(browser.get("/login"), **ALICE | claims)

    assert page.status_code == 502
    assert not is_signed_in(browser)


def test_a_token_answer_without_id_token(
    provider: FakeProvider, browser: FlaskClient, come_back: SignIn
) -> None:
    """An answer without ID token signs nobody in."""
    provider.token_answer = {"access_token": "a", "token_type": "Bearer"}

    assert come_back(browser.get("/login"), **ALICE).status_code == 502


def test_a_client_with_the_wrong_secret(provider: FakeProvider) -> None:
    """A token endpoint that refuses the client is a page, not a failure."""
    browser = make_app(provider.issuer, client_secret="wrong").test_client()
    provider.asked = query(browser.get("/login"))
    answer = {"code": "code", "state": provider.asked["state"]}

    page = browser.get("/callback", query_string=answer)

    assert (page.status_code, "did not work" in page.text) == (502, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/login", 503, id="sign-in"),
        pytest.param("/", 200, id="home"),
        pytest.param("/nowhere", 404, id="no such page"),
    ],
)
def test_a_provider_out_of_reach(path: str, status: int) -> None:
    """Without a provider there are clean pages."""
    browser = make_app("http://127.0.0.1:1").test_client()

    page = browser.get(path)

    assert (page.status_code, "<h1>" in page.text) == (status, True)


def test_a_provider_that_is_another(provider: FakeProvider) -> None:
    """Metadata of another issuer are not believed (Discovery §4.3)."""
    provider.metadata = {"issuer": "https://other.test"}
    browser = make_app(provider.issuer).test_client()

    assert browser.get("/login").status_code == 502


def test_a_host_that_is_none(browser: FlaskClient) -> None:
    """A request for no possible host is refused in plain text, not by an error."""
    page = browser.get("/", headers={"Host": "."})

    assert (page.status_code, page.mimetype) == (400, "text/plain")
