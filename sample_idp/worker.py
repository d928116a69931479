"""A process that only delivers and cleans up."""

from __future__ import annotations

import argparse
import logging.config

from idp_session.adapters.signals import ended_by_signals
from idp_session.flask import deliver_until

from .provider import create_app
from .server import LOGGING
from .settings import ProviderSettings

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Deliver and sweep until SIGTERM or Ctrl-C.

    :param arguments: The parsed command line of ``worker``.
    """
    logging.config.dictConfig(LOGGING)
    app = create_app(ProviderSettings.from_arguments(arguments))

    with app.app_context(), ended_by_signals() as stop:
        print("ready: worker", flush=True)
        deliver_until(stop)

    return 0
