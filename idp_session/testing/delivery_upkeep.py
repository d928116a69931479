"""What every delivery queue must do for those who look after it."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from datetime import timedelta

import pytest

from ..models import Backlog
from ..models import Delivery
from ..models import DeliveryResult
from ..models import DeliveryState
from ..models import LogoutReason
from ..ports import DeliveryQueue
from ..ports import SessionStore
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["DeliveryUpkeepContract"]

_LEASE = timedelta(seconds=20)
_LATER = START + timedelta(hours=1)
_TICK = timedelta(microseconds=1)


def _owed(
    store: SessionStore,
    queue: DeliveryQueue,
    client_id: str,
    *,
    at: datetime = START,
) -> Delivery:
    session = make_session()
    store.create(session)
    store.add_participant(make_participant(session.session_id, client_id=client_id))
    store.end(session.session_id, reason=LogoutReason.USER, ended_at=at)

    return queue.of_session(session.session_id)[0]


def _settled(
    store: SessionStore,
    queue: DeliveryQueue,
    state: DeliveryState,
    *,
    at: datetime = START,
    client_id: str = "shop",
) -> Delivery:
    owed = _owed(store, queue, client_id)
    # Every delivery that is owed earlier in these tests is settled or leased.
    [claimed] = queue.claim(now=START, lease=_LEASE, limit=1)
    assert claimed.id == owed.id
    result = DeliveryResult(
        state=state, at=at, status=503, error="status", latency=_TICK
    )
    queue.settle(claimed, result)

    return result.applied_to(claimed)


def _all(queue: DeliveryQueue) -> tuple[Delivery, ...]:
    return queue.query(state=None, client_id=None, limit=100, before_id=None)


class DeliveryUpkeepContract:
    """Looking through deliveries, trying them again, and forgetting them."""

    def test_the_newest_delivery_comes_first(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A list of deliveries begins with the one that was owed last."""
        first = _settled(store, queue, DeliveryState.DELIVERED)
        second = _settled(store, queue, DeliveryState.REFUSED)
        third = _owed(store, queue, "shop")

        assert _all(queue) == (third, second, first)

    def test_a_list_of_deliveries_goes_on(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Part by part each delivery comes once."""
        owed = [_owed(store, queue, "shop") for _ in range(3)]

        first = queue.query(state=None, client_id=None, limit=2, before_id=None)
        second = queue.query(
            state=None, client_id=None, limit=2, before_id=first[-1].id
        )

        assert [*first, *second] == owed[::-1]

    def test_deliveries_are_found_by_state(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Only those in this state come."""
        _settled(store, queue, DeliveryState.DELIVERED)
        failed = _settled(store, queue, DeliveryState.FAILED)

        found = queue.query(
            state=DeliveryState.FAILED, client_id=None, limit=9, before_id=None
        )

        assert found == (failed,)

    def test_deliveries_are_found_by_client(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Only those to this client come."""
        _owed(store, queue, "Shop")
        shop = _owed(store, queue, "shop")

        found = queue.query(state=None, client_id="shop", limit=9, before_id=None)

        assert found == (shop,)

    def test_all_conditions_on_deliveries_have_to_be_met(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Each condition leaves out more."""
        state = DeliveryState.REFUSED
        one = _settled(store, queue, state)
        _settled(store, queue, state, client_id="mail")
        _settled(store, queue, DeliveryState.FAILED)
        last = _settled(store, queue, state)

        found = queue.query(state=state, client_id="shop", limit=9, before_id=last.id)

        assert found == (one,)

    @pytest.mark.parametrize(
        "client_id",
        [
            pytest.param("%", id="wildcard"),
            pytest.param("shop\0", id="NUL"),
            pytest.param("shop\udcff", id="half a character"),
            pytest.param("shop" * 10_000, id="very long"),
            pytest.param("' OR '1'='1", id="a piece of SQL"),
        ],
    )
    def test_what_no_delivery_can_have_finds_nothing(
        self, store: SessionStore, queue: DeliveryQueue, client_id: str
    ) -> None:
        """Text that a database would refuse is not an error: it is in no delivery."""
        _owed(store, queue, "shop")

        found = queue.query(state=None, client_id=client_id, limit=9, before_id=None)

        assert found == ()
        assert queue.of_session(client_id) == ()

    @pytest.mark.parametrize(
        ("before_id", "count"),
        [
            pytest.param(2**70, 1, id="too large"),
            pytest.param(-(2**70), 0, id="too small"),
        ],
    )
    def test_numbers_that_no_delivery_can_have(
        self, store: SessionStore, queue: DeliveryQueue, before_id: int, count: int
    ) -> None:
        """A number that a database would refuse is as good as any other."""
        _owed(store, queue, "shop")

        found = queue.query(state=None, client_id=None, limit=9, before_id=before_id)

        assert len(found) == count
        assert not queue.retry(before_id, now=_LATER)

    @pytest.mark.parametrize(
        "state",
        [DeliveryState.EXPIRED, DeliveryState.FAILED, DeliveryState.REFUSED],
    )
    def test_what_was_given_up_is_tried_again(
        self, store: SessionStore, queue: DeliveryQueue, state: DeliveryState
    ) -> None:
        """It is due at once, looks untried, and goes on counting."""
        given_up = _settled(store, queue, state)

        retried = queue.retry(given_up.id, now=_LATER)

        pending = dataclasses.replace(
            given_up,
            state=DeliveryState.PENDING,
            due_at=_LATER,
            last_status=None,
            last_error=None,
            latency=None,
            finished_at=None,
        )
        assert retried
        assert _all(queue) == (pending,)
        [claimed] = queue.claim(now=_LATER, lease=_LEASE, limit=9)
        assert claimed.attempts == given_up.attempts + 1
        assert queue.settle(claimed, DeliveryResult(state=state, at=_LATER))

    @pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.SKIPPED])
    def test_what_is_done_is_not_tried_again(
        self, store: SessionStore, queue: DeliveryQueue, state: DeliveryState
    ) -> None:
        """Nobody is told twice, and nothing changes."""
        done = _settled(store, queue, state)

        assert not queue.retry(done.id, now=_LATER)
        assert _all(queue) == (done,)

    def test_what_is_on_its_way_is_not_tried_again(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A lease is not broken."""
        _owed(store, queue, "shop")
        [claimed] = queue.claim(now=START, lease=_LEASE, limit=1)

        assert not queue.retry(claimed.id, now=START)
        assert _all(queue) == (claimed,)

    def test_what_is_unknown_is_not_tried_again(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Only the delivery that was named is touched."""
        given_up = _settled(store, queue, DeliveryState.FAILED)

        assert not queue.retry(given_up.id + 1000, now=_LATER)
        assert _all(queue) == (given_up,)

    def test_nothing_is_no_backlog(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """What has a final state is not owed any more."""
        _settled(store, queue, DeliveryState.DELIVERED)

        backlog = queue.backlog(at_most=9)

        assert backlog == Backlog(pending=0, oldest_created_at=None)

    def test_the_backlog_is_what_is_pending(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Claimed or not, it counts; the oldest is the one that was owed first."""
        _settled(store, queue, DeliveryState.FAILED)
        _owed(store, queue, "shop", at=START + _LEASE)
        _owed(store, queue, "mail", at=START + _TICK)
        queue.claim(now=START + _LEASE, lease=_LEASE, limit=1)

        backlog = queue.backlog(at_most=9)

        assert backlog == Backlog(pending=2, oldest_created_at=START + _TICK)

    def test_a_long_backlog_is_not_counted_to_its_end(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Only so many are looked at, those that were due first."""
        _owed(store, queue, "first", at=START + 2 * _TICK)
        _owed(store, queue, "second", at=START + _TICK)
        _owed(store, queue, "third", at=START + 3 * _TICK)

        backlog = queue.backlog(at_most=2)

        assert backlog == Backlog(pending=2, oldest_created_at=START + _TICK)

    def test_what_is_over_is_forgotten(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Whatever came of it; what was over at that instant or later stays."""
        _settled(store, queue, DeliveryState.DELIVERED, at=START)
        _settled(store, queue, DeliveryState.EXPIRED, at=_LATER - _TICK)
        kept = _settled(store, queue, DeliveryState.DELIVERED, at=_LATER)

        forgotten = queue.purge(finished_before=_LATER, limit=9)

        assert forgotten == 2
        assert _all(queue) == (kept,)

    def test_what_is_owed_is_not_forgotten(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """However old it is, a client that was not told will be."""
        given_up = _settled(store, queue, DeliveryState.FAILED)
        queue.retry(given_up.id, now=START)
        owed = _owed(store, queue, "shop")

        forgotten = queue.purge(finished_before=START + 1000 * _LEASE, limit=9)

        assert forgotten == 0
        assert [each.id for each in _all(queue)] == [owed.id, given_up.id]

    def test_what_was_over_first_is_forgotten_first(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """No more are forgotten than asked for."""
        kept = _settled(store, queue, DeliveryState.DELIVERED, at=START + 2 * _TICK)
        _settled(store, queue, DeliveryState.DELIVERED, at=START)
        _settled(store, queue, DeliveryState.DELIVERED, at=START + _TICK)

        forgotten = queue.purge(finished_before=_LATER, limit=2)

        assert forgotten == 2
        assert _all(queue) == (kept,)
