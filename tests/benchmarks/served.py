"""The application that a server of the benchmarks serves, as its environment says."""

from __future__ import annotations

import os

import sqlalchemy as sa

from idp_session.stores.sql import create_engine

from .peers.flask_peers import bare_app
from .peers.flask_peers import signed_cookie_app
from .peers.flask_session_peer import flask_session_app
from .peers.ours import our_app
from .wsgi import Application

__all__ = ["application"]


def _application(name: str, url: sa.URL) -> Application:
    if name == "ours":
        return our_app(create_engine(url))

    if name == "signed cookie":
        return signed_cookie_app()

    if name.startswith("flask-session"):
        return flask_session_app(url, is_read_only=name.endswith("read-only"))

    return bare_app()


application = _application(
    os.environ["BENCH_APPLICATION"], sa.make_url(os.environ["BENCH_DATABASE"])
)
