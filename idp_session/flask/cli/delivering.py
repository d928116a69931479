"""``flask idp-session deliver`` and ``sweep``, and what delivers after other commands."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from flask.cli import with_appcontext

from ...adapters.dispatch import ThreadDispatcher
from ..state import app_state

__all__ = ["deliver", "deliver_until", "deliveries_finished", "sweep"]

_logger = logging.getLogger(__name__)


@click.command()
@with_appcontext
def sweep() -> None:
    """End the sessions that have expired; their clients are told."""
    service = app_state().sweep
    total = 0

    with deliveries_finished():
        while ended := service.run_once():
            total += ended

    click.echo(f"{total} expired sessions ended")


@click.command()
@with_appcontext
def deliver() -> None:
    """Send logout notifications until SIGTERM or Ctrl-C; run as many as you like."""
    stop = threading.Event()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    click.echo("delivering; Ctrl-C ends it")
    deliver_until(stop)


def deliver_until(stop: threading.Event) -> None:
    """Deliver and sweep in threads until told to stop; the current app's.

    :param stop: Set it to end. Running deliveries are given two seconds then; what
        they leave is taken over when its lease is over.
    """
    state = app_state()
    dispatcher = ThreadDispatcher(
        claim=state.background.claim,
        deliver=state.background.deliver,
        threads=state.options.delivery_threads,
        poll_interval=min(state.options.delivery_poll_interval, timedelta(seconds=1)),
        logger=_logger,
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
