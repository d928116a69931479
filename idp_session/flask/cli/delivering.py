"""``flask idp-session deliver`` and ``sweep``, and what delivers after other commands."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from flask.cli import with_appcontext

from ...adapters.dispatch import ThreadDispatcher
from ...adapters.signals import ended_by_signals
from ..state import app_state
from .output import counted
from .output import followed
from .output import print_json
from .output import with_json

__all__ = ["deliver", "deliver_until", "deliveries_finished", "sweep"]

_logger = logging.getLogger(__name__)


@click.command()
@with_json
@with_appcontext
def sweep(*, as_json: bool) -> None:
    """End the sessions that have expired; their clients are told."""
    batches = iter(app_state().sweep.run_once, 0)

    with deliveries_finished():
        total = sum(followed(batches, "Ending sessions"))

    if as_json:
        print_json({"ended": total})
    else:
        click.echo(f"{counted(total, 'expired session', 'expired sessions')} ended")


@click.command()
@with_json
@with_appcontext
def deliver(*, as_json: bool) -> None:
    """Send logout notifications until SIGTERM or Ctrl-C; run as many as you like."""
    # All that is loaded by now stays. To look for garbage in it takes a tenth of a
    # second each time, in which no client is told anything.
    gc.freeze()

    with ended_by_signals() as stop:
        if as_json:
            print_json({"delivering": True})
        else:
            click.echo("delivering; Ctrl-C ends it")

        deliver_until(stop)


def deliver_until(stop: threading.Event) -> None:
    """Deliver and sweep in threads until told to stop; the current app's.

    :param stop: Set it to end. Running deliveries are given two seconds then; what
        they leave is given back, for others to take at once.
    """
    state = app_state()
    dispatcher = ThreadDispatcher(
        work=lambda: state.background,
        in_flight=state.options.delivery_in_flight,
        poll_interval=min(state.options.delivery_poll_interval, timedelta(seconds=1)),
        logger=_logger,
        patience=state.options.delivery_lease / 2,
    )
    dispatcher.start()
    stop.wait()
    dispatcher.stop(timedelta(seconds=2))


@contextmanager
def deliveries_finished() -> Iterator[None]:
    """Afterwards no delivery that this process has claimed is on its way.

    What nobody has claimed by then is left to the processes that go on.
    """
    yield

    state = app_state()

    if isinstance(state.dispatcher, ThreadDispatcher):
        # Cut off in the middle, a client would hear of it a lease later, and twice.
        state.dispatcher.stop(state.options.delivery_timeout)
