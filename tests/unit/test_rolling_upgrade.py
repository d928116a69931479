"""What another version has sealed, while a new one is rolled out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from idp_session.integrations.authlib.marks import Marks

from .end_session_steps import CALLBACK
from .end_session_steps import COOKIE
from .end_session_steps import END
from .end_session_steps import is_question
from .end_session_steps import is_signed_in
from .hosts import attributes
from .hosts import Host
from .hosts import host_app

OTHER_VERSIONS: list[Any] = [
    pytest.param(lambda content: {**content, "new": 1}, id="newer"),
    pytest.param(
        lambda content: dict(sorted(content.items())[1:]), id="older, without a member"
    ),
]


@pytest.fixture
def host() -> Host:
    """A host whose clients have front channels."""
    return host_app()


def resealed(
    host: Host,
    value: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    purpose: str,
    context: str = "",
) -> str:
    """What a version with other members would have sealed."""
    protector = host.state.protector
    plaintext = protector.open(bytes.fromhex(value), purpose=purpose, context=context)
    assert plaintext is not None
    changed = json.dumps(change(json.loads(plaintext))).encode()

    return protector.seal(changed, purpose=purpose, context=context).hex()


@pytest.mark.parametrize("change", OTHER_VERSIONS)
def test_the_last_page(
    host: Host, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """A logout that another version has begun ends on the plain page, and is no error."""
    before = host.signed_in("mail").get(
        END, query_string={"id_token_hint": host.hint("mail")}
    )
    value = resealed(
        host, attributes(before)[COOKIE][""], change, purpose="logout-in-progress"
    )
    browser = host.browser()
    browser.set_cookie(COOKIE, value, domain="idp.test", path=END, secure=True)

    response = browser.get(CALLBACK)

    assert response.status_code == 200
    assert "You are signed out" in response.text
    assert attributes(response)[COOKIE]["max-age"] == "0"


@pytest.mark.parametrize("change", OTHER_VERSIONS)
def test_a_request_on_its_way(
    host: Host, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """A request that another version has sent on counts for nothing: the user is asked."""
    posted = host.browser().post(END, data={"id_token_hint": host.hint()})
    _, _, value = posted.headers["Location"].partition("logout_request=")
    carried = resealed(host, value, change, purpose="logout-request")
    browser = host.signed_in("shop")

    response = browser.get(END, query_string={"logout_request": carried})

    assert is_question(response)
    assert is_signed_in(browser)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewerMarks(Marks):
    new: int = 1


def test_the_questions_of_a_sign_in(host: Host) -> None:
    """Whoever was asked by another version is asked anew."""
    request = MultiDict({"client_id": "shop"})

    with host.app.test_request_context():
        ours, theirs = Marks().on(request), NewerMarks().on(request)

        assert Marks.of(ours) is not None
        assert Marks.of(theirs) is None
