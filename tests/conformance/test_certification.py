"""The courses that the certification of a provider takes, from registration on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt

from tests.sample.clients import claims_of

from .browser import Browser
from .browser import REFUSALS
from .browser import STATE
from .chromium import Tab
from .conftest import Join
from .pages import frames_of
from .provider import Provider

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize(
    "channels",
    [
        pytest.param({}, marks=pytest.mark.spec("RIL-OP-01"), id="RP-initiated"),
        pytest.param(
            {"back": True}, marks=pytest.mark.spec("BCL-OP-18"), id="back channel"
        ),
    ],
)
@pytest.mark.spec("RIL-OP-03", "RIL-OP-06", "DISC-OP-12", "SID-OP-05")
def test_a_plan_without_a_browser(
    secure: Provider,
    new_browser: Callable[..., Browser],
    join: Join,
    channels: dict[str, Any],
    algorithm: str,
) -> None:
    """Register, sign in, sign out with the state, and be refused afterwards."""
    keys, browser = secure.keys, new_browser(secure)
    party = join(secure, id_token_signed_response_alg=algorithm, **channels)
    session = browser.sign_in(party, nonce="a-nonce")
    sid = jwt.decode(session.id_token, keys, algorithms=[algorithm]).claims["sid"]

    browser.log_out_from(session, state=STATE)

    [arrived] = party.hits_at("/bye")
    assert arrived.parameters == {"state": [STATE]}
    assert [
        jwt.decode(token, keys, algorithms=[algorithm]).claims["sid"]
        for token in party.logout_tokens
    ] == ([sid] if channels else [])
    browser.authorize(party, prompt="none", state=STATE)
    refused = party.hits_at("/callback")[-1].parameters
    assert refused["error"][0] in REFUSALS
    assert refused["state"] == [STATE]


@pytest.mark.browser
@pytest.mark.spec("FCL-OP-01", "FCL-OP-05", "FCL-OP-06", "RIL-OP-03")
def test_the_front_channel_plan(tab: Tab, secure: Provider, join: Join) -> None:
    """Register, sign in, be framed with issuer and session, go on, be refused."""
    party = join(secure, front=True, frontchannel_logout_session_required=True)
    tab.sign_in(party)
    id_token = tab.redeem(party)

    tab.log_out(id_token_hint=id_token, post_logout_redirect_uri=party.bye, state=STATE)
    tab.page.wait_for_url(f"{party.bye}?**")

    [framed], [arrived] = party.hits_at("/front"), party.hits_at("/bye")
    sid = claims_of(id_token)["sid"]
    assert framed.parameters == {"iss": [secure.issuer], "sid": [sid]}
    assert arrived.parameters == {"state": [STATE]}
    assert tab.authorize(party, prompt="none")["error"] in REFUSALS


@pytest.mark.browser
@pytest.mark.spec("SM-OP-01", "SM-OP-08", "SM-OP-09")
def test_the_session_plan(tab: Tab, secure: Provider, join: Join) -> None:
    """One message before the logout and one after it: unchanged, then changed."""
    party = join(secure)
    session_state = tab.sign_in(party)
    id_token = tab.redeem(party)
    before = tab.verdict(party, session_state)

    tab.log_out(id_token_hint=id_token, post_logout_redirect_uri=party.bye, state=STATE)
    tab.page.wait_for_url(f"{party.bye}?**")

    assert (before, tab.verdict(party, session_state)) == ("unchanged", "changed")


@pytest.mark.parametrize(
    ("left_out", "changed"),
    [
        pytest.param((), {"post_logout_redirect_uri": "{bye}?foo=bar"}, id="query"),
        pytest.param((), {"post_logout_redirect_uri": "{url}/random"}, id="other"),
        pytest.param((), {"id_token_hint": "{hint}x"}, id="altered hint"),
        pytest.param(("id_token_hint",), {}, id="no hint"),
        pytest.param(("post_logout_redirect_uri",), {}, id="no address"),
        pytest.param(("id_token_hint", "post_logout_redirect_uri"), {}, id="state"),
        pytest.param(
            ("id_token_hint", "post_logout_redirect_uri", "state"), {}, id="nothing"
        ),
    ],
)
@pytest.mark.spec("RIL-OP-19", "RIL-OP-22", "RIL-OP-23", "RIL-OP-24")
def test_the_negative_modules(
    secure: Provider,
    new_browser: Callable[..., Browser],
    join: Join,
    left_out: tuple[str, ...],
    changed: dict[str, str],
) -> None:
    """Nobody comes to the client, whether or not the user agrees to sign out."""
    browser, party = new_browser(secure), join(secure)
    session = browser.sign_in(party)
    words = {"bye": party.bye, "url": party.url, "hint": session.id_token}
    request: dict[str, Any] = {
        "id_token_hint": session.id_token,
        "post_logout_redirect_uri": party.bye,
        "state": STATE,
        **{name: text.format(**words) for name, text in changed.items()},
        **dict.fromkeys(left_out),
    }
    party.hits.clear()

    page = browser.log_out(**request)

    if "confirmation" in page.text:
        page = browser.confirm(page)

    assert page.url.startswith(secure.issuer)
    assert frames_of(page.text) == []
    assert party.hits == []
    assert not browser.is_signed_in(party)
