"""What a host hears of sessions and deliveries, and when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from blinker import NamedSignal
from flask import Flask

from idp_session import Delivery
from idp_session import DeliveryState
from idp_session import EndedSession
from idp_session import LogoutReason
from idp_session import Principal
from idp_session.flask import delivery_attempted
from idp_session.flask import session_ended
from idp_session.flask import session_started
from idp_session.models import SendFailure
from idp_session.models import SendResult

from .hosts import Host
from .hosts import host_app

Heard = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


@pytest.fixture
def heard(host: Host) -> Iterator[Heard]:
    """Every signal of the host's app, with its arguments, in order."""
    everything: Heard = []

    with (
        _listening(session_started, host.app, everything),
        _listening(session_ended, host.app, everything),
        _listening(delivery_attempted, host.app, everything),
    ):
        yield everything


@contextmanager
def _listening(signal: NamedSignal, app: Flask, heard: Heard) -> Iterator[None]:
    def listen(sender: Flask, **arguments: Any) -> None:
        assert sender is app
        heard.append((signal.name, arguments))

    with signal.connected_to(listen, app):
        yield


def test_started(host: Host, heard: Heard) -> None:
    """A sign-in is announced with the session id and who it is."""
    session_id = host.browser().post("/login/alice?name=Alice").text

    assert heard == [
        (
            "idp-session-started",
            {
                "session_id": session_id,
                "principal": Principal(
                    subject_id="alice", display_name="Alice", amr=("pwd",)
                ),
            },
        )
    ]


def test_ended(host: Host, heard: Heard) -> None:
    """An end is announced once, with reason and clients; the second time nothing is."""
    browser = host.signed_in("shop", "mail")
    session_id = browser.get("/whoami").get_json()["sid"]
    heard.clear()

    browser.post("/logout")
    browser.post("/logout")

    ((name, arguments),) = heard
    ended: EndedSession = arguments.pop("ended")
    assert (name, arguments) == ("idp-session-ended", {})
    assert (ended.session_id, ended.reason) == (session_id, LogoutReason.USER)
    assert ended.client_ids == ("shop", "mail")


def test_user_switch(host: Host, heard: Heard) -> None:
    """Where another user signs in, the old session ends before the new one starts."""
    # SSO-OP-08, BCL-OP-33
    browser = host.signed_in("shop")
    heard.clear()

    browser.post("/login/bob")

    assert [name for name, _ in heard] == ["idp-session-ended", "idp-session-started"]
    assert heard[0][1]["ended"].reason is LogoutReason.USER_SWITCH


def test_delivered(host: Host, heard: Heard) -> None:
    """Each attempt is announced, with the delivery as it is afterwards."""
    host.sender.answers["https://shop.test/back"] = SendResult(status=503)
    browser = host.signed_in("shop")
    browser.post("/logout")
    heard.clear()

    host.deliver()
    host.clock.tick(3600)
    host.sender.answers["https://shop.test/back"] = SendResult(
        failure=SendFailure.ADDRESS_REFUSED
    )
    host.deliver()

    deliveries: list[Delivery] = [arguments["delivery"] for _, arguments in heard]
    assert [each.state for each in deliveries] == [
        DeliveryState.PENDING,
        DeliveryState.FAILED,
    ]
    assert [each.attempts for each in deliveries] == [1, 2]


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(RuntimeError("a receiver's own"), id="error"),
        pytest.param(KeyError("key"), id="lookup"),
    ],
)
def test_a_failing_receiver_breaks_nothing(
    host: Host, caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    """A receiver that fails is logged; sign-in, logout and delivery go on."""

    def fail(_: Flask, **__: Any) -> None:
        raise failure

    with (
        session_started.connected_to(fail, host.app),
        session_ended.connected_to(fail, host.app),
        delivery_attempted.connected_to(fail, host.app),
    ):
        browser = host.signed_in("shop")
        ended = browser.post("/logout").get_json()["ended"]
        host.deliver()

    assert host.owed(ended)[0].state is DeliveryState.DELIVERED
    assert [record.args for record in caplog.records] == [
        ("idp-session-started",),
        ("idp-session-ended",),
        ("idp-session-delivery-attempted",),
    ]


def test_a_failing_receiver_does_not_silence_others(host: Host, heard: Heard) -> None:
    """Every receiver hears of a signal, whatever the others do."""

    def fail(_: Flask, **__: Any) -> None:
        raise RuntimeError("a receiver's own")

    with session_started.connected_to(fail, host.app):
        host.browser().post("/login/alice")

    assert len(heard) == 1


def test_apps_do_not_mix(host: Host, heard: Heard) -> None:
    """A receiver of one app hears nothing of another one in the same process."""
    other = host_app()

    other.signed_in("shop").post("/logout")
    other.deliver()

    assert heard == []
