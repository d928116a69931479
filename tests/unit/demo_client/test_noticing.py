"""The demo clients: noticing a sign-out themselves (LTV-23)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from .fake_provider import FakeProvider
from .steps import ALICE
from .steps import attribute
from .steps import BASE_URL
from .steps import csrf_token
from .steps import front_channel
from .steps import is_signed_in
from .steps import query
from .steps import SignIn
from .steps import told


@pytest.mark.spec("LTV-23")
def test_asking_silently(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """When the frame says "changed", the provider is asked without the user."""
    asked = query(signed_in.get("/silent"))

    assert asked["prompt"] == "none"
    assert asked["id_token_hint"].count(".") == 2
    assert asked["redirect_uri"] == f"{BASE_URL}/callback"


def test_still_signed_in(
    provider: FakeProvider, signed_in: FlaskClient, come_back: SignIn
) -> None:
    """The same user goes on with the session state that is new."""
    page = come_back(signed_in.get("/silent"), **ALICE)

    assert attribute(page, "data-outcome") == "renewed"
    assert attribute(page, "data-session-state") == "first.salt"
    assert is_signed_in(signed_in)


def test_another_user_at_the_provider(
    signed_in: FlaskClient, come_back: SignIn
) -> None:
    """Another user at the provider means that the first one is signed out."""
    page = come_back(signed_in.get("/silent"), sub="bob", sid="session-2", name="Bob")

    assert attribute(page, "data-outcome") == "signed_out"


def test_ended_meanwhile(
    provider: FakeProvider, signed_in: FlaskClient, come_back: SignIn
) -> None:
    """A sign-in that ended while the provider was asked does not come back."""
    redirected = signed_in.get("/silent")
    front_channel(signed_in, provider.issuer, "session-1")

    page = come_back(redirected, **ALICE)

    assert attribute(page, "data-outcome") == "signed_out"
    assert not is_signed_in(signed_in)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param("login_required", "signed_out", id="signed out"),
        pytest.param("interaction_required", "signed_out", id="no answer alone"),
        pytest.param("invalid_response", "error", id="nonsense"),
    ],
)
def test_silent_refusals(signed_in: FlaskClient, error: str, outcome: str) -> None:
    """A refusal means signed out; what cannot be understood means nothing."""
    state = query(signed_in.get("/silent"))["state"]

    page = signed_in.get("/callback", query_string={"error": error, "state": state})

    assert (page.status_code, attribute(page, "data-outcome")) == (200, outcome)
    assert is_signed_in(signed_in)


def test_a_silent_answer_to_no_question(signed_in: FlaskClient) -> None:
    """Nobody is signed out by an answer that is made up."""
    made_up = {"error": "login_required", "state": "silent.made-up"}

    page = signed_in.get("/callback", query_string=made_up)

    assert attribute(page, "data-outcome") == "error"


def test_asking_silently_for_a_stranger(browser: FlaskClient) -> None:
    """Who is signed out here needs nobody to be asked."""
    assert attribute(browser.get("/silent"), "data-outcome") == "signed_out"


def test_the_page_has_noticed(signed_in: FlaskClient) -> None:
    """What the page noticed ends the session here."""
    token = csrf_token(signed_in)
    answer = signed_in.post("/session-ended", data={"csrf_token": token})
    session: dict[str, Any] = signed_in.get("/session.json").get_json()

    assert answer.status_code == 204
    assert (session["signed_in"], session["ended_by"]) == (False, "iframe")


def test_the_page_was_not_the_first(
    provider: FakeProvider, signed_in: FlaskClient
) -> None:
    """What has ended before is not ended again."""
    token = csrf_token(signed_in)
    front_channel(signed_in, provider.issuer, "session-1")
    signed_in.post("/session-ended", data={"csrf_token": token})

    assert told(signed_in) == ["provider", "front-channel"]
