"""Puts the services of one app together."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from ..adapters.address_policy import AddressPolicy
from ..adapters.broadcast import LocalBroadcast
from ..adapters.crypto import AesGcmTicketProtector
from ..adapters.dispatch import ThreadDispatcher
from ..adapters.http import RequestsLogoutSender
from ..errors import ConfigurationError
from ..models import EndedSession
from ..options import SessionOptions
from ..ports import ClientStore
from ..ports import Clock
from ..ports import DeliveryQueue
from ..ports import Dispatcher
from ..ports import LogoutSender
from ..ports import SessionBroadcast
from ..ports import SessionStore
from ..ports import SubjectIdentifiers
from ..ports import TicketProtector
from ..ports import TokenSigner
from ..services.anonymous import AnonymousSessionService
from ..services.background import BackgroundWork
from ..services.channels import Channels
from ..services.data import DataService
from ..services.delivery import DeliveryService
from ..services.delivery_management import DeliveryManagementService
from ..services.ending import EndingService
from ..services.ending import SweepService
from ..services.event_streams import EventStreams
from ..services.logout_requests import LogoutRequestService
from ..services.management import SessionManagementService
from ..services.reading import SessionReader
from ..services.sign_in import SignInService
from ..services.tickets import TicketSealer
from ..stores.sql import create_engine
from . import signals
from .state import AppState

__all__ = [
    "OncePerProcess",
    "compose",
    "default_broadcast",
    "default_engine",
    "default_sender",
]

_logger = logging.getLogger(__name__)


class OncePerProcess:
    """Calls something once in each process, forked ones included.

    :param call: What to call.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._process: int | None = None

    def __call__(self) -> None:
        """Call it, unless this process has done so."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._call()


class _ElsewhereDispatcher:
    """For apps whose deliveries a dedicated process sends: it looks by itself."""

    def kick(self) -> None:
        return


def default_engine(app: Flask, options: SessionOptions) -> sa.Engine:
    """The database of the settings, or a SQLite file in the instance folder.

    :param app: The app.
    :param options: Its settings.
    """
    if options.database_url is not None:
        return create_engine(options.database_url)

    path = Path(app.instance_path) / "idp_session.sqlite"

    return create_engine(sa.URL.create("sqlite", database=str(path)))


def default_sender(options: SessionOptions) -> LogoutSender:
    """The sender that the settings describe.

    :param options: The settings.
    """
    return RequestsLogoutSender(
        policy=AddressPolicy(
            allow_http=options.delivery_allow_http,
            allowed_networks=options.delivery_allowed_networks,
        ),
        connect_timeout=options.delivery_connect_timeout,
        timeout=options.delivery_timeout,
        ca_file=options.delivery_ca_file,
    )


def default_broadcast(
    options: SessionOptions, protector: TicketProtector
) -> SessionBroadcast:
    """The broadcast that the settings describe; within the process if none does.

    :param options: The settings.
    :param protector: Seals messages.
    :raises ConfigurationError: If the URL is wrong or the extra is not installed.
    """
    if options.broadcast_url is None:
        return LocalBroadcast()

    try:
        from ..adapters.redis_broadcast import RedisBroadcast  # the extra "redis"
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "IDP_SESSION_BROADCAST_URL needs redis: pip install 'idp-session[redis]'"
        ) from error

    return RedisBroadcast.from_url(options.broadcast_url, protector=protector)


def compose(
    app: Flask,
    options: SessionOptions,
    *,
    clients: ClientStore,
    signer: TokenSigner,
    engine: sa.Engine | None,
    store: SessionStore,
    queue: DeliveryQueue,
    sender: LogoutSender,
    subjects: SubjectIdentifiers,
    clock: Clock,
    broadcast: SessionBroadcast | None = None,
) -> AppState:
    """The services of an app, from its settings and collaborators.

    :raises ConfigurationError: If ``SECRET_KEY`` is missing or too short.
    """
    protector = AesGcmTicketProtector(
        app.config["SECRET_KEY"] or "",
        fallbacks=app.config.get("SECRET_KEY_FALLBACKS") or (),
    )
    delivery = DeliveryService(
        queue=queue,
        clients=clients,
        signer=signer,
        sender=sender,
        clock=clock,
        options=options,
        announce=lambda delivery: signals.send(
            signals.delivery_attempted, app, delivery=delivery
        ),
    )
    # The dispatcher asks for work that is made with the dispatcher: it asks later.
    dispatcher: Dispatcher = _ElsewhereDispatcher()

    if options.delivery_in_process:
        dispatcher = ThreadDispatcher(
            claim=lambda limit: background.claim(limit),
            deliver=delivery.deliver,
            threads=options.delivery_threads,
            poll_interval=options.delivery_poll_interval,
            logger=_logger,
        )

    channels = Channels(
        # As above: the reader is made further down.
        is_live=lambda session_id: reader.live(store.find(session_id)) is not None,
        broadcast=broadcast or default_broadcast(options, protector),
        check_interval=options.channel_check_interval,
    )

    def announce(ended: EndedSession) -> None:
        channels.ended(ended)
        signals.send(signals.session_ended, app, ended=ended)

    ending = EndingService(
        store=store,
        clock=clock,
        dispatcher=dispatcher,
        announce=announce,
    )
    tickets = TicketSealer(protector)
    data = DataService(store=store, protector=protector)
    reader = SessionReader(
        store=store, ending=ending, tickets=tickets, clock=clock, options=options
    )
    sweep = SweepService(store=store, ending=ending, clock=clock)
    deliveries = DeliveryManagementService(
        queue=queue, clock=clock, dispatcher=dispatcher
    )
    background = BackgroundWork(
        delivery=delivery,
        deliveries=deliveries,
        sweep=sweep,
        sweep_interval=options.sweep_interval,
        retention=options.delivery_retention,
    )

    return AppState(
        options=options,
        engine=engine,
        store=store,
        queue=queue,
        clients=clients,
        signer=signer,
        subjects=subjects,
        protector=protector,
        clock=clock,
        reader=reader,
        sign_in=SignInService(
            store=store,
            reader=reader,
            ending=ending,
            tickets=tickets,
            data=data,
            clock=clock,
            options=options,
        ),
        anonymous=AnonymousSessionService(store=store, clock=clock, options=options),
        data=data,
        ending=ending,
        sweep=sweep,
        delivery=delivery,
        background=background,
        dispatcher=dispatcher,
        management=SessionManagementService(store=store, ending=ending),
        deliveries=deliveries,
        channels=channels,
        streams=EventStreams(channels, at_most=options.max_event_streams),
        logout_requests=LogoutRequestService(
            issuer=options.issuer,
            clients=clients,
            signer=signer,
            protector=protector,
            clock=clock,
            page_lifetime=options.logout_page_lifetime,
        ),
    )
