"""Metrics and spans for OpenTelemetry; imported only where its API is installed."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from flask import Flask
from opentelemetry import metrics
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions
from opentelemetry.metrics import Meter
from opentelemetry.metrics import MeterProvider
from opentelemetry.metrics import Observation
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode
from opentelemetry.trace import TracerProvider
from opentelemetry.util.types import AttributeValue

from ..models import Backlog
from ..models import Delivery
from ..models import DeliveryState
from ..models import EndedSession
from ..models import LogoutReason
from ..ports import Clock
from ..ports import DeliveryQueue
from .signals import delivery_attempted
from .signals import delivery_finished
from .signals import session_ended
from .signals import session_started
from .state import AppState
from .state import KEY

__all__ = ["Telemetry", "report"]

_SCOPE = "idp_session"
_EXTENSION = "idp_session_telemetry"

_CLIENT_ID = "idp_session.client_id"
_ISSUER = "idp_session.issuer"
_REASON = "idp_session.reason"
_STATE = "idp_session.delivery.state"

# Whoever scrapes often, or from many places, must not become a load of its own.
_BACKLOG_IS_GOOD_FOR = timedelta(seconds=15)
_LARGEST_BACKLOG = 10_000

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# Nothing was sent for these.
_NO_ATTEMPT = {DeliveryState.EXPIRED, DeliveryState.SKIPPED}


class _BacklogReader:
    """Reads the backlog of one app, not more often than it has to."""

    def __init__(self, queue: DeliveryQueue, clock: Clock, issuer: str) -> None:
        self._queue = queue
        self._clock = clock
        self._labels = {_ISSUER: issuer}
        self._seen: Backlog | None = None
        self._look_at = time.monotonic()

    def pending(self) -> Iterable[Observation]:
        backlog = self._backlog()

        return () if backlog is None else (self._observed(backlog.pending),)

    def oldest_age(self) -> Iterable[Observation]:
        backlog = self._backlog()

        if backlog is None:
            return ()

        now = self._clock.now()
        age = now - (backlog.oldest_created_at or now)

        return (self._observed(max(age.total_seconds(), 0.0)),)

    def _observed(self, value: float) -> Observation:
        return Observation(value, self._labels)

    def _backlog(self) -> Backlog | None:
        now = time.monotonic()

        if now >= self._look_at:
            # Before the query: a database that is down is not asked more often.
            self._look_at = now + _BACKLOG_IS_GOOD_FOR.total_seconds()
            self._seen = None
            self._seen = self._queue.backlog(at_most=_LARGEST_BACKLOG)

        return self._seen


# An instrument takes callbacks once in a process, but there may be several apps.
_readers: weakref.WeakKeyDictionary[_BacklogReader, MeterProvider | None] = (
    weakref.WeakKeyDictionary()
)


class Telemetry:
    """What one app reports; it hears the app's signals for as long as it lives.

    Neither metrics nor spans say who the user is: no subject, no session id, which
    would name one person's session wherever a client logs it, and no address.

    :param app: The app.
    :param meter_provider: Whose meter; ``None`` means the global one.
    :param tracer_provider: Whose tracer; ``None`` means the global one.
    """

    def __init__(
        self,
        app: Flask,
        *,
        meter_provider: MeterProvider | None = None,
        tracer_provider: TracerProvider | None = None,
    ) -> None:
        state: AppState = app.extensions[KEY]
        meter = metrics.get_meter(_SCOPE, meter_provider=meter_provider)
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._reader = _BacklogReader(state.queue, state.clock, state.options.issuer)
        _readers[self._reader] = meter_provider
        self._count(meter)
        self._begin_at_zero()
        _observe(meter, meter_provider)
        session_started.connect(self._session_started, app)
        session_ended.connect(self._session_ended, app)
        delivery_attempted.connect(self._delivery_attempted, app)
        delivery_finished.connect(self._delivery_finished, app)

    def _count(self, meter: Meter) -> None:
        self._started = meter.create_counter(
            "idp_session.sessions.started", "{session}", "Sign-ins."
        )
        self._ended = meter.create_counter(
            "idp_session.sessions.ended", "{session}", "Sessions that ended, by reason."
        )
        self._deliveries = meter.create_counter(
            "idp_session.deliveries", "{delivery}", "Decided deliveries, by state."
        )
        self._durations = meter.create_histogram(
            "idp_session.delivery.attempt.duration",
            "s",
            "How long attempts to tell a client took, by the state after them.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )

    def _begin_at_zero(self) -> None:
        # Prometheus sees no increase in a series that begins with its first event.
        self._started.add(0)

        for reason in LogoutReason:
            self._ended.add(0, {_REASON: reason.value})

        for state in set(DeliveryState) - {DeliveryState.PENDING}:
            self._deliveries.add(0, {_STATE: state.value})

    def _session_started(self, _: Flask, **__: Any) -> None:
        self._started.add(1)

    def _session_ended(self, _: Flask, *, ended: EndedSession) -> None:
        self._ended.add(1, {_REASON: ended.reason.value})

    def _delivery_finished(self, _: Flask, *, delivery: Delivery) -> None:
        self._deliveries.add(1, {_STATE: delivery.state.value})

    def _delivery_attempted(self, _: Flask, *, delivery: Delivery) -> None:
        if delivery.state in _NO_ATTEMPT:
            return

        latency = delivery.latency or timedelta(0)

        if delivery.latency is not None:
            self._durations.record(
                latency.total_seconds(), {_STATE: delivery.state.value}
            )

        self._trace(delivery, latency)

    def _trace(self, delivery: Delivery, latency: timedelta) -> None:
        # The attempt is over, and so is known whole; nothing of the request in which
        # a session ended goes on here.
        ended_at = time.time_ns()
        span = self._tracer.start_span(
            "idp_session.deliver",
            context=Context(),
            kind=SpanKind.CLIENT,
            attributes=_attributes(delivery),
            start_time=ended_at - int(latency.total_seconds() * 1_000_000_000),
        )

        if delivery.last_error is not None:
            span.set_status(StatusCode.ERROR)

        span.end(ended_at)


def report(
    app: Flask,
    *,
    meter_provider: MeterProvider | None = None,
    tracer_provider: TracerProvider | None = None,
) -> None:
    """Have an app report; the last call for an app counts.

    :param app: The app, on which the extension was set up.
    :param meter_provider: Whose meter; ``None`` means the global one.
    :param tracer_provider: Whose tracer; ``None`` means the global one.
    """
    # Signals hold their receivers weakly: the app is what keeps this alive.
    app.extensions[_EXTENSION] = Telemetry(
        app, meter_provider=meter_provider, tracer_provider=tracer_provider
    )


def _attributes(delivery: Delivery) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        _CLIENT_ID: delivery.client_id.encode(errors="replace").decode(),
        _STATE: delivery.state.value,
        "idp_session.delivery.attempt": delivery.attempts,
        # By this an administrator finds it, and whose it is, in the outbox.
        "idp_session.delivery.id": delivery.id,
    }

    if delivery.last_status is not None:
        attributes["http.response.status_code"] = delivery.last_status

    if delivery.last_error is not None:
        attributes["error.type"] = delivery.last_error

    return attributes


def _observe(meter: Meter, provider: MeterProvider | None) -> None:
    meter.create_observable_gauge(
        "idp_session.deliveries.pending",
        [partial(_observed, provider, _BacklogReader.pending)],
        "{delivery}",
        f"Deliveries that are owed, counted up to {_LARGEST_BACKLOG}.",
    )
    meter.create_observable_gauge(
        "idp_session.deliveries.oldest_pending.age",
        [partial(_observed, provider, _BacklogReader.oldest_age)],
        "s",
        "How long ago the session of the oldest pending delivery ended.",
    )


def _observed(
    provider: MeterProvider | None,
    observe: Callable[[_BacklogReader], Iterable[Observation]],
    _: CallbackOptions,
) -> list[Observation]:
    readers = [reader for reader, of in tuple(_readers.items()) if of is provider]

    return [observation for reader in readers for observation in observe(reader)]
