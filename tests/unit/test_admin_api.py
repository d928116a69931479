"""The JSON API for administrators, and its description."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import TestResponse

from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session.models import SendResult
from idp_session.stores.sql import upgrade

from .admin_host import ADMIN
from .admin_host import admin_host
from .admin_host import administrator
from .admin_host import session_id_of
from .admin_host import user_of
from .devices_host import sign_in
from .docs_examples import examples
from .hosts import Host

API = f"{ADMIN}/api"
HEADER = "X-CSRF-Token"
SHOP_BACK = "https://shop.test/back"


@pytest.fixture
def host() -> Host:
    return admin_host(config={"keep_ip_address": "full"})


@pytest.fixture
def root(host: Host) -> FlaskClient:
    return administrator(host)


def token(browser: FlaskClient) -> dict[str, str]:
    """The header with which changes have to come."""
    return {HEADER: browser.get(f"{API}/token").get_json()["token"]}


def given_up(host: Host) -> int:
    """A delivery that was given up; gives its number."""
    host.sender.answers[SHOP_BACK] = SendResult(status=400)
    host.signed_in("shop").post("/logout")
    host.deliver()
    (found,) = host.state.deliveries.query(state=DeliveryState.REFUSED)

    return found.id


def described(root: FlaskClient) -> dict[str, Any]:
    """The description."""
    found: dict[str, Any] = root.get(f"{API}/openapi.json").get_json()

    return found


def matches(
    description: dict[str, Any], path: str, method: str, answer: TestResponse
) -> None:
    """Fails unless the answer is one that the description knows, in all members."""
    responses = description["paths"][path][method]["responses"]
    response = responses[str(answer.status_code)]

    if "content" not in response:
        assert answer.data == b""
        return

    schema = response["content"][answer.mimetype]["schema"]
    validator = OAS31Validator(
        {**schema, "components": description["components"]},
        format_checker=OAS31Validator.FORMAT_CHECKER,
    )
    validator.validate(answer.get_json())


# The description


def test_description(root: FlaskClient) -> None:
    """It is valid OpenAPI 3.1."""
    description = described(root)

    OpenAPIV31SpecValidator(description).validate()
    assert description["servers"] == [{"url": API}]


def test_description_is_complete(host: Host, root: FlaskClient) -> None:
    """It has every address and method of the API, and no other."""
    described_ones = {
        (path, method.upper())
        for path, operations in described(root)["paths"].items()
        for method in operations.keys() - {"parameters"}
    }
    existing = {
        (
            rule.rule.removeprefix(API).replace("<int:", "{").translate(_BRACES),
            method,
        )
        for rule in host.app.url_map.iter_rules()
        if rule.rule.startswith(f"{API}/") and "openapi" not in rule.rule
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert described_ones == existing


_BRACES = str.maketrans("<>", "{}")


def test_answers_are_as_described(host: Host, root: FlaskClient) -> None:
    """Each kind of answer has the members that the description says."""
    number = given_up(host)
    session_id = session_id_of(sign_in(host, "shop"))
    one, delivery = "/sessions/{session_id}", "/deliveries/{delivery_id}"
    header = token(root)
    description = described(root)

    for path, method, answer in (
        ("/token", "get", root.get(f"{API}/token")),
        ("/counts", "get", root.get(f"{API}/counts")),
        ("/sessions", "get", root.get(f"{API}/sessions")),
        ("/sessions", "get", root.get(f"{API}/sessions?limit=0")),
        (one, "get", root.get(f"{API}/sessions/{session_id}")),
        (one, "get", root.get(f"{API}/sessions/none")),
        (one, "delete", root.delete(f"{API}/sessions/{session_id}")),
        (one, "delete", root.delete(f"{API}/sessions/{session_id}", headers=header)),
        (one, "delete", root.delete(f"{API}/sessions/{session_id}", headers=header)),
        ("/deliveries", "get", root.get(f"{API}/deliveries")),
        (delivery, "get", root.get(f"{API}/deliveries/{number}")),
        *(
            (
                f"{delivery}/retry",
                "post",
                root.post(f"{API}/deliveries/{number}/retry", headers=header),
            )
            for _ in range(2)
        ),
        ("/sessions", "get", host.browser().get(f"{API}/sessions")),
        ("/sessions", "get", host.signed_in().get(f"{API}/sessions")),
    ):
        matches(description, path, method, answer)


# What it does


def test_sessions(host: Host, root: FlaskClient) -> None:
    """They are searched, and go on in both directions."""
    ids = []

    for _ in range(5):
        host.clock.tick(timedelta(seconds=1))
        ids.append(session_id_of(host.signed_in("shop", subject="eve")))

    search = {"subject_id": "eve", "limit": "2"}
    first = root.get(f"{API}/sessions", query_string=search).get_json()
    second = root.get(
        f"{API}/sessions", query_string={**search, "cursor": first["next"]}
    ).get_json()
    back = root.get(
        f"{API}/sessions", query_string={**search, "cursor": second["previous"]}
    ).get_json()

    assert [each["session_id"] for each in first["sessions"]] == ids[:2:-1]
    assert [each["session_id"] for each in second["sessions"]] == ids[2:0:-1]
    assert back["sessions"] == first["sessions"]
    assert (first["estimate"], first["previous"]) == (5, None)


def test_one_session(host: Host, root: FlaskClient) -> None:
    """Its members and participants, and nothing that is secret."""
    session_id = session_id_of(sign_in(host, "shop"))
    record = host.state.store.find(session_id)
    assert record

    answer = root.get(f"{API}/sessions/{session_id}")

    found = answer.get_json()
    assert (found["subject_id"], found["ip_address"]) == ("alice", "203.0.113.77")
    assert found["created_at"] == record.created_at.isoformat()
    assert [each["client_id"] for each in found["participants"]] == ["shop"]
    assert record.key not in answer.text
    assert "ticket" not in found


def test_ending(host: Host, root: FlaskClient) -> None:
    """One ends, once, and its clients are told."""
    browser = host.signed_in("shop")
    session_id = session_id_of(browser)

    answers = [
        root.delete(f"{API}/sessions/{session_id}", headers=token(root))
        for _ in range(2)
    ]

    assert [each.status_code for each in answers] == [204, 404]
    assert user_of(browser) is None
    assert [each.reason for each in host.owed(session_id)] == [LogoutReason.ADMIN]


def test_deliveries(host: Host, root: FlaskClient) -> None:
    """They are searched, and the last number leads on."""
    for _ in range(3):
        host.signed_in("shop", "mail").post("/logout")

    query = {"client_id": "shop", "state": "pending", "limit": "2"}
    first = root.get(f"{API}/deliveries", query_string=query).get_json()
    second = root.get(
        f"{API}/deliveries", query_string={**query, "before_id": first["next"]}
    ).get_json()

    assert [len(each["deliveries"]) for each in (first, second)] == [2, 1]
    assert second["next"] is None


def test_trying_again(host: Host, root: FlaskClient) -> None:
    """What was given up is tried again, once."""
    number = given_up(host)
    host.sender.answers.clear()
    address = f"{API}/deliveries/{number}/retry"

    answers = [root.post(address, headers=token(root)) for _ in range(2)]
    host.deliver()

    assert [each.status_code for each in answers] == [202, 409]
    assert answers[0].get_json()["state"] == "pending"
    after = root.get(f"{API}/deliveries/{number}").get_json()
    assert (after["state"], after["last_status"]) == ("delivered", 200)


# Under the same rules


REQUESTS = [
    pytest.param("GET", "/openapi.json", id="description"),
    pytest.param("GET", "/token", id="token"),
    pytest.param("GET", "/counts", id="counts"),
    pytest.param("GET", "/sessions", id="sessions"),
    pytest.param("GET", "/sessions/{session_id}", id="session"),
    pytest.param("DELETE", "/sessions/{session_id}", id="end"),
    pytest.param("GET", "/deliveries", id="deliveries"),
    pytest.param("GET", "/deliveries/{delivery_id}", id="delivery"),
    pytest.param("POST", "/deliveries/{delivery_id}/retry", id="retry"),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_who_is_kept_out(host: Host, method: str, path: str) -> None:
    """Nobody is 401 and somebody else 403, as problems, and nothing happens."""
    number = given_up(host)
    session_id = session_id_of(host.signed_in(subject="bob"))
    address = API + path.format(session_id=session_id, delivery_id=number)

    nobody = host.browser().open(address, method=method)
    alice = host.signed_in().open(address, method=method)

    assert (nobody.status_code, alice.status_code) == (401, 403)
    assert nobody.mimetype == alice.mimetype == "application/problem+json"
    assert "WWW-Authenticate" in nobody.headers
    assert "bob" not in alice.text
    assert host.state.store.find(session_id)
    assert host.deliver() == 0


@pytest.mark.parametrize("text", [None, "", "x", "A" * 200, "\xe9"])
def test_forged_requests(host: Host, root: FlaskClient, text: str | None) -> None:
    """A request that another site makes the browser send does nothing."""
    number = given_up(host)
    session_id = session_id_of(host.signed_in())
    headers = {} if text is None else {HEADER: text}

    answers = [
        root.delete(f"{API}/sessions/{session_id}", headers=headers),
        root.post(f"{API}/deliveries/{number}/retry", headers=headers),
    ]

    assert [each.status_code for each in answers] == [400, 400]
    assert HEADER in answers[0].get_json()["detail"]
    assert host.state.store.find(session_id)


def test_tokens_of_others(host: Host, root: FlaskClient) -> None:
    """A token is good in its own session, and for a while."""
    session_id = session_id_of(host.signed_in())
    foreign, own = token(administrator(host)), token(root)
    address = f"{API}/sessions/{session_id}"

    first = root.delete(address, headers=foreign)
    host.clock.tick(host.state.options.logout_page_lifetime + timedelta(seconds=1))
    second = root.delete(address, headers=own)

    assert (first.status_code, second.status_code) == (400, 400)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("sessions?subject=alice", 400, id="misspelt"),
        pytest.param("sessions?limit=201", 400, id="limit"),
        pytest.param("sessions?cursor=x", 400, id="cursor"),
        pytest.param("sessions/x?y=z", 400, id="one with parameters"),
        pytest.param("sessions/%00", 404, id="NUL"),
        pytest.param("deliveries?state=odd", 400, id="state"),
        pytest.param("deliveries?before_id=-1", 400, id="negative"),
        pytest.param("deliveries?session=x", 400, id="misspelt session"),
        pytest.param("deliveries/" + "9" * 40, 404, id="long number"),
    ],
)
def test_odd_requests(root: FlaskClient, path: str, status: int) -> None:
    """What makes no sense is refused, with the reason."""
    answer = root.get(f"{API}/{path}")

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["detail"]


def test_headers(root: FlaskClient) -> None:
    """No answer is kept, and no browser takes it for something else."""
    headers = root.get(f"{API}/sessions").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_where_sessions_are_in_cookies(sqlite_engine: sa.Engine) -> None:
    """Sessions are a 404 that says why, and deliveries are there and repeated."""
    upgrade(sqlite_engine)
    host = admin_host(config={"tickets": "cookie"}, engine=sqlite_engine)
    root = administrator(host)
    number = given_up(host)

    sessions = root.get(f"{API}/sessions")
    counts = root.get(f"{API}/counts")
    again = root.post(f"{API}/deliveries/{number}/retry", headers=token(root))
    forged = root.post(
        f"{API}/deliveries/{number}/retry", headers=token(administrator(host))
    )

    assert sessions.status_code == 404
    matches(described(root), "/counts", "get", counts)
    assert counts.get_json()["sessions"] is None
    assert "cookie" in sessions.get_json()["detail"]
    assert (again.status_code, forged.status_code) == (202, 400)


class _Http:
    """What an example uses of ``requests``, on a browser of a test."""

    def __init__(self, browser: FlaskClient) -> None:
        self._browser = browser

    def get(self, url: str, params: dict[str, str] | None = None) -> _Answer:
        return _Answer(self._browser.get(url, query_string=params))

    def delete(self, url: str, headers: dict[str, str]) -> _Answer:
        return _Answer(self._browser.delete(url, headers=headers))


class _Answer:
    def __init__(self, answer: TestResponse) -> None:
        self.json = answer.get_json
        self.ok = answer.status_code < 400


def test_example_of_the_guide(
    host: Host,
    root: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The example ends the sessions of one user, and of nobody else."""
    alice, again, bob = (host.signed_in(subject=s) for s in ("alice", "alice", "bob"))

    with examples(monkeypatch, tmp_path / "unused") as found:
        ended = found["admin_requests"].end_sessions_of(
            "alice", http=_Http(root), url=API
        )

    assert ended == 2
    assert [user_of(each) for each in (alice, again, bob)] == [None, None, "bob"]
