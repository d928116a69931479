"""The pages on which administrators find sessions and end them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from idp_session import LogoutReason
from idp_session.models import SendResult

from .admin_host import ADMIN
from .admin_host import admin_host
from .admin_host import administrator
from .admin_host import end
from .admin_host import given_up
from .admin_host import links
from .admin_host import session_id_of
from .admin_host import SHOP_BACK
from .admin_host import user_of
from .devices_host import sign_in
from .hosts import Host
from .hosts import Page

SECOND = timedelta(seconds=1)


@pytest.fixture
def host() -> Host:
    return admin_host(config={"keep_ip_address": "full"})


@pytest.fixture
def root(host: Host) -> FlaskClient:
    return administrator(host)


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
