"""Front-Channel Logout 1.0: the address of the frame, and registration."""

from typing import Any
from urllib.parse import parse_qsl
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_session._protocol.front_channel import check_registration
from idp_session._protocol.front_channel import logout_uri
from idp_session.errors import InvalidClientMetadataError

ISSUER = "https://idp.test/tenant?no"
URI = "frontchannel_logout_uri"
FLAG = "frontchannel_logout_session_required"

QUERIES = st.text(alphabet="abcXYZ019-._~:/?@!$&'()*+,;=%20", min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        pytest.param("https://a.test/out", "https://a.test/out?", id="no query"),
        pytest.param("https://a.test", "https://a.test?", id="no path"),
        pytest.param("https://a.test/?", "https://a.test/?", id="empty query"),
        pytest.param("https://a.test/?a=%7e", "https://a.test/?a=%7e&", id="query"),
        pytest.param("https://a.test/?a&", "https://a.test/?a&", id="open query"),
    ],
)
def test_iss_and_sid_are_appended(uri: str, expected: str) -> None:
    """The frame's address is the registered one, then ``iss`` and ``sid``."""
    # FCL-OP-02, FCL-OP-03, FCL-OP-08, FCL-OP-09
    assert logout_uri(uri, iss="https://idp.test", sid="a&b") == (
        expected + "iss=https%3A%2F%2Fidp.test&sid=a%26b"
    )


@given(query=QUERIES, sid=st.text(min_size=1))
def test_registered_query_survives(query: str, sid: str) -> None:
    """The client's own query stays byte for byte, and ours is read back exactly."""
    # FCL-OP-09
    uri = logout_uri(f"https://a.test/out?{query}", iss=ISSUER, sid=sid)

    assert uri.startswith(f"https://a.test/out?{query}")
    assert parse_qsl(urlsplit(uri).query)[-2:] == [("iss", ISSUER), ("sid", sid)]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="same origin"),
        pytest.param({URI: "https://A.test:443/out?x=1"}, id="origin written oddly"),
        pytest.param({FLAG: True}, id="session required"),
        pytest.param({"redirect_uris": ["app:/cb", "https://a.test"]}, id="one of two"),
        pytest.param({"redirect_uris": ("https://a.test/cb",)}, id="tuple"),
        pytest.param(
            {URI: "http://a.test/out", "redirect_uris": ["http://a.test/cb"]},
            id="http with a secret",
        ),
        pytest.param({"token_endpoint_auth_method": "none"}, id="https without secret"),
    ],
)
def test_accepted_registration(change: dict[str, Any]) -> None:
    """What the specification allows is accepted."""
    check_registration(
        {URI: "https://a.test/out", "redirect_uris": ["https://a.test/cb"]} | change
    )


def test_registration_without_front_channel() -> None:
    """A client without front-channel logout needs nothing."""
    check_registration({})


@pytest.mark.parametrize(
    ("change", "member", "words"),
    [
        pytest.param({URI: None}, URI, "absolute", id="null"),
        pytest.param({URI: 5}, URI, "absolute", id="number"),
        pytest.param({URI: ["https://a.test"]}, URI, "absolute", id="array"),
        pytest.param({URI: ""}, URI, "absolute", id="empty"),
        pytest.param({URI: "/out"}, URI, "absolute", id="relative"),
        pytest.param({URI: "//a.test/out"}, URI, "absolute", id="no scheme"),
        pytest.param({URI: "https://a.test/o ut"}, URI, "absolute", id="space"),
        pytest.param({URI: "https://a.test/out\n"}, URI, "absolute", id="line break"),
        pytest.param({URI: "https://a.test/\tout"}, URI, "absolute", id="tab"),
        pytest.param({URI: "https://a.test\\out"}, URI, "absolute", id="backslash"),
        pytest.param({URI: "https://a.test/%zz"}, URI, "absolute", id="percent"),
        pytest.param({URI: "https://a.test/ö"}, URI, "absolute", id="not ascii"),
        pytest.param({URI: 'https://a.test/"'}, URI, "absolute", id="quote"),
        pytest.param({URI: "https://a.test/#x"}, URI, "fragment", id="fragment"),
        pytest.param({URI: "https://a.test/#"}, URI, "fragment", id="empty fragment"),
        pytest.param({URI: "https://u:p@a.test/"}, URI, "user", id="user"),
        pytest.param({URI: "https://@a.test/"}, URI, "user", id="empty user"),
        pytest.param({URI: "https:a.test/"}, URI, "host", id="no host"),
        pytest.param({URI: "https://a.test:x/"}, URI, "host", id="bad port"),
        pytest.param({URI: "https://[::1/"}, URI, "host", id="bad bracket"),
        pytest.param({URI: "https://a.test;x/"}, URI, "host", id="mark in host"),
        pytest.param({URI: "com.example.app:/out"}, URI, "https", id="custom scheme"),
        pytest.param({URI: "javascript:alert(1)"}, URI, "javascript", id="script"),
        pytest.param({URI: "https://b.test/out"}, URI, "redirect", id="other host"),
        pytest.param({URI: "https://a.test:8443/"}, URI, "redirect", id="other port"),
        pytest.param({URI: "http://a.test/out"}, URI, "redirect", id="other scheme"),
        pytest.param({"redirect_uris": []}, URI, "redirect", id="no redirect URI"),
        pytest.param({"redirect_uris": None}, URI, "redirect", id="null redirects"),
        pytest.param({"redirect_uris": [7, "x"]}, URI, "redirect", id="odd redirects"),
        pytest.param(
            {
                URI: "http://a.test/out",
                "redirect_uris": ["http://a.test/cb"],
                "token_endpoint_auth_method": "none",
            },
            URI,
            "https",
            id="http without a secret",
        ),
        pytest.param({FLAG: "true"}, FLAG, "true or false", id="flag as text"),
        pytest.param({FLAG: 1}, FLAG, "true or false", id="flag as number"),
        pytest.param({FLAG: None}, FLAG, "true or false", id="flag as null"),
    ],
)
def test_refused_registration(change: dict[str, Any], member: str, words: str) -> None:
    """What the specification forbids is refused, and the member at fault is named."""
    # FCL-OP-10, FCL-OP-11
    metadata = {URI: "https://a.test/out", "redirect_uris": ["https://a.test/cb"]}

    with pytest.raises(InvalidClientMetadataError, match=words) as caught:
        check_registration(metadata | change)

    assert caught.value.member == member
