"""Each operation of the guide does what the guide says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp_session import LogoutReason
from idp_session import SessionEventKind
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import user_session
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore

from .docs_examples import EXAMPLES
from .docs_examples import examples
from .hosts import HANDLE
from .hosts import key_set

GUIDE = EXAMPLES.parent / "guides" / "operations.md"


@pytest.fixture
def operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The example."""
    with examples(monkeypatch, tmp_path / "unused") as found:
        yield found["operations"]


@pytest.fixture
def app(operations: ModuleType) -> Iterator[Flask]:
    """Each function of the example has a page of its own."""
    app = Flask("operations")
    app.config.from_prefixed_env()
    queue = MemoryDeliveryQueue()
    operations.idp_session.init_app(
        app,
        clients=operations.clients,
        signer=KeySetTokenSigner(key_set()),
        store=MemorySessionStore(queue),
        queue=queue,
    )

    @app.post("/<name>")
    @app.post("/<name>/<argument>")
    def call(name: str, argument: str | None = None) -> dict[str, Any]:
        given = [] if argument is None else [argument]

        return {"answer": getattr(operations, name)(*given)}

    @app.post("/session-id")
    def session_id() -> dict[str, Any]:
        return {"answer": user_session.session_id}

    @app.post("/basket")
    def basket() -> dict[str, Any]:
        user_session.data.set("basket", ["tea"])

        return {"answer": None}

    @app.post("/values")
    def values() -> dict[str, Any]:
        data = user_session.data

        return {"answer": {name: data.get(name) for name in data}}

    @app.post("/attributes")
    def attributes() -> dict[str, Any]:
        return {"answer": dict(user_session.attributes)}

    yield app

    with app.app_context():
        operations.idp_session.channels.stop()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def call(browser: FlaskClient, page: str) -> Any:
    response = browser.post(f"/{page}", base_url="https://idp.test")
    assert response.status_code == 200

    return response.get_json()["answer"]


def cookie(browser: FlaskClient) -> str | None:
    found = browser.get_cookie(HANDLE, domain="idp.test")

    return None if found is None else found.value


def test_create_begins_a_session_and_sets_its_cookie(browser: FlaskClient) -> None:
    """Create keeps a value, and the response has the cookie."""
    call(browser, "create")

    assert cookie(browser)
    assert call(browser, "get") == "de"


def test_get_without_a_session(browser: FlaskClient) -> None:
    """Get answers the default, and begins no session."""
    assert call(browser, "get") == "en"
    assert cookie(browser) is None


def test_update_merges(browser: FlaskClient) -> None:
    """Update changes what it names, remove forgets one, and the rest stays."""
    call(browser, "basket")
    call(browser, "create")

    call(browser, "update")
    updated = call(browser, "values")
    call(browser, "remove")

    assert updated == {"basket": ["tea"], "language": "fr", "theme": "dark"}
    assert call(browser, "values") == {"basket": ["tea"], "language": "fr"}


def test_clear_keeps_the_user(browser: FlaskClient) -> None:
    """Clear forgets the data and nothing else."""
    call(browser, "sign_in")
    call(browser, "create")

    call(browser, "clear")

    assert call(browser, "get") == "en"
    assert call(browser, "who") == "alice"


def test_delete_ends_the_session(browser: FlaskClient) -> None:
    """Sign out ends the session, and takes the cookie away."""
    call(browser, "sign_in")
    call(browser, "create")

    call(browser, "sign_out")

    assert call(browser, "who") is None
    assert call(browser, "get") == "en"
    assert cookie(browser) is None


def test_delete_of_an_anonymous_session(browser: FlaskClient) -> None:
    """Sign out ends a session in which nobody is signed in, too."""
    call(browser, "create")

    call(browser, "sign_out")

    assert call(browser, "get") == "en"
    assert cookie(browser) is None


def test_changed(operations: ModuleType, app: Flask) -> None:
    """A request knows whether it has something to save."""
    with app.test_request_context():
        before = operations.changed()
        operations.create()

        assert (before, operations.changed()) == (False, True)


def test_anonymous_becomes_authenticated(browser: FlaskClient) -> None:
    """The sign-in keeps the data and the attributes, and replaces the handle."""
    call(browser, "create")
    call(browser, "set_active_order/o-1")
    before = cookie(browser)

    call(browser, "sign_in")

    assert cookie(browser) != before
    assert call(browser, "get") == "de"
    assert call(browser, "active_order") == "o-1"


def test_a_job_works_with_the_session_of_a_handle(
    operations: ModuleType, app: Flask
) -> None:
    """A job that holds the handle is in the session, and its data is kept."""
    browser = app.test_client()
    call(browser, "sign_in")

    with app.app_context():
        session_id = operations.told_later(cookie(browser))

    assert session_id == call(browser, "session-id")
    assert call(browser, "values") == {"report": "ready"}


@pytest.mark.parametrize("what", ["order", "channel"])
def test_set_and_unset(browser: FlaskClient, what: str) -> None:
    """An attribute is there until it is unset."""
    call(browser, f"set_active_{what}/x")
    before = call(browser, "attributes")

    call(browser, f"unset_active_{what}")

    assert before == {what: "x"}
    assert call(browser, "attributes") == {}


def test_delete_by_order(app: Flask) -> None:
    """Every session with the order ends, whether somebody is signed in or not."""
    visitor, alice, other = (app.test_client() for _ in range(3))
    call(visitor, "set_active_order/o-1")
    call(alice, "sign_in")
    call(alice, "set_active_order/o-1")
    call(other, "set_active_order/o-2")

    assert call(other, "delete_by_order/o-1") == 2
    assert call(visitor, "active_order") is None
    assert call(alice, "who") is None
    assert call(other, "active_order") == "o-2"


def test_delete_by_user(app: Flask) -> None:
    """Every session of the user ends, and no other."""
    here, there, visitor = (app.test_client() for _ in range(3))
    call(here, "sign_in")
    call(there, "sign_in")
    call(visitor, "create")

    assert call(visitor, "delete_by_user/alice") == 2
    assert call(here, "who") is None
    assert call(visitor, "get") == "de"


def test_a_channel_follows_its_session(operations: ModuleType, app: Flask) -> None:
    """A channel hears of kept changes, and of the end, which is the last it hears."""
    browser = app.test_client()
    call(browser, "sign_in")
    session_id = call(browser, "session-id")

    with app.app_context():
        binding, events = operations.follow(session_id)

    call(browser, "create")
    call(browser, "sign_out")
    heard = [events.get(timeout=30), events.get(timeout=30)]

    assert [event.kind for event in heard] == [
        SessionEventKind.DATA_CHANGED,
        SessionEventKind.ENDED,
    ]
    assert heard[1].reason is LogoutReason.USER
    assert binding.closed


def test_every_operation_is_in_the_guide() -> None:
    """No function of the example is left out, so none is untold or untested."""
    functions = re.findall(
        r"^def (\w+)", (EXAMPLES / "operations.py").read_text(), re.MULTILINE
    )
    shown = re.findall(r"^:pyobject: (\w+)$", GUIDE.read_text(), re.MULTILINE)

    assert set(shown) == set(functions)
