"""What every delivery queue must do."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from datetime import timedelta
from functools import partial

import pytest

from ..models import DeliveryResult
from ..models import DeliveryState
from ..models import FairShare
from ..models import LogoutReason
from ..ports import DeliveryQueue
from ..ports import SessionStore
from .delivery_ends import DeliveryEndsContract
from .delivery_settling import DeliverySettlingContract
from .delivery_upkeep import DeliveryUpkeepContract
from .together import together
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["DeliveryQueueContract"]

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


class DeliveryQueueContract(
    DeliverySettlingContract, DeliveryUpkeepContract, DeliveryEndsContract
):
    """The promises of :class:`~idp_session.ports.DeliveryQueue`, as tests.

    A subclass defines two fixtures: ``queue``, empty for each test, and ``store``,
    a session store that leaves what it owes in that queue.
    """

    def test_a_claim_counts_and_leases(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """What is claimed says so: one attempt more, due when the lease is over."""
        session_id = _owe(store, "shop")
        owed = queue.of_session(session_id)

        claimed = queue.claim(now=START, lease=_LEASE, limit=10)

        assert claimed == (
            dataclasses.replace(owed[0], attempts=1, due_at=START + _LEASE),
        )
        assert queue.of_session(session_id) == claimed

    def test_nothing_is_claimed_before_it_is_due(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A delivery is due at its instant and not before."""
        _owe(store, "shop")

        assert queue.claim(now=START - _TICK, lease=_LEASE, limit=10) == ()
        assert len(queue.claim(now=START, lease=_LEASE, limit=10)) == 1

    def test_a_host_gets_no_more_than_its_share(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A host with a long backlog does not stand in the way of the others."""
        for _ in range(20):
            _owe(store, "busy")
        _owe(store, "quiet", at=START + _TICK)
        share = FairShare(
            per_host=3, under_way={"busy.test": 1}, hosts={"busy": "busy.test"}
        )

        claimed = queue.claim(now=START + _TICK, lease=_LEASE, limit=5, share=share)

        assert [each.client_id for each in claimed] == ["busy", "busy", "quiet"]
        assert {each.attempts for each in claimed} == {1}

    def test_clients_share_the_share_of_their_host(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Many clients on one slow host are one slow host."""
        tenants = {f"tenant {number}": "busy.test" for number in range(20)}
        _owe(store, *tenants)
        _owe(store, "quiet", at=START + _TICK)
        share = FairShare(per_host=2, hosts=tenants)

        claimed = queue.claim(now=START + _TICK, lease=_LEASE, limit=5, share=share)

        assert [each.client_id for each in claimed] == ["tenant 0", "tenant 1", "quiet"]

    def test_clients_without_host_are_no_burden(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Whoever is not sent anything fills no share."""
        _owe(store, "frame", "frame too")
        _owe(store, "frame")
        share = FairShare(per_host=1, hosts={"frame": None, "frame too": None})

        claimed = queue.claim(now=START, lease=_LEASE, limit=5, share=share)

        assert len(claimed) == 3

    @pytest.mark.parametrize(
        "hosts",
        [
            pytest.param({"busy": "busy.test"}, id="known"),
            pytest.param({}, id="unknown"),
        ],
    )
    def test_a_crowded_host_gets_nothing(
        self, store: SessionStore, queue: DeliveryQueue, hosts: dict[str, str]
    ) -> None:
        """What is under way elsewhere in the process counts."""
        session_id = _owe(store, "busy")
        under_way = {hosts.get("busy", "busy"): 2}
        share = FairShare(per_host=2, under_way=under_way, hosts=hosts)

        assert queue.claim(now=START, lease=_LEASE, limit=5, share=share) == ()
        assert queue.of_session(session_id)[0].attempts == 0

    def test_the_longest_due_comes_first(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Nobody waits because others came later."""
        _owe(store, "third", at=START + 2 * _TICK)
        _owe(store, "first", at=START)
        _owe(store, "second", at=START + _TICK)

        claimed = queue.claim(now=START + _LEASE, lease=_LEASE, limit=10)

        assert [each.client_id for each in claimed] == ["first", "second", "third"]

    def test_no_more_is_claimed_than_asked_for(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """The rest is left for others, in the same order."""
        _owe(store, "first", "second", "third")

        one = queue.claim(now=START, lease=_LEASE, limit=2)
        two = queue.claim(now=START, lease=_LEASE, limit=2)

        assert [each.client_id for each in one] == ["first", "second"]
        assert [each.client_id for each in two] == ["third"]

    def test_an_empty_queue_gives_nothing(self, queue: DeliveryQueue) -> None:
        """Nothing owed, nothing claimed."""
        assert queue.claim(now=START, lease=_LEASE, limit=10) == ()
        assert queue.of_session(make_session().session_id) == ()

    def test_a_lease_keeps_others_away(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Until the lease is over nobody else is given the delivery."""
        _owe(store, "shop")
        queue.claim(now=START, lease=_LEASE, limit=10)

        assert queue.claim(now=START + _LEASE - _TICK, lease=_LEASE, limit=10) == ()

    def test_another_takes_over_after_the_lease(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """What a dead process had claimed is claimed again."""
        _owe(store, "shop")
        first = queue.claim(now=START, lease=_LEASE, limit=10)

        second = queue.claim(now=START + _LEASE, lease=_LEASE, limit=10)

        assert [each.id for each in second] == [each.id for each in first]
        assert [each.attempts for each in second] == [2]

    def test_a_final_state_is_final(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """What was delivered is written down and never claimed again."""
        session_id = _owe(store, "shop")
        (claimed,) = queue.claim(now=START, lease=_LEASE, limit=10)
        result = DeliveryResult(
            state=DeliveryState.REFUSED,
            at=START + _TICK,
            status=400,
            error="status",
            latency=timedelta(milliseconds=120, microseconds=7),
        )

        settled = queue.settle(claimed, result)

        assert settled
        assert queue.of_session(session_id) == (result.applied_to(claimed),)
        assert queue.claim(now=START + 9 * _LEASE, lease=_LEASE, limit=10) == ()

    def test_a_failed_attempt_is_tried_again(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A delivery that stays pending is due when the result says, not before."""
        session_id = _owe(store, "shop")
        (claimed,) = queue.claim(now=START, lease=_LEASE, limit=10)
        again_at = START + timedelta(seconds=5)
        result = DeliveryResult(
            state=DeliveryState.PENDING, at=START, due_at=again_at, error="timeout"
        )

        settled = queue.settle(claimed, result)

        assert settled
        assert queue.of_session(session_id) == (result.applied_to(claimed),)
        assert queue.claim(now=again_at - _TICK, lease=_LEASE, limit=10) == ()
        assert len(queue.claim(now=again_at, lease=_LEASE, limit=10)) == 1

    def test_a_late_result_is_still_good(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Whoever is late, but was not replaced, may write down the result."""
        _owe(store, "shop")
        (claimed,) = queue.claim(now=START, lease=_LEASE, limit=10)

        assert queue.settle(claimed, _delivered(START + 9 * _LEASE))

    def test_whoever_was_replaced_writes_nothing(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """After a takeover the result of the first claim is refused."""
        session_id = _owe(store, "shop")
        (stale,) = queue.claim(now=START, lease=_LEASE, limit=10)
        current = queue.claim(now=START + _LEASE, lease=_LEASE, limit=10)

        settled = queue.settle(stale, _delivered())

        assert not settled
        assert queue.of_session(session_id) == current
        assert queue.settle(current[0], _delivered())

    def test_a_result_is_written_once(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Nothing changes a delivery whose state is final."""
        session_id = _owe(store, "shop")
        (claimed,) = queue.claim(now=START, lease=_LEASE, limit=10)
        queue.settle(claimed, _delivered())
        expired = DeliveryResult(state=DeliveryState.EXPIRED, at=START)

        settled = queue.settle(claimed, expired)

        assert not settled
        assert queue.of_session(session_id) == (_delivered().applied_to(claimed),)

    def test_what_was_never_owed_is_not_settled(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A result for a delivery that the queue does not have is refused."""
        session_id = _owe(store, "shop")
        claimed = queue.claim(now=START, lease=_LEASE, limit=10)
        unknown = dataclasses.replace(claimed[0], id=claimed[0].id + 1000)

        assert not queue.settle(unknown, _delivered())
        assert queue.of_session(session_id) == claimed

    def test_only_the_delivery_itself_is_settled(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """The result for one client says nothing about another."""
        session_id = _owe(store, "first", "second")
        first, second = queue.claim(now=START, lease=_LEASE, limit=10)

        queue.settle(first, _delivered())

        assert queue.of_session(session_id)[1] == second

    def test_deliveries_of_a_session_come_by_id(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """The order stays, whatever happens to them; other sessions are not mixed in."""
        session_id = _owe(store, "first", "second", "third")
        _owe(store, "other")
        (claimed,) = queue.claim(now=START, lease=_LEASE, limit=1)
        queue.settle(claimed, _delivered())

        found = queue.of_session(session_id)

        assert [each.client_id for each in found] == ["first", "second", "third"]
        assert sorted(each.id for each in found) == [each.id for each in found]

    def test_nothing_is_due_next(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """What has a final state is not due any more."""
        _owe(store, "shop")
        (claimed,) = queue.claim(now=START, lease=_LEASE, limit=1)
        queue.settle(claimed, _delivered())

        assert queue.next_due_at() is None

    def test_the_earliest_is_due_next(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """The next instant is that of the pending delivery that waits longest."""
        _owe(store, "later", at=START + _LEASE)
        _owe(store, "sooner", at=START + _TICK)

        assert queue.next_due_at() == START + _TICK

    def test_a_claimed_delivery_is_due_after_its_lease(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A claim is not an end: somebody must look again when it is over."""
        _owe(store, "shop")
        queue.claim(now=START, lease=_LEASE, limit=1)

        assert queue.next_due_at() == START + _LEASE

    @pytest.mark.parametrize("attempt", range(25))
    def test_nothing_is_claimed_twice(
        self, store: SessionStore, queue: DeliveryQueue, attempt: int
    ) -> None:
        """Concurrent claims never share a delivery."""
        _owe(store, "first", "second", "third")
        claim = partial(queue.claim, now=START, lease=_LEASE, limit=2)

        claims = together([claim] * 4)

        taken = [each.id for claimed in claims for each in claimed]
        assert len(taken) == len(set(taken))
