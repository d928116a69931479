"""What the guides define and no other test of theirs calls, is called here."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from joserfc.jwk import ECKey
from joserfc.jwk import KeySet

from idp_session import Principal
from idp_session.adapters.encryption import JweTokenEncrypter
from idp_session.adapters.encryption import RegisteredClientKeys
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import user_session

from .docs_examples import blocks
from .hosts import Host
from .hosts import host_app
from .hosts import key_set
from .hosts import SHOP

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"


def shown(page: Path, name: str, number: int = 0) -> dict[str, Any]:
    """What the block defines that has a function or class of that name."""
    fitting = [
        block
        for block in blocks(page)
        if f"def {name}(" in block or f"class {name}(" in block
    ]
    defined: dict[str, Any] = {"__name__": "block"}
    exec(fitting[number], defined)  # noqa: S102 - our own text

    return defined


@pytest.fixture
def host() -> Host:
    """A host on which functions of the guides can be called by their address."""
    return host_app()


def mark_as_test() -> None:
    """What the guide's test sessions have."""
    user_session.set_attribute("purpose", "test")


def call_in_a_request(
    host: Host, function: Callable[..., Any], *arguments: Any
) -> tuple[str, list[Any]]:
    """The address of a page that calls a function, and what it has returned."""
    returned: list[Any] = []
    name = f"/called/{function.__name__}"

    def view() -> str:
        returned.append(function(*arguments))
        return ""

    host.app.add_url_rule(name, name, view)

    return name, returned


class TestManagement:
    """What `guides/management.md` shows."""

    def test_test_sessions_are_forgotten(self, host: Host) -> None:
        """Sessions with the attribute end, and their clients are not told."""
        forget = shown(GUIDES / "management.md", "forget_test_sessions")
        address, _ = call_in_a_request(host, mark_as_test)
        tested = host.signed_in("shop")
        tested.get(address)
        session_id = tested.get("/whoami").get_json()["sid"]

        with host.app.app_context():
            ended = forget["forget_test_sessions"](host.extension)

        assert ended == 1
        assert host.owed(session_id) == ()

    def test_a_client_was_broken_into(self, host: Host) -> None:
        """Everybody leaves that client, and stays with the others."""
        guide = shown(GUIDES / "management.md", "client_was_broken_into")
        alice = host.signed_in("shop", "mail")

        with host.app.app_context():
            guide["client_was_broken_into"](host.extension, "shop")

        assert alice.get("/whoami").get_json()["clients"] == ["mail"]

    def test_only_in_this_browser(self, host: Host) -> None:
        """The client leaves the session of this browser, and no other one."""
        guide = shown(GUIDES / "management.md", "sign_out_of")
        address, _ = call_in_a_request(host, guide["sign_out_of"], "shop")
        here, there = host.signed_in("shop"), host.signed_in("shop")
        here.get(address)

        assert here.get("/whoami").get_json()["clients"] == []
        assert there.get("/whoami").get_json()["clients"] == ["shop"]


class TestLogout:
    """What `guides/rp-initiated-logout.md` shows."""

    def test_leaving_one_application(
        self, host: Host, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The user leaves one application, and hears what has come of it."""
        provider = ModuleType("provider")
        provider.idp_session = host.extension  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "provider", provider)
        leave = shown(GUIDES / "rp-initiated-logout.md", "leave")["leave"]
        address, returned = call_in_a_request(host, leave, "shop")
        alice = host.signed_in("shop", "mail")
        alice.get(address)
        alice.get(address)

        assert [client.client_id for client in returned[0].clients] == ["shop"]
        assert returned[1] is None
        assert alice.get("/whoami").get_json()["clients"] == ["mail"]

    @pytest.mark.parametrize(
        ("client_id", "asked"),
        [pytest.param("shop", False, id="ours"), pytest.param("mail", True, id="not")],
    )
    def test_the_policy_of_the_house(self, client_id: str, *, asked: bool) -> None:
        """Only the application of the house ends another session without a question."""
        policy = shown(GUIDES / "rp-initiated-logout.md", "HousePolicy")["HousePolicy"]
        host = host_app(logout_policy=policy())
        alice = host.signed_in(client_id)
        hint = host.hint(client_id, sid="another session")
        response = alice.get(
            "/connect/endsession", query_string={"id_token_hint": hint}
        )

        assert (response.status_code == 200 and "answer" in response.text) is asked


class TestTokens:
    """What `guides/tokens.md` shows."""

    @pytest.mark.parametrize(
        ("scope", "good"),
        [
            pytest.param("openid", False, id="ends with its session"),
            pytest.param("openid offline_access", True, id="offline"),
        ],
    )
    def test_tokens_after_the_session(self, scope: str, *, good: bool) -> None:
        """A token is good while its session lives, and after it if it is offline."""
        guide = shown(GUIDES / "tokens.md", "is_good")
        app = Flask("tokens")
        app.config.update(
            SECRET_KEY="a secret key for tests",
            IDP_SESSION_ISSUER="https://idp.test",
            IDP_SESSION_DATABASE_URL="sqlite://",
            IDP_SESSION_DELIVERY_IN_PROCESS=False,
        )
        extension: IdpSession = guide["idp_session"]
        table = SimpleNamespace(of_session=lambda _: [], delete=None)
        guide["init_app"](
            app, table, clients={"shop": SHOP}, signer=KeySetTokenSigner(key_set())
        )
        assert (
            app.test_cli_runner()
            .invoke(args=["idp-session", "db", "upgrade"])
            .exit_code
            == 0
        )

        with app.test_request_context("/"):
            extension.sign_in(Principal(subject_id="alice"))
            user_session.add_client_id("shop")
            token = SimpleNamespace(
                session_id=user_session.session_id, client_id="shop", scope=scope
            )
            before = guide["is_good"](token)
            extension.sign_out()
            after = guide["is_good"](token)

        app.extensions["idp_session"].engine.dispose()

        assert before
        assert after is good


def test_signing_keys_are_made_as_documented(tmp_path: Path) -> None:
    """The key ring of the guide signs by both algorithms that it names."""
    signer = shown(GUIDES / "signing-keys.md", "signer")["signer"]
    app = Flask("keys", instance_path=str(tmp_path))
    app.secret_key = "a secret key for tests"

    assert {"RS256", "ES256"} <= set(signer(app).algorithms)


def test_a_careful_client_has_its_tokens_encrypted() -> None:
    """The client of the guide gets tokens that have five parts, not three."""
    careful = shown(GUIDES / "back-channel-logout.md", "careful")["careful"]
    keys = KeySet([ECKey.generate_key("P-256", {"use": "enc"})])
    client = careful(keys.as_dict(private=False))
    token = JweTokenEncrypter(RegisteredClientKeys()).encrypt(
        "a.b.c", client=client, issuer="https://idp.test"
    )

    assert token.count(".") == 4


def test_word_of_an_ending(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """The receiver of the reference logs whose session has ended."""
    guide = shown(ROOT / "docs" / "reference" / "signals.md", "log_out_of_chat")

    with caplog.at_level(logging.INFO):
        host.signed_in().post("/logout")

    assert guide["log_out_of_chat"]
    assert "of alice ended" in caplog.text


def test_everywhere_in_a_request(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the README shows can be called where somebody is signed in."""
    provider = ModuleType("provider")
    provider.idp_session = host.extension  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "provider", provider)
    guide = shown(ROOT / "README.md", "in_a_request")
    address, _ = call_in_a_request(host, guide["in_a_request"])
    alice = host.signed_in()

    assert alice.get(address).status_code == 200
    assert alice.get("/whoami").get_json()["subject"] is None


class TestEmbedding:
    """What `guides/embedding.md` shows."""

    def test_two_apps_of_one_factory(self, tmp_path: Path) -> None:
        """Two apps of the factory have settings of their own."""
        create_app = shown(GUIDES / "embedding.md", "create_app")["create_app"]
        apps = [
            create_app(
                {"shop": SHOP},
                KeySetTokenSigner(key_set()),
                SECRET_KEY="a secret key for tests",
                IDP_SESSION_ISSUER=f"https://{name}.test",
                IDP_SESSION_DATABASE_URL=f"sqlite:///{tmp_path / name}",
                IDP_SESSION_DELIVERY_IN_PROCESS=False,
            )
            for name in ("one", "two")
        ]
        issuers = [app.extensions["idp_session"].options.issuer for app in apps]

        for app in apps:
            app.extensions["idp_session"].engine.dispose()

        assert issuers == ["https://one.test", "https://two.test"]

    def test_inside_of_another_blueprint(self) -> None:
        """The endpoint is where the guide's blueprint puts it."""
        add_to = shown(GUIDES / "embedding.md", "add_to", 0)["add_to"]
        host = host_app(register=add_to)

        assert host.browser().get("/accounts/connect/endsession").status_code == 200

    def test_one_proxy(self, host: Host) -> None:
        """What one proxy says is believed, for the host that the guide trusts only."""
        believe = shown(GUIDES / "embedding.md", "believe_one_proxy")
        app = Flask("behind")
        app.add_url_rule("/", "seen", lambda: "x")
        believe["believe_one_proxy"](app)
        says = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "idp.example"}

        assert app.test_client().get("/", headers=says).status_code == 200
        assert app.test_client().get("/").status_code == 400

    def test_flasks_own_sessions(self, host: Host) -> None:
        """Whoever wants the app's `flask.session` as Flask has it has it so."""
        keep = shown(GUIDES / "embedding.md", "keep_flasks_own")["keep_flasks_own"]

        keep(host.app)

        assert type(host.app.session_interface) is SecureCookieSessionInterface

    def test_an_engine_of_the_host(self, tmp_path: Path) -> None:
        """The engine that the guide makes is the one that the package uses."""
        add_to = shown(GUIDES / "embedding.md", "add_to", 1)["add_to"]
        app = Flask("engine")
        app.config.update(
            SECRET_KEY="a secret key for tests",
            DATABASE_URL=f"sqlite:///{tmp_path / 'host.sqlite'}",
            IDP_SESSION_ISSUER="https://idp.test",
            IDP_SESSION_DELIVERY_IN_PROCESS=False,
        )
        engine = add_to(app, {"shop": SHOP}, KeySetTokenSigner(key_set()))

        assert app.extensions["idp_session"].engine is engine
