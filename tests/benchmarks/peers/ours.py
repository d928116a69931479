"""The application with this package."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from cachelib import RedisCache
from flask import Flask
from joserfc.jwk import ECKey
from joserfc.jwk import KeySet
from redis import Redis

from idp_session import Client
from idp_session import Principal
from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import user_session
from idp_session.ports import SessionStore
from idp_session.stores.cache import BytesSerializer
from idp_session.stores.cache import CachedSessionStore
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore

from .pausing import PAUSE
from .texts import PRINCIPAL
from .texts import SECRET
from .texts import SUBJECT

__all__ = ["cached", "our_app", "our_extension"]


class _RedisBytesCache(RedisCache):
    serializer = BytesSerializer()  # type: ignore[assignment]  # inferred too narrowly


class _AnyClient:
    def get(self, client_id: str) -> Client:
        return Client(client_id=client_id)


def our_app(
    engine: sa.Engine,
    *,
    wrap: Callable[[SessionStore], SessionStore] = lambda store: store,
) -> Flask:
    """The application.

    :param engine: A database with our tables.
    :param wrap: Puts something in front of the store.
    """
    return our_extension(engine, wrap=wrap)[0]


def our_extension(
    engine: sa.Engine,
    *,
    wrap: Callable[[SessionStore], SessionStore] = lambda store: store,
) -> tuple[Flask, IdpSession]:
    """The application, and the extension on it.

    :param engine: As :func:`our_app` takes it.
    :param wrap: As :func:`our_app` takes it.
    """
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=SECRET,
        IDP_SESSION_ISSUER="https://idp.test",
        # What this process is asked for is measured, not what it does beside.
        IDP_SESSION_DELIVERY_IN_PROCESS=False,
    )
    idp_session = IdpSession()
    idp_session.init_app(
        app,
        clients=_AnyClient(),
        signer=KeySetTokenSigner(KeySet([ECKey.generate_key("P-256", {"kid": "a"})])),
        engine=engine,
        store=wrap(SqlSessionStore(engine)),
        queue=SqlDeliveryQueue(engine),
    )

    @app.post("/login")
    def login() -> str:
        idp_session.sign_in(Principal(subject_id=SUBJECT, **PRINCIPAL))

        return "ok"

    @app.post("/join/<client_id>")
    def join(client_id: str) -> str:
        user_session.add_client_id(client_id)

        return "ok"

    @app.get("/clients")
    def clients() -> str:
        return " ".join(user_session.client_ids)

    @app.post("/slow")
    def slow() -> str:
        user = user_session.user
        user_session.data.set("page", "of nobody" if user is None else user.subject_id)
        PAUSE.wait_here()

        return "ok"

    @app.post("/logout")
    def logout() -> str:
        idp_session.sign_out()

        return "ok"

    @app.get("/")
    def home() -> str:
        user = user_session.user

        return "nobody" if user is None else user.subject_id

    return app, idp_session


def cached(client: Redis, prefix: str) -> Callable[[SessionStore], SessionStore]:
    """Puts a cache in Redis in front of a store.

    :param client: The server.
    :param prefix: How the names of all entries begin.
    """
    return lambda store: CachedSessionStore(
        store,
        _RedisBytesCache(client, key_prefix=prefix),
        protector=AesGcmTicketProtector(SECRET),
    )
