"""Many sign-ins, endings and late writes in any order, compared with a plain model.

Every run tries the same examples. ``IDP_SESSION_TEST_EXAMPLES=500`` tries as many
others. A failure prints its steps and a ``@reproduce_failure``;
``IDP_SESSION_TEST_REPLAY`` with the text in it runs those steps again.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import __version__
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import reproduce_failure
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize
from hypothesis.stateful import invariant
from hypothesis.stateful import precondition
from hypothesis.stateful import rule
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import run_state_machine_as_test

from idp_session.adapters.crypto import handle_key
from idp_session.errors import SessionGoneError
from idp_session.errors import SessionLimitError
from idp_session.models import AuthenticationProperties
from idp_session.models import LogoutReason
from idp_session.models import Principal
from idp_session.models import ServerSideSession
from idp_session.models import SessionFilter
from idp_session.ports import SessionData
from idp_session.services.management import SessionManagementService
from idp_session.services.user_session import DefaultUserSession
from idp_session.stores.sql import metadata
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport
from tests.fakes import make_options
from tests.fakes import PairwiseSubjects

from .session_model import merged
from .session_model import ModelSession
from .session_model import Refused
from .session_model import SessionModel

# Seconds on a machine that has nothing else to do.
pytestmark = pytest.mark.timeout(600)

HOUR = timedelta(hours=1)
EVERYBODY = SessionFilter(anonymous=None)
REASONS = [LogoutReason.ADMIN, LogoutReason.CLIENT, LogoutReason.PASSWORD_CHANGE]

browsers = st.integers(0, 1)
subjects = st.sampled_from(["alice", "bob"])
clients = st.sampled_from(["shop", "mail", "news"])
names = st.sampled_from(["cart", "theme"])
# ``None`` removes a value, and an empty edit removes all of them.
edits = st.dictionaries(names, st.none() | st.integers(0, 2), max_size=2)
picks = st.integers(0, 1000)


@dataclass
class Tab:
    """A request that has read its session and is not over yet."""

    browser: int
    transport: FakeTransport
    request: DefaultUserSession
    session_id: str | None
    is_signed_in: bool
    data: dict[str, int]
    clients: tuple[str, ...]


def edit(data: SessionData, changes: dict[str, int | None]) -> None:
    """Set and remove what an edit says."""
    if not changes:
        data.clear()

    for name, value in changes.items():
        if value is None:
            data.remove(name)
        else:
            data.set(name, value)


class SessionMachine(RuleBasedStateMachine):
    """Two browsers at one provider; every step is done twice and compared."""

    def __init__(self, make_provider: Callable[..., FakeProvider]) -> None:
        super().__init__()
        self._make_provider = make_provider
        self.browsers = [FakeTransport(), FakeTransport()]
        self.tabs: list[Tab] = []
        #: Handles that were replaced, withdrawn or forgotten; most open nothing.
        self.handles: list[str] = []
        self.session_ids: list[str] = []

    @initialize(
        at_most=st.none() | st.integers(1, 2),
        at_most_with_client=st.none() | st.just(1),
        policy=st.sampled_from(["refuse", "end_oldest", "end_least_recently_used"]),
    )
    def begin(
        self, at_most: int | None, at_most_with_client: int | None, policy: str
    ) -> None:
        options = make_options(
            idle_timeout=2 * HOUR,
            absolute_lifetime=3 * HOUR,
            remembered_idle_timeout=3 * HOUR,
            remembered_absolute_lifetime=5 * HOUR,
            anonymous_idle_timeout=HOUR,
            anonymous_absolute_lifetime=1.5 * HOUR,
            max_sessions_per_subject=at_most,
            max_sessions_per_subject_and_client=at_most_with_client,
            session_limit_policy=policy,
        )
        self.provider = self._make_provider(
            options=options, subjects=PairwiseSubjects()
        )
        self.management = SessionManagementService(
            store=self.provider.store, ending=self.provider.ending
        )
        self.model = SessionModel(options, self.provider.clock.now)

    # Time

    @rule(minutes=st.sampled_from([1, 29, 59, 60, 61, 89, 119, 181]))
    def tick(self, minutes: int) -> None:
        self.provider.clock.tick(timedelta(minutes=minutes))

    # What browsers do

    @rule(browser=browsers)
    def look(self, browser: int) -> None:
        transport = self.browsers[browser]
        request = self.provider.request(transport)

        expected = self.model.visit(transport.handle)

        self._check_seen(request, expected)

    @rule(
        browser=browsers,
        subject_id=subjects,
        amr=st.sampled_from(["pwd", "otp"]),
        persistent=st.booleans(),
        value=st.none() | st.integers(0, 2),
    )
    def sign_in(
        self,
        browser: int,
        subject_id: str,
        amr: str,
        persistent: bool,
        value: int | None,
    ) -> None:
        """Signs in, out of nothing, again, with one more factor, or as another."""
        transport = self.browsers[browser]
        self._sign_in(transport, subject_id, amr, persistent=persistent, value=value)

    @rule(browser=browsers, client_id=clients)
    def join(self, browser: int, client_id: str) -> None:
        transport = self.browsers[browser]
        request = self.provider.request(transport)
        session = self.model.visit(transport.handle)

        if session is None or session.subject_id is None:
            request.add_client_id(client_id)
            assert request.client_ids == ()
        else:
            self._join(request, session, client_id)

    @rule(browser=browsers, changes=edits)
    def write(self, browser: int, changes: dict[str, int | None]) -> None:
        transport = self.browsers[browser]
        session = self.model.visit(transport.handle)
        request = self.provider.request(transport)

        edit(request.data, changes)
        request.save()

        kept = {} if session is None else session.data
        self._write(transport, session, changes or dict.fromkeys(kept), kept)

    @rule(browser=browsers, name=names, value=st.none() | st.sampled_from(["a", "b"]))
    def mark(self, browser: int, name: str, value: str | None) -> None:
        """Sets an attribute, or takes it away."""
        transport = self.browsers[browser]
        before = transport.handle
        request = self.provider.request(transport)
        session = self.model.visit(before)

        if value is None:
            request.unset_attribute(name)
            if session is not None:
                session.attributes.pop(name, None)
        elif session is None and self.model.replaced(before):
            with pytest.raises(SessionGoneError):
                request.set_attribute(name, value)
        else:
            request.set_attribute(name, value)
            session = session or self._began_anonymous(transport)
            session.attributes[name] = value

    @rule(browser=browsers)
    def sign_out(self, browser: int) -> None:
        transport = self.browsers[browser]
        session = self.model.visit(transport.handle)
        self._lose(transport.handle)

        ended = self.provider.request(transport).end(LogoutReason.USER)

        self._check_signed_out(transport, session, ended is not None)

    @precondition(lambda self: self.handles)
    @rule(pick=picks)
    def try_old_handle(self, pick: int) -> None:
        """Somebody has kept a handle that is over."""
        handle = self.handles[pick % len(self.handles)]
        request = self.provider.request(FakeTransport(handle))

        self._check_seen(request, self.model.visit(handle))

    @rule(browser=browsers, subject_id=subjects, client_id=clients)
    def come_anew(self, browser: int, subject_id: str, client_id: str) -> None:
        """Somebody at a new computer goes through a client at once."""
        self.forget_cookies(browser)
        self.sign_in(browser, subject_id, "pwd", persistent=False, value=None)
        self.join(browser, client_id)

    @rule(browser=browsers)
    def forget_cookies(self, browser: int) -> None:
        """The user deletes them; the session goes on without a browser."""
        self._lose(self.browsers[browser].handle)
        self.browsers[browser] = FakeTransport()

    @precondition(lambda self: self.handles)
    @rule(browser=browsers, pick=picks)
    def restore_cookies(self, browser: int, pick: int) -> None:
        """A browser comes with a handle of the past, from a backup or a slow tab."""
        self._lose(self.browsers[browser].handle)
        handle = self.handles[pick % len(self.handles)]
        self.browsers[browser] = FakeTransport(handle)

    # What a request does that has begun before

    @precondition(lambda self: len(self.tabs) < 3)
    @rule(browser=browsers)
    def begin_slowly(self, browser: int) -> None:
        transport = self.browsers[browser].next_request()
        request = self.provider.request(transport)
        session = self.model.visit(transport.handle)
        self._check_seen(request, session)
        self.tabs.append(
            Tab(
                browser=browser,
                transport=transport,
                request=request,
                session_id=session.session_id if session else None,
                is_signed_in=session is not None and session.subject_id is not None,
                data=dict(session.data) if session else {},
                clients=tuple(session.clients) if session else (),
            )
        )

    @precondition(lambda self: self.tabs)
    @rule(pick=picks, changes=edits)
    def write_late(self, pick: int, changes: dict[str, int | None]) -> None:
        tab = self._take_tab(pick)
        edit(tab.request.data, changes)
        tab.request.save()

        changes = changes or dict.fromkeys(tab.data)
        session = self.model.live.get(tab.session_id or "")
        if session is not None or tab.session_id is None:
            self._write(tab.transport, session, changes, tab.data)
        self._respond(tab)

    @precondition(lambda self: self.tabs)
    @rule(pick=picks, client_id=clients)
    def join_late(self, pick: int, client_id: str) -> None:
        tab = self._take_tab(pick)
        session = self.model.live.get(tab.session_id or "")

        if not tab.is_signed_in or client_id in tab.clients:
            tab.request.add_client_id(client_id)
        elif session is None:
            with pytest.raises(SessionGoneError):
                tab.request.add_client_id(client_id)
        else:
            self._join(tab.request, session, client_id)
        self._respond(tab)

    @precondition(lambda self: self.tabs)
    @rule(pick=picks)
    def sign_out_late(self, pick: int) -> None:
        tab = self._take_tab(pick)
        session = self.model.live.get(tab.session_id or "")
        self._lose(tab.transport.handle)

        ended = tab.request.end(LogoutReason.USER)

        self._check_signed_out(tab.transport, session, ended is not None)
        self._respond(tab)

    @precondition(lambda self: self.tabs)
    @rule(pick=picks, subject_id=subjects)
    def sign_in_late(self, pick: int, subject_id: str) -> None:
        """Two login forms were open in one browser; this is the second one."""
        tab = self._take_tab(pick)
        self._sign_in(tab.transport, subject_id, "pwd", persistent=False, value=None)
        self._respond(tab)

    # What others do

    @precondition(lambda self: self.session_ids)
    @rule(pick=picks, reason=st.sampled_from(REASONS))
    def end_one(self, pick: int, reason: LogoutReason) -> None:
        """Any that there ever was: those that are over end nothing."""
        session_id = self.session_ids[pick % len(self.session_ids)]
        wanted = SessionFilter(session_id=session_id)

        self._end_where(wanted, lambda s: s.session_id == session_id, reason)

    @rule(client_id=clients)
    def end_by_client(self, client_id: str) -> None:
        wanted = SessionFilter(client_id=client_id)

        self._end_where(wanted, lambda s: client_id in s.clients, LogoutReason.CLIENT)

    @rule(name=names, value=st.sampled_from(["a", "b"]))
    def end_by_attribute(self, name: str, value: str) -> None:
        wanted = SessionFilter(attribute=(name, value))

        self._end_where(
            wanted, lambda s: s.attributes.get(name) == value, LogoutReason.ADMIN
        )

    @rule(browser=browsers, subject_id=subjects)
    def end_all_but_this_one(self, browser: int, subject_id: str) -> None:
        this = self.model.opened_by(self.browsers[browser].handle)
        this_id = this.session_id if this else None

        count = self.management.end_all(
            subject_id=subject_id,
            reason=LogoutReason.SUBJECT,
            except_session_id=this_id,
        )

        assert count == self.model.end_where(
            lambda s: s.subject_id == subject_id and s.session_id != this_id,
            LogoutReason.SUBJECT,
        )

    @rule(limit=st.sampled_from([1, 500]))
    def sweep(self, limit: int) -> None:
        total = 0
        while count := self.provider.sweep.run_once(limit=limit):
            total += count

        assert total == self.model.sweep()

    # What is true after every step

    @invariant()
    def all_promises_are_kept(self) -> None:
        self._the_store_has_what_the_model_has()
        self._sliding_never_passes_absolute()
        self._what_sessions_keep_is_what_the_model_keeps()
        self._every_ending_is_announced_once()
        self._each_participant_is_owed_one_delivery_and_nobody_else()
        self._no_limit_is_exceeded()

    def _the_store_has_what_the_model_has(self) -> None:
        """Nothing has come back, nothing is lost, and no old handle opens anything."""
        found = self.provider.store.query(EVERYBODY, limit=500, after=None)

        assert {s.session_id: _seen(s) for s in found} == {
            s.session_id: _expected(s) for s in self.model.live.values()
        }
        assert not self.model.gone & self.model.live.keys()

    def _sliding_never_passes_absolute(self) -> None:
        found = self.provider.store.query(EVERYBODY, limit=500, after=None)

        assert all(s.expires_at <= s.absolute_expires_at for s in found)

    def _what_sessions_keep_is_what_the_model_keeps(self) -> None:
        store = self.provider.store

        for session_id, session in self.model.live.items():
            joined = store.participants(session_id)
            data = self.provider.data.read(session_id)
            assert [each.client_id for each in joined] == session.clients
            assert {name: json.loads(text) for name, text in data.items()} == (
                session.data
            )
            assert store.attributes(session_id) == session.attributes

    def _every_ending_is_announced_once(self) -> None:
        announced = Counter(
            (each.session_id, each.subject_id, each.reason, each.client_ids)
            for each in self.provider.ended
        )

        assert announced == Counter(self.model.endings)

    def _each_participant_is_owed_one_delivery_and_nobody_else(self) -> None:
        owed = self.provider.queue.query(
            state=None, client_id=None, limit=1000, before_id=None
        )

        assert Counter(
            (each.session_id, each.client_id, each.subject, each.reason)
            for each in owed
        ) == Counter(
            (session_id, client_id, f"{subject_id}-at-{client_id}", reason)
            for session_id, subject_id, reason, joined in self.model.endings
            for client_id in joined
        )

    def _no_limit_is_exceeded(self) -> None:
        options, now = self.provider.options, self.provider.clock.now()
        live = [
            session
            for session in self.provider.store.query(
                SessionFilter(), limit=500, after=None
            )
            if session.expires_at > now
        ]
        by_subject = Counter(each.subject_id for each in live)
        by_client = Counter(
            (each.subject_id, joined.client_id)
            for each in live
            for joined in self.provider.store.participants(each.session_id)
        )

        _check_at_most(by_subject, options.max_sessions_per_subject)
        _check_at_most(by_client, options.max_sessions_per_subject_and_client)

    # Steps that several rules share

    def _sign_in(
        self,
        transport: FakeTransport,
        subject_id: str,
        amr: str,
        *,
        persistent: bool,
        value: int | None,
    ) -> None:
        # No two begin at one instant, so that it is clear which one is older.
        self.provider.clock.tick()
        handle = transport.handle
        request = self.provider.request(transport)
        current = None

        if value is not None:
            current = self.model.visit(handle)
            request.data.set("cart", value)

        switched = current is not None and current.subject_id not in (None, subject_id)

        try:
            expected = self.model.sign_in(
                handle, subject_id, amr=amr, persistent=persistent
            )
        except Refused:
            with pytest.raises(SessionLimitError):
                self._create(request, subject_id, amr, persistent=persistent)
            self._save_cart(request, transport, current, value)
            return

        session_id = self._create(request, subject_id, amr, persistent=persistent)
        self._check_signed_in(transport, handle, expected, session_id)
        self._lose(handle)
        self._lose(expected.handle or None)
        assert transport.handle is not None
        self.model.keep(expected, session_id=session_id, handle=transport.handle)
        self._save_cart(request, transport, expected, None if switched else value)

    def _create(
        self,
        request: DefaultUserSession,
        subject_id: str,
        amr: str,
        *,
        persistent: bool,
    ) -> str:
        return request.create_session_id(
            Principal(subject_id=subject_id, amr=(amr,)),
            AuthenticationProperties(persistent=persistent),
        )

    def _save_cart(
        self,
        request: DefaultUserSession,
        transport: FakeTransport,
        session: ModelSession | None,
        value: int | None,
    ) -> None:
        request.save()

        if value is not None:
            kept = session.data if session else {}
            self._write(transport, session, {"cart": value}, kept)

    def _check_signed_in(
        self,
        transport: FakeTransport,
        old_handle: str | None,
        expected: ModelSession,
        session_id: str,
    ) -> None:
        """The handle is always a new one; the session id of the same subject stays."""
        assert transport.handle not in (None, old_handle, *self.handles)
        assert transport.session_id_copy == session_id

        if expected.session_id:
            assert session_id == expected.session_id
        else:
            assert session_id not in self.session_ids
            self.session_ids.append(session_id)

    def _write(
        self,
        transport: FakeTransport,
        session: ModelSession | None,
        changes: dict[str, int | None],
        kept: dict[str, int],
    ) -> None:
        differing = {n: v for n, v in changes.items() if kept.get(n) != v}

        if not differing:
            return

        if session is None and self.model.replaced(transport.handle) is not None:
            return

        session = session or self._began_anonymous(transport)
        session.data = merged(session.data, differing)

    def _began_anonymous(self, transport: FakeTransport) -> ModelSession:
        assert transport.handle is not None
        record = self.provider.store.get(handle_key(transport.handle))
        assert record is not None
        assert record.session_id not in self.session_ids
        self.session_ids.append(record.session_id)
        session = self.model.begin_anonymous()
        self.model.keep(session, session_id=record.session_id, handle=transport.handle)

        return session

    def _join(
        self, request: DefaultUserSession, session: ModelSession, client_id: str
    ) -> None:
        try:
            self.model.join(session, client_id)
        except Refused:
            with pytest.raises(SessionLimitError):
                request.add_client_id(client_id)
        else:
            request.add_client_id(client_id)

    def _end_where(
        self,
        wanted: SessionFilter,
        matches: Callable[[ModelSession], bool],
        reason: LogoutReason,
    ) -> None:
        count = self.management.end(wanted, reason=reason)

        assert count == self.model.end_where(matches, reason)

    def _check_signed_out(
        self, transport: FakeTransport, session: ModelSession | None, told: bool
    ) -> None:
        assert transport.handle is None
        assert transport.session_id_copy is None
        assert told is (session is not None and session.subject_id is not None)

        if session is not None:
            self.model.end(session, LogoutReason.USER)

    def _check_seen(
        self, request: DefaultUserSession, expected: ModelSession | None
    ) -> None:
        """A request sees its session, and nothing of any other."""
        signed_in = expected if expected and expected.subject_id else None
        user = request.user
        assert (user and user.subject_id) == (signed_in and signed_in.subject_id)
        assert (dict(user.factors) if user else {}) == (
            signed_in.factors if signed_in else {}
        )
        assert request.session_id == (signed_in and signed_in.session_id)
        assert request.client_ids == tuple(signed_in.clients if signed_in else ())
        assert {n: request.data.get(n) for n in request.data} == (
            expected.data if expected else {}
        )
        assert request.attributes == (expected.attributes if expected else {})

    def _take_tab(self, pick: int) -> Tab:
        return self.tabs.pop(pick % len(self.tabs))

    def _respond(self, tab: Tab) -> None:
        """The browser takes the cookies of a response, whenever it comes."""
        calls, browser = tab.transport.calls, self.browsers[tab.browser]

        if {"issue_handle", "withdraw_handle"} & {*calls}:
            self._lose(browser.handle)
            browser.handle = tab.transport.handle

        if {"issue_session_id", "withdraw_session_id"} & {*calls}:
            browser.session_id_copy = tab.transport.session_id_copy

    def _lose(self, handle: str | None) -> None:
        if handle is not None:
            self.handles.append(handle)


def _seen(session: ServerSideSession) -> tuple[object, ...]:
    return (
        session.key,
        session.subject_id,
        session.created_at,
        session.renewed_at,
        session.expires_at,
        session.absolute_expires_at,
    )


def _expected(session: ModelSession) -> tuple[object, ...]:
    return (
        handle_key(session.handle),
        session.subject_id,
        session.created_at,
        session.renewed_at,
        session.expires_at,
        session.absolute_expires_at,
    )


def _check_at_most(counts: Counter[Any], at_most: int | None) -> None:
    assert at_most is None or max(counts.values(), default=0) <= at_most


def _run(make_provider: Callable[..., FakeProvider], examples: int) -> None:
    wanted = os.environ.get("IDP_SESSION_TEST_EXAMPLES")
    failure = os.environ.get("IDP_SESSION_TEST_REPLAY")
    make_machine: Any = partial(SessionMachine, make_provider)

    if failure is not None:
        make_machine = reproduce_failure(__version__, failure.encode())(make_machine)

    run_state_machine_as_test(
        make_machine,
        settings=settings(
            max_examples=int(wanted or examples),
            stateful_step_count=40,
            derandomize=wanted is None,
            deadline=None,
            print_blob=True,
            phases=[*Phase][:-1],  # without explanations, which take minutes
            report_multiple_bugs=False,
            suppress_health_check=[*HealthCheck],
        ),
    )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("examples", [300, pytest.param(1500, marks=pytest.mark.soak)])
def test_sessions_in_memory(examples: int) -> None:
    """Whatever happens in which order, memory has what the model has."""
    _run(FakeProvider, examples)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("examples", [60, pytest.param(300, marks=pytest.mark.soak)])
def test_sessions_in_sqlite(sqlite_engine: sa.Engine, examples: int) -> None:
    """Whatever happens in which order, the database has what the model has."""

    def provider(**members: Any) -> FakeProvider:
        with sqlite_engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))

        return FakeProvider(
            queue=SqlDeliveryQueue(sqlite_engine),
            make_store=lambda _: SqlSessionStore(sqlite_engine),
            **members,
        )

    _run(provider, examples)
