"""Looks at the database: is it there, has it our tables, what time is it there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta
from datetime import UTC

import sqlalchemy as sa

from ...stores.sql import current_revision
from ...stores.sql import head_revision
from ...stores.sql.types import MYSQL
from ...stores.sql.upgrades import is_known
from .findings import error
from .findings import Examined
from .findings import Finding
from .findings import ok
from .findings import warning

__all__ = ["check_database"]

_UPGRADE = "Run 'flask idp-session db upgrade'."
_SKEW = timedelta(seconds=2)
_LARGE_SKEW = timedelta(seconds=30)


def check_database(examined: Examined) -> Iterator[Finding]:
    """Whether the database answers, with the tables of this version and our time.

    :param examined: What is looked at.
    """
    engine = examined.state.engine

    if engine is None:
        yield warning(
            "database",
            "Sessions are in a store of your own, which cannot be looked at.",
            "Nothing, if it is durable and shared by all processes; idp_session.testing "
            "has the promises of a store as tests.",
        )
        return

    where = engine.url.render_as_string(hide_password=True)

    try:
        revision = current_revision(engine)
    except sa.exc.SQLAlchemyError as failure:
        # What the driver says may repeat the password.
        yield error(
            "database",
            f"{where} cannot be used: {_kind(failure)}.",
            "Check IDP_SESSION_DATABASE_URL, and whether the server runs; a SQLite file "
            "needs its folder, which 'flask idp-session db upgrade' makes.",
        )
        return

    yield _revision_finding(where, revision)
    yield from _place_findings(engine)
    yield from _clock_findings(examined, engine)


def _kind(failure: Exception) -> str:
    return type(getattr(failure, "orig", None) or failure).__name__


def _revision_finding(where: str, revision: str | None) -> Finding:
    newest = head_revision()

    if revision == newest:
        return ok("database", f"{where} answers; its tables are at revision {newest}.")

    if not is_known(revision):
        return error(
            "database",
            f"A newer version of idp_session made the tables, at revision {revision}.",
            "Install that version.",
        )

    if revision is None:
        return error("database", f"There are no tables in {where}.", _UPGRADE)

    return error(
        "database", f"The tables are at revision {revision}, not {newest}.", _UPGRADE
    )


def _place_findings(engine: sa.Engine) -> Iterator[Finding]:
    in_memory = engine.dialect.name == "sqlite" and engine.url.database in {
        None,
        "",
        ":memory:",
    }

    if in_memory:
        yield error(
            "database",
            "It is in the memory of this process: other processes do not see it, and "
            "what is owed to clients is lost with it.",
            "Give a file or a server with IDP_SESSION_DATABASE_URL.",
        )


def _clock_findings(examined: Examined, engine: sa.Engine) -> Iterator[Finding]:
    if engine.dialect.name == "sqlite":
        yield ok("clock", "The database has the clock of this machine.")
        return

    clock = examined.state.clock

    with engine.connect() as connection:
        # What came before, such as connecting, is not counted as skew.
        connection.execute(sa.select(1))
        before = clock.now()
        theirs = _now_of(connection)
        after = clock.now()

    skew = abs(theirs - (before + (after - before) / 2)) - (after - before) / 2

    if skew <= _SKEW:
        yield ok("clock", "This machine and the database have the same time.")
        return

    # Instants are all made on this side, so it is other nodes that matter.
    yield (error if skew > _LARGE_SKEW else warning)(
        "clock",
        f"The clocks of this machine and the database are {skew.total_seconds():.0f} "
        "seconds apart. Clients refuse tokens from the future, and nodes whose clocks "
        "differ end sessions early and take over each other's deliveries.",
        "Have both keep time by NTP.",
    )


def _now_of(connection: sa.Connection) -> datetime:
    if connection.dialect.name in MYSQL:
        now = sa.func.utc_timestamp(sa.text("6"), type_=sa.DateTime())
    else:
        now = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))

    found: datetime = connection.execute(sa.select(now)).scalar_one()

    return found if found.tzinfo else found.replace(tzinfo=UTC)
