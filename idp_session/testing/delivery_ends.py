"""What every delivery queue must do for sessions that are kept elsewhere."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from ..models import DeliveryState
from ..models import EndedSession
from ..models import LogoutReason
from ..models import Participant
from ..ports import DeliveryQueue
from .together import together
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["DeliveryEndsContract"]

_TICK = timedelta(microseconds=1)


def _ended(*client_ids: str, **overrides: Any) -> EndedSession:
    session_id = overrides.pop("session_id", make_session().session_id)
    given: dict[str, Any] = {
        "subject_id": "alice",
        "reason": LogoutReason.USER,
        "ended_at": START,
        **overrides,
    }

    return EndedSession(
        session_id=session_id, participants=_joined(session_id, *client_ids), **given
    )


def _joined(session_id: str, *client_ids: str) -> tuple[Participant, ...]:
    return tuple(make_participant(session_id, client_id=each) for each in client_ids)


class DeliveryEndsContract:
    """Writing down how sessions of cookies ended."""

    def test_each_participant_is_owed_a_delivery(self, queue: DeliveryQueue) -> None:
        """The deliveries are those that a store of sessions would have left."""
        ended = _ended("shop", "mail", reason=LogoutReason.RP_INITIATED)

        assert queue.owe(ended)

        shop, mail = queue.of_session(ended.session_id)
        assert (shop.client_id, mail.client_id) == ("shop", "mail")
        assert (shop.issuer, shop.subject) == ("https://idp.test", "alice")
        assert shop.reason is LogoutReason.RP_INITIATED
        assert shop.created_at == shop.due_at == START
        assert (shop.state, shop.attempts) == (DeliveryState.PENDING, 0)
        assert queue.next_due_at() == START

    def test_a_session_ends_once(self, queue: DeliveryQueue) -> None:
        """Whoever comes later is told so, and nobody hears of it twice."""
        ended = _ended("shop")
        queue.owe(ended)

        again = queue.owe(
            _ended("shop", "mail", session_id=ended.session_id, ended_at=START + _TICK)
        )

        assert again is False
        assert [d.client_id for d in queue.of_session(ended.session_id)] == ["shop"]

    def test_one_of_many_ends_the_session(self, queue: DeliveryQueue) -> None:
        """Of concurrent callers one gets it, and each client is owed one delivery."""
        ended = _ended("shop", "mail")

        results = together([partial(queue.owe, ended)] * 4)

        assert sorted(results) == [False, False, False, True]
        assert len(queue.of_session(ended.session_id)) == 2

    def test_an_end_is_known(self, queue: DeliveryQueue) -> None:
        """Also that of a session in which no client took part, and of no other."""
        ended, other = _ended(), _ended()

        queue.owe(ended)

        assert queue.has_ended(ended.session_id)
        assert not queue.has_ended(other.session_id)
        assert queue.of_session(ended.session_id) == ()

    @pytest.mark.parametrize(
        "session_id",
        [
            pytest.param("", id="empty"),
            pytest.param("nul\0", id="NUL"),
            pytest.param("half\udcff", id="half a character"),
            pytest.param("x" * 10_000, id="very long"),
        ],
    )
    def test_what_no_session_is_called_has_not_ended(
        self, queue: DeliveryQueue, session_id: str
    ) -> None:
        """Text that a database would refuse is not an error."""
        queue.owe(_ended())

        assert not queue.has_ended(session_id)

    def test_ends_are_forgotten(self, queue: DeliveryQueue) -> None:
        """Only those before the instant, and no more than asked for."""
        old = [_ended("shop"), _ended("shop")]
        new = _ended(ended_at=START + _TICK)
        for each in (*old, new):
            queue.owe(each)

        counts = [queue.forget_ends(before=START + _TICK, limit=n) for n in (1, 5, 5)]

        assert counts == [1, 1, 0]
        assert not any(queue.has_ended(each.session_id) for each in old)
        assert queue.has_ended(new.session_id)

    def test_what_is_owed_outlives_the_note(self, queue: DeliveryQueue) -> None:
        """To forget an end forgets no delivery, and to purge deliveries no end."""
        ended, other = _ended("shop"), _ended()
        queue.owe(ended)
        queue.owe(other)

        queue.forget_ends(before=START + _TICK, limit=1)
        queue.forget_ends(before=START + _TICK, limit=1)
        queue.owe(other)
        queue.purge(finished_before=START + timedelta(days=1), limit=10)

        assert len(queue.of_session(ended.session_id)) == 1
        assert queue.has_ended(other.session_id)
