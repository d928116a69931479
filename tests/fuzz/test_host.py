"""A small host with the protocol endpoints of the package, and nothing of the sample."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st

from idp_session import LogoutReason

from ..unit.hosts import HANDLE
from ..unit.hosts import Host
from ..unit.hosts import host_app
from ..unit.hosts import ISSUER
from ..unit.hosts import MAIL
from ..unit.hosts import NEWS
from ..unit.hosts import SHOP
from .answers import ClientAnswer
from .answers import logging_to_a_book
from .exploring import Explore
from .exploring import in_both_profiles
from .hostile import Endpoint
from .hostile import json_values
from .hostile import requests
from .hostile import Sent
from .promises import Promises

_ENDPOINTS = [
    Endpoint(
        path="/connect/endsession",
        methods=("GET", "POST"),
        parameters={
            "id_token_hint": "e30.e30.e30",
            "post_logout_redirect_uri": "https://shop.test/done",
            "client_id": "shop",
            "state": "a state",
            "logout_hint": "alice",
            "ui_locales": "de",
        },
    ),
    Endpoint(
        path="/connect/endsession",
        methods=("GET", "POST"),
        parameters={
            "id_token_hint": "e30.e30.e30",
            "post_logout_redirect_uri": "com.example.shop:///done",
        },
    ),
    Endpoint(
        path="/connect/endsession",
        methods=("POST",),
        parameters={"confirmation": "00", "answer": "yes"},
    ),
    Endpoint(path="/connect/endsession", parameters={"logout_request": "00"}),
    Endpoint(path="/connect/endsession/callback"),
    Endpoint(path="/connect/endsession/progress"),
    Endpoint(path="/connect/checksession"),
    Endpoint(path="/connect/static/{}"),
]
_CLIENTS = (SHOP, MAIL, NEWS)
_LEADING_AWAY = [
    address
    for client in _CLIENTS
    for address in (*client.post_logout_redirect_uris, client.front_channel_logout_uri)
    if address is not None
]
_PROMISES = Promises(
    origin=ISSUER,
    registered=[
        *(address.partition("?")[0] for address in _LEADING_AWAY),
        "https://shop.test/fertig-%C3%A4",
    ],
)
# What Flask says by itself is for the host to dress.
_OF_FLASK = replace(_PROMISES, hardened=False)


@pytest.fixture(scope="module")
def host() -> Host:
    return host_app()


@in_both_profiles(examples=250)
def test_the_protocol_endpoints(host: Host, explore: Explore) -> None:
    """Whatever comes, from a browser with a session or without, is answered well."""
    known = [_with_hint(endpoint, host.hint()) for endpoint in _ENDPOINTS]

    explore(lambda sent: _check(host, sent), requests(known, senders=2))


@st.composite
def _odd_hints(draw: st.DrawFn) -> dict[str, Any]:
    """Claims that a provider never puts into an ID token."""
    names = st.sampled_from(["iss", "sub", "aud", "sid", "iat", "exp", "azp", "nonce"])

    return draw(st.dictionaries(names, json_values(), min_size=1, max_size=3))


@in_both_profiles(examples=120)
def test_odd_hints_of_our_own(host: Host, explore: Explore) -> None:
    """An ID token with a good signature may say anything: it is answered well."""
    endpoint = _ENDPOINTS[0]

    def check(claims: dict[str, Any]) -> None:
        hint = host.hint(**claims)
        sent = Sent(
            endpoint=endpoint,
            method="GET",
            path=endpoint.path,
            query=f"id_token_hint={hint}",
            headers=(),
            body=b"",
            sender=1,
        )
        _check(host, sent)

    explore(check, _odd_hints())


def _check(host: Host, sent: Sent) -> None:
    browser = host.signed_in("shop", "mail", "news") if sent.sender else host.browser()
    handle = browser.get_cookie(HANDLE, domain="idp.test")

    with logging_to_a_book() as book:
        with closing(browser.open(**sent.arguments())) as response:
            answer = ClientAnswer(response)
            ours = answer.status == 200
            (_PROMISES if ours else _OF_FLASK).check(answer)

        book.check(secrets=[handle.value] if handle else [])

    with host.app.app_context():
        host.extension.end_all(
            subject_id="alice", reason=LogoutReason.ADMIN, notify=False
        )


def _with_hint(endpoint: Endpoint, hint: str) -> Endpoint:
    if "id_token_hint" not in endpoint.parameters:
        return endpoint

    return replace(endpoint, parameters=endpoint.parameters | {"id_token_hint": hint})
