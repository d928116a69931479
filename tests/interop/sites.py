"""What a test knows of a relying party that it has not written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

__all__ = ["SECRET", "Site", "apache_site", "express_site"]

#: The same for all, at the provider and for what they seal themselves.
SECRET = "a-secret-that-is-long-enough-for-everybody"


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A relying party, with its addresses."""

    client_id: str
    #: Its origin.
    url: str
    #: A page for those who are signed in, and only for them.
    private: str
    #: Where its own "sign out" leads.
    log_out: str
    #: Where its user comes to after it.
    bye: str
    redirect_uri: str
    #: How it hears of a logout.
    channels: Mapping[str, str | bool]

    @property
    def metadata(self) -> dict[str, Any]:
        """What it registers."""
        return {
            "client_id": self.client_id,
            "client_secret": SECRET,
            "token_endpoint_auth_method": "client_secret_basic",
            "redirect_uris": [self.redirect_uri],
            "post_logout_redirect_uris": [self.bye, f"{self.url}/private/frames.shtml"],
            "scope": "openid",
            **self.channels,
        }


def apache_site(client_id: str, url: str) -> Site:
    """A site of the Apache in ``httpd.conf``; its name says how it hears."""
    module = f"{url}/private/redirect_uri"
    channels: dict[str, Mapping[str, str | bool]] = {
        "apache-back": {
            "backchannel_logout_uri": f"{module}?logout=backchannel",
            "backchannel_logout_session_required": True,
        },
        "apache-front": {
            "frontchannel_logout_uri": f"{module}?logout=get",
            "frontchannel_logout_session_required": True,
        },
        "apache-frames": {},
    }

    return Site(
        client_id=client_id,
        url=url,
        private=f"{url}/private/index.shtml",
        log_out=f"{module}?logout={quote(f'{url}/bye.html', safe='')}",
        bye=f"{url}/bye.html",
        redirect_uri=module,
        channels=channels[client_id],
    )


def express_site(client_id: str, url: str) -> Site:
    """The site of ``server.js``, which hears by the back channel."""
    return Site(
        client_id=client_id,
        url=url,
        private=f"{url}/private",
        log_out=f"{url}/logout",
        bye=f"{url}/bye",
        redirect_uri=f"{url}/callback",
        channels={
            "backchannel_logout_uri": f"{url}/backchannel-logout",
            "backchannel_logout_session_required": True,
        },
    )
