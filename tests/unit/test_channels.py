"""Channels that are bound to sessions."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from idp_session.adapters.broadcast import LocalBroadcast
from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.models import SessionEvent
from idp_session.models import SessionEventKind
from idp_session.ports import SessionListener
from idp_session.services.channels import Channels
from idp_session.testing import START

from .listening import changed
from .listening import Ear
from .listening import ended

DATA = SessionEventKind.DATA_CHANGED
CLIENTS = SessionEventKind.CLIENTS_CHANGED
ENDED = SessionEventKind.ENDED
LONG = timedelta(hours=1)


class Sessions:
    """Which sessions there are."""

    def __init__(self) -> None:
        self.live = {"sid", "other"}
        self.asked: list[str] = []
        #: Called when somebody asks, before the answer.
        self.before: Callable[[], object] = lambda: None

    def is_live(self, session_id: str) -> bool:
        self.asked.append(session_id)
        self.before()

        return session_id in self.live


class Node:
    """One process of a provider."""

    def __init__(
        self, sessions: Sessions, broadcast: Any = None, interval: timedelta = LONG
    ) -> None:
        self.sessions = sessions
        self.channels = Channels(
            is_live=sessions.is_live,
            broadcast=broadcast or LocalBroadcast(),
            check_interval=interval,
        )

    def rest(self) -> Node:
        """Start the thread that looks for sessions, which then sleeps for an hour."""
        looks = self.sessions.asked.count("other")

        with self.channels.bind("other", Ear()):
            until = time.monotonic() + 30
            while self.sessions.asked.count("other") < looks + 2:
                assert time.monotonic() < until
                time.sleep(0.001)

        return self

    def end(self, session_id: str = "sid") -> None:
        self.sessions.live.discard(session_id)
        self.channels.ended(
            EndedSession(
                session_id=session_id,
                subject_id="alice",
                reason=LogoutReason.ADMIN,
                ended_at=START,
            )
        )


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
def node(sessions: Sessions) -> Iterator[Node]:
    """One whose thread looks for no session unasked: it would tell of an end, too."""
    node = Node(sessions).rest()
    yield node
    node.channels.stop()


def test_a_channel_hears_of_its_session_only(node: Node) -> None:
    """Each event of the session comes, in order, and none of another session."""
    ear = Ear()
    node.channels.bind("sid", ear)

    node.channels.data_changed("sid")
    node.channels.data_changed("other")
    node.channels.clients_changed("sid")

    assert ear.events == [
        SessionEvent(session_id="sid", kind=DATA),
        SessionEvent(session_id="sid", kind=CLIENTS),
    ]


def test_the_end_is_the_last_event(node: Node) -> None:
    """The end comes once, with its reason, and closes the channel."""
    ear = Ear()
    binding = node.channels.bind("sid", ear)

    node.end()
    node.end()
    node.channels.data_changed("sid")

    assert ear.events == [
        SessionEvent(session_id="sid", kind=ENDED, reason=LogoutReason.ADMIN)
    ]
    assert binding.closed
    assert node.channels.open_count == 0


def test_a_session_that_is_over_already(node: Node) -> None:
    """Whoever comes too late is told before the call returns."""
    ear = Ear()

    binding = node.channels.bind("gone", ear)

    assert ear.events == [ended("gone")]
    assert binding.closed
    assert node.channels.open_count == 0


def test_a_channel_that_is_open_hears(sessions: Sessions) -> None:
    """What happens as soon as a channel is counted comes to it."""
    open_before: list[int] = []

    class Broadcast(LocalBroadcast):
        def subscribe(self, listener: SessionListener) -> None:
            open_before.append(here.channels.open_count)
            super().subscribe(listener)

    here = Node(sessions, Broadcast())

    here.channels.bind("sid", Ear())

    assert open_before == [0]
    here.channels.stop()


def test_an_end_while_the_channel_is_bound(node: Node) -> None:
    """An end between the listing and the look at the store is told once."""
    node.sessions.before = node.end
    ear = Ear()

    node.channels.bind("sid", ear)

    assert ear.kinds == [ENDED]


@pytest.mark.parametrize("_attempt", range(25))
def test_binding_and_ending_at_once(sessions: Sessions, _attempt: int) -> None:
    """Of any number of channels bound while the session ends each hears it once."""
    node = Node(sessions)
    ears = [Ear() for _ in range(8)]
    ready = threading.Barrier(9)

    def bind(ear: Ear) -> None:
        ready.wait()
        node.channels.bind("sid", ear)

    threads = [threading.Thread(target=bind, args=(ear,)) for ear in ears]
    for thread in threads:
        thread.start()

    ready.wait()
    node.end()
    for thread in threads:
        thread.join()

    # The thread that looks for the sessions of all channels may be the one that tells.
    assert all(ear.wait_until(partial(bool, ear.events)) for ear in ears)
    assert [ear.kinds for ear in ears] == [[ENDED]] * 8
    assert node.channels.open_count == 0
    node.channels.stop()


def test_a_closed_channel_hears_nothing(node: Node) -> None:
    """After close there is no event, not even the end; closing again does nothing."""
    ear, other = Ear(), Ear()
    binding = node.channels.bind("sid", ear)
    node.channels.bind("sid", other)

    binding.close()
    binding.close()
    node.channels.data_changed("sid")
    node.end()

    assert ear.events == []
    assert other.kinds == [DATA, ENDED]


def test_a_binding_is_a_context_manager(node: Node) -> None:
    """At the end of the block the channel is closed and forgotten."""
    with node.channels.bind("sid", Ear()) as binding:
        open_before = node.channels.open_count

    assert open_before == 1
    assert binding.closed
    assert node.channels.open_count == 0
    assert node.channels._bindings == {}


def test_a_forgotten_callback_is_not_kept_alive(node: Node) -> None:
    """Once the session has ended nothing holds the callback any more."""
    ear = Ear()
    gone = weakref.ref(ear)
    node.channels.bind("sid", ear)

    node.end()
    del ear
    gc.collect()

    assert gone() is None


def test_a_callback_that_fails_disturbs_nobody(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    """Others hear the event, the logout goes on, and the failure is logged."""
    ears = Ear(), Ear()

    def fail(event: SessionEvent) -> None:
        raise ZeroDivisionError

    node.channels.bind("sid", ears[0])
    node.channels.bind("sid", fail)
    node.channels.bind("sid", ears[1])

    node.end()

    assert [ear.kinds for ear in ears] == [[ENDED], [ENDED]]
    assert "a channel of session sid failed" in caplog.text


def test_a_broadcast_that_fails_disturbs_nobody(
    sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    """A host's broadcast may raise anything, and the logout goes on."""

    class Broken(LocalBroadcast):
        def publish(self, event: SessionEvent) -> None:
            raise ZeroDivisionError

    Node(sessions, Broken()).end()

    assert "could not be broadcast" in caplog.text


def test_an_event_within_a_callback_waits_for_it(node: Node) -> None:
    """What a callback causes comes after it, not into the middle of it."""
    course: list[str] = []

    def callback(event: SessionEvent) -> None:
        course.append(f"{event.kind} begins")
        if event.kind is DATA:
            node.end()
        course.append(f"{event.kind} is over")

    node.channels.bind("sid", callback)

    node.channels.data_changed("sid")

    assert course == [
        "data_changed begins",
        "data_changed is over",
        "ended begins",
        "ended is over",
    ]


def test_closing_within_the_callback(node: Node) -> None:
    """A channel that closes itself hears nothing of what is waiting."""
    ear = Ear()

    def callback(event: SessionEvent) -> None:
        ear(event)
        node.channels.clients_changed("sid")
        binding.close()

    binding = node.channels.bind("sid", callback)

    node.channels.data_changed("sid")

    assert ear.kinds == [DATA]


def test_a_slow_callback_delays_no_other_thread(node: Node) -> None:
    """Whoever brings an event to a busy channel leaves it there and goes on."""
    entered, leave = threading.Event(), threading.Event()
    ear = Ear()

    def callback(event: SessionEvent) -> None:
        entered.set()
        leave.wait(10)
        ear(event)

    node.channels.bind("sid", callback)
    slow = threading.Thread(target=node.channels.data_changed, args=("sid",))
    slow.start()
    entered.wait(10)

    node.end()
    heard_before = list(ear.kinds)
    leave.set()
    slow.join()

    assert heard_before == []
    assert ear.kinds == [DATA, ENDED]


def test_a_store_that_fails_leaves_no_channel(node: Node) -> None:
    """Whoever cannot be bound is told so, and nothing of it stays."""

    def fail() -> None:
        raise ConnectionError("the database is down")

    node.sessions.before = fail

    with pytest.raises(ConnectionError):
        node.channels.bind("sid", Ear())

    assert node.channels.open_count == 0


def test_two_nodes_with_one_broadcast(sessions: Sessions) -> None:
    """What happens on one node is heard by the channels of the other one."""
    broadcast = LocalBroadcast()
    here, there = Node(sessions, broadcast), Node(sessions, broadcast).rest()
    ear = Ear()
    there.channels.bind("sid", ear)

    here.channels.data_changed("sid")
    here.end()

    assert ear.kinds == [DATA, ENDED]
    there.channels.stop()


def test_an_end_of_which_no_word_came(sessions: Sessions) -> None:
    """The safety net: an end is noticed although nobody said it."""
    node = Node(sessions, interval=timedelta(milliseconds=100))
    ear = Ear()
    node.channels.bind("sid", ear)

    sessions.live.clear()

    assert ear.wait_until(lambda: ear.events != [])
    assert ear.events == [ended()]
    node.channels.stop()


def test_a_store_that_fails_is_asked_again(
    sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that was away delays the safety net and does not end it."""
    node = Node(sessions, interval=timedelta(milliseconds=100))
    ear = Ear()
    failed = threading.Event()
    node.channels.bind("sid", ear)

    def fail() -> None:
        failed.set()
        raise ConnectionError("the database is down")

    sessions.before = fail
    failed.wait(10)
    sessions.before = lambda: None
    sessions.live.clear()

    assert ear.wait_until(lambda: ear.events != [])
    assert "idp_session-channels failed: ConnectionError" in caplog.text
    node.channels.stop()


def test_an_interruption_has_all_sessions_looked_for(node: Node) -> None:
    """After a time in which word may have been lost nobody waits for the interval."""
    ears = Ear(), Ear()
    node.channels.bind("sid", ears[0])
    node.channels.bind("other", ears[1])
    node.sessions.live = {"other"}

    node.channels.missed()

    assert ears[0].wait_until(lambda: ears[0].events != [])
    assert ears[0].kinds == [ENDED]
    assert ears[1].events == []


def test_no_thread_before_the_first_channel(sessions: Sessions) -> None:
    """A provider without channels has no thread for them."""
    before = set(threading.enumerate())

    node = Node(sessions)
    node.end()

    assert set(threading.enumerate()) <= before


def test_channels_go_on_after_a_stop(node: Node) -> None:
    """What was stopped starts again with the next channel."""
    ears = Ear(), Ear()
    node.channels.bind("sid", ears[0])
    node.channels.stop()
    node.channels.data_changed("sid")

    node.channels.bind("sid", ears[1])
    node.channels.data_changed("sid")

    assert [ear.kinds for ear in ears] == [[DATA], [DATA]]


def test_a_child_process_begins_anew(node: Node) -> None:
    """A forked child has none of its parent's channels, and can have its own."""
    ear = Ear()
    node.channels.bind("sid", ear)

    child = os.fork()
    if child == 0:  # pragma: no cover - in another process
        mine = Ear()
        empty = node.channels.open_count == 0
        node.channels.bind("sid", mine)
        node.end()
        mine.wait_until(lambda: mine.events != [])
        os._exit(0 if empty and mine.kinds == [ENDED] and not ear.events else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert node.channels.open_count == 1


def test_the_log_shows_no_whole_session_id(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever fails, the log has at most eight characters of a session id."""
    session_id = "0123456789abcdef"
    caplog.set_level(logging.DEBUG)
    node.sessions.live.add(session_id)

    def fail(event: SessionEvent) -> None:
        raise ZeroDivisionError

    node.channels.bind(session_id, fail)

    node.channels.heard(changed(session_id))

    assert session_id not in caplog.text
    assert session_id[:8] in caplog.text


def test_an_event_that_comes_after_the_close(node: Node) -> None:
    """Whoever was about to tell a channel that closes just then tells it nothing."""
    ear = Ear()
    binding = node.channels.bind("sid", ear)
    binding.close()

    binding.tell(changed())

    assert ear.events == []
