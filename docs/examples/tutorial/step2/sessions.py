"""The session component, set up for this provider."""

from pathlib import Path

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.key_ring import KeyRing
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession

from clients import SESSION_CLIENTS
from tables import engine

idp_session = IdpSession()


def add_sessions(app):
    protector = AesGcmTicketProtector(app.config["SECRET_KEY"])
    keys = KeyRing(Path(app.instance_path, "keys"), protector=protector)
    keys.load()
    signer = KeySetTokenSigner(keys)
    idp_session.init_app(app, clients=SESSION_CLIENTS, signer=signer, engine=engine)

    return signer
