"""The sample provider under a limit, and with clients that keep sessions alive."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta
from datetime import UTC

import pytest

from idp_session.models import ServerSideSession

from .sample_host import Provider
from .sample_host import provider

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """One session for each person, and no second one."""
    options = {
        "IDP_SESSION_MAX_SESSIONS_PER_SUBJECT": 1,
        "IDP_SESSION_SESSION_LIMIT_POLICY": "refuse",
        "IDP_SESSION_CLIENT_ACTIVITY_RENEWS": True,
    }
    idp = provider(tmp_path_factory.mktemp("sample"), options=options)
    yield idp
    idp.app.extensions["idp_session"].engine.dispose()


def session_of(idp: Provider, subject_id: str) -> ServerSideSession:
    found: tuple[ServerSideSession, ...]
    found = idp.app.extensions["idp_session"].store.find_by_subject(subject_id)

    return found[0]


def grow_old(idp: Provider, session: ServerSideSession) -> datetime:
    """More than half of the idle time has gone; returns when the session was used."""
    used_at = datetime.now(UTC) - 1.5 * HOUR
    store = idp.app.extensions["idp_session"].store
    used = dataclasses.replace(
        session, renewed_at=used_at, expires_at=used_at + 2 * HOUR
    )
    store.update(session.key, used)

    return used_at


def test_one_sign_in_too_many(idp: Provider) -> None:
    """The sign-in page says what to do, and no cookie is given out."""
    first = idp.signed_in("alice")

    answer = idp.log_in(idp.browser(), "alice")

    assert answer.status_code == 409
    assert "No more than 1 sign-ins" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert first.get("/account/").status_code == 200


def test_a_token_that_is_used_keeps_the_session(idp: Provider) -> None:
    """Both introspection and refresh count as uses of the session."""
    tokens = idp.tokens(idp.signed_in("bob"))
    used_at = grow_old(idp, session_of(idp, "bob"))
    assert idp.is_active(tokens["access_token"])
    assert session_of(idp, "bob").renewed_at > used_at

    used_at = grow_old(idp, session_of(idp, "bob"))
    assert idp.refresh(tokens["refresh_token"]).status_code == 200
    assert session_of(idp, "bob").renewed_at > used_at
