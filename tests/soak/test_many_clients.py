"""A session with a thousand clients of which fifty hang."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from tests.sample.processes import Running

from .many import many_clients
from .many import ManyClients
from .processes import Browser
from .processes import Processes
from .processes import resident_mib
from .processes import wait_until_ready

pytestmark = [pytest.mark.soak, pytest.mark.process, pytest.mark.timeout(300)]

COUNT = 1000
HANGING = 50
WAIT = 2.0
#: What a response may take beyond its wait: it ends the session, and shows the page.
WORK = 1.5
#: When those who hang are given up. A response that waits for them, or for some of
#: them, takes longer than its wait each time; a machine that stands still, once.
TIMEOUT = 10
#: In which everybody who answers is told.
SOON = 15.0
#: What three more logouts may add to the memory, in MiB.
LARGEST_GROWTH_MIB = 16


@dataclass(frozen=True)
class Logout:
    """How one logout went."""

    #: How long the response took, in seconds.
    response: float
    #: How long until the last of those that answer was told, in seconds.
    told: float
    #: The memory of the provider afterwards, in MiB.
    memory: float


def _log_out(processes: Processes, provider: Running, clients: ManyClients) -> Logout:
    browser = Browser(processes.issuer)
    session_id = browser.begin()
    answer = browser.sign_out()
    answer.raise_for_status()
    asked_at = browser.asked_at
    told_at = clients.wait_until_told(session_id, timeout=60)

    return Logout(
        response=answer.elapsed.total_seconds(),
        told=told_at - asked_at,
        memory=resident_mib(provider),
    )


@pytest.mark.parametrize("sender", ["curl", "requests"])
@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_those_who_hang_delay_nobody(
    database: sa.Engine, sender: str, make_processes: Callable[..., Processes]
) -> None:
    """All others are told soon, the response keeps its bound, the memory stays flat."""
    with many_clients(COUNT, hanging=HANGING) as clients:
        processes = make_processes(
            database.url,
            clients.uris,
            delivery_sender=sender,
            back_channel_wait=WAIT,
            delivery_timeout=TIMEOUT,
            delivery_retry_after=600,
        )
        provider = processes.provider()
        wait_until_ready(provider)
        before = resident_mib(provider)
        logouts = [_log_out(processes, provider, clients) for _ in range(4)]
        processes.close()

    growth = logouts[-1].memory - logouts[0].memory
    print(  # noqa: T201
        f"\n{database.dialect.name}, {sender}: told after"
        f" {[f'{each.told:.1f} s' for each in logouts]}"
        f" ({COUNT / max(each.told for each in logouts):.0f} per second), response after"
        f" {max(each.response for each in logouts) / WAIT:.2f} waits, memory"
        f" {before:.0f} MiB, then {[f'{each.memory:.0f}' for each in logouts]}"
    )
    assert max(each.told for each in logouts) < SOON
    assert statistics.median(each.response for each in logouts) < WAIT + WORK
    assert max(each.response for each in logouts) < TIMEOUT
    assert growth < LARGEST_GROWTH_MIB
