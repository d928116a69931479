"""The cookies of a request: read once, as Werkzeug reads them."""

from __future__ import annotations

import pytest
from flask import Request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.datastructures import MultiDict
from werkzeug.test import EnvironBuilder
from werkzeug.utils import cached_property

from idp_session.flask.request_cookies import cookies_of


def request_with(cookie: str | None, kind: type[Request] = Request) -> Request:
    """A request with this header, and with others."""
    environ = EnvironBuilder().get_environ()
    environ["HTTP_X_COOKIE"] = "a=another"

    if cookie is not None:
        environ["HTTP_COOKIE"] = cookie

    return kind(environ)


@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("a=1", id="one"),
        pytest.param("a=1; b=2;c=3", id="several"),
        pytest.param("a=1; a=2", id="one name twice"),
        pytest.param('a="quoted \\" \\073 ;"; b', id="quoted"),
        pytest.param("=; ;;a==;é=ä", id="odd"),
        pytest.param("a=ä".encode().decode("latin1"), id="beyond ASCII"),
        pytest.param("a=\xff; b=2", id="no UTF-8"),
    ],
)
def test_they_are_what_werkzeug_reads(cookie: str | None) -> None:
    """Whatever a browser sends, the cookies are those of Werkzeug, in their order."""
    expected = request_with(cookie).cookies

    found = cookies_of(request_with(cookie))

    assert list(found.items(multi=True)) == list(expected.items(multi=True))
    assert type(found) is type(expected) is ImmutableMultiDict


def test_they_are_read_once() -> None:
    """Whoever asks the request afterwards gets what was read here."""
    request = request_with("a=1")

    assert cookies_of(request) is cookies_of(request) is request.cookies


def test_what_was_read_already_is_kept() -> None:
    """Whoever has asked the request before, or put others there, has these."""
    request = request_with("a=1")
    request.cookies = ImmutableMultiDict({"a": "mine"})

    assert cookies_of(request)["a"] == "mine"


class _OwnRequest(Request):
    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """What this host makes of them."""
        return ImmutableMultiDict({"a": "its own"})


class _OwnDictionary(Request):
    dict_storage_class = MultiDict  # type: ignore[assignment]  # as hosts may have it


def test_a_host_that_reads_them_itself() -> None:
    """A class of requests with its own way is asked."""
    assert cookies_of(request_with("a=1", _OwnRequest))["a"] == "its own"


def test_a_host_with_another_dictionary() -> None:
    """They are in the kind of dictionary that the class of requests names."""
    assert type(cookies_of(request_with("a=1", _OwnDictionary))) is MultiDict
