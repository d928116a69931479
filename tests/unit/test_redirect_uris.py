"""Where authorization codes may be sent (OpenID Connect Core §3.1.2.1, RFC 8252)."""

from __future__ import annotations

from typing import Any

import pytest

from idp_session.errors import InvalidRedirectUriError
from idp_session.integrations.authlib import check_redirect_uris

GOOD = [
    pytest.param("https://shop.test/callback?a=b", id="https"),
    pytest.param("https://SHOP.test:8443/", id="port"),
    pytest.param("http://127.0.0.1:5001/callback", id="IPv4 loopback"),
    pytest.param("http://127.9.9.9/", id="other loopback"),
    pytest.param("http://[::1]:5001/callback", id="IPv6 loopback"),
    pytest.param("http://localhost/", id="localhost"),
    pytest.param("http://LOCALHOST:80/", id="upper case"),
    pytest.param("http://app.localhost/", id="below localhost"),
    pytest.param("com.example.app:/callback", id="own scheme"),
    pytest.param("com.example.app://callback", id="own scheme with a host"),
]


@pytest.mark.parametrize("uri", GOOD)
def test_good_redirect_uris(uri: str) -> None:
    """A code may go to https, to this machine, and to an app's own scheme."""
    check_redirect_uris({"redirect_uris": [uri], "token_endpoint_auth_method": "none"})


BAD = [
    pytest.param(None, id="null"),
    pytest.param("https://shop.test/", id="text"),
    pytest.param([], id="none"),
    pytest.param([7], id="number"),
    pytest.param(["https://shop.test/", "/callback"], id="second one"),
    pytest.param(["/callback"], id="relative"),
    pytest.param(["//shop.test/callback"], id="no scheme"),
    pytest.param([""], id="empty"),
    pytest.param(["https://shop.test/#x"], id="fragment"),
    pytest.param(["https://shop.test/#"], id="empty fragment"),
    pytest.param(["https://user@shop.test/"], id="user"),
    pytest.param(["https://:x@shop.test/"], id="password"),
    pytest.param(["https://shop.test/\x00"], id="NUL"),
    pytest.param(["https://shop.test/\r\nX: y"], id="line end"),
    pytest.param(["https://shop.test/a b"], id="space"),
    pytest.param(["https://shop.test\\@evil.test/"], id="backslash"),
    pytest.param(["https:///callback"], id="no host"),
    pytest.param(["https://["], id="broken"),
    pytest.param(["https://shop.test:99999/"], id="port"),
    pytest.param(["http://shop.test/"], id="http"),
    pytest.param(["http://localhost.shop.test/"], id="localhost in front"),
    pytest.param(["http://notlocalhost/"], id="look-alike"),
    pytest.param(["http://127.0.0.1.shop.test/"], id="address in front"),
    pytest.param(["http://128.0.0.1/"], id="other address"),
    pytest.param(["myapp:/callback"], id="scheme without a dot"),
    pytest.param(["javascript:alert(1)"], id="script"),
    pytest.param(["JavaScript:alert(1)"], id="script in mixed case"),
    pytest.param(["data:text/html,x"], id="data"),
    pytest.param(["urn:example:app"], id="urn"),
]


@pytest.mark.parametrize("uris", BAD)
def test_bad_redirect_uris(uris: Any) -> None:
    """Anything else is refused in the words of the specification."""
    with pytest.raises(InvalidRedirectUriError) as refused:
        check_redirect_uris({"redirect_uris": uris})

    assert refused.value.error == "invalid_redirect_uri"
    assert refused.value.description.startswith("redirect_uris: must")


@pytest.mark.parametrize(
    ("method", "is_allowed"),
    [
        pytest.param({}, True, id="default"),
        pytest.param(
            {"token_endpoint_auth_method": "client_secret_post"}, True, id="secret"
        ),
        pytest.param({"token_endpoint_auth_method": "none"}, False, id="public"),
    ],
)
def test_http_where_the_host_allows_it(
    method: dict[str, str], *, is_allowed: bool
) -> None:
    """A client that keeps a secret may use http anywhere, another one may not."""
    metadata = {"redirect_uris": ["http://shop.test/"], **method}

    if is_allowed:
        check_redirect_uris(metadata, allow_http=True)
        return

    with pytest.raises(InvalidRedirectUriError, match="https"):
        check_redirect_uris(metadata, allow_http=True)
