"""The demo clients: signing out."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from .fake_provider import FakeProvider
from .steps import ALICE
from .steps import BASE_URL
from .steps import csrf_token
from .steps import is_signed_in
from .steps import query
from .steps import SignIn


def test_a_sign_out(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """Signing out ends the session here, then asks the provider to end its own."""
    answer = signed_in.post("/logout", data={"csrf_token": csrf_token(signed_in)})
    asked = query(answer)

    assert answer.headers["Location"].startswith(f"{provider.issuer}/end?")
    assert asked.pop("state")
    assert asked.pop("id_token_hint").count(".") == 2
    assert asked == {"post_logout_redirect_uri": f"{BASE_URL}/"}
    assert not is_signed_in(signed_in)


@pytest.mark.parametrize("path", ["/logout", "/session-ended"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param({}, id="no token"),
        pytest.param({"csrf_token": ""}, id="empty token"),
        pytest.param({"csrf_token": "ä"}, id="other token"),
    ],
)
def test_a_forged_sign_out(
    signed_in: FlaskClient, path: str, data: dict[str, str]
) -> None:
    """Another site's form signs nobody out."""
    assert signed_in.post(path, data=data).status_code == 400
    assert is_signed_in(signed_in)


def test_a_sign_out_by_a_link(signed_in: FlaskClient) -> None:
    """A link or an image signs nobody out."""
    assert signed_in.get("/logout").status_code == 405
    assert is_signed_in(signed_in)


def test_a_second_sign_out(signed_in: FlaskClient) -> None:
    """Signing out once more leads home."""
    data = {"csrf_token": csrf_token(signed_in)}
    signed_in.post("/logout", data=data)

    assert signed_in.post("/logout", data=data).headers["Location"] == "/"


def test_a_provider_that_cannot_sign_out(
    provider: FakeProvider, browser: FlaskClient, come_back: SignIn
) -> None:
    """If the provider cannot be told, the person is."""
    provider.metadata = {"end_session_endpoint": None}
    come_back(browser.get("/login"), **ALICE)

    page = browser.post("/logout", data={"csrf_token": csrf_token(browser)})

    assert (page.status_code, "signed out here only" in page.text) == (502, True)
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    ("state", "confirmed"),
    [
        pytest.param("{}", True, id="ours"),
        pytest.param("altered-{}", False, id="altered LTV-22"),
        pytest.param("", False, id="dropped LTV-22"),
    ],
)
@pytest.mark.spec("LTV-22")
def test_back_from_the_sign_out(
    signed_in: FlaskClient, *, state: str, confirmed: bool
) -> None:
    """Back from the provider, the person is at home, whatever became of the state."""
    answer = signed_in.post("/logout", data={"csrf_token": csrf_token(signed_in)})
    returned = urlencode({"state": state.format(query(answer)["state"])})

    home = signed_in.get(f"/?{returned}", follow_redirects=True)

    assert ("The provider says that you are signed out" in home.text) is confirmed
    assert "You signed out here." in home.text
