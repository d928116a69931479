"""The end of a hundred thousand sessions that have expired."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import datetime
from datetime import UTC
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from idp_session import LogoutReason
from idp_session.stores.sql import metadata
from idp_session.stores.sql import SqlSessionStore

from ..many_sessions import fill_expired
from ..measuring import timed
from ..peers.ours import our_app
from ..places import Bench
from ..places import DATABASE_NAMES
from ..places import UnavailableError
from ..results import NotMeasured
from ..results import Outcome
from ..results import Result
from ..wsgi import Browser

__all__ = ["sweep"]

_GOALS = {"sqlite": 0.33, "postgres": 0.06}
_CLIENTS = ("shop", "mail")
_ROUNDS = 5
#: How many sessions of a round each of the two ends.
_SWEPT, _ALONE = 2_000, 100
#: For how long requests are made beside a sweep.
_BESIDE_SECONDS = 20
_DELIVERIES = metadata.tables["idp_session_deliveries"]
_NOTE = (
    "Taken in rounds, in a table of so many. Each session has two clients, which are owed word of its end in the same"
    " transaction. One by one, each session is found and ended in a transaction of its"
    " own. The time of a sweep includes the pauses that it makes for others. Beside it"
    " are requests of another process than the one that sweeps."
)


def sweep(bench: Bench) -> Sequence[Outcome]:
    """On each database that is there."""
    outcomes: list[Outcome] = []

    for store, goal in _GOALS.items():
        title = DATABASE_NAMES[store]

        try:
            with bench.engine(store) as engine:
                outcomes += _measured(bench, engine, title=title, goal=goal)
        except UnavailableError as missing:
            work = f"sweep expired sessions, {title}"
            outcomes.append(NotMeasured(work=work, reason=str(missing)))

    return outcomes


def _measured(
    bench: Bench, engine: sa.Engine, *, title: str, goal: float
) -> list[Outcome]:
    count = bench.few(100_000, quick=20_000)
    fill_expired(engine, count, client_ids=_CLIENTS)
    app = our_app(engine)
    ours: list[float] = []
    theirs: list[float] = []

    transactions: list[float] = []

    for _ in range(_ROUNDS):
        with _transactions(engine, transactions):
            ours.append(_swept(app, _SWEPT))

        theirs.append(_one_by_one(engine, _ALONE))

    _check_owed(engine, _ROUNDS * (_SWEPT + _ALONE))
    slower = _slower(app, engine, bench.directory / f"sweeping-{title}")
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]

    return [
        Result(
            work=f"sweep {count:,} expired sessions, per session, {title}",
            ours=statistics.median(ours) * 1e6,
            unit="µs",
            against="one by one",
            theirs=statistics.median(theirs) * 1e6,
            at_most=goal,
            spread=(min(ratios), max(ratios)),
            note=_NOTE,
        ),
        Result(
            work=f"its longest transaction, {title}",
            ours=max(transactions) * 1e3,
            unit="ms",
            at_most=150,
            is_absolute=True,
        ),
        *(
            Result(
                work=f"{what} beside it, {title}",
                ours=during * 1e3,
                unit="ms",
                against="the same without",
                theirs=without * 1e3,
                at_most=2,
            )
            for what, (during, without) in slower.items()
        ),
    ]


def _swept(app: Flask, count: int) -> float:
    service = app.extensions["idp_session"].sweep
    began_at = time.perf_counter()
    ended = service.run_once(limit=count)

    return (time.perf_counter() - began_at) / _all(ended, count)


def _one_by_one(engine: sa.Engine, count: int) -> float:
    store, now = SqlSessionStore(engine), datetime.now(UTC)
    began_at = time.perf_counter()
    ended = [
        store.end(
            session.session_id,
            reason=LogoutReason.IDLE_TIMEOUT,
            ended_at=now,
            expired_at=now,
        )
        for session in store.find_expired(now, limit=count)
    ]

    return (time.perf_counter() - began_at) / _all(
        len(ended) - ended.count(None), count
    )


def _all(ended: int, count: int) -> int:
    if ended != count:
        raise RuntimeError(f"{ended} of {count} sessions have ended")

    return count


def _check_owed(engine: sa.Engine, count: int) -> None:
    with engine.connect() as connection:
        owed = connection.scalar(sa.select(sa.func.count()).select_from(_DELIVERIES))

    _all(owed or 0, count * len(_CLIENTS))


@contextmanager
def _transactions(engine: sa.Engine, taken: list[float]) -> Iterator[None]:
    """Note how long each transaction took, while this lasts."""
    began_at = 0.0

    def begin(_: sa.Connection) -> None:
        nonlocal began_at
        began_at = time.perf_counter()

    def commit(_: sa.Connection) -> None:
        taken.append(time.perf_counter() - began_at)

    sa.event.listen(engine, "begin", begin)
    sa.event.listen(engine, "commit", commit)
    yield
    sa.event.remove(engine, "begin", begin)
    sa.event.remove(engine, "commit", commit)


def _slower(
    app: Flask, engine: sa.Engine, ready: Path
) -> dict[str, tuple[float, float]]:
    """What requests take while another process sweeps, and what they take after."""
    browser = Browser(app)
    browser.request("/login", method="POST")
    requests: dict[str, Callable[[], object]] = {
        "a request of a signed-in user": browser.same_again(),
        "a sign-in": lambda: Browser(app).request("/login", method="POST"),
    }
    process = _sweeper(engine, ready)

    try:
        while not ready.exists():
            if process.poll() is not None:
                raise RuntimeError("the sweep was none")

            time.sleep(0.01)

        during = _timed(requests, until=lambda: process.poll() is not None)
    finally:
        process.kill()
        process.wait()

    without = _timed(requests, until=lambda: False)

    return {
        name: (statistics.median(during[name]), statistics.median(without[name]))
        for name in requests
    }


def _timed(
    requests: Mapping[str, Callable[[], object]], *, until: Callable[[], bool]
) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in requests}
    give_up_at = time.monotonic() + _BESIDE_SECONDS

    while time.monotonic() < give_up_at and not until():
        for name, call in requests.items():
            taken[name].append(timed(call))

    return taken


def _sweeper(engine: sa.Engine, ready: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "flask",
            "--app",
            "tests.benchmarks.sweeping",
            "idp-session",
            "sweep",
        ],
        env={
            **os.environ,
            "BENCH_DATABASE": engine.url.render_as_string(hide_password=False),
            "BENCH_READY": str(ready),
        },
        stdout=subprocess.DEVNULL,
    )
