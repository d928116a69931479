"""The pages of administrators: whom they let in, and where they can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from idp_session import DeliveryState
from idp_session.flask import admin_blueprint
from idp_session.flask import protocol_blueprint
from idp_session.stores.sql import upgrade

from .admin_host import ADMIN
from .admin_host import admin_host
from .admin_host import administrator
from .admin_host import given_up
from .admin_host import session_id_of
from .docs_examples import examples
from .hosts import Host
from .hosts import host_app


@pytest.fixture
def host() -> Host:
    return admin_host()


@pytest.fixture
def root(host: Host) -> FlaskClient:
    return administrator(host)


# The check


async def _later(_: object) -> bool:
    return True


@pytest.mark.parametrize(
    "permission",
    [
        pytest.param(None, id="none"),
        pytest.param(True, id="no function"),
        pytest.param(_later, id="awaitable"),
    ],
)
def test_no_check(permission: Any) -> None:
    """Without a check that can keep people out there are no pages."""
    with pytest.raises(TypeError, match="permission"):
        admin_blueprint(permission=permission, sign_in=lambda _: None)  # type: ignore[arg-type,return-value]


def test_a_check_that_says_neither_yes_nor_no() -> None:
    """A check that forgets to answer, or answers otherwise, lets nobody in."""

    def register(app: Any) -> None:
        app.register_blueprint(protocol_blueprint(), url_prefix="/connect")
        app.register_blueprint(
            admin_blueprint(
                permission=lambda user: user.subject_id,  # type: ignore[arg-type,return-value]
                sign_in=lambda _: None,  # type: ignore[arg-type,return-value]
            ),
            url_prefix=ADMIN,
        )

    browser = host_app(register=register).signed_in()

    with pytest.raises(TypeError, match="True or False"):
        browser.get(f"{ADMIN}/sessions")


PAGES = [
    pytest.param("GET", "/", id="index"),
    pytest.param("GET", "/sessions", id="sessions"),
    pytest.param("GET", "/sessions/{session_id}", id="session"),
    pytest.param("GET", "/sessions/{session_id}/end", id="question"),
    pytest.param("POST", "/sessions/{session_id}/end", id="end"),
    pytest.param("GET", "/deliveries", id="deliveries"),
    pytest.param("GET", "/deliveries/{delivery_id}", id="delivery"),
    pytest.param("POST", "/deliveries/{delivery_id}/retry", id="retry"),
]


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_whom_the_host_keeps_out(host: Host, method: str, path: str) -> None:
    """Who is signed in and no administrator gets 403, and sees and changes nothing."""
    number = given_up(host)
    alice = host.signed_in(subject="alice")
    session_id = session_id_of(host.signed_in("shop", subject="bob"))
    address = ADMIN + path.format(session_id=session_id, delivery_id=number)

    answer = alice.open(address, method=method)

    assert answer.status_code == 403
    assert "bob" not in answer.text
    assert "/sessions" not in answer.text
    assert host.state.store.find(session_id)
    delivery = host.state.deliveries.get(number)
    assert delivery
    assert delivery.state is DeliveryState.REFUSED


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_nobody_is_signed_in(host: Host, method: str, path: str) -> None:
    """They are sent the host's way, and come back to where they can be."""
    address = ADMIN + path.format(session_id="0" * 32, delivery_id=7)

    answer = host.browser().open(address, method=method)

    onward = address if method == "GET" else f"{ADMIN}/"
    assert answer.location == f"/sign-in?next={onward}"


def test_the_way_back_keeps_the_search(host: Host) -> None:
    """After the sign-in the same search is there, and nothing that is not ours."""
    answer = host.browser().get(f"{ADMIN}/sessions?subject_id=alice&next=//evil")

    assert answer.location == f"/sign-in?next={ADMIN}/sessions%3Fsubject_id%3Dalice"


# Wherever it is


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        pytest.param("/a/b", "x_y", id="another prefix"),
        pytest.param(None, "bare", id="no prefix"),
    ],
)
def test_wherever_it_is_mounted(prefix: str | None, name: str) -> None:
    """It works below any prefix and under any name."""
    host = admin_host(prefix=prefix, name=name)
    root = administrator(host)

    answer = root.get(f"{prefix or ''}/sessions")

    assert f'href="{prefix or ""}/sessions/{session_id_of(root)}"' in answer.text


@pytest.mark.parametrize(
    "path",
    ["sessions", "sessions/{session_id}", "sessions/{session_id}/end", "deliveries"],
)
def test_headers(host: Host, root: FlaskClient, path: str) -> None:
    """No page is kept or framed, and none needs a script or foreign things."""
    session_id = session_id_of(host.signed_in("shop"))

    answer = root.get(f"{ADMIN}/{path.format(session_id=session_id)}")

    policy = answer.headers["Content-Security-Policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<script" not in answer.text
    assert " style=" not in answer.text


def test_where_sessions_are_in_cookies(sqlite_engine: sa.Engine) -> None:
    """There are no sessions to list then, and notifications all the same."""
    upgrade(sqlite_engine)
    host = admin_host(config={"tickets": "cookie"}, engine=sqlite_engine)
    root = administrator(host)
    host.signed_in("shop").post("/logout")

    sessions = root.get(f"{ADMIN}/sessions")
    deliveries = root.get(f"{ADMIN}/deliveries")

    assert sessions.status_code == 404
    assert "There is no list of sessions here" in sessions.text
    assert "Shop" in deliveries.text


def test_own_templates(host: Host, root: FlaskClient, tmp_path: Path) -> None:
    """A template of the host's of the same name is used instead."""
    (tmp_path / "idp_session").mkdir()
    own = tmp_path / "idp_session" / "admin_links.html"
    own.write_text('<a href="/account/">Your account</a>')
    host.app.template_folder = str(tmp_path)

    assert '<a href="/account/">Your account</a>' in root.get(f"{ADMIN}/sessions").text


def test_example_of_the_guide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The example lets those in who have the claim, and nobody else."""
    with examples(monkeypatch, tmp_path / "unused") as found:
        host = host_app(register=found["admin"].add_admin)
        host.app.add_url_rule("/sign-in", "login", lambda: "")
        host.app.register_blueprint(protocol_blueprint(), url_prefix="/connect")

        nobody = host.browser().get("/admin/sessions")
        alice = host.signed_in().get("/admin/sessions")
        admin = host.signed_in(subject="admin").get("/admin/sessions")

    assert nobody.location == "/sign-in?next=/admin/sessions"
    assert (alice.status_code, admin.status_code) == (403, 200)
