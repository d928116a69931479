"""Word of sessions, within a process and through Redis."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from idp_session.adapters.broadcast import LocalBroadcast
from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.redis_broadcast import RedisBroadcast
from idp_session.adapters.session_messages import SessionMessages
from idp_session.errors import ConfigurationError
from idp_session.models import LogoutReason
from idp_session.models import SessionEvent
from idp_session.models import SessionEventKind

from ..services import unavailable
from .listening import changed
from .listening import Ear
from .listening import ended

URL = os.environ.get("IDP_SESSION_TEST_REDIS", "redis://127.0.0.1:6379/")
NOWHERE = "redis://127.0.0.1:1/"
PROTECTOR = AesGcmTicketProtector("a secret that is only good for tests")
STRANGER = AesGcmTicketProtector("a secret that somebody else has made up")

Make = Callable[..., RedisBroadcast]


@pytest.fixture(scope="module")
def server() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(URL) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            unavailable("redis", f"it does not answer: {type(error).__name__}")

        yield client


@pytest.fixture
def channel() -> str:
    return f"idp_session_test_{secrets.token_hex(6)}"


@pytest.fixture
def make(server: redis.Redis, channel: str) -> Iterator[Make]:
    """Makes nodes that share a channel of this test's own."""
    made: list[RedisBroadcast] = []
    clients: list[redis.Redis] = []

    def make(protector: AesGcmTicketProtector = PROTECTOR) -> RedisBroadcast:
        clients.append(
            redis.Redis.from_url(URL, socket_timeout=20, client_name=channel)
        )
        made.append(RedisBroadcast(clients[-1], protector=protector, channel=channel))

        return made[-1]

    yield make

    for broadcast in made:
        broadcast.stop()
    for broadcast in made:
        wait_until(lambda broadcast=broadcast: broadcast._loop._thread is None)  # type: ignore[misc]
    for client in clients:
        client.close()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30

    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def listening(broadcast: RedisBroadcast) -> Ear:
    """Somebody who hears everything from now on."""
    ear = Ear()
    broadcast.subscribe(ear)
    assert ear.wait_until(lambda: ear.misses > 0)

    return ear


def interrupt(server: redis.Redis, name: str) -> None:
    """What subscribers of that name see of a restart."""
    for client in server.client_list(_type="pubsub"):
        if client["name"] == name:
            server.client_kill_filter(_id=client["id"])


def test_listeners_of_one_process() -> None:
    """Everybody is told once, however often they have subscribed, until the stop."""
    broadcast = LocalBroadcast()
    ears = Ear(), Ear()
    for ear in (*ears, ears[0]):
        broadcast.subscribe(ear)

    broadcast.publish(changed())
    broadcast.stop()
    broadcast.publish(changed())

    assert [ear.events for ear in ears] == [[changed()], [changed()]]


class TestMessages:
    """What goes through Redis."""

    MESSAGES = SessionMessages(PROTECTOR, place="here")

    @pytest.mark.parametrize(
        "event",
        [
            pytest.param(changed(), id="changed"),
            pytest.param(ended(), id="ended"),
            pytest.param(
                SessionEvent(
                    session_id="ä",
                    kind=SessionEventKind.ENDED,
                    reason=LogoutReason.EVICTED,
                ),
                id="ended for a reason",
            ),
        ],
    )
    def test_they_are_read_as_they_were_written(self, event: SessionEvent) -> None:
        """Another node reads the event and who has said it, and nobody else can."""
        message = self.MESSAGES.write(event, sender="me")

        assert self.MESSAGES.read(message) == (event, "me")
        assert event.session_id.encode() not in base64.b64decode(message)

    @pytest.mark.parametrize(
        "said",
        [
            pytest.param([], id="list"),
            pytest.param({}, id="nothing"),
            pytest.param({"kind": "odd"}, id="unknown kind"),
            pytest.param({"reason": "odd"}, id="unknown reason"),
            pytest.param({"kind": []}, id="kind of another type"),
            pytest.param({"more": 1}, id="unknown member"),
        ],
    )
    def test_what_another_version_says_is_ignored(self, said: Any) -> None:
        """A sealed message of another shape is not guessed at."""
        usual = {"sender": "x", "session_id": "sid", "kind": "ended", "reason": None}
        shape = usual | said if said else said
        sealed = PROTECTOR.seal(
            json.dumps(shape).encode(), purpose="session-event", context="here"
        )

        assert self.MESSAGES.read(base64.b64encode(sealed)) is None

    @pytest.mark.parametrize(
        "message",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"\xff\xfe", id="not base64"),
            pytest.param(b"AAAA", id="not sealed"),
            pytest.param(b"A" * 5000, id="too long"),
            pytest.param(
                json.dumps(
                    {"sender": "", "session_id": "s", "kind": "ended", "reason": None}
                ).encode(),
                id="plain JSON",
            ),
            pytest.param(
                SessionMessages(STRANGER, place="here").write(ended(), sender="x"),
                id="sealed by somebody else",
            ),
            pytest.param(
                SessionMessages(PROTECTOR, place="there").write(ended(), sender="x"),
                id="made for elsewhere",
            ),
        ],
    )
    def test_what_is_not_ours_is_ignored(self, message: bytes) -> None:
        """Whoever can write to Redis but has no key says nothing."""
        assert self.MESSAGES.read(message) is None


class TestRedis:
    """Several nodes over one Redis."""

    def test_everybody_hears_once(self, make: Make) -> None:
        """Here at once, there soon, and one's own echo is not heard."""
        here, there = make(), make()
        near, far = listening(here), listening(there)

        here.publish(changed())
        heard_at_once = list(near.events)
        assert far.wait_until(lambda: far.events != [])
        there.publish(ended())
        assert near.wait_until(lambda: len(near.events) > 1)
        time.sleep(0.1)

        assert heard_at_once == [changed()]
        assert near.events == far.events == [changed(), ended()]

    def test_garbage_is_survived(
        self, make: Make, server: redis.Redis, channel: str
    ) -> None:
        """After messages of strangers the next one of ours is heard."""
        here, there = make(), make()
        ear = listening(there)

        server.publish(channel, b"\xff\x00{}")
        make(STRANGER).publish(ended())
        here.publish(changed())

        assert ear.wait_until(lambda: ear.events != [])
        assert ear.events == [changed()]

    def test_a_restart_of_redis(
        self, make: Make, server: redis.Redis, channel: str
    ) -> None:
        """Whoever was cut off is told that word may be lost, and hears again."""
        here, there = make(), make()
        ear = listening(there)

        interrupt(server, channel)

        assert ear.wait_until(lambda: ear.misses > 1)
        here.publish(changed())
        assert ear.wait_until(lambda: ear.events != [])

    def test_redis_is_not_there(self, caplog: pytest.LogCaptureFixture) -> None:
        """One's own channels hear it, the failure is logged once, and nobody waits."""
        broadcast = RedisBroadcast.from_url(NOWHERE, protector=PROTECTOR)
        ear = Ear()
        broadcast.subscribe(ear)

        began = time.monotonic()
        for _ in range(100):
            broadcast.publish(changed())
        took = time.monotonic() - began

        assert len(ear.events) == 100
        assert took < 20
        assert caplog.text.count("other nodes were not told") == 1
        wait_until(lambda: "no word from other nodes" in caplog.text)
        wait_until(lambda: broadcast._failures > 2)
        assert caplog.text.count("no word from other nodes") == 1
        broadcast.stop()

    def test_a_connection_that_is_dead_without_saying_so(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who hears nothing asks, and who gets no answer connects again."""
        monkeypatch.setattr("idp_session.adapters.redis_broadcast._PING_AFTER", 0.0)
        monkeypatch.setattr("idp_session.adapters.redis_broadcast._DEAD_AFTER", -1.0)
        broadcast = make()
        ear = Ear()

        broadcast.subscribe(ear)

        assert ear.wait_until(lambda: ear.misses > 1)

    def test_a_quiet_connection_is_kept(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The answer to the question is a sign of life."""
        monkeypatch.setattr("idp_session.adapters.redis_broadcast._TIMEOUT", 0.05)
        monkeypatch.setattr("idp_session.adapters.redis_broadcast._PING_AFTER", 0.1)
        monkeypatch.setattr("idp_session.adapters.redis_broadcast._DEAD_AFTER", 3.0)
        broadcast = make()
        ear = listening(broadcast)

        time.sleep(4)

        assert ear.misses == 1

    def test_a_child_process_has_another_name(self, make: Make) -> None:
        """Forked workers hear each other although one made the broadcast for all."""
        broadcast = make()
        ear = listening(broadcast)

        child = os.fork()
        if child == 0:  # pragma: no cover - in another process
            broadcast.publish(changed())
            os._exit(0)

        os.waitpid(child, 0)
        assert ear.wait_until(lambda: ear.events != [])
        assert ear.events == [changed()]

    def test_a_client_that_decodes_is_refused(self) -> None:
        """What is no text must not break whoever listens."""
        client = redis.Redis.from_url(NOWHERE, decode_responses=True)

        with pytest.raises(ConfigurationError, match="decode_responses"):
            RedisBroadcast(client, protector=PROTECTOR)

    def test_a_url_that_is_none_is_refused(self) -> None:
        """The message names the setting and does not repeat the URL."""
        with pytest.raises(ConfigurationError, match="BROADCAST_URL") as caught:
            RedisBroadcast.from_url("amqp://:hidden@redis", protector=PROTECTOR)

        assert "hidden" not in str(caught.value)
