"""The sample provider, asked for everything by people who mean no good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from idp_session import LogoutReason

from ..unit.hosts import HANDLE
from ..unit.sample_host import CLIENTS
from ..unit.sample_host import EXTENSION
from ..unit.sample_host import ISSUER
from ..unit.sample_host import Provider
from ..unit.sample_host import provider
from .answers import ClientAnswer
from .answers import logging_to_a_book
from .exploring import Explore
from .exploring import in_both_profiles
from .hostile import Endpoint
from .hostile import requests
from .hostile import Sent
from .promises import Promises

_ASKED = {
    "response_type": "code",
    "client_id": "shop",
    "redirect_uri": "https://shop.test/callback",
    "scope": "openid",
    "state": "a state",
    "nonce": "a nonce",
    "prompt": "login",
    "max_age": "1000",
    "login_hint": "alice",
    "id_token_hint": "e30.e30.e30",
    "response_mode": "query",
    "acr_values": "x",
    "code_challenge": "a" * 43,
    "code_challenge_method": "S256",
    "ui_locales": "de",
    "claims": "{}",
    "allow": "yes",
}
_AS_APP = {"client_id": "app"}
_AS_ASKING = {
    "client_id": "asking",
    "client_secret": "the secret of the asking client",
}

#: What people see.
PAGES = [
    Endpoint(path="/"),
    Endpoint(path="/login", parameters={"next": "/account/", "login_hint": "alice"}),
    Endpoint(
        path="/login",
        methods=("POST",),
        parameters={
            "next": "/account/",
            "username": "bob",
            "password": "bob",
            "remember": "yes",
        },
    ),
    Endpoint(path="/account/"),
    Endpoint(path="/account"),
    Endpoint(path="/account/signed-out"),
    Endpoint(path="/account/sessions"),
    Endpoint(path="/account/sessions/", parameters={"page": "00"}),
    Endpoint(
        path="/account/sessions/end",
        methods=("GET", "POST"),
        parameters={"device": "0" * 32, "confirmation": "00"},
    ),
    Endpoint(
        path="/account/sessions/end-others",
        methods=("GET", "POST"),
        parameters={"confirmation": "00"},
    ),
    Endpoint(path="/account/sessions/ended", parameters={"result": "00"}),
    Endpoint(path="/account/session-events", parameters={"session_id": "x"}),
    Endpoint(
        path="/admin/sessions",
        parameters={"subject": "alice", "session": "x", "client": "shop", "cursor": ""},
    ),
    Endpoint(
        path="/admin/sessions/{}/end", methods=("POST",), parameters={"subject": "a"}
    ),
    Endpoint(
        path="/admin/deliveries",
        parameters={"state": "pending", "client": "shop", "before": "1"},
    ),
    Endpoint(path="/admin/deliveries/{}/retry", methods=("POST",)),
    Endpoint(path="/administration/"),
    Endpoint(
        path="/administration/sessions",
        parameters={"subject_id": "alice", "cursor": "x", "limit": "3"},
    ),
    Endpoint(path="/administration/sessions/{}", parameters={"ended": "00"}),
    Endpoint(
        path="/administration/sessions/{}/end",
        methods=("GET", "POST"),
        parameters={"confirmation": "00"},
    ),
    Endpoint(
        path="/administration/deliveries",
        parameters={"state": "pending", "client_id": "shop", "before_id": "9"},
    ),
    Endpoint(path="/administration/deliveries/{}"),
    Endpoint(
        path="/administration/deliveries/{}/retry",
        methods=("POST",),
        parameters={"confirmation": "00"},
    ),
    Endpoint(path="/administration/api/openapi.json"),
    Endpoint(path="/administration/api/token"),
    Endpoint(path="/administration/api/counts"),
    Endpoint(
        path="/administration/api/sessions",
        parameters={"subject_id": "alice", "cursor": "x", "limit": "3"},
    ),
    Endpoint(path="/administration/api/sessions/{}", methods=("GET", "DELETE")),
    Endpoint(
        path="/administration/api/deliveries",
        parameters={"state": "pending", "client_id": "shop", "before_id": "9"},
    ),
    Endpoint(path="/administration/api/deliveries/{}"),
    Endpoint(path="/administration/api/deliveries/{}/retry", methods=("POST",)),
    Endpoint(path="/{}"),
    Endpoint(path="/static/{}"),
    Endpoint(path="/connect/static/{}"),
]
#: What browsers bring from clients.
PROTOCOL = [
    Endpoint(path="/connect/authorize", methods=("GET", "POST"), parameters=_ASKED),
    Endpoint(
        path="/connect/authorize",
        methods=("GET", "POST"),
        parameters={
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": "com.example.app:/callback",
            "code_challenge": "a" * 43,
            "code_challenge_method": "S256",
        },
    ),
    Endpoint(
        path="/connect/authorize",
        methods=("GET", "POST"),
        parameters={
            "response_type": "code",
            "client_id": "asking",
            "scope": "openid",
            "state": "x",
        },
    ),
    *(
        Endpoint(path=f"/connect/{name}", methods=("GET", "POST"), parameters=_ASKED)
        for name in ("consent", "select-account")
    ),
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
        methods=("POST",),
        parameters={"confirmation": "00", "answer": "yes", "logout_request": "00"},
    ),
    Endpoint(path="/connect/endsession", parameters={"logout_request": "00"}),
    Endpoint(path="/connect/endsession/callback"),
    Endpoint(path="/connect/endsession/progress"),
    Endpoint(path="/connect/checksession"),
    Endpoint(path="/.well-known/openid-configuration"),
    Endpoint(path="/connect/jwks"),
]
#: What clients send by themselves.
PROGRAMS = [
    Endpoint(
        path="/connect/token",
        methods=("POST",),
        answers_json=True,
        parameters={
            **_AS_APP,
            "grant_type": "authorization_code",
            "code": "x",
            "redirect_uri": "https://app.test/callback",
            "code_verifier": "a" * 43,
        },
    ),
    Endpoint(
        path="/connect/token",
        methods=("POST",),
        answers_json=True,
        parameters={
            **_AS_APP,
            "grant_type": "refresh_token",
            "refresh_token": "x",
            "scope": "openid",
        },
    ),
    Endpoint(
        path="/connect/userinfo",
        methods=("GET", "POST"),
        answers_json=True,
        parameters={"access_token": "x"},
    ),
    *(
        Endpoint(
            path=f"/connect/{name}",
            methods=("POST",),
            answers_json=True,
            parameters={**_AS_ASKING, "token": "x", "token_type_hint": "access_token"},
        )
        for name in ("revocation", "introspection")
    ),
    Endpoint(
        path="/connect/register",
        methods=("POST",),
        answers_json=True,
        takes_json=True,
        parameters={
            "client_name": "A",
            "redirect_uris": ["https://a.test/callback"],
            "post_logout_redirect_uris": ["https://a.test/"],
            "token_endpoint_auth_method": "client_secret_basic",
            "id_token_signed_response_alg": "RS256",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "scope": "openid",
            "frontchannel_logout_uri": "https://a.test/front",
            "frontchannel_logout_session_required": True,
            "backchannel_logout_uri": "https://a.test/back",
            "backchannel_logout_session_required": True,
            "id_token_encrypted_response_alg": "RSA-OAEP-256",
            "id_token_encrypted_response_enc": "A128GCM",
            "jwks": {"keys": []},
            "jwks_uri": "https://a.test/jwks",
            "contacts": ["a@a.test"],
            "software_statement": "e30.e30.e30",
            "default_max_age": 1,
        },
    ),
]

_REGISTERED = [
    uri
    for client in CLIENTS
    for member in ("redirect_uris", "post_logout_redirect_uris")
    for uri in client.get(member, ())
]
_PEOPLE = (None, "alice", "admin")


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    it = provider(tmp_path_factory.mktemp("fuzzed"), open_registration=True)
    yield it
    it.app.extensions["idp_session"].engine.dispose()


@pytest.mark.parametrize(
    "endpoints",
    [
        pytest.param(PAGES, id="pages"),
        pytest.param(PROTOCOL, id="protocol"),
        pytest.param(PROGRAMS, id="programs"),
    ],
)
@in_both_profiles(examples=250)
def test_the_sample_provider(
    idp: Provider, explore: Explore, endpoints: list[Endpoint]
) -> None:
    """Whatever is sent to it, by whomever, it answers well and logs no secret."""
    hint = idp.tokens(idp.signed_in())["id_token"]
    known = [_with_hint(endpoint, hint) for endpoint in endpoints]
    promises = Promises(origin=ISSUER, registered=_REGISTERED)

    def check(sent: Sent) -> None:
        browser = idp.browser()
        username = _PEOPLE[sent.sender]
        if username is not None:
            Provider.log_in(browser, username)
        handle = browser.get_cookie(HANDLE, domain="idp.test")

        with logging_to_a_book() as book:
            with closing(browser.open(**sent.arguments())) as response:
                promises.check(ClientAnswer(response), answers_json=sent.expects_json)

            book.check(secrets=[handle.value] if handle else [])

        _sign_everybody_out(idp)

    explore(check, requests(known, senders=len(_PEOPLE)))


def test_no_endpoint_is_left_out(idp: Provider) -> None:
    """Every endpoint that the provider has is among those that are asked."""
    routes = idp.app.url_map.bind("idp.test", url_scheme="https")
    asked = {
        routes.match(endpoint.path.replace("{}", "1"), method=method)[0]
        for endpoint in [*PAGES, *PROTOCOL, *PROGRAMS]
        if endpoint.path not in {"/account", "/account/sessions", "/{}"}
        for method in endpoint.methods
    }

    assert {rule.endpoint for rule in idp.app.url_map.iter_rules()} == asked


def _sign_everybody_out(idp: Provider) -> None:
    with idp.app.app_context():
        for subject_id in ("alice", "bob", "admin"):
            EXTENSION.end_all(
                subject_id=subject_id, reason=LogoutReason.ADMIN, notify=False
            )


def _with_hint(endpoint: Endpoint, hint: str) -> Endpoint:
    if "id_token_hint" not in endpoint.parameters:
        return endpoint

    return replace(endpoint, parameters=endpoint.parameters | {"id_token_hint": hint})
