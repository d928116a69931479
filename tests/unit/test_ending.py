"""There is one way out of a session, and it is taken once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from functools import partial

import pytest

from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.models import ServerSideSession
from idp_session.services.ending import EndingService
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START
from idp_session.testing import together
from tests.fakes import FakeProvider

every_time = pytest.mark.parametrize("attempt", range(25))

HOUR = timedelta(hours=1)


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def begin(
    provider: FakeProvider,
    subject_id: str = "alice",
    *,
    clients: Sequence[str] = (),
    expires_at: datetime = START + 2 * HOUR,
) -> ServerSideSession:
    """A session with clients."""
    session = make_session(subject_id=subject_id, expires_at=expires_at)
    provider.store.create(session)

    for client_id in clients:
        provider.store.add_participant(
            make_participant(session.session_id, client_id=client_id)
        )

    return session


def renew(provider: FakeProvider, session: ServerSideSession) -> None:
    now = provider.clock.now()
    provider.store.renew(session.key, renewed_at=now, expires_at=now + HOUR)


def test_ending_is_announced_and_delivered(provider: FakeProvider) -> None:
    """Whoever ends a session has it announced once and its clients told."""
    session = begin(provider, clients=["shop", "mail"])
    provider.clock.tick(HOUR)

    ended = provider.ending.end(session.session_id, reason=LogoutReason.ADMIN)

    assert ended is not None
    assert (ended.reason, ended.subject_id) == (LogoutReason.ADMIN, "alice")
    assert ended.ended_at == START + HOUR
    assert ended.client_ids == ("shop", "mail")
    assert provider.ended == [ended]
    assert provider.dispatcher.kicks == 1
    assert provider.store.get(session.key) is None
    assert [
        (each.client_id, each.reason)
        for each in provider.queue.of_session(session.session_id)
    ] == [("shop", LogoutReason.ADMIN), ("mail", LogoutReason.ADMIN)]


def test_what_is_gone_is_not_ended_again(provider: FakeProvider) -> None:
    """The second caller gets nothing, announces nothing and sends nothing."""
    session = begin(provider)
    provider.ending.end(session.session_id, reason=LogoutReason.USER)

    again = provider.ending.end(session.session_id, reason=LogoutReason.ADMIN)

    assert again is None
    assert [each.reason for each in provider.ended] == [LogoutReason.USER]
    assert provider.dispatcher.kicks == 1


def test_it_is_announced_when_it_has_durably_gone(provider: FakeProvider) -> None:
    """Whoever hears of the end finds no session and finds what is owed."""
    session = begin(provider, clients=["shop"])
    seen: list[tuple[object, int]] = []

    def look(ended: EndedSession) -> None:
        owed = provider.queue.of_session(ended.session_id)
        seen.append((provider.store.find(ended.session_id), len(owed)))

    ending = EndingService(
        store=provider.store,
        clock=provider.clock,
        dispatcher=provider.dispatcher,
        announce=look,
    )

    ending.end(session.session_id, reason=LogoutReason.USER)

    assert seen == [(None, 1)]


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        pytest.param(2 * HOUR, LogoutReason.IDLE_TIMEOUT, id="idle"),
        pytest.param(12 * HOUR, LogoutReason.ABSOLUTE_TIMEOUT, id="absolute"),
    ],
)
def test_an_expired_session_ends_with_its_reason(
    provider: FakeProvider, after: timedelta, reason: LogoutReason
) -> None:
    """Clients and signals hear whether it was not used or used up."""
    session = begin(provider)
    provider.clock.tick(after)

    ended = provider.ending.end_expired(session)

    assert ended is not None
    assert ended.reason is reason


def test_a_renewal_that_came_first_wins(provider: FakeProvider) -> None:
    """A session that was renewed since it was found goes on, unannounced."""
    session = begin(provider)
    provider.clock.tick(2 * HOUR)
    renew(provider, session)

    assert provider.ending.end_expired(session) is None
    assert provider.store.get(session.key) is not None
    assert provider.ended == []
    assert provider.dispatcher.kicks == 0


def test_all_sessions_of_a_subject_end(provider: FakeProvider) -> None:
    """Every session of that subject is ended, and nobody else's."""
    mine = [begin(provider).session_id, begin(provider).session_id]
    theirs = begin(provider, "bob")

    count = provider.ending.end_all(
        subject_id="alice", reason=LogoutReason.PASSWORD_CHANGE
    )

    assert count == 2
    assert sorted(each.session_id for each in provider.ended) == sorted(mine)
    assert {each.reason for each in provider.ended} == {LogoutReason.PASSWORD_CHANGE}
    assert provider.store.find_by_subject("alice") == ()
    assert provider.store.get(theirs.key) == theirs


def test_only_what_was_ended_here_counts(provider: FakeProvider) -> None:
    """A session that somebody else ended meanwhile is not counted twice."""
    ended_elsewhere, ended_here = begin(provider), begin(provider)
    provider.spy.before["end"] = partial(
        provider.store.end,
        ended_elsewhere.session_id,
        reason=LogoutReason.USER,
        ended_at=START,
    )

    count = provider.ending.end_all(subject_id="alice", reason=LogoutReason.SUBJECT)

    assert count == 1
    assert [each.session_id for each in provider.ended] == [ended_here.session_id]


def test_nobody_has_no_sessions(provider: FakeProvider) -> None:
    """A subject without sessions is no error."""
    begin(provider)

    count = provider.ending.end_all(subject_id="nobody", reason=LogoutReason.SUBJECT)

    assert count == 0
    assert provider.dispatcher.kicks == 0


def test_a_sweep_goes_on_in_bounded_transactions(provider: FakeProvider) -> None:
    """Many expired sessions never end in one transaction."""
    for _ in range(120):
        begin(provider)
    provider.clock.tick(2 * HOUR)
    provider.spy.calls.clear()

    assert provider.sweep.run_once() == 120
    assert provider.spy.calls == ["end_expired"] * 3
    assert provider.dispatcher.kicks == 3


# BCL-OP-33
def test_a_sweep_ends_what_has_expired(provider: FakeProvider) -> None:
    """Clients hear of an expiry that no request has noticed."""
    idle = begin(provider, clients=["shop"])
    live = begin(provider, expires_at=START + 3 * HOUR)
    provider.clock.tick(2 * HOUR)

    count = provider.sweep.run_once()

    assert count == 1
    assert [each.session_id for each in provider.ended] == [idle.session_id]
    assert provider.ended[0].reason is LogoutReason.IDLE_TIMEOUT
    assert len(provider.queue.of_session(idle.session_id)) == 1
    assert provider.store.get(live.key) == live


def test_a_sweep_has_a_limit(provider: FakeProvider) -> None:
    """What is left over waits for the next sweep, the longest expired comes first."""
    late = begin(provider, expires_at=START + HOUR)
    early = begin(provider, expires_at=START)
    provider.clock.tick(2 * HOUR)

    assert provider.sweep.run_once(limit=1) == 1
    assert provider.sweep.run_once(limit=1) == 1
    assert provider.sweep.run_once(limit=1) == 0
    assert [each.session_id for each in provider.ended] == [
        early.session_id,
        late.session_id,
    ]


def test_a_sweep_spares_what_is_renewed_meanwhile(provider: FakeProvider) -> None:
    """Between the look and the end a request may still come."""
    session = begin(provider)
    provider.clock.tick(2 * HOUR)
    provider.spy.before["end_expired"] = partial(renew, provider, session)

    assert provider.sweep.run_once() == 0
    assert provider.store.get(session.key) is not None


@every_time
def test_two_end_one_session(provider: FakeProvider, attempt: int) -> None:
    """Of two concurrent callers one gets the session, and it is announced once."""
    session = begin(provider, clients=["shop"])
    reasons = [LogoutReason.USER, LogoutReason.ADMIN]

    results = together(
        [
            partial(provider.ending.end, session.session_id, reason=reason)
            for reason in reasons
        ]
    )

    assert [each for each in results if each is not None] == provider.ended
    assert len(provider.ended) == provider.dispatcher.kicks == 1
    assert len(provider.queue.of_session(session.session_id)) == 1


@every_time
def test_two_sweeps_at_once(provider: FakeProvider, attempt: int) -> None:
    """Any number of processes may sweep; together they end each session once."""
    sessions = [begin(provider) for _ in range(4)]
    provider.clock.tick(2 * HOUR)

    counts = together([provider.sweep.run_once] * 2)

    assert sum(counts) == 4
    assert sorted(each.session_id for each in provider.ended) == sorted(
        each.session_id for each in sessions
    )
