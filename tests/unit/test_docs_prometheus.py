"""Prometheus takes the rules of in-production.md and the queries of metrics.md."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry
from prometheus_client import make_wsgi_app
from werkzeug.serving import make_server

from idp_session.flask import telemetry
from idp_session.models import SendResult

from ..sample.processes import wait_until
from .deployed import ROOT
from .hosts import Host
from .hosts import host_app
from .prometheus import Prometheus
from .prometheus import prometheus_of
from .prometheus import promtool

pytestmark = pytest.mark.process

_GUIDE = (ROOT / "docs" / "guides" / "in-production.md").read_text()
_REFERENCE = (ROOT / "docs" / "reference" / "metrics.md").read_text()
_DELIVERED = SendResult(status=200, latency=timedelta(milliseconds=120))
_DOWN = SendResult(status=503, latency=timedelta(milliseconds=120))


def _blocks(language: str, page: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)


[RULES] = [block for block in _blocks("yaml", _GUIDE) if "alert:" in block]
QUERIES = _blocks("promql", _REFERENCE)


@contextmanager
def _metrics_of(host: Host) -> Iterator[str]:
    """Host and port of the page at which Prometheus finds what a host measures."""
    registry = CollectorRegistry()
    meters = MeterProvider(
        [PrometheusMetricReader(registry=registry)], shutdown_on_exit=False
    )
    telemetry.report(host.app, meter_provider=meters)
    server = make_server("127.0.0.1", 0, make_wsgi_app(registry), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        meters.shutdown()


@pytest.fixture
def host() -> Host:
    """A host one of whose clients is down, and has been waited for for a minute."""
    host = host_app()
    host.sender.answers["https://shop.test/back"] = _DELIVERED
    host.sender.answers["https://mail.test/back"] = _DOWN
    _somebody_comes_and_goes(host)
    host.clock.tick(timedelta(minutes=1))

    return host


def _somebody_comes_and_goes(host: Host) -> None:
    host.signed_in("shop", "mail").post("/logout")
    host.deliver()


def test_promtool_finds_nothing_wrong(tmp_path: Path) -> None:
    """The rules, saved as a file, are what Prometheus's own checker takes."""
    (tmp_path / "rules.yml").write_text(RULES)

    said = promtool("check", "rules", "rules.yml", cwd=tmp_path)

    assert f"{RULES.count('alert:')} rules found" in said


def test_queries_and_rules(host: Host, tmp_path: Path) -> None:
    """Each query answers with numbers of what goes on, and each rule can be asked."""
    with (
        _metrics_of(host) as target,
        prometheus_of(target, tmp_path, rules=RULES) as prometheus,
    ):

        def everything_is_known() -> bool:
            _somebody_comes_and_goes(host)
            answers = [prometheus.ask(query) for query in QUERIES]

            return all(max(each, default=0) > 0 for each in answers)

        wait_until(everything_is_known, 60)
        wait_until(lambda: "unknown" not in _health(prometheus).values(), 60)
        health = _health(prometheus)

    assert set(health) == set(re.findall(r"alert: (\w+)", RULES))
    assert set(health.values()) == {"ok"}


def _health(prometheus: Prometheus) -> dict[str, str]:
    """Whether each rule could be asked, by its name."""
    return {rule["name"]: rule["health"] for rule in prometheus.rules}
