"""A provider that does as it is told."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from datetime import timedelta
from datetime import UTC

from flask import Flask
from flask import jsonify
from flask import request
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.jwk import RSAKey

KEY = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})
NEW_KEY = RSAKey.generate_key(2048, {"kid": "two", "alg": "RS256", "use": "sig"})
EVENT = "http://schemas.openid.net/event/backchannel-logout"


class FakeProvider:
    """Answers discovery, keys, tokens and user information on loopback."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key = KEY
        self.metadata: dict[str, object] = {}
        self.claims: dict[str, object] = {}
        self.about: dict[str, object] = {}
        self.token_answer: dict[str, object] | None = None
        self.asked: dict[str, str] = {}
        self.token_request: dict[str, str] = {}
        self.app = Flask(__name__)
        self.app.add_url_rule("/.well-known/openid-configuration", "a", self._metadata)
        self.app.add_url_rule("/jwks", "b", self._keys)
        self.app.add_url_rule("/token", "c", self._token, methods=["POST"])
        self.app.add_url_rule("/userinfo", "d", lambda: jsonify(self.about))

    def id_token(self, **claims: object) -> str:
        now = datetime.now(UTC)
        content = {
            "iss": self.issuer,
            "aud": "shop",
            "iat": now,
            "exp": now + timedelta(hours=1),
        }

        return self.signed(content | claims)

    def logout_token(self, **claims: object) -> str:
        now = datetime.now(UTC)
        content = {
            "iss": self.issuer,
            "aud": "shop",
            "iat": now,
            "exp": now + timedelta(minutes=2),
            "jti": "token-1",
            "events": {EVENT: {}},
        }

        return self.signed(content | claims)

    def signed(self, claims: dict[str, object]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def _metadata(self) -> ResponseReturnValue:
        described: dict[str, object] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/end",
            "check_session_iframe": f"{self.issuer}/check",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

        return jsonify(described | self.metadata)

    def _keys(self) -> ResponseReturnValue:
        return jsonify(keys=[self.key.as_dict(private=False)])

    def _token(self) -> ResponseReturnValue:
        self.token_request = request.form.to_dict()
        client = request.authorization
        verifier = request.form["code_verifier"].encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest())

        if client is None or client.get("password") != "secret":
            return jsonify(error="invalid_client"), 401

        if digest.rstrip(b"=").decode() != self.asked["code_challenge"]:
            return jsonify(error="invalid_grant"), 400

        return jsonify(
            self.token_answer
            or {
                "access_token": "access",
                "token_type": "Bearer",
                "id_token": self.id_token(
                    **{"nonce": self.asked["nonce"]} | self.claims
                ),
            }
        )
