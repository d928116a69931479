"""The handshake of a WebSocket: whose cookie counts, and what cannot be given."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from idp_session import Principal
from idp_session.errors import HandleNotIssuableError
from idp_session.flask import user_session

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import ISSUER

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}


def socket_host(**config: Any) -> Host:
    """A host with a view for WebSockets, which does what its path says."""
    host = host_app(config={f"IDP_SESSION_{k.upper()}": v for k, v in config.items()})

    def socket(what: str) -> ResponseReturnValue:
        if what == "sleep":
            return {}

        user = user_session.user

        try:
            if what == "sign-in":
                host.extension.sign_in(Principal(subject_id="carol", amr=("pwd",)))
            elif what == "data":
                user_session.data.set("a", 1)
            elif what == "attribute":
                user_session.set_attribute("a", "1")
        except HandleNotIssuableError as error:
            return {"error": str(error)}

        return {"subject": user and user.subject_id, "sid": user_session.session_id}

    host.app.add_url_rule("/socket/<what>", "socket", socket, websocket=True)

    return host


def shake(browser: FlaskClient, what: str = "look", **headers: str) -> Any:
    """What a handshake gets, if it is answered at all."""
    response = browser.get(f"/socket/{what}", headers=UPGRADE | headers)

    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert "Authentication-Info" not in response.headers
    return response.json


@pytest.mark.parametrize(
    ("issuer", "origin"),
    [
        pytest.param(ISSUER, ISSUER, id="host"),
        pytest.param(f"{ISSUER}/tenant", ISSUER, id="path"),
        pytest.param(f"{ISSUER}:443", ISSUER, id="default port"),
        pytest.param(f"{ISSUER}:8443", f"{ISSUER}:8443", id="port"),
    ],
)
def test_a_page_of_the_provider(issuer: str, origin: str) -> None:
    """A socket that a page of the provider opens has the session of the browser."""
    browser = socket_host(issuer=issuer).signed_in()

    assert shake(browser, Origin=origin)["subject"] == "alice"


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("https://evil.test", id="other host"),
        pytest.param("null", id="sandboxed frame"),
        pytest.param("", id="empty"),
        pytest.param("http://idp.test", id="other scheme"),
        pytest.param("wss://idp.test", id="the socket's scheme"),
        pytest.param("https://idp.test:8443", id="other port"),
        pytest.param("https://idp.test:443", id="spelt-out port"),
        pytest.param("https://a.idp.test", id="subdomain"),
        pytest.param("https://test", id="parent domain"),
        pytest.param("https://idp.test.evil.test", id="longer host"),
        pytest.param("https://evilidp.test", id="host that ends so"),
        pytest.param("https://idp.test@evil.test", id="user"),
        pytest.param("HTTPS://IDP.TEST", id="capitals"),
        pytest.param("https://idp.test.", id="dot at the end"),
        pytest.param("https://idp.test/", id="slash at the end"),
        pytest.param("https://idp.test, https://idp.test", id="two"),
        pytest.param("https://idp.test https://evil.test", id="list"),
        pytest.param("*", id="star"),
        pytest.param("https://\xecdp.test", id="not ASCII"),
    ],
)
def test_a_page_of_somebody_else(origin: str) -> None:
    """The cookie that comes with a stranger's handshake is nobody's (RFC 6455 §10.2)."""
    browser = socket_host().signed_in()

    assert shake(browser, Origin=origin) == {"subject": None, "sid": None}


def test_no_origin_at_all() -> None:
    """A cookie without Origin does not count: browsers always send one."""
    assert shake(socket_host().signed_in())["subject"] is None


def test_the_address_asked_for_is_no_origin() -> None:
    """Only the issuer and the settings say whose pages are ours, not the request."""
    host = socket_host()
    host.app.config["SERVER_NAME"] = None
    browser = host.browser()
    cookie = attributes(host.browser().post("/login/alice", base_url=ISSUER))[HANDLE]
    browser.set_cookie(HANDLE, cookie[""], domain="evil.test", secure=True)
    headers = UPGRADE | {"Origin": "https://evil.test"}

    response = browser.get("/socket/look", headers=headers, base_url=headers["Origin"])

    assert response.get_json()["subject"] is None


def test_origins_of_the_settings() -> None:
    """Pages that the settings name have the session too, and only those."""
    host = socket_host(websocket_origins="https://app.test,http://localhost:3000")
    browser = host.signed_in()

    assert shake(browser, Origin="https://app.test")["subject"] == "alice"
    assert shake(browser, Origin="http://localhost:3000")["subject"] == "alice"
    assert shake(browser, Origin=ISSUER)["subject"] == "alice"
    assert shake(browser, Origin="https://localhost:3000")["subject"] is None


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no origin"),
        pytest.param({"Origin": "https://evil.test"}, id="any origin"),
    ],
)
def test_a_header_needs_no_origin(headers: dict[str, str]) -> None:
    """A tool brings its handle in the header, which no page can make a browser do."""
    host = socket_host(authorization_scheme="Session")
    cookie = host.signed_in().get_cookie(HANDLE, domain="idp.test")
    assert cookie is not None
    given = {"Authorization": f"Session {cookie.value}", **headers}
    browser = host.signed_in(subject="bob")

    assert shake(browser, **given)["subject"] == "alice"
    wrong = {"Authorization": "Session x", "Origin": ISSUER}
    assert shake(browser, **wrong)["subject"] is None


def test_a_header_that_is_off() -> None:
    """Without the setting the header opens no socket either."""
    host = socket_host()
    cookie = host.signed_in().get_cookie(HANDLE, domain="idp.test")
    assert cookie is not None

    found = shake(host.browser(), Authorization=f"Session {cookie.value}")

    assert found["subject"] is None


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Connection": "keep-alive, Upgrade"}, id="list"),
        pytest.param({"Connection": "UPGRADE", "Upgrade": "WebSocket"}, id="capitals"),
        pytest.param({"Connection": "close ,\tupgrade "}, id="white space"),
    ],
)
def test_handshakes_in_other_words(headers: dict[str, str]) -> None:
    """Whatever is routed to a view for sockets is a handshake, with its rules."""
    browser = socket_host().signed_in()
    stranger = headers | {"Origin": "https://evil.test"}

    assert shake(browser, **headers)["subject"] is None
    assert shake(browser, **stranger)["subject"] is None
    assert shake(browser, **(headers | {"Origin": ISSUER}))["subject"] == "alice"


def test_an_ordinary_view_gets_no_handshake() -> None:
    """Who asks an ordinary view for a socket is refused, and signs nobody in."""
    response = socket_host().browser().post("/login/alice", headers=UPGRADE)

    assert response.status_code == 400
    assert attributes(response) == {}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Upgrade": "websocket"}, id="no connection"),
        pytest.param({"Connection": "Upgrade"}, id="no upgrade"),
        pytest.param({"Connection": "Upgrade", "Upgrade": "h2c"}, id="other protocol"),
    ],
)
def test_what_is_no_handshake(headers: dict[str, str]) -> None:
    """Half a handshake is an ordinary request, in which everything works."""
    response = socket_host().browser().post("/login/alice", headers=headers)

    assert response.status_code == 200
    assert HANDLE in attributes(response)


@pytest.mark.parametrize("what", ["sign-in", "data", "attribute"])
def test_nothing_begins_on_a_socket(what: str) -> None:
    """What needs a new handle is refused before anything has changed."""
    host = socket_host()

    found = shake(host.browser(), what, Origin=ISSUER)

    assert "before the socket is opened" in found["error"]
    assert host.state.store.find_by_subject("carol") == ()
    assert host.state.store.find_expired(host.clock.tick(10**8), limit=9) == ()


def test_a_second_sign_in_on_a_socket() -> None:
    """Refused too, and the session and its handle go on as they were."""
    host = socket_host()
    browser = host.signed_in()

    found = shake(browser, "sign-in", Origin=ISSUER)

    assert "error" in found
    assert browser.get("/whoami").get_json()["subject"] == "alice"


def test_the_end_of_a_socket_is_no_use_of_the_session() -> None:
    """A socket that has not asked for the session does not keep it alive either."""
    host = socket_host()
    browser = host.signed_in()
    [before] = host.state.store.find_by_subject("alice")
    host.clock.tick(3600)

    shake(browser, "sleep", Origin=ISSUER)

    [after] = host.state.store.find_by_subject("alice")
    assert after.expires_at == before.expires_at


@pytest.mark.parametrize("what", ["data", "attribute"])
def test_a_session_keeps_things_on_a_socket(what: str) -> None:
    """Where there is a session, data and attributes are kept as anywhere."""
    host = socket_host()
    browser = host.signed_in()

    found = shake(browser, what, Origin=ISSUER)

    kept = {
        "data": set(host.state.store.read_data(found["sid"])),
        "attribute": set(host.state.store.attributes(found["sid"])),
    }
    assert kept[what] == {"a"}
