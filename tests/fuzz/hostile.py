"""Requests that nobody sends who means well."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from urllib.parse import quote_from_bytes
from urllib.parse import unquote_to_bytes

from hypothesis import strategies as st

__all__ = ["MARK", "SECRET", "Endpoint", "Sent", "json_values", "requests", "values"]

#: In everything that tries to become markup, a header or an address.
MARK = "zq7x"
#: Stands where secrets stand; no log may have it.
SECRET = "sesame-that-no-log-may-have"

FORM = "application/x-www-form-urlencoded"

_VALUES = [
    f'"><{MARK} {MARK}=1>',
    f"'><{MARK}>",
    f"</script></title></textarea><{MARK}>",
    f'" on{MARK}="1',
    f"--><{MARK}>",
    f"javascript:{MARK}()",
    f"//{MARK}.test/",
    f"/\\{MARK}.test/",
    f"/\t/{MARK}.test/",
    f"/x\r\nX-{MARK}: 1",
    f"https://{MARK}.test/",
    f"https://shop.test@{MARK}.test/",
    f"\r\nX-{MARK}: 1\r\n\r\n<{MARK}>",
    f"%0d%0aX-{MARK}:1",
    f"{{{{{MARK}}}}}",
    f"\x00{MARK}",
    "\x00",
    "\x1b[2J\x07\x7f",
    "\x85\u2028\u202e\ufeff",
    "\ud800",
    "ä€😀",
    "%",
    "%ff%00",
    "a[]=b&c#d;e",
    "http://[",
    "http://a:99999999/",
    "../../../../etc/passwd",
    "-1",
    "1e999",
    "NaN",
    "9" * 5_000,
    "٣",
    "null",
    "[]",
    "{}",
    "[" * 3_000,
    "a.b.c",
    "e30.e30.e30",
    "eyJhbGciOiJub25lIn0.e30.",
    "eyJhbGciOjF9.W10.AA",
    "x" * 20_000,
    " ",
    "",
    SECRET,
]
_ODD_METHODS = ["HEAD", "OPTIONS", "PUT", "DELETE", "POST", "GET"]
_NAMES = ["__proto__", "", "a[]", f"<{MARK}>", "\x00", "é", "state", "next"]

_CONTENT_TYPES = [
    None,
    "",
    "text/plain",
    "application/json",
    "application/json; charset=utf-16",
    "application/jose",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=b",
    f"multipart/form-data; boundary={'b' * 300}",
    f"{FORM}; charset=utf-7",
    f"{FORM}; charset={MARK}",
    f"text/html; <{MARK}>",
    "/",
    "\xff",
]

_HEADERS: Mapping[str, Sequence[str]] = {
    "Accept": ["application/json", "*/*;q=x", "\xff"],
    "Authorization": [
        "",
        "Basic",
        "Basic !!!",
        "Bearer",
        f"Bearer {SECRET}",
        "Bearer \xff",
        f"Digest username={MARK}",
        "Basic " + base64.b64encode(f"shop:{SECRET}".encode()).decode(),
        "Basic " + base64.b64encode(b"\xff\x00:\xfe").decode(),
        "Basic " + base64.b64encode(b"%ff%00:%").decode(),
    ],
    "Cookie": [
        f"idsrv.session={MARK}; __Host-idp_session={SECRET}",
        f"__Host-idp_session={'A' * 43}; idp_session={'A' * 43}",
        "__Host-idp_session_logout=00; __Host-idp_session_logout=zz",
        "=;;;=\xff;\x01",
        "a=" + "x" * 9_000,
    ],
    "Forwarded": [f"host={MARK}.test;proto=https"],
    "Host": [
        f"{MARK}.test",
        f"idp.test:{MARK}",
        "idp.test:99999999",
        f"idp.test, {MARK}.test",
        "idp.test@evil.test",
        f"<{MARK}>",
        "[::1",
        "[",
        "a b",
        "\xff",
        "",
        ".",
        "\x7f",
    ],
    "If-None-Match": ['W/"', "*"],
    "If-Modified-Since": ["x", "Thu, 99 Foo 99999 99:99:99 GMT"],
    "Origin": ["null", f"https://{MARK}.test", "https://[", "\xff", "https://idp.test"],
    "Range": ["bytes=0-0", "bytes=-", "x"],
    "Referer": [f"https://{MARK}.test/<{MARK}>"],
    "Sec-Fetch-Site": ["same-origin", "cross-site", MARK],
    "Sec-Fetch-Dest": ["iframe", MARK],
    "Sec-Fetch-Storage-Access": ["none", "inactive", "active", MARK],
    "Upgrade": ["websocket"],
    "X-Forwarded-Host": [f"{MARK}.test"],
    "X-Forwarded-Proto": ["http", MARK],
    "X-HTTP-Method-Override": ["DELETE"],
    "X-Logout-Progress": ["00", "zz", "\xff", "0" * 9_000],
    "User-Agent": [f"<{MARK}>", "\x01", "x" * 5_000],
}

_texts = st.text(st.characters(), max_size=30)


def values() -> st.SearchStrategy[str]:
    """What may stand in a parameter; lone surrogates among it."""
    return st.one_of(st.sampled_from(_VALUES), st.sampled_from(_VALUES), _texts)


def json_values() -> st.SearchStrategy[Any]:
    """What may stand in JSON; numbers beyond every size among it."""
    return _JSON_VALUES


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An address, and what a well-meant request to it looks like."""

    #: ``{}`` stands for a part that is made up.
    path: str
    methods: tuple[str, ...] = field(default=("GET",), repr=False)
    #: Texts, or any JSON where it is spoken to with that.
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)
    #: It is spoken to with JSON.
    takes_json: bool = field(default=False, repr=False)
    #: For programs, so that errors are JSON, too.
    answers_json: bool = field(default=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request."""

    endpoint: Endpoint
    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    #: Whose browser it comes from: an index that a test gives a meaning.
    sender: int

    @property
    def expects_json(self) -> bool:
        """Whether an error has to be JSON."""
        return self.endpoint.answers_json and self.path == self.endpoint.path

    def arguments(self) -> dict[str, Any]:
        """For the ``open`` of a test client."""
        return {
            "path": "/",
            # As a server says it; a client takes what follows two slashes for a host.
            "environ_overrides": {
                "PATH_INFO": unquote_to_bytes(self.path).decode("latin-1"),
                "REQUEST_URI": self.path,
                "RAW_URI": self.path,
            },
            "method": self.method,
            "query_string": self.query,
            "headers": list(self.headers),
            "data": self.body,
        }


@st.composite
def requests(
    draw: st.DrawFn, endpoints: Sequence[Endpoint], *, senders: int = 1
) -> Sent:
    """Requests to these endpoints, most of them nearly right.

    :param endpoints: Where to.
    :param senders: How many browsers there are.
    """
    endpoint = draw(st.sampled_from(endpoints))
    method = draw(st.sampled_from(_ODD_METHODS if draw(_rarely) else endpoint.methods))
    pairs = draw(_pairs(endpoint))
    body = b""
    query = (
        draw(_encoded(pairs)) if method in {"GET", "HEAD"} or draw(_at_times) else ""
    )
    headers = draw(_headers())

    if method not in {"GET", "HEAD"}:
        content_type, body = draw(_body(endpoint, pairs))
        headers += [("Content-Type", content_type)] if content_type is not None else []

    return Sent(
        endpoint=endpoint,
        method=method,
        path=draw(_path(endpoint)),
        query=query,
        headers=headers,
        body=body,
        sender=draw(st.integers(0, senders - 1)),
    )


_at_times = st.integers(0, 2).map(lambda number: number == 2)
_rarely = st.integers(0, 7).map(lambda number: number == 7)


@st.composite
def _path(draw: st.DrawFn, endpoint: Endpoint) -> str:
    part = quote_from_bytes(_bytes(draw(values()))[:2_000], safe="")
    path = endpoint.path.replace("{}", part or "-")

    return f"{path}/{part}" if draw(_rarely) and draw(_rarely) else path


@st.composite
def _pairs(draw: st.DrawFn, endpoint: Endpoint) -> list[tuple[str, str]]:
    names = list(endpoint.parameters)
    some = st.lists(st.sampled_from(names), max_size=2) if names else st.just([])
    odd, missing = draw(some), draw(some)
    pairs = [
        (name, draw(values()) if name in odd else str(value))
        for name, value in endpoint.parameters.items()
        if name not in missing
    ]
    more = st.tuples(st.sampled_from([*names, *_NAMES]), values())

    return pairs + draw(st.lists(more, max_size=2))


@st.composite
def _encoded(draw: st.DrawFn, pairs: Sequence[tuple[str, str]]) -> str:
    text = "&".join(
        "=".join(quote_from_bytes(_bytes(part), safe="") for part in pair)
        for pair in pairs
    )

    return text + draw(
        st.sampled_from(["", "", "", "&&==&", "&%", "&%zz=%f", "&%ff=%fe%80", ";"])
    )


@st.composite
def _headers(draw: st.DrawFn) -> list[tuple[str, str]]:
    names = draw(st.lists(st.sampled_from(list(_HEADERS)), max_size=2, unique=True))

    return [(name, draw(st.sampled_from(_HEADERS[name]))) for name in names]


@st.composite
def _body(
    draw: st.DrawFn, endpoint: Endpoint, pairs: Sequence[tuple[str, str]]
) -> tuple[str | None, bytes]:
    usual = "application/json" if endpoint.takes_json else FORM
    content_type = draw(
        st.one_of(st.just(usual), st.just(usual), st.sampled_from(_CONTENT_TYPES))
    )
    kind = draw(st.sampled_from(["usual", "usual", "usual", "bytes", "json", "long"]))

    if kind == "bytes":
        return content_type, draw(st.binary(max_size=200))

    if kind == "long":
        return content_type, draw(st.sampled_from([b"a=", b"[", b"\x00"])) * 150_000

    if kind == "json" or endpoint.takes_json:
        return content_type, draw(_json(endpoint))

    return content_type, draw(_encoded(pairs)).encode()


_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.sampled_from([0, -1, 10**400, 2**63, 1.5]),
    st.deferred(values),
)
_JSON_VALUES = st.one_of(
    _LEAVES,
    _LEAVES,
    st.lists(_LEAVES, max_size=3),
    st.dictionaries(st.sampled_from(["keys", "a", "", "kty"]), _LEAVES, max_size=2),
)


@st.composite
def _json(draw: st.DrawFn, endpoint: Endpoint) -> bytes:
    if draw(_rarely):
        return json.dumps(draw(_JSON_VALUES)).encode()

    known = endpoint.parameters
    changed = draw(
        st.dictionaries(
            st.sampled_from([*known, *_NAMES]), _JSON_VALUES, min_size=0, max_size=2
        )
    )

    return json.dumps({**known, **changed}).encode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
