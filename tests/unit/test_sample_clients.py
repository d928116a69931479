"""The sample's clients: from files to what Authlib and idp_session see."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from idp_session import Client
from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.stores.sql import create_engine
from sample_idp.errors import StartError
from sample_idp.provider.clients import ClientRegistry
from sample_idp.provider.schema import create_tables

GOOD: dict[str, Any] = {
    "client_id": "shop",
    "client_secret": "the secret of the shop, rather long",
    "client_name": "Shop",
    "redirect_uris": ["https://shop.test/callback"],
    "post_logout_redirect_uris": ["https://shop.test/done"],
    "frontchannel_logout_uri": "https://shop.test/front",
    "frontchannel_logout_session_required": True,
    "backchannel_logout_uri": "https://shop.test/back",
    "backchannel_logout_session_required": True,
    "token_endpoint_auth_method": "client_secret_basic",
    "id_token_signed_response_alg": "ES256",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "scope": "openid profile",
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """A database with the sample's tables."""
    engine = create_engine(f"sqlite:///{tmp_path / 'clients.sqlite'}")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def registry(engine: sa.Engine) -> ClientRegistry:
    """A registry without clients."""
    return ClientRegistry(engine, AesGcmTicketProtector("a secret key for tests"))


def load(registry: ClientRegistry, folder: Path, *members: Any) -> None:
    """Load a file with these clients."""
    path = folder / "clients.json"
    path.write_text(json.dumps(members))
    registry.load([path])


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


def test_a_client_of_a_file(registry: ClientRegistry, tmp_path: Path) -> None:
    """What the file says is what idp_session sees."""
    load(registry, tmp_path, GOOD)

    assert registry.get("shop") == Client(
        client_id="shop",
        name="Shop",
        secret="the secret of the shop, rather long",
        redirect_uris=("https://shop.test/callback",),
        post_logout_redirect_uris=("https://shop.test/done",),
        front_channel_logout_uri="https://shop.test/front",
        front_channel_logout_session_required=True,
        back_channel_logout_uri="https://shop.test/back",
        back_channel_logout_session_required=True,
        id_token_signed_response_alg="ES256",
    )


def test_a_client_with_little(registry: ClientRegistry, tmp_path: Path) -> None:
    """What is left out has its default."""
    load(
        registry,
        tmp_path,
        {
            "client_id": "app",
            "redirect_uris": ["https://app.test/"],
            "token_endpoint_auth_method": "none",
        },
    )
    found = registry.find("app")

    assert registry.get("app") == Client(
        client_id="app", redirect_uris=("https://app.test/",)
    )
    assert found is not None
    assert (found.name, found.requires_consent) == ("app", False)
    assert found.check_grant_type("authorization_code")
    assert not found.check_grant_type("refresh_token")
    assert found.check_response_type("code")
    assert not found.check_client_secret("")
    assert found.get_allowed_scope("openid email offline_access") == "openid email"


@pytest.mark.parametrize(
    ("uris", "default"),
    [
        pytest.param(["https://a.test/"], "https://a.test/", id="one"),
        pytest.param(["https://a.test/", "https://b.test/"], None, id="two"),
    ],
)
def test_default_redirect_uri(
    registry: ClientRegistry, tmp_path: Path, uris: list[str], default: str | None
) -> None:
    """Only where there is no choice need the request not name one."""
    load(
        registry,
        tmp_path,
        {**without("frontchannel_logout_uri"), "redirect_uris": uris},
    )
    found = registry.find("shop")

    assert found is not None
    assert found.get_default_redirect_uri() == default


def test_a_known_client_is_replaced(registry: ClientRegistry, tmp_path: Path) -> None:
    """The newest file wins, whole."""
    load(registry, tmp_path, GOOD)

    load(
        registry, tmp_path, {**without("backchannel_logout_uri"), "client_name": "New"}
    )

    client = registry.get("shop")
    assert client is not None
    assert (client.name, client.back_channel_logout_uri) == ("New", None)


def test_secrets_are_sealed(
    registry: ClientRegistry, tmp_path: Path, engine: sa.Engine
) -> None:
    """Whoever steals the database has no client's secret."""
    load(registry, tmp_path, GOOD)
    content = (tmp_path / "clients.sqlite").read_bytes()
    log = tmp_path / "clients.sqlite-wal"

    assert b"rather long" not in content + (log.read_bytes() if log.exists() else b"")
    assert ClientRegistry(engine, AesGcmTicketProtector("another key for tests")).get(
        "shop"
    ) != registry.get("shop")


@pytest.mark.parametrize(
    "client_id",
    [
        pytest.param("else", id="unknown"),
        pytest.param("Shop", id="capital"),
        pytest.param("shop ", id="space"),
        pytest.param("", id="empty"),
        pytest.param("shop\x00", id="NUL"),
        pytest.param("\ud800", id="half of a character"),
        pytest.param("x" * 100_000, id="long"),
        pytest.param("sh%", id="pattern"),
    ],
)
def test_no_such_client(
    registry: ClientRegistry, tmp_path: Path, client_id: str
) -> None:
    """An id that is not exactly a registered one is nobody's."""
    load(registry, tmp_path, GOOD)

    assert registry.get(client_id) is None


def test_an_unknown_member(
    registry: ClientRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What means nothing here is ignored, with a warning that names it."""
    with caplog.at_level(logging.WARNING):
        load(registry, tmp_path, {**GOOD, "logo_uri": "https://shop.test/logo"})

    (record,) = caplog.records
    assert "'shop'" in record.getMessage()
    assert "'logo_uri'" in record.getMessage()
    assert registry.get("shop") is not None


def test_no_warning_without_cause(
    registry: ClientRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every member of the contract means something."""
    ours = {"require_consent": False, "confirm_logout": True}

    load(registry, tmp_path, {**GOOD, **ours, "client_uri": "https://shop.test/"})

    assert caplog.records == []


@pytest.mark.parametrize("confirm_logout", [True, False])
def test_a_client_of_the_house(
    registry: ClientRegistry, tmp_path: Path, *, confirm_logout: bool
) -> None:
    """A file says whether users are asked, and where a client's home page is."""
    more = {"confirm_logout": confirm_logout, "client_uri": "https://shop.test/"}

    load(registry, tmp_path, {**GOOD, **more})

    client = registry.get("shop")
    assert client is not None
    assert (client.confirm_logout, client.client_uri) == tuple(more.values())


@pytest.mark.parametrize(
    "member",
    [
        pytest.param({"client_secret": 7}, id="secret is a number"),
        pytest.param({"client_secret": ""}, id="empty secret"),
        pytest.param({"client_name": None}, id="name is null"),
        pytest.param({"redirect_uris": []}, id="no redirect_uris"),
        pytest.param({"redirect_uris": "https://shop.test/"}, id="no list"),
        pytest.param({"redirect_uris": ["shop.test"]}, id="relative"),
        pytest.param({"redirect_uris": ["https://shop.test/#"]}, id="fragment"),
        pytest.param({"redirect_uris": ["data:text/html,x"]}, id="data"),
        pytest.param({"redirect_uris": ["https:///x"]}, id="no host"),
        pytest.param({"redirect_uris": ["https://shop.test/\n"]}, id="line end"),
        pytest.param({"post_logout_redirect_uris": [None]}, id="null in a list"),
        pytest.param({"post_logout_redirect_uris": ["javascript:x"]}, id="script"),
        pytest.param({"frontchannel_logout_uri": "https://evil.test"}, id="origin"),
        pytest.param({"frontchannel_logout_session_required": 0}, id="zero"),
        pytest.param({"backchannel_logout_uri": "ftp://x"}, id="scheme"),
        pytest.param({"backchannel_logout_session_required": "false"}, id="text"),
        pytest.param({"token_endpoint_auth_method": "private_key_jwt"}, id="method"),
        pytest.param({"id_token_signed_response_alg": "RS512"}, id="algorithm"),
        pytest.param({"grant_types": ["implicit"]}, id="grant"),
        pytest.param({"grant_types": {"authorization_code": 1}}, id="grants object"),
        pytest.param({"response_types": ["code", "token"]}, id="response types"),
        pytest.param({"scope": ["openid"]}, id="scope"),
        pytest.param({"require_consent": 1}, id="consent"),
        pytest.param({"confirm_logout": "no"}, id="question"),
        pytest.param({"client_uri": "javascript:x"}, id="page is a script"),
        pytest.param({"client_uri": "https://"}, id="page without host"),
        pytest.param({"client_uri": "https://[x"}, id="page is broken"),
        pytest.param({"client_uri": 7}, id="page is a number"),
    ],
)
def test_a_wrong_value(
    registry: ClientRegistry, tmp_path: Path, member: dict[str, Any]
) -> None:
    """The message names the file, the client and the member, and no secret."""
    (name,) = member

    with pytest.raises(StartError, match=f"client 'shop': {name}") as refused:
        load(registry, tmp_path, {**GOOD, **member})

    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "rather long" not in str(refused.value)


@pytest.mark.parametrize(
    ("member", "name"),
    [
        pytest.param(without("redirect_uris"), "redirect_uris", id="redirect_uris"),
        pytest.param(without("client_secret"), "client_secret", id="client_secret"),
        pytest.param(
            {
                **without("client_secret"),
                "token_endpoint_auth_method": "none",
                "id_token_signed_response_alg": "HS256",
            },
            "id_token_signed_response_alg",
            id="HS256 without secret",
        ),
        pytest.param(
            {
                **without("frontchannel_logout_uri"),
                "token_endpoint_auth_method": "none",
                "backchannel_logout_uri": "http://shop.test/back",
            },
            "backchannel_logout_uri",
            id="http without secret",
        ),
    ],
)
def test_members_that_need_each_other(
    registry: ClientRegistry, tmp_path: Path, member: dict[str, Any], name: str
) -> None:
    """What is missing, or does not go together, is named too."""
    with pytest.raises(StartError, match=f"client 'shop': {name}"):
        load(registry, tmp_path, member)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        pytest.param(7, "client 1 must be a JSON object", id="number"),
        pytest.param([], "client 1 must be a JSON object", id="list"),
        pytest.param({}, "no client_id", id="nothing"),
        pytest.param({**GOOD, "client_id": ""}, "no client_id", id="empty id"),
        pytest.param({**GOOD, "client_id": 7}, "no client_id", id="number as id"),
        pytest.param({**GOOD, "client_id": "ä"}, "no client_id", id="not ASCII"),
        pytest.param({**GOOD, "client_id": "a\n"}, "no client_id", id="line end"),
        pytest.param({**GOOD, "client_id": "x" * 256}, "no client_id", id="long"),
    ],
)
def test_what_is_no_client(
    registry: ClientRegistry, tmp_path: Path, member: Any, words: str
) -> None:
    """A client without a usable id is named by its place or its file."""
    with pytest.raises(StartError, match=words) as refused:
        load(registry, tmp_path, member)

    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        pytest.param("the secret of the shop, rather long", True, id="right"),
        pytest.param("the secret of the shop", False, id="beginning"),
        pytest.param("", False, id="empty"),
        pytest.param("ä\x00", False, id="odd"),
    ],
)
def test_client_secret(
    registry: ClientRegistry, tmp_path: Path, secret: str, *, expected: bool
) -> None:
    """A client is who knows the whole secret."""
    load(registry, tmp_path, GOOD)
    found = registry.find("shop")

    assert found is not None
    assert found.check_client_secret(secret) is expected


def test_tables_that_are_there(engine: sa.Engine) -> None:
    """Making the tables twice, as two processes do, is no error."""
    create_tables(engine)
    create_tables(engine)

    assert sa.inspect(engine).has_table("sample_clients")
