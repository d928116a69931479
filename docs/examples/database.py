"""The host's own engine, keys that follow a change of secret, and migrations."""

from pathlib import Path

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.key_ring import KeyRing
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import current_revision
from idp_session.stores.sql import head_revision
from idp_session.stores.sql import upgrade


def set_up(app, idp_session, clients):
    engine = create_engine(app.config["DATABASE_URL"], pool_size=10, pool_recycle=1800)
    idp_session.init_app(app, clients=clients, signer=signer(app), engine=engine)

    return engine


def signer(app):
    protector = AesGcmTicketProtector(
        app.config["SECRET_KEY"], fallbacks=app.config["SECRET_KEY_FALLBACKS"] or ()
    )
    keys = KeyRing(Path(app.instance_path, "keys"), protector=protector)
    keys.load()

    return KeySetTokenSigner(keys)


def migrate(engine):
    if current_revision(engine) != head_revision():
        upgrade(engine)


def include_name(name, kind, _parent_names):
    return kind != "table" or not name.startswith("idp_session")
