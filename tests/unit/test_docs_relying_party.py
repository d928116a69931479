"""What the guide for clients shows is run, and does what it says."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jwk import RSAKey

from idp_session.relying_party import LogoutTokenValidator
from idp_session.relying_party import MemorySessionRegistry

from .logout_tokens_by_hand import EVENT
from .logout_tokens_by_hand import NOW
from .logout_tokens_by_hand import RSA
from .logout_tokens_by_hand import SECOND
from .logout_tokens_by_hand import token
from .test_docs_flows import shown
from .test_fetched_keys import document

PAGE = "relying-party.md"


def logout_token(issuer: str, **changes: object) -> str:
    now = datetime.now(UTC)
    claims = {
        "iss": issuer,
        "aud": "shop",
        "iat": now,
        "exp": now + timedelta(minutes=2),
        "jti": "token-1",
        "sid": "5e55",
        "events": {EVENT: {}},
    } | changes

    return jwt.encode({"alg": "RS256", "kid": "rsa"}, claims, RSA)


class TestWithFlask:
    """A client as the guide has it."""

    @pytest.fixture
    def guide(self) -> dict[str, Any]:
        return shown(PAGE, "add_logout")

    @pytest.fixture
    def client(self, guide: dict[str, Any]) -> FlaskClient:
        app = Flask(__name__)
        app.secret_key = "a secret of the client"
        guide["add_logout"](app, KeySet([RSA]))

        @app.post("/callback")
        def callback() -> str:
            id_token = {"iss": guide["ISSUER"], "sub": "alice", "sid": "5e55"}
            guide["after_sign_in"]("local-1", id_token)
            return ""

        @app.get("/")
        def home() -> str:
            return "in" if guide["is_signed_in"]() else "out"

        return app.test_client()

    @pytest.mark.spec("LTV-01", "LTV-18")
    def test_the_back_channel(self, client: FlaskClient, guide: dict[str, Any]) -> None:
        """A logout token ends the session of the browser that it speaks of."""
        client.post("/callback")
        before = client.get("/").text
        form = {"logout_token": logout_token(guide["ISSUER"])}

        answer = client.post("/back-channel-logout", data=form)

        assert (before, answer.status_code, client.get("/").text) == ("in", 200, "out")

    @pytest.mark.spec("LTV-21")
    def test_the_front_channel(
        self, client: FlaskClient, guide: dict[str, Any]
    ) -> None:
        """A frame of the provider ends it too, if it names the session."""
        client.post("/callback")
        path = "/front-channel-logout"
        client.get(path)
        before = client.get("/").text

        client.get(path, query_string={"iss": guide["ISSUER"], "sid": "5e55"})

        assert (before, client.get("/").text) == ("in", "out")

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"iss": "https://evil.test"}, id="issuer"),
            pytest.param({"aud": "mail"}, id="audience"),
            pytest.param({"nonce": "n"}, id="nonce"),
            pytest.param({"events": {}}, id="events"),
        ],
    )
    @pytest.mark.spec("LTV-05", "LTV-06", "LTV-08", "LTV-09")
    def test_a_bad_token(
        self, client: FlaskClient, guide: dict[str, Any], changes: dict[str, object]
    ) -> None:
        """What the table says is refused is refused, and nobody is signed out."""
        client.post("/callback")
        form = {"logout_token": logout_token(guide["ISSUER"], **changes)}

        answer = client.post("/back-channel-logout", data=form)

        assert (answer.status_code, client.get("/").text) == (400, "in")


class Http:
    """An HTTP library that answers one document."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[str] = []

    def get(self, url: str, *, timeout: float) -> Http:
        assert timeout
        self.asked.append(url)

        return self

    def raise_for_status(self) -> None: ...


def test_keys_by_another_library() -> None:
    """The library of the client is asked for the keys."""
    key = RSAKey.generate_key(2048, {"kid": "rsa"})
    http = Http(document(key))

    keys = shown(PAGE, "keys_by")["keys_by"](http)

    assert [each.kid for each in keys().keys] == ["rsa"]
    assert http.asked == ["https://login.example/oauth/jwks"]


class Redis:
    """The two commands that the guard needs."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}

    def set(self, name: str, value: int, *, nx: bool, ex: int) -> bool | None:
        assert (value, nx) == (1, True)

        if name in self.names:
            return None

        self.names[name] = ex

        return True

    def delete(self, name: str) -> None:
        self.names.pop(name, None)


@pytest.mark.spec("LTV-14")
def test_a_guard_in_redis() -> None:
    """The first use of a token counts, until it is forgotten; it expires by itself."""
    redis = Redis()
    block = shown(PAGE, "first_use")
    guard = block["RedisReplayGuard"](redis)
    times = {"until": NOW + 120 * SECOND, "now": NOW}

    uses = [guard.first_use(token(), **times) for _ in range(2)]
    kept = list(redis.names.values())
    guard.forget(token())
    uses.append(guard.first_use(token(), **times))

    assert (uses, kept) == ([True, False, True], [180])


class TestWithoutFlask:
    """A function for any framework."""

    @pytest.fixture
    def registry(self) -> MemorySessionRegistry:
        registry = MemorySessionRegistry()
        registry.remember(
            "local-1", issuer="https://idp.test", subject="alice", session_id="5e55"
        )

        return registry

    @pytest.mark.parametrize(
        ("issuer", "status", "is_live"),
        [
            pytest.param("https://idp.test", 200, False, id="good"),
            pytest.param("https://x", 400, True, id="bad"),
            pytest.param(None, 400, True, id="none"),
        ],
    )
    def test_its_answers(
        self,
        registry: MemorySessionRegistry,
        issuer: str | None,
        status: int,
        is_live: bool,
    ) -> None:
        """A good token is answered 200 and ends the session; a bad one does nothing."""
        validator = LogoutTokenValidator(
            issuer="https://idp.test", client_id="shop", keys=KeySet([RSA])
        )
        view = shown(PAGE, "back_channel_logout")["back_channel_logout"]
        form = {} if issuer is None else {"logout_token": logout_token(issuer)}

        answer, _ = view(validator, registry, form)

        assert (answer, registry.is_live("local-1")) == (status, is_live)

    def test_keys_out_of_reach(self, registry: MemorySessionRegistry) -> None:
        """Without keys the provider is asked to come again."""

        def unreachable(*, refresh: bool = False) -> KeySet:
            raise ConnectionError(f"refresh={refresh}")

        validator = LogoutTokenValidator(
            issuer="https://idp.test", client_id="shop", keys=unreachable
        )
        view = shown(PAGE, "back_channel_logout")["back_channel_logout"]
        form = {"logout_token": logout_token("https://idp.test")}

        assert view(validator, registry, form)[0] == 503


def test_the_guide_has_every_block_tested() -> None:
    """A block that is added to the guide needs a test here."""
    text = (Path(__file__).parents[2] / "docs" / "guides" / PAGE).read_text()

    assert text.count("```python") == 4
