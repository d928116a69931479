"""What it costs to begin a session, and to add a client to it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from contextlib import ExitStack

import sqlalchemy as sa

from ..comparing import above_bare
from ..comparing import BARE
from ..comparing import OURS
from ..measuring import interleaved
from ..measuring import Rounds
from ..peers.django_peer import django_app
from ..peers.flask_peers import bare_app
from ..peers.flask_session_peer import flask_session_app
from ..peers.floors import core_floor
from ..peers.ours import our_app
from ..places import Bench
from ..places import DATABASE_NAMES
from ..places import UnavailableError
from ..results import NotMeasured
from ..results import Outcome
from ..results import Result
from ..wsgi import Application
from ..wsgi import Browser

__all__ = ["add_client", "sign_in"]

_PEER = "Flask-Session"
_CORE = "floor: SQLAlchemy Core"
_DJANGO = "Django sessions"
_SIGN_IN_GOALS = {"sqlite": 0.35, "postgres": 0.30}
_CLIENT_GOALS = {"sqlite": 0.30, "postgres": 0.45}
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_NOTE = (
    "Time above the same request to a bare Flask app. Everybody's SQLite has"
    " `journal_mode = WAL` and `synchronous = FULL`, as our store sets them, so that"
    " nothing that was answered is lost with the power; PostgreSQL has"
    " `synchronous_commit` as it is installed."
)


def sign_in(bench: Bench) -> Sequence[Outcome]:
    """A browser without a cookie signs in."""
    outcomes: list[Outcome] = []

    for name, goal in _SIGN_IN_GOALS.items():
        work = f"sign in, {DATABASE_NAMES[name]}"

        try:
            outcomes += _signing_in(bench, name, work=work, goal=goal)
        except UnavailableError as missing:
            outcomes.append(NotMeasured(work=work, reason=str(missing)))

    return outcomes


def add_client(bench: Bench) -> Sequence[Outcome]:
    """A client joins a session, for the first time and once more."""
    outcomes: list[Outcome] = []

    for name, goal in _CLIENT_GOALS.items():
        work = f"add a client, {DATABASE_NAMES[name]}"

        try:
            outcomes += _adding(bench, name, work=work, goal=goal)
        except UnavailableError as missing:
            outcomes.append(NotMeasured(work=work, reason=str(missing)))

    return outcomes


def _signing_in(bench: Bench, name: str, *, work: str, goal: float) -> list[Result]:
    with ExitStack() as stack:
        engine = stack.enter_context(bench.engine(name))
        url = stack.enter_context(bench.database(name))
        apps: dict[str, Application] = {
            BARE: bare_app(),
            OURS: our_app(engine),
            _PEER: flask_session_app(url),
            _CORE: core_floor(url),
        }
        bares = {}

        if name == "sqlite":
            bare, sessions = django_app(bench.directory / "django.sqlite")
            apps |= {"bare Django": bare, _DJANGO: sessions}
            bares = {_DJANGO: "bare Django"}

        rounds = interleaved(
            {name: _login(app) for name, app in apps.items()},
            rounds=bench.few(7, quick=3),
            calls=2,
            turns=bench.few(60, quick=40),
        )

    names = [each for each in (_PEER, _DJANGO, _CORE) if each in apps]

    return above_bare(
        rounds, names, work=work, at_most={_PEER: goal}, bares=bares, note=_NOTE
    )


def _login(app: Application) -> Callable[[], object]:
    return lambda: Browser(app).request("/login", method="POST")


def _adding(bench: Bench, name: str, *, work: str, goal: float) -> list[Result]:
    with bench.engine(name) as engine, bench.database(name) as url:
        apps = {
            BARE: bare_app(),
            OURS: our_app(engine),
            _PEER: flask_session_app(url),
        }
        new = _rounds(bench, apps, _joining_anew)
        known = _rounds(bench, apps, _joining_again)
        writes = _writes_of(engine, apps[OURS])

    return [
        *above_bare(new, [_PEER], work=f"{work}: new", at_most={_PEER: goal}),
        *above_bare(known, [_PEER], work=f"{work}: known", at_most={}),
        Result(
            work=f"{work}: known, statements that write",
            ours=writes,
            unit="",
            at_most=0,
            is_absolute=True,
        ),
    ]


def _rounds(
    bench: Bench,
    apps: Mapping[str, Application],
    prepared: Callable[[Application, int], Callable[[], object]],
) -> Rounds:
    rounds, calls, turns = bench.few(5, quick=3), 4, bench.few(20, quick=10)
    # One turn is to warm up.
    most = calls * (1 + turns * rounds)

    return interleaved(
        {name: prepared(app, most) for name, app in apps.items()},
        rounds=rounds,
        calls=calls,
        turns=turns,
    )


def _joining_anew(app: Application, count: int) -> Callable[[], object]:
    # Each call is the first client of another session, made beforehand.
    browsers = iter([_signed_in(app) for _ in range(count)])

    return lambda: next(browsers).request("/join/shop", method="POST")


def _joining_again(app: Application, _count: int) -> Callable[[], object]:
    browser = _signed_in(app)
    browser.request("/join/shop", method="POST")

    return lambda: browser.request("/join/shop", method="POST")


def _signed_in(app: Application) -> Browser:
    browser = Browser(app)
    browser.request("/login", method="POST")

    return browser


def _writes_of(engine: sa.Engine, app: Application) -> int:
    join = _joining_again(app, 1)

    with _statements(engine) as seen:
        join()

    return sum(each.lstrip().upper().startswith(_WRITES) for each in seen)


@contextmanager
def _statements(engine: sa.Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)
