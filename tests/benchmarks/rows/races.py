"""What becomes of a session of which several requests want something at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextlib import ExitStack
from contextlib import suppress

from ..peers.django_peer import django_app
from ..peers.flask_session_peer import flask_session_app
from ..peers.flask_session_peer import flask_session_on_redis
from ..peers.ours import cached
from ..peers.ours import our_app
from ..peers.pausing import PAUSE
from ..peers.texts import SUBJECT
from ..places import Bench
from ..places import DATABASE_NAMES
from ..places import UnavailableError
from ..results import NotMeasured
from ..results import Outcome
from ..results import Result
from ..wsgi import Application
from ..wsgi import Browser

__all__ = ["lost_changes", "returned_sessions"]

_OURS = "ours"
_PEER = "Flask-Session"
_DJANGO = "Django sessions"
_REDIS = "redis"
_STORES = {**DATABASE_NAMES, _REDIS: "Redis in front"}
_AT_ONCE = 20

_LOST = (
    "Twenty threads add one client each to the same session; counted are those that"
    " were answered with success and are not in the session afterwards, in all"
    " repetitions."
)
_RETURNED = (
    "A request has read its session and is about to change it; in the meantime the user"
    " signs out. Counted are the sessions that open again with the cookies of before."
)


def lost_changes(bench: Bench) -> Sequence[Outcome]:
    """Twenty changes at once, on each store."""
    times = bench.few(10, quick=3)

    return _on_each_store(
        bench,
        lambda app: sum(_lost(app) for _ in range(times)),
        work=f"{_AT_ONCE} parallel changes to one session",
        unit=f"lost of {_AT_ONCE * times}",
        note=_LOST,
    )


def returned_sessions(bench: Bench) -> Sequence[Outcome]:
    """A sign-out while a request is on its way, on each store."""
    times = bench.few(25, quick=5)

    return _on_each_store(
        bench,
        lambda app: sum(_returned(app) for _ in range(times)),
        work="sign out while a request is in flight",
        unit=f"back of {times}",
        note=_RETURNED,
    )


def _on_each_store(
    bench: Bench,
    count: Callable[[Application], int],
    *,
    work: str,
    unit: str,
    note: str,
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    # Others tell at length of the requests that they refuse.
    logging.disable()

    for store, title in _STORES.items():
        try:
            with _apps(bench, store) as apps:
                counted = {name: count(app) for name, app in apps.items()}
        except UnavailableError as missing:
            outcomes.append(NotMeasured(work=f"{work}, {title}", reason=str(missing)))
            continue

        outcomes += [
            Result(
                work=f"{work}, {title}",
                ours=counted[_OURS],
                unit=unit,
                against=name,
                theirs=counted[name],
                at_most=0 if name == _PEER else None,
                is_absolute=True,
                note=note,
            )
            for name in counted
            if name != _OURS
        ]

    return outcomes


@contextmanager
def _apps(bench: Bench, store: str) -> Iterator[dict[str, Application]]:
    with ExitStack() as stack:
        if store == _REDIS:
            client, prefix = stack.enter_context(bench.redis())
            engine = stack.enter_context(bench.engine("sqlite"))
            yield {
                _OURS: our_app(engine, wrap=cached(client, f"{prefix}ours:")),
                _PEER: flask_session_on_redis(client, f"{prefix}theirs:"),
            }
            return

        url = stack.enter_context(bench.database(store))
        engine = stack.enter_context(bench.engine(store))
        apps: dict[str, Application] = {
            _OURS: our_app(engine),
            _PEER: flask_session_app(url),
        }

        if store == "sqlite":
            apps[_DJANGO] = django_app(bench.directory / "django.sqlite")[1]

        yield apps


def _lost(app: Application) -> int:
    browser = Browser(app)
    browser.request("/login", method="POST")
    together = threading.Barrier(_AT_ONCE)

    def join(number: int) -> str | None:
        tab = browser.twin()
        together.wait()

        # What was answered with an error was not promised.
        with suppress(Exception):
            tab.request(f"/join/client-{number}", method="POST")

            return f"client-{number}"

        return None

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        promised = set(threads.map(join, range(_AT_ONCE))) - {None}

    if not promised:
        raise RuntimeError("no change was promised, so none can be lost")

    return len(promised - set(browser.request("/clients").decode().split()))


def _returned(app: Application) -> bool:
    browser = Browser(app)
    browser.request("/login", method="POST")
    slow, before = browser.twin(), browser.twin()
    PAUSE.reset()

    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(slow.request, "/slow", method="POST")
        PAUSE.wait_until_reached()
        browser.request("/logout", method="POST")
        PAUSE.release()

        # An error is an answer, too: what counts is the session.
        with suppress(RuntimeError):
            answer.result()

    return SUBJECT.encode() in (before.request("/"), slow.request("/"))
