"""The pages on which administrators find sessions and end them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session.flask import admin_blueprint
from idp_session.flask import protocol_blueprint
from idp_session.models import SendResult
from idp_session.stores.sql import upgrade

from .admin_host import ADMIN
from .admin_host import admin_host
from .admin_host import administrator
from .admin_host import end
from .admin_host import links
from .admin_host import session_id_of
from .admin_host import user_of
from .devices_host import sign_in
from .docs_examples import examples
from .hosts import Host
from .hosts import host_app
from .hosts import Page

SECOND = timedelta(seconds=1)
SHOP_BACK = "https://shop.test/back"


@pytest.fixture
def host() -> Host:
    return admin_host(config={"keep_ip_address": "full"})


@pytest.fixture
def root(host: Host) -> FlaskClient:
    return administrator(host)


def given_up(host: Host, status: int = 400) -> int:
    """A delivery that was given up; gives its number."""
    host.sender.answers[SHOP_BACK] = SendResult(status=status)
    host.signed_in("shop").post("/logout")
    host.deliver()
    (found,) = host.state.deliveries.query(state=DeliveryState.REFUSED)

    return found.id


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


# Sessions


def test_the_prefix_alone(root: FlaskClient) -> None:
    """The prefix alone leads to a page, with and without a slash."""
    for address in (ADMIN, f"{ADMIN}/"):
        assert root.get(address, follow_redirects=True).status_code == 200


def test_what_the_list_says(host: Host, root: FlaskClient) -> None:
    """Each session with whose it is, its device, its address and its times."""
    host.clock.tick(SECOND)
    session_id = session_id_of(sign_in(host, "shop"))
    host.clock.tick(timedelta(minutes=20))

    page = root.get(f"{ADMIN}/sessions")

    text = Page(page).text
    assert "2 sessions" in text
    assert f"alice {session_id} Firefox on Linux 203.0.113.77 20 minutes ago" in text
    assert f"{session_id_of(root)} yours" in text


@pytest.mark.parametrize(
    "by", ["subject_id", "display_name", "session_id", "client_id"]
)
def test_search(host: Host, root: FlaskClient, by: str) -> None:
    """Sessions are found by user, by name, by their id and by application."""
    wanted = host.browser()
    wanted.post("/login/carol?name=Carol+Ann")
    wanted.post("/join/mail")
    other = host.signed_in("shop")
    asked = {
        "subject_id": "carol",
        "display_name": "Carol",
        "session_id": session_id_of(wanted),
        "client_id": "mail",
    }

    page = root.get(f"{ADMIN}/sessions", query_string={by: f" {asked[by]} "})

    assert session_id_of(wanted) in page.text
    assert session_id_of(other) not in page.text
    assert f'value="{asked[by]}"' in page.text


def test_pages_in_both_directions(host: Host, root: FlaskClient) -> None:
    """Every session is on one page, in the search too, and pages lead back."""
    for _ in range(60):
        host.clock.tick(SECOND)
        host.signed_in(subject="eve")

    pages = [root.get(f"{ADMIN}/sessions?subject_id=eve")]

    while "next" in links(pages[-1]):
        pages.append(root.get(links(pages[-1])["next"]))

    found = [re.findall(r"<code>(\w{32})</code>", page.text) for page in pages]
    assert [len(each) for each in found] == [25, 25, 10]
    assert len({each for page in found for each in page}) == 60

    for earlier in reversed(found[:-1]):
        pages.append(root.get(links(pages[-1])["prev"]))
        assert re.findall(r"<code>(\w{32})</code>", pages[-1].text) == earlier

    assert "prev" not in links(pages[-1])


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("cursor=nonsense", id="cursor"),
        pytest.param("limit=0", id="no entries"),
        pytest.param("limit=201", id="too many entries"),
        pytest.param("limit=-1", id="negative"),
        pytest.param("limit=%D9%A3", id="other digits"),
        pytest.param("limit=" + "9" * 5000, id="long"),
    ],
)
def test_odd_addresses(root: FlaskClient, query: str) -> None:
    """What no page of ours leads to is a clear 400."""
    answer = root.get(f"{ADMIN}/sessions?{query}")

    assert answer.status_code == 400
    assert "This was not done" in answer.text


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("%", id="percent"),
        pytest.param("_", id="underscore"),
        pytest.param("'", id="quote"),
        pytest.param("\x00", id="NUL"),
        pytest.param("\U0001f600", id="emoji"),
        pytest.param("<script>", id="element"),
        pytest.param("x" * 2000, id="long"),
    ],
)
def test_odd_searches(root: FlaskClient, typed: str) -> None:
    """Whatever is typed is looked for as it is, and shown as it is."""
    for name in ("subject_id", "display_name", "session_id", "client_id"):
        answer = root.get(f"{ADMIN}/sessions", query_string={name: typed})

        assert answer.status_code == 200
        assert "No session is like that" in answer.text
        assert "<script" not in answer.text


def test_one_session(host: Host, root: FlaskClient) -> None:
    """Who, since when, from where, and what takes part since when."""
    browser = sign_in(host, "shop", "news")
    browser.post("/leave/news")

    page = root.get(f"{ADMIN}/sessions/{session_id_of(browser)}")

    text = Page(page).text
    assert "Session of alice" in text
    assert "Device Firefox on Linux · 203.0.113.77" in text
    assert "Shop shop alice just now" in text
    assert "&lt;b&gt;News&lt;/b&gt;" in page.text
    assert "no back-channel address" not in text
    assert "the application has" not in text


def test_nothing_secret_is_shown(host: Host, root: FlaskClient) -> None:
    """Neither the key of a session nor its sealed ticket is on a page."""
    session_id = session_id_of(sign_in(host, "shop"))
    record = host.state.store.find(session_id)
    assert record

    for path in ("sessions", f"sessions/{session_id}", f"sessions/{session_id}/end"):
        text = root.get(f"{ADMIN}/{path}").text
        assert record.key not in text
        assert "ticket" not in text


@pytest.mark.parametrize("path", ["", "/end"])
@pytest.mark.parametrize("session_id", ["0" * 32, "%00", "%27", "x" * 3000, "é"])
def test_no_such_session(root: FlaskClient, session_id: str, path: str) -> None:
    """An address that names no session is a clear 404."""
    answer = root.get(f"{ADMIN}/sessions/{session_id}{path}")

    assert answer.status_code == 404
    assert "There is no such session" in answer.text


# Ending


def test_ending(host: Host, root: FlaskClient) -> None:
    """After a question the session ends, and the page says what is owed."""
    browser = host.signed_in("shop", "mail")
    session_id = session_id_of(browser)
    question = root.get(f"{ADMIN}/sessions/{session_id}/end")

    page = end(root, session_id)

    assert "Shop Mail" in Page(question).text
    assert user_of(browser) is None
    assert {each.reason for each in host.owed(session_id)} == {LogoutReason.ADMIN}
    assert "This session has ended" in page.text
    assert Page(page).text.count("not tried yet") == 2


def test_what_came_of_it(host: Host, root: FlaskClient) -> None:
    """Each application with its attempts and what it answered."""
    host.sender.answers[SHOP_BACK] = SendResult(status=503)
    session_id = session_id_of(host.signed_in("shop", "mail", "news"))
    end(root, session_id)
    host.deliver()

    text = Page(root.get(f"{ADMIN}/sessions/{session_id}")).text

    assert "waiting 1 the application answered 503; tried again" in text
    assert "confirmed 1 the application answered 200" in text
    assert "not sent 1 the application has no back-channel address" in text


def test_ending_where_no_application_was(host: Host, root: FlaskClient) -> None:
    """The page says that there was nobody to tell; later the address is a 404."""
    session_id = session_id_of(host.signed_in())

    page = end(root, session_id)

    assert "There was no application to tell" in page.text
    assert root.get(f"{ADMIN}/sessions/{session_id}").status_code == 404


def test_somebody_was_faster(host: Host, root: FlaskClient) -> None:
    """What has ended while the question stood there is no question any more."""
    session_id = session_id_of(host.signed_in("shop"))
    question = Page(root.get(f"{ADMIN}/sessions/{session_id}/end"))
    assert question.action
    root.post(f"/end/{session_id}")

    answer = root.post(question.action, data=question.fields)

    assert answer.status_code == 404
    assert len(host.owed(session_id)) == 1


def test_ones_own_session(root: FlaskClient) -> None:
    """The own session is ended as users end theirs, with the browser's part."""
    answer = root.get(f"{ADMIN}/sessions/{session_id_of(root)}/end")

    assert answer.location == "/connect/endsession"


@pytest.mark.parametrize("text", [None, "", "end", "A" * 200, "é", "\x00"])
def test_forged_forms(host: Host, root: FlaskClient, text: str | None) -> None:
    """What another site sends in the administrator's browser does nothing."""
    number = given_up(host)
    session_id = session_id_of(host.signed_in("shop"))
    data = {} if text is None else {"confirmation": text}

    for path in (f"sessions/{session_id}/end", f"deliveries/{number}/retry"):
        assert root.post(f"{ADMIN}/{path}", data=data).status_code == 400

    assert host.state.store.find(session_id)
    assert host.deliver() == 0


def test_forms_of_another_session_and_for_something_else(host: Host) -> None:
    """A form does what it says only, and in the session that it was made for."""
    one, other = administrator(host), administrator(host)
    first, second = (session_id_of(host.signed_in()) for _ in range(2))
    fields = Page(one.get(f"{ADMIN}/sessions/{first}/end")).fields

    answers = [
        other.post(f"{ADMIN}/sessions/{first}/end", data=fields),
        one.post(f"{ADMIN}/sessions/{second}/end", data=fields),
    ]

    assert [each.status_code for each in answers] == [400, 400]
    assert host.state.store.find(first)
    assert host.state.store.find(second)


def test_old_forms(host: Host, root: FlaskClient) -> None:
    """A page that lay open for too long has to be opened again."""
    session_id = session_id_of(host.signed_in())
    fields = Page(root.get(f"{ADMIN}/sessions/{session_id}/end")).fields
    host.clock.tick(host.state.options.logout_page_lifetime + SECOND)

    answer = root.post(f"{ADMIN}/sessions/{session_id}/end", data=fields)

    assert answer.status_code == 400
    assert "please open it again" in answer.text


# Deliveries


def test_list_of_deliveries(host: Host, root: FlaskClient) -> None:
    """They are found by state, application and session, newest first, in pages."""
    for _ in range(30):
        host.signed_in("shop", "mail").post("/logout")

    first = root.get(f"{ADMIN}/deliveries?client_id=shop&state=pending")
    second = root.get(links(first)["next"])

    newer, older = (
        [int(each) for each in re.findall(r"/deliveries/(\d+)\"", page.text)]
        for page in (first, second)
    )
    assert (len(newer), len(older)) == (25, 5)
    assert [*newer, *older] == sorted({*newer, *older}, reverse=True)
    assert links(second) == {
        "first": f"{ADMIN}/deliveries?state=pending&client_id=shop"
    }
    assert (
        "No notification is like that"
        in root.get(f"{ADMIN}/deliveries?state=failed").text
    )


@pytest.mark.parametrize("query", ["state=x", "before_id=x", "before_id=" + "9" * 19])
def test_odd_lists_of_deliveries(root: FlaskClient, query: str) -> None:
    """What no page of ours leads to is a clear 400."""
    assert root.get(f"{ADMIN}/deliveries?{query}").status_code == 400


def test_trying_again(host: Host, root: FlaskClient) -> None:
    """A delivery that was given up is tried again, once, and then says so."""
    number = given_up(host)
    page = root.get(f"{ADMIN}/deliveries/{number}")
    host.sender.answers.clear()
    fields = Page(page).fields

    answers = [
        root.post(f"{ADMIN}/deliveries/{number}/retry", data=fields) for _ in range(2)
    ]
    host.deliver()
    after = root.get(f"{ADMIN}/deliveries/{number}")

    assert "refused" in page.text
    assert "the application answered 400" in page.text
    assert [each.status_code for each in answers] == [303, 409]
    assert "It was not given up" in answers[1].text
    assert "the application answered 200" in after.text
    assert "Try again" not in after.text
    assert host.sender.uris == [SHOP_BACK, SHOP_BACK]


@pytest.mark.parametrize("number", ["0", "9999", "9" * 30])
def test_no_such_delivery(root: FlaskClient, number: str) -> None:
    """A number that no delivery has is a clear 404."""
    answer = root.get(f"{ADMIN}/deliveries/{number}")

    assert answer.status_code == 404
    assert "There is no such logout notification" in answer.text


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
