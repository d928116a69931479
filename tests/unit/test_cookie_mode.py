"""The life of a session that is in the cookie of its browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp_session import EndedSession
from idp_session import Lifetime
from idp_session import LogoutReason
from idp_session import Principal
from idp_session.errors import SessionGoneError
from idp_session.flask import session_ended
from idp_session.flask import user_session
from idp_session.flask.state import request_state
from idp_session.stores.memory import MemoryDeliveryQueue

from .cookie_host import cookie_host
from .cookie_host import cookies_of
from .cookie_host import give
from .cookie_host import received
from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import SESSION_ID

HOUR = timedelta(hours=1)


@pytest.fixture
def host() -> Host:
    host = cookie_host()

    @host.app.post("/try-to-join/<client_id>")
    def try_to_join(client_id: str) -> str:
        try:
            user_session.add_client_id(client_id)
        except SessionGoneError:
            return "gone"

        return "joined"

    @host.app.get("/handle")
    def handle() -> str:
        return str(request_state().transport.handle)

    return host


def session_id_of(browser: FlaskClient) -> str:
    session_id: str = browser.get("/whoami").get_json()["sid"]

    return session_id


def told(host: Host, session_id: str) -> list[tuple[str, str]]:
    return [(each.client_id, each.reason) for each in host.owed(session_id)]


def test_a_sign_in_lasts(host: Host) -> None:
    """The next request knows who is signed in, in which session, with which clients."""
    browser = host.browser()
    session_id = browser.post("/login/alice").text
    browser.post("/join/shop")
    browser.post("/join/mail")

    who = browser.get("/whoami").get_json()

    assert who == {"subject": "alice", "sid": session_id, "clients": ["shop", "mail"]}


def test_the_cookie_is_as_protected_as_a_handle(host: Host) -> None:
    """It has the attributes of the cookie that it replaces."""
    response = host.browser().post("/login/alice")

    cookie = attributes(response)[HANDLE]
    assert cookie.keys() == {"", "secure", "httponly", "path", "samesite"}
    assert (cookie["path"], cookie["samesite"]) == ("/", "None")
    assert response.cache_control.no_store


def test_nothing_changed(host: Host) -> None:
    """A request that only looks gets no cookie, and a known client changes nothing."""
    browser = host.signed_in("shop")

    responses = [browser.get("/whoami"), browser.post("/join/shop")]

    assert [attributes(each) for each in responses] == [{}, {}]
    assert not any(each.cache_control.no_store for each in responses)


def test_an_ordinary_request_asks_no_database(sqlite_engine: sa.Engine) -> None:
    """That is what the mode is for."""
    browser = cookie_host(engine=sqlite_engine).signed_in("shop")
    seen: list[str] = []
    sa.event.listen(
        sqlite_engine, "before_cursor_execute", lambda _1, _2, sql, *_: seen.append(sql)
    )

    who = browser.get("/whoami").get_json()

    assert who["clients"] == ["shop"]
    assert seen == []


def test_signing_out(host: Host) -> None:
    """Each client is owed word, and nothing is left in the browser."""
    browser = host.signed_in("shop", "mail")
    session_id = session_id_of(browser)

    response = browser.post("/logout")

    assert response.get_json() == {"ended": session_id}
    assert told(host, session_id) == [("shop", "user"), ("mail", "user")]
    assert attributes(response).keys() == {HANDLE, SESSION_ID}
    assert cookies_of(browser) == {}
    assert host.deliver() == 2


def test_signing_out_in_a_database(sqlite_engine: sa.Engine) -> None:
    """Without a queue of its own the host's database keeps what is owed."""
    host = cookie_host(engine=sqlite_engine)
    browser = host.signed_in("shop")
    session_id = session_id_of(browser)

    browser.post("/logout")

    assert told(host, session_id) == [("shop", "user")]


def test_a_session_ends_once(host: Host) -> None:
    """A second tab with the same cookie ends nothing, and nobody hears twice."""
    browser = host.signed_in("shop")
    second_tab = give(host.browser(), cookies_of(browser))
    session_id = session_id_of(browser)
    announced: list[str] = []

    def listen(_: Flask, ended: EndedSession) -> None:
        announced.append(ended.session_id)

    with session_ended.connected_to(listen, host.app):
        browser.post("/logout")
        answer = second_tab.post("/logout")

    assert answer.get_json() == {"ended": None}
    assert cookies_of(second_tab) == {}
    assert told(host, session_id) == [("shop", "user")]
    assert announced == [session_id]


def test_the_end_session_endpoint(host: Host) -> None:
    """A client that asks with its hint ends the session, and the others are told."""
    browser = host.signed_in("shop", "mail")
    session_id = session_id_of(browser)
    hint = host.hint(sid=session_id)

    browser.get("/connect/endsession", query_string={"id_token_hint": hint})

    assert told(host, session_id) == [
        ("shop", "rp_initiated"),
        ("mail", "rp_initiated"),
    ]
    assert cookies_of(browser) == {}


def test_a_confirmed_logout(host: Host) -> None:
    """The form of one session is still good after its cookie was written again."""
    browser = host.signed_in("shop")
    page = browser.get("/connect/endsession").text
    confirmation = page.partition('name="confirmation" value="')[2].partition('"')[0]
    browser.post("/join/mail")

    browser.post(
        "/connect/endsession", data={"confirmation": confirmation, "answer": "yes"}
    )

    assert cookies_of(browser) == {}


class _FailingQueue(MemoryDeliveryQueue):
    def owe(self, ended: EndedSession) -> bool:
        raise OSError("the database is away")


def test_what_cannot_be_written_down_has_not_ended() -> None:
    """Without a database nobody is signed out: their clients could not be told."""
    host = cookie_host(queue=_FailingQueue())
    browser = host.signed_in("shop")

    with pytest.raises(OSError, match="away"):
        browser.post("/logout")

    assert browser.get("/whoami").get_json()["clients"] == ["shop"]


@pytest.mark.parametrize(
    ("hours", "uses", "reason"),
    [
        pytest.param(2, 1, "idle_timeout", id="idle"),
        pytest.param(1.9, 7, "absolute_timeout", id="absolute"),
    ],
)
def test_a_session_expires(host: Host, hours: float, uses: int, reason: str) -> None:
    """The request that finds it expired ends it: its clients are told."""
    browser = host.signed_in("shop")
    session_id = session_id_of(browser)

    for _ in range(uses):
        host.clock.tick(hours * HOUR)
        who = browser.get("/whoami").get_json()

    assert who["subject"] is None
    assert told(host, session_id) == [("shop", reason)]
    assert cookies_of(browser) == {}


def test_an_expired_cookie_that_comes_again(host: Host) -> None:
    """It is nobody's, and its clients are not told again."""
    browser = host.signed_in("shop")
    session_id = session_id_of(browser)
    old = cookies_of(browser)
    host.clock.tick(2 * HOUR)

    subjects = [received(host, old), received(host, old)]

    assert subjects == [None, None]
    assert len(told(host, session_id)) == 1


def test_a_use_renews_once_per_half_of_the_idle_time(host: Host) -> None:
    """The cookie is written again only if that is worth it."""
    browser = host.signed_in()
    written = []

    for _ in range(6):
        host.clock.tick(HOUR / 2)
        written.append(HANDLE in attributes(browser.get("/whoami")))

    assert written == [False, True, False, True, False, True]


def test_a_remembered_session_stays_so(host: Host) -> None:
    """Whatever changes it, the browser keeps the cookie until the absolute end."""
    browser = host.browser()
    first = attributes(browser.post("/login/alice?remember=1"))[HANDLE]

    joined = attributes(browser.post("/join/shop"))[HANDLE]
    host.clock.tick(timedelta(days=8))
    renewed = attributes(browser.get("/whoami"))[HANDLE]

    assert first["expires"] == "Wed, 01 Apr 2026 12:00:00 GMT"
    assert joined["expires"] == renewed["expires"] == first["expires"]


def test_signing_in_again(host: Host) -> None:
    """The session and its clients stay, its handle and its cookie do not."""
    browser = host.signed_in("shop")
    before, handle = browser.get("/whoami").get_json(), browser.get("/handle").text
    old = cookies_of(browser)

    browser.post("/login/alice")

    assert browser.get("/whoami").get_json() == before
    assert browser.get("/handle").text != handle
    assert cookies_of(browser) != old
    assert not host.owed(before["sid"])


def test_a_step_up(host: Host) -> None:
    """A second factor joins the first one, in the same session."""

    @host.app.post("/step-up")
    def step_up() -> list[str]:
        host.extension.sign_in(Principal(subject_id="alice", amr=("otp",)))
        assert user_session.user is not None
        return sorted(user_session.user.factors)

    browser = host.signed_in("shop")
    session_id = session_id_of(browser)

    factors = browser.post("/step-up").get_json()

    assert factors == ["otp", "pwd"]
    assert session_id_of(browser) == session_id


def test_another_user_signs_in(host: Host) -> None:
    """The session of the first one ends, and nothing of it is in the new one."""
    browser = host.signed_in("shop")
    browser.post("/data", json={"cart": ["tea"]})
    session_id = session_id_of(browser)

    browser.post("/login/bob")

    who = browser.get("/whoami").get_json()
    assert (who["subject"], who["clients"]) == ("bob", [])
    assert browser.get("/data").get_json() == {}
    assert told(host, session_id) == [("shop", "user_switch")]


def test_what_a_visitor_kept_becomes_the_users(host: Host) -> None:
    """Data from before the sign-in stays, under a new handle and session id."""
    browser = host.browser()
    browser.post("/data", json={"cart": ["tea"]})
    handle = browser.get("/handle").text

    browser.post("/login/alice")

    assert browser.get("/data").get_json() == {"cart": ["tea"]}
    assert browser.get("/handle").text not in {handle, "None"}
    assert received(host, cookies_of(browser)) == "alice"


def test_a_visitor_who_goes_is_not_written_down(host: Host) -> None:
    """Nobody hears of the end of an anonymous session; its cookie goes."""
    browser = host.browser()
    browser.post("/data", json={"cart": ["tea"]})

    host.clock.tick(2 * HOUR)
    found = browser.get("/data").get_json()

    assert found == {}
    assert cookies_of(browser) == {}
    assert host.state.queue.next_due_at() is None


def test_attributes_are_kept(host: Host) -> None:
    """They are in the cookie, although nobody can search for them."""

    @host.app.post("/tenant/<name>")
    def tenant(name: str) -> dict[str, str]:
        user_session.set_attribute("tenant", name)
        user_session.set_attribute("gone", name)
        user_session.unset_attribute("gone")
        return {}

    @host.app.get("/attributes")
    def kept() -> dict[str, str]:
        return dict(user_session.attributes)

    browser = host.signed_in()

    browser.post("/tenant/acme")

    assert browser.get("/attributes").get_json() == {"tenant": "acme"}


class TestCookieThatCameBack:
    """A response that was late brings a cookie back after its session has ended."""

    @pytest.fixture
    def session_id(self, host: Host, browser: FlaskClient) -> str:
        return session_id_of(browser)

    @pytest.fixture
    def browser(self, host: Host) -> FlaskClient:
        return host.signed_in("shop")

    @pytest.fixture
    def late(self, host: Host, browser: FlaskClient, session_id: str) -> FlaskClient:
        cookies = cookies_of(browser)
        browser.post("/logout")

        return give(browser, cookies)

    def test_it_says_who_it_was(self, late: FlaskClient) -> None:
        """An ordinary request believes it: that is the limit of the mode."""
        assert late.get("/whoami").get_json()["subject"] == "alice"

    def test_no_client_joins(self, host: Host, late: FlaskClient) -> None:
        """It would never be told; and the cookie goes."""
        answer = late.post("/try-to-join/mail").text

        assert answer == "gone"
        assert cookies_of(late) == {}

    def test_a_sign_in_begins_anew(self, late: FlaskClient, session_id: str) -> None:
        """With another session id, and no clients."""
        late.post("/login/alice")

        who = late.get("/whoami").get_json()
        assert who["sid"] not in {None, session_id}
        assert who["clients"] == []

    def test_it_ends_nothing(
        self, host: Host, late: FlaskClient, session_id: str
    ) -> None:
        """Nobody is told twice, and the cookie goes."""
        answer = late.post("/logout").get_json()

        assert answer == {"ended": None}
        assert len(told(host, session_id)) == 1
        assert cookies_of(late) == {}

    def test_it_is_not_renewed(self, host: Host, late: FlaskClient) -> None:
        """The first use that would renew it takes it away."""
        host.clock.tick(HOUR)

        who = late.get("/whoami").get_json()

        assert who["subject"] is None
        assert cookies_of(late) == {}


@pytest.mark.parametrize(
    ("idle", "is_taken"),
    [pytest.param(30, True, id="as long"), pytest.param(31, False, id="longer")],
)
def test_no_cookie_outlives_the_note_of_its_end(
    host: Host, idle: int, is_taken: bool
) -> None:
    """Else a copy of it could be renewed when nobody knows any more that it ended."""
    lifetime = Lifetime(idle=idle * 24 * HOUR, absolute=400 * 24 * HOUR)

    @host.app.post("/long")
    def sign_in() -> str:
        try:
            host.extension.sign_in(Principal(subject_id="alice"), lifetime=lifetime)
        except ValueError as error:
            return str(error)

        return "signed in"

    browser = host.browser()

    answer = browser.post("/long").text

    assert (answer == "signed in") is is_taken
    assert is_taken or "IDP_SESSION_DELIVERY_RETENTION" in answer
    assert bool(cookies_of(browser)) is is_taken


def test_is_live_without_the_cookie(host: Host) -> None:
    """The backend of a client asks, which has none: until the end is written down."""
    browser = host.signed_in("shop")
    session_id = session_id_of(browser)

    with host.app.app_context():
        before = host.extension.is_live(session_id), host.extension.touch(session_id)
        browser.post("/logout")
        after = host.extension.is_live(session_id), host.extension.touch(session_id)

    assert before == (True, True)
    assert after == (False, False)


def test_end_of_this_session_by_its_id(host: Host) -> None:
    """The session of the request may be ended by name, and a second time too."""
    browser = host.signed_in("shop")
    session_id = session_id_of(browser)

    ended = browser.post(f"/end/{session_id}").get_json()
    again = browser.post(f"/end/{session_id}").get_json()

    assert (ended["ended"], again["ended"]) == (session_id, None)
    assert told(host, session_id) == [("shop", LogoutReason.ADMIN)]
    assert cookies_of(browser) == {}
