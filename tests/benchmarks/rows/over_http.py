"""How many requests of a signed-in user a server answers, of those it could."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import sqlalchemy as sa

from ..http import Load
from ..http import served
from ..measuring import interleaved
from ..peers.texts import SUBJECT
from ..places import Bench
from ..results import Outcome
from ..results import Result

__all__ = ["share_of_bare"]

_OTHERS = {
    "signed cookie": "Flask's signed cookie",
    "flask-session read-only": "Flask-Session, read-only",
    "flask-session": "Flask-Session, as shipped",
}
_NOTE = (
    "Requests per second through gunicorn, one worker with four threads and four"
    " connections that stay open, as a share of those of a bare Flask app."
)


def share_of_bare(bench: Bench) -> Sequence[Outcome]:
    """Several servers at once, of which one is asked at a time."""
    with ExitStack() as stack:
        loads = {name: _load(bench, stack, name) for name in ("bare", "ours", *_OTHERS)}
        calls = bench.few(200, quick=100)
        rounds = interleaved(
            {name: partial(load.run, calls) for name, load in loads.items()},
            rounds=bench.few(7, quick=3),
            calls=1,
            turns=bench.few(7, quick=3),
        )

    def share(name: str) -> float:
        return rounds.median("bare") / rounds.median(name)

    least, greatest = rounds.spread("bare", "ours")

    return [
        Result(
            work="a request of a signed-in user over HTTP, SQLite",
            ours=share("ours"),
            unit="of bare",
            against=title,
            theirs=share(name),
            # Once, since it is about us alone.
            at_least=0.5 if name == "signed cookie" else None,
            is_absolute=True,
            spread=(least, greatest) if name == "signed cookie" else None,
            note=_NOTE,
        )
        for name, title in _OTHERS.items()
    ]


def _load(bench: Bench, stack: ExitStack, name: str) -> Load:
    if name == "ours":
        url = stack.enter_context(bench.engine("sqlite")).url
    else:
        url = sa.URL.create("sqlite", database=str(bench.directory / f"{name}.sqlite"))

    load = Load(stack.enter_context(served(name, url=url, directory=bench.directory)))
    load.sign_in()

    if load.body().decode() != SUBJECT:
        raise RuntimeError(f"{name} does not know its user")

    return load
