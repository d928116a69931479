"""How much memory it takes to import the package."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence

from ..places import Bench
from ..results import Outcome
from ..results import Result

__all__ = ["imported"]

_BARE = "import flask, sqlalchemy"
_WHOLE = f"{_BARE}, idp_session.flask, idp_session.stores.sql"
_PRINT = """
status = open("/proc/self/status", encoding="ascii").read()
print(next(line.split()[1] for line in status.splitlines() if "VmRSS" in line))
"""


def imported(bench: Bench) -> Sequence[Outcome]:
    """A process that has imported the extension and its stores."""
    pairs = [
        (_resident(_WHOLE), _resident(_BARE)) for _ in range(bench.few(5, quick=2))
    ]
    added = [whole - bare for whole, bare in pairs]

    return [
        Result(
            work="memory that an import adds",
            ours=statistics.median(added),
            unit="MB",
            against="Flask and SQLAlchemy alone",
            theirs=statistics.median(bare for _, bare in pairs),
            at_most=25,
            is_absolute=True,
            spread=(min(added), max(added)),
            note="Resident, in fresh processes; with what our imports bring along,"
            " such as `cryptography`, joserfc and Alembic. Requests comes with"
            " the sender.",
        )
    ]


def _resident(imports: str) -> float:
    said = subprocess.check_output([sys.executable, "-c", f"{imports}\n{_PRINT}"])

    return int(said) * 1024 / 1e6
