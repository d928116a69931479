"""A provider whose deliveries workers of Celery send, and its clients."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from celery import Celery
from flask import Flask
from joserfc.jwk import ECKey
from joserfc.jwk import KeySet

from idp_session import Client
from idp_session import Principal
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import protocol_blueprint
from idp_session.flask import user_session
from idp_session.integrations.celery import beat_schedule
from idp_session.integrations.celery import CeleryDispatcher
from idp_session.integrations.celery import register_tasks

from .hosts import ISSUER
from .hosts import StaticClients

__all__ = ["CLIENTS", "SETTINGS", "Receiver", "make_celery", "make_flask", "receiving"]

CLIENTS = ("shop", "mail", "news", "wiki")

#: Where a worker process is told what the test process knows.
SETTINGS = "IDP_SESSION_TEST_CELERY"


def make_celery(settings: dict[str, Any]) -> Celery:
    """The Celery app of the workers, and of whoever sends messages to them."""
    celery = Celery("provider", broker=settings["broker"])
    celery.conf.update(
        task_default_queue=settings["queue"],
        # Parallel tests share a broker.
        broker_transport_options={"global_keyprefix": settings["queue"]},
        worker_enable_remote_control=False,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
    )

    return celery


def make_flask(settings: dict[str, Any], dispatcher: CeleryDispatcher) -> Flask:
    """The provider; every client is told at the address of the receiver."""
    app = Flask("provider", static_folder=None)
    app.config.update(
        SECRET_KEY="a secret key for tests",
        IDP_SESSION_ISSUER=ISSUER,
        IDP_SESSION_COOKIE_SECURE=False,
        IDP_SESSION_DATABASE_URL=settings["database"],
        IDP_SESSION_BACK_CHANNEL_WAIT=0.5,
        IDP_SESSION_DELIVERY_ALLOW_HTTP=True,
        IDP_SESSION_DELIVERY_ALLOWED_NETWORKS=("127.0.0.1/32",),
        IDP_SESSION_DELIVERY_LEASE=10,
        # A machine that stands still for a while makes nobody send again.
        IDP_SESSION_DELIVERY_TIMEOUT=8,
        IDP_SESSION_DELIVERY_RETRY_AFTER=1,
        IDP_SESSION_DELIVERY_IN_FLIGHT=4,
        IDP_SESSION_DELIVERY_IN_FLIGHT_PER_HOST=4,
        IDP_SESSION_DELIVERY_POLL_INTERVAL=1,
    )
    extension = IdpSession()
    extension.init_app(
        app,
        clients=StaticClients(
            *(
                Client(
                    client_id=client_id,
                    id_token_signed_response_alg="ES256",
                    back_channel_logout_uri=f"{settings['receiver']}/{client_id}",
                )
                for client_id in CLIENTS
            )
        ),
        signer=KeySetTokenSigner(KeySet([ECKey.generate_key("P-256", {"kid": "ec"})])),
        dispatcher=dispatcher,
    )
    app.register_blueprint(protocol_blueprint(), url_prefix="/connect")
    _add_views(app, extension)

    return app


def _add_views(app: Flask, extension: IdpSession) -> None:
    @app.post("/login/<subject>")
    def log_in(subject: str) -> str:
        session_id = extension.sign_in(Principal(subject_id=subject))

        for client_id in CLIENTS:
            user_session.add_client_id(client_id)

        return session_id

    @app.post("/logout")
    def log_out() -> str:
        extension.sign_out()

        return "bye"


@dataclass(kw_only=True)
class Receiver:
    """The clients: who was told how often."""

    uri: str
    #: How often each path was posted to.
    told: Counter[str] = field(default_factory=Counter)
    #: What was posted, to see that no token came twice.
    tokens: list[str] = field(default_factory=list)
    #: Paths that do not answer until it is set.
    hanging: set[str] = field(default_factory=set)
    go_on: threading.Event = field(default_factory=threading.Event)
    #: How long each answer takes, in seconds.
    slowness: float = 0.0

    @property
    def total(self) -> int:
        return len(self.tokens)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Clients that are there for a while."""
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            path = self.path.strip("/")

            with lock:
                receiver.told[path] += 1
                receiver.tokens += urllib.parse.parse_qs(body)["logout_token"]

            time.sleep(receiver.slowness)

            if path in receiver.hanging:
                receiver.go_on.wait(20)

            with contextlib.suppress(OSError):
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        # Where no place is left the other side tries again in a second.
        request_queue_size = 100

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(uri=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()

    try:
        yield receiver
    finally:
        receiver.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


if SETTINGS in os.environ:
    # This is a worker: celery -A tests.unit.celery_host worker.
    _settings = json.loads(os.environ[SETTINGS])
    app = make_celery(_settings)
    _flask_app = make_flask(_settings, CeleryDispatcher(app))
    register_tasks(app, _flask_app)
    app.conf.beat_schedule = beat_schedule(_flask_app)
