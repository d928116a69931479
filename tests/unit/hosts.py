"""A small Flask host with everything that it needs in memory."""

from __future__ import annotations

import functools
import re
import string
import threading
from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask import request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from joserfc.jwk import ECKey
from joserfc.jwk import KeySet
from joserfc.jwk import OKPKey
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from idp_session import Client
from idp_session import Delivery
from idp_session import EndedSession
from idp_session import LogoutReason
from idp_session import Principal
from idp_session.adapters.blocking import BlockingLogoutSender
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import protocol_blueprint
from idp_session.flask import user_session
from idp_session.flask.state import AppState
from idp_session.models import SendResult
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore
from idp_session.testing import ManualClock

__all__ = [
    "DONE",
    "HANDLE",
    "ISSUER",
    "MAIL",
    "NEWS",
    "SESSION_ID",
    "SHOP",
    "STATE",
    "Host",
    "Page",
    "ScriptedSender",
    "StaticClients",
    "attributes",
    "directives",
    "host_app",
    "key_set",
    "running",
]

ISSUER = "https://idp.test"
HANDLE = "__Host-idp_session"
SESSION_ID = "idsrv.session"
DONE = "https://shop.test/done"

# 90 characters: all the punctuation of ASCII but "+" and ";", no space.
STATE = "".join(c for c in string.printable[2:94] if c not in "+;")

SHOP = Client(
    client_id="shop",
    name="Shop",
    redirect_uris=("https://shop.test/callback",),
    post_logout_redirect_uris=(
        DONE,
        "https://shop.test/done?lang=de&x=%7e",
        "com.example.shop:/done",
        "com.example.shop:///done",
        "https://shop.test/fertig-ä",
    ),
    back_channel_logout_uri="https://shop.test/back",
)
MAIL = Client(
    client_id="mail",
    name="Mail",
    redirect_uris=("https://mail.test/callback",),
    post_logout_redirect_uris=("https://mail.test/",),
    front_channel_logout_uri="https://mail.test/front?a=1&b=%7e",
    back_channel_logout_uri="https://mail.test/back",
)
NEWS = Client(
    client_id="news",
    name='<b>News</b> & "more"',
    secret="a secret of at least thirty-two octets",
    redirect_uris=("https://news.test:8443/callback",),
    front_channel_logout_uri="https://news.test:8443/front",
    id_token_signed_response_alg="HS256",
)


class StaticClients:
    """A :class:`~idp_session.ports.ClientStore` with these clients."""

    def __init__(self, *clients: Client) -> None:
        self.by_id = {client.client_id: client for client in clients}

    def get(self, client_id: str) -> Client | None:
        return self.by_id.get(client_id)


class ScriptedSender:
    """A :class:`~idp_session.ports.LogoutSender` that answers as it is told."""

    def __init__(self) -> None:
        #: By URI; what is not in it answers 200.
        self.answers: dict[str, SendResult] = {}
        #: What was sent where, in order.
        self.sent: list[tuple[str, str]] = []
        #: Clear it, and nobody answers until it is set.
        self.open = threading.Event()
        self.open.set()
        self._threads = BlockingLogoutSender(self._send)

    @property
    def uris(self) -> list[str]:
        return [uri for uri, _ in self.sent]

    def submit(self, uri: str, logout_token: str) -> Future[SendResult]:
        return self._threads.submit(uri, logout_token)

    def stop(self) -> None:
        self._threads.stop()

    def _send(self, uri: str, logout_token: str) -> SendResult:
        self.sent.append((uri, logout_token))
        self.open.wait(20)

        return self.answers.get(uri, SendResult(status=200))


@functools.cache
def key_set() -> KeySet:
    """Keys for all algorithms; made once, since that is slow."""
    return KeySet(
        [
            RSAKey.generate_key(2048, {"kid": "rsa"}),
            ECKey.generate_key("P-256", {"kid": "ec"}),
            OKPKey.generate_key("Ed25519", {"kid": "okp"}),
        ]
    )


@dataclass(frozen=True, kw_only=True)
class Host:
    """An app and what it was made of."""

    app: Flask
    extension: IdpSession
    clock: ManualClock
    clients: StaticClients
    sender: ScriptedSender
    signer: KeySetTokenSigner

    @property
    def state(self) -> AppState:
        state: AppState = self.app.extensions["idp_session"]

        return state

    def browser(self) -> FlaskClient:
        """A browser without cookies."""
        return self.app.test_client()

    def signed_in(self, *client_ids: str, subject: str = "alice") -> FlaskClient:
        """A browser in which somebody uses these clients."""
        browser = self.browser()
        browser.post(f"/login/{subject}")

        for client_id in client_ids:
            browser.post(f"/join/{client_id}")

        return browser

    def hint(self, client_id: str = "shop", *, typ: str = "JWT", **claims: Any) -> str:
        """An ID token; a claim that is ``None`` is left out."""
        now = int(self.clock.now().timestamp())
        usual = {
            "iss": self.state.options.issuer,
            "sub": "alice",
            "aud": client_id,
            "iat": now,
            "exp": now + 60,
        }
        given = {k: v for k, v in (usual | claims).items() if v is not None}

        return self.signer.sign(
            given, client=self.clients.by_id[client_id], token_type=typ
        )

    def owed(self, session_id: str) -> tuple[Delivery, ...]:
        return self.state.queue.of_session(session_id)

    def deliver(self) -> int:
        """Deliver what is owed, now and here."""
        return self.state.delivery.run_once()


def host_app(
    *,
    config: dict[str, Any] | None = None,
    clients: tuple[Client, ...] | StaticClients = (SHOP, MAIL, NEWS),
    register: Callable[[Flask], None] | None = None,
    **collaborators: Any,
) -> Host:
    """A host over https, unless the config says otherwise.

    :param config: Settings beyond those that every test wants.
    :param clients: The clients.
    :param register: Mounts the protocol endpoints in another way.
    :param collaborators: For ``init_app``, instead of those in memory.
    """
    app = Flask("host", static_folder=None)
    app.config.update(
        SECRET_KEY="a secret key for tests",
        SERVER_NAME="idp.test",
        PREFERRED_URL_SCHEME="https",
        TESTING=True,
        IDP_SESSION_ISSUER=ISSUER,
        IDP_SESSION_DELIVERY_IN_PROCESS=False,
        IDP_SESSION_BACK_CHANNEL_WAIT=0,
    )
    app.config.update(config or {})
    queue = MemoryDeliveryQueue()
    given: dict[str, Any] = {
        "clients": StaticClients(*clients) if isinstance(clients, tuple) else clients,
        "signer": KeySetTokenSigner(key_set()),
        "sender": ScriptedSender(),
        "clock": ManualClock(),
        **collaborators,
    }

    if "engine" not in given:
        given = {"store": MemorySessionStore(queue), "queue": queue, **given}

    extension = IdpSession()
    extension.init_app(app, **given)

    if register is None:
        app.register_blueprint(protocol_blueprint(), url_prefix="/connect")
    else:
        register(app)

    _add_views(app, extension)
    _add_client_views(app, extension)

    return Host(
        app=app,
        extension=extension,
        clock=given["clock"],
        clients=given["clients"],
        sender=given["sender"],
        signer=given["signer"],
    )


@contextmanager
def running(host: Host) -> Iterator[Host]:
    """A host whose deliveries are sent in the background."""
    host.extension.start_background_work(host.app)

    try:
        yield host
    finally:
        host.sender.open.set()
        host.extension.stop_background_work(host.app, timeout=timedelta(seconds=5))


def _add_views(app: Flask, extension: IdpSession) -> None:
    @app.post("/login/<subject>")
    def log_in(subject: str) -> ResponseReturnValue:
        return extension.sign_in(
            Principal(
                subject_id=subject,
                display_name=request.args.get("name"),
                amr=("pwd",),
                acr=request.args.get("acr"),
            ),
            persistent="remember" in request.args,
        )

    @app.post("/logout")
    def log_out() -> ResponseReturnValue:
        ended: EndedSession | None = extension.sign_out()

        return {"ended": ended and ended.session_id}

    @app.post("/end/<session_id>")
    def end(session_id: str) -> ResponseReturnValue:
        ended = extension.end(
            session_id,
            reason=LogoutReason.ADMIN,
            notify="silently" not in request.args,
        )

        return {"ended": ended and ended.session_id}

    @app.get("/whoami")
    def whoami() -> ResponseReturnValue:
        user = user_session.user

        return {
            "subject": user and user.subject_id,
            "sid": user_session.session_id,
            "clients": user_session.client_ids,
        }

    @app.route("/data", methods=["GET", "POST"])
    def data() -> ResponseReturnValue:
        user_session.data.update(request.get_json(silent=True) or {})

        return {name: user_session.data.get(name) for name in user_session.data}

    @app.get("/plain")
    def plain() -> ResponseReturnValue:
        return "nothing"


def _add_client_views(app: Flask, extension: IdpSession) -> None:
    @app.post("/join/<client_id>")
    def join(client_id: str) -> ResponseReturnValue:
        user_session.add_client_id(client_id)

        return {"clients": user_session.client_ids}

    @app.post("/leave/<client_id>")
    def leave(client_id: str) -> ResponseReturnValue:
        departure = user_session.remove_client_id(client_id, LogoutReason.USER)

        return {
            "left": departure and departure.client_ids,
            "clients": user_session.client_ids,
        }

    @app.post("/sign-out-of/<client_id>")
    def sign_out_of(client_id: str) -> ResponseReturnValue:
        departure = extension.sign_out_of(client_id)

        if departure is not None and "page" in request.args:
            return extension.to_departure_page(departure)

        return {"left": departure and departure.client_ids}


def attributes(response: TestResponse) -> dict[str, dict[str, str]]:
    """What each Set-Cookie says, by the cookie's name; the value is under ``""``."""
    found = {}

    for header in response.headers.getlist("Set-Cookie"):
        (name, value), *rest = (part.partition("=")[::2] for part in header.split("; "))
        found[name] = {"": value, **{k.lower(): v for k, v in rest}}

    return found


def directives(
    response: TestResponse, header: str = "Content-Security-Policy"
) -> dict[str, str]:
    """What the one policy of a page says, with its random part as ``'nonce'``."""
    [policy] = response.headers.getlist(header)
    known = re.sub(r"'nonce-[\w-]{24}'", "'nonce'", policy)

    return dict(part.partition(" ")[::2] for part in known.split("; "))


class Page(HTMLParser):
    """What a browser would see of an HTML page."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        #: ``src`` of each frame.
        self.frames: list[str] = []
        #: Hidden fields of the form.
        self.fields: dict[str, str] = {}
        #: Where the form goes.
        self.action: str | None = None
        #: Where "Continue" leads.
        self.onward: str | None = None
        #: Where "Back to ..." leads.
        self.back: str | None = None
        #: What can be answered.
        self.answers: list[str] = []
        #: Names of all elements.
        self.tags: list[str] = []
        self._text: list[str] = []
        self.feed(response.text)

    @property
    def text(self) -> str:
        """The words, with single spaces."""
        return re.sub(r"\s+", " ", " ".join(self._text)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)

        if tag == "iframe":
            self.frames.append(given["src"])
        elif tag == "input" and given.get("type") == "hidden":
            self.fields[given["name"]] = given["value"]
        elif tag == "form":
            self.action = given.get("action")
        elif given.get("id") == "continue":
            self.onward = given["href"]
        elif given.get("id") == "back":
            self.back = given["href"]
        elif tag == "button" and given.get("name") == "answer":
            self.answers.append(given["value"])

    def handle_data(self, data: str) -> None:
        self._text.append(data)
