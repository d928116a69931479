"""The end-session endpoint: odd requests."""

from __future__ import annotations

import pytest

from .end_session_steps import CALLBACK
from .end_session_steps import END
from .end_session_steps import is_question
from .end_session_steps import is_signed_in
from .end_session_steps import sent
from .hosts import DONE
from .hosts import Host
from .hosts import host_app
from .hosts import Page


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


@pytest.mark.parametrize(
    "name",
    ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_repeated_parameters(host: Host, name: str, method: str) -> None:
    """A parameter that is given twice is not used at all, wherever it stands."""
    browser = host.signed_in("shop")
    given = {
        "id_token_hint": host.hint(),
        "client_id": "shop",
        "post_logout_redirect_uri": DONE,
        "state": "s",
    }
    twice = {**given, name: [given[name], given[name]]}

    response = sent(browser, method, twice)

    expected = {
        "id_token_hint": None,
        "client_id": f"{DONE}?state=s",
        "post_logout_redirect_uri": CALLBACK,
        "state": DONE,
    }
    assert response.headers.get("Location") == expected[name]


def test_repeated_in_query_and_body(host: Host) -> None:
    """Once in the address and once in the body is twice."""
    browser = host.signed_in("shop")
    given = {"id_token_hint": host.hint()}

    response = browser.post(END, query_string=given, data=given)

    assert is_question(response)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("%00", id="NUL"),
        pytest.param("id_token_hint=%ff%fe", id="not UTF-8"),
        pytest.param("client_id=%ff&state=%80", id="bytes"),
        pytest.param("client_id=%00", id="NUL in the client"),
        pytest.param("post_logout_redirect_uri=%0d%0aX:y", id="line ends"),
        pytest.param("%zz=%&&==&;", id="broken"),
        pytest.param("state=" + "x" * 100_000, id="long"),
        pytest.param("&".join(f"a{n}=1" for n in range(2000)), id="many"),
        pytest.param("confirmation[]=1&answer[]=2", id="other names"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_odd_requests(host: Host, query: str, method: str) -> None:
    """Nothing that is written into a request is a failure of the server."""
    browser = host.signed_in("shop")

    in_query = browser.open(f"{END}?{query}", method=method)
    in_body = browser.open(
        END,
        method=method,
        data=query,
        content_type="application/x-www-form-urlencoded",
    )

    assert {in_query.status_code, in_body.status_code} <= {200, 413}
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("application/json", id="JSON"),
        pytest.param("multipart/form-data", id="multipart without boundary"),
        pytest.param("application/x-www-form-urlencoded; charset=utf-7", id="charset"),
        pytest.param("x" * 1000, id="noise"),
    ],
)
def test_odd_bodies(host: Host, content_type: str) -> None:
    """A body that is no form is a request without parameters."""
    browser = host.signed_in("shop")

    response = browser.post(END, data=b"\xff{", content_type=content_type)

    assert is_question(response)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(host: Host, method: str) -> None:
    """There are two ways to ask."""
    assert host.signed_in().open(END, method=method).status_code == 405


def test_markup_is_escaped() -> None:
    """Names of clients and users are words on the page and nothing else."""
    # RIL-OP-29
    host = host_app()
    browser = host.browser()
    browser.post("/login/alice?name=<script>alert(1)</script>")

    response = browser.get(
        END,
        query_string={
            "client_id": "news",
            "state": "<script>",
            "logout_hint": "<script>",
            "id_token_hint": "'\"><script>",
        },
    )
    page = Page(response)

    assert "script" not in page.tags
    assert "b" not in page.tags
    assert '<b>News</b> & "more" asks to sign you out' in page.text
    assert "You are signed in as <script>alert(1)</script>" in page.text
