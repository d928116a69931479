"""What every session store must do when clients leave a session that goes on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import partial

import pytest

from ..models import DeliveryState
from ..models import Departure
from ..models import LogoutReason
from ..models import Participant
from ..models import ServerSideSession
from ..ports import DeliveryQueue
from ..ports import SessionStore
from .together import together
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["SessionLeavingContract"]

_LATER = START + timedelta(hours=1)


def _begin(store: SessionStore, *client_ids: str) -> ServerSideSession:
    session = make_session()
    store.create(session)

    for number, client_id in enumerate(client_ids):
        store.add_participant(
            make_participant(
                session.session_id,
                client_id=client_id,
                subject=f"at-{client_id}",
                joined_at=START + timedelta(seconds=number),
            )
        )

    return session


def _leave(
    store: SessionStore,
    session_id: str,
    *client_ids: str,
    notify: bool = True,
) -> Departure | None:
    return store.leave(
        session_id,
        client_ids=client_ids,
        reason=LogoutReason.ADMIN,
        left_at=_LATER,
        notify=notify,
    )


def _clients(participants: Collection[Participant]) -> list[str]:
    return [participant.client_id for participant in participants]


def _owed(queue: DeliveryQueue, session: ServerSideSession) -> list[str]:
    return [each.client_id for each in queue.of_session(session.session_id)]


class SessionLeavingContract:
    """Leaving a session, each client once, with what is owed for it."""

    def test_clients_leave_and_the_session_goes_on(self, store: SessionStore) -> None:
        """Those that are named take part no longer, and nothing else changes."""
        session = _begin(store, "shop", "mail", "wiki")
        shop, mail, wiki = store.participants(session.session_id)

        departure = _leave(store, session.session_id, "wiki", "shop", "nobody")

        assert departure == Departure(
            session_id=session.session_id,
            subject_id="alice",
            reason=LogoutReason.ADMIN,
            left_at=_LATER,
            participants=(shop, wiki),
        )
        assert store.get(session.key) == session
        assert store.participants(session.session_id) == (mail,)

    def test_each_that_left_is_owed_one_delivery(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A delivery is pending for each that left, due at once, and for no other."""
        session = _begin(store, "shop", "mail", "wiki")

        _leave(store, session.session_id, "shop", "wiki")

        owed = queue.of_session(session.session_id)
        assert [(each.client_id, each.subject) for each in owed] == [
            ("shop", "at-shop"),
            ("wiki", "at-wiki"),
        ]
        assert {each.state for each in owed} == {DeliveryState.PENDING}
        assert {each.reason for each in owed} == {LogoutReason.ADMIN}
        assert {(each.created_at, each.due_at) for each in owed} == {(_LATER, _LATER)}

    def test_leaving_without_notification_owes_nothing(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Whoever asks that nobody is told learns who left, and no more."""
        session = _begin(store, "shop", "mail")

        departure = _leave(store, session.session_id, "shop", notify=False)

        assert departure is not None
        assert (departure.client_ids, departure.notified) == (("shop",), False)
        assert _clients(store.participants(session.session_id)) == ["mail"]
        assert _owed(queue, session) == []

    @pytest.mark.parametrize(
        "client_ids",
        [
            pytest.param((), id="nobody"),
            pytest.param(("SHOP", "shop ", "%", ""), id="similar"),
            pytest.param(("sh\0p", "\ud800"), id="what no database holds"),
        ],
    )
    def test_who_does_not_take_part_does_not_leave(
        self, store: SessionStore, queue: DeliveryQueue, client_ids: tuple[str, ...]
    ) -> None:
        """Identifiers are compared exactly, and none of them is an error."""
        session = _begin(store, "shop")

        assert _leave(store, session.session_id, *client_ids) is None
        assert _clients(store.participants(session.session_id)) == ["shop"]
        assert _owed(queue, session) == []

    def test_nobody_leaves_an_unknown_session(self, store: SessionStore) -> None:
        """Nobody takes part in what is not there."""
        assert _leave(store, make_session().session_id, "shop") is None

    def test_nobody_leaves_an_ended_session(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """After the end there is nothing to leave, and nothing more is owed."""
        session = _begin(store, "shop")
        store.end(session.session_id, reason=LogoutReason.USER, ended_at=_LATER)

        assert _leave(store, session.session_id, "shop") is None
        assert _owed(queue, session) == ["shop"]

    def test_other_sessions_with_the_client_go_on(self, store: SessionStore) -> None:
        """To leave one session is not to leave another one of the same subject."""
        session, other = _begin(store, "shop"), _begin(store, "shop")

        _leave(store, session.session_id, "shop")

        assert _clients(store.participants(other.session_id)) == ["shop"]

    def test_the_end_is_not_for_those_that_left(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A client that has left is owed nothing when the session ends."""
        session = _begin(store, "shop", "mail")
        _leave(store, session.session_id, "shop")

        ended = store.end(session.session_id, reason=LogoutReason.USER, ended_at=_LATER)

        assert ended is not None
        assert ended.client_ids == ("mail",)
        assert _owed(queue, session) == ["shop", "mail"]

    def test_a_client_that_joins_again_is_told_again(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Each time that it takes part it is owed one delivery in the end."""
        session = _begin(store, "shop")
        again = make_participant(session.session_id, subject="again", joined_at=_LATER)
        _leave(store, session.session_id, "shop")
        store.add_participant(again)

        ended = store.end(session.session_id, reason=LogoutReason.USER, ended_at=_LATER)

        assert ended is not None
        assert ended.participants == (again,)
        owed = queue.of_session(session.session_id)
        assert [(each.subject, each.reason) for each in owed] == [
            ("at-shop", LogoutReason.ADMIN),
            ("again", LogoutReason.USER),
        ]

    def test_what_was_owed_before_a_return_stays_owed(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A client that joins again does not take back that it has to be told."""
        session = _begin(store, "shop")
        _leave(store, session.session_id, "shop")
        (owed,) = queue.of_session(session.session_id)

        store.add_participant(make_participant(session.session_id, joined_at=_LATER))

        assert queue.of_session(session.session_id) == (owed,)
        (claimed,) = queue.claim(now=_LATER, lease=timedelta(minutes=1), limit=9)
        assert claimed.id == owed.id

    @pytest.mark.parametrize("attempt", range(25))
    def test_each_participant_is_given_to_one(
        self, store: SessionStore, queue: DeliveryQueue, attempt: int
    ) -> None:
        """Of concurrent callers one gets each participant, which is owed once."""
        session = _begin(store, "shop", "mail", "wiki")
        leave = partial(_leave, store, session.session_id)

        left = together(
            [
                partial(leave, "shop", "mail"),
                partial(leave, "mail", "wiki"),
                partial(leave, "wiki", "shop"),
            ]
        )

        given = [client for each in left if each for client in each.client_ids]
        assert (
            sorted(given) == sorted(_owed(queue, session)) == ["mail", "shop", "wiki"]
        )
        assert store.participants(session.session_id) == ()
