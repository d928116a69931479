"""A provider of ours whose clients, keys and settings come from one file.

``FAN_OUT_PROVIDER`` names it; JSON: ``config``, ``keys`` (a private JWK set) and
``clients``, the back-channel logout URI of each.
"""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path
from typing import Any

from flask import Flask
from flask import request
from joserfc.jwk import KeySet

from idp_session import Client
from idp_session import Principal
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import protocol_blueprint

__all__ = ["create_app"]


def create_app() -> Flask:
    """The app of one process."""
    path = Path(os.environ["FAN_OUT_PROVIDER"])
    described = json.loads(path.read_text(encoding="utf-8"))
    app = Flask("provider")
    app.config.update(described["config"])
    idp_session = IdpSession()
    idp_session.init_app(
        app,
        clients={
            client_id: Client(client_id=client_id, back_channel_logout_uri=uri)
            for client_id, uri in described["clients"].items()
        },
        signer=KeySetTokenSigner(KeySet.import_key_set(described["keys"])),
    )
    app.register_blueprint(protocol_blueprint(), url_prefix="/connect")

    @app.post("/begin")
    def begin() -> dict[str, Any]:
        """Begin a session that has every client, or the first of them."""
        idp_session.sign_in(Principal(subject_id="alice"))
        client_ids = list(described["clients"])

        for client_id in client_ids[: request.args.get("count", type=int)]:
            idp_session.user_session.add_client_id(client_id)

        return {}

    # What the app has loaded is not looked through again while it works.
    gc.collect()
    gc.freeze()

    return app
