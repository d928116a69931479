"""Session Management 1.0: the origin, the salt and the session state."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_session._protocol.session_management import bound_salt
from idp_session._protocol.session_management import origin_of
from idp_session._protocol.session_management import session_state

ORIGIN = "https://shop.test"


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        pytest.param("https://shop.test/cb?x=1#y", ORIGIN, id="path and query"),
        pytest.param("HTTPS://Shop.TEST/cb", ORIGIN, id="capitals"),
        pytest.param("https://shop.test:443/cb", ORIGIN, id="default https port"),
        pytest.param("https://shop.test:0443", ORIGIN, id="port with a zero"),
        pytest.param("https://shop.test:/cb", ORIGIN, id="empty port"),
        pytest.param("http://shop.test:80/", "http://shop.test", id="default http"),
        pytest.param("http://shop.test:443/", "http://shop.test:443", id="odd http"),
        pytest.param("https://shop.test:8443/", f"{ORIGIN}:8443", id="other port"),
        pytest.param("https://user:pw@shop.test/", ORIGIN, id="user"),
        pytest.param("https://[2001:DB8::1]/", "https://[2001:db8::1]", id="v6"),
        pytest.param("https://[0:0:0::1]:8443/", "https://[::1]:8443", id="v6 port"),
        pytest.param("http://127.0.0.1:5000/", "http://127.0.0.1:5000", id="v4"),
        pytest.param("https://a_b.test/", "https://a_b.test", id="underscore"),
        pytest.param("https://BÜCHER.test/", "https://xn--bcher-kva.test", id="idn"),
        pytest.param("https://straße.de/", "https://xn--strae-oqa.de", id="sharp s"),
        pytest.param("https://ΣΑΣ.gr/", "https://xn--mxa9ab.gr", id="capital sigma"),
        pytest.param("https://日本。jp/", "https://xn--wgv71a.jp", id="wide dot"),
        pytest.param(
            "https://\uff53\uff48\uff4f\uff50.test/", ORIGIN, id="wide letters"
        ),
        pytest.param("https://☃.net/", "https://xn--n3h.net", id="symbol"),
    ],
)
def test_origin_is_what_the_browser_reports(uri: str, origin: str) -> None:
    """The origin has the form that a browser gives ``event.origin``."""
    # SM-OP-05
    assert origin_of(uri) == origin


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("com.example.app:/done", id="custom scheme"),
        pytest.param("com.example.app://done", id="custom scheme with host"),
        pytest.param("urn:ietf:wg:oauth:2.0:oob", id="urn"),
        pytest.param("/done", id="relative"),
        pytest.param("", id="empty"),
        pytest.param("https:///done", id="no host"),
        pytest.param("https:shop.test", id="no slashes"),
        pytest.param("https://shop.test:99999/", id="port too high"),
        pytest.param("https://shop.test:x/", id="port not a number"),
        pytest.param("https://[::1/", id="open bracket"),
        pytest.param("https://[::1]x/", id="text after bracket"),
        pytest.param("https://[::g]/", id="not an address"),
        pytest.param("https://[fe80::1%25eth0]/", id="zone"),
        pytest.param("https://shop.test\\@evil.test/", id="backslash"),
        pytest.param("https://shop.test\n.evil.test/", id="line break"),
        pytest.param("https://shop.test\t/", id="tab"),
        pytest.param(" https://shop.test/", id="leading space"),
        pytest.param("https://shop.test;frame-src/", id="semicolon"),
        pytest.param("https://*.shop.test/", id="wildcard"),
        pytest.param("https://sh%6fp.test/", id="encoded host"),
        pytest.param("https://shop\u00a0x.test/", id="wide space"),
        pytest.param("https://\u2100.test/", id="slash in disguise"),
        pytest.param("http://127.1/", id="short address"),
        pytest.param("http://0x7f000001/", id="hexadecimal address"),
    ],
)
def test_what_has_no_origin(uri: str) -> None:
    """A URI without an origin, or with one that could be misread, is refused."""
    with pytest.raises(ValueError, match=r"."):
        origin_of(uri)


def test_salt_is_bound_to_client_and_origin() -> None:
    """The salt carries a short hash over client, origin and its random part."""
    digest = hashlib.sha256(b"shop https://shop.test r4nd").hexdigest()

    salt = bound_salt(client_id="shop", origin=ORIGIN, random_part="r4nd")

    assert salt == "r4nd-" + digest[:16]


@pytest.mark.parametrize(
    "random_part", [pytest.param("", id="empty"), pytest.param("a b", id="space")]
)
def test_random_part_must_be_usable(random_part: str) -> None:
    """A random part that would spoil the session state is refused."""
    with pytest.raises(ValueError, match="random part"):
        bound_salt(client_id="shop", origin=ORIGIN, random_part=random_part)


def test_session_state_is_the_documented_hash() -> None:
    """The session state is the hash of the specification's example, then the salt."""
    digest = hashlib.sha256(b"shop https://shop.test abc s-1").hexdigest()

    state = session_state(
        client_id="shop", origin=ORIGIN, browser_state="abc", salt="s-1"
    )

    assert state == f"{digest}.s-1"


@given(client_id=st.text(), browser_state=st.text())
def test_session_state_has_no_space(client_id: str, browser_state: str) -> None:
    """Whatever the client is called, the session state contains no space."""
    # SM-OP-03
    state = session_state(
        client_id=client_id, origin=ORIGIN, browser_state=browser_state, salt="s-1"
    )

    assert re.fullmatch(r"[0-9a-f]{64}\.s-1", state)


def test_session_state_refuses_a_salt_with_a_space() -> None:
    """A salt with a space, which the iframe could not find again, is refused."""
    with pytest.raises(ValueError, match="space"):
        session_state(client_id="shop", origin=ORIGIN, browser_state="a", salt="s 1")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"client_id": "news"}, id="client"),
        pytest.param({"origin": "https://news.test"}, id="origin"),
        pytest.param({"browser_state": "other"}, id="browser state"),
        pytest.param({"salt": "s-2"}, id="salt"),
    ],
)
def test_session_state_depends_on_everything(change: dict[str, str]) -> None:
    """Another client, origin, browser state or salt gives another value."""
    # SM-OP-04
    given_parts = {
        "client_id": "shop",
        "origin": ORIGIN,
        "browser_state": "abc",
        "salt": "s-1",
    }

    assert session_state(**given_parts) != session_state(**(given_parts | change))
