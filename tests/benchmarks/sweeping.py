"""The app of a process that sweeps, as ``flask idp-session sweep`` does.

Its database is ``BENCH_DATABASE``; it makes the file ``BENCH_READY`` when it begins.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from idp_session.stores.sql import create_engine

from .peers.ours import our_app

__all__ = ["create_app"]


def create_app() -> Flask:
    """The app."""
    app = our_app(create_engine(os.environ["BENCH_DATABASE"]))
    Path(os.environ["BENCH_READY"]).touch()

    return app
