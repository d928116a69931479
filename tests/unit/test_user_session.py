"""The session of the user in one request."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from idp_session.adapters.crypto import handle_key
from idp_session.adapters.crypto import new_handle
from idp_session.errors import SessionGoneError
from idp_session.models import AuthenticationProperties
from idp_session.models import LogoutReason
from idp_session.models import Participant
from idp_session.models import Principal
from idp_session.models import ServerSideSession
from idp_session.services.user_session import DefaultUserSession
from idp_session.testing import START
from idp_session.testing import together
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport
from tests.fakes import ISSUER
from tests.fakes import make_options
from tests.fakes import PairwiseSubjects

every_time = pytest.mark.parametrize("attempt", range(25))

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
ALICE = Principal(subject_id="alice")
BOB = Principal(subject_id="bob")
PLAIN = AuthenticationProperties()
HANDLE = new_handle()
STALE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def session_of(provider: FakeProvider, browser: FakeTransport) -> ServerSideSession:
    """The record that a browser's handle leads to."""
    assert browser.handle is not None
    session = provider.spy._store.get(handle_key(browser.handle))
    assert session is not None

    return session


def sessions_of(provider: FakeProvider, *subject_ids: str) -> list[ServerSideSession]:
    """All records of these subjects."""
    return [
        session
        for subject_id in subject_ids
        for session in provider.store.find_by_subject(subject_id)
    ]


def session_ids(user_session: DefaultUserSession, count: int) -> set[str | None]:
    """What a request says, however often it is asked."""
    return {user_session.session_id for _ in range(count)}


# Nobody is signed in


def test_anonymous(provider: FakeProvider) -> None:
    """Without a handle there is nobody, and nothing is looked up."""
    user_session = provider.request()

    assert user_session.user is None
    assert user_session.properties is None
    assert user_session.session_id is None
    assert user_session.client_ids == ()
    assert provider.spy.calls == []


@pytest.mark.parametrize(
    "handle",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="short"),
        pytest.param(HANDLE + "x", id="long"),
        pytest.param(HANDLE[:-1] + "=", id="padding"),
        pytest.param(HANDLE[:-1] + "ß", id="not ASCII"),
        pytest.param(HANDLE[:-1] + "\n", id="line break"),
        pytest.param(HANDLE[:-1] + "\0", id="NUL"),
        pytest.param("' OR 1=1 --", id="injection"),
        pytest.param("x" * 1_000_000, id="huge"),
    ],
)
def test_a_malformed_handle_never_reaches_the_store(
    provider: FakeProvider, handle: str
) -> None:
    """What cannot be a handle is nobody's, without a look."""
    user_session = provider.request(FakeTransport(handle))

    assert user_session.user is None
    assert provider.spy.calls == []


def test_an_unknown_handle_is_nobodys(provider: FakeProvider) -> None:
    """A handle that leads nowhere is looked for once."""
    user_session = provider.request(FakeTransport(HANDLE))

    assert user_session.user is None
    assert user_session.session_id is None
    assert user_session.client_ids == ()
    assert provider.spy.calls == ["get"]


def test_anonymous_requests_record_no_clients(provider: FakeProvider) -> None:
    """Where nobody is signed in no client takes part in anything."""
    provider.request().add_client_id("shop")

    assert provider.spy.calls == []


def test_anonymous_requests_end_nothing(provider: FakeProvider) -> None:
    """A sign-out without a session tells nobody, but tidies the cookies up."""
    browser = FakeTransport(HANDLE, STALE)

    ended = provider.request(browser).end(LogoutReason.USER)

    assert ended is None
    assert (browser.handle, browser.session_id_copy) == (None, None)
    assert provider.ended == []
    assert provider.dispatcher.kicks == 0


# Signing in


# SID-OP-03
def test_a_session_id_is_random(provider: FakeProvider) -> None:
    """A session id is 128 random bits as hexadecimal digits, new for each session."""
    first = provider.sign_in(FakeTransport())
    second = provider.sign_in(FakeTransport())

    assert re.fullmatch("[0-9a-f]{32}", first)
    assert re.fullmatch("[0-9a-f]{32}", second)
    assert first != second


def test_a_sign_in_shows_at_once(provider: FakeProvider) -> None:
    """In the request of the sign-in the user is there, without another look."""
    user_session = provider.request()
    assert user_session.user is None

    session_id = user_session.create_session_id(ALICE, PLAIN)

    assert user_session.user == dataclasses.replace(ALICE, authenticated_at=START)
    assert user_session.session_id == session_id
    assert provider.spy.calls == ["create"]


def test_a_sign_in_is_there_at_the_next_request(provider: FakeProvider) -> None:
    """What the host said about the user and the sign-in comes back."""
    browser = FakeTransport()
    principal = Principal(
        subject_id="alice",
        display_name="Alice",
        authenticated_at=START - 5 * SECOND,
        identity_provider="upstream",
        amr=("pwd", "otp"),
        acr="gold",
        claims={"department": "sales"},
        factors={"pwd": START - 9 * SECOND, "otp": START - 5 * SECOND},
    )
    properties = AuthenticationProperties(items={"theme": "dark"}, persistent=True)
    session_id = provider.request(browser).create_session_id(principal, properties)

    user_session = provider.request(browser.next_request())

    assert user_session.user == principal
    assert user_session.properties == AuthenticationProperties(
        items={"theme": "dark"},
        persistent=True,
        issued_at=START,
        expires_at=START + timedelta(days=14),
        session_id=session_id,
    )


def test_the_request_of_the_sign_in_and_the_next_one_agree(
    provider: FakeProvider,
) -> None:
    """Nothing looks different as soon as it has been read from the store."""
    browser = FakeTransport()
    at_once = provider.request(browser)
    at_once.create_session_id(ALICE, AuthenticationProperties(items={"a": "b"}))

    later = provider.request(browser.next_request())

    assert later.user == at_once.user
    assert later.properties == at_once.properties


def test_a_store_never_sees_the_handle(provider: FakeProvider) -> None:
    """The store has the hash of the handle and a sealed ticket."""
    browser = provider.browser()

    session = session_of(provider, browser)

    assert browser.handle is not None
    assert browser.handle not in repr(dataclasses.asdict(session))
    assert session.key == handle_key(browser.handle)


@pytest.mark.parametrize(
    ("persistent", "until"),
    [
        pytest.param(False, None, id="until the browser is closed"),
        pytest.param(True, START + timedelta(days=90), id="remembered"),
    ],
)
def test_how_long_the_browser_keeps_the_handle(
    provider: FakeProvider, *, persistent: bool, until: object
) -> None:
    """A remembered session is kept to its absolute end, others are not kept."""
    browser = FakeTransport()

    provider.sign_in(browser, persistent=persistent)

    assert browser.handle_expires_at == until


@pytest.mark.parametrize(
    ("persistent", "idle", "absolute"),
    [
        pytest.param(False, 2 * HOUR, 12 * HOUR, id="usual"),
        pytest.param(True, timedelta(days=14), timedelta(days=90), id="remembered"),
    ],
)
def test_how_long_a_session_lasts(
    provider: FakeProvider, *, persistent: bool, idle: timedelta, absolute: timedelta
) -> None:
    """Each kind of sign-in has the lifetime of the settings."""
    session = session_of(provider, provider.browser(persistent=persistent))

    assert session.created_at == session.renewed_at == START
    assert session.expires_at == START + idle
    assert session.absolute_expires_at == START + absolute


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(STALE, id="well-formed"),
        pytest.param("admin", id="malformed"),
        pytest.param("", id="empty"),
    ],
)
def test_a_given_session_id_is_not_adopted(provider: FakeProvider, given: str) -> None:
    """Nobody chooses the id of a session that begins."""
    user_session = provider.request()

    session_id = user_session.create_session_id(
        ALICE, AuthenticationProperties(session_id=given, client_ids=("shop",))
    )

    assert session_id != given
    assert user_session.properties is not None
    assert user_session.properties.session_id == session_id
    assert user_session.client_ids == ()


def test_the_session_id_of_another_browser_is_not_adopted(
    provider: FakeProvider,
) -> None:
    """Whoever knows the public id of a session does not get into it."""
    elsewhere = session_of(provider, provider.browser(clients=["shop"]))
    properties = AuthenticationProperties(session_id=elsewhere.session_id)

    session_id = provider.request().create_session_id(ALICE, properties)

    assert session_id != elsewhere.session_id
    assert len(sessions_of(provider, "alice")) == 2


# Signing in again


def test_the_same_subject_keeps_its_session(provider: FakeProvider) -> None:
    """Session id and clients stay, and the handle is a new one."""
    browser = provider.browser(clients=["shop", "mail"])
    before = session_of(provider, browser)
    old_handle = browser.handle
    provider.clock.tick(HOUR)

    user_session = provider.request(browser)
    session_id = user_session.create_session_id(
        dataclasses.replace(ALICE, amr=("otp",)), PLAIN
    )

    assert session_id == before.session_id
    assert user_session.client_ids == ("shop", "mail")
    assert user_session.user is not None
    assert user_session.user.amr == ("otp",)
    assert browser.handle != old_handle
    assert provider.request(FakeTransport(old_handle)).user is None
    assert provider.ended == []


def test_a_new_sign_in_begins_a_new_lifetime(provider: FakeProvider) -> None:
    """Whoever proves again who they are may stay as long as after the first time."""
    browser = provider.browser()
    provider.clock.tick(HOUR)

    provider.sign_in(browser)

    session = session_of(provider, browser)
    assert session.created_at == START
    assert session.authenticated_at == START + HOUR
    assert session.expires_at == START + 3 * HOUR
    assert session.absolute_expires_at == START + 13 * HOUR


def test_the_current_session_id_may_be_given(provider: FakeProvider) -> None:
    """The id in the properties is kept if it is the one of this very session."""
    browser = provider.browser()
    before = session_of(provider, browser).session_id
    properties = AuthenticationProperties(session_id=before)

    assert provider.request(browser).create_session_id(ALICE, properties) == before


def test_the_id_of_the_current_session_wins(provider: FakeProvider) -> None:
    """A different id in the properties changes nothing."""
    browser = provider.browser()
    before = session_of(provider, browser).session_id
    properties = AuthenticationProperties(session_id=STALE)

    assert provider.request(browser).create_session_id(ALICE, properties) == before


def test_two_sign_ins_in_one_request(provider: FakeProvider) -> None:
    """A step-up right after the sign-in is the same session under a new handle."""
    browser = FakeTransport()
    user_session = provider.request(browser)
    first = user_session.create_session_id(ALICE, PLAIN)
    first_handle = browser.handle

    second = user_session.create_session_id(ALICE, PLAIN)

    assert second == first
    assert browser.handle != first_handle
    assert len(sessions_of(provider, "alice")) == 1


# SSO-OP-08
def test_another_subject_ends_the_session(provider: FakeProvider) -> None:
    """The old session is ended, its clients are told, and a new one begins."""
    browser = provider.browser(clients=["shop", "mail"])
    old_handle, before = browser.handle, session_of(provider, browser)

    user_session = provider.request(browser)
    session_id = user_session.create_session_id(BOB, PLAIN)

    owed = provider.queue.of_session(before.session_id)
    (ended,) = provider.ended
    assert session_id != before.session_id
    assert (ended.session_id, ended.subject_id) == (before.session_id, "alice")
    assert ended.reason is LogoutReason.USER_SWITCH
    assert [each.client_id for each in owed] == ["shop", "mail"]
    assert provider.dispatcher.kicks == 1
    assert user_session.client_ids == ()
    assert user_session.user is not None
    assert user_session.user.subject_id == "bob"
    assert browser.handle != old_handle
    assert browser.session_id_copy == session_id
    assert provider.request(FakeTransport(old_handle)).user is None


def test_another_subject_does_not_inherit_the_session_id(
    provider: FakeProvider,
) -> None:
    """The id in the properties is kept only for the subject that it belongs to."""
    browser = provider.browser()
    before = session_of(provider, browser).session_id
    properties = AuthenticationProperties(session_id=before)

    assert provider.request(browser).create_session_id(BOB, properties) != before


def test_signing_in_after_signing_out(provider: FakeProvider) -> None:
    """In one request a session can end and the next one begin."""
    browser = provider.browser(clients=["shop"])
    user_session = provider.request(browser)
    ended = user_session.end(LogoutReason.USER)

    session_id = user_session.create_session_id(ALICE, PLAIN)

    assert ended is not None
    assert session_id != ended.session_id
    assert user_session.client_ids == ()


def test_an_expired_session_is_not_continued(provider: FakeProvider) -> None:
    """A sign-in that finds an expired session ends it for what it is."""
    browser = provider.browser(clients=["shop"])
    before = session_of(provider, browser).session_id
    provider.clock.tick(2 * HOUR)

    session_id = provider.sign_in(browser)

    (ended,) = provider.ended
    assert session_id != before
    assert (ended.session_id, ended.reason) == (before, LogoutReason.IDLE_TIMEOUT)


@pytest.mark.parametrize(
    "make_browser",
    [
        pytest.param(lambda _: FakeTransport(), id="nobody before"),
        pytest.param(lambda provider: provider.browser("alice"), id="same subject"),
        pytest.param(lambda provider: provider.browser("bob"), id="other subject"),
    ],
)
def test_claims_that_cannot_be_kept(
    provider: FakeProvider, make_browser: Callable[[FakeProvider], FakeTransport]
) -> None:
    """A sign-in that fails changes nothing, neither in the store nor the browser."""
    browser = make_browser(provider)
    before = sessions_of(provider, "alice", "bob")
    principal = dataclasses.replace(ALICE, claims={"odd": object()})

    with pytest.raises(TypeError, match="JSON"):
        provider.request(browser).create_session_id(principal, PLAIN)

    assert sessions_of(provider, "alice", "bob") == before
    assert provider.ended == []
    assert browser.calls == []


# Reading once


def test_everything_is_read_once(provider: FakeProvider) -> None:
    """However often a request asks, the store is asked once for each thing."""
    user_session = provider.request(provider.browser(clients=["shop"]))

    seen = [
        (user_session.user, user_session.properties, user_session.client_ids)
        for _ in range(3)
    ]

    assert len(session_ids(user_session, 3)) == 1
    assert seen == seen[:1] * 3
    assert provider.spy.calls == ["get", "participants"]


def test_nothing_is_read_that_is_not_asked_for(provider: FakeProvider) -> None:
    """Who only wants the user does not pay for the clients."""
    user_session = provider.request(provider.browser(clients=["shop"]))
    before = list(provider.spy.calls)

    assert user_session.user is not None
    assert (before, provider.spy.calls) == ([], ["get"])


def test_an_anonymous_answer_is_kept_too(provider: FakeProvider) -> None:
    """A handle that leads nowhere is not looked for again in the same request."""
    user_session = provider.request(FakeTransport(HANDLE))

    assert session_ids(user_session, 3) == {None}
    assert provider.spy.calls == ["get"]


# Clients


def test_a_client_takes_part() -> None:
    """It is recorded under which issuer and which ``sub`` the client knows the user."""
    provider = FakeProvider(subjects=PairwiseSubjects())
    browser = provider.browser()
    session_id = session_of(provider, browser).session_id
    provider.clock.tick(5)

    user_session = provider.request(browser)
    user_session.add_client_id("shop")

    assert user_session.client_ids == ("shop",)
    assert provider.store.participants(session_id) == (
        Participant(
            session_id=session_id,
            client_id="shop",
            issuer=ISSUER,
            subject="alice-at-shop",
            joined_at=START + 5 * SECOND,
        ),
    )


def test_clients_are_listed_as_they_joined(provider: FakeProvider) -> None:
    """The list and the properties show a client at once, after the earlier ones."""
    user_session = provider.request(provider.browser(clients=["shop"]))
    before = user_session.client_ids
    provider.clock.tick()

    user_session.add_client_id("mail")

    assert before == ("shop",)
    assert user_session.client_ids == ("shop", "mail")
    assert user_session.properties is not None
    assert user_session.properties.client_ids == ("shop", "mail")


def test_adding_a_known_client_writes_nothing(provider: FakeProvider) -> None:
    """Each authorization names its client; only the first one costs a write."""
    user_session = provider.request(provider.browser(clients=["shop"]))

    user_session.add_client_id("shop")

    assert user_session.client_ids == ("shop",)
    assert provider.spy.calls == ["get", "participants"]


def test_a_client_cannot_join_a_session_that_has_ended(provider: FakeProvider) -> None:
    """Whoever is too late is told so, and nobody is signed in from then on."""
    browser = provider.browser()
    session_id = session_of(provider, browser).session_id
    user_session = provider.request(browser)
    assert user_session.user is not None
    provider.ending.end(session_id, reason=LogoutReason.ADMIN)

    with pytest.raises(SessionGoneError, match="has ended"):
        user_session.add_client_id("shop")

    assert user_session.user is None
    assert user_session.session_id is None
    assert user_session.client_ids == ()
    assert provider.queue.of_session(session_id) == ()


def test_signing_in_after_the_session_was_gone(provider: FakeProvider) -> None:
    """The request that found its session gone can begin a new one."""
    browser = provider.browser()
    before = session_of(provider, browser).session_id
    user_session = provider.request(browser)
    assert user_session.session_id == before
    provider.ending.end(before, reason=LogoutReason.ADMIN)
    with pytest.raises(SessionGoneError):
        user_session.add_client_id("shop")

    session_id = user_session.create_session_id(ALICE, PLAIN)

    assert session_id != before
    assert user_session.session_id == session_id


def test_a_handle_replaced_in_another_tab_loses_no_client(
    provider: FakeProvider,
) -> None:
    """A client that joins while another tab signs in again is told of the end."""
    browser = provider.browser(clients=["shop"])
    tab = provider.request(browser.next_request())
    assert tab.user is not None
    session_id = provider.sign_in(browser)

    tab.add_client_id("mail")

    assert provider.request(browser.next_request()).client_ids == ("shop", "mail")
    assert tab.session_id == session_id


def test_a_tab_with_a_replaced_handle_signs_everything_out(
    provider: FakeProvider,
) -> None:
    """A sign-out that began before another tab signed in again ends that session."""
    browser = provider.browser(clients=["shop"])
    tab = provider.request(browser.next_request())
    assert tab.user is not None
    session_id = provider.sign_in(browser)

    ended = tab.end(LogoutReason.USER)

    assert ended is not None
    assert (ended.session_id, ended.client_ids) == (session_id, ("shop",))
    assert sessions_of(provider, "alice") == []


# The check-session cookie (SM-OP-15)


def test_a_sign_in_writes_the_check_session_cookie(provider: FakeProvider) -> None:
    """The cookie says the session id as soon as there is one."""
    browser = FakeTransport()

    session_id = provider.sign_in(browser)

    assert browser.session_id_copy == session_id
    assert browser.calls == ["issue_handle", "issue_session_id"]


def test_signing_in_again_leaves_the_check_session_cookie(
    provider: FakeProvider,
) -> None:
    """Clients that poll see no change where there is none."""
    browser = provider.browser()

    provider.sign_in(browser)

    assert browser.calls == ["issue_handle"]


@pytest.mark.parametrize(
    ("copy", "calls"),
    [
        pytest.param(None, ["issue_session_id"], id="missing"),
        pytest.param(STALE, ["issue_session_id"], id="different"),
        pytest.param("", ["issue_session_id"], id="empty"),
        pytest.param("the same", [], id="untouched"),
    ],
)
def test_the_check_session_cookie_is_healed(
    provider: FakeProvider, copy: str | None, calls: list[str]
) -> None:
    """Any request puts right what is missing or different, and only that."""
    signed_in = provider.browser()
    session_id = session_of(provider, signed_in).session_id
    same = session_id if copy == "the same" else copy
    browser = FakeTransport(signed_in.handle, same)

    provider.request(browser).ensure_session_id_cookie()

    assert browser.calls == calls
    assert browser.session_id_copy == session_id


@pytest.mark.parametrize(
    ("browser", "calls"),
    [
        pytest.param(FakeTransport(), [], id="without"),
        pytest.param(FakeTransport(None, STALE), ["withdraw_session_id"], id="with"),
        pytest.param(FakeTransport(None, ""), ["withdraw_session_id"], id="empty"),
        pytest.param(
            FakeTransport(HANDLE, STALE), ["withdraw_session_id"], id="ended elsewhere"
        ),
    ],
)
def test_anonymous_requests_have_no_check_session_cookie(
    provider: FakeProvider, browser: FakeTransport, calls: list[str]
) -> None:
    """A cookie of a session that is over is removed; otherwise nothing is written."""
    provider.request(browser).ensure_session_id_cookie()

    assert browser.calls == calls
    assert browser.session_id_copy is None


@pytest.mark.parametrize(
    ("copy", "calls"),
    [
        pytest.param(None, [], id="without"),
        pytest.param(STALE, ["withdraw_session_id"], id="with"),
    ],
)
def test_the_check_session_cookie_is_removed(
    provider: FakeProvider, copy: str | None, calls: list[str]
) -> None:
    """It is removed if the browser has one, without a look at the session."""
    browser = FakeTransport(HANDLE, copy)

    provider.request(browser).remove_session_id_cookie()

    assert browser.calls == calls
    assert provider.spy.calls == []


def test_without_check_session_there_is_no_cookie() -> None:
    """Where check-session is off none is written, and one of the past is removed."""
    provider = FakeProvider(options=make_options(check_session=False))
    browser = FakeTransport(None, STALE)

    provider.sign_in(browser)
    provider.request(browser).ensure_session_id_cookie()

    assert browser.calls == ["issue_handle", "withdraw_session_id"]


# Signing out


def test_signing_out(provider: FakeProvider) -> None:
    """The session ends, its clients are told, and the browser keeps nothing."""
    browser = provider.browser(clients=["shop"])
    handle = browser.handle
    user_session = provider.request(browser)

    ended = user_session.end(LogoutReason.USER)

    assert ended is not None
    assert provider.ended == [ended]
    assert (ended.reason, ended.client_ids) == (LogoutReason.USER, ("shop",))
    assert user_session.user is None
    assert user_session.client_ids == ()
    assert (browser.handle, browser.session_id_copy) == (None, None)
    assert provider.request(FakeTransport(handle)).user is None


def test_signing_out_twice(provider: FakeProvider) -> None:
    """The second click ends nothing."""
    user_session = provider.request(provider.browser())
    user_session.end(LogoutReason.USER)

    assert user_session.end(LogoutReason.USER) is None
    assert len(provider.ended) == 1


def test_somebody_was_faster(provider: FakeProvider) -> None:
    """A sign-out that comes second gets nothing, but the browser is tidied up."""
    browser = provider.browser()
    user_session = provider.request(browser)
    session_id = user_session.session_id
    assert session_id is not None
    provider.ending.end(session_id, reason=LogoutReason.ADMIN)

    assert user_session.end(LogoutReason.USER) is None
    assert (browser.handle, browser.session_id_copy) == (None, None)
    assert [each.reason for each in provider.ended] == [LogoutReason.ADMIN]


def test_a_sign_out_that_fails_signs_nobody_out(provider: FakeProvider) -> None:
    """If the session goes on, so does the browser: the user can try again."""
    browser = provider.browser()
    user_session = provider.request(browser)

    def fail() -> None:
        raise OSError("the database is away")

    provider.spy.before["end"] = fail

    with pytest.raises(OSError, match="is away"):
        user_session.end(LogoutReason.USER)

    assert browser.calls == []
    assert user_session.user is not None


# Expiry


@pytest.mark.parametrize(
    ("settings", "after", "reason"),
    [
        pytest.param({}, 2 * HOUR, LogoutReason.IDLE_TIMEOUT, id="idle"),
        pytest.param({}, 12 * HOUR, LogoutReason.ABSOLUTE_TIMEOUT, id="long after"),
        pytest.param(
            {"absolute_lifetime": HOUR},
            HOUR,
            LogoutReason.ABSOLUTE_TIMEOUT,
            id="absolute",
        ),
    ],
)
def test_a_request_ends_what_has_expired(
    settings: dict[str, Any], after: timedelta, reason: LogoutReason
) -> None:
    """The user of an expired session is nobody, and its clients are told why."""
    provider = FakeProvider(options=make_options(**settings))
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    provider.clock.tick(after)

    assert provider.request(browser).user is None

    (ended,) = provider.ended
    assert (ended.session_id, ended.reason) == (session_id, reason)
    assert len(provider.queue.of_session(session_id)) == 1
    assert provider.dispatcher.kicks == 1


def test_just_before_its_end_a_session_lives(provider: FakeProvider) -> None:
    """A session may be used until its very end."""
    browser = provider.browser()
    provider.clock.tick(2 * HOUR - timedelta(microseconds=1))

    assert provider.request(browser).user is not None


def test_a_renewal_that_came_first_wins(provider: FakeProvider) -> None:
    """Two requests at the end of a session: if one renews it the other has it too."""
    browser = provider.browser()
    session = session_of(provider, browser)
    now = provider.clock.tick(2 * HOUR)
    provider.spy.before["end"] = partial(
        provider.store.renew, session.key, renewed_at=now, expires_at=now + HOUR
    )

    user_session = provider.request(browser)

    assert user_session.session_id == session.session_id
    assert user_session.properties is not None
    assert user_session.properties.expires_at == now + HOUR
    assert provider.ended == []


def test_an_expiry_that_another_request_has_noticed(provider: FakeProvider) -> None:
    """The session is announced once, and neither request has a user."""
    browser = provider.browser()
    provider.clock.tick(2 * HOUR)
    provider.spy.before["end"] = provider.sweep.run_once

    assert provider.request(browser).user is None
    assert len(provider.ended) == 1


# Renewal


@pytest.mark.parametrize(
    ("after", "calls"),
    [
        pytest.param(HOUR - SECOND, ["get"], id="first half"),
        pytest.param(HOUR, ["get", "renew"], id="second half"),
    ],
)
def test_a_session_is_renewed_at_half_of_its_idle_time(
    provider: FakeProvider, after: timedelta, calls: list[str]
) -> None:
    """Most requests write nothing; one that does writes once."""
    browser = provider.browser()
    provider.clock.tick(after)
    user_session = provider.request(browser)

    assert len(session_ids(user_session, 3)) == 1
    assert provider.spy.calls == calls


def test_a_renewal_moves_the_end(provider: FakeProvider) -> None:
    """What the properties say is what the store says."""
    browser = provider.browser()
    provider.clock.tick(HOUR)
    user_session = provider.request(browser)

    assert user_session.properties is not None
    assert user_session.properties.expires_at == START + 3 * HOUR
    assert session_of(provider, browser).expires_at == START + 3 * HOUR
    assert browser.calls == []


def test_the_request_after_a_renewal_writes_nothing(provider: FakeProvider) -> None:
    """From the renewal on, half of the idle time has to go by again."""
    browser = provider.browser()
    provider.clock.tick(HOUR)
    provider.request(browser).ensure_session_id_cookie()
    provider.clock.tick(HOUR - SECOND)
    provider.spy.calls.clear()

    assert provider.request(browser).user is not None
    assert provider.spy.calls == ["get"]


def test_a_remembered_session_slides_by_its_own_time(provider: FakeProvider) -> None:
    """Two hours are nothing to a session that lasts for days."""
    browser = provider.browser(persistent=True)
    provider.clock.tick(timedelta(days=6))
    assert provider.request(browser).user is not None
    assert "renew" not in provider.spy.calls

    provider.clock.tick(timedelta(days=1))
    assert provider.request(browser).user is not None

    assert session_of(provider, browser).expires_at == START + timedelta(days=21)


def test_sliding_never_passes_absolute(provider: FakeProvider) -> None:
    """Used all the time, a session still ends when it has to."""
    browser = provider.browser()
    half_hours = 0

    while half_hours < 48 and provider.request(browser).user is not None:
        provider.clock.tick(HOUR / 2)
        half_hours += 1

    (ended,) = provider.ended
    assert half_hours == 24
    assert ended.ended_at == START + 12 * HOUR
    assert ended.reason is LogoutReason.ABSOLUTE_TIMEOUT


def test_a_shorter_timeout_brings_no_end_nearer() -> None:
    """After a change of the settings no request writes what changes nothing."""
    provider = FakeProvider()
    browser = provider.browser()
    provider.options = make_options(idle_timeout=timedelta(minutes=10))
    provider.clock.tick(HOUR)
    user_session = provider.request(browser)

    assert user_session.properties is not None
    assert user_session.properties.expires_at == START + 2 * HOUR
    assert provider.spy.calls == ["get", "participants"]


def test_a_renewal_does_not_bring_an_ended_session_back(
    provider: FakeProvider,
) -> None:
    """A session that ends while a request renews it stays dead."""
    browser = provider.browser()
    session_id = session_of(provider, browser).session_id
    provider.clock.tick(HOUR)
    provider.spy.before["renew"] = partial(
        provider.ending.end, session_id, reason=LogoutReason.ADMIN
    )

    assert provider.request(browser).session_id == session_id

    assert provider.request(browser.next_request()).user is None
    assert provider.store.find(session_id) is None


# Tickets that do not open


def test_a_ticket_of_an_unknown_key(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Its user is nobody; the log says why, and no secret."""
    browser = provider.browser()
    session = session_of(provider, browser)
    provider.tickets = FakeProvider(secret_key="quite another secret").tickets

    assert provider.request(browser).user is None

    (record,) = caplog.records
    assert browser.handle is not None
    assert record.levelname == "WARNING"
    assert session.session_id in caplog.text
    assert "SECRET_KEY_FALLBACKS" in caplog.text
    assert browser.handle not in caplog.text
    assert session.key not in caplog.text
    assert session.ticket.hex() not in caplog.text


def test_a_session_whose_ticket_does_not_open_can_be_continued(
    provider: FakeProvider,
) -> None:
    """Whoever signs in again after a lost key keeps session id and clients."""
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    provider.tickets = FakeProvider(secret_key="quite another secret").tickets

    assert provider.sign_in(browser) == session_id
    assert provider.request(browser.next_request()).client_ids == ("shop",)


def test_a_ticket_moved_to_another_row(provider: FakeProvider) -> None:
    """Whoever can write to the database still becomes nobody else."""
    mine = session_of(provider, provider.browser("alice"))
    browser = provider.browser("root")
    theirs = session_of(provider, browser)
    moved = dataclasses.replace(theirs, ticket=mine.ticket)
    provider.store.update(theirs.key, moved)

    assert provider.request(browser).user is None


# Two sign-ins in one browser


@pytest.mark.parametrize(
    "looked",
    [
        pytest.param(True, id="both have looked before"),
        pytest.param(False, id="the slower one looks late"),
    ],
)
@pytest.mark.parametrize(
    ("first", "second"),
    [pytest.param(0, 1, id="in order"), pytest.param(1, 0, id="not")],
)
def test_two_sign_ins_of_one_subject_end_in_one_session(
    provider: FakeProvider, first: int, second: int, *, looked: bool
) -> None:
    """Whichever comes first, there is one session, with its id and its clients."""
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    tabs = [browser.next_request(), browser.next_request()]
    requests = [provider.request(tab) for tab in tabs]
    assert {each.session_id for each in requests if looked} <= {session_id}

    assert requests[first].create_session_id(ALICE, PLAIN) == session_id
    assert requests[second].create_session_id(ALICE, PLAIN) == session_id

    assert len(sessions_of(provider, "alice")) == 1
    assert provider.request(tabs[first].next_request()).user is None
    assert provider.request(tabs[second].next_request()).client_ids == ("shop",)
    assert provider.ended == []


def test_a_replaced_handle_is_no_weapon(provider: FakeProvider) -> None:
    """Who once had a handle cannot end the session by signing in as somebody else."""
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    quick, slow = browser.next_request(), browser.next_request()
    requests = [provider.request(quick), provider.request(slow)]

    requests[0].create_session_id(ALICE, PLAIN)
    requests[1].create_session_id(BOB, PLAIN)

    assert provider.ended == []
    assert session_of(provider, quick).session_id == session_id
    assert session_of(provider, slow).subject_id == "bob"


def test_a_sign_in_after_a_user_switch_in_another_tab(provider: FakeProvider) -> None:
    """What was switched away from stays ended, and nobody gets the other's session."""
    browser = provider.browser(clients=["shop"])
    before = session_of(provider, browser).session_id
    quick, slow = browser.next_request(), browser.next_request()
    requests = [provider.request(quick), provider.request(slow)]
    assert {each.session_id for each in requests} == {before}
    switched = requests[0].create_session_id(BOB, PLAIN)

    session_id = requests[1].create_session_id(ALICE, PLAIN)

    assert session_id not in {before, switched}
    assert session_of(provider, slow).subject_id == "alice"
    assert session_of(provider, quick).subject_id == "bob"
    assert provider.request(slow.next_request()).client_ids == ()
    assert [each.session_id for each in provider.ended] == [before]


@pytest.mark.parametrize(
    ("principal", "kept"),
    [
        pytest.param(ALICE, True, id="same subject"),
        pytest.param(BOB, False, id="other subject"),
    ],
)
def test_a_sign_in_between_look_and_write(
    provider: FakeProvider, principal: Principal, *, kept: bool
) -> None:
    """A handle that is replaced just before the write leads to the session still."""
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    other_tab = provider.request(browser.next_request())
    write = "update" if kept else "end"
    provider.spy.before[write] = partial(other_tab.create_session_id, ALICE, PLAIN)

    found = provider.request(browser).create_session_id(principal, PLAIN)

    (left,) = sessions_of(provider, "alice", "bob")
    assert left == session_of(provider, browser)
    assert (found == session_id) is kept


def test_an_end_between_look_and_write(provider: FakeProvider) -> None:
    """A session that ends just before the write stays ended; a new one begins."""
    browser = provider.browser(clients=["shop"])
    before = session_of(provider, browser).session_id
    provider.spy.before["update"] = partial(
        provider.ending.end, before, reason=LogoutReason.ADMIN
    )

    session_id = provider.sign_in(browser)

    (left,) = sessions_of(provider, "alice")
    assert left.session_id == session_id != before
    assert provider.request(browser.next_request()).client_ids == ()


def test_a_replaced_handle_is_no_way_in(provider: FakeProvider) -> None:
    """Only a sign-in follows a replaced handle; reading never does."""
    browser = provider.browser()
    old = browser.next_request()
    provider.sign_in(browser)
    provider.spy.calls.clear()

    assert provider.request(old).user is None
    assert provider.spy.calls == ["get"]


def test_too_many_sign_ins_at_once(provider: FakeProvider) -> None:
    """A sign-in that is overtaken again and again gives up, with nothing issued."""
    browser = provider.browser()
    session_id = session_of(provider, browser).session_id

    def overtake() -> None:
        provider.spy.before["update"] = overtake
        raise SessionGoneError("no session has this key", key="")

    provider.spy.before["update"] = overtake

    with pytest.raises(SessionGoneError, match="too many sign-ins"):
        provider.sign_in(browser)

    assert browser.calls == []
    assert [each.session_id for each in sessions_of(provider, "alice")] == [session_id]


@every_time
def test_two_sign_ins_at_the_same_moment(provider: FakeProvider, attempt: int) -> None:
    """Two threads, one browser, one subject: one session, and no client is lost."""
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    tabs = [browser.next_request(), browser.next_request()]

    found = together([partial(provider.sign_in, tab) for tab in tabs])

    (left,) = sessions_of(provider, "alice")
    last = [tab for tab in tabs if handle_key(tab.handle or "") == left.key]
    assert found == [session_id] * 2
    assert provider.request(last[0].next_request()).client_ids == ("shop",)


@every_time
def test_a_client_joins_while_the_user_signs_out(
    provider: FakeProvider, attempt: int
) -> None:
    """Either the client is told, or it was turned away."""
    browser = provider.browser()
    session_id = session_of(provider, browser).session_id
    tabs = [provider.request(browser.next_request()) for _ in range(2)]
    assert {tab.session_id for tab in tabs} == {session_id}

    def join() -> bool:
        try:
            tabs[0].add_client_id("shop")
        except SessionGoneError:
            return False

        return True

    def sign_out() -> bool:
        return tabs[1].end(LogoutReason.USER) is not None

    joined, signed_out = together([join, sign_out])

    assert signed_out
    assert len(provider.queue.of_session(session_id)) == joined
