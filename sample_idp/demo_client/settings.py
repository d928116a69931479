"""What distinguishes one demo client from another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin
from urllib.parse import urlsplit

__all__ = ["ClientSettings", "ThemeColour"]

ThemeColour = Literal["green", "violet"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientSettings:
    """One client, as it is registered at the provider."""

    #: What the pages call it.
    name: str
    #: Its id at the provider.
    client_id: str
    #: Its secret at the provider.
    client_secret: str
    #: The issuer identifier of the provider.
    issuer: str
    #: Where browsers reach the client.
    base_url: str
    #: The cookie of its own session; browsers do not tell ports apart.
    cookie_name: str
    #: The accent of its pages.
    theme_colour: ThemeColour
    #: Whether the cookie reaches the client inside the provider's logout page:
    #: ``SameSite=None; Secure``, which browsers take on loopback http too.
    secure_cookies: bool

    @property
    def home_url(self) -> str:
        """Where the provider sends the browser after a sign-out."""
        return urljoin(self.base_url, "/")

    @property
    def callback_url(self) -> str:
        """Where the provider sends the browser after a sign-in."""
        return urljoin(self.base_url, "/callback")

    @property
    def metadata_url(self) -> str:
        """Where the provider describes itself (OpenID Connect Discovery §4)."""
        return self.issuer.rstrip("/") + "/.well-known/openid-configuration"

    @property
    def provider_origin(self) -> str:
        """The origin of the provider, as browsers write it."""
        parts = urlsplit(self.issuer)

        return f"{parts.scheme}://{parts.netloc}".lower()
