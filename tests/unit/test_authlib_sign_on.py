"""When the user has to prove again who they are (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from authlib.oidc.core.errors import ConsentRequiredError
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session.integrations.authlib import SignOn

from .authlib_host import asked
from .authlib_host import authlib_host
from .authlib_host import AUTHORIZE
from .authlib_host import query_of
from .hosts import Host


@pytest.fixture
def host() -> Host:
    """A host with Authlib's server."""
    return authlib_host()


@pytest.fixture
def alice(host: Host) -> FlaskClient:
    """A browser in which alice is signed in."""
    return host.signed_in()


def asks(browser: FlaskClient, **given: str | None) -> TestResponse:
    return browser.get(AUTHORIZE, query_string=asked(**given))


def outcome(response: TestResponse) -> str:
    """``login``, ``consent``, ``code``, or the error that the client gets."""
    if response.status_code == 200:
        return "consent"

    if response.headers["Location"].startswith("/login?"):
        return "login"

    answer = query_of(response)

    return "code" if "code" in answer else answer["error"]


def after_login(
    host: Host, browser: FlaskClient, response: TestResponse, *, subject: str = "alice"
) -> str:
    """Where the login page leads back to, once somebody has signed in."""
    host.clock.tick(1)
    browser.post(f"/login/{subject}")

    return f"{AUTHORIZE}?{urlsplit(response.headers['Location']).query}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, "code", id="nothing"),
        pytest.param({"prompt": "none"}, "code", id="none"),  # SSO-OP-01
        pytest.param({"prompt": "login"}, "login", id="login"),  # SSO-OP-03
        pytest.param({"prompt": "select_account"}, "login", id="select_account"),
        pytest.param({"prompt": "consent"}, "consent", id="consent"),
        pytest.param({"prompt": "login consent"}, "login", id="login and consent"),
        pytest.param(
            {"prompt": "select_account consent"}, "login", id="account and consent"
        ),
        pytest.param({"prompt": "none login"}, "invalid_request", id="contradiction"),
        pytest.param({"prompt": "unknown"}, "code", id="unknown"),
        pytest.param({"prompt": ""}, "code", id="empty"),
        pytest.param({"max_age": "10000"}, "code", id="long max_age"),  # SSO-OP-05
        pytest.param({"max_age": "60"}, "code", id="max_age just kept"),
        pytest.param({"max_age": "59"}, "login", id="max_age passed"),  # SSO-OP-04
        pytest.param({"max_age": "0"}, "login", id="max_age 0"),
        pytest.param({"max_age": ""}, "code", id="empty max_age"),
        pytest.param(
            {"max_age": "59", "prompt": "none"}, "login_required", id="none, too old"
        ),
        pytest.param({"max_age": "-1"}, "invalid_request", id="negative"),
        pytest.param({"max_age": "1.5"}, "invalid_request", id="fraction"),
        pytest.param({"max_age": "٣"}, "invalid_request", id="other digits"),
        pytest.param({"max_age": "9" * 11}, "invalid_request", id="too long"),
        pytest.param({"max_age": "9" * 10}, "code", id="three centuries"),
    ],
)
def test_of_somebody_who_is_signed_in(
    host: Host, alice: FlaskClient, given: dict[str, str], expected: str
) -> None:
    """A session of one minute answers what it may and asks for the rest."""
    host.clock.tick(60)

    assert outcome(asks(alice, **given)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, "login", id="nothing"),
        pytest.param({"prompt": "none"}, "login_required", id="none"),  # SSO-OP-02
        pytest.param({"prompt": "login"}, "login", id="login"),
        pytest.param({"prompt": "consent"}, "login", id="consent"),
        pytest.param({"max_age": "10"}, "login", id="max_age"),
        pytest.param({"max_age": "x"}, "invalid_request", id="wrong max_age"),
        pytest.param({"scope": "profile"}, "login", id="plain OAuth"),
        pytest.param(
            {"scope": "profile", "prompt": "none"}, "login_required", id="OAuth, none"
        ),
    ],
)
def test_of_nobody(host: Host, given: dict[str, str], expected: str) -> None:
    """Where nobody is signed in there is the login page, or an error."""
    assert outcome(asks(host.browser(), **given)) == expected


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"prompt": "login"}, id="login"),
        pytest.param({"prompt": "select_account"}, id="select_account"),
        pytest.param({"max_age": "0"}, id="max_age 0"),
        pytest.param({"max_age": "1"}, id="max_age"),
    ],
)
def test_a_login_is_asked_for_once(
    host: Host, alice: FlaskClient, given: dict[str, str]
) -> None:
    """Whoever has just signed in on our word is not asked again."""
    # SSO-OP-03, SSO-OP-04
    host.clock.tick(60)
    before = alice.get("/claims").get_json()["auth_time"]
    first = asks(alice, **given)

    second = alice.get(after_login(host, alice, first))

    assert [outcome(first), outcome(second)] == ["login", "code"]
    assert alice.get("/claims").get_json()["auth_time"] > before


def test_a_login_of_before_does_not_count(host: Host, alice: FlaskClient) -> None:
    """Coming back without having signed in leads to the login page again."""
    # SSO-OP-03
    first = asks(alice, prompt="login")
    back = f"{AUTHORIZE}?{urlsplit(first.headers['Location']).query}"
    host.clock.tick(-1)
    alice.post("/login/alice")
    host.clock.tick(1)

    assert outcome(alice.get(back)) == "login"


def test_a_login_counts_for_its_request_only(host: Host, alice: FlaskClient) -> None:
    """The mark of one request is worth nothing on another one."""
    back = after_login(host, alice, asks(alice, prompt="login"))

    changed = alice.get(back.replace("a+state", "another+state"))

    assert outcome(changed) == "login"


@pytest.mark.parametrize("mark", ["", "x", "00" * 60, "ä"])
def test_forged_marks(alice: FlaskClient, mark: str) -> None:
    """A client cannot claim that the user was asked."""
    request = {**asked(prompt="login"), "asked": mark}

    assert outcome(alice.get(AUTHORIZE, query_string=request)) == "login"


def test_a_request_that_was_posted(host: Host, alice: FlaskClient) -> None:
    """A request in a body goes on in an address, with nothing lost."""
    first = alice.post(AUTHORIZE, data=asked(prompt="login"))

    second = alice.get(after_login(host, alice, first))

    assert outcome(second) == "code"
    assert query_of(second)["state"] == "a state"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"prompt": "login consent"}, id="login"),
        pytest.param({"prompt": "consent", "max_age": "0"}, id="max_age"),
    ],
)
def test_consent_after_login(
    host: Host, alice: FlaskClient, given: dict[str, str]
) -> None:
    """The answer to the consent page does not lead to the login page again."""
    host.clock.tick(1)
    back = after_login(host, alice, asks(alice, **given))

    question = alice.get(back)
    answer = alice.post(back, data={"allow": "yes"})

    assert [outcome(question), outcome(answer)] == ["consent", "code"]


def test_parameters_with_many_values(host: Host, alice: FlaskClient) -> None:
    """What comes several times comes back several times."""
    given = {**asked(prompt="login"), "resource": ["https://a.test", "https://b.test"]}
    first = alice.get(AUTHORIZE, query_string=given)

    back = after_login(host, alice, first)

    assert "resource=https%3A%2F%2Fa.test&resource=https%3A%2F%2Fb.test" in back
    assert outcome(alice.get(back)) == "code"


# id_token_hint


@pytest.mark.parametrize(
    ("hint", "given", "expected"),
    [
        pytest.param({}, {"prompt": "none"}, "code", id="this user"),  # SSO-OP-06
        pytest.param({"exp": 1_000_000_000}, {}, "code", id="expired"),
        pytest.param({"sid": "5e55"}, {"prompt": "none"}, "code", id="other session"),
        pytest.param(
            {"sub": "bob"}, {"prompt": "none"}, "login_required", id="other user"
        ),  # SSO-OP-07
        pytest.param({"sub": "bob"}, {}, "login", id="other user may sign in"),
        pytest.param(
            {"iss": "https://evil.test", "sub": "bob"}, {}, "code", id="not ours"
        ),
        pytest.param({"typ": "logout+jwt", "sub": "bob"}, {}, "code", id="no ID token"),
    ],
)
def test_hint(
    host: Host,
    alice: FlaskClient,
    hint: dict[str, Any],
    given: dict[str, str],
    expected: str,
) -> None:
    """A hint says who should be signed in, if it is ours."""
    # SM-OP-18
    response = asks(alice, id_token_hint=host.hint(**hint), **given)

    assert outcome(response) == expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param("bob", "code", id="as asked"),
        pytest.param("carol", "login_required", id="somebody else"),
    ],
)
def test_who_signs_in_after_a_hint(
    host: Host, alice: FlaskClient, subject: str, expected: str
) -> None:
    """If another one than the hint names has signed in, the client gets an error."""
    first = asks(alice, id_token_hint=host.hint(sub="bob"))

    second = alice.get(after_login(host, alice, first, subject=subject))

    assert [outcome(first), outcome(second)] == ["login", expected]


def test_pairwise_subjects() -> None:
    """A hint is compared with the user as its client knows them."""

    class Pairwise:
        def subject_for(self, subject_id: str, client_id: str) -> str:
            return f"{subject_id}@{client_id}"

    host = authlib_host(subjects=Pairwise())
    browser = host.signed_in()

    mine = asks(browser, prompt="none", id_token_hint=host.hint(sub="alice@shop"))
    other = asks(browser, prompt="none", id_token_hint=host.hint(sub="alice"))

    assert [outcome(mine), outcome(other)] == ["code", "login_required"]


def test_an_expired_session(host: Host, alice: FlaskClient) -> None:
    """A session that is over is nobody's."""
    host.clock.tick(timedelta(hours=2))

    assert outcome(asks(alice, prompt="none")) == "login_required"


@pytest.mark.parametrize(
    ("age", "given", "expected"),
    [
        pytest.param(60, {}, "code", id="fresh"),
        pytest.param(61, {}, "login", id="too old"),
        pytest.param(61, {"max_age": "9999"}, "login", id="too old for the provider"),
        pytest.param(61, {"prompt": "none"}, "login_required", id="too old and none"),
    ],
)
def test_an_authentication_that_is_too_old(
    age: int, given: dict[str, str], expected: str
) -> None:
    """The password is asked for again, while the session stays."""
    host = authlib_host(config={"IDP_SESSION_AUTHENTICATION_LIFETIME": 60})
    browser = host.signed_in("shop")
    before = browser.get("/whoami").get_json()
    host.clock.tick(age)

    assert outcome(asks(browser, **given)) == expected
    assert browser.get("/whoami").get_json() == before


def test_a_login_makes_an_authentication_fresh() -> None:
    """After the login page the client gets its code, in the session that was."""
    host = authlib_host(config={"IDP_SESSION_AUTHENTICATION_LIFETIME": 60})
    browser = host.signed_in()
    before = browser.get("/whoami").get_json()["sid"]
    host.clock.tick(61)

    answer = browser.get(after_login(host, browser, asks(browser)))

    assert outcome(answer) == "code"
    assert browser.get("/whoami").get_json()["sid"] == before


def test_a_client_that_a_limit_refuses() -> None:
    """It gets no code, and hears why in the words of OAuth."""
    host = authlib_host(
        config={
            "IDP_SESSION_MAX_SESSIONS_PER_SUBJECT_AND_CLIENT": 1,
            "IDP_SESSION_SESSION_LIMIT_POLICY": "refuse",
        }
    )
    host.signed_in("shop")

    assert outcome(asks(host.signed_in())) == "access_denied"


def test_what_a_login_page_is_told() -> None:
    """Hints come without repetitions, best first, and are absent when empty."""
    host = authlib_host()
    given = asked(acr_values=" b  a b ", ui_locales="de-AT de", login_hint="")

    with host.app.test_request_context(AUTHORIZE, query_string=given):
        sign_on = SignOn()

        assert sign_on.acr_values == ("b", "a")
        assert sign_on.ui_locales == ("de-AT", "de")
        assert sign_on.login_hint is None


def test_a_contradiction_in_plain_oauth(alice: FlaskClient) -> None:
    """``none`` stands alone, with OpenID Connect or without."""
    response = asks(alice, prompt="none consent", scope="profile")

    assert outcome(response) == "invalid_request"


def test_an_answer_has_its_time(host: Host, alice: FlaskClient) -> None:
    """An hour after the question it is asked anew."""
    back = after_login(host, alice, asks(alice, prompt="login"))
    host.clock.tick(3598)
    before = outcome(alice.get(back))
    host.clock.tick(2)

    assert [before, outcome(alice.get(back))] == ["code", "login"]


def test_no_age_is_young_enough_for_nothing(alice: FlaskClient) -> None:
    """``max_age=0`` asks even somebody who has signed in at this very moment."""
    # SSO-OP-04
    assert outcome(asks(alice, max_age="0")) == "login"


def test_consent_that_the_host_requires() -> None:
    """A client whose user is always asked cannot get anything silently."""
    host = authlib_host()

    with (
        host.app.test_request_context(
            AUTHORIZE, query_string=asked(prompt="none"), headers=_cookies(host)
        ),
        pytest.raises(ConsentRequiredError) as refused,
    ):
        SignOn(requires_consent=True).refuse("https://shop.test/callback")

    assert refused.value.redirect_uri == "https://shop.test/callback"


def test_auth_time_is_that_of_the_session(host: Host, alice: FlaskClient) -> None:
    """A sign-in elsewhere says nothing of when this session began."""
    # SSO-OP-01
    before = alice.get("/claims").get_json()["auth_time"]
    host.clock.tick(100)

    elsewhere = host.signed_in().get("/claims").get_json()["auth_time"]

    assert alice.get("/claims").get_json()["auth_time"] == before
    assert elsewhere == before + 100


def _cookies(host: Host) -> dict[str, str]:
    response = host.browser().post("/login/alice")
    pairs = [text.partition(";")[0] for text in response.headers.getlist("Set-Cookie")]

    return {"Cookie": "; ".join(pairs)}
