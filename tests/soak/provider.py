"""A provider whose clients, keys and settings come from one file.

The file is ``SOAK_PROVIDER``, JSON: ``config``, ``keys`` (a private JWK set) and
``clients``, the back-channel logout URI of each. ``flask run`` serves it, ``flask
idp-session deliver`` is a worker of it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from flask import Flask
from flask import jsonify
from flask import Response
from joserfc.jwk import KeySet

from idp_session import Client
from idp_session import Principal
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import protocol_blueprint
from tests.fakes import FakeClientStore

__all__ = ["create_app", "make_app"]


def create_app() -> Flask:
    """The app of one process."""
    return make_app(
        **json.loads(Path(os.environ["SOAK_PROVIDER"]).read_text(encoding="utf-8"))
    )


def make_app(*, config: dict[str, Any], keys: Any, clients: dict[str, str]) -> Flask:
    """The app that a file describes.

    :param config: Its config.
    :param keys: A private JWK set.
    :param clients: The back-channel logout URI of each.
    """
    app = Flask("provider")
    app.config.update(config)
    signer = KeySetTokenSigner(KeySet.import_key_set(keys))
    idp_session = IdpSession()
    idp_session.init_app(app, clients=_clients(clients), signer=signer)
    app.register_blueprint(protocol_blueprint(), url_prefix="/connect")
    _add_views(app, idp_session, tuple(clients))

    @app.get("/keys")
    def published() -> dict[str, Any]:
        """The keys that clients verify tokens with."""
        return signer.public_key_set()

    return app


def _clients(uris: dict[str, str]) -> FakeClientStore:
    return FakeClientStore(
        *(
            Client(
                client_id=client_id,
                back_channel_logout_uri=uri,
                id_token_signed_response_alg="ES256",
            )
            for client_id, uri in uris.items()
        )
    )


def _add_views(
    app: Flask, idp_session: IdpSession, client_ids: tuple[str, ...]
) -> None:
    @app.post("/begin")
    def begin() -> Response:
        """Begin a session that has every client."""
        session_id = idp_session.sign_in(Principal(subject_id="alice"))

        for client_id in client_ids:
            idp_session.user_session.add_client_id(client_id)

        return jsonify(session_id=session_id)

    @app.post("/end")
    def end() -> dict[str, Any]:
        """End the session of this browser, without waiting for its clients."""
        idp_session.sign_out()

        return {}
