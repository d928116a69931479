"""Background work of the extension: when it begins, what it does, how it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from idp_session import Delivery
from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session import Principal
from idp_session.flask import session_ended
from idp_session.flask.composition import OncePerProcess
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore
from tests.fakes import RecordingDispatcher

from .hosts import Host
from .hosts import host_app
from .hosts import running


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


@pytest.fixture
def looks() -> list[int]:
    """How many deliveries were asked for, at each look for what is due."""
    return []


@pytest.fixture
def busy(looks: list[int]) -> Host:
    """A host that delivers in this process."""

    class Queue(MemoryDeliveryQueue):
        def claim(self, **given: Any) -> tuple[Delivery, ...]:
            looks.append(given["limit"])
            return super().claim(**given)

    queue = Queue()

    return host_app(
        store=MemorySessionStore(queue),
        queue=queue,
        config={
            "IDP_SESSION_DELIVERY_IN_PROCESS": True,
            "IDP_SESSION_DELIVERY_POLL_INTERVAL": 60,
            "IDP_SESSION_BACK_CHANNEL_WAIT": 60,
        },
    )


def eventually(is_true: Callable[[], bool]) -> bool:
    """Whether something becomes true within some seconds."""
    until = time.monotonic() + 30

    while not is_true() and time.monotonic() < until:
        time.sleep(0.005)

    return is_true()


def test_the_first_request_starts_the_work(busy: Host, looks: list[int]) -> None:
    """What an earlier process owed is looked for with the first request, and once."""
    browser = busy.browser()

    try:
        browser.get("/plain")
        assert eventually(lambda: len(looks) == 1)
        for _ in range(20):
            browser.get("/plain")
        time.sleep(0.05)
    finally:
        busy.extension.stop_background_work(busy.app, timeout=timedelta(seconds=5))

    assert len(looks) == 1


def test_a_logout_is_delivered_in_the_background(busy: Host) -> None:
    """The owed notifications are sent without anybody's doing."""
    with running(busy):
        browser = busy.signed_in("shop", "mail")
        session_id = browser.get("/whoami").get_json()["sid"]
        browser.post("/logout")
        delivered = eventually(
            lambda: (
                {each.state for each in busy.owed(session_id)}
                == {DeliveryState.DELIVERED}
            )
        )

    assert delivered
    assert sorted(busy.sender.uris) == [
        "https://mail.test/back",
        "https://shop.test/back",
    ]


def test_requests_do_not_restart_stopped_work(busy: Host, looks: list[int]) -> None:
    """A process that is ending claims nothing more, whoever still asks for pages."""
    browser = busy.browser()
    browser.get("/plain")

    finished = busy.extension.stop_background_work(
        busy.app, timeout=timedelta(seconds=5)
    )
    before = len(looks)
    browser.get("/plain")
    time.sleep(0.05)

    assert finished
    assert len(looks) == before


def test_stopping_does_not_wait_for_ever(busy: Host) -> None:
    """A client that hangs keeps a process from ending only as long as told."""
    busy.sender.open.clear()

    with running(busy):
        browser = busy.signed_in("shop")
        browser.post("/logout")
        assert eventually(lambda: bool(busy.sender.sent))
        finished = busy.extension.stop_background_work(
            busy.app, timeout=timedelta(milliseconds=50)
        )

    assert not finished


def test_without_background_work(host: Host) -> None:
    """Where another process delivers, starting and stopping do nothing."""
    host.extension.start_background_work(host.app)
    browser = host.signed_in("shop")
    browser.post("/logout")

    stopped = host.extension.stop_background_work(
        host.app, timeout=timedelta(seconds=0)
    )

    assert stopped
    assert host.sender.sent == []
    assert host.deliver() == 1


def test_a_dispatcher_of_the_host() -> None:
    """Where a dispatcher is given it is told what is owed, and no thread here sends."""
    dispatcher = RecordingDispatcher()
    host = host_app(
        config={"IDP_SESSION_DELIVERY_IN_PROCESS": True}, dispatcher=dispatcher
    )
    browser = host.signed_in("shop")
    browser.post("/logout")

    assert dispatcher.kicks == 1
    assert host.state.dispatcher is dispatcher
    assert host.deliver() == 1


def test_once_per_process() -> None:
    """A forked process begins on its own; the parent's beginning is not its."""
    calls: list[int] = []
    once = OncePerProcess(lambda: calls.append(os.getpid()))
    once()
    once()
    once._process = -1

    once()

    assert calls == [os.getpid()] * 2


def test_signals_of_other_threads(busy: Host) -> None:
    """A session that the sweep ends is announced by the app, outside of requests."""
    heard: list[tuple[Flask, LogoutReason]] = []
    with busy.app.test_request_context():
        busy.extension.sign_in(Principal(subject_id="alice"))

    def listen(sender: Flask, ended: Any) -> None:
        heard.append((sender, ended.reason))

    with session_ended.connected_to(listen, busy.app), running(busy):
        busy.clock.tick(timedelta(hours=2))
        # The first request may have begun a sweep before anything had expired.
        busy.state.background._next_sweep = 0.0
        busy.state.dispatcher.kick()
        found = eventually(lambda: bool(heard))

    assert found
    assert heard == [(busy.app, LogoutReason.IDLE_TIMEOUT)]
