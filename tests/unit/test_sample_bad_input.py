"""The sample provider: bad input never breaks it."""

from __future__ import annotations

import base64

import pytest
from flask.testing import FlaskClient

from .sample_host import asked
from .sample_host import Provider
from .sample_host import query_of
from .sample_host import SHOP
from .sample_steps import AUTHORIZE

_VALUES: dict[str, str] = {
    "NUL": "\x00",
    "quotes": '"\\',
    "line ends": "\r\nX: y",
    "not ASCII": "ä€😀",
    "markup": "<script>alert(1)</script>",
    "percent": "%ff%00%",
    "long": "x" * 100_000,
    "empty": "",
    "space": " ",
    "marks": "a[]=b&c#d;e",
    "broken address": "http://[",
}


@pytest.mark.parametrize("value", _VALUES.values(), ids=_VALUES.keys())
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
        "login_hint",
        "id_token_hint",
        "response_mode",
        "code_challenge",
        "code_challenge_method",
        "acr_values",
        "request",
        "asked",
        "allow",
    ],
)
def test_odd_authorization_requests(
    idp: Provider, alice: FlaskClient, name: str, value: str
) -> None:
    """Whatever stands in a parameter: no failure of the server, and no stray markup."""
    given = {**asked(), name: value}

    for browser in (alice, idp.browser()):
        for response in (
            browser.get(AUTHORIZE, query_string=given),
            browser.post(AUTHORIZE, data=given),
        ):
            assert response.status_code in {200, 302, 303, 400, 403}
            assert "<script>alert" not in response.text
            assert "evil" not in response.headers.get("Location", "")


_QUERIES = {
    "bytes": "client_id=%ff&state=%80&redirect_uri=%fe",
    "bytes for the shop": "client_id=shop&response_type=code&state=%ff&nonce=%fe",
    "NUL": "client_id=shop%00&response_type=code",
    "type twice": "client_id=shop&response_type=code&response_type=code",
    "client twice": "client_id=shop&client_id=app&response_type=code",
    "address twice": "client_id=shop&response_type=code&redirect_uri=https://shop.test"
    "/callback&redirect_uri=https://shop.test/callback",
    "max_age twice": "client_id=shop&response_type=code&max_age=1&max_age=x",
    "prompt twice": "client_id=shop&response_type=code&prompt=none&prompt=login",
    "nothing": "",
    "noise": "&&==&%&?",
    "many": "&".join(f"a{n}=1" for n in range(3000)),
}


@pytest.mark.parametrize("query", _QUERIES.values(), ids=_QUERIES.keys())
@pytest.mark.parametrize(
    "path",
    [
        AUTHORIZE,
        "/login",
        "/account/",
        "/connect/endsession",
        "/connect/endsession/callback",
        "/connect/userinfo",
        "/.well-known/openid-configuration",
    ],
)
def test_odd_queries(alice: FlaskClient, path: str, query: str) -> None:
    """Bytes that are no text, and parameters that come twice, are no failure."""
    assert alice.get(f"{path}?{query}").status_code < 500


@pytest.mark.parametrize("query", _QUERIES.values(), ids=_QUERIES.keys())
@pytest.mark.parametrize(
    "path",
    [
        AUTHORIZE,
        "/login",
        "/connect/endsession",
        "/connect/token",
        "/connect/userinfo",
        "/connect/revocation",
        "/connect/introspection",
    ],
)
def test_odd_forms(idp: Provider, path: str, query: str) -> None:
    """Nor are odd bodies, from whomever."""
    browser = idp.browser()
    form = {"data": query, "content_type": "application/x-www-form-urlencoded"}

    as_nobody = browser.post(path, **form)
    as_shop = browser.post(path, auth=("shop", SHOP["client_secret"]), **form)

    assert as_nobody.status_code < 500
    assert as_shop.status_code < 500


@pytest.mark.parametrize("value", _VALUES.values(), ids=_VALUES.keys())
@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("token", "grant_type"),
        ("token", "code"),
        ("token", "redirect_uri"),
        ("token", "code_verifier"),
        ("token", "client_id"),
        ("token", "refresh_token"),
        ("token", "scope"),
        ("revocation", "token"),
        ("revocation", "token_type_hint"),
        ("introspection", "token"),
        ("introspection", "token_type_hint"),
    ],
)
def test_odd_client_requests(
    idp: Provider, endpoint: str, name: str, value: str
) -> None:
    """What a client writes is answered with JSON, as an error or not."""
    form = {
        "grant_type": "refresh_token"
        if name in {"refresh_token", "scope"}
        else "authorization_code",
        "code": "x",
        "token": "x",
        name: value,
    }

    response = idp.as_client(endpoint, form)

    assert response.status_code in {200, 400, 401}
    assert response.mimetype == "application/json"


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("Basic", id="no credentials"),
        pytest.param("Basic ", id="empty credentials"),
        pytest.param("Basic !!!", id="no base64"),
        pytest.param("Basic " + base64.b64encode(b"\xff:\xfe").decode(), id="bytes"),
        pytest.param("Basic " + base64.b64encode(b"shop:%ff").decode(), id="percent"),
        pytest.param("Basic " + base64.b64encode(b"\x00:\x00").decode(), id="NUL"),
        pytest.param("Basic c2hvcDp4" * 1000, id="long"),
        pytest.param("Digest x", id="digest"),
        pytest.param("\xff \xfe", id="noise"),
    ],
)
@pytest.mark.parametrize("endpoint", ["token", "revocation", "introspection"])
def test_odd_credentials(idp: Provider, endpoint: str, authorization: str) -> None:
    """A client that cannot be made out is refused."""
    response = idp.browser().post(
        f"/connect/{endpoint}",
        data={"grant_type": "authorization_code", "code": "x", "token": "x"},
        headers={"Authorization": authorization},
    )

    assert response.status_code in {400, 401}
    assert response.get_json()["error"] == "invalid_client"


def test_state_comes_back(idp: Provider, alice: FlaskClient) -> None:
    """Every state comes back as it was, with code and with error."""
    state = "!\"#$%&'()*,-./:<=>?@[\\]^_`{|}~ +;ä€"
    nobody = idp.browser()

    with_code = query_of(idp.authorize(alice, state=state))
    with_error = query_of(idp.authorize(nobody, state=state, prompt="none"))

    assert (with_code["state"], with_error["state"]) == (state, state)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"redirect_uri": "https://evil.test/"}, id="unregistered"),
        pytest.param({"redirect_uri": "https://shop.test/callback/"}, id="slash"),
        pytest.param({"redirect_uri": "https://shop.test/callback?x"}, id="query"),
        pytest.param({"redirect_uri": "https://app.test/callback"}, id="other client"),
        pytest.param({"client_id": "else"}, id="unknown client"),
        pytest.param({"client_id": None}, id="no client"),
        pytest.param(
            {"client_id": "app", "redirect_uri": None}, id="two to choose from"
        ),
    ],
)
def test_requests_that_stay_here(
    idp: Provider, alice: FlaskClient, given: dict[str, str | None]
) -> None:
    """Where the way back is not certain the browser stays on a page of ours."""
    response = idp.authorize(alice, **given)

    assert (response.status_code, response.mimetype) == (400, "text/html")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        pytest.param(
            {"response_type": "token"}, "unsupported_response_type", id="response type"
        ),
        pytest.param(
            {"response_type": None}, "unsupported_response_type", id="no response type"
        ),
        pytest.param({"response_mode": "fragment"}, "invalid_request", id="mode"),
        pytest.param({"request": "x"}, "request_not_supported", id="request"),
        pytest.param(
            {"request_uri": "https://x"}, "request_uri_not_supported", id="request_uri"
        ),
        pytest.param({"code_challenge": "short"}, "invalid_request", id="challenge"),
    ],
)
def test_requests_that_are_refused(
    idp: Provider, alice: FlaskClient, given: dict[str, str | None], error: str
) -> None:
    """Of everything else the client hears, with its state."""
    # RIL-OP-07, SM-OP-02
    answer = query_of(idp.authorize(alice, **given))

    assert (answer["error"], answer["state"]) == (error, "a state")
    assert "session_state" in answer
