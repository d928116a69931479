"""Every second a process is killed, and every client hears of every logout."""

from __future__ import annotations

import itertools
import os
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
import trustme
from joserfc import jwt
from joserfc.jwk import KeySet

from idp_session.models import Delivery
from idp_session.models import DeliveryState
from idp_session.stores.sql import SqlDeliveryQueue
from tests.sample.processes import Running
from tests.sample.processes import wait_until

from .ledger import Told
from .nuisances import Crowd
from .nuisances import crowd
from .nuisances import RETRY_AFTER
from .processes import Browser
from .processes import is_ready
from .processes import Processes
from .processes import wait_until_ready

pytestmark = [pytest.mark.soak, pytest.mark.process, pytest.mark.timeout(300)]

#: For how long processes are killed, in seconds.
CHAOS = 30
#: How long a session waits for the next one, in seconds.
PAUSE = 0.5
#: How many browsers begin and end sessions.
BROWSERS = 2
#: How often it is the provider who is killed.
PROVIDER_SHARE = 0.1
#: Long enough for an answer to arrive in time when the machine is busy, in seconds.
TIMEOUT = 4
LEASE = 10
LIFETIME = 45
#: Of a lease, what may have passed when a request is there, in seconds. Processes
#: that start keep the machine busy, and it may do something else for a while.
LATE = 7
#: How long a client takes to notice that the provider has gone, in seconds. Here all
#: of them share one interpreter.
NOTICED = 1
#: A result that nobody who is killed can keep from being written down.
FINAL_STATUSES = {200, 204, 302, 400, 404}


@dataclass
class Run:
    """What was done to the provider."""

    processes: Processes
    chance: random.Random
    stop: threading.Event = field(default_factory=threading.Event)
    ended: list[str] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def browse(self) -> None:
        """Begin and end sessions, whoever is killed in the middle."""
        while not self.stop.is_set():
            browser = Browser(self.processes.issuer)
            begun = _patiently(browser.begin, self.stop, once=True)
            self.stop.wait(PAUSE)

            # A session whose beginning was broken off may be there, but never ends.
            if begun is not None and _patiently(browser.end, threading.Event()) == "":
                self.ended.append(begun)

    def kill_one(self, alive: dict[str, Running]) -> None:
        """Kill one of those that work, now and then the provider, and start it again."""
        workers = self.chance.sample(["first", "second"], 2)
        is_provider = self.chance.random() < PROVIDER_SHARE
        wanted = ["provider"] if is_provider else workers
        ready = [name for name in wanted if is_ready(alive[name])]

        if not ready:
            return

        name = ready[0]
        alive[name].kill()
        self.kills.append(time.time())
        self.counts[name] += 1
        alive[name] = _START[name](self.processes)


_START: dict[str, Callable[[Processes], Running]] = {
    "provider": Processes.provider,
    "first": Processes.worker,
    "second": Processes.worker,
}


def _patiently(
    ask: Callable[[], str | None], stop: threading.Event, *, once: bool = False
) -> str | None:
    """Ask until there is an answer, which is ``""`` where there is nothing to say."""
    while not stop.is_set():
        try:
            return ask() or ""
        except requests.RequestException:
            time.sleep(0.2)

            if once:
                return None

    return None


def _spread_chaos(run: Run, the_crowd: Crowd) -> dict[str, object]:
    """Begin, end and kill for half a minute; returns the published keys."""
    alive = {name: begin(run.processes) for name, begin in _START.items()}
    wait_until_ready(*alive.values())
    keys: dict[str, object] = requests.get(
        f"{run.processes.issuer}/keys", timeout=60
    ).json()
    browsers = [threading.Thread(target=run.browse) for _ in range(BROWSERS)]
    begun_at = time.monotonic()

    for each in browsers:
        each.start()

    for second in range(CHAOS):
        time.sleep(max(0, begun_at + second + 1 - time.monotonic()))
        run.kill_one(alive)

        if second == CHAOS // 2:
            the_crowd.come_up()

    run.stop.set()

    for each in browsers:
        each.join()

    return keys


def _has_settled(queue: SqlDeliveryQueue) -> bool:
    return queue.backlog(at_most=1).pending == 0


@pytest.mark.parametrize(
    ("database", "sender"),
    [("sqlite", "curl"), ("postgres", "requests")],
    indirect=["database"],
)
def test_nothing_is_lost(
    database: sa.Engine,
    sender: str,
    tmp_path: Path,
    make_processes: Callable[..., Processes],
) -> None:
    """Whoever is killed, each client hears of each logout, and its delivery ends right."""
    seed = os.environ.get("IDP_SESSION_TEST_SEED") or str(secrets.randbits(32))
    print(f"\nIDP_SESSION_TEST_SEED={seed}")  # noqa: T201
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    queue = SqlDeliveryQueue(database)

    with crowd(authority) as the_crowd:
        processes = make_processes(
            database.url,
            the_crowd.uris,
            delivery_sender=sender,
            delivery_ca_file=str(tmp_path / "ca.pem"),
            delivery_lease=LEASE,
            delivery_timeout=TIMEOUT,
            delivery_connect_timeout=1,
            delivery_retry_after=0.5,
            delivery_retry_at_most_after=4,
            delivery_lifetime=LIFETIME,
            delivery_poll_interval=0.5,
            sweep_interval=2,
        )
        run = Run(processes, random.Random(seed))  # noqa: S311 - it can be repeated
        began_at = time.monotonic()
        keys = _spread_chaos(run, the_crowd)
        wait_until(lambda: _has_settled(queue), 2 * LIFETIME)
        took = time.monotonic() - began_at
        processes.close()

    owed = {sid: queue.of_session(sid) for sid in run.ended}
    requested = the_crowd.ledger.by_delivery()
    repeated = sum(
        1
        for several in requested.values()
        for one, _ in itertools.pairwise(several)
        if one.status in FINAL_STATUSES
    )
    print(  # noqa: T201
        f"{database.dialect.name}, {sender}: {len(run.ended)} sessions,"
        f" {len(run.ended) * len(the_crowd.uris)} deliveries,"
        f" {len(the_crowd.ledger.told)} requests, of which {repeated} repeated an"
        f" answered one, {dict(run.counts)} killed, {took:.0f} s"
    )
    assert len(run.ended) >= CHAOS / 2
    assert the_crowd.canary.connections == 0
    _check_states(owed, the_crowd)
    _check_everybody_was_told(run, the_crowd)
    _check_tokens(the_crowd, keys, processes.issuer)

    for delivery in itertools.chain.from_iterable(owed.values()):
        told = requested.get((delivery.client_id, delivery.session_id), [])
        _check_no_overlap(told)
        _check_repetitions(told, run.kills)
        _check_silence_after_the_end(told, delivery)


def _check_states(owed: dict[str, tuple[Delivery, ...]], the_crowd: Crowd) -> None:
    """Each session owes each client one delivery, whose state is that of its kind."""
    for session_id, deliveries in owed.items():
        found = [(each.client_id, each.state) for each in deliveries]
        assert sorted(found) == sorted(the_crowd.states.items()), session_id


def _check_everybody_was_told(run: Run, the_crowd: Crowd) -> None:
    """Each client that could be told has taken word of each session."""
    for client_id, state in the_crowd.states.items():
        taken = {
            told.session_id
            for told in the_crowd.ledger.told
            if told.client_id == client_id and told.status in {200, 204}
        }
        assert state is not DeliveryState.DELIVERED or taken >= {*run.ended}, client_id


def _check_tokens(the_crowd: Crowd, keys: dict[str, object], issuer: str) -> None:
    """Each request had a token of its own, which its client can verify."""
    told = the_crowd.ledger.told
    key_set = KeySet.import_key_set(keys)  # type: ignore[arg-type]
    assert len({each.jti for each in told}) == len(told)

    for each in told:
        token = jwt.decode(each.token, key_set, algorithms=["ES256"])
        claims = token.claims
        assert token.header["typ"] == "logout+jwt"
        assert (claims["iss"], claims["aud"]) == (issuer, each.client_id)
        assert claims["iat"] <= each.began_at < claims["exp"]
        assert claims["exp"] - claims["iat"] == 120


def _check_no_overlap(told: list[Told]) -> None:
    """While a lease holds, nobody else sends the delivery."""
    for one, next_one in itertools.pairwise(told):
        assert one.ended_at is not None
        until = min(one.ended_at - NOTICED, one.began_at + LEASE - LATE)
        assert next_one.began_at >= until, (one, next_one)

        if one.client_id == "overloaded":
            assert next_one.began_at >= one.ended_at + RETRY_AFTER - 0.1


def _check_repetitions(told: list[Told], kills: list[float]) -> None:
    """An answer is asked for again only if who got it was killed, and a lease later."""
    for one, next_one in itertools.pairwise(told):
        if one.status in FINAL_STATUSES:
            assert any(one.began_at <= kill < next_one.began_at for kill in kills), one
            assert next_one.began_at >= one.began_at + LEASE - LATE, one


def _check_silence_after_the_end(told: list[Told], delivery: Delivery) -> None:
    """Once a final state is written down, nothing is sent."""
    assert delivery.finished_at is not None
    assert all(each.began_at <= delivery.finished_at.timestamp() for each in told)
