"""The extension: how it is set up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from idp_session import ConfigurationError
from idp_session.adapters.curl import CurlLogoutSender
from idp_session.adapters.http import RequestsLogoutSender
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import user_session
from idp_session.flask.state import app_state
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore
from idp_session.stores.sql import SqlSessionStore

from .hosts import attributes
from .hosts import HANDLE
from .hosts import host_app
from .hosts import ISSUER
from .hosts import key_set
from .hosts import StaticClients

SECRET = "a secret key for tests"
LOOPBACK = "127.0.0.0/8,::1/128"


def made(config: dict[str, Any], **collaborators: Any) -> Flask:
    """An app of which only the extension is made."""
    app = Flask("made")
    app.config.update(config)
    IdpSession().init_app(
        app,
        clients=StaticClients(),
        signer=KeySetTokenSigner(key_set()),
        **collaborators,
    )

    return app


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda: user_session.user, id="user_session"),
        pytest.param(lambda: IdpSession().sign_out(), id="sign_out"),
        pytest.param(lambda: IdpSession().is_live("5e55"), id="is_live"),
        pytest.param(app_state, id="state"),
    ],
)
def test_an_app_without_the_extension(use: Callable[[], object]) -> None:
    """Who forgets to set it up is told what to do."""
    with (
        Flask("bare").test_request_context(),
        pytest.raises(RuntimeError, match="call init_app"),
    ):
        use()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        pytest.param({"SECRET_KEY": SECRET}, "IDP_SESSION_ISSUER", id="no issuer"),
        pytest.param({"IDP_SESSION_ISSUER": ISSUER}, "SECRET_KEY", id="no secret"),
        pytest.param(
            {"IDP_SESSION_ISSUER": ISSUER, "SECRET_KEY": "short"},
            "SECRET_KEY is shorter",
            id="short secret",
        ),
        pytest.param(
            {
                "IDP_SESSION_ISSUER": ISSUER,
                "SECRET_KEY": SECRET,
                "SECRET_KEY_FALLBACKS": [""],
            },
            "SECRET_KEY_FALLBACKS",
            id="empty fallback",
        ),
        pytest.param(
            {
                "IDP_SESSION_ISSUER": ISSUER,
                "SECRET_KEY": SECRET,
                "IDP_SESSION_COOKE_NAME": "x",
            },
            "IDP_SESSION_COOKE_NAME",
            id="misspelt",
        ),
        pytest.param(
            {
                "IDP_SESSION_ISSUER": "http://idp.test",
                "SECRET_KEY": SECRET,
                "IDP_SESSION_COOKIE_SAME_SITE": "None",
            },
            "IDP_SESSION_COOKIE_SECURE",
            id="contradiction",
        ),
    ],
)
def test_settings_that_are_refused(config: dict[str, Any], words: str) -> None:
    """A wrong setting stops the app at its start, and is named."""
    with pytest.raises(ConfigurationError, match=words):
        made(config)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(
            {"store": MemorySessionStore(MemoryDeliveryQueue())}, id="no queue"
        ),
        pytest.param({"queue": MemoryDeliveryQueue()}, id="no store"),
    ],
)
def test_store_and_queue_belong_together(given: dict[str, Any]) -> None:
    """One transaction spans both, so one without the other is refused."""
    with pytest.raises(ConfigurationError, match="together"):
        made({"SECRET_KEY": SECRET, "IDP_SESSION_ISSUER": ISSUER}, **given)


def test_the_default_database_is_in_the_instance_folder(tmp_path: Path) -> None:
    """Without a setting it is a SQLite file; setting up makes neither file nor folder."""
    app = Flask("default", instance_path=str(tmp_path / "instance"))
    app.config.update(SECRET_KEY=SECRET, IDP_SESSION_ISSUER=ISSUER)

    IdpSession().init_app(
        app, clients=StaticClients(), signer=KeySetTokenSigner(key_set())
    )

    engine = app.extensions["idp_session"].engine
    assert engine.url.database == str(tmp_path / "instance" / "idp_session.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_the_database_of_the_settings(tmp_path: Path) -> None:
    """A database that is set is used."""
    url = f"sqlite:///{tmp_path / 'set.sqlite'}"

    app = made(
        {
            "SECRET_KEY": SECRET,
            "IDP_SESSION_ISSUER": ISSUER,
            "IDP_SESSION_DATABASE_URL": url,
        }
    )

    state = app.extensions["idp_session"]
    assert isinstance(state.store, SqlSessionStore)
    assert str(state.engine.url) == url


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        pytest.param("auto", CurlLogoutSender, id="auto"),
        pytest.param("curl", CurlLogoutSender, id="curl"),
        pytest.param("requests", RequestsLogoutSender, id="requests"),
    ],
)
def test_the_default_sender_is_strict(choice: str, kind: type) -> None:
    """Without other word, logout tokens go neither over http nor to this machine."""
    host = host_app(sender=None, config={"IDP_SESSION_DELIVERY_SENDER": choice})
    sender = host.state.delivery._sender

    assert isinstance(sender, kind)
    for uri in ("http://example.com/back", "https://127.0.0.1:8443/back"):
        assert sender.submit(uri, "token").result(9).failure == "address_refused"


@pytest.mark.parametrize("choice", ["curl", "requests"])
@pytest.mark.parametrize(
    ("settings", "failure"),
    [
        pytest.param({"ALLOWED_HOSTS": "localhost"}, "connection", id="host"),
        pytest.param({"ALLOWED_NETWORKS": LOOPBACK}, "connection", id="network"),
        pytest.param({}, "address_refused", id="nothing"),
        pytest.param(
            {"ALLOWED_NETWORKS": LOOPBACK, "ALLOWED_PORTS": "443"},
            "address_refused",
            id="port",
        ),
    ],
)
def test_the_default_sender_has_the_settings(
    choice: str, settings: dict[str, str], failure: str
) -> None:
    """What the settings allow is allowed to the sender, and nothing else."""
    given = {f"IDP_SESSION_DELIVERY_{name}": each for name, each in settings.items()}
    config = {"IDP_SESSION_DELIVERY_SENDER": choice, **given}
    host = host_app(sender=None, config=config)

    # Nobody listens on this port.
    sent = host.state.sender.submit("https://localhost:1025/back", "token").result(9)

    assert sent.failure == failure


def test_two_apps_do_not_mix() -> None:
    """What is signed in at one app of a process is nobody at the other."""
    one, two = host_app(), host_app()
    handle = attributes(one.browser().post("/login/alice"))[HANDLE][""]
    browser = two.browser()
    browser.set_cookie(HANDLE, handle, domain="idp.test")

    assert browser.get("/whoami").get_json()["subject"] is None
    assert one.extension is not two.extension


def test_one_extension_for_two_apps() -> None:
    """The extension itself knows no app."""
    extension = IdpSession()
    apps = [Flask(name) for name in ("one", "two")]

    for app in apps:
        app.config.update(SECRET_KEY=SECRET, IDP_SESSION_ISSUER=f"https://{app.name}")
        extension.init_app(
            app, clients=StaticClients(), signer=KeySetTokenSigner(key_set())
        )

    assert vars(extension) == {}
    assert apps[0].extensions["idp_session"].options.issuer == "https://one"
    assert apps[1].extensions["idp_session"].options.issuer == "https://two"
