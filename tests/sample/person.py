"""A person with a browser that is only an HTTP client."""

from __future__ import annotations

from typing import Any

import requests

from .clients import query_of
from .clients import RecordingClient

__all__ = ["Person"]

# In seconds; a machine may do ten other things.
_PATIENCE = 60


class Person:
    """Signs in and out at one provider."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.http = requests.Session()
        self.http.trust_env = False
        # A server may close a kept connection just when it is used again.
        self.http.headers["Connection"] = "close"

    def authorize(
        self, client: RecordingClient, **parameters: str
    ) -> requests.Response:
        """An authorization request, up to what the provider answers."""
        return self.http.get(
            f"{self.issuer}/connect/authorize",
            params={
                "client_id": client.client_id,
                "redirect_uri": f"{client.url}/callback",
                "response_type": "code",
                "scope": "openid profile",
                "state": "state",
                **parameters,
            },
            allow_redirects=False,
            timeout=_PATIENCE,
        )

    def log_in(self, response: requests.Response, username: str) -> requests.Response:
        """Fill in the sign-in page that a response leads to, and go back."""
        login = self.issuer + response.headers["Location"]
        answered = self.http.post(
            login,
            data={"username": username, "password": username},
            allow_redirects=False,
            timeout=_PATIENCE,
        )

        return self.http.get(
            self.issuer + answered.headers["Location"],
            allow_redirects=False,
            timeout=_PATIENCE,
        )

    def sign_in(
        self, client: RecordingClient, username: str = "alice", **parameters: str
    ) -> dict[str, Any]:
        """The whole code flow; returns the token response."""
        response = self.authorize(client, **parameters)

        if "/login" in response.headers["Location"]:
            response = self.log_in(response, username)

        exchanged = requests.post(
            f"{self.issuer}/connect/token",
            data={
                "grant_type": "authorization_code",
                "code": query_of(response.headers["Location"])["code"],
                "redirect_uri": f"{client.url}/callback",
            },
            auth=(client.client_id, client.metadata["client_secret"]),
            timeout=_PATIENCE,
        )
        tokens: dict[str, Any] = exchanged.json()

        return tokens

    def confirm_sign_out(self) -> requests.Response:
        """Sign out at the provider, which asks."""
        address = f"{self.issuer}/connect/endsession"
        asked = self.http.get(address, timeout=_PATIENCE).text
        confirmation = asked.split('name="confirmation" value="')[1].split('"')[0]

        return self.http.post(
            address,
            data={"confirmation": confirmation, "answer": "yes"},
            allow_redirects=False,
            timeout=_PATIENCE,
        )

    def sign_out(self, client: RecordingClient, id_token: str) -> requests.Response:
        """RP-initiated logout with a hint."""
        return self.http.get(
            f"{self.issuer}/connect/endsession",
            params={
                "id_token_hint": id_token,
                "post_logout_redirect_uri": f"{client.url}/bye",
                "state": "bye",
            },
            allow_redirects=False,
            timeout=_PATIENCE,
        )
