"""A page deep in a list of a million sessions, and those of a name."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask

from idp_session import SessionFilter
from idp_session.flask import IdpSession
from idp_session.stores.sql import metadata

from ..comparing import OURS
from ..many_sessions import fill
from ..measuring import interleaved
from ..peers.ours import our_extension
from ..places import Bench
from ..places import DATABASE_NAMES
from ..places import UnavailableError
from ..results import NotMeasured
from ..results import Outcome
from ..results import Result

__all__ = ["pages"]

_STORES = ("sqlite", "postgres")
_GOAL = 0.01
_LIMIT = 50
_DEPTH = 0.9
_SESSIONS = metadata.tables["idp_sessions"]
_NOTE = (
    "Ours is `management.query`, with the page, what leads to the next and to the"
    " previous one, and a count that stops at 1,000. Beside it: count, and OFFSET, for"
    " names with LIKE, of the same columns of the same table. Nine tenths of the list"
    " are before the page."
)


def pages(bench: Bench) -> Sequence[Outcome]:
    """On each database that is there."""
    count = bench.few(1_000_000, quick=50_000)
    outcomes: list[Outcome] = []

    for store in _STORES:
        title = DATABASE_NAMES[store]

        try:
            with bench.engine(store) as engine:
                began = fill(engine, count)
                deep = began + timedelta(milliseconds=count * (1 - _DEPTH))
                outcomes += _measured(bench, engine, count, deep=deep, title=title)
        except UnavailableError as missing:
            work = f"a page of {count:,} sessions, {title}"
            outcomes.append(NotMeasured(work=work, reason=str(missing)))

    return outcomes


def _measured(
    bench: Bench, engine: sa.Engine, count: int, *, deep: datetime, title: str
) -> list[Outcome]:
    app, extension = our_extension(engine)
    # Somebody in the list, whose name begins as few others do.
    name = f"Person {count // 3}"
    rounds = interleaved(
        {
            OURS: _page(app, extension, cursor=_deep(app, extension, deep)),
            "offset": _offset(engine, offset=int(count * _DEPTH)),
            "name": _page(app, extension, wanted=SessionFilter(display_name=name)),
            "like": _offset(engine, name=name),
        },
        rounds=bench.few(5, quick=2),
        calls=1,
        turns=5,
    )
    compared = {
        "a page, deep": (OURS, "offset", "count and OFFSET"),
        "a name": ("name", "like", "count and LIKE"),
    }

    return [
        Result(
            work=f"{what} among {count:,} sessions, {title}",
            ours=rounds.median(ours) * 1e3,
            unit="ms",
            against=against,
            theirs=rounds.median(theirs) * 1e3,
            at_most=_GOAL,
            spread=rounds.spread(ours, theirs),
            note=_NOTE,
        )
        for what, (ours, theirs, against) in compared.items()
    ]


def _page(
    app: Flask,
    extension: IdpSession,
    *,
    wanted: SessionFilter | None = None,
    cursor: str | None = None,
) -> Callable[[], object]:
    def ask() -> int:
        with app.app_context():
            page = extension.management.query(wanted, limit=_LIMIT, cursor=cursor)

        if not page.sessions:
            raise RuntimeError("the page is empty")

        return len(page.sessions)

    return ask


def _deep(app: Flask, extension: IdpSession, before: datetime) -> str:
    # What leads on from here leads on in the whole list, too.
    with app.app_context():
        page = extension.management.query(SessionFilter(created_before=before))

    if page.next is None:
        raise RuntimeError("the list is too short")

    return page.next


def _offset(
    engine: sa.Engine, *, offset: int = 0, name: str | None = None
) -> Callable[[], object]:
    query = sa.select(_SESSIONS)

    if name is not None:
        query = query.where(_SESSIONS.c.display_name.like(f"%{name}%"))

    counted = sa.select(sa.func.count()).select_from(query.subquery())
    page = query.order_by(_SESSIONS.c.created_at.desc(), _SESSIONS.c.session_id.desc())

    def ask() -> int:
        with engine.connect() as connection:
            connection.scalar(counted)
            found = connection.execute(page.limit(_LIMIT).offset(offset)).all()

        if not found:
            raise RuntimeError("the page is empty")

        return len(found)

    return ask
