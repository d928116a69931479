"""``flask idp-session doctor``: what the running provider says of itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import KeySet
from werkzeug.serving import make_server

from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import protocol_blueprint

from .doctor_host import GOOD
from .hosts import host_app
from .hosts import key_set


@contextmanager
def served(document: dict[str, Any], keys: KeySet) -> Iterator[str]:
    """A provider on loopback with a discovery document; the URL it is at."""
    app = Flask("served")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"

    @app.get("/.well-known/openid-configuration")
    def discovery() -> dict[str, Any]:
        return {"issuer": url, "jwks_uri": f"{url}/jwks", **document}

    @app.get("/jwks")
    def jwks() -> dict[str, Any]:
        return dict(KeySetTokenSigner(keys).public_key_set())

    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestPublished:
    """What the running provider says of itself."""

    LOGOUT: dict[str, Any] = {  # noqa: RUF012 - not changed
        "end_session_endpoint": "/connect/endsession",
        "backchannel_logout_supported": True,
    }

    def said(self, issuer: str, about: str) -> list[str]:
        def register(app: Flask) -> None:
            app.register_blueprint(protocol_blueprint(), url_prefix="/connect")
            app.add_url_rule("/.well-known/openid-configuration", "discovery", dict)

        config = {"IDP_SESSION_ISSUER": issuer, "SERVER_NAME": None}
        host = host_app(config=GOOD | config, clients=(), register=register)
        result = host.app.test_cli_runner().invoke(
            args=["idp-session", "doctor", "--json"]
        )
        found = json.loads(result.stdout)["findings"]

        return [each["level"] for each in found if each["about"] == about]

    def test_all_is_published(self) -> None:
        """A provider that runs as it was set up is fine."""
        with served(self.LOGOUT, key_set()) as issuer:
            found = self.said(issuer, "discovery"), self.said(issuer, "published keys")

        assert found == (["ok"], ["ok"])

    def test_logout_is_not_announced(self) -> None:
        """Clients must be able to read that there is single logout."""
        with served({}, key_set()) as issuer:
            assert self.said(issuer, "discovery") == ["warning"]

    def test_another_issuer(self) -> None:
        """A document of another issuer makes clients refuse tokens."""
        with served({"issuer": "https://idp.test"}, key_set()) as issuer:
            assert self.said(issuer, "discovery") == ["error"]

    def test_other_keys(self) -> None:
        """A key that signs and is not published is found."""
        with served(self.LOGOUT, KeySet([])) as issuer:
            assert self.said(issuer, "published keys") == ["error"]

    def test_no_keys(self) -> None:
        """A key set that cannot be read is found."""
        with served({"jwks_uri": "http://127.0.0.1:1/jwks"}, KeySet([])) as issuer:
            assert self.said(issuer, "published keys") == ["error"]

    @pytest.mark.parametrize("path", ["", "/nowhere"])
    def test_it_does_not_run(self, path: str) -> None:
        """A provider that does not answer may just not have been started."""
        with served(self.LOGOUT, key_set()) as issuer:
            url = issuer + path

            if path:
                assert self.said(url, "discovery") == ["warning"]

        if not path:
            assert self.said(url, "discovery") == ["warning"]
