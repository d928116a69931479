"""Logout requests are validated, and remembered across a page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from idp_session._protocol.rp_initiated import Hint
from idp_session._protocol.rp_initiated import LogoutParameters
from idp_session._protocol.rp_initiated import LogoutRequest
from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.services.logout_requests import LogoutRequestService
from idp_session.testing import ManualClock
from tests.fakes import FakeClientStore
from tests.fakes import ISSUER
from tests.fakes import make_client
from tests.fakes import SECRET_KEY
from tests.fakes import SIGNER

SHOP = make_client("shop", post_logout_redirect_uris=("https://shop.test/bye",))
HINT = Hint(client_id="shop", sub="alice", sid="1234")
REQUEST = LogoutRequest(client=SHOP, hint=HINT, redirect_uri="https://shop.test/bye")
LIFETIME = timedelta(minutes=10)
PROTECTOR = AesGcmTicketProtector(SECRET_KEY)
KEY = "the key of this session"


@pytest.fixture
def clients() -> FakeClientStore:
    return FakeClientStore(SHOP)


@pytest.fixture
def service(clients: FakeClientStore, clock: ManualClock) -> LogoutRequestService:
    return LogoutRequestService(
        issuer=ISSUER,
        clients=clients,
        signer=SIGNER,
        protector=PROTECTOR,
        clock=clock,
        page_lifetime=LIFETIME,
    )


def id_token(clock: ManualClock, **claims: Any) -> str:
    """An ID token of the shop for alice."""
    now = int(clock.now().timestamp())
    defaults = {
        "iss": ISSUER,
        "aud": "shop",
        "sub": "alice",
        "sid": "1234",
        "iat": now - 60,
        "exp": now + 60,
    }

    return SIGNER.sign({**defaults, **claims}, client=SHOP, token_type="JWT")


def test_a_hint_makes_a_redirect_possible(
    service: LogoutRequestService, clock: ManualClock
) -> None:
    """A valid hint and a registered URI: that client asks, and may be returned to."""
    parameters = LogoutParameters(
        id_token_hint=id_token(clock),
        post_logout_redirect_uri="https://shop.test/bye",
    )

    assert service.validate(parameters) == REQUEST


# RIL-OP-12
def test_an_old_hint_is_welcome(
    service: LogoutRequestService, clock: ManualClock
) -> None:
    """Nobody has to sign in again in order to sign out."""
    token = id_token(clock)
    clock.tick(timedelta(days=30))

    assert service.validate(LogoutParameters(id_token_hint=token)).hint == HINT


@pytest.mark.parametrize(
    "hint",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("nonsense", id="nonsense"),
        pytest.param("a.b.c", id="looks like a token"),
    ],
)
def test_without_a_valid_hint(service: LogoutRequestService, hint: str | None) -> None:
    """A client id alone names a client and proves nothing (RIL-OP-22)."""
    parameters = LogoutParameters(
        id_token_hint=hint,
        client_id="shop",
        post_logout_redirect_uri="https://shop.test/bye",
    )

    assert service.validate(parameters) == LogoutRequest(client=SHOP)


# RIL-OP-11
def test_a_hint_of_another_issuer_is_no_hint(
    service: LogoutRequestService, clock: ManualClock
) -> None:
    """A provider with several issuers keeps them apart."""
    token = id_token(clock, iss="https://other.test")

    assert service.validate(LogoutParameters(id_token_hint=token)) == LogoutRequest()


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(REQUEST, id="everything"),
        pytest.param(LogoutRequest(client=SHOP), id="client only"),
        pytest.param(LogoutRequest(), id="nothing"),
    ],
)
def test_a_request_survives_the_page(
    service: LogoutRequestService, request_: LogoutRequest
) -> None:
    """What was asked for is what the form brings back."""
    text = service.seal(request_, session_key=KEY)

    assert service.open(text, session_key=KEY) == request_


@pytest.mark.parametrize("given", [True, False])
def test_what_was_given_survives_the_page(
    service: LogoutRequestService, *, given: bool
) -> None:
    """After the page it is still known what was given and could not be used."""
    request = LogoutRequest(hint_given=given, address_given=given)

    opened = service.open(service.seal(request, session_key=KEY), session_key=KEY)

    assert opened is not None
    assert (opened.hint_given, opened.address_given) == (given, given)


# RIL-OP-17
def test_a_form_of_another_session_is_foreign(service: LogoutRequestService) -> None:
    """A form that an attacker got for their own session ends nobody else's."""
    text = service.seal(REQUEST, session_key="the attacker's")

    assert service.open(text, session_key=KEY) is None


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(LIFETIME, REQUEST, id="in time"),
        pytest.param(LIFETIME + timedelta(seconds=1), None, id="too late"),
    ],
)
def test_a_page_has_a_lifetime(
    service: LogoutRequestService,
    clock: ManualClock,
    after: timedelta,
    expected: LogoutRequest | None,
) -> None:
    """An old form does nothing."""
    text = service.seal(REQUEST, session_key=KEY)
    clock.tick(after)

    assert service.open(text, session_key=KEY) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("0", id="half a byte"),
        pytest.param("not hexadecimal", id="not hexadecimal"),
        pytest.param("ß☃", id="not ASCII"),
        pytest.param("00" * 100, id="zeros"),
        pytest.param(
            PROTECTOR.seal(b"{}", purpose="ticket", context=KEY).hex(),
            id="sealed for something else",
        ),
    ],
)
def test_a_forged_form_does_not_open(service: LogoutRequestService, text: str) -> None:
    """Whatever a form brings, it is no error."""
    assert service.open(text, session_key=KEY) is None


def test_a_changed_form_does_not_open(service: LogoutRequestService) -> None:
    """Not one character may be different."""
    text = service.seal(REQUEST, session_key=KEY)
    changed = text[:-1] + ("0" if text[-1] != "0" else "1")

    assert service.open(changed, session_key=KEY) is None


def test_a_form_shows_no_address(service: LogoutRequestService) -> None:
    """A page says nothing about the hint that led to it."""
    text = service.seal(REQUEST, session_key=KEY)

    assert b"alice" not in bytes.fromhex(text)


def test_a_client_that_was_removed_gets_nobody_back(
    service: LogoutRequestService, clients: FakeClientStore
) -> None:
    """A redirect goes to URIs that are registered, not to ones that were."""
    text = service.seal(REQUEST, session_key=KEY)
    clients.clients.clear()

    assert service.open(text, session_key=KEY) == LogoutRequest(hint=HINT)
