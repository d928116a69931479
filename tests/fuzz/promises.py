"""What every answer keeps to, whatever was asked."""

from __future__ import annotations

import json
import logging
import re
import string
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urljoin
from urllib.parse import urlsplit

from .hostile import MARK
from .hostile import SECRET

__all__ = ["Answer", "LogBook", "Promises"]

_HEADERS = frozenset(
    [
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "activate-storage-access",
        "allow",
        "authentication-info",
        "cache-control",
        "clear-site-data",
        "connection",
        "content-disposition",
        "content-language",
        "content-length",
        "content-range",
        "content-security-policy",
        "content-type",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "date",
        "etag",
        "expires",
        "accept-ranges",
        "last-modified",
        "location",
        "permissions-policy",
        "pragma",
        "referrer-policy",
        "retry-after",
        "server",
        "set-cookie",
        "set-login",
        "strict-transport-security",
        "transfer-encoding",
        "vary",
        "www-authenticate",
        "x-accel-buffering",
        "x-content-type-options",
        "x-frame-options",
    ]
)
_TOKEN = frozenset(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NONCE = re.compile(r"'nonce-[\w-]+'")
_ADDRESSES = frozenset({"action", "formaction", "href", "src", "data", "poster"})
_WHITE = "".join(map(chr, range(33)))


class Answer(Protocol):
    """A response as it was read, in process or from a socket."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Sequence[tuple[str, str]]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Promises:
    """The promises of one server.

    :param origin: Its own.
    :param registered: Addresses at which clients may be sent browsers, without query.
    :param hardened: Whether what the framework says by itself has our headers, too.
    :param may_fail_with: What is said of others, whose fault it is.
    """

    origin: str
    registered: Sequence[str] = ()
    hardened: bool = True
    may_fail_with: frozenset[int] = frozenset()

    def check(self, answer: Answer, *, answers_json: bool = False) -> None:
        """Fail if one is broken."""
        status = answer.status
        assert status < 500 or status in self.may_fail_with, (status, answer.body[:300])
        headers = _single(answer.headers)
        self._check_location(status, headers)
        kind = headers.get("content-type", "").partition(";")[0]

        if kind == "text/html" and answer.body:
            self._check_page(answer, headers)

        if kind == "application/json":
            json.loads(answer.body or b"null")

        if answers_json and answer.status >= 400 and answer.body:
            assert kind == "application/json", (answer.status, answer.body[:300])
            # RFC 6750 §3.1: who brings no token is told what to bring and no error.
            asked_for = answer.status == 401 and "www-authenticate" in headers
            assert asked_for or isinstance(json.loads(answer.body)["error"], str)

    def _check_location(self, status: int, headers: Mapping[str, str]) -> None:
        location = headers.get("location")

        if location is None:
            return

        assert self.stays_or_is_registered(location), location

        # Flask itself answers two slashes with one, for good.
        if self.hardened or status != HTTPStatus.PERMANENT_REDIRECT:
            assert "no-store" in headers.get("cache-control", ""), "it is stored"

    def stays_or_is_registered(self, address: str) -> bool:
        """Whether a browser that goes there arrives where it may."""
        # As browsers read addresses.
        seen = re.sub(r"[\t\r\n]", "", address.strip(_WHITE)).replace("\\", "/")

        if seen.partition("?")[0] in self.registered:
            return True

        parts = urlsplit(urljoin(self.origin + "/", seen))

        return f"{parts.scheme}://{parts.netloc}" == self.origin

    def _check_page(self, answer: Answer, headers: Mapping[str, str]) -> None:
        page = _Page()
        # gunicorn shows some bytes of a request line that it refuses.
        page.feed(answer.body.decode(errors="strict" if self.hardened else "replace"))
        page.close()
        assert not page.planted, page.planted
        assert not page.handlers, page.handlers
        strays = [each for each in page.addresses if not self._may_be_linked(each)]
        assert not strays, strays

        if self.hardened:
            assert headers.get("x-content-type-options") == "nosniff"

        if self.hardened and not 300 <= answer.status < 400:
            policy = headers.get("content-security-policy", "")
            assert "default-src 'none'" in policy, (answer.status, policy)
            assert "unsafe" not in policy
            # Nonces are random, and one in a million has the mark by chance.
            assert MARK not in _NONCE.sub("", policy)

    def _may_be_linked(self, address: str) -> bool:
        return address == "" or self.stays_or_is_registered(address)


class LogBook(logging.Handler):
    """Reads every line that is logged, as a file would get it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.failures: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        self.lines.append(record.getMessage())

        if record.exc_info or record.levelno >= logging.ERROR:
            self.failures.append(logging.Formatter().format(record))

    def check(self, *, secrets: Iterable[str] = ()) -> None:
        """Fail if a line tells too much, or is more than a line; then forget them."""
        lines, failures = self.lines.copy(), self.failures.copy()
        self.lines.clear()
        self.failures.clear()
        assert not failures, failures
        hidden = [SECRET, *secrets]

        for line in lines:
            assert not _CONTROLS.search(line), repr(line)
            assert not any(secret in line for secret in hidden), line


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.planted: list[str] = []
        self.handlers: list[str] = []
        self.addresses: list[str] = []
        self._in_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_code = tag in {"script", "style"}
        names = [tag, *(name for name, _ in attrs)]
        self.planted += [name for name in names if MARK in name]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.handlers += [name for name, _ in attrs if name in {"style", "srcdoc"}]
        self.addresses += [value or "" for name, value in attrs if name in _ADDRESSES]
        self.addresses += [
            (value or "").partition("url=")[2]
            for name, value in attrs
            if tag == "meta" and name == "content" and "url=" in (value or "")
        ]

    def handle_endtag(self, tag: str) -> None:
        self._in_code = False
        self.planted += [tag] if MARK in tag else []

    def handle_data(self, data: str) -> None:
        if self._in_code and MARK in data:
            self.planted.append(data)

    def handle_comment(self, data: str) -> None:
        self.planted += [data] if MARK in data else []


def _single(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}

    for name, value in headers:
        lower = name.lower()
        assert set(name) <= _TOKEN, name
        assert lower in _HEADERS, f"{name}: {value}"
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value), (name, value)
        repeatable = lower in {"set-cookie", "vary", "www-authenticate"}
        assert repeatable or lower not in found, f"{name} comes twice"
        found[lower] = value

    return found
