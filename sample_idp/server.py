"""Serves the provider with gunicorn."""

from __future__ import annotations

import argparse
import errno
import gc
import queue
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Any
from typing import TYPE_CHECKING

from flask import Flask
from gunicorn.app.base import BaseApplication

from .bodies import refusing_broken_bodies
from .errors import StartError
from .provider import create_app
from .provider import idp_session
from .settings import ProviderSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["LOGGING", "GunicornServer", "check_port", "run"]

# Nothing of a query is logged: it may hold codes, hints and tokens.
ACCESS_LOG = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(B)s %(M)sms'

# Standard output is for the line that says that the provider is ready.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "sample_idp.log_lines.OneLineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "stream": "ext://sys.stderr",
        }
    },
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "alembic": {"level": "WARNING"},
        "gunicorn.error": {"level": "WARNING", "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "INFO", "handlers": [], "propagate": True},
    },
}

# A logout request holds an ID token and a state; gunicorn's own limit is half of it.
_LONGEST_REQUEST_LINE = 8190

# A provider that was killed leaves its port within this time.
_PORT_PATIENCE = 3.0


class GunicornServer(BaseApplication):  # type: ignore[misc]
    """One app under gunicorn, set up in code.

    :param app: The app, made before the workers are forked.
    :param settings: Settings of gunicorn.
    """

    def __init__(self, app: Flask, settings: dict[str, Any]) -> None:
        self._app = app
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Take the settings."""
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        """The app."""
        return refusing_broken_bodies(self._app)


def run(arguments: argparse.Namespace) -> int:
    """Serve the provider until SIGTERM or Ctrl-C.

    :param arguments: The parsed command line of ``idp``.
    """
    settings = ProviderSettings.from_arguments(arguments)
    _check_tls(arguments)
    check_port(arguments.host, arguments.port)
    app = create_app(settings)

    def stop_background_work() -> None:
        idp_session.stop_background_work(app, timeout=timedelta(seconds=1))

    def post_worker_init(worker: Any) -> None:
        gc.freeze()
        _before_exit(worker, stop_background_work)
        idp_session.start_background_work(app)
        if worker.age == 1:
            print(f"ready: {settings.issuer}", flush=True)

    def worker_exit(_: Any, __: Any) -> None:
        stop_background_work()

    GunicornServer(
        app,
        {
            "bind": f"[{arguments.host}]:{arguments.port}"
            if ":" in arguments.host
            else f"{arguments.host}:{arguments.port}",
            "workers": arguments.processes,
            "threads": arguments.threads,
            "worker_class": "gthread",
            "preload_app": True,
            "graceful_timeout": 2,
            "limit_request_line": _LONGEST_REQUEST_LINE,
            "accesslog": "-",
            "access_log_format": ACCESS_LOG,
            "logconfig_dict": LOGGING,
            "control_socket_disable": True,
            "certfile": arguments.tls_cert,
            "keyfile": arguments.tls_key,
            "post_worker_init": post_worker_init,
            "worker_exit": worker_exit,
        },
    ).run()

    return 0


def _before_exit(worker: Any, work: Callable[[], None]) -> None:
    # A worker that waits for open connections is killed when its grace is over: what
    # is on its way then would wait for its lease. So the two have their time together.
    # The thread is there beforehand: a handler that takes locks may find them taken by
    # what it interrupts, and this queue has none.
    told: queue.SimpleQueue[None] = queue.SimpleQueue()

    def work_when_told() -> None:
        told.get()
        work()

    def exit_soon(number: int, frame: FrameType | None) -> None:
        told.put(None)
        worker.handle_exit(number, frame)

    threading.Thread(target=work_when_told, name="stopping", daemon=True).start()

    signal.signal(signal.SIGTERM, exit_soon)


def check_port(host: str, port: int) -> None:
    """Make sure that a port can be listened on.

    :param host: The address.
    :param port: The port.
    :raises StartError: If it stays taken.
    """
    deadline = time.monotonic() + _PORT_PATIENCE

    while True:
        taken = _taken(host, port)

        if not taken:
            return

        if taken != errno.EADDRINUSE or time.monotonic() > deadline:
            raise StartError(
                f"cannot listen on {host} port {port}: {_words(taken)}; "
                "choose another one with --host and --port"
            )

        time.sleep(0.1)


def _taken(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except socket.gaierror:
            return errno.EADDRNOTAVAIL
        except OSError as error:
            return error.errno or errno.EADDRNOTAVAIL

    return 0


def _words(number: int) -> str:
    return "it is taken" if number == errno.EADDRINUSE else errno.errorcode[number]


def _check_tls(arguments: argparse.Namespace) -> None:
    if bool(arguments.tls_cert) != bool(arguments.tls_key):
        raise StartError("give --tls-cert and --tls-key together")

    if not arguments.tls_cert:
        return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    try:
        context.load_cert_chain(arguments.tls_cert, arguments.tls_key)
    except OSError as error:
        raise StartError(
            f"cannot use {arguments.tls_cert} with {arguments.tls_key}: "
            f"{error.strerror or 'they are not a certificate and its key'}"
        ) from error
