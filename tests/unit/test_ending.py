"""There is one way out of a session, and it is taken once."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.services.ending import EndingService
from idp_session.testing import START
from idp_session.testing import together
from tests.fakes import FakeProvider
from tests.fakes import RecordingTokens

from .sessions_to_end import begin
from .sessions_to_end import every_time
from .sessions_to_end import HOUR
from .sessions_to_end import renew


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


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


def test_without_notification_nobody_is_told(provider: FakeProvider) -> None:
    """The session goes and is announced, and nothing is owed nor sent."""
    session = begin(provider, clients=["shop"])

    ended = provider.ending.end(
        session.session_id, reason=LogoutReason.ADMIN, notify=False
    )

    assert ended is not None
    assert not ended.notified
    assert provider.ended == [ended]
    assert provider.tokens.revoked == [(session.session_id, ("shop",))]
    assert provider.queue.of_session(session.session_id) == ()
    assert provider.dispatcher.kicks == 0


@pytest.mark.parametrize(
    ("notify", "owed"),
    [pytest.param(True, 1, id="told"), pytest.param(False, 0, id="not told")],
)
def test_a_client_leaves(provider: FakeProvider, owed: int, *, notify: bool) -> None:
    """It is announced, its tokens are revoked, and it is told unless it is not to be."""
    session = begin(provider, clients=["shop", "mail"])
    provider.clock.tick(HOUR)

    departure = provider.ending.leave(
        session.session_id,
        client_ids=["shop"],
        reason=LogoutReason.ADMIN,
        notify=notify,
    )

    assert departure is not None
    assert (departure.client_ids, departure.left_at) == (("shop",), START + HOUR)
    assert provider.departures == [departure]
    assert provider.tokens.revoked == [(session.session_id, ("shop",))]
    assert len(provider.queue.of_session(session.session_id)) == owed
    assert provider.dispatcher.kicks == owed
    assert provider.ended == []
    assert provider.store.get(session.key) == session


def test_who_does_not_take_part_does_not_leave(provider: FakeProvider) -> None:
    """Nothing is announced, revoked or sent when nobody leaves."""
    session = begin(provider, clients=["shop"])

    departure = provider.ending.leave(
        session.session_id, client_ids=["mail"], reason=LogoutReason.ADMIN
    )

    assert departure is None
    assert provider.departures == []
    assert provider.tokens.revoked == []
    assert provider.dispatcher.kicks == 0


class TestTokens:
    """What was given out in a session is taken back with its end."""

    def test_every_end_revokes_once(self, provider: FakeProvider) -> None:
        """An end by the sweep, and one by a call, and never a second time."""
        swept = begin(provider, clients=["shop"], expires_at=START)
        ended = begin(provider, clients=["mail", "shop"])

        provider.sweep.run_once()
        for _ in range(2):
            provider.ending.end(ended.session_id, reason=LogoutReason.USER)

        assert provider.tokens.revoked == [
            (swept.session_id, ("shop",)),
            (ended.session_id, ("mail", "shop")),
        ]

    def test_without_clients_nothing_is_revoked(self, provider: FakeProvider) -> None:
        """No call can be mistaken for one that means every client."""
        session = begin(provider)

        provider.ending.end(session.session_id, reason=LogoutReason.USER)

        assert len(provider.ended) == 1
        assert provider.tokens.revoked == []

    def test_it_happens_after_the_session_has_durably_gone(
        self, provider: FakeProvider
    ) -> None:
        """A token that is made now finds no session, whatever is revoked when."""
        session = begin(provider, clients=["shop"])
        seen: list[object] = []
        ending = _with_tokens(
            provider,
            RecordingTokens(lambda each: seen.append(provider.store.find(each))),
        )

        ending.end(session.session_id, reason=LogoutReason.USER)

        assert seen == [None]

    def test_a_failure_breaks_nothing_and_tells_nothing(
        self, provider: FakeProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The clients are told, and the log has neither the message nor the whole id."""
        first, second = (begin(provider, clients=["shop"]) for _ in range(2))

        def fail(_: str) -> None:
            raise LookupError("refresh token 5ec4e7")

        ending = _with_tokens(provider, RecordingTokens(fail))

        ending.leave(first.session_id, client_ids=["shop"], reason=LogoutReason.ADMIN)
        ended = ending.end(second.session_id, reason=LogoutReason.USER)

        assert provider.ended == [ended]
        assert len(provider.departures) == 1
        assert provider.dispatcher.kicks == 2
        assert caplog.text.count("LookupError") == 2
        assert "5ec4e7" not in caplog.text
        assert first.session_id not in caplog.text

    def test_a_provider_without_tokens(self, provider: FakeProvider) -> None:
        """Who does not want to hear of it does not have to."""
        session = begin(provider, clients=["shop", "mail"])
        ending = EndingService(
            store=provider.store,
            clock=provider.clock,
            dispatcher=provider.dispatcher,
            announce=provider.ended.append,
        )

        ending.leave(session.session_id, client_ids=["mail"], reason=LogoutReason.USER)
        ending.end(session.session_id, reason=LogoutReason.USER)

        assert [each.client_ids for each in provider.ended] == [("shop",)]


def _with_tokens(provider: FakeProvider, tokens: RecordingTokens) -> EndingService:
    return EndingService(
        store=provider.store,
        clock=provider.clock,
        dispatcher=provider.dispatcher,
        announce=provider.ended.append,
        announce_departure=provider.departures.append,
        tokens=tokens,
    )


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
