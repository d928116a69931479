"""The session of the user: how a sign-in begins one."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from datetime import timezone
from pathlib import Path

import pytest

from idp_session.adapters.crypto import handle_key
from idp_session.models import AuthenticationProperties
from idp_session.models import Principal
from idp_session.stores.sql import create_sqlite_engine
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade
from idp_session.testing import START
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport

from .hosts import host_app
from .sessions_of_browsers import ALICE
from .sessions_of_browsers import HOUR
from .sessions_of_browsers import PLAIN
from .sessions_of_browsers import SECOND
from .sessions_of_browsers import session_of
from .sessions_of_browsers import sessions_of
from .sessions_of_browsers import STALE


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


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


@pytest.mark.parametrize(
    "hours", [pytest.param(-3, id="west"), pytest.param(2, id="east")]
)
def test_a_sign_in_in_another_time_zone(tmp_path: Path, hours: int) -> None:
    """Who signs in stays signed in, in whichever zone the host tells the time."""
    engine = create_sqlite_engine(tmp_path / "sessions.sqlite")
    upgrade(engine)
    host = host_app(store=SqlSessionStore(engine), queue=SqlDeliveryQueue(engine))
    at = START.astimezone(timezone(timedelta(hours=hours)))
    host.app.post("/login-at")(
        lambda: host.extension.sign_in(
            Principal(subject_id="alice", amr=("pwd",), authenticated_at=at)
        )
    )
    browser = host.browser()
    browser.post("/login-at")

    answer = browser.get("/whoami").json

    assert answer is not None
    assert answer["subject"] == "alice"
    engine.dispose()


@pytest.mark.parametrize(
    "signed_in", [pytest.param(False, id="first"), pytest.param(True, id="again")]
)
def test_a_sign_in_at_an_unknown_time(
    provider: FakeProvider, *, signed_in: bool
) -> None:
    """A time without a zone could be any, and is refused before anything changes."""
    browser = FakeTransport()

    if signed_in:
        provider.sign_in(browser)

    before = len(provider.spy.calls)
    naive = START.replace(tzinfo=None)
    principal = Principal(subject_id="alice", authenticated_at=naive)
    user_session = provider.request(browser.next_request())

    with pytest.raises(ValueError, match="authenticated_at must be an aware"):
        user_session.create_session_id(principal, PLAIN)

    assert set(provider.spy.calls[before:]) <= {"get", "find_rotated"}


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
