"""Tokens of the sample provider, and what the end of a session does to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from idp_session import LogoutReason
from idp_session import SessionFilter
from idp_session.flask.state import AppState
from idp_session.stores.sql.schema import sessions
from sample_idp.provider.session_tokens import SampleSessionTokens

from .hosts import Page
from .sample_host import EXTENSION
from .sample_host import is_signed_in
from .sample_host import Provider
from .sample_host import provider
from .sample_host import query_of
from .sample_host import SHOP
from .sample_host import sid_of

OTHER = {**SHOP, "client_id": "shop-ES256"}

End = Callable[[Provider, FlaskClient], object]


def state_of(idp: Provider) -> AppState:
    state: AppState = idp.app.extensions["idp_session"]

    return state


def given(
    idp: Provider,
    browser: FlaskClient,
    *,
    client: dict[str, Any] = SHOP,
    scope: str = "openid",
) -> dict[str, Any]:
    """What a client gets in the session of a browser."""
    code = idp.code(browser, client_id=client["client_id"], scope=scope)
    answer: dict[str, Any] = idp.exchange(code, client=client).get_json()
    assert "access_token" in answer, answer

    return answer


def lives(
    idp: Provider, tokens: dict[str, Any], *, client: dict[str, Any] = SHOP
) -> list[bool]:
    """What introspection, userinfo and a refresh say; the last uses it up."""
    access = tokens["access_token"]
    introspected = idp.as_client("introspection", {"token": access}, client=client)
    userinfo = idp.browser().get(
        "/connect/userinfo", headers={"Authorization": f"Bearer {access}"}
    )
    refreshed = idp.refresh(tokens["refresh_token"], client=client)

    return [
        introspected.get_json()["active"],
        userinfo.status_code == 200,
        refreshed.status_code == 200,
    ]


def sign_out(idp: Provider, browser: FlaskClient) -> None:
    page = browser.get("/connect/endsession").text
    confirmation = page.split('name="confirmation" value="')[1].split('"')[0]
    browser.post(
        "/connect/endsession", data={"confirmation": confirmation, "answer": "yes"}
    )


def end_as_admin(idp: Provider, browser: FlaskClient) -> None:
    admin = idp.signed_in("admin")

    assert admin.post(f"/admin/sessions/{sid_of(browser)}/end").status_code == 303


def end_on_another_device(idp: Provider, browser: FlaskClient) -> None:
    other = idp.signed_in()
    page = Page(other.get("/account/sessions/end-others"))
    other.post("/account/sessions/end-others", data=page.fields)

    assert not is_signed_in(browser)


def switch_user(idp: Provider, browser: FlaskClient) -> None:
    idp.log_in(browser, "bob")


def sweep(idp: Provider, browser: FlaskClient) -> None:
    expire(idp, browser)

    with idp.app.app_context():
        assert state_of(idp).sweep.run_once() >= 1


def expire(idp: Provider, browser: FlaskClient) -> None:
    """Nobody has noticed that it has expired."""
    state = state_of(idp)
    assert state.engine is not None

    with state.engine.begin() as connection:
        connection.execute(
            sa.update(sessions)
            .where(sessions.c.session_id == sid_of(browser))
            .values(expires_at=state.clock.now() - timedelta(hours=1))
        )


def end_without_notification(idp: Provider, browser: FlaskClient) -> None:
    with idp.app.app_context():
        EXTENSION.end(sid_of(browser), reason=LogoutReason.ADMIN, notify=False)


def leave(idp: Provider, browser: FlaskClient) -> None:
    with idp.app.app_context():
        assert EXTENSION.management.end_for_clients(
            SessionFilter(session_id=sid_of(browser)),
            client_ids=["shop"],
            reason=LogoutReason.ADMIN,
        )


def end_elsewhere(idp: Provider, browser: FlaskClient) -> None:
    """A process ends it, and dies before it can revoke anything."""
    state = state_of(idp)
    state.store.end(
        sid_of(browser), reason=LogoutReason.ADMIN, ended_at=state.clock.now()
    )


def leave_elsewhere(idp: Provider, browser: FlaskClient) -> None:
    """A process has the client leave, and dies before it can revoke anything."""
    state = state_of(idp)
    assert state.store.leave(
        sid_of(browser),
        client_ids=["shop"],
        reason=LogoutReason.ADMIN,
        left_at=state.clock.now(),
    )


every_way = pytest.mark.parametrize(
    "end",
    [
        pytest.param(sign_out, id="sign-out"),
        pytest.param(end_as_admin, id="administrator"),
        pytest.param(end_on_another_device, id="another device"),
        pytest.param(switch_user, id="user switch"),
        pytest.param(sweep, id="sweep"),
        pytest.param(expire, id="expired"),
        pytest.param(end_without_notification, id="without notification"),
        pytest.param(end_elsewhere, id="process died after the end"),
        pytest.param(leave, id="client left"),
        pytest.param(leave_elsewhere, id="process died after the client left"),
    ],
)


# BCL-OP-34
@every_way
def test_tokens_end_with_their_session(
    idp: Provider, alice: FlaskClient, end: End
) -> None:
    """However it ends: introspection, userinfo and refresh all refuse."""
    tokens = given(idp, alice)

    end(idp, alice)

    assert lives(idp, tokens) == [False, False, False]


# BCL-OP-34
@every_way
def test_offline_access_goes_on(idp: Provider, alice: FlaskClient, end: End) -> None:
    """However it ends: what was granted for longer is good for longer."""
    tokens = given(idp, alice, scope="openid offline_access")

    end(idp, alice)

    assert lives(idp, tokens) == [True, True, True]


@every_way
def test_codes_end_with_their_session(
    idp: Provider, alice: FlaskClient, end: End
) -> None:
    """A code that nobody has exchanged yet is worth nothing, whatever it is for."""
    code = idp.code(alice, scope="openid offline_access")

    end(idp, alice)

    assert idp.exchange(code).get_json()["error"] == "invalid_grant"


def test_tokens_of_another_session_go_on(idp: Provider, alice: FlaskClient) -> None:
    """It is asked per session: another device of the same user keeps its tokens."""
    given(idp, alice)
    elsewhere = given(idp, idp.signed_in())

    sign_out(idp, alice)

    assert lives(idp, elsewhere) == [True, True, True]


def test_tokens_of_clients_that_stay(idp: Provider, alice: FlaskClient) -> None:
    """When a client leaves only its own tokens go."""
    shop, other = given(idp, alice), given(idp, alice, client=OTHER)

    leave(idp, alice)

    assert lives(idp, shop) == [False, False, False]
    assert lives(idp, other, client=OTHER) == [True, True, True]
    assert "code" in query_of(idp.authorize(alice, prompt="none"))


def test_a_client_that_has_come_back_has_no_old_tokens(
    idp: Provider, alice: FlaskClient
) -> None:
    """What it was given before it left stays revoked when it takes part again."""
    old, code = given(idp, alice), idp.code(alice)
    leave(idp, alice)

    new = given(idp, alice)

    assert lives(idp, old) == [False, False, False]
    assert idp.exchange(code).get_json()["error"] == "invalid_grant"
    assert lives(idp, new) == [True, True, True]


def test_a_limit_revokes_too(tmp_path: Path) -> None:
    """A session that makes room for another one takes its tokens with it."""
    limited = provider(tmp_path, options={"IDP_SESSION_MAX_SESSIONS_PER_SUBJECT": 1})
    tokens = given(limited, limited.signed_in())

    limited.signed_in()

    assert lives(limited, tokens) == [False, False, False]
    state_of(limited).engine.dispose()  # type: ignore[union-attr]  # it has one


def test_the_port_alone(idp: Provider, alice: FlaskClient) -> None:
    """What is revoked is dead, although the session lives; and twice is once."""
    engine = state_of(idp).engine
    assert engine is not None
    revocation = SampleSessionTokens(engine)
    shop, other = given(idp, alice), given(idp, alice, client=OTHER)
    offline = given(idp, alice, scope="openid offline_access")

    for _ in range(2):
        revocation.revoke(sid_of(alice), client_ids=("shop", "nobody"))

    assert lives(idp, shop) == [False, False, False]
    assert lives(idp, other, client=OTHER) == [True, True, True]
    assert lives(idp, offline) == [True, True, True]
