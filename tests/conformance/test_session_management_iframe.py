"""The check-session iframe, in a page of another site."""

from __future__ import annotations

import hashlib

import pytest

from .chromium import OpenTab
from .chromium import Tab
from .conftest import Join
from .provider import Provider
from .relying_party import RelyingParty

pytestmark = [
    pytest.mark.browser,
    pytest.mark.process,
    pytest.mark.xdist_group("conformance"),
]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def shop(join: Join, secure: Provider) -> RelyingParty:
    return join(secure)


@pytest.mark.spec("SM-OP-06", "SM-OP-07", "SM-OP-08", "SM-OP-13")
def test_while_the_user_is_signed_in(
    tab: Tab, secure: Provider, shop: RelyingParty
) -> None:
    """The first message after the load is answered, by the origin of the issuer."""
    state = tab.sign_in(shop)

    answers = tab.ask(f"{shop.client_id} {state}")

    assert answers == [{"origin": secure.issuer, "data": "unchanged"}]


@pytest.mark.spec("SM-OP-08")
def test_two_states_of_one_client(tab: Tab, shop: RelyingParty) -> None:
    """An older value for the same session holds as long as a newer one."""
    older, newer = tab.sign_in(shop), tab.sign_in(shop)

    verdicts = {tab.verdict(shop, state) for state in (older, newer)}

    assert older != newer
    assert verdicts == {"unchanged"}


@pytest.mark.spec("SM-OP-09")
def test_after_the_logout(open_tab: OpenTab, shop: RelyingParty) -> None:
    """A page that stays open hears of the logout in another tab."""
    staying, leaving = open_tab(), open_tab()
    state = staying.sign_in(shop)
    assert staying.verdict(shop, state) == "unchanged"
    leaving.sign_in(shop)

    leaving.log_out(
        id_token_hint=leaving.redeem(shop), post_logout_redirect_uri=shop.bye
    )

    leaving.page.wait_for_url(shop.bye)
    assert staying.verdict(shop, state) == "changed"


@pytest.mark.parametrize("username", ["alice", "bob"])
@pytest.mark.spec("SM-OP-10")
def test_after_another_sign_in(
    open_tab: OpenTab, shop: RelyingParty, username: str
) -> None:
    """After a logout, whoever signs in again: it is another session."""
    staying, other = open_tab(), open_tab()
    state = staying.sign_in(shop)
    other.sign_in(shop)
    other.log_out(id_token_hint=other.redeem(shop))

    other.sign_in(shop, username)

    assert staying.verdict(shop, state) == "changed"


@pytest.mark.spec("SM-OP-10")
def test_after_a_user_switch(open_tab: OpenTab, shop: RelyingParty) -> None:
    """Another user without a logout changes it as well; the same user does not."""
    staying, other = open_tab(), open_tab()
    state = staying.sign_in(shop)
    verdicts = []

    for username in ("alice", "bob"):
        other.sign_in(shop, username, prompt="login")
        verdicts.append(staying.verdict(shop, state))

    assert verdicts == ["unchanged", "changed"]


@pytest.mark.parametrize(
    "message",
    [
        "",
        " ",
        "nothing",
        "client ",
        " state.salt",
        "client state",
        "client .",
        "client state.salt",
        7,
        None,
        {"client_id": "a"},
        ["a b"],
        "a" * 100_000,
    ],
    ids=lambda message: repr(message)[:20],
)
@pytest.mark.spec("SM-OP-11")
def test_what_cannot_be_understood(
    tab: Tab, shop: RelyingParty, message: object
) -> None:
    """It is an error, whether or not anybody is signed in."""
    tab.page.goto(shop.url)

    answers = tab.ask(message)

    assert [answer["data"] for answer in answers] == ["error"]


@pytest.mark.spec("SM-OP-11")
def test_after_what_cannot_be_understood(tab: Tab, shop: RelyingParty) -> None:
    """The frame goes on answering."""
    state = tab.sign_in(shop)

    verdicts = [tab.ask(None)[0]["data"], tab.verdict(shop, state)]

    assert verdicts == ["error", "unchanged"]


@pytest.mark.spec("SM-OP-11")
def test_a_client_id_with_a_space(tab: Tab, shop: RelyingParty) -> None:
    """A client id may hold spaces; the last one ends it."""
    tab.sign_in(shop)
    [browser_state] = [
        cookie["value"]
        for cookie in tab.page.context.cookies()
        if not cookie["httpOnly"]
    ]
    # As the guide on the iframe says that it is computed.
    about = f"my shop {shop.url}"
    salt = f"random-{_sha256(f'{about} random')[:16]}"
    state = f"{_sha256(f'{about} {browser_state} {salt}')}.{salt}"

    [answer] = tab.ask(f"my shop {state}")

    assert answer["data"] == "unchanged"


@pytest.mark.spec("SM-OP-04", "SM-OP-12")
def test_a_stranger(tab: Tab, secure: Provider, join: Join, shop: RelyingParty) -> None:
    """A page of another origin hears nothing of a state that was not made for it."""
    stranger = join(secure)
    state = tab.sign_in(shop)
    tab.sign_in(stranger)

    verdicts = [tab.verdict(party, state) for party in (shop, stranger)]

    assert verdicts == ["error", "error"]


@pytest.mark.spec("SM-OP-13")
def test_a_sandboxed_page(tab: Tab, secure: Provider, shop: RelyingParty) -> None:
    """A page without an origin, which no answer could be addressed to, gets none."""
    state = tab.sign_in(shop)
    frame = secure.metadata["check_session_iframe"]
    script = f"""
        <iframe id="op" src="{frame}"></iframe>
        <script>
          onmessage = (event) => parent.postMessage("heard " + event.data, "*");
          op.onload = () => {{
            op.contentWindow.postMessage("{shop.client_id} {state}", "*");
            setTimeout(() => parent.postMessage("nothing", "*"), 500);
          }};
        </script>"""

    heard = tab.page.evaluate(
        """(html) => new Promise((done) => {
            addEventListener("message", (event) => done(event.data), { once: true });
            const frame = document.createElement("iframe");
            frame.sandbox = "allow-scripts";
            frame.srcdoc = html;
            document.body.append(frame);
        })""",
        script,
    )

    assert heard == "nothing"


@pytest.mark.spec("SM-OP-16")
def test_polling(tab: Tab, shop: RelyingParty) -> None:
    """However often a client asks, nothing but the frame itself is fetched."""
    state = tab.sign_in(shop)
    seen = tab.requests()

    verdicts = {tab.verdict(shop, state) for _ in range(20)}

    assert verdicts == {"unchanged"}
    assert len(seen) == 1


@pytest.mark.spec("SM-OP-17")
def test_hidden_cookies(open_tab: OpenTab, shop: RelyingParty) -> None:
    """Where the frame cannot see the cookie it does not say that anything changed."""
    tab = open_tab(third_party_cookies=False)

    state = tab.sign_in(shop)

    assert tab.verdict(shop, state) == "error"


@pytest.mark.spec("SM-OP-02", "SM-OP-18")
def test_who_was_never_signed_in(open_tab: OpenTab, shop: RelyingParty) -> None:
    """The state of a refusal holds until somebody signs in."""
    waiting, other = open_tab(), open_tab()
    given = waiting.authorize(shop, prompt="none")
    before = waiting.verdict(shop, given["session_state"])

    other.sign_in(shop)

    assert given["error"] == "login_required"
    assert before == "unchanged"
    assert waiting.verdict(shop, given["session_state"]) == "changed"
