"""Which addresses logout tokens may be sent to."""

from __future__ import annotations

import pytest

from idp_session.adapters.address_policy import AddressPolicy
from idp_session.errors import ConfigurationError
from idp_session.models import SendFailure

STRICT = AddressPolicy(allow_http=False, allowed_networks=())
COMPANY = AddressPolicy(allow_http=True, allowed_networks=["10.1.0.0/16", "fd12::/16"])


# BCL-OP-31
@pytest.mark.parametrize(
    "address",
    [
        pytest.param("0.0.0.0", id="unspecified"),  # noqa: S104
        pytest.param("0.1.2.3", id="this network"),
        pytest.param("10.0.0.1", id="private 10"),
        pytest.param("100.64.0.1", id="carrier-grade NAT"),
        pytest.param("100.127.255.255", id="end of carrier-grade NAT"),
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("127.255.255.254", id="far loopback"),
        pytest.param("168.63.129.16", id="cloud services"),
        pytest.param("169.254.169.254", id="metadata"),
        pytest.param("172.16.0.1", id="private 172"),
        pytest.param("172.31.255.255", id="end of private 172"),
        pytest.param("192.0.0.8", id="protocol assignments"),
        pytest.param("192.0.2.1", id="documentation 1"),
        pytest.param("192.88.99.1", id="6to4 relay"),
        pytest.param("192.168.1.1", id="private 192"),
        pytest.param("198.18.0.1", id="benchmarks"),
        pytest.param("198.51.100.1", id="documentation 2"),
        pytest.param("203.0.113.1", id="documentation 3"),
        pytest.param("224.0.0.1", id="multicast"),
        pytest.param("240.0.0.1", id="reserved"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("::", id="unspecified 6"),
        pytest.param("::1", id="loopback 6"),
        pytest.param("::127.0.0.1", id="compatible"),
        pytest.param("::ffff:127.0.0.1", id="mapped loopback"),
        pytest.param("::ffff:a9fe:a9fe", id="mapped metadata"),
        pytest.param("64:ff9b::7f00:1", id="translated loopback"),
        pytest.param("64:ff9b::10.1.2.3", id="translated private"),
        pytest.param("64:ff9b:1::8.8.8.8", id="local translator"),
        pytest.param("100::1", id="discard"),
        pytest.param("2001::1", id="Teredo"),
        pytest.param("2001:2::1", id="benchmarks 6"),
        pytest.param("2001:20::1", id="ORCHID"),
        pytest.param("2001:db8::1", id="documentation 6"),
        pytest.param("2002:7f00:1::", id="6to4 loopback"),
        pytest.param("2002:808:808::", id="6to4"),
        pytest.param("3fff::1", id="new documentation 6"),
        pytest.param("4000::1", id="unassigned 6"),
        pytest.param("fc00::1", id="unique local"),
        pytest.param("fd00:ec2::254", id="metadata 6"),
        pytest.param("fe80::1", id="link-local 6"),
        pytest.param("fe80::1%eth0", id="zone"),
        pytest.param("2606:4700::1111%1", id="public with zone"),
        pytest.param("fec0::1", id="site-local"),
        pytest.param("ff02::1", id="multicast 6"),
        pytest.param("", id="empty"),
        pytest.param("localhost", id="name"),
        pytest.param("2130706433", id="number"),
        pytest.param("010.0.0.1", id="leading zero"),
        pytest.param("8.8.8.8/32", id="network"),
    ],
)
def test_special_address_is_refused(address: str) -> None:
    """Only an address that the whole internet can reach is permitted."""
    assert not STRICT.permits(address)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("8.8.8.8", id="public"),
        pytest.param("172.15.255.255", id="before private 172"),
        pytest.param("172.32.0.0", id="after private 172"),
        pytest.param("100.63.255.255", id="before carrier-grade NAT"),
        pytest.param("100.128.0.0", id="after carrier-grade NAT"),
        pytest.param("223.255.255.255", id="before multicast"),
        pytest.param("::ffff:8.8.8.8", id="mapped"),
        pytest.param("64:ff9b::8.8.8.8", id="translated"),
        pytest.param("2606:4700:4700::1111", id="public 6"),
        pytest.param("2001:200::1", id="after protocol assignments"),
    ],
)
def test_public_address_is_permitted(address: str) -> None:
    """An ordinary address of the internet is permitted."""
    assert STRICT.permits(address)


@pytest.mark.parametrize(
    ("address", "permitted"),
    [
        pytest.param("10.1.2.3", True, id="inside"),
        pytest.param("::ffff:10.1.2.3", True, id="inside, mapped"),
        pytest.param("fd12::1", True, id="inside 6"),
        pytest.param("8.8.8.8", True, id="public"),
        pytest.param("10.2.0.1", False, id="outside"),
        pytest.param("::ffff:10.2.0.1", False, id="outside, mapped"),
        pytest.param("64:ff9b::10.1.2.3", False, id="behind a translator"),
        pytest.param("fd13::1", False, id="outside 6"),
        pytest.param("fd12::1%eth0", False, id="with zone"),
    ],
)
def test_allowed_networks(address: str, *, permitted: bool) -> None:
    """What the host has named is permitted, and nothing beside it."""
    assert COMPANY.permits(address) is permitted


def test_unusable_network() -> None:
    """A network with host bits stops the app and names the setting."""
    with pytest.raises(ConfigurationError, match="DELIVERY_ALLOWED_NETWORKS"):
        AddressPolicy(allow_http=False, allowed_networks=["10.0.0.1/8"])


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("https://rp.test/logout?a=b", id="query"),
        pytest.param("https://rp.test:8443", id="port"),
        pytest.param("https://[2606:4700::1]/", id="literal"),
        pytest.param("HTTPS://rp.test/", id="upper case"),
        pytest.param("https://b\u00fccher.test/", id="international"),
    ],
)
def test_nothing_against_https(uri: str) -> None:
    """An https URI with a host may be requested."""
    assert STRICT.check_uri(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("", id="empty"),
        pytest.param("rp.test/logout", id="relative"),
        pytest.param("//rp.test/logout", id="no scheme"),
        pytest.param("ftp://rp.test/", id="other scheme"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("https:///logout", id="no host"),
        pytest.param("https://:443/", id="port only"),
        pytest.param("https://user@rp.test/", id="user"),
        pytest.param("https://u:p@rp.test/", id="password"),
        pytest.param("https://@rp.test/", id="empty user"),
        pytest.param("https://rp.test:0/", id="port 0"),
        pytest.param("https://rp.test:99999/", id="huge port"),
        pytest.param("https://rp.test:x/", id="no number"),
        pytest.param("https://[::1/", id="open bracket"),
        pytest.param("https://rp.test/\r\nX: y", id="line end"),
        pytest.param("https://rp.test/\0", id="NUL"),
        pytest.param("https://rp.test/ a", id="space"),
        pytest.param(" https://rp.test/", id="leading space"),
        pytest.param("https://good.test\\@evil.test/", id="backslash"),
    ],
)
def test_unusable_uri(uri: str) -> None:
    """What parsers could read differently, or not at all, is not requested."""
    assert COMPANY.check_uri(uri) is SendFailure.INVALID_URI


def test_http_is_refused_unless_allowed() -> None:
    """Plain http is for those who have asked for it."""
    uri = "http://rp.test/"

    assert STRICT.check_uri(uri) is SendFailure.ADDRESS_REFUSED
    assert COMPANY.check_uri(uri) is None
