"""What is done by ``flask idp-session``, and what there is to do it with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from click.testing import Result

from idp_session import LogoutReason
from idp_session import SessionFilter
from idp_session.models import SendResult
from idp_session.testing import make_participant
from idp_session.testing import make_session

from .hosts import Host

__all__ = ["HOUR", "begin", "eventually", "live", "owe", "read", "refuse", "run"]

HOUR = timedelta(hours=1)


def run(host: Host, *arguments: str, answer: str | None = None) -> Result:
    return host.app.test_cli_runner().invoke(
        args=["idp-session", *arguments], input=answer
    )


def read(host: Host, *arguments: str) -> Any:
    """What a command prints as JSON, when it succeeds."""
    result = run(host, *arguments, "--json")
    assert result.exit_code == 0, result.output

    return json.loads(result.stdout)


def begin(host: Host, *client_ids: str, **members: Any) -> str:
    session = make_session(**members)
    host.state.store.create(session)

    for client_id in client_ids:
        host.state.store.add_participant(
            make_participant(session.session_id, client_id=client_id)
        )

    return session.session_id


def owe(host: Host, client_id: str = "shop", **members: Any) -> int:
    """The id of a delivery that is owed."""
    session_id = begin(host, client_id, **members)
    host.state.ending.end(session_id, reason=LogoutReason.USER)

    return host.owed(session_id)[0].id


def refuse(host: Host, client_id: str = "shop", **members: Any) -> int:
    """The id of a delivery that the client has refused."""
    delivery_id = owe(host, client_id, **members)
    host.sender.answers[f"https://{client_id}.test/back"] = SendResult(status=400)
    host.deliver()

    return delivery_id


def eventually(is_true: Callable[[], bool]) -> bool:
    """Whether something becomes true within some seconds."""
    until = time.monotonic() + 30

    while not is_true() and time.monotonic() < until:
        time.sleep(0.01)

    return is_true()


def live(host: Host) -> int:
    return host.state.store.count(SessionFilter(), at_most=99)
