"""A broker that dies and comes back costs a delay and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..brokers import BROKERS
from ..sample.processes import wait_until
from ..unit.celery_host import CLIENTS
from ..unit.celery_site import celery_site
from .private_brokers import private_broker

pytestmark = [pytest.mark.soak, pytest.mark.process]

_SIGN_OUTS = 5


@pytest.mark.parametrize("name", BROKERS)
def test_a_broker_is_killed_and_comes_back(name: str, tmp_path: Path) -> None:
    """Every client is told of each session that ended before, while and after."""
    with (
        private_broker(name, tmp_path) as private,
        celery_site(private.broker, database="sqlite", folder=tmp_path) as site,
    ):
        browsers = [site.signed_in(f"user{number}") for number in range(3 * _SIGN_OUTS)]
        site.receiver.hanging.add("shop")
        worker = site.worker_with_beat()

        for browser in browsers[:_SIGN_OUTS]:
            site.sign_out(browser)
        # In the middle of a task, with messages in the queue.
        wait_until(lambda: site.receiver.told["shop"] > 0)
        private.kill()

        for browser in browsers[_SIGN_OUTS : 2 * _SIGN_OUTS]:
            site.sign_out(browser)
        site.receiver.go_on.set()
        private.start()

        for browser in browsers[2 * _SIGN_OUTS :]:
            site.sign_out(browser)
        wait_until(lambda: site.all_delivered(3 * _SIGN_OUTS * len(CLIENTS)), 120)

        assert worker.process.poll() is None
        assert len(set(site.receiver.tokens)) == site.receiver.total
        told = site.receiver.told
        assert all(told[client] >= 3 * _SIGN_OUTS for client in CLIENTS)
