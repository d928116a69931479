"""What every delivery queue must do with several results at once."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from functools import partial

import pytest

from ..models import DeliveryResult
from ..models import DeliveryState
from ..models import LogoutReason
from ..ports import DeliveryQueue
from ..ports import SessionStore
from .together import together
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["DeliverySettlingContract"]

_LEASE = timedelta(seconds=20)
_TICK = timedelta(microseconds=1)


def _owe(store: SessionStore, *client_ids: str, at: datetime = START) -> str:
    session = make_session()
    store.create(session)

    for client_id in client_ids:
        store.add_participant(make_participant(session.session_id, client_id=client_id))

    store.end(session.session_id, reason=LogoutReason.USER, ended_at=at)

    return session.session_id


def _delivered(at: datetime = START) -> DeliveryResult:
    return DeliveryResult(state=DeliveryState.DELIVERED, at=at, status=200)


def _again(status: int | None = None, error: str | None = None) -> DeliveryResult:
    return DeliveryResult(
        state=DeliveryState.PENDING,
        at=START,
        due_at=START + _LEASE,
        status=status,
        error=error,
    )


class DeliverySettlingContract:
    """The promises of ``settle_all``, as tests."""

    def test_several_results_are_written_at_once(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Each delivery gets its own result, whatever the order."""
        session_id = _owe(store, "first", "second", "third")
        first, second, third = queue.claim(now=START, lease=_LEASE, limit=10)
        again = DeliveryResult(
            state=DeliveryState.PENDING, at=START, due_at=START + _LEASE, status=503
        )

        settled = queue.settle_all([(third, _delivered()), (first, again)])

        assert settled == (True, True)
        assert queue.of_session(session_id) == (
            again.applied_to(first),
            second,
            _delivered().applied_to(third),
        )

    def test_a_lost_lease_does_not_hinder_the_others(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Of several results those are written whose claim is the newest."""
        session_id = _owe(store, "lost", "kept", "over")
        lost, kept, over = queue.claim(now=START, lease=_LEASE, limit=10)
        queue.settle(over, _delivered())
        queue.settle(kept, DeliveryResult.given_back(kept, at=START))
        newer_kept, newer_lost = queue.claim(now=START + _LEASE, lease=_LEASE, limit=10)
        late = DeliveryResult(state=DeliveryState.REFUSED, at=START, status=400)

        settled = queue.settle_all([(lost, late), (newer_kept, late), (over, late)])

        assert settled == (False, True, False)
        assert queue.of_session(session_id) == (
            newer_lost,
            late.applied_to(newer_kept),
            _delivered().applied_to(over),
        )

    @pytest.mark.parametrize(
        ("result", "is_open"),
        [
            pytest.param(_delivered(), False, id="delivered"),
            pytest.param(_again(status=503), False, id="answered"),
            pytest.param(_again(error="timeout"), False, id="not answered"),
            pytest.param(_again(), True, id="given back"),
        ],
    )
    def test_whether_something_is_untried(
        self,
        store: SessionStore,
        queue: DeliveryQueue,
        result: DeliveryResult,
        *,
        is_open: bool,
    ) -> None:
        """A claim is no attempt, and a failure is one."""
        session_id = _owe(store, "shop", "mail")
        shop, mail = queue.claim(now=START, lease=_LEASE, limit=10)
        queue.settle(mail, _delivered())
        claimed = queue.has_untried(session_id)

        queue.settle(shop, result)

        assert claimed
        assert queue.has_untried(session_id) is is_open
        assert queue.has_untried(session_id, client_id="shop") is is_open

    @pytest.mark.parametrize(
        ("session_id", "client_id"),
        [
            pytest.param(None, "mail", id="another client"),
            pytest.param(None, "\0" * 300, id="no client id"),
            pytest.param("unknown", None, id="unknown session"),
            pytest.param("\0" * 200, None, id="no session id"),
        ],
    )
    def test_what_others_are_owed_is_not_untried(
        self,
        store: SessionStore,
        queue: DeliveryQueue,
        session_id: str | None,
        client_id: str | None,
    ) -> None:
        """The question is about one session, and one of its clients if need be."""
        owed = _owe(store, "shop")

        assert not queue.has_untried(session_id or owed, client_id=client_id)

    def test_a_retry_is_not_settled_by_the_claim_before(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Who settles twice, since the answer was lost, takes no retry back."""
        _owe(store, "shop", "desk")
        shop, desk = queue.claim(now=START, lease=_LEASE, limit=9)
        refused = DeliveryResult(state=DeliveryState.REFUSED, at=START, status=400)
        queue.settle_all([(shop, refused), (desk, refused)])
        queue.retry(shop.id, now=START + _TICK)
        queue.retry(desk.id, now=START + _TICK)

        assert queue.settle_all([(shop, refused)]) == (False,)
        assert not queue.settle(desk, refused)
        assert queue.backlog(at_most=9).pending == 2

    def test_nothing_to_write(self, queue: DeliveryQueue) -> None:
        """No results are no error."""
        assert queue.settle_all([]) == ()

    def test_what_is_given_back_is_there_for_others_at_once(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Whoever ends in the middle does not make others wait for the lease."""
        _owe(store, "shop")
        (claimed,) = queue.claim(now=START, lease=_LEASE, limit=10)

        queue.settle_all([(claimed, DeliveryResult.given_back(claimed, at=START))])
        (again,) = queue.claim(now=START, lease=_LEASE, limit=10)

        assert (again.id, again.attempts) == (claimed.id, 2)

    @pytest.mark.parametrize("attempt", range(10))
    def test_results_of_two_at_once(
        self, store: SessionStore, queue: DeliveryQueue, attempt: int
    ) -> None:
        """Two who believe that a delivery is theirs agree on who has settled it."""
        session_id = _owe(store, *(f"client {number}" for number in range(8)))
        claimed = queue.claim(now=START, lease=_LEASE, limit=10)
        results = [(each, _delivered()) for each in claimed]

        settled = together(
            [
                partial(queue.settle_all, results),
                partial(queue.settle_all, results[::-1]),
            ]
        )

        assert (
            sorted(map(sum, zip(settled[0], settled[1][::-1], strict=True))) == [1] * 8
        )
        assert {each.state for each in queue.of_session(session_id)} == {
            DeliveryState.DELIVERED
        }
