"""``session_state`` on what goes to clients (Session Management 1.0 §2)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from idp_session import LogoutReason

from .authlib_host import APP
from .authlib_host import asked
from .authlib_host import authlib_host
from .authlib_host import AUTHORIZE
from .authlib_host import ODD
from .authlib_host import query_of
from .authlib_host import SHOP
from .authlib_host import TOKEN
from .hosts import attributes
from .hosts import Host
from .hosts import SESSION_ID
from .hosts import STATE


@pytest.fixture
def host() -> Host:
    """A host with Authlib's server."""
    return authlib_host()


@pytest.fixture
def alice(host: Host) -> FlaskClient:
    """A browser in which alice is signed in."""
    return host.signed_in()


def is_state_of(state: str, client_id: str, origin: str, browser_state: str) -> bool:
    """What the iframe computes."""
    expected, _, salt = state.partition(".")
    seed = f"{client_id} {origin} {browser_state} {salt}"

    return hashlib.sha256(seed.encode()).hexdigest() == expected


def test_success(alice: FlaskClient) -> None:
    """With the code comes a value that stands for client, origin and session."""
    # SM-OP-01, SM-OP-03, SM-OP-04, SM-OP-05
    answer = query_of(alice.get(AUTHORIZE, query_string=asked(state=STATE)))
    state = answer["session_state"]
    session_id = alice.get("/whoami").get_json()["sid"]

    assert answer.keys() == {"code", "state", "session_state"}
    assert answer["state"] == STATE
    assert " " not in state
    assert is_state_of(state, "shop", "https://shop.test", session_id)


def test_salts_differ(alice: FlaskClient) -> None:
    """No two responses are alike, and all of them are valid."""
    # SM-OP-04
    session_id = alice.get("/whoami").get_json()["sid"]
    states = [
        query_of(alice.get(AUTHORIZE, query_string=asked()))["session_state"]
        for _ in range(2)
    ]

    assert states[0] != states[1]
    assert [
        is_state_of(state, "shop", "https://shop.test", session_id) for state in states
    ] == [True, True]


def test_origin_is_what_browsers_say(alice: FlaskClient) -> None:
    """The origin is in lower case without a default port, whatever is registered."""
    # SM-OP-05
    request = asked(client_id="odd", redirect_uri=ODD.redirect_uris[0])

    answer = query_of(alice.get(AUTHORIZE, query_string=request))
    session_id = alice.get("/whoami").get_json()["sid"]

    assert (answer["a"], answer["my_session_state"]) == ("1", "x")
    assert is_state_of(answer["session_state"], "odd", "https://odd.test", session_id)


def test_a_state_that_mentions_it(alice: FlaskClient) -> None:
    """What the client sends does not pass for our parameter."""
    # SM-OP-01
    answer = query_of(alice.get(AUTHORIZE, query_string=asked(state="session_state=x")))

    assert answer["state"] == "session_state=x"
    assert len(answer["session_state"]) > 64


@pytest.mark.parametrize(
    ("given", "error"),
    [
        pytest.param({"prompt": "none"}, "login_required", id="nobody signed in"),
        pytest.param({"prompt": "none login"}, "invalid_request", id="prompt"),
        pytest.param({"max_age": "x"}, "invalid_request", id="max_age"),
        pytest.param(
            {"response_type": "token"}, "unsupported_response_type", id="response type"
        ),
    ],
)
def test_errors(host: Host, given: dict[str, str], error: str) -> None:
    """Errors that go to the client carry it too, and a new one each time."""
    # SM-OP-02, RIL-OP-06, RIL-OP-07, SSO-OP-02
    browser = host.browser()
    answers = [
        query_of(browser.get(AUTHORIZE, query_string=asked(state=STATE, **given)))
        for _ in range(2)
    ]

    assert answers[0]["error"] == error
    assert answers[0]["state"] == STATE
    assert answers[0].keys() <= {
        "error",
        "error_description",
        "state",
        "session_state",
    }
    assert is_state_of(answers[0]["session_state"], "shop", "https://shop.test", "")
    assert answers[0]["session_state"] != answers[1]["session_state"]


def test_denial(alice: FlaskClient) -> None:
    """A user who says no leaves the session as it is, and the client can watch it."""
    answer = query_of(alice.post(AUTHORIZE, query_string=asked(), data={"deny": "yes"}))
    who = alice.get("/whoami").get_json()

    assert (answer["error"], who["clients"]) == ("access_denied", [])
    assert is_state_of(answer["session_state"], "shop", "https://shop.test", who["sid"])


def test_after_a_logout(alice: FlaskClient) -> None:
    """The value of the next answer stands for a browser without session."""
    alice.get(AUTHORIZE, query_string=asked())
    alice.post("/logout")

    answer = query_of(alice.get(AUTHORIZE, query_string=asked(prompt="none")))

    assert is_state_of(answer["session_state"], "shop", "https://shop.test", "")


@pytest.mark.parametrize(
    "prompt", [pytest.param(None, id="success"), pytest.param("none login", id="error")]
)
def test_apps_have_none(alice: FlaskClient, prompt: str | None) -> None:
    """A native app has no page that could ask the iframe, so it gets nothing."""
    request = asked(client_id="app", redirect_uri=APP.redirect_uris[0], prompt=prompt)

    location = alice.get(AUTHORIZE, query_string=request).headers["Location"]

    assert location.startswith("com.example.app:/callback?")
    assert "session_state" not in location


@pytest.mark.parametrize(
    ("prompt", "members"),
    [
        pytest.param(None, {"code", "state"}, id="success"),
        pytest.param("none login", {"error", "error_description", "state"}, id="error"),
    ],
)
def test_without_session_management(prompt: str | None, members: set[str]) -> None:
    """A provider that does not support it sends nothing, sets nothing, says nothing."""
    host = authlib_host(config={"IDP_SESSION_CHECK_SESSION": False})
    browser = host.browser()
    signed_in = browser.post("/login/alice")

    response = browser.get(AUTHORIZE, query_string=asked(prompt=prompt))

    assert query_of(response).keys() == members
    assert "check_session_iframe" not in browser.get("/discovery").get_json()
    assert SESSION_ID not in attributes(signed_in).keys() | attributes(response).keys()
    assert browser.get("/connect/checksession").status_code == 404


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"client_id": None}, id="no client"),
        pytest.param({"client_id": "else"}, id="unknown client"),
        pytest.param({"redirect_uri": "https://evil.test/"}, id="unregistered"),
        pytest.param({"redirect_uri": 'https://"\n'}, id="odd"),
    ],
)
def test_errors_that_stay_here(host: Host, given: dict[str, str | None]) -> None:
    """Where the way back is not certain nobody is sent anywhere."""
    response = host.browser().get(AUTHORIZE, query_string=asked(**given))

    assert (response.status_code, response.headers.get("Location")) == (400, None)
    assert "session_state" not in response.text


def test_the_fragment_of_other_flows(host: Host) -> None:
    """Where the answer is in the fragment, so is the value."""
    # SM-OP-01
    server = host.app.extensions["server"]
    location = f"{SHOP.redirect_uris[0]}#id_token=x&state=s"

    class Grant:
        def validate_authorization_request(self) -> str:
            return SHOP.redirect_uris[0]

        def create_authorization_response(self, *_: object) -> tuple[Any, ...]:
            return 302, "", [("Location", location)]

        def execute_hook(self, *_: object) -> None: ...

    with host.app.test_request_context(AUTHORIZE, query_string=asked()):
        response = server.create_authorization_response(grant=Grant())
    parts = urlsplit(response.headers["Location"])

    assert parts.query == ""
    assert parse_qs(parts.fragment).keys() == {"id_token", "state", "session_state"}


def test_what_is_no_redirect(host: Host) -> None:
    """A page for the user is left as it is."""
    server = host.app.extensions["server"]

    class Grant:
        def validate_authorization_request(self) -> str:
            return SHOP.redirect_uris[0]

        def create_authorization_response(self, *_: object) -> tuple[Any, ...]:
            return 200, "a form", [("Content-Type", "text/html")]

        def execute_hook(self, *_: object) -> None: ...

    with host.app.test_request_context(AUTHORIZE, query_string=asked()):
        response = server.create_authorization_response(grant=Grant())

    assert (response.status_code, response.get_data()) == (200, b"a form")


def test_the_session_ends_between_consent_and_code(
    host: Host, alice: FlaskClient
) -> None:
    """A client that would never be told of the end gets no code."""
    session_id = alice.get("/whoami").get_json()["sid"]
    host.app.extensions["meanwhile"] = lambda: host.extension.end(
        session_id, reason=LogoutReason.ADMIN
    )

    response = alice.get(AUTHORIZE, query_string=asked(state=STATE))
    answer = query_of(response)

    assert (answer["error"], answer["state"]) == ("login_required", STATE)
    assert is_state_of(answer["session_state"], "shop", "https://shop.test", "")
    assert host.app.extensions["codes"] == {}
    assert attributes(response)[SESSION_ID]["max-age"] == "0"


@pytest.mark.spec("SAA-04", "SM-OP-17")
@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        pytest.param(
            {"Sec-Fetch-Storage-Access": "inactive", "Origin": "https://shop.test"},
            'retry; allowed-origin="https://shop.test"',
            id="granted",
        ),
        pytest.param(
            {"Sec-Fetch-Storage-Access": "inactive", "Origin": "https://evil.test"},
            None,
            id="another page",
        ),
        pytest.param({"Sec-Fetch-Storage-Access": "inactive"}, None, id="no origin"),
        pytest.param(
            {"Sec-Fetch-Storage-Access": "active", "Origin": "https://shop.test"},
            None,
            id="cookies came",
        ),
        pytest.param(
            {"Sec-Fetch-Storage-Access": "none", "Origin": "https://shop.test"},
            None,
            id="not granted",
        ),
        pytest.param({"Origin": "https://shop.test"}, None, id="another browser"),
    ],
)
def test_cookies_that_were_held_back(
    host: Host, headers: dict[str, str], answer: str | None
) -> None:
    """A client's own frame is told to come again with what the user has granted."""
    response = host.browser().get(
        AUTHORIZE, query_string=asked(prompt="none"), headers=headers
    )

    assert query_of(response)["error"] == "login_required"
    assert response.headers.get("Activate-Storage-Access") == answer
    assert {"origin", "sec-fetch-storage-access"} <= set(response.vary.as_set())


_ODD = [
    pytest.param("\x00", id="NUL"),
    pytest.param('"\\', id="quotes"),
    pytest.param("\r\nX: y", id="line ends"),
    pytest.param("ä€😀", id="not ASCII"),
    pytest.param("<script>", id="markup"),
    pytest.param("%ff%00%", id="percent"),
    pytest.param("x" * 100_000, id="long"),
    pytest.param("", id="empty"),
    pytest.param(" ", id="space"),
    pytest.param("a[]=b&c#d;e", id="marks"),
    pytest.param("http://[", id="broken address"),
]


@pytest.mark.parametrize("value", _ODD)
@pytest.mark.parametrize(
    "name",
    [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "prompt",
        "max_age",
        "id_token_hint",
        "response_mode",
        "asked",
    ],
)
def test_odd_requests(alice: FlaskClient, name: str, value: str) -> None:
    """Whatever stands in a parameter, the answer is no failure of the server."""
    given = {**asked(), name: value}

    by_get = alice.get(AUTHORIZE, query_string=given)
    by_post = alice.post(AUTHORIZE, data=given)

    assert {by_get.status_code, by_post.status_code} <= {200, 302, 400}


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("%ff=%fe&response_type=%80", id="bytes"),
        pytest.param("response_type=code&response_type=code", id="type twice"),
        pytest.param("client_id=shop&client_id=shop", id="client twice"),
        pytest.param("client_id=shop&response_type=code&state=%ff%fe", id="state"),
        pytest.param(
            "client_id=shop&response_type=code&max_age=1&max_age=2", id="max_age twice"
        ),
    ],
)
def test_odd_queries(alice: FlaskClient, query: str) -> None:
    """Bytes that are no text, and parameters that come twice, are no failure either."""
    assert alice.get(f"{AUTHORIZE}?{query}").status_code in {302, 400}


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param(b"shop:\xff\xfe", id="not UTF-8"),
        pytest.param(b"\xff", id="not UTF-8, no colon"),
        pytest.param(b"shop", id="no colon"),
        pytest.param(b"shop:wrong", id="wrong"),
        pytest.param(b"", id="empty"),
    ],
)
def test_odd_credentials(host: Host, credentials: bytes) -> None:
    """A client that cannot be made out is refused, as RFC 6749 §5.2 says."""
    encoded = base64.b64encode(credentials).decode()

    response = host.browser().post(
        TOKEN,
        data={"grant_type": "authorization_code", "code": "x"},
        headers={"Authorization": f"Basic {encoded}"},
    )

    assert response.status_code == 401
    assert response.get_json()["error"] == "invalid_client"
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
