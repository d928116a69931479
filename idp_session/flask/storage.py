"""Where an app keeps its sessions, and what is owed for them."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask

from ..errors import ConfigurationError
from ..options import SessionOptions
from ..ports import DeliveryQueue
from ..ports import SessionBroadcast
from ..ports import SessionStore
from ..stores.cookie import CookieSessionStore
from ..stores.sql import SqlDeliveryQueue
from ..stores.sql import SqlSessionStore
from .defaults import default_engine
from .state import carried_session

__all__ = ["check_broadcast", "chosen_stores"]


def chosen_stores(
    app: Flask,
    options: SessionOptions,
    *,
    engine: sa.Engine | None,
    store: SessionStore | None,
    queue: DeliveryQueue | None,
) -> tuple[sa.Engine | None, SessionStore, DeliveryQueue]:
    """What was given, or else what the settings say.

    :param app: The app.
    :param options: Its settings.
    :param engine: A database.
    :param store: What keeps sessions instead.
    :param queue: What keeps deliveries instead.
    :returns: The database, unless both are kept elsewhere, and who keeps them.
    :raises ConfigurationError: If they do not go together.
    """
    if options.tickets == "cookie":
        return _for_cookies(app, options, engine=engine, store=store, queue=queue)

    if (store is None) != (queue is None):
        raise ConfigurationError(
            "give store and queue together: one transaction spans both"
        )

    if store is None or queue is None:
        engine = engine or default_engine(app, options)
        store, queue = SqlSessionStore(engine), SqlDeliveryQueue(engine)

    return engine, store, queue


def _for_cookies(
    app: Flask,
    options: SessionOptions,
    *,
    engine: sa.Engine | None,
    store: SessionStore | None,
    queue: DeliveryQueue | None,
) -> tuple[sa.Engine | None, SessionStore, DeliveryQueue]:
    if store is not None:
        raise ConfigurationError(
            'IDP_SESSION_TICKETS is "cookie", so give no store, cached or not:'
            " sessions are in the cookies of browsers"
        )

    if queue is None:
        engine = engine or default_engine(app, options)
        queue = SqlDeliveryQueue(engine)

    return engine, CookieSessionStore(carried=carried_session, queue=queue), queue


def check_broadcast(
    options: SessionOptions, broadcast: SessionBroadcast | None
) -> None:
    """Refuse what tells of sessions that nobody can be bound to.

    :param options: The settings.
    :param broadcast: As it was given.
    :raises ConfigurationError: If it would never be asked.
    """
    if broadcast is not None and options.tickets == "cookie":
        raise ConfigurationError(
            'IDP_SESSION_TICKETS is "cookie", so give no broadcast: channels cannot'
            " be bound to sessions that are in the cookies of browsers"
        )
