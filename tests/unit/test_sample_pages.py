"""The sample's pages for devices and administrators, and whom they let in."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session import Delivery
from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session.flask.state import AppState
from idp_session.models import DeliveryResult
from idp_session.testing import make_participant
from idp_session.testing import make_session
from sample_idp.provider import create_app
from sample_idp.settings import ProviderSettings

from .hosts import Page

ISSUER = "http://localhost:5000"

CLIENTS = """[{
    "client_id": "shop", "client_secret": "a secret of the shop", "client_name": "Shop",
    "redirect_uris": ["http://127.0.0.1:5001/callback"]
}]"""

ADMIN_PAGES = ["/admin/sessions", "/admin/deliveries", "/administration/"]
PAGES = ["/account/sessions", *ADMIN_PAGES]
FORMS = [
    pytest.param("/admin/sessions/{session_id}/end", id="end any"),
    pytest.param("/admin/deliveries/{delivery_id}/retry", id="retry"),
]


@pytest.fixture(scope="module")
def module_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One app for all tests here: to make its keys takes a while."""
    data = tmp_path_factory.mktemp("sample")
    clients = data / "clients.json"
    clients.write_text(CLIENTS)
    app = create_app(
        ProviderSettings(
            issuer=ISSUER,
            data=data,
            database=sa.URL.create("sqlite", database=str(Path(data, "idp.sqlite"))),
            secret_key="a secret key for tests",
            client_files=(clients,),
            options={
                "IDP_SESSION_ISSUER": ISSUER,
                "IDP_SESSION_CHECK_SESSION_COOKIE_SAME_SITE": "Lax",
                "IDP_SESSION_CHECK_SESSION_COOKIE_SECURE": False,
                "IDP_SESSION_DELIVERY_IN_PROCESS": False,
                "IDP_SESSION_BACK_CHANNEL_WAIT": 0,
            },
        )
    )
    app.testing = True
    yield app
    engine = state_of(app).engine
    assert engine is not None
    engine.dispose()


@pytest.fixture
def app(module_app: Flask) -> Iterator[Flask]:
    yield module_app
    engine = state_of(module_app).engine
    assert engine is not None

    with engine.begin() as connection:
        for name in ("_deliveries", "_participants", "s"):
            connection.execute(sa.delete(sa.table(f"idp_session{name}")))


def state_of(app: Flask) -> AppState:
    state: AppState = app.extensions["idp_session"]

    return state


def sign_in(app: Flask, username: str) -> FlaskClient:
    """A browser in which somebody has signed in."""
    browser = app.test_client()
    answer = browser.post("/login", data={"username": username, "password": username})
    assert answer.status_code == 303

    return browser


def session_id(browser: FlaskClient) -> str:
    cookie = browser.get_cookie("idsrv.session")
    assert cookie is not None

    return cookie.value


def is_signed_in(browser: FlaskClient) -> bool:
    return browser.get("/account/").status_code == 200


def add_client(app: Flask, sid: str, client_id: str) -> None:
    state_of(app).store.add_participant(make_participant(sid, client_id=client_id))


def owe(app: Flask, state: DeliveryState, client_id: str = "shop") -> Delivery:
    """A delivery in some state."""
    services = state_of(app)
    session = make_session()
    services.store.create(session)
    add_client(app, session.session_id, client_id)
    services.ending.end(session.session_id, reason=LogoutReason.USER)

    if state is not DeliveryState.PENDING:
        now = services.clock.now()
        [claimed] = services.queue.claim(now=now, lease=timedelta(seconds=9), limit=1)
        result = DeliveryResult(state=state, at=now, status=400, error="status")
        services.queue.settle(claimed, result)

    return services.queue.of_session(session.session_id)[0]


def text(response: TestResponse) -> str:
    return Page(response).text


def links(response: TestResponse) -> dict[str, str]:
    """Where the links of a page lead, by their words."""
    found = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>([^<]+)<', response.text)

    return {words: html.unescape(target) for target, words in found}


def submitted(browser: FlaskClient, address: str) -> TestResponse:
    """What comes of the form of a page."""
    page = Page(browser.get(address))
    assert page.action is not None

    return browser.post(page.action, data=page.fields)


class TestWhoIsLetIn:
    """Permissions, the same for all pages."""

    @pytest.mark.parametrize("path", PAGES)
    def test_nobody_is_asked_to_sign_in(self, app: Flask, path: str) -> None:
        """Whoever is not signed in comes to the sign-in page, and then back."""
        browser = app.test_client()

        asked = browser.get(path)
        browser.post(asked.location, data={"username": "admin", "password": "admin"})

        assert asked.status_code == 303
        assert asked.location.startswith("/login?next=")
        assert browser.get(path).status_code == 200

    @pytest.mark.parametrize("form", FORMS)
    def test_nobody_sends_no_forms(self, app: Flask, form: str) -> None:
        """A form without a session leads to the sign-in page and does nothing."""
        alice = sign_in(app, "alice")
        delivery = owe(app, DeliveryState.FAILED)
        path = form.format(session_id=session_id(alice), delivery_id=delivery.id)

        answer = app.test_client().post(path)

        assert answer.status_code == 303
        assert answer.location.startswith("/login")
        assert is_signed_in(alice)
        assert state_of(app).deliveries.get(delivery.id) == delivery

    @pytest.mark.parametrize("path", ADMIN_PAGES)
    def test_others_see_no_admin_pages(self, app: Flask, path: str) -> None:
        """Only the administrator opens them, and only they are shown the way."""
        alice = sign_in(app, "alice")

        assert alice.get(path).status_code == 403
        assert path not in alice.get("/account/").text
        assert path in sign_in(app, "admin").get("/account/").text

    @pytest.mark.parametrize("form", FORMS)
    def test_others_send_no_admin_forms(self, app: Flask, form: str) -> None:
        """A user cannot do what the administrator can."""
        alice, bob = sign_in(app, "alice"), sign_in(app, "bob")
        delivery = owe(app, DeliveryState.FAILED)
        path = form.format(session_id=session_id(bob), delivery_id=delivery.id)

        assert alice.post(path).status_code == 403
        assert is_signed_in(bob)
        assert state_of(app).deliveries.get(delivery.id) == delivery

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize(
        "header",
        [
            pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
            pytest.param({"Sec-Fetch-Site": "same-site"}, id="neighbour"),
            pytest.param({"Origin": "https://evil.test"}, id="other origin"),
            pytest.param({"Origin": "null"}, id="no origin"),
        ],
    )
    def test_forms_of_other_sites_do_nothing(
        self, app: Flask, form: str, header: dict[str, str]
    ) -> None:
        """A page elsewhere cannot send a form in the name of whoever looks at it."""
        admin, other = sign_in(app, "admin"), sign_in(app, "admin")
        delivery = owe(app, DeliveryState.FAILED)
        path = form.format(session_id=session_id(other), delivery_id=delivery.id)

        assert admin.post(path, headers=header).status_code == 403
        assert is_signed_in(other)
        assert state_of(app).deliveries.get(delivery.id) == delivery

    @pytest.mark.parametrize("form", FORMS)
    def test_nothing_happens_by_a_link(self, app: Flask, form: str) -> None:
        """What changes something is a form."""
        path = form.format(session_id="5e55", delivery_id=1)

        assert sign_in(app, "admin").get(path).status_code == 405

    @pytest.mark.parametrize("path", PAGES)
    def test_pages_are_kept_nowhere(self, app: Flask, path: str) -> None:
        """They are in no cache and in no frame, and run no script."""
        headers = sign_in(app, "admin").get(path).headers

        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


class TestDevices:
    """``/account/sessions``, by the pages of the package."""

    def test_own_devices_are_listed(self, app: Flask) -> None:
        """This device comes first and says so; others' devices are not there."""
        old = sign_in(app, "alice")
        sign_in(app, "alice")
        sign_in(app, "bob")
        add_client(app, session_id(old), "shop")
        add_client(app, session_id(old), "gone")

        page = old.get("/account/sessions")

        assert text(page).count("active now") == 2
        assert text(page).count("this device") == 1
        assert text(page).index("this device") < text(page).index("none so far")
        assert "Applications: Shop, gone" in text(page)
        assert links(page)["Your account"] == "/account/"

    def test_signing_out_one(self, app: Flask) -> None:
        """The other device is signed out, and its clients are owed word."""
        here, there = sign_in(app, "alice"), sign_in(app, "alice")
        sid = session_id(there)
        add_client(app, sid, "shop")
        listed = here.get("/account/sessions")

        answer = submitted(here, links(listed)["Sign out…"])

        assert "One device was signed out" in text(here.get(answer.location))
        assert (is_signed_in(here), is_signed_in(there)) == (True, False)
        [delivery] = state_of(app).queue.of_session(sid)
        assert delivery.reason is LogoutReason.USER

    def test_signing_out_all_others(self, app: Flask) -> None:
        """Everywhere but here, and nobody else."""
        here, *others = [sign_in(app, "alice") for _ in range(3)]
        bob = sign_in(app, "bob")

        answer = submitted(here, "/account/sessions/end-others")

        assert "2 devices were signed out" in text(here.get(answer.location))
        assert [is_signed_in(each) for each in (here, *others, bob)] == [
            True,
            False,
            False,
            True,
        ]

    @pytest.mark.parametrize("path", ["end", "end-others"])
    def test_forms_that_no_page_has_made(self, app: Flask, path: str) -> None:
        """A form of another site, or made by hand, ends nothing."""
        here, there = sign_in(app, "alice"), sign_in(app, "alice")

        answer = here.post(
            f"/account/sessions/{path}", query_string={"device": session_id(there)}
        )

        assert answer.status_code in {400, 404}
        assert is_signed_in(there)


class TestIdsThatLeadNowhere:
    """What an administrator types into an address."""

    @pytest.mark.parametrize(
        "sid",
        [
            pytest.param("5e55", id="unknown"),
            pytest.param("%25", id="wildcard"),
            pytest.param("a%00b", id="NUL"),
            pytest.param("%ff", id="not UTF-8"),
            pytest.param("' OR '1'='1", id="a piece of SQL"),
            pytest.param("5e" * 2000, id="very long"),
        ],
    )
    def test_ids_that_lead_nowhere(self, app: Flask, sid: str) -> None:
        """Whatever stands in the address, nothing ends."""
        admin, other = sign_in(app, "admin"), sign_in(app, "admin")

        assert admin.post(f"/admin/sessions/{sid}/end").status_code == 404
        assert is_signed_in(other)


class TestAdminSessions:
    """``/admin/sessions``."""

    def test_all_sessions_are_listed(self, app: Flask) -> None:
        """The administrator sees whose sessions there are and what they use."""
        alice, admin = sign_in(app, "alice"), sign_in(app, "admin")
        add_client(app, session_id(alice), "shop")

        page = admin.get("/admin/sessions")

        assert "2 sessions" in text(page)
        assert "alice Alice Adams" in text(page)
        assert "Shop" in text(page)
        assert session_id(admin) in page.text

    @pytest.mark.parametrize("name", ["subject", "session", "client"])
    def test_search(self, app: Flask, name: str) -> None:
        """Each field of the search leaves out what is different."""
        alice, bob = sign_in(app, "alice"), sign_in(app, "bob")
        admin = sign_in(app, "admin")
        add_client(app, session_id(alice), "shop")
        wanted = {"subject": "alice", "session": session_id(alice), "client": "shop"}

        page = admin.get("/admin/sessions", query_string={name: f" {wanted[name]} "})

        assert "1 session" in text(page)
        assert f"End session {session_id(alice)}" in page.text
        assert session_id(bob) not in page.text

    @pytest.mark.parametrize(
        "searched",
        [
            pytest.param("%", id="wildcard"),
            pytest.param("a\0", id="NUL"),
            pytest.param("' OR '1'='1", id="a piece of SQL"),
            pytest.param('"><script>alert(1)</script>', id="markup"),
            pytest.param("{{ config }}", id="a template"),
            pytest.param("a" * 5000, id="very long"),
        ],
    )
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/admin/sessions", "subject"),
            ("/admin/sessions", "session"),
            ("/admin/sessions", "client"),
            ("/admin/deliveries", "client"),
        ],
    )
    def test_strange_searches_find_nothing(
        self, app: Flask, path: str, name: str, searched: str
    ) -> None:
        """Whatever is searched for is shown as it is and found nowhere."""
        admin = sign_in(app, "admin")
        owe(app, DeliveryState.FAILED)

        page = admin.get(path, query_string={name: searched})

        assert page.status_code == 200
        assert "is like that" in text(page)
        assert "<script" not in page.text
        assert "SECRET_KEY" not in page.text

    def test_names_are_not_markup(self, app: Flask) -> None:
        """A display name is shown as it is, whatever it looks like."""
        session = make_session(display_name="<img src=x onerror=alert(1)>")
        state_of(app).store.create(session)

        page = sign_in(app, "admin").get("/admin/sessions")

        assert "<img" not in page.text
        assert "<img src=x onerror=alert(1)>" in text(page)

    def test_paging(self, app: Flask) -> None:
        """Older and newer lead through the list, and keep the search."""
        for _ in range(45):
            state_of(app).store.create(make_session(subject_id="eve"))
        admin = sign_in(app, "admin")

        first = admin.get("/admin/sessions?subject=eve")
        second = admin.get(links(first)["Older"])
        third = admin.get(links(second)["Older"])
        back = admin.get(links(third)["Newer"])

        counts = [each.text.count("End session") for each in (first, second, third)]
        assert counts == [20, 20, 5]
        assert "Newer" not in links(first)
        assert "Older" not in links(third)
        assert back.text.count("End session") == 20
        assert "45 sessions" in text(back)

    def test_a_broken_cursor(self, app: Flask) -> None:
        """An address that was cut off is the client's mistake."""
        page = sign_in(app, "admin").get("/admin/sessions?cursor=nonsense")

        assert page.status_code == 400
        assert "first page" in text(page)

    def test_ending_one(self, app: Flask) -> None:
        """One session ends, its clients are owed word, and the search stays."""
        alice, other = sign_in(app, "alice"), sign_in(app, "alice")
        admin = sign_in(app, "admin")
        sid = session_id(alice)
        add_client(app, sid, "shop")
        page = Page(admin.get("/admin/sessions", query_string={"session": sid}))
        assert page.action is not None

        answer = admin.post(page.action)

        assert answer.location == f"/admin/sessions?session={sid}"
        assert (is_signed_in(alice), is_signed_in(other)) == (False, True)
        [delivery] = state_of(app).queue.of_session(sid)
        assert delivery.reason is LogoutReason.ADMIN


class TestAdminDeliveries:
    """``/admin/deliveries``."""

    def test_deliveries_are_listed(self, app: Flask) -> None:
        """Each says whom it is for, how far it is, and what came of it."""
        delivery = owe(app, DeliveryState.REFUSED)

        page = sign_in(app, "admin").get("/admin/deliveries")

        assert f"{delivery.id} shop refused 1 400" in text(page)
        assert delivery.session_id in page.text

    @pytest.mark.parametrize(
        "query", [{"state": "failed"}, {"client": "mail"}], ids=["state", "client"]
    )
    def test_search(self, app: Flask, query: dict[str, str]) -> None:
        """State and client leave out others."""
        refused = owe(app, DeliveryState.REFUSED)
        failed = owe(app, DeliveryState.FAILED, "mail")

        page = sign_in(app, "admin").get("/admin/deliveries", query_string=query)

        assert failed.session_id in page.text
        assert refused.session_id not in page.text

    @pytest.mark.parametrize(
        ("state", "offered"),
        [
            (DeliveryState.PENDING, False),
            (DeliveryState.DELIVERED, False),
            (DeliveryState.SKIPPED, False),
            (DeliveryState.EXPIRED, True),
            (DeliveryState.FAILED, True),
            (DeliveryState.REFUSED, True),
        ],
    )
    def test_trying_again(
        self, app: Flask, state: DeliveryState, *, offered: bool
    ) -> None:
        """What was given up can be tried again; nobody is told twice."""
        delivery = owe(app, state)
        admin = sign_in(app, "admin")
        page = admin.get("/admin/deliveries?client=shop")

        answer = admin.post(f"/admin/deliveries/{delivery.id}/retry?client=shop")

        assert ("Try again" in text(page)) is offered
        assert answer.status_code == (303 if offered else 404)
        after = state_of(app).deliveries.get(delivery.id)
        assert after is not None
        assert after.state is (DeliveryState.PENDING if offered else state)

    @pytest.mark.parametrize("delivery_id", ["0", "999999", str(2**70), "-1", "one"])
    def test_ids_that_lead_nowhere(self, app: Flask, delivery_id: str) -> None:
        """Whatever stands in the address, it is no error of ours."""
        path = f"/admin/deliveries/{delivery_id}/retry"

        assert sign_in(app, "admin").post(path).status_code == 404

    def test_paging(self, app: Flask) -> None:
        """Older leads on, and keeps the search."""
        deliveries = [owe(app, DeliveryState.PENDING) for _ in range(25)]
        admin = sign_in(app, "admin")

        first = admin.get("/admin/deliveries?state=pending")
        second = admin.get(links(first)["Older"])

        assert deliveries[-1].session_id in first.text
        assert deliveries[0].session_id in second.text
        assert second.text.count("shop</td>") == 5
        assert "Older" not in links(second)

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            pytest.param("state=lost", 400, id="unknown state"),
            pytest.param("before=soon", 200, id="no number"),
            pytest.param(f"before={2**70}", 200, id="large number"),
            pytest.param("before=-1", 200, id="negative"),
        ],
    )
    def test_strange_addresses(self, app: Flask, query: str, status: int) -> None:
        """An address that somebody has changed is no error of ours."""
        admin = sign_in(app, "admin")

        assert admin.get(f"/admin/deliveries?{query}").status_code == status


@pytest.mark.parametrize("path", ["/admin/sessions/5e55/end", "/account/sessions/end"])
def test_a_form_that_came_too_late(app: Flask, path: str) -> None:
    """Whoever signs in after a form was refused comes to a page that there is."""
    browser = app.test_client()
    form: dict[str, Any] = {"username": "admin", "password": "admin"}

    asked = browser.post(path)
    answer = browser.post(asked.location, data=form)

    assert browser.get(answer.location).status_code == 200


def test_the_account_page_may_run_its_script_and_no_other(app: Flask) -> None:
    """Scripts and connections are allowed on this page only, and only our own."""
    browser = sign_in(app, "alice")

    account = browser.get("/account/")
    signing_in = browser.get("/login")

    policy = account.headers["Content-Security-Policy"]
    assert "script-src 'self'; connect-src 'self'" in policy
    assert f"/account/session-events?session_id={session_id(browser)}" in account.text
    assert "script-src" not in signing_in.headers["Content-Security-Policy"]
    with browser.get("/static/account.js") as script:
        assert script.status_code == 200


def test_the_page_after_the_end_is_for_those_who_are_signed_out(app: Flask) -> None:
    """Who is signed in, again perhaps, is led to the account."""
    signed_in = sign_in(app, "alice").get("/account/signed-out")
    signed_out = app.test_client().get("/account/signed-out")

    assert signed_in.headers["Location"] == "/account/"
    assert "You are signed out" in Page(signed_out).text
