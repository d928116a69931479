"""``flask idp-session doctor``: the clients and their addresses."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa

from idp_session import Client

from .doctor_host import Directory
from .doctor_host import Finding
from .doctor_host import findings
from .doctor_host import GOOD
from .hosts import host_app
from .hosts import SHOP
from .hosts import StaticClients


class TestClients:
    """The addresses of clients."""

    def said(
        self, *arguments: str, config: Any = None, **members: Any
    ) -> list[Finding]:
        """What is said of a client with these members, and online if so wanted."""
        client = Client(client_id="it", **members)
        host = host_app(config=GOOD | (config or {}), clients=Directory(client))
        result = host.app.test_cli_runner().invoke(
            args=["idp-session", "doctor", "--json", *arguments]
        )
        found: list[Finding] = json.loads(result.stdout)["findings"]

        return [each for each in found if each["about"] == "client it"]

    def test_they_are_not_listed(self) -> None:
        """A store that lists no clients is named as what was not looked at."""
        (found,) = findings(host_app(config=GOOD), "clients")

        assert found["level"] == "warning"
        assert "all_clients" in found["advice"]

    def test_they_cannot_be_listed(self) -> None:
        """A table of clients that is not there is a finding, and no crash."""

        class Broken(StaticClients):
            def all_clients(self) -> Iterable[Client]:
                raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

        (found,) = findings(host_app(config=GOOD, clients=Broken()), "clients")

        assert found["level"] == "error"
        assert "OperationalError" in found["message"]

    @pytest.mark.parametrize(
        "clients", [{"shop": SHOP}, Directory(SHOP)], ids=["mapping", "directory"]
    )
    def test_they_are_listed(self, clients: Any) -> None:
        """A dictionary is a directory, and so is what has the method."""
        host = host_app(config=GOOD, clients=clients)
        (found,) = findings(host, "clients")

        assert found["message"] == "1 of 1 clients are as they should be."

    @pytest.mark.parametrize(
        ("members", "level", "words"),
        [
            pytest.param({}, "warning", "told of logouts in no way", id="no URI"),
            pytest.param(
                {"back_channel_logout_uri": "http://it.test/back"},
                "error",
                "plain http or has a port",
                id="http",
            ),
            pytest.param(
                {"back_channel_logout_uri": "https://it.test:25/back"},
                "error",
                "plain http or has a port",
                id="port of another service",
            ),
            pytest.param(
                {"back_channel_logout_uri": "https://me@it.test/back"},
                "error",
                "cannot be requested",
                id="user name",
            ),
            pytest.param(
                {
                    "back_channel_logout_uri": "https://it.test/back",
                    "id_token_signed_response_alg": "HS256",
                },
                "error",
                "No logout token can be signed",
                id="no secret",
            ),
            pytest.param(
                {
                    "front_channel_logout_uri": "https://other.test/front",
                    "redirect_uris": ("https://it.test/callback",),
                },
                "error",
                "where none of its redirect URIs is",
                id="another origin",
            ),
            pytest.param(
                {"front_channel_logout_uri": "http://it.test/front"},
                "error",
                "browsers do not load",
                id="mixed content",
            ),
            pytest.param(
                {"front_channel_logout_uri": "it.test/front"},
                "error",
                "no http or https URI",
                id="no URI at all",
            ),
            pytest.param(
                {
                    "back_channel_logout_uri": "https://it.test/back",
                    "post_logout_redirect_uris": ("http://it.test/done",),
                },
                "warning",
                "is plain http",
                id="redirect by http",
            ),
            pytest.param(
                {
                    "back_channel_logout_uri": "https://it.test/back",
                    "post_logout_redirect_uris": ("http://[it.test/done",),
                },
                "warning",
                "is plain http",
                id="redirect to nowhere",
            ),
        ],
    )
    def test_offline(self, members: dict[str, Any], level: str, words: str) -> None:
        """What can be seen without asking anybody is found."""
        (found,) = self.said("--offline", **members)

        assert found["level"] == level
        assert words in found["message"]

    def test_an_address_inside(self, caplog: pytest.LogCaptureFixture) -> None:
        """An address that would be refused is named, with the settings that open it."""
        (found,) = self.said(back_channel_logout_uri="https://localhost/back")

        assert found["level"] == "error"
        assert "127.0.0.1" in found["message"] or "::1" in found["message"]
        assert "IDP_SESSION_DELIVERY_ALLOWED_HOSTS" in found["advice"]
        # Nothing was sent, and so the log must not say that it was refused.
        assert caplog.text == ""

    def test_an_address_inside_that_is_allowed(self) -> None:
        """What the operator has named is fine."""
        config = {"IDP_SESSION_DELIVERY_ALLOWED_HOSTS": "localhost"}
        uri = "https://localhost/back"

        assert self.said(config=config, back_channel_logout_uri=uri) == []

    def test_a_name_that_nobody_knows(self) -> None:
        """A name without an address may be a slip, or the wrong name server."""
        uri = "https://it.invalid/back"
        (found,) = self.said(back_channel_logout_uri=uri)

        assert found["level"] == "warning"
        assert "has no address" in found["message"]
