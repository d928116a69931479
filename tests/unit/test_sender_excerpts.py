"""How the body of an answer begins, for people who look for what is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp_session.adapters.address_policy import AddressPolicy
from idp_session.adapters.curl import CurlLogoutSender
from idp_session.adapters.http import RequestsLogoutSender
from idp_session.models import SendResult
from idp_session.testing.servers import answering
from idp_session.testing.servers import serving

SENDERS = [
    pytest.param(RequestsLogoutSender, id="requests"),
    pytest.param(CurlLogoutSender, id="libcurl"),
]
Kind = type[RequestsLogoutSender] | type[CurlLogoutSender]


def answered(kind: Kind, body: bytes) -> SendResult:
    """What comes of a request that is refused with this body."""
    sender = kind(
        policy=AddressPolicy(allow_http=True, allowed_networks=("127.0.0.0/8",)),
        connect_timeout=timedelta(seconds=5),
        timeout=timedelta(seconds=5),
    )
    head = b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n" % len(body)

    try:
        with serving(answering(head + body)) as server:
            return sender.submit(server.uri(), "token").result(timeout=10)
    finally:
        sender.stop()


@pytest.mark.parametrize("kind", SENDERS)
def test_a_short_body_is_kept_whole(kind: Kind) -> None:
    """What a client says is part of the result, and never of a log line."""
    result = answered(kind, b"no sid")

    assert (result.status, result.excerpt) == (400, b"no sid")
    assert "no sid" not in repr(result)


@pytest.mark.parametrize("kind", SENDERS)
def test_of_a_long_body_the_beginning_is_kept(kind: Kind) -> None:
    """A client cannot fill the memory with what it says."""
    result = answered(kind, b"x" * 5000)

    assert result.excerpt == b"x" * 1024
