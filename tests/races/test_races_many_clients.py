"""A session with two hundred clients of which ten hang."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa
from joserfc.jwk import generate_key
from joserfc.jwk import KeySet

from idp_session.flask.state import KEY
from tests.soak.many import many_clients
from tests.soak.processes import provider_config
from tests.soak.provider import make_app

pytestmark = pytest.mark.no_cover

COUNT = 200
HANGING = 10
WAIT = 1.0
#: What the response may take beside: it ends the session, and shows the page.
WORK = 45.0
#: Whoever waits for those who hang waits for longer.
HANGS_FOR = 120


@pytest.mark.parametrize("sender", ["curl", "requests"])
def test_those_who_hang_delay_nobody(engine: sa.Engine, sender: str) -> None:
    """All others are told soon, and the response comes when its wait is over."""
    config = provider_config(
        engine.url,
        "http://localhost",
        delivery_sender=sender,
        delivery_timeout=HANGS_FOR,
        delivery_lease=2 * HANGS_FOR,
        back_channel_wait=WAIT,
    )
    keys = KeySet([generate_key("EC", "P-256")]).as_dict(private=True)

    with many_clients(COUNT, hanging=HANGING) as clients:
        app = make_app(config=config, keys=dict(keys), clients=clients.uris)
        browser = app.test_client()
        session_id = browser.post("/begin").get_json()["session_id"]
        page = browser.get("/connect/endsession").text
        confirmation = page.split('name="confirmation" value="')[1].split('"')[0]

        asked_at = time.monotonic()
        answer = browser.post(
            "/connect/endsession", data={"confirmation": confirmation, "answer": "yes"}
        )
        answered_at = time.monotonic()
        told_at = clients.wait_until_told(session_id, timeout=HANGS_FOR)
        app.extensions[KEY].dispatcher.stop(timedelta(0))
        # What its threads have begun they bring to an end, on connections of the engine.
        _wait_for_threads("idp_session-claiming", "idp_session-settling")
        app.extensions[KEY].engine.dispose()

    assert answer.status_code == 303
    assert WAIT <= answered_at - asked_at < WAIT + WORK
    assert told_at - asked_at < HANGS_FOR / 2


def _wait_for_threads(*names: str) -> None:
    for thread in threading.enumerate():
        if thread.name in names:
            thread.join(HANGS_FOR)
