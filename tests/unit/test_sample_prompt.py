"""The sample provider: prompt, max_age, id_token_hint, and who is asked what."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session import LogoutReason

from .hosts import Page
from .sample_host import asked
from .sample_host import PKCE
from .sample_host import Provider
from .sample_host import query_of
from .sample_host import sid_of
from .sample_steps import AUTHORIZE
from .sample_steps import end
from .sample_steps import FOREIGN

_PAGES = {
    "/login": "login",
    "/connect/select-account": "account",
    "/connect/consent": "consent",
}


def outcome(response: TestResponse) -> str:
    """Which page comes next, ``code``, or the error that the client gets."""
    if response.status_code == 400:
        return "page"

    path = urlsplit(response.headers["Location"]).path

    if response.status_code == 303 and path in _PAGES:
        return _PAGES[path]

    answer = query_of(response)

    return "code" if "code" in answer else answer["error"]


@pytest.mark.parametrize(
    ("given", "signed_in", "nobody"),
    [
        pytest.param({}, "code", "login", id="nothing"),
        pytest.param({"prompt": "none"}, "code", "login_required", id="none"),
        pytest.param({"prompt": "login"}, "login", "login", id="login"),
        pytest.param({"prompt": "select_account"}, "account", "login", id="select"),
        pytest.param({"prompt": "consent"}, "consent", "login", id="consent"),
        pytest.param({"max_age": "0"}, "login", "login", id="max_age 0"),
        pytest.param({"max_age": "1000"}, "code", "login", id="max_age"),
        pytest.param(
            {"max_age": "x"}, "invalid_request", "invalid_request", id="wrong max_age"
        ),
        pytest.param(
            {"prompt": "none consent"}, "invalid_request", "invalid_request", id="two"
        ),
        pytest.param(
            {"client_id": "asking", "redirect_uri": "https://asking.test/callback"},
            "consent",
            "login",
            id="client that asks",
        ),
        pytest.param(
            {
                "client_id": "asking",
                "redirect_uri": "https://asking.test/callback",
                "prompt": "none",
            },
            "consent_required",
            "login_required",
            id="client that asks, none",
        ),
    ],
)
def test_who_is_asked_what(
    idp: Provider,
    alice: FlaskClient,
    given: dict[str, str],
    signed_in: str,
    nobody: str,
) -> None:
    """A request is answered, leads to a page, or is refused: as it says."""
    # SSO-OP-01..05, RIL-OP-06, RIL-OP-07
    time.sleep(0.001)

    assert outcome(idp.authorize(alice, **given)) == signed_in
    assert outcome(idp.authorize(idp.browser(), **given)) == nobody


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="nobody"),
        pytest.param({"prompt": "login"}, id="login"),
        pytest.param({"prompt": "login select_account"}, id="login and account"),
        pytest.param({"max_age": "0"}, id="max_age 0"),
        pytest.param({"prompt": "select_account", "max_age": "0"}, id="account, 0"),
    ],
)
def test_through_the_sign_in_page(idp: Provider, given: dict[str, str]) -> None:
    """The page leads back to where it came from, once."""
    # SSO-OP-03, SSO-OP-04
    browser = idp.browser() if not given else idp.signed_in()
    first = idp.authorize(browser, **given)

    second = idp.log_in(browser, at=first.headers["Location"])
    third = browser.get(second.headers["Location"])

    assert query_of(third)["state"] == "a state"
    assert outcome(third) == "code"


@pytest.mark.parametrize("given", [{"prompt": "login consent"}, {"prompt": "consent"}])
@pytest.mark.parametrize(
    ("button", "expected"),
    [
        pytest.param("allow", "code", id="yes"),
        pytest.param("deny", "access_denied", id="no"),
    ],
)
def test_through_the_consent_page(
    idp: Provider, given: dict[str, str], button: str, expected: str
) -> None:
    """The user's answer decides, after a login of its own where one is asked for."""
    browser = idp.browser()
    first = idp.authorize(browser, **given)
    back = idp.log_in(browser, at=first.headers["Location"]).headers["Location"]

    question = browser.get(back)
    at = question.headers["Location"]
    answer = browser.post(at, data={button: "yes"})

    assert outcome(question) == "consent"
    assert browser.get(at).status_code == 200
    assert outcome(answer) == expected


def consent_page(idp: Provider, browser: FlaskClient, **given: str) -> str:
    """The address of the page that asks for consent."""
    response = idp.authorize(browser, **{"prompt": "consent", **given})
    assert outcome(response) == "consent"

    return response.headers["Location"]


def account_page(idp: Provider, browser: FlaskClient, **given: str) -> str:
    """The address of the page that asks which account it is."""
    response = idp.authorize(browser, **{"prompt": "select_account", **given})
    assert outcome(response) == "account"

    return response.headers["Location"]


@pytest.mark.parametrize("headers", FOREIGN)
def test_forms_of_another_site(
    idp: Provider, alice: FlaskClient, headers: dict[str, str]
) -> None:
    """Nobody else presses the buttons."""
    consent, account = consent_page(idp, alice), account_page(idp, alice)

    answers = [
        alice.post(consent, data={"allow": "yes"}, headers=headers),
        alice.post(account, data={"same": "yes"}, headers=headers),
        alice.post(account, data={"another": "yes"}, headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]


def test_answers_in_the_address(idp: Provider, alice: FlaskClient) -> None:
    """An address presses no button either, nor does a request of the client."""
    consent, account = consent_page(idp, alice), account_page(idp, alice)

    assert outcome(idp.authorize(alice, prompt="consent", allow="yes")) == "consent"
    assert outcome(idp.authorize(alice, prompt="select_account", same="yes")) == (
        "account"
    )
    # What is added to a sealed address breaks its seal.
    for page, question in ((consent, "consent"), (account, "account")):
        again = alice.get(f"{page}&allow=yes&same=yes").headers["Location"]
        assert outcome(alice.get(again)) == question


@pytest.mark.parametrize("path", ["/connect/consent", "/connect/select-account"])
def test_pages_that_nobody_was_sent_to(
    idp: Provider, alice: FlaskClient, path: str
) -> None:
    """A page takes an answer only where the provider has asked."""
    given = asked(prompt="consent select_account")

    answer = alice.post(path, query_string=given, data={"allow": "yes", "same": "yes"})

    assert urlsplit(answer.headers["Location"]).path == AUTHORIZE
    assert outcome(alice.get(answer.headers["Location"])) == "account"


def test_consent_of_a_user_who_was_not_asked(idp: Provider, alice: FlaskClient) -> None:
    """Who has signed in in another tab is asked before anything is given out."""
    page = consent_page(idp, alice)
    idp.log_in(alice, "bob")

    back = alice.post(page, data={"allow": "yes"}).headers["Location"]
    anew = alice.get(back)

    assert urlsplit(back).path == AUTHORIZE
    assert outcome(anew) == "consent"
    assert "Bob Brown" in alice.get(anew.headers["Location"]).text


def test_consent_after_the_session_has_ended(idp: Provider, alice: FlaskClient) -> None:
    """The page that was left open leads to the sign-in page, and on to consent."""
    page = consent_page(idp, alice)
    end(idp, alice)

    login = alice.get(alice.post(page, data={"allow": "yes"}).headers["Location"])
    back = idp.log_in(alice, at=login.headers["Location"]).headers["Location"]

    assert outcome(login) == "login"
    assert outcome(alice.get(back)) == "consent"


def test_staying_with_the_account(idp: Provider, alice: FlaskClient) -> None:
    """Who chooses the account that is there gets on without a password, once asked."""
    before = sid_of(alice)
    page = account_page(idp, alice)

    on = alice.post(page, data={"same": "yes"}).headers["Location"]

    assert Page(alice.get(page)).text.count("Alice Adams") == 1
    assert outcome(alice.get(on)) == "code"
    assert sid_of(alice) == before


def test_using_another_account(idp: Provider, alice: FlaskClient) -> None:
    """Who wants another account signs in with it, and is not asked a second time."""
    page = account_page(idp, alice)

    login = alice.post(page, data={"another": "yes"})
    back = idp.log_in(alice, "bob", at=login.headers["Location"])

    assert outcome(login) == "login"
    assert outcome(alice.get(back.headers["Location"])) == "code"


def test_a_choice_counts_for_its_account(idp: Provider, alice: FlaskClient) -> None:
    """If somebody else is there in the end, it is asked anew."""
    page = account_page(idp, alice)
    on = alice.post(page, data={"same": "yes"}).headers["Location"]

    idp.log_in(alice, "bob")

    assert outcome(alice.get(on)) == "account"


def test_a_choice_is_followed_by_consent(idp: Provider, alice: FlaskClient) -> None:
    """Each question that a request asks for is asked, once."""
    page = account_page(idp, alice, prompt="select_account consent")
    on = alice.post(page, data={"same": "yes"}).headers["Location"]

    question = alice.get(on)
    answer = alice.post(question.headers["Location"], data={"allow": "yes"})

    assert [outcome(question), outcome(answer)] == ["consent", "code"]


def test_no_other_account_where_the_client_wants_this_one(
    idp: Provider, alice: FlaskClient
) -> None:
    """A hint leaves no choice but to go on."""
    hint = idp.tokens(alice)["id_token"]

    free = alice.get(account_page(idp, alice)).text
    bound = alice.get(account_page(idp, alice, id_token_hint=hint)).text

    assert 'name="another"' in free
    assert 'name="another"' not in bound


def test_two_tabs(idp: Provider, alice: FlaskClient) -> None:
    """A sign-in in one tab is enough for another one that asks for it as well."""
    first = idp.authorize(alice, prompt="login", state="one")
    second = idp.authorize(alice, prompt="login", state="two")
    idp.log_in(alice, at=second.headers["Location"])

    (back,) = parse_qs(urlsplit(first.headers["Location"]).query)["next"]

    assert outcome(alice.get(back)) == "code"


def test_what_goes_on_to_the_sign_in_page(idp: Provider) -> None:
    """Hints of the client reach the page that they are for."""
    response = idp.authorize(
        idp.browser(), login_hint="bob", ui_locales="de  fr de", acr_values="b a"
    )

    given = parse_qs(urlsplit(response.headers["Location"]).query)
    assert (given["login_hint"], given["ui_locales"], given["acr_values"]) == (
        ["bob"],
        ["de fr"],
        ["b a"],
    )


@pytest.mark.parametrize("of", [consent_page, account_page])
def test_pages_that_ask_are_safe(
    idp: Provider, alice: FlaskClient, of: Callable[[Provider, FlaskClient], str]
) -> None:
    """They are neither stored nor framed."""
    headers = alice.get(of(idp, alice)).headers

    assert "no-store" in headers["Cache-Control"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_names_on_the_consent_page(idp: Provider, alice: FlaskClient) -> None:
    """Names of clients are words, and nothing else."""
    response = alice.get(
        consent_page(
            idp,
            alice,
            client_id="asking",
            redirect_uri="https://asking.test/callback",
            scope="openid <script>",
        )
    )

    assert "<b>Asking</b>" in Page(response).text
    assert not {"b", "script"} & set(Page(response).tags)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param("alice", "code", id="this user"),
        pytest.param("bob", "login_required", id="another one"),
    ],
)
def test_hints(idp: Provider, alice: FlaskClient, subject: str, expected: str) -> None:
    """A silent request for another user than the one here is refused."""
    # SSO-OP-06, SSO-OP-07
    hint = idp.tokens(idp.signed_in(subject))["id_token"]

    response = idp.authorize(alice, prompt="none", id_token_hint=hint)

    assert outcome(response) == expected


def test_a_hint_for_another_user(idp: Provider, alice: FlaskClient) -> None:
    """That user may sign in; if it is still another one, the client hears of it."""
    hint = idp.tokens(idp.signed_in("bob"))["id_token"]
    first = idp.authorize(alice, id_token_hint=hint)

    back = idp.log_in(alice, "alice", at=first.headers["Location"])
    wrong = alice.get(back.headers["Location"])
    back = idp.log_in(alice, "bob", at=first.headers["Location"])
    right = alice.get(back.headers["Location"])

    assert [outcome(r) for r in (first, wrong, right)] == [
        "login",
        "login_required",
        "code",
    ]


def test_user_switch(idp: Provider, alice: FlaskClient) -> None:
    """Another user's sign-in ends the first session and what was given out in it."""
    # SSO-OP-08, BCL-OP-33
    tokens = idp.tokens(alice)
    before = sid_of(alice)

    idp.log_in(alice, "bob")

    owed = idp.app.extensions["idp_session"].queue.of_session(before)
    assert [each.reason for each in owed] == [LogoutReason.USER_SWITCH]
    assert sid_of(alice) != before
    assert not idp.is_active(tokens["access_token"])


def ancestors(response: TestResponse) -> str:
    """What the policy of an answer says of frames."""
    policy = response.headers["Content-Security-Policy"]
    (found,) = [
        part.strip().removeprefix("frame-ancestors ")
        for part in policy.split(";")
        if part.strip().startswith("frame-ancestors ")
    ]

    return found


def test_silent_answers_can_be_framed_by_their_client(
    idp: Provider, alice: FlaskClient
) -> None:
    """A hidden frame of the client gets its answer, good or bad, and nobody else's."""
    good = idp.authorize(alice, prompt="none")
    bad = idp.authorize(idp.browser(), prompt="none")
    app = idp.authorize(
        alice,
        prompt="none",
        client_id="app",
        redirect_uri="com.example.app:/callback",
        **PKCE,
    )

    assert [outcome(good), outcome(bad)] == ["code", "login_required"]
    assert ancestors(good) == ancestors(bad) == "https://shop.test"
    assert ancestors(app) == "https://app.test"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="code"),
        pytest.param({"prompt": "login"}, id="login"),
        pytest.param({"prompt": "consent"}, id="consent"),
        pytest.param(
            {"prompt": "none", "redirect_uri": "https://evil.test/"}, id="address"
        ),
        pytest.param({"prompt": "none", "client_id": "nobody"}, id="client"),
        pytest.param({"prompt": "none", "client_id": None}, id="no client"),
    ],
)
def test_nothing_else_can_be_framed(
    idp: Provider, alice: FlaskClient, given: dict[str, str | None]
) -> None:
    """Neither what a person sees nor what leads to it is shown in a frame."""
    assert ancestors(idp.authorize(alice, **given)) == "'none'"
