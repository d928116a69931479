"""Celery's tasks, schedule and messages, without a broker."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from celery import Celery
from celery import signals
from flask import current_app
from flask import Flask

from idp_session import Client
from idp_session import ConfigurationError
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.integrations.celery import beat_schedule
from idp_session.integrations.celery import CeleryDispatcher
from idp_session.integrations.celery import register_tasks

from ..sample.processes import wait_until
from .docs_examples import blocks
from .hosts import Host
from .hosts import host_app
from .hosts import ISSUER
from .hosts import key_set
from .hosts import MAIL
from .hosts import SHOP
from .hosts import StaticClients
from .proxies import proxied

SECOND = timedelta(seconds=1)
#: After how many seconds a broker that was away is asked again.
PAUSE = 2.0
DOCS = Path(__file__).parents[2] / "docs"
NOT_SET_UP = Flask("nothing")


@pytest.fixture
def celery() -> Celery:
    """An app whose broker is in the memory of this process."""
    app = Celery("provider", broker="memory://")
    app.conf.task_default_queue = f"test_{secrets.token_hex(6)}"

    return app


Make = Callable[[Celery], CeleryDispatcher]


@pytest.fixture
def make() -> Iterator[Make]:
    made = []

    def make(celery: Celery) -> CeleryDispatcher:
        made.append(CeleryDispatcher(celery))

        return made[-1]

    yield make

    for dispatcher in made:
        dispatcher.close(timedelta(seconds=30))
        wait_until(lambda it=dispatcher: not it._loop.running)  # type: ignore[misc]


def messages(celery: Celery) -> list[Any]:
    """Takes everything from the queue."""
    found = []

    with celery.connection_for_read() as connection:
        channel = connection.default_channel
        channel.queue_declare(celery.conf.task_default_queue)

        while message := channel.basic_get(celery.conf.task_default_queue, no_ack=True):
            found.append(message)

    return found


def working(celery: Celery, **given: Any) -> Host:
    """A host whose outbox the tasks of this app work off."""
    host = host_app(**given)
    register_tasks(celery, host.app)

    return host


def test_a_kick_is_a_message(celery: Celery, make: Make) -> None:
    """It names the task and says nothing else; it is JSON, not kept, and grows old."""
    dispatcher = make(celery)

    dispatcher.kick()
    is_sent = dispatcher.close(timedelta(seconds=30))
    [message] = messages(celery)

    assert is_sent
    assert message.headers["task"] == "idp_session.deliver"
    assert message.headers["ignore_result"] is True
    assert message.content_type == "application/json"
    assert message.properties["delivery_mode"] == 1
    assert message.properties["expiration"] == "60000"
    assert json.loads(message.body)[:2] == [[], {}]


def test_many_kicks_are_few_messages(celery: Celery, make: Make) -> None:
    """Kicks while a message is on its way become one more message."""
    dispatcher = make(celery)

    for _ in range(1000):
        dispatcher.kick()
    dispatcher.close(timedelta(seconds=30))

    assert 1 <= len(messages(celery)) < 200


def test_a_kick_after_a_message_is_another_one(celery: Celery, make: Make) -> None:
    """No kick is taken for one whose message has been sent already."""
    dispatcher = make(celery)

    for _ in range(3):
        dispatcher.kick()
        assert dispatcher.close(timedelta(seconds=30))

    assert len(messages(celery)) == 3


def test_a_broker_that_is_away_is_asked_now_and_then(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """However many users sign out then, and each of them is answered at once."""
    with proxied("127.0.0.1", 1) as proxy:
        proxy.cut()
        dispatcher = make(Celery("p", broker=f"amqp://127.0.0.1:{proxy.port}//"))
        began = time.monotonic()
        dispatcher.kick()
        wait_until(lambda: "celery failed: OperationalError" in caplog.text)

        for _ in range(200):
            dispatcher.kick()
            time.sleep(0.001)
        is_sent = dispatcher.close(SECOND)
        seconds = time.monotonic() - began

    assert 1 <= proxy.failures <= 1 + seconds / PAUSE
    assert seconds < 20
    assert not is_sent


def test_a_task_delivers_everything(celery: Celery) -> None:
    """One task sends all that is due, also more than it claims at once."""
    host = working(celery, config={"IDP_SESSION_DELIVERY_IN_FLIGHT": 4})
    for number in range(10):
        host.signed_in("shop", "mail", subject=f"user{number}").post("/logout")

    celery.tasks["idp_session.deliver"]()

    assert host.sender.uris.count(str(SHOP.back_channel_logout_uri)) == 10
    assert host.sender.uris.count(str(MAIL.back_channel_logout_uri)) == 10


def test_deliveries_are_made_in_the_context_of_the_app(celery: Celery) -> None:
    """A client store may need it, as one over Flask-SQLAlchemy does."""

    class Clients(StaticClients):
        def get(self, client_id: str) -> Client | None:
            apps.append(current_app.name)

            return super().get(client_id)

    apps: list[str] = []
    host = working(celery, clients=Clients(SHOP))
    host.signed_in("shop").post("/logout")
    apps.clear()

    celery.tasks["idp_session.deliver"]()

    assert apps == ["host"]


def test_a_task_whose_time_is_up_asks_for_the_next_one(celery: Celery) -> None:
    """What is left is not left to beat."""
    host = host_app()
    register_tasks(celery, host.app, time_budget=timedelta(milliseconds=50))
    host.signed_in("shop").post("/logout")
    host.sender.open.clear()
    found: list[Any] = []

    def answer_when_asked_for() -> None:
        deadline = time.monotonic() + 30
        while not found and time.monotonic() < deadline:
            found.extend(messages(celery))
            time.sleep(0.01)
        host.sender.open.set()

    client = threading.Thread(target=answer_when_asked_for)
    client.start()
    celery.tasks["idp_session.deliver"]()
    client.join()

    assert [each.headers["task"] for each in found] == ["idp_session.deliver"]


def test_a_sweep_ends_what_has_expired(celery: Celery) -> None:
    """Sessions that nobody uses any more end by their task, and clients are owed."""
    host = working(celery)
    browser = host.signed_in("shop")
    session_id = browser.get("/whoami").json["sid"]  # type: ignore[index]
    host.clock.tick(timedelta(hours=3))

    celery.tasks["idp_session.sweep"]()

    assert [each.client_id for each in host.owed(session_id)] == ["shop"]


def test_a_purge_forgets_what_is_long_over(celery: Celery) -> None:
    """Deliveries that were made go when their time is over."""
    host = working(celery)
    host.signed_in("shop").post("/logout")
    celery.tasks["idp_session.deliver"]()
    host.clock.tick(timedelta(days=31))

    celery.tasks["idp_session.purge"]()

    assert host.state.deliveries.query() == ()


def test_limits_of_a_task(celery: Celery) -> None:
    """Nobody ends a task before the lease of what it has claimed last is over."""
    host = host_app()
    register_tasks(celery, host.app, time_budget=timedelta(seconds=7))

    task = celery.tasks["idp_session.deliver"]

    assert task.acks_late
    assert task.reject_on_worker_lost
    assert task.soft_time_limit == 7 + 20
    assert task.time_limit > task.soft_time_limit


def test_tasks_belong_to_one_celery_app(celery: Celery) -> None:
    """A second Celery app of the process does not get them."""
    working(celery)

    assert "idp_session.deliver" in celery.tasks
    assert "idp_session.deliver" not in Celery("other").tasks


def test_the_schedule_follows_the_settings() -> None:
    """Beat looks as often as the threads of a process would."""
    host = host_app(
        config={
            "IDP_SESSION_DELIVERY_POLL_INTERVAL": 7,
            "IDP_SESSION_SWEEP_INTERVAL": 90,
        }
    )

    schedule = beat_schedule(host.app)

    assert {name: entry["schedule"] for name, entry in schedule.items()} == {
        "idp_session.deliver": timedelta(seconds=7),
        "idp_session.sweep": timedelta(seconds=90),
        "idp_session.purge": timedelta(hours=1),
    }
    assert all(entry["task"] == name for name, entry in schedule.items())
    assert {entry["options"]["expires"] for entry in schedule.values()} == {60}


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda: register_tasks(Celery("p"), NOT_SET_UP), id="tasks"),
        pytest.param(lambda: beat_schedule(NOT_SET_UP), id="beat"),
    ],
)
def test_an_app_without_the_extension(use: Callable[[], object]) -> None:
    """Whoever forgets init_app is told so when the worker starts."""
    with pytest.raises(ConfigurationError, match="init_app"):
        use()


def test_a_budget_without_time(celery: Celery) -> None:
    """A task that may not work is refused."""
    with pytest.raises(ConfigurationError, match="time_budget"):
        register_tasks(celery, host_app().app, time_budget=timedelta(0))


def test_processes_of_a_worker_take_no_connection_over(
    celery: Celery, sqlite_engine: sa.Engine
) -> None:
    """A forked process leaves its parent's connections alone, and makes its own."""
    host = working(celery, engine=sqlite_engine)
    with sqlite_engine.connect() as connection:
        parents = connection.connection.dbapi_connection

    signals.worker_process_init.send(sender=None)

    with host.state.engine.connect() as connection:  # type: ignore[union-attr]
        assert connection.connection.dbapi_connection is not parents
    parents.execute("SELECT 1")  # type: ignore[union-attr]
    parents.close()  # type: ignore[union-attr]


def test_set_up_as_documented() -> None:
    """Whoever copies the guide has tasks in a queue of their own, and a schedule."""
    [block] = blocks(DOCS / "guides" / "celery.md")
    guide: dict[str, Any] = {}
    exec(block, guide)  # noqa: S102 - our own text
    app = Flask("provider")
    app.config.update(SECRET_KEY="a secret key for tests", IDP_SESSION_ISSUER=ISSUER)
    clients, signer = StaticClients(SHOP), KeySetTokenSigner(key_set())

    guide["set_up"](app, IdpSession(), clients, signer)
    celery: Celery = guide["celery"]
    route = celery.amqp.router.route({}, "idp_session.deliver")

    assert isinstance(app.extensions["idp_session"].dispatcher, CeleryDispatcher)
    assert set(celery.conf.beat_schedule) <= set(celery.tasks)
    assert len(celery.conf.beat_schedule) == 3
    assert route["queue"].name == "logouts"


def test_without_celery() -> None:
    """Nothing else of the package needs it, and its absence is explained."""
    program = (
        "import sys; sys.modules['celery'] = None\n"
        "import idp_session.flask\n"
        "import idp_session.integrations.celery"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert result.stderr.strip().rpartition("\n")[2] == (
        "ImportError: idp_session.integrations.celery needs Celery: "
        "pip install 'idp-session[celery]'"
    )
