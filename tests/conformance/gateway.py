"""A provider that is itself a client of another one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask import request
from joserfc.jwk import KeySet
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server
from werkzeug.serving import WSGIRequestHandler

from idp_session import Client
from idp_session import LogoutReason
from idp_session import Principal
from idp_session import SessionFilter
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import user_session
from idp_session.relying_party import LogoutReceiver
from idp_session.relying_party import LogoutToken
from idp_session.relying_party import LogoutTokenValidator
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import upgrade

from .provider import Provider
from .relying_party import RelyingParty

__all__ = ["listening", "set_up"]

_ABOVE = "session-at-the-other-provider"


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        return


@contextmanager
def listening() -> Iterator[tuple[Flask, str]]:
    """An app that answers on loopback, and its address."""
    app = Flask(__name__)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()

    try:
        yield app, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def set_up(
    app: Flask,
    issuer: str,
    *,
    folder: Path,
    above: Provider,
    client_id: str,
    below: RelyingParty,
) -> IdpSession:
    """Make it a provider.

    :param app: The app.
    :param issuer: Its address.
    :param folder: For its database.
    :param above: The provider that it is a client of.
    :param client_id: Its id there.
    :param below: Its own client.
    """
    engine = create_engine(f"sqlite:///{folder / 'gateway.sqlite'}")
    upgrade(engine)
    idp_session = IdpSession()
    app.config.update(
        SECRET_KEY="a secret of the gateway that is long enough",
        IDP_SESSION_ISSUER=issuer,
        IDP_SESSION_DELIVERY_ALLOW_HTTP=True,
        IDP_SESSION_DELIVERY_ALLOWED_NETWORKS="127.0.0.0/8",
    )
    shop = Client(client_id="shop", back_channel_logout_uri=f"{below.url}/back")
    keys = KeySet([RSAKey.generate_key(2048, {"kid": "gateway", "use": "sig"})])
    idp_session.init_app(
        app, clients={"shop": shop}, signer=KeySetTokenSigner(keys), engine=engine
    )

    @app.post("/sign-in")
    def sign_in() -> str:
        # Who comes back from the other provider, with what its ID token says.
        idp_session.sign_in(Principal(subject_id=request.form["sub"]))
        user_session.set_attribute(_ABOVE, request.form["sid"])
        user_session.add_client_id("shop")

        return user_session.session_id or ""

    def end(token: LogoutToken) -> None:
        idp_session.management.end(
            SessionFilter(attribute=(_ABOVE, token.session_id or "")),
            reason=LogoutReason.UPSTREAM_LOGOUT,
        )

    validator = LogoutTokenValidator(
        issuer=above.issuer, client_id=client_id, keys=above.keys
    )
    receiver = LogoutReceiver(validator, on_back_channel=end)
    app.register_blueprint(receiver.blueprint())

    return idp_session
