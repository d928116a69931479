"""The tasks of workers, and when beat has them run."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from celery import signals
from flask import Flask

from ...adapters.shift import Shift
from ...errors import ConfigurationError
from ...flask.state import AppState
from ...flask.state import KEY
from ...options import SessionOptions
from .dispatcher import CeleryDispatcher
from .messages import Celery
from .messages import DELIVER
from .messages import message_options
from .messages import PURGE
from .messages import SWEEP
from .messages import task_options

__all__ = ["beat_schedule", "register_tasks"]

_logger = logging.getLogger(__name__)

_SWEPT_AT_ONCE = 200
_PURGE_EVERY = timedelta(hours=1)
_A_MOMENT = timedelta(seconds=5)


def register_tasks(
    celery: Celery, app: Flask, *, time_budget: timedelta = timedelta(seconds=20)
) -> None:
    """Give a Celery app the tasks that work off the outbox of a Flask app.

    ``idp_session.deliver`` sends what is due, many at once, until nothing is, and
    asks for its own continuation if that takes longer than a task should. The others
    are ``idp_session.sweep``, which ends sessions that have expired, and
    ``idp_session.purge``, which forgets deliveries that were over long ago. None
    takes an argument or has a result, and any number of each may run at once.

    :param celery: The app of the workers.
    :param app: The provider; :class:`.IdpSession` must be set up on it.
    :param time_budget: For how long a task takes on new work. What is on its way
        then is waited for, which takes ``IDP_SESSION_DELIVERY_TIMEOUT`` at most.
    :raises ConfigurationError: If there is no time, or nothing set up on the app.
    """
    if time_budget <= timedelta(0):
        raise ConfigurationError("time_budget must be longer than no time")

    state = _state_of(app)
    again = CeleryDispatcher(celery)
    options = _options(state.options, time_budget)

    @celery.task(name=DELIVER, **options)  # type: ignore[untyped-decorator]
    def deliver() -> None:
        with app.app_context():
            shift = Shift(
                state.delivery,
                in_flight=state.options.delivery_in_flight,
                logger=_logger,
            )

            if not shift.work_off(time_budget):
                # Now: others need not wait for those that are on their way.
                again.kick()
                shift.finish(state.options.delivery_timeout)

    @celery.task(name=SWEEP, **options)  # type: ignore[untyped-decorator]
    def sweep() -> None:
        with app.app_context():
            _sweep(state, until=time.monotonic() + time_budget.total_seconds())

    @celery.task(name=PURGE, **options)  # type: ignore[untyped-decorator]
    def purge() -> None:
        with app.app_context():
            state.deliveries.purge(older_than=state.options.delivery_retention)
            state.deliveries.forget_ends(older_than=state.options.delivery_retention)

    def forget_connections(**_: object) -> None:
        # They are the parent's, who goes on using them.
        if state.engine is not None:
            state.engine.dispose(close=False)

    signals.worker_process_init.connect(forget_connections, weak=False)


def beat_schedule(app: Flask) -> dict[str, dict[str, Any]]:
    """What ``celery beat`` does for a Flask app; add it to ``beat_schedule``.

    Deliveries are looked for every ``IDP_SESSION_DELIVERY_POLL_INTERVAL``, which is
    also how long a lost message delays one, and expired sessions every
    ``IDP_SESSION_SWEEP_INTERVAL``.

    :param app: The provider; :class:`.IdpSession` must be set up on it.
    :raises ConfigurationError: If nothing is set up on the app.
    """
    options = _state_of(app).options
    intervals = {
        DELIVER: options.delivery_poll_interval,
        SWEEP: options.sweep_interval,
        PURGE: _PURGE_EVERY,
    }

    return {
        name: {"task": name, "schedule": every, "options": message_options()}
        for name, every in intervals.items()
    }


def _options(options: SessionOptions, time_budget: timedelta) -> dict[str, Any]:
    # By then nothing that the task has claimed is its own any more, so that whoever
    # ends it takes nothing away.
    limit = time_budget + options.delivery_lease

    return {
        **task_options(),
        "acks_late": True,
        "reject_on_worker_lost": True,
        "soft_time_limit": limit.total_seconds(),
        "time_limit": (limit + _A_MOMENT).total_seconds(),
        # Otherwise every Celery app of the process would get the task.
        "shared": False,
    }


def _sweep(state: AppState, *, until: float) -> None:
    while time.monotonic() < until:
        if state.sweep.run_once(limit=_SWEPT_AT_ONCE) < _SWEPT_AT_ONCE:
            return


def _state_of(app: Flask) -> AppState:
    state: AppState | None = app.extensions.get(KEY)

    if state is None:
        raise ConfigurationError(
            "IdpSession is not set up on this app; call init_app(app, …) first"
        )

    return state
