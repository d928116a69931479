"""How many bytes a session takes in the database, and what belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import sqlalchemy as sa

from idp_session.stores.sql import metadata

from ..many_sessions import fill_expired
from ..peers.ours import our_app
from ..places import Bench
from ..places import DATABASE_NAMES
from ..places import UnavailableError
from ..results import NotMeasured
from ..results import Outcome
from ..results import Result

__all__ = ["sizes"]

_STORES = ("sqlite", "postgres")
_CLIENTS = ("shop", "mail", "news", "wiki")
_NOTE = (
    "With all indexes, in tables that have just been compacted; a session with a"
    " ticket of 400 bytes, name, address and user agent."
)


def sizes(bench: Bench) -> Sequence[Outcome]:
    """On each database that is there."""
    outcomes: list[Outcome] = []

    for store in _STORES:
        title = DATABASE_NAMES[store]

        try:
            with bench.engine(store) as engine:
                measured = _measured(engine, bench.few(20_000, quick=2_000))
        except UnavailableError as missing:
            outcomes.append(
                NotMeasured(work=f"a session in {title}", reason=str(missing))
            )
            continue

        outcomes += [
            Result(work=f"{what} in {title}", ours=size, unit="bytes", note=_NOTE)
            for what, size in measured.items()
        ]

    return outcomes


def _measured(engine: sa.Engine, count: int) -> Mapping[str, float]:
    fill_expired(engine, count, client_ids=_CLIENTS)
    sessions = _size(engine, "idp_sessions") / count
    participants = _size(engine, "idp_session_participants") / (count * len(_CLIENTS))
    app = our_app(engine)

    # Sweeping is the way from participants to deliveries.
    if app.extensions["idp_session"].sweep.run_once(limit=count) != count:
        raise RuntimeError("not all sessions have ended")

    deliveries = _size(engine, "idp_session_deliveries") / (count * len(_CLIENTS))

    return {
        "a session": sessions,
        "a client in a session": participants,
        "a notification": deliveries,
    }


def _size(engine: sa.Engine, table: str) -> float:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")

        if engine.dialect.name == "postgresql":
            connection.execute(sa.text(f"VACUUM FULL {table}"))
            size = connection.scalar(
                sa.text("SELECT pg_total_relation_size(CAST(:name AS regclass))"),
                {"name": table},
            )
        else:
            connection.execute(sa.text("VACUUM"))
            names = [table, *(str(each.name) for each in _indexes(table))]
            size = connection.scalar(
                sa.text(
                    "SELECT SUM(pgsize) FROM dbstat WHERE name IN :names"
                    " OR name LIKE :own"
                ).bindparams(sa.bindparam("names", expanding=True)),
                {"names": names, "own": f"sqlite_autoindex_{table}_%"},
            )

    return float(size or 0)


def _indexes(table: str) -> set[sa.Index]:
    return metadata.tables[table].indexes
