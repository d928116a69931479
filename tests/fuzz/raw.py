"""Requests that no client library would send, byte by byte."""

from __future__ import annotations

from hypothesis import strategies as st

from .hostile import MARK
from .hostile import SECRET

__all__ = ["raw_requests"]

_MARK = MARK.encode()
_METHODS = [b"get", b"", b"G\x00T", b"X" * 40, b"PRI", b"CONNECT", b"TRACE", b"PO ST"]
_USUAL_TARGETS = [
    b"/",
    b"/login",
    b"/login?next=/account/",
    b"/account",
    b"/account/",
    b"/.well-known/openid-configuration",
    b"/connect/authorize?client_id=shop&response_type=code&state=x",
    b"/connect/endsession",
    b"/connect/endsession/callback",
    b"/connect/checksession",
    b"/connect/token",
    b"/connect/userinfo",
    b"/connect/introspection",
    b"/connect/revocation",
    b"/connect/register",
    b"/connect/jwks",
]
_TARGETS = [
    b"",
    b"*",
    b"?",
    b"x",
    b"//" + _MARK + b".test/account",
    b"/\\" + _MARK + b".test/account",
    b"http://" + _MARK + b".test/account",
    b"http://[/",
    b"localhost:80",
    b"/%0d%0aX-" + _MARK + b":%201",
    b"/%00%1b%5b2J%7f%c2%85%e2%80%a8",
    b"/account%0a2026-01-01%20INFO%20root%20forged",
    b"/%ff%fe",
    b"/\x80\xff",
    b"/\x01",
    b"/a b",
    b"/%",
    b"/static/../../../../etc/passwd",
    b"/static/..%2f..%2fetc/passwd",
    b"/connect/static/%2e%2e/%2e%2e/protocol.py",
    b"/" + b"x" * 8_000,
    b"/" + b"x" * 20_000,
    b"/login?login_hint=%22%3E%3C" + _MARK + b"%3E",
    b"/login?login_hint=\xff\xfe\x00",
    b"/login?next=%0d%0a//" + _MARK + b".test/",
    b"/connect/authorize?%ff=%fe&state=%80&client_id=%ff",
    b"/connect/authorize?client_id=shop&client_id=shop&response_type=code",
    b"/connect/endsession?id_token_hint=" + SECRET.encode(),
    b"/connect/endsession?logout_request=" + b"0" * 7_000,
    b"/login#fragment",
]
_VERSIONS = [b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/9.99", b"XTP/1.1", b"", b"H"]
_HOSTS = [
    b"Host: " + _MARK + b".test",
    b"Host: localhost:" + _MARK,
    b"Host: localhost:1",
    b"Host: localhost@" + _MARK + b".test",
    b"Host: <" + _MARK + b">",
    b"Host: [::1",
    b"Host: \x00",
    b"Host: \xff",
    b"Host:",
    b"Host: localhost\r\nHost: " + _MARK + b".test",
    b"Accept: */*",
]
_HEADERS = [
    b"X-Odd: \x01\x1b[2J",
    b"X-Odd: \x00",
    b"X-Odd: \xff\xfe",
    b"X-Odd: a\rb",
    b"X-Odd: a\nX-Other: b",
    b" folded: x",
    b"X-Odd: a\r\n folded",
    b"No colon",
    b": no name",
    b"X Space: x",
    b"X_Under: x",
    b"X-Long: " + b"x" * 9_000,
    b"\r\n".join(b"X-%d: x" % number for number in range(150)),
    b"Cookie: idp_session=" + SECRET.encode() + b"; idsrv.session=\xff\x01",
    b"Cookie: " + b"a=b;" * 2_000,
    b"Authorization: Basic \xff\x01",
    b"Authorization: Bearer " + SECRET.encode(),
    b"Expect: 100-continue",
    b"Expect: x",
    b"Upgrade: h2c\r\nConnection: upgrade",
    b"Connection: x, \x01",
    b"X-Forwarded-Host: " + _MARK + b".test",
    b"X-Forwarded-Proto: https",
    b"Forwarded: host=" + _MARK + b".test",
    b"Origin: \xff",
    b"Sec-Fetch-Site: \x01",
    b"User-Agent: <" + _MARK + b">\x01",
    b"Referer: http://" + _MARK + b".test/\x01",
]
_CONTENT_TYPES = [
    b"application/json",
    b"multipart/form-data; boundary=b",
    b"multipart/form-data",
    b"text/plain",
    b"application/x-www-form-urlencoded; charset=" + _MARK,
    b"\xff\x01",
    b"",
]
_BODIES = [
    b"",
    b"username=alice&password=" + SECRET.encode(),
    b"username=%ff%fe&password=%00&next=%zz",
    b"\xff\xfe\x00",
    b"&&==&%&",
    b"grant_type=authorization_code&grant_type=refresh_token&code=x",
    b"a=" * 1_500,
    b'{"redirect_uris": ["https://a.test/\\u0000"], "client_name": "\\ud800"}',
    b'{"redirect_uris": 1e999, "jwks": {"keys": [null]}}',
    b"[" * 100_000,
    b"--b\r\nContent-Disposition: form-data; name=username\r\n\r\n\xff\r\n--b--",
    b"--b\r\nContent-Disposition: form-data; name=\r\n",
    b"--b\r\n" * 5_000,
    b"x" * 300_000,
]
_LENGTHS = [b"-1", b"1e3", b"x", b"", b"0", b"9" * 30, b"5, 5", b"+5", b"10000000"]
_CODINGS = [b"chunked", b"gzip", b"chunked, chunked", b"identity", b"\x01", b"xchunked"]
_CHUNKS = [
    b"5\r\nabcde\r\n0\r\n\r\n",
    b"5;x=" + b"y" * 5_000 + b"\r\nabcde\r\n0\r\n\r\n",
    b"zz\r\n",
    b"-1\r\n",
    b"fffffffffffffffff\r\nx",
    b"5\r\nab",
    b"0\r\nX-Trailer: \x01\r\n\r\n",
    b"\r\n",
]


@st.composite
def raw_requests(draw: st.DrawFn, *, host: bytes) -> bytes:
    """Requests with something wrong in at most a few places.

    :param host: What the header says that has nothing wrong.
    """
    odd = draw(st.sets(st.sampled_from("mtvhxb"), max_size=2))
    body = draw(_framed(odd=b"b" if "b" in odd else b""))
    method = b"POST" if body else b"GET"
    lines = [
        b" ".join(
            [
                draw(st.sampled_from(_METHODS)) if "m" in odd else method,
                draw(st.sampled_from(_TARGETS if "t" in odd else _USUAL_TARGETS)),
                draw(st.sampled_from(_VERSIONS)) if "v" in odd else b"HTTP/1.1",
            ]
        ),
        draw(st.sampled_from(_HOSTS)) if "h" in odd else b"Host: " + host,
        b"Connection: close",
    ]

    if "x" in odd:
        lines += draw(st.lists(st.sampled_from(_HEADERS), min_size=1, max_size=3))

    return b"\r\n".join(lines) + b"\r\n" + (body or b"\r\n")


@st.composite
def _framed(draw: st.DrawFn, *, odd: bytes) -> bytes:
    """The headers that speak of a body, and the body; nothing for no body."""
    if draw(st.booleans()) and not odd:
        return b""

    usual = b"application/x-www-form-urlencoded"
    kind = draw(st.sampled_from([usual, *_CONTENT_TYPES]) if odd else st.just(usual))
    body = draw(st.sampled_from(_BODIES))
    framing = draw(st.sampled_from(["length", "length", "chunks", "both"]))
    headers = [b"Content-Type: " + kind]

    if framing != "chunks":
        right = b"%d" % len(body)
        length = draw(st.sampled_from([right, *_LENGTHS]) if odd else st.just(right))
        headers.append(b"Content-Length: " + length)

    if framing != "length":
        coding = draw(st.sampled_from(_CODINGS) if odd else st.just(b"chunked"))
        headers.append(b"Transfer-Encoding: " + coding)
        body = draw(st.sampled_from(_CHUNKS))

    return b"\r\n".join(headers) + b"\r\n\r\n" + body
