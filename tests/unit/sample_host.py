"""The sample provider, and clients that talk to it, without a network."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from idp_session.flask import IdpSession
from sample_idp.provider import create_app
from sample_idp.provider import idp_session
from sample_idp.settings import ProviderSettings

from .hosts import SESSION_ID

__all__ = [
    "APP",
    "CLIENTS",
    "EXTENSION",
    "ISSUER",
    "SHOP",
    "Provider",
    "asked",
    "is_signed_in",
    "provider",
    "query_of",
    "sid_of",
]

ISSUER = "https://idp.test"
EXTENSION: IdpSession = idp_session

SHOP: dict[str, Any] = {
    "client_id": "shop",
    "client_secret": "the secret of the shop, rather long",
    "client_name": "Shop",
    "redirect_uris": ["https://shop.test/callback"],
    "post_logout_redirect_uris": ["https://shop.test/done"],
    "backchannel_logout_uri": "https://shop.test/back",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "scope": "openid profile email offline_access",
}
#: A public client.
APP: dict[str, Any] = {
    "client_id": "app",
    "redirect_uris": ["com.example.app:/callback", "https://app.test/callback"],
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
}
CLIENTS: list[dict[str, Any]] = [
    SHOP,
    APP,
    {
        "client_id": "asking",
        "client_secret": "the secret of the asking client",
        "client_name": "<b>Asking</b>",
        "redirect_uris": ["https://asking.test/callback"],
        "token_endpoint_auth_method": "client_secret_post",
        "require_consent": True,
    },
    *(
        {
            **SHOP,
            "client_id": f"shop-{algorithm}",
            "id_token_signed_response_alg": algorithm,
        }
        for algorithm in ("ES256", "EdDSA", "PS256", "HS256")
    ),
]

VERIFIER = "a verifier of at least forty-three characters.".replace(" ", "-")
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
    .decode()
    .rstrip("=")
)
#: What a client with PKCE adds to its requests.
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


class Provider:
    """The sample's app, and what a client does with it."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def browser(self) -> FlaskClient:
        """A browser without cookies."""
        return self.app.test_client()

    def signed_in(self, username: str = "alice") -> FlaskClient:
        """A browser in which somebody is signed in."""
        browser = self.browser()
        self.log_in(browser, username)

        return browser

    @staticmethod
    def log_in(
        browser: FlaskClient,
        username: str = "alice",
        *,
        at: str = "/login",
        **more: Any,
    ) -> TestResponse:
        """Fill in the sign-in page."""
        form = {"username": username, "password": username}

        return browser.post(at, data=form, **more)

    def code(self, browser: FlaskClient, **given: str | None) -> str:
        """What a client gets for a signed-in user."""
        return query_of(self.authorize(browser, **given))["code"]

    @staticmethod
    def authorize(browser: FlaskClient, **given: str | None) -> TestResponse:
        """Send a browser with an authorization request of the shop."""
        return browser.get("/connect/authorize", query_string=asked(**given))

    def exchange(
        self,
        code: str,
        *,
        client: dict[str, Any] = SHOP,
        redirect_uri: str | None = "https://shop.test/callback",
        **more: str,
    ) -> TestResponse:
        """Bring a code to the token endpoint."""
        form = {"grant_type": "authorization_code", "code": code, **more}

        if redirect_uri is not None:
            form["redirect_uri"] = redirect_uri

        return self.as_client("token", form, client=client)

    def refresh(
        self, token: str, *, client: dict[str, Any] = SHOP, **more: str
    ) -> TestResponse:
        """Bring a refresh token."""
        form = {"grant_type": "refresh_token", "refresh_token": token, **more}

        return self.as_client("token", form, client=client)

    def as_client(
        self, endpoint: str, form: dict[str, str], *, client: dict[str, Any] = SHOP
    ) -> TestResponse:
        """Post as a client that says who it is in its registered way."""
        method = client.get("token_endpoint_auth_method", "client_secret_basic")
        more: dict[str, Any] = {}

        if method == "client_secret_basic":
            more["auth"] = (client["client_id"], client["client_secret"])
        else:
            form = {"client_id": client["client_id"], **form}

        if method == "client_secret_post":
            form["client_secret"] = client["client_secret"]

        return self.browser().post(f"/connect/{endpoint}", data=form, **more)

    def tokens(
        self, browser: FlaskClient, *, scope: str = "openid profile email"
    ) -> dict[str, Any]:
        """Code and exchange in one."""
        answer: dict[str, Any] = self.exchange(
            self.code(browser, scope=scope)
        ).get_json()

        return answer

    def claims(self, id_token: str) -> dict[str, Any]:
        """The claims of an ID token that the published keys verify."""
        keys = KeySet.import_key_set(self.browser().get("/connect/jwks").get_json())
        verified = jws.deserialize_compact(id_token, keys)
        claims: dict[str, Any] = json.loads(verified.payload)

        return claims

    def is_active(self, token: str) -> bool:
        """What introspection says of a token."""
        answer = self.as_client("introspection", {"token": token}).get_json()

        return bool(answer["active"])


def provider(data: Path, **given: Any) -> Provider:
    """The sample provider with the clients above, over https.

    :param data: Its folder; keys that are there already are used.
    :param given: Settings beyond those.
    """
    file = data / "clients.json"
    file.write_text(json.dumps(CLIENTS))
    issuer = given.pop("issuer", ISSUER)
    options = {
        "IDP_SESSION_ISSUER": issuer,
        "IDP_SESSION_DELIVERY_IN_PROCESS": False,
        "IDP_SESSION_BACK_CHANNEL_WAIT": 0,
        **given.pop("options", {}),
    }
    database = sa.URL.create("sqlite", database=str(data / "sample.sqlite"))
    settings = {
        "issuer": issuer,
        "data": data,
        "database": database,
        "secret_key": "a secret key for tests, long enough",
        "client_files": (file,),
        "options": options,
        **given,
    }
    app = create_app(ProviderSettings(**settings))
    app.config.update(
        TESTING=True,
        SERVER_NAME=urlsplit(issuer).netloc,
        PREFERRED_URL_SCHEME=urlsplit(issuer).scheme,
    )

    return Provider(app)


def asked(**given: str | None) -> dict[str, str]:
    """An authorization request of the shop; ``None`` leaves a parameter out."""
    usual = {
        "response_type": "code",
        "client_id": "shop",
        "redirect_uri": "https://shop.test/callback",
        "scope": "openid",
        "state": "a state",
        "nonce": "a nonce",
    }

    return {k: v for k, v in (usual | given).items() if v is not None}


def query_of(response: TestResponse) -> dict[str, str]:
    """The parameters of a redirect; each of them once."""
    query = parse_qs(urlsplit(response.headers["Location"]).query, strict_parsing=True)
    assert all(len(values) == 1 for values in query.values())

    return {name: values[0] for name, values in query.items()}


def sid_of(browser: FlaskClient) -> str:
    """The session id that a browser was told."""
    cookie = browser.get_cookie(SESSION_ID, domain="idp.test")
    assert cookie is not None

    return cookie.value


def is_signed_in(browser: FlaskClient) -> bool:
    """Whether somebody is signed in in a browser."""
    return browser.get("/account/").status_code == 200
