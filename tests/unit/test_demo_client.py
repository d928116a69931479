"""The demo clients of the sample, against a provider that does as it is told."""

import base64
import hashlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlencode
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask import jsonify
from flask import request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from sample_idp.demo_client import create_app
from sample_idp.demo_client.browsers import Browser
from sample_idp.demo_client.browsers import BrowserSessions

KEY = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})
NEW_KEY = RSAKey.generate_key(2048, {"kid": "two", "alg": "RS256", "use": "sig"})
EVENT = "http://schemas.openid.net/event/backchannel-logout"
BASE_URL = "http://127.0.0.1:5001"
ALICE: dict[str, Any] = {"sub": "alice", "sid": "session-1", "name": "Alice"}


class FakeProvider:
    """Answers discovery, keys, tokens and user information on loopback."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key = KEY
        self.metadata: dict[str, object] = {}
        self.claims: dict[str, object] = {}
        self.about: dict[str, object] = {}
        self.token_answer: dict[str, object] | None = None
        self.asked: dict[str, str] = {}
        self.token_request: dict[str, str] = {}
        self.app = Flask(__name__)
        self.app.add_url_rule("/.well-known/openid-configuration", "a", self._metadata)
        self.app.add_url_rule("/jwks", "b", self._keys)
        self.app.add_url_rule("/token", "c", self._token, methods=["POST"])
        self.app.add_url_rule("/userinfo", "d", lambda: jsonify(self.about))

    def id_token(self, **claims: object) -> str:
        now = datetime.now(UTC)
        content = {
            "iss": self.issuer,
            "aud": "shop",
            "iat": now,
            "exp": now + timedelta(hours=1),
        }

        return self.signed(content | claims)

    def logout_token(self, **claims: object) -> str:
        now = datetime.now(UTC)
        content = {
            "iss": self.issuer,
            "aud": "shop",
            "iat": now,
            "exp": now + timedelta(minutes=2),
            "jti": "token-1",
            "events": {EVENT: {}},
        }

        return self.signed(content | claims)

    def signed(self, claims: dict[str, object]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def _metadata(self) -> ResponseReturnValue:
        described: dict[str, object] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/end",
            "check_session_iframe": f"{self.issuer}/check",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

        return jsonify(described | self.metadata)

    def _keys(self) -> ResponseReturnValue:
        return jsonify(keys=[self.key.as_dict(private=False)])

    def _token(self) -> ResponseReturnValue:
        self.token_request = request.form.to_dict()
        client = request.authorization
        verifier = request.form["code_verifier"].encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest())

        if client is None or client.get("password") != "secret":
            return jsonify(error="invalid_client"), 401

        if digest.rstrip(b"=").decode() != self.asked["code_challenge"]:
            return jsonify(error="invalid_grant"), 400

        return jsonify(
            self.token_answer
            or {
                "access_token": "access",
                "token_type": "Bearer",
                "id_token": self.id_token(
                    **{"nonce": self.asked["nonce"]} | self.claims
                ),
            }
        )


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    provider = FakeProvider()
    server = make_server("127.0.0.1", 0, provider.app, threaded=False)
    provider.issuer = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


def make_app(issuer: str, **options: Any) -> Flask:
    registered: dict[str, Any] = {
        "name": "Shop",
        "client_id": "shop",
        "client_secret": "secret",
        "issuer": issuer,
        "base_url": BASE_URL,
        "cookie_name": "shop_session",
        "secure_cookies": False,
    }

    return create_app(**registered | options)


@pytest.fixture
def app(provider: FakeProvider) -> Flask:
    return make_app(provider.issuer)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def query(response: TestResponse) -> dict[str, str]:
    parts = urlsplit(response.headers["Location"])

    return {name: values[0] for name, values in parse_qs(parts.query).items()}


SignIn = Callable[..., TestResponse]


@pytest.fixture
def come_back(provider: FakeProvider, browser: FlaskClient) -> SignIn:
    """Play the provider and the browser, from a redirect to the callback."""

    def finish(redirected: TestResponse, **claims: object) -> TestResponse:
        provider.asked = query(redirected)
        provider.claims = claims
        answer = {
            "code": "code",
            "state": provider.asked["state"],
            "session_state": "first.salt",
        }

        return browser.get("/callback", query_string=answer)

    return finish


@pytest.fixture
def signed_in(browser: FlaskClient, come_back: SignIn) -> FlaskClient:
    come_back(browser.get("/login"), **ALICE)

    return browser


def attribute(page: TestResponse, name: str) -> str | None:
    found = re.search(rf'{name}="([^"]*)"', page.text)

    return found and found.group(1)


def csrf_token(browser: FlaskClient) -> str:
    token = attribute(browser.get("/"), "data-csrf-token")

    return token or ""


def told(browser: FlaskClient) -> list[str]:
    session: dict[str, Any] = browser.get("/session.json").get_json()

    return [notice["channel"] for notice in session["told"]]


def is_signed_in(browser: FlaskClient) -> bool:
    session: dict[str, Any] = browser.get("/session.json").get_json()
    signed_in: bool = session["signed_in"]

    return signed_in


# Signing in


def test_a_stranger(browser: FlaskClient) -> None:
    """Who is not signed in sees a way to do so and gets no cookie."""
    page = browser.get("/")

    assert attribute(page, "data-signed-in") == "false"
    assert 'href="/login"' in page.text
    assert "Set-Cookie" not in page.headers


def test_what_is_asked_of_the_provider(
    provider: FakeProvider, browser: FlaskClient
) -> None:
    """A sign-in is a code flow with PKCE, state and nonce."""
    answer = browser.get("/login")
    asked = query(answer)

    assert answer.headers["Location"].startswith(f"{provider.issuer}/authorize?")
    assert asked.pop("state")
    assert asked.pop("nonce")
    assert asked.pop("code_challenge")
    assert asked == {
        "response_type": "code",
        "client_id": "shop",
        "redirect_uri": f"{BASE_URL}/callback",
        "scope": "openid profile email",
        "code_challenge_method": "S256",
    }


def test_a_sign_in(
    provider: FakeProvider, browser: FlaskClient, come_back: SignIn
) -> None:
    """The page greets who signed in and holds what its script needs."""
    answer = come_back(browser.get("/login"), **ALICE)
    page = browser.get("/")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "Hello, Alice" in page.text
    assert attribute(page, "data-signed-in") == "true"
    assert attribute(page, "data-iframe-answer") == ""
    assert attribute(page, "data-client-id") == "shop"
    assert attribute(page, "data-session-state") == "first.salt"
    assert attribute(page, "data-check-session-iframe") == f"{provider.issuer}/check"
    assert attribute(page, "data-provider-origin") == provider.issuer


@pytest.mark.parametrize(
    ("about", "greeting"),
    [
        pytest.param({"sub": "bob", "name": "Bob B"}, "Hello, Bob B", id="name"),
        pytest.param({"sub": "bob", "email": "b@x.test"}, "Hello, b@x.test", id="mail"),
        pytest.param({"sub": "eve", "name": "Eve"}, "Hello, bob", id="of another"),
    ],
)
def test_a_name_from_user_information(
    provider: FakeProvider,
    browser: FlaskClient,
    come_back: SignIn,
    about: dict[str, object],
    greeting: str,
) -> None:
    """A name that is not in the ID token is asked for, and believed if it fits."""
    provider.about = about
    come_back(browser.get("/login"), sub="bob", sid="session-2")

    assert greeting in browser.get("/").text


def test_a_name_that_looks_like_markup(browser: FlaskClient, come_back: SignIn) -> None:
    """Whatever a name is made of, it is shown as text."""
    come_back(browser.get("/login"), **ALICE | {"name": "<b>Alice</b>"})

    assert "Hello, &lt;b&gt;Alice" in browser.get("/").text


def test_the_id_changes_at_the_sign_in(browser: FlaskClient, come_back: SignIn) -> None:
    """The cookie from before the sign-in is worth nothing afterwards."""
    redirected = browser.get("/login")
    before = browser.get_cookie("shop_session")
    come_back(redirected, **ALICE)
    after = browser.get_cookie("shop_session")
    assert before
    assert after
    browser.set_cookie("shop_session", before.value)

    assert before.value != after.value
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    ("secure", "attributes"),
    [
        pytest.param(True, {"Secure", "SameSite=None"}, id="for browsers"),
        pytest.param(False, {"SameSite=Lax"}, id="for other clients"),
    ],
)
def test_the_cookie(
    provider: FakeProvider, *, secure: bool, attributes: set[str]
) -> None:
    """The cookie reaches the frames of the provider's page, and no script."""
    app = make_app(provider.issuer, secure_cookies=secure)

    cookie = app.test_client().get("/login").headers["Set-Cookie"]

    assert cookie.startswith("shop_session=")
    assert set(cookie.split("; ")[1:]) == {"HttpOnly", "Path=/"} | attributes


# Sign-ins that fail


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


# Signing out here


def test_a_sign_out(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """Signing out ends the session here, then asks the provider to end its own."""
    answer = signed_in.post("/logout", data={"csrf_token": csrf_token(signed_in)})
    asked = query(answer)

    assert answer.headers["Location"].startswith(f"{provider.issuer}/end?")
    assert asked.pop("state")
    assert asked.pop("id_token_hint").count(".") == 2
    assert asked == {"post_logout_redirect_uri": f"{BASE_URL}/"}
    assert not is_signed_in(signed_in)


@pytest.mark.parametrize("path", ["/logout", "/session-ended"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param({}, id="no token"),
        pytest.param({"csrf_token": ""}, id="empty token"),
        pytest.param({"csrf_token": "ä"}, id="other token"),
    ],
)
def test_a_forged_sign_out(
    signed_in: FlaskClient, path: str, data: dict[str, str]
) -> None:
    """Another site's form signs nobody out."""
    assert signed_in.post(path, data=data).status_code == 400
    assert is_signed_in(signed_in)


def test_a_sign_out_by_a_link(signed_in: FlaskClient) -> None:
    """A link or an image signs nobody out."""
    assert signed_in.get("/logout").status_code == 405
    assert is_signed_in(signed_in)


def test_a_second_sign_out(signed_in: FlaskClient) -> None:
    """Signing out once more leads home."""
    data = {"csrf_token": csrf_token(signed_in)}
    signed_in.post("/logout", data=data)

    assert signed_in.post("/logout", data=data).headers["Location"] == "/"


def test_a_provider_that_cannot_sign_out(
    provider: FakeProvider, browser: FlaskClient, come_back: SignIn
) -> None:
    """If the provider cannot be told, the person is."""
    provider.metadata = {"end_session_endpoint": None}
    come_back(browser.get("/login"), **ALICE)

    page = browser.post("/logout", data={"csrf_token": csrf_token(browser)})

    assert (page.status_code, "signed out here only" in page.text) == (502, True)
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    ("state", "confirmed"),
    [
        pytest.param("{}", True, id="ours"),
        pytest.param("altered-{}", False, id="altered LTV-22"),
        pytest.param("", False, id="dropped LTV-22"),
    ],
)
def test_back_from_the_sign_out(
    signed_in: FlaskClient, *, state: str, confirmed: bool
) -> None:
    """Back from the provider, the person is at home, whatever became of the state."""
    answer = signed_in.post("/logout", data={"csrf_token": csrf_token(signed_in)})
    returned = urlencode({"state": state.format(query(answer)["state"])})

    home = signed_in.get(f"/?{returned}", follow_redirects=True)

    assert ("The provider says that you are signed out" in home.text) is confirmed
    assert "You signed out here." in home.text


# Being signed out


def test_the_back_channel(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """A logout token ends the session without the browser (LTV-01)."""
    token = provider.logout_token(sid="session-1", sub="alice")

    answer = signed_in.application.test_client().post(
        "/back-channel-logout", data={"logout_token": token}
    )
    session: dict[str, Any] = signed_in.get("/session.json").get_json()

    assert answer.status_code == 200
    assert session["signed_in"] is False
    assert session["ended_by"] == "back-channel"
    assert session["status"] == "You have been signed out by the back channel."
    assert [notice["channel"] for notice in session["told"]] == [
        "provider",
        "back-channel",
    ]


@pytest.mark.parametrize(
    ("claims", "status", "still"),
    [
        pytest.param({"sub": "alice"}, 200, False, id="subject alone LTV-18"),
        pytest.param({"sid": "session-9"}, 200, True, id="unknown session LTV-15"),
        pytest.param({"sub": "bob"}, 200, True, id="somebody else"),
        pytest.param({"sid": "session-1", "aud": "mail"}, 400, True, id="for another"),
    ],
)
def test_what_the_back_channel_means(
    provider: FakeProvider,
    signed_in: FlaskClient,
    *,
    claims: dict[str, object],
    status: int,
    still: bool,
) -> None:
    """A token ends what it speaks of and nothing else."""
    token = provider.logout_token(**claims)

    answer = signed_in.post("/back-channel-logout", data={"logout_token": token})

    assert (answer.status_code, is_signed_in(signed_in)) == (status, still)


def test_a_back_channel_with_a_new_key(
    provider: FakeProvider, signed_in: FlaskClient
) -> None:
    """Keys that were rotated since the sign-in are fetched."""
    provider.key = NEW_KEY
    token = provider.logout_token(sid="session-1")

    answer = signed_in.post("/back-channel-logout", data={"logout_token": token})

    assert answer.status_code == 200


def test_a_back_channel_without_keys() -> None:
    """While the keys cannot be fetched, the provider is asked to come back."""
    provider = FakeProvider()
    provider.issuer = "http://127.0.0.1:1"
    browser = make_app(provider.issuer).test_client()
    token = provider.logout_token(sid="session-1")

    answer = browser.post("/back-channel-logout", data={"logout_token": token})

    assert answer.status_code == 503


def front_channel(browser: FlaskClient, issuer: str, sid: str) -> TestResponse:
    return browser.application.test_client().get(
        "/front-channel-logout", query_string={"iss": issuer, "sid": sid}
    )


def test_the_front_channel(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """The provider's frame ends the session that it names, cookie or not (LTV-21)."""
    answer = front_channel(signed_in, provider.issuer, "session-1")
    session: dict[str, Any] = signed_in.get("/session.json").get_json()

    assert answer.status_code == 200
    assert session["ended_by"] == "front-channel"
    assert answer.headers["Content-Security-Policy"].endswith(
        f"frame-ancestors {provider.issuer}"
    )


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/front-channel-logout", id="no session"),
        pytest.param("/front-channel-logout?iss=https://x&sid=session-1", id="issuer"),
        pytest.param("/front-channel-logout?sid=session-1", id="no issuer"),
    ],
)
def test_front_channels_that_do_nothing(signed_in: FlaskClient, path: str) -> None:
    """Any site can frame the address; without issuer and session it does nothing."""
    assert signed_in.get(path).status_code == 200
    assert is_signed_in(signed_in)


def test_both_channels(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """The first one signs out; the second is written down too."""
    token = provider.logout_token(sid="session-1")
    front_channel(signed_in, provider.issuer, "session-1")
    signed_in.post("/back-channel-logout", data={"logout_token": token})
    front_channel(signed_in, provider.issuer, "session-1")

    assert told(signed_in) == [
        "provider",
        "front-channel",
        "back-channel",
        "front-channel",
    ]
    assert signed_in.get("/session.json").get_json()["ended_by"] == "front-channel"


def test_other_browsers(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """A browser that nobody signed in with hears of no logout."""
    other = signed_in.application.test_client()
    other.get("/login")
    front_channel(signed_in, provider.issuer, "session-1")

    assert told(other) == []


def test_a_new_sign_in_after_a_logout(
    provider: FakeProvider, signed_in: FlaskClient, come_back: SignIn
) -> None:
    """Signing in again works, and the past stays written down."""
    front_channel(signed_in, provider.issuer, "session-1")
    come_back(signed_in.get("/login"), **ALICE | {"sid": "session-2"})

    assert is_signed_in(signed_in)
    assert told(signed_in) == ["provider", "front-channel", "provider"]


def test_a_logout_that_overtakes_the_sign_in(
    provider: FakeProvider, browser: FlaskClient, come_back: SignIn
) -> None:
    """A session that ended while the browser came back is not begun."""
    redirected = browser.get("/login")
    front_channel(browser, provider.issuer, "session-1")
    come_back(redirected, **ALICE)

    assert not is_signed_in(browser)


# Noticing it oneself, LTV-23


def test_asking_silently(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """When the frame says "changed", the provider is asked without the user."""
    asked = query(signed_in.get("/silent"))

    assert asked["prompt"] == "none"
    assert asked["id_token_hint"].count(".") == 2
    assert asked["redirect_uri"] == f"{BASE_URL}/callback"


def test_still_signed_in(
    provider: FakeProvider, signed_in: FlaskClient, come_back: SignIn
) -> None:
    """The same user goes on with the session state that is new."""
    page = come_back(signed_in.get("/silent"), **ALICE)

    assert attribute(page, "data-outcome") == "renewed"
    assert attribute(page, "data-session-state") == "first.salt"
    assert is_signed_in(signed_in)


def test_another_user_at_the_provider(
    signed_in: FlaskClient, come_back: SignIn
) -> None:
    """Another user at the provider means that the first one is signed out."""
    page = come_back(signed_in.get("/silent"), sub="bob", sid="session-2", name="Bob")

    assert attribute(page, "data-outcome") == "signed_out"


def test_ended_meanwhile(
    provider: FakeProvider, signed_in: FlaskClient, come_back: SignIn
) -> None:
    """A sign-in that ended while the provider was asked does not come back."""
    redirected = signed_in.get("/silent")
    front_channel(signed_in, provider.issuer, "session-1")

    page = come_back(redirected, **ALICE)

    assert attribute(page, "data-outcome") == "signed_out"
    assert not is_signed_in(signed_in)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param("login_required", "signed_out", id="signed out"),
        pytest.param("interaction_required", "signed_out", id="no answer alone"),
        pytest.param("invalid_response", "error", id="nonsense"),
    ],
)
def test_silent_refusals(signed_in: FlaskClient, error: str, outcome: str) -> None:
    """A refusal means signed out; what cannot be understood means nothing."""
    state = query(signed_in.get("/silent"))["state"]

    page = signed_in.get("/callback", query_string={"error": error, "state": state})

    assert (page.status_code, attribute(page, "data-outcome")) == (200, outcome)
    assert is_signed_in(signed_in)


def test_a_silent_answer_to_no_question(signed_in: FlaskClient) -> None:
    """Nobody is signed out by an answer that is made up."""
    made_up = {"error": "login_required", "state": "silent.made-up"}

    page = signed_in.get("/callback", query_string=made_up)

    assert attribute(page, "data-outcome") == "error"


def test_asking_silently_for_a_stranger(browser: FlaskClient) -> None:
    """Who is signed out here needs nobody to be asked."""
    assert attribute(browser.get("/silent"), "data-outcome") == "signed_out"


def test_the_page_has_noticed(signed_in: FlaskClient) -> None:
    """What the page noticed ends the session here."""
    token = csrf_token(signed_in)
    answer = signed_in.post("/session-ended", data={"csrf_token": token})
    session: dict[str, Any] = signed_in.get("/session.json").get_json()

    assert answer.status_code == 204
    assert (session["signed_in"], session["ended_by"]) == (False, "iframe")


def test_the_page_was_not_the_first(
    provider: FakeProvider, signed_in: FlaskClient
) -> None:
    """What has ended before is not ended again."""
    token = csrf_token(signed_in)
    front_channel(signed_in, provider.issuer, "session-1")
    signed_in.post("/session-ended", data={"csrf_token": token})

    assert told(signed_in) == ["provider", "front-channel"]


# The pages


@pytest.mark.parametrize(
    ("path", "ancestors"),
    [
        pytest.param("/", "frame-ancestors 'none'", id="home"),
        pytest.param("/callback", "frame-ancestors 'self'", id="callback"),
        pytest.param("/silent", "frame-ancestors 'self'", id="silent"),
    ],
)
def test_the_policy(
    provider: FakeProvider, browser: FlaskClient, path: str, ancestors: str
) -> None:
    """Pages run our scripts alone, frame the provider alone, and are not stored."""
    headers = browser.get(path).headers
    policy = headers["Content-Security-Policy"].split("; ")

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert f"frame-src 'self' {provider.issuer}" in policy
    assert ancestors in policy
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/silent", "/callback", "/nowhere"])
def test_no_inline_code(signed_in: FlaskClient, path: str) -> None:
    """No page holds a script, a style or a handler that the policy would stop."""
    page = signed_in.get(path).text

    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize(
    "name", ["client.css", "home.js", "check-session.js", "silent.js", "icon.svg"]
)
def test_the_files(browser: FlaskClient, name: str) -> None:
    """Everything that the pages refer to is there."""
    with browser.get(f"/static/{name}") as answer:
        assert answer.status_code == 200


def test_a_failure_of_our_own(app: Flask) -> None:
    """Even a programming error is a clean page."""

    def fail() -> str:
        raise RuntimeError("a secret of the implementation")

    app.add_url_rule("/fail", "fail", fail)

    page = app.test_client().get("/fail")

    assert (page.status_code, "secret" in page.text) == (500, False)


@pytest.mark.process
@pytest.mark.parametrize(
    "described",
    [pytest.param("", id="nothing"), pytest.param("{}", id="no address")],
)
def test_a_client_that_is_not_described(described: str) -> None:
    """A client that cannot start says so in one line."""
    finished = subprocess.run(
        [sys.executable, "-m", "sample_idp.demo_client"],
        env=os.environ | {"DEMO_CLIENT": described},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 2
    assert finished.stderr == "sample_idp: DEMO_CLIENT does not describe a client\n"


def test_only_so_many_browsers() -> None:
    """The browser that was unused for longest is forgotten, with its session."""
    forgotten: list[str] = []
    sessions = BrowserSessions(
        cookie_name="c", secure=False, forgotten=forgotten.append, capacity=1
    )
    first, second = Browser(), Browser()
    sessions.rename(first)
    sessions.rename(second)

    assert sessions.all() == (second,)
    assert first.local_id in forgotten
