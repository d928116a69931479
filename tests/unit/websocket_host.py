"""A host with a WebSocket, for a server process of its own."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask import request
from flask_sock import Sock

from idp_session import Principal
from idp_session import SessionEvent
from idp_session import SessionEventKind
from idp_session.errors import HandleNotIssuableError
from idp_session.flask import IdpSession
from idp_session.flask import user_session

from .hosts import host_app

__all__ = ["create_app"]

_GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "transports.md"


def create_app() -> Flask:
    """The app; its issuer is in the environment."""
    host = host_app(
        config={
            # An error is answered as in production, not raised through the server.
            "TESTING": False,
            "SERVER_NAME": None,
            "PREFERRED_URL_SCHEME": "http",
            "IDP_SESSION_ISSUER": os.environ["ISSUER"],
            "IDP_SESSION_AUTHORIZATION_SCHEME": "Session",
        }
    )
    sock = Sock(host.app)

    def socket(connection: Any) -> None:
        if user_session.user is None:
            answer(connection, host.extension)
            answer(connection, host.extension)
        else:
            follow(connection, host.extension)

    sock.route("/socket")(socket)

    guide: dict[str, Any] = {"__name__": __name__}
    exec(_GUIDE.read_text().split("```python\n")[1].split("```")[0], guide)  # noqa: S102
    guide["add_live_view"](host.extension)
    guide["sock"].init_app(host.app)

    return host.app


def follow(connection: Any, extension: IdpSession) -> None:
    """Answer until the session ends."""
    events: queue.SimpleQueue[SessionEvent] = queue.SimpleQueue()

    with extension.channels.bind(user_session.session_id or "", events.put):
        while True:
            answer(connection, extension, timeout=0.1)

            if not events.empty():
                event = events.get()
                connection.send(event.kind.value)

                if event.kind is SessionEventKind.ENDED:
                    return


def answer(
    connection: Any, extension: IdpSession, *, timeout: float | None = None
) -> None:
    """Do what one message says, if one comes."""
    message = connection.receive(timeout=timeout)

    if message is not None:
        word, _, rest = message.partition(" ")
        connection.send(_ANSWERS[word](extension, rest))


def _who(_: IdpSession, __: str) -> str:
    return user_session.user.subject_id if user_session.user else "nobody"


def _cookies(_: IdpSession, __: str) -> str:
    return ",".join(request.cookies)


def _keep(_: IdpSession, value: str) -> str:
    user_session.data.set("kept", value)

    return "set"


def _join(_: IdpSession, client_id: str) -> str:
    user_session.add_client_id(client_id)

    return ",".join(user_session.client_ids)


def _sign_out(extension: IdpSession, _: str) -> str:
    return str(extension.sign_out() is not None)


def _sign_in(extension: IdpSession, subject_id: str) -> str:
    try:
        return extension.sign_in(Principal(subject_id=subject_id, amr=("pwd",)))
    except HandleNotIssuableError as error:
        return str(error)


def _fail(_: IdpSession, __: str) -> str:
    raise ZeroDivisionError


_ANSWERS: dict[str, Callable[[IdpSession, str], str]] = {
    "who": _who,
    "cookies": _cookies,
    "keep": _keep,
    "join": _join,
    "sign-out": _sign_out,
    "sign-in": _sign_in,
    "fail": _fail,
}
