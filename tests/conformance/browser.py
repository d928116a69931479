"""A browser without scripts and frames: cookies, redirects and forms."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from types import MappingProxyType
from typing import Any
from urllib.parse import urljoin

import requests

from tests.sample.clients import claims_of
from tests.sample.clients import query_of

from .pages import form_of
from .provider import Provider
from .relying_party import RelyingParty

__all__ = ["REFUSALS", "STATE", "Browser", "SignedIn"]

#: The state of the certification: 90 characters, with every mark but ``+`` and ``;``.
STATE = (
    "!\"#$%&'()*,-./:<=>?@[\\]^_`{|}~"
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567"
)

#: What ``prompt=none`` may be refused with.
REFUSALS = frozenset(
    {
        "login_required",
        "interaction_required",
        "account_selection_required",
        "consent_required",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedIn:
    """What a client has after a sign-in."""

    client: RelyingParty
    tokens: dict[str, Any] = field(repr=False)
    session_state: str

    @property
    def id_token(self) -> str:
        return str(self.tokens["id_token"])

    @property
    def claims(self) -> dict[str, Any]:
        return claims_of(self.id_token)


class Browser:
    """One person's browser at one provider."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = provider.verify
        # No connection is kept that the server might be about to close.
        self.http.headers["Connection"] = "close"

    def get(
        self, url: str, *, follow: bool = True, **parameters: str | None
    ) -> requests.Response:
        return self.http.get(url, params=parameters, allow_redirects=follow, timeout=30)

    def post(
        self, url: str, *, follow: bool = True, **form: str | None
    ) -> requests.Response:
        return self.http.post(url, data=form, allow_redirects=follow, timeout=30)

    def submit(
        self, page: requests.Response, fields: Mapping[str, str], *, follow: bool = True
    ) -> requests.Response:
        """Send the form of a page, with some fields filled in."""
        form = form_of(page.text)

        return self.post(
            urljoin(page.url, form.action), follow=follow, **form.fields, **fields
        )

    def authorize(
        self, client: RelyingParty, *, follow: bool = True, **parameters: str | None
    ) -> requests.Response:
        """An authorization request, to where it leads."""
        request = {
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "response_type": "code",
            "scope": "openid",
            "state": "a-state",
        } | parameters

        return self.get(
            self.provider.metadata["authorization_endpoint"], follow=follow, **request
        )

    def log_in(
        self,
        page: requests.Response,
        username: str,
        fields: Mapping[str, str] = MappingProxyType({}),
    ) -> requests.Response:
        """Fill in the sign-in page."""
        assert asks_for_password(page), page.text
        filled_in = {"username": username, "password": username, **fields}

        return self.submit(page, filled_in)

    def sign_in(
        self,
        client: RelyingParty,
        username: str = "alice",
        *,
        remember: bool = False,
        **parameters: str | None,
    ) -> SignedIn:
        """The whole code flow, with a password if the provider asks for one."""
        verifier = secrets.token_urlsafe(32)
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        request: dict[str, Any] = {
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **parameters,
        }
        response = self.authorize(client, **request)

        if asks_for_password(response):
            fields = {"remember": "on"} if remember else {}
            response = self.log_in(response, username, fields)

        if asks_for_consent(response):
            response = self.submit(response, {"allow": "yes"})

        given = query_of(response.url)
        assert "code" in given, (response.url, response.text)

        return SignedIn(
            client=client,
            tokens=self._redeem(client, given["code"], verifier),
            session_state=given["session_state"],
        )

    def log_out(
        self, *, follow: bool = True, **parameters: str | None
    ) -> requests.Response:
        """A logout request, to where it leads without a click."""
        return self.get(
            self.provider.metadata["end_session_endpoint"], follow=follow, **parameters
        )

    def log_out_from(
        self,
        session: SignedIn,
        *,
        state: str | None = None,
        follow: bool = True,
        **parameters: str | None,
    ) -> requests.Response:
        """A logout request with a hint and the client's registered address."""
        request = {
            "id_token_hint": session.id_token,
            "post_logout_redirect_uri": session.client.bye,
            "state": state,
        } | parameters

        return self.log_out(follow=follow, **request)

    def confirm(
        self, page: requests.Response, *, follow: bool = True, answer: str = "yes"
    ) -> requests.Response:
        """Answer the question whether to sign out."""
        assert asks_to_sign_out(page), page.text

        return self.submit(page, {"answer": answer}, follow=follow)

    def is_signed_in(self, client: RelyingParty) -> bool:
        """Whether the provider signs this browser in without a question."""
        return "code" in query_of(self.authorize(client, prompt="none").url)

    def close(self) -> None:
        self.http.close()

    def _redeem(self, client: RelyingParty, code: str, verifier: str) -> dict[str, Any]:
        response = self.provider.token(
            (client.client_id, client.client_secret),
            grant_type="authorization_code",
            code=code,
            redirect_uri=client.redirect_uri,
            code_verifier=verifier,
        )
        assert response.ok, response.text
        tokens: dict[str, Any] = response.json()

        return tokens


def asks_for_password(page: requests.Response) -> bool:
    """Whether this is the sign-in page."""
    return 'name="password"' in page.text


def asks_for_consent(page: requests.Response) -> bool:
    """Whether this is the question whether a client may have what it asks for."""
    return 'name="allow"' in page.text


def asks_to_sign_out(page: requests.Response) -> bool:
    """Whether this is the question whether to sign out."""
    return 'name="confirmation"' in page.text
