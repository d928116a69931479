"""Puts the services of one app together."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from functools import partial

import sqlalchemy as sa
from flask import Flask

from ..adapters.crypto import AesGcmTicketProtector
from ..adapters.dispatch import ThreadDispatcher
from ..adapters.encryption import JweTokenEncrypter
from ..adapters.encryption import RegisteredClientKeys
from ..models import Departure
from ..models import EndedSession
from ..options import SessionOptions
from ..ports import ClientKeys
from ..ports import ClientOrigins
from ..ports import ClientStore
from ..ports import Clock
from ..ports import DeliveryQueue
from ..ports import Dispatcher
from ..ports import LogoutPolicy
from ..ports import LogoutSender
from ..ports import SessionBroadcast
from ..ports import SessionStore
from ..ports import SessionTokens
from ..ports import SubjectIdentifiers
from ..ports import TokenSigner
from ..services.anonymous import AnonymousSessionService
from ..services.background import BackgroundWork
from ..services.channels import Channels
from ..services.collaborators import SessionServices
from ..services.data import DataService
from ..services.delivery import DeliveryService
from ..services.delivery_management import DeliveryManagementService
from ..services.ending import EndingService
from ..services.event_streams import EventStreams
from ..services.logout_decisions import DefaultLogoutPolicy
from ..services.logout_decisions import LogoutDecisionService
from ..services.logout_requests import LogoutRequestService
from ..services.management import SessionManagementService
from ..services.reading import SessionReader
from ..services.recent_logouts import RecentLogouts
from ..services.sign_in import SignInService
from ..services.sweeping import SweepService
from ..services.tickets import TicketSealer
from ..stores.cookie import PlainTicketProtector
from ..stores.sql.turns import let_others_write
from . import signals
from .catalogs import load_catalogs
from .defaults import default_broadcast
from .state import AppState
from .transport import TransportChoice

__all__ = ["OncePerProcess", "compose"]

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


def _pause_for(engine: sa.Engine | None) -> Callable[[float], object]:
    # Databases that lock rows keep nobody waiting whose session has not expired.
    if engine is None:
        return time.sleep

    if engine.dialect.name == "sqlite":
        return partial(let_others_write, engine)

    return lambda _: None


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
    tokens: SessionTokens | None = None,
    client_keys: ClientKeys | None = None,
    client_origins: ClientOrigins | None = None,
    dispatcher: Dispatcher | None = None,
    logout_policy: LogoutPolicy | None = None,
) -> AppState:
    """The services of an app, from its settings and collaborators.

    :raises ConfigurationError: If ``SECRET_KEY`` is missing or too short, or
        translations are.
    """
    protector = AesGcmTicketProtector(
        app.config["SECRET_KEY"] or "",
        fallbacks=app.config.get("SECRET_KEY_FALLBACKS") or (),
    )
    encrypter = JweTokenEncrypter(client_keys or RegisteredClientKeys())
    delivery = DeliveryService(
        queue=queue,
        clients=clients,
        signer=signer,
        sender=sender,
        clock=clock,
        options=options,
        announce=partial(signals.announce_delivery, app),
        encrypter=encrypter,
    )

    if dispatcher is None and options.delivery_in_process:
        # It asks for work that is made with the dispatcher: it asks later.
        dispatcher = ThreadDispatcher(
            work=lambda: background,
            in_flight=options.delivery_in_flight,
            poll_interval=options.delivery_poll_interval,
            logger=_logger,
            patience=options.delivery_lease / 2,
        )

    dispatcher = dispatcher or _ElsewhereDispatcher()
    channels = Channels(
        # As above: the reader is made further down.
        is_live=lambda session_id: reader.live(store.find(session_id)) is not None,
        broadcast=broadcast or default_broadcast(options, protector),
        check_interval=options.channel_check_interval,
    )

    def announce(ended: EndedSession) -> None:
        channels.ended(ended)
        signals.send(signals.session_ended, app, ended=ended)

    def announce_departure(departure: Departure) -> None:
        channels.clients_changed(departure.session_id)
        signals.send(signals.clients_left, app, departure=departure)

    ending = EndingService(
        store=store,
        clock=clock,
        dispatcher=dispatcher,
        announce=announce,
        announce_departure=announce_departure,
        tokens=tokens,
    )
    in_cookies = options.tickets == "cookie"
    # What a cookie holds is sealed as a whole.
    inner = PlainTicketProtector() if in_cookies else protector
    tickets = TicketSealer(inner)
    data = DataService(store=store, protector=inner)
    reader = SessionReader(
        store=store, ending=ending, tickets=tickets, clock=clock, options=options
    )
    sessions = SessionServices(
        store=store,
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
        clock=clock,
        options=options,
        subjects=subjects,
        clients_changed=channels.clients_changed,
        data_changed=channels.data_changed,
    )
    sweep = SweepService(
        store=store, ending=ending, clock=clock, pause=_pause_for(engine)
    )
    deliveries = DeliveryManagementService(
        queue=queue,
        clients=clients,
        clock=clock,
        dispatcher=dispatcher,
        pause=_pause_for(engine),
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
        catalogs=load_catalogs(options, root=app.root_path),
        engine=engine,
        store=store,
        queue=queue,
        clients=clients,
        client_origins=client_origins,
        signer=signer,
        encrypter=encrypter,
        sender=sender,
        subjects=subjects,
        protector=protector,
        clock=clock,
        transports=TransportChoice(options, protector=protector, config=app.config),
        reader=reader,
        sessions=sessions,
        ending=ending,
        sweep=sweep,
        delivery=delivery,
        background=background,
        dispatcher=dispatcher,
        management=SessionManagementService(store=store, ending=ending),
        deliveries=deliveries,
        channels=channels,
        streams=EventStreams(channels, at_most=options.max_event_streams),
        recent_logouts=RecentLogouts(),
        logout_decisions=LogoutDecisionService(
            policy=logout_policy or DefaultLogoutPolicy(),
            subjects=subjects,
            confirm_every_logout=options.confirm_every_logout,
        ),
        logout_requests=LogoutRequestService(
            issuer=options.issuer,
            clients=clients,
            signer=signer,
            protector=protector,
            clock=clock,
            page_lifetime=options.logout_page_lifetime,
        ),
    )
