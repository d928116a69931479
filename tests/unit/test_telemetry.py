"""What a host that has OpenTelemetry sees, by the exporters of its SDK."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode

from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session.flask import telemetry
from idp_session.models import Backlog
from idp_session.models import SendFailure
from idp_session.models import SendResult
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore

from .hosts import Host
from .hosts import host_app
from .hosts import ISSUER

SHOP_AT = "https://shop.test/back"
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


class CountingQueue(MemoryDeliveryQueue):
    """Counts how often the backlog is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.is_down = False

    def backlog(self, *, at_most: int) -> Backlog:
        self.looks += 1

        if self.is_down:
            raise ConnectionError

        return super().backlog(at_most=at_most)


@dataclass
class Observer:
    """A host's OpenTelemetry."""

    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    def watch(self, host: Host) -> None:
        telemetry.report(
            host.app, meter_provider=self.meters, tracer_provider=self.tracers
        )

    @property
    def points(self) -> dict[str, list[Any]]:
        """The points of each metric at this moment."""
        collected = self.reader.get_metrics_data()
        found = [
            metric
            for resource in (collected.resource_metrics if collected else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

        return {metric.name: list(metric.data.data_points) for metric in found}

    def values(self, name: str) -> dict[str, float]:
        """The values of a metric, by the value of its only attribute, if any."""
        return {
            "".join(map(str, point.attributes.values())): point.value
            for point in self.points.get(name, ())
        }

    def counted(self, name: str) -> dict[str, float]:
        """What a counter has counted; not what has not happened."""
        return {key: value for key, value in self.values(name).items() if value}

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()


@pytest.fixture
def observer() -> Iterator[Observer]:
    observer = Observer()
    yield observer
    observer.meters.shutdown()
    observer.tracers.shutdown()


@pytest.fixture
def queue() -> CountingQueue:
    return CountingQueue()


@pytest.fixture
def host(observer: Observer, queue: CountingQueue) -> Host:
    host = host_app(store=MemorySessionStore(queue), queue=queue)
    observer.watch(host)

    return host


def answer(host: Host, **members: Any) -> None:
    latency = timedelta(milliseconds=120)
    host.sender.answers[SHOP_AT] = SendResult(latency=latency, **members)


def signed_out(host: Host, *client_ids: str) -> None:
    host.signed_in(*client_ids).post("/logout")


def test_sessions(host: Host, observer: Observer) -> None:
    """Sign-ins are counted, and ends by their reason."""
    signed_out(host)
    browser = host.signed_in()
    browser.post("/login/bob")

    assert observer.counted("idp_session.sessions.started") == {"": 3}
    assert observer.counted("idp_session.sessions.ended") == {
        "user": 1,
        "user_switch": 1,
    }


def test_outcomes(host: Host, observer: Observer) -> None:
    """A delivery is counted once, when it is decided, whatever came before."""
    answer(host, status=503)
    signed_out(host, "shop", "mail", "news")
    host.deliver()
    undecided = observer.counted("idp_session.deliveries")
    answer(host, status=400)
    host.clock.tick(HOUR)
    host.deliver()
    host.deliver()

    assert undecided == {"delivered": 1, "skipped": 1}
    assert observer.counted("idp_session.deliveries") == {
        "delivered": 1,
        "skipped": 1,
        "refused": 1,
    }


def test_counters_begin_at_zero(host: Host, observer: Observer) -> None:
    """What has not happened is a zero and not a gap, so that its first time shows."""
    reasons = observer.values("idp_session.sessions.ended")
    states = observer.values("idp_session.deliveries")

    assert observer.values("idp_session.sessions.started") == {"": 0}
    assert reasons == dict.fromkeys(LogoutReason, 0)
    assert states == dict.fromkeys(set(DeliveryState) - {DeliveryState.PENDING}, 0)


def test_durations(host: Host, observer: Observer) -> None:
    """Every attempt is measured, those that are repeated too; nothing else is."""
    answer(host, status=503)
    signed_out(host, "shop", "news")
    host.deliver()
    host.clock.tick(timedelta(days=2))
    host.deliver()

    [point] = observer.points["idp_session.delivery.attempt.duration"]
    assert dict(point.attributes) == {"idp_session.delivery.state": "pending"}
    assert (point.count, point.sum) == (1, 0.12)
    assert point.explicit_bounds[0] == 0.005
    assert observer.counted("idp_session.deliveries") == {"skipped": 1, "expired": 1}


def test_backlog(host: Host, observer: Observer, queue: CountingQueue) -> None:
    """What is owed is counted, with the age of the oldest, of each provider."""
    signed_out(host, "shop", "mail")
    host.clock.tick(30 * SECOND)

    pending = observer.values("idp_session.deliveries.pending")

    assert pending == {ISSUER: 2}
    assert observer.values("idp_session.deliveries.oldest_pending.age") == {ISSUER: 30}
    assert queue.looks == 1


def test_nothing_is_owed(host: Host, observer: Observer) -> None:
    """An empty outbox is a zero and not a gap, so that alerts come to an end."""
    assert observer.values("idp_session.deliveries.pending") == {ISSUER: 0}
    assert observer.values("idp_session.deliveries.oldest_pending.age") == {ISSUER: 0}


def test_a_scrape_does_not_wear_out_the_database(
    host: Host, observer: Observer, queue: CountingQueue
) -> None:
    """However often metrics are read, the outbox is looked at every few seconds."""
    for _ in range(20):
        assert observer.points

    assert queue.looks == 1


def test_a_database_that_is_down(
    host: Host, observer: Observer, queue: CountingQueue
) -> None:
    """It is a gap in two metrics, is not asked at every scrape, and harms no other."""
    queue.is_down = True
    signed_out(host)

    first = observer.points
    second = observer.points

    assert set(first) == set(second)
    assert "idp_session.deliveries.pending" not in first
    assert observer.counted("idp_session.sessions.ended") == {"user": 1}
    assert queue.looks == 1


def test_two_providers_in_one_process(host: Host, observer: Observer) -> None:
    """Each has its own backlog, and none hides that of the other."""
    other = host_app(config={"IDP_SESSION_ISSUER": "https://other.test"})
    observer.watch(other)
    signed_out(other, "shop")

    assert observer.values("idp_session.deliveries.pending") == {
        ISSUER: 0,
        "https://other.test": 1,
    }


def test_a_span_for_each_attempt(host: Host, observer: Observer) -> None:
    """It says which client, which attempt and what came of it, and lasts as long."""
    answer(host, status=503)
    signed_out(host, "shop")
    host.deliver()
    answer(host, status=200)
    host.clock.tick(HOUR)
    host.deliver()

    first, second = observer.spans
    assert first.name == "idp_session.deliver"
    assert first.kind is SpanKind.CLIENT
    assert first.parent is None
    assert dict(first.attributes or {}) == {
        "idp_session.client_id": "shop",
        "idp_session.delivery.state": "pending",
        "idp_session.delivery.attempt": 1,
        "idp_session.delivery.id": 1,
        "http.response.status_code": 503,
        "error.type": "status",
    }
    assert (first.end_time or 0) - (first.start_time or 0) == 120_000_000
    assert first.status.status_code is StatusCode.ERROR
    assert second.status.status_code is StatusCode.UNSET
    assert (second.attributes or {})["idp_session.delivery.attempt"] == 2


def test_an_attempt_without_answer(host: Host, observer: Observer) -> None:
    """What kind of failure it was is the type of the error."""
    answer(host, failure=SendFailure.TIMEOUT)
    signed_out(host, "shop")
    host.deliver()

    [span] = observer.spans
    assert (span.attributes or {})["error.type"] == "timeout"
    assert "http.response.status_code" not in (span.attributes or {})


def test_nothing_says_who_it_was(host: Host, observer: Observer) -> None:
    """Neither the subject nor the session id is in a metric or a span."""
    browser = host.signed_in("shop", subject="alice-the-subject")
    session_id = browser.get("/whoami").get_json()["sid"]
    browser.post("/logout")
    host.deliver()

    everything = f"{observer.points} {[span.to_json() for span in observer.spans]}"

    assert "idp_session.client_id" in everything
    assert "alice" not in everything
    assert session_id not in everything


def test_the_global_providers_are_used_by_default() -> None:
    """A host that sets up OpenTelemetry as usual, even after the app, has to do no more."""
    program = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from tests.unit.hosts import host_app

gone, host = host_app(), host_app()
del gone
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
host.signed_in("shop").post("/logout")
[resource] = reader.get_metrics_data().resource_metrics
[scope] = resource.scope_metrics
print(scope.scope.name, *sorted(metric.name for metric in scope.metrics))
"""

    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.split() == [
        "idp_session",
        "idp_session.deliveries.oldest_pending.age",
        "idp_session.deliveries.pending",
        "idp_session.sessions.ended",
        "idp_session.sessions.started",
    ]
    assert result.stderr == ""


def test_without_opentelemetry_nothing_is_missing() -> None:
    """Where it cannot be imported, everything works and nothing of it is loaded."""
    program = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from tests.unit.hosts import host_app

host = host_app()
host.signed_in("shop").post("/logout")
print(host.deliver(), *(n for n in sys.modules if n.startswith("opentelemetry")))
"""

    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )

    assert (result.stdout.split(), result.stderr) == (["1"], "")
