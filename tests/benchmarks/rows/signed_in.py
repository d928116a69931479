"""What a request of a signed-in user costs above one to an app that knows nobody."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import ExitStack

from ..comparing import above_bare
from ..comparing import BARE
from ..comparing import OURS
from ..measuring import interleaved
from ..peers.django_peer import django_app
from ..peers.flask_peers import bare_app
from ..peers.flask_peers import flask_login_app
from ..peers.flask_peers import signed_cookie_app
from ..peers.flask_session_peer import flask_session_app
from ..peers.flask_session_peer import flask_session_on_redis
from ..peers.floors import core_floor
from ..peers.floors import sqlite_floor
from ..peers.ours import cached
from ..peers.ours import our_app
from ..peers.texts import SUBJECT
from ..places import Bench
from ..places import DATABASE_NAMES
from ..places import UnavailableError
from ..results import NotMeasured
from ..results import Outcome
from ..wsgi import Application
from ..wsgi import Browser

__all__ = ["elsewhere", "on_sqlite"]

_COOKIE = "Flask's signed cookie"
_READ_ONLY = "Flask-Session, read-only"
_SHIPPED = "Flask-Session, as shipped"
_DJANGO = "Django sessions"
_CORE = "floor: SQLAlchemy Core"
_RAW = "floor: sqlite3"
#: So many users take turns: of fewer sessions a process remembers what is in them.
_USERS = 1_200
_NOTE = (
    "Processor time above the same request to a bare Flask app, each app called as"
    " WSGI in one process; Django's above bare Django."
    " All sessions but those of the signed cookie and of Flask-Login are in SQLite,"
    " with a write-ahead log."
    f" {_USERS:,} users take turns, so that no process knows a session from before;"
    " who loads a page with what is on it asks several times in a row."
)
_NOTE_ELSEWHERE = (
    "Time above the same request to a bare Flask app, with the server on the same"
    " machine; behind Redis our sessions are in SQLite."
)
_GOALS = {"postgres": 0.33, "mariadb": 0.50}
_REDIS_GOAL = 1.25


def on_sqlite(bench: Bench) -> Sequence[Outcome]:
    """Everybody, with sessions in SQLite where they store any."""
    with ExitStack() as stack:
        engine = stack.enter_context(bench.engine("sqlite"))
        urls = [stack.enter_context(bench.database("sqlite")) for _ in range(3)]
        bare_django, with_sessions = django_app(bench.directory / "django.sqlite")
        apps: dict[str, Application] = {
            BARE: bare_app(),
            OURS: our_app(engine),
            _COOKIE: signed_cookie_app(),
            "Flask-Login": flask_login_app(),
            _READ_ONLY: flask_session_app(urls[0], is_read_only=True),
            _SHIPPED: flask_session_app(urls[1]),
            "bare Django": bare_django,
            _DJANGO: with_sessions,
            _RAW: sqlite_floor(bench.directory / "floor.sqlite"),
            _CORE: core_floor(urls[2]),
        }
        rounds = interleaved(
            {name: _in_turns(app) for name, app in apps.items()},
            rounds=bench.few(7, quick=3),
            calls=bench.few(80, quick=40),
            clock=time.process_time,
        )
        in_a_row = interleaved(
            {name: _signed_in(apps[name]) for name in (BARE, OURS, _COOKIE)},
            rounds=bench.few(7, quick=3),
            calls=bench.few(80, quick=40),
            clock=time.process_time,
        )

    return [
        *above_bare(
            rounds,
            [_COOKIE, "Flask-Login", _READ_ONLY, _SHIPPED, _DJANGO, _RAW, _CORE],
            work="a request of a signed-in user, SQLite",
            at_most={_COOKIE: 1.0},
            bares={_DJANGO: "bare Django"},
            note=_NOTE,
        ),
        *above_bare(
            in_a_row,
            [_COOKIE],
            work="the next request of the same user, SQLite",
            at_most={_COOKIE: 1.0},
            note=_NOTE,
        ),
    ]


def elsewhere(bench: Bench) -> Sequence[Outcome]:
    """The same with sessions in other databases, and with a cache."""
    outcomes: list[Outcome] = []

    for name, goal in _GOALS.items():
        work = f"a request of a signed-in user, {DATABASE_NAMES[name]}"

        try:
            outcomes += _on_server(bench, name, work=work, goal=goal)
        except UnavailableError as missing:
            outcomes.append(NotMeasured(work=work, reason=str(missing)))

    work = "a request of a signed-in user, Redis in front"

    try:
        outcomes += _behind_redis(bench, work=work)
    except UnavailableError as missing:
        outcomes.append(NotMeasured(work=work, reason=str(missing)))

    return outcomes


def _on_server(bench: Bench, name: str, *, work: str, goal: float) -> list[Outcome]:
    with bench.engine(name) as engine, bench.database(name) as url:
        return _compared(
            bench,
            {
                OURS: our_app(engine),
                _READ_ONLY: flask_session_app(url, is_read_only=True),
                _CORE: core_floor(url),
            },
            work=work,
            goal=goal,
        )


def _behind_redis(bench: Bench, *, work: str) -> list[Outcome]:
    with bench.engine("sqlite") as engine, bench.redis() as (client, prefix):
        return _compared(
            bench,
            {
                OURS: our_app(engine, wrap=cached(client, f"{prefix}ours:")),
                _READ_ONLY: flask_session_on_redis(
                    client, f"{prefix}theirs:", is_read_only=True
                ),
            },
            work=work,
            goal=_REDIS_GOAL,
        )


def _compared(
    bench: Bench, apps: dict[str, Application], *, work: str, goal: float
) -> list[Outcome]:
    everybody: dict[str, Application] = {BARE: bare_app(), **apps}
    rounds = interleaved(
        {name: _in_turns(app) for name, app in everybody.items()},
        rounds=bench.few(7, quick=3),
        calls=4,
        turns=bench.few(80, quick=60),
    )

    return [
        *above_bare(
            rounds,
            list(apps)[1:],
            work=work,
            at_most={_READ_ONLY: goal},
            note=_NOTE_ELSEWHERE,
        )
    ]


def _in_turns(app: Application) -> Callable[[], object]:
    requests = itertools.cycle([_signed_in(app) for _ in range(_USERS)])

    return lambda: next(requests)()


def _signed_in(app: Application) -> Callable[[], object]:
    browser = Browser(app)
    browser.request("/login", method="POST")
    request = browser.same_again()

    if (answer := request().decode()) != SUBJECT:
        raise RuntimeError(f"{app} answered {answer!r}")

    return request
