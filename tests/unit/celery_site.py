"""A provider with a broker, workers of Celery, and clients."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from idp_session import Delivery
from idp_session import DeliveryState
from idp_session.flask.state import AppState
from idp_session.integrations.celery import CeleryDispatcher
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import upgrade

from ..brokers import Broker
from ..sample.processes import Running
from ..sample.processes import start
from ..sample.processes import wait_until
from ..services import scratch_database
from .celery_host import CLIENTS
from .celery_host import make_celery
from .celery_host import make_flask
from .celery_host import Receiver
from .celery_host import receiving
from .celery_host import SETTINGS
from .proxies import proxied
from .proxies import Proxy

__all__ = ["Site", "celery_site"]

ROOT = Path(__file__).parents[2]


@dataclass(kw_only=True)
class Site:
    """A provider in this process, its clients, and workers in processes of theirs."""

    app: Flask
    dispatcher: CeleryDispatcher
    broker: Broker
    #: Between this process and the broker; workers go round it, unless told otherwise.
    proxy: Proxy
    receiver: Receiver
    settings: dict[str, str]
    folder: Path
    workers: list[Running] = field(default_factory=list)

    def signed_in(self, subject: str = "alice") -> FlaskClient:
        browser = self.app.test_client()
        assert browser.post(f"/login/{subject}").status_code == 200

        return browser

    def worker(self, *arguments: str, proxied: bool = False) -> Running:
        """A worker with two processes that is ready for messages."""
        broker = self.settings["broker"] if proxied else self.broker.url
        settings = self.settings | {"broker": broker}
        worker = start(
            *("celery", "-A", "tests.unit.celery_host", "worker"),
            *("--pool", "prefork", "--concurrency", "2", "--loglevel", "DEBUG"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            *("-n", f"worker{len(self.workers)}@%h", *arguments),
            cwd=ROOT,
            environment={SETTINGS: json.dumps(settings)},
        )
        self.workers.append(worker)
        wait_until(
            lambda: " ready." in worker.text or worker.process.poll() is not None
        )
        assert worker.process.poll() is None, worker.text

        return worker

    def worker_with_beat(self, *, proxied: bool = False) -> Running:
        schedule = str(self.folder / "schedule")

        return self.worker("--beat", "--schedule", schedule, proxied=proxied)

    def deliveries(self) -> tuple[Delivery, ...]:
        state: AppState = self.app.extensions["idp_session"]

        return state.deliveries.query(limit=200)

    def all_delivered(self, count: int = len(CLIENTS)) -> bool:
        deliveries = self.deliveries()

        return len(deliveries) == count and all(
            each.state is DeliveryState.DELIVERED for each in deliveries
        )

    def sign_out(self, browser: FlaskClient) -> None:
        assert browser.post("/logout").text == "bye"

    def sign_out_by_page(self, browser: FlaskClient) -> float:
        """As a person does; returns how many seconds the answer took."""
        question = browser.get("/connect/endsession").text
        found = re.search(r'name="confirmation" value="(\w+)"', question)
        assert found is not None
        answer = {"confirmation": found[1], "answer": "yes"}
        began = time.monotonic()
        page = browser.post("/connect/endsession", data=answer, follow_redirects=True)
        assert page.status_code == 200

        return time.monotonic() - began


@contextmanager
def celery_site(broker: Broker, *, database: str, folder: Path) -> Iterator[Site]:
    """A provider that tells its workers through this broker, for a while."""
    with ExitStack() as stack:
        proxy = stack.enter_context(proxied(*broker.address))
        receiver = stack.enter_context(receiving())
        url = stack.enter_context(scratch_database(database, folder))
        engine = create_engine(url)
        upgrade(engine)
        engine.dispose()
        settings = {
            "broker": broker.through(proxy.port),
            "queue": broker.queue,
            "database": url.render_as_string(hide_password=False),
            "receiver": receiver.uri,
        }
        dispatcher = CeleryDispatcher(make_celery(settings))
        site = Site(
            app=make_flask(settings, dispatcher),
            dispatcher=dispatcher,
            broker=broker,
            proxy=proxy,
            receiver=receiver,
            settings=settings,
            folder=folder,
        )
        stack.callback(_end, site)

        yield site


def _end(site: Site) -> None:
    site.receiver.go_on.set()

    for worker in site.workers:
        worker.close()

    site.dispatcher.close(timedelta(seconds=5))
    state: AppState = site.app.extensions["idp_session"]
    assert state.engine is not None
    state.engine.dispose()
