"""The extension: what it offers to a host."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from joserfc.jwk import generate_key

from idp_session import Client
from idp_session import DeliveryState
from idp_session import Lifetime
from idp_session import LogoutReason
from idp_session import Principal
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore
from tests.fakes import RecordingTokens

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import MAIL
from .hosts import running
from .hosts import SHOP
from .independent_jose import decrypted

KEY = generate_key("EC", "P-256")

SECRET = "a secret key for tests"


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


# Sessions


def test_a_sign_in_shows_at_once(host: Host) -> None:
    """In the request of the sign-in the user is there already."""
    with host.app.test_request_context():
        session_id = host.extension.sign_in(
            Principal(subject_id="alice", amr=("pwd", "otp"), acr="2"),
            items={"device": "laptop"},
        )
        session = host.extension.user_session
        properties = session.properties

        assert session.session_id == session_id
        assert session.user == Principal(
            subject_id="alice",
            amr=("pwd", "otp"),
            acr="2",
            authenticated_at=host.clock.now(),
            factors={"pwd": host.clock.now(), "otp": host.clock.now()},
        )
        assert properties is not None
        assert (properties.items, properties.persistent) == (
            {"device": "laptop"},
            False,
        )


def test_sign_out_without_session(host: Host) -> None:
    """There is nothing to end, and nothing happens."""
    with host.app.test_request_context():
        assert host.extension.sign_out() is None


def test_end_of_any_session(host: Host) -> None:
    """A host ends a session by its id; its clients are told, with the reason."""
    browser = host.signed_in("shop", "mail")
    session_id = browser.get("/whoami").get_json()["sid"]

    with host.app.app_context():
        ended = host.extension.end(session_id, reason=LogoutReason.ADMIN)
        again = host.extension.end(session_id, reason=LogoutReason.ADMIN)

    assert (ended and ended.reason, again) == (LogoutReason.ADMIN, None)
    assert [each.client_id for each in host.owed(session_id)] == ["shop", "mail"]
    assert browser.get("/whoami").get_json()["subject"] is None


def test_end_of_all_sessions_of_a_subject(host: Host) -> None:
    """All browsers of one user are signed out, and nobody else's."""
    browsers = [host.signed_in("shop"), host.signed_in("mail")]
    other = host.signed_in("shop", subject="bob")

    with host.app.app_context():
        count = host.extension.end_all(
            subject_id="alice", reason=LogoutReason.PASSWORD_CHANGE
        )

    assert count == 2
    assert [b.get("/whoami").get_json()["subject"] for b in browsers] == [None, None]
    assert other.get("/whoami").get_json()["subject"] == "bob"


def test_is_live(host: Host) -> None:
    """A session lives until its end, whether anybody has noticed it or not."""
    session_id = host.signed_in().get("/whoami").get_json()["sid"]

    with host.app.app_context():
        before = host.extension.is_live(session_id)
        host.clock.tick(timedelta(hours=2))
        after = host.extension.is_live(session_id)

    assert (before, after) == (True, False)


@pytest.mark.parametrize(
    ("renews", "lives"),
    [pytest.param(True, True, id="on"), pytest.param(False, False, id="off")],
)
def test_a_touch(*, renews: bool, lives: bool) -> None:
    """The activity of a client keeps a session alive where the settings say so."""
    host = host_app(config={"IDP_SESSION_CLIENT_ACTIVITY_RENEWS": renews})
    browser = host.signed_in("shop")
    session_id = browser.get("/whoami").get_json()["sid"]

    with host.app.app_context():
        host.clock.tick(timedelta(hours=1.5))
        assert host.extension.touch(session_id)
        host.clock.tick(timedelta(hours=1.5))
        assert host.extension.touch(session_id) is lives
        assert not host.extension.touch("unknown")


def test_a_sign_in_with_its_own_lifetime(host: Host) -> None:
    """A host may sign somebody in for longer or shorter than usual."""
    with host.app.test_request_context():
        session_id = host.extension.sign_in(
            Principal(subject_id="alice"),
            lifetime=Lifetime(idle=timedelta(minutes=1), absolute=timedelta(hours=1)),
        )
        assert host.extension.is_live(session_id)
        host.clock.tick(60)
        assert not host.extension.is_live(session_id)


def test_is_live_for_a_client(host: Host) -> None:
    """For a client the session is over as soon as it takes part no longer."""
    browser = host.signed_in("shop", "mail")
    session_id = browser.get("/whoami").get_json()["sid"]

    def lives() -> list[bool]:
        with host.app.app_context():
            return [
                host.extension.is_live(session_id, client_id=client_id)
                for client_id in ("shop", "mail", "news")
            ]

    before = lives()
    browser.post("/leave/shop")
    after = lives()
    browser.post("/logout")

    assert before == [True, True, False]
    assert after == [False, True, False]
    assert lives() == [False, False, False]


def test_tokens_are_revoked() -> None:
    """Who revokes tokens hears of each session that ends, and of clients that leave."""
    tokens = RecordingTokens()
    host = host_app(tokens=tokens)
    browser = host.signed_in("shop", "mail")
    host.signed_in("shop", subject="bob")
    session_id = browser.get("/whoami").get_json()["sid"]

    browser.post("/leave/shop")
    browser.post("/logout")

    assert tokens.revoked == [(session_id, ("shop",)), (session_id, ("mail",))]


def test_is_live_of_an_unknown_session(host: Host) -> None:
    """What does not exist does not live."""
    with host.app.app_context():
        assert not host.extension.is_live("5e55")


def test_an_expired_session_is_ended_with_its_reason(host: Host) -> None:
    """Whoever comes back too late is nobody, and the clients hear why."""
    # BCL-OP-33
    browser = host.signed_in("shop")
    session_id = browser.get("/whoami").get_json()["sid"]
    host.clock.tick(timedelta(hours=2))

    response = browser.get("/whoami")

    assert response.get_json()["subject"] is None
    assert host.owed(session_id)[0].reason is LogoutReason.IDLE_TIMEOUT


def test_requests_in_one_application_context(host: Host) -> None:
    """Each request has its own session, even where a test keeps the context."""
    with host.app.app_context():
        alice, nobody = host.signed_in(), host.browser()
        first = alice.get("/whoami").get_json()["subject"]
        second = nobody.get("/whoami").get_json()["subject"]

    assert (first, second) == ("alice", None)


def test_outside_of_a_request(host: Host) -> None:
    """There is no session of nobody's request."""
    with (
        host.app.app_context(),
        pytest.raises(RuntimeError, match="session_from"),
    ):
        host.extension.sign_out()


def test_old_secrets_still_open_sessions() -> None:
    """After a rotation of the secret key nobody has to sign in again."""
    queue = MemoryDeliveryQueue()
    stores: dict[str, Any] = {"store": MemorySessionStore(queue), "queue": queue}
    before = host_app(config={"SECRET_KEY": SECRET}, **stores)
    handle = attributes(before.browser().post("/login/alice"))[HANDLE][""]
    after = host_app(
        config={"SECRET_KEY": SECRET[::-1], "SECRET_KEY_FALLBACKS": [SECRET]}, **stores
    )
    browser = after.browser()
    browser.set_cookie(HANDLE, handle, domain="idp.test")

    assert browser.get("/whoami").get_json()["subject"] == "alice"


# Logout tokens


class _KeysElsewhere:
    """A :class:`~idp_session.ports.ClientKeys` that finds the same for everybody."""

    def key_set_of(self, client: Client) -> dict[str, Any]:
        return {"keys": [KEY.as_dict(private=False)]}


@pytest.mark.parametrize(
    ("members", "collaborators"),
    [
        pytest.param(
            {"jwks": {"keys": [KEY.as_dict(private=False)]}}, {}, id="by value"
        ),
        pytest.param(
            {"jwks_uri": "https://shop.test/jwks"},
            {"client_keys": _KeysElsewhere()},
            id="from the host",
        ),
    ],
)
def test_encrypted_logout_tokens(
    members: dict[str, Any], collaborators: dict[str, Any]
) -> None:
    """What is posted to a client that wants encryption only that client can read."""
    shop = dataclasses.replace(
        SHOP, id_token_encrypted_response_alg="ECDH-ES", **members
    )
    host = host_app(clients=(shop,), **collaborators)
    browser = host.signed_in("shop")
    session_id = browser.get("/whoami").get_json()["sid"]
    browser.post("/logout")
    host.deliver()

    [(_, token)] = host.sender.sent
    signed = host.signer.verify(decrypted(token, KEY.private_key), clients=host.clients)
    assert signed is not None
    assert signed.claims["sid"] == session_id


def test_the_settings_of_logout_tokens() -> None:
    """Reasons and their claim are set for all clients by the app's config."""
    host = host_app(
        config={
            "IDP_SESSION_LOGOUT_REASONS": "user",
            "IDP_SESSION_LOGOUT_REASON_CLAIM": True,
        }
    )
    host.signed_in("shop").post("/logout")
    other = host.signed_in("shop").get("/whoami").get_json()["sid"]
    host.state.ending.end(other, reason=LogoutReason.ADMIN)
    host.deliver()

    [(_, token)] = host.sender.sent
    signed = host.signer.verify(token, clients=host.clients)
    assert signed is not None
    assert signed.claims["logout_reason"] == "user"
    assert [each.state for each in host.owed(other)] == [DeliveryState.SKIPPED]


def test_who_does_not_want_to_hear_is_not_waited_for() -> None:
    """The page says nothing of an application that chose not to hear of this."""
    uninterested = dataclasses.replace(
        MAIL, front_channel_logout_uri=None, logout_reasons=frozenset()
    )
    busy = host_app(
        clients=(SHOP, uninterested),
        config={
            "IDP_SESSION_DELIVERY_IN_PROCESS": True,
            "IDP_SESSION_BACK_CHANNEL_WAIT": 60,
        },
    )

    with running(busy):
        browser = busy.signed_in("shop", "mail")
        hint = busy.hint("shop", sid=browser.get("/whoami").get_json()["sid"])
        page = browser.get("/connect/endsession", query_string={"id_token_hint": hint})
        page = browser.get(page.headers["Location"]) if page.location else page

    assert "1</span> of 1 application confirmed" in page.text
    assert "Mail" not in page.text


def test_a_database_in_use(sqlite_engine: sa.Engine) -> None:
    """With its tables made, a host works on a database as it does in memory."""
    host = host_app(engine=sqlite_engine)
    browser = host.signed_in("shop")

    session_id = browser.get("/whoami").get_json()["sid"]
    browser.post("/logout")
    host.deliver()

    assert [each.state for each in host.owed(session_id)] == [DeliveryState.DELIVERED]
