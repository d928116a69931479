"""Deliveries: each client is told, and what came of it is written down."""

from __future__ import annotations

import dataclasses
import logging
from datetime import timedelta

import pytest

from idp_session._protocol import back_channel
from idp_session.models import Delivery
from idp_session.models import DeliveryState
from idp_session.models import LogoutReason
from idp_session.models import SendFailure
from idp_session.models import SendResult
from idp_session.testing import START
from tests.fakes import FakeProvider
from tests.fakes import FakeSender
from tests.fakes import ISSUER
from tests.fakes import make_client
from tests.fakes import make_options
from tests.fakes import opened

from .delivery_host import MAIL
from .delivery_host import owe
from .delivery_host import provider_with
from .delivery_host import SHOP

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
LEASE = timedelta(seconds=20)


def delivered(provider: FakeProvider) -> Delivery:
    """What came of one attempt of the only delivery that is due."""
    (claimed,) = provider.delivery.claim(10)

    return provider.delivery.deliver(claimed)


@pytest.mark.parametrize(
    ("answer", "state", "error"),
    [
        # BCL-OP-28
        pytest.param(200, DeliveryState.DELIVERED, None, id="ok"),
        pytest.param(204, DeliveryState.DELIVERED, None, id="no content"),
        # BCL-OP-29
        pytest.param(400, DeliveryState.REFUSED, "status", id="refused"),
        pytest.param(404, DeliveryState.REFUSED, "status", id="not found"),
        # BCL-OP-31
        pytest.param(302, DeliveryState.FAILED, "status", id="redirect"),
        pytest.param(201, DeliveryState.FAILED, "status", id="created"),
        # BCL-OP-30
        pytest.param(500, DeliveryState.PENDING, "status", id="server error"),
        pytest.param(429, DeliveryState.PENDING, "status", id="too many requests"),
        pytest.param(
            SendResult(failure=SendFailure.TIMEOUT),
            DeliveryState.PENDING,
            "timeout",
            id="timeout",
        ),
        pytest.param(
            SendResult(failure=SendFailure.CONNECTION),
            DeliveryState.PENDING,
            "connection",
            id="connection",
        ),
        pytest.param(
            SendResult(failure=SendFailure.DNS),
            DeliveryState.PENDING,
            "dns",
            id="no address",
        ),
        pytest.param(
            SendResult(failure=SendFailure.TLS),
            DeliveryState.PENDING,
            "tls",
            id="certificate",
        ),
        pytest.param(
            SendResult(failure=SendFailure.ADDRESS_REFUSED),
            DeliveryState.FAILED,
            "address_refused",
            id="forbidden address",
        ),
        pytest.param(
            SendResult(failure=SendFailure.INVALID_URI),
            DeliveryState.FAILED,
            "invalid_uri",
            id="unusable address",
        ),
    ],
)
def test_the_answer_decides_the_state(
    answer: SendResult | int, state: DeliveryState, error: str | None
) -> None:
    """Success is what the specification says; only what may heal is tried again."""
    provider = provider_with(answer)
    session_id = owe(provider)

    after = delivered(provider)

    assert (after.state, after.last_error) == (state, error)
    assert after.last_status == (answer if isinstance(answer, int) else None)
    assert (after.finished_at is None) is (state is DeliveryState.PENDING)
    assert provider.queue.of_session(session_id) == (after,)
    assert provider.attempted == [after]


def test_it_is_known_how_long_it_took() -> None:
    """The latency of the answer is kept, for those who look after slow clients."""
    provider = provider_with(SendResult(status=200, latency=3 * SECOND))
    owe(provider)

    assert delivered(provider).latency == 3 * SECOND


def test_the_token() -> None:
    """Each client hears of its own user and of the session, in a token for it."""
    provider = provider_with()
    session_id = owe(provider, "shop", "mail")

    provider.delivery.run_once()

    (uri, token), (other_uri, other_token) = provider.sender.sent
    signed, other = opened(token), opened(other_token)
    claims = dict(signed.claims)
    now = int(START.timestamp())
    assert (uri, other_uri) == (SHOP, MAIL)
    assert signed.header["typ"] == "logout+jwt"  # BCL-OP-21
    assert signed.header["alg"] == "ES256"  # BCL-OP-24
    assert claims.pop("jti") != other.claims["jti"]  # BCL-OP-26
    assert claims == {
        "iss": ISSUER,
        "aud": "shop",
        "sub": "alice-at-shop",
        "sid": session_id,
        "iat": now,
        "exp": now + 120,  # BCL-OP-19
        "events": {back_channel.EVENT: {}},
    }
    assert (other.claims["aud"], other.claims["sub"]) == ("mail", "alice-at-mail")


def test_every_attempt_has_a_fresh_token() -> None:
    """A retry carries a token that is valid then, and not one seen before."""
    provider = provider_with(500)
    owe(provider)

    for _ in range(5):
        delivered(provider)
        provider.clock.tick(HOUR)

    claims = [opened(token).claims for _, token in provider.sender.sent]
    assert len({each["jti"] for each in claims}) == 5
    assert [each["iat"] - int(START.timestamp()) for each in claims] == [
        attempt * 3600 for attempt in range(5)
    ]
    assert {each["exp"] - each["iat"] for each in claims} == {120}


def test_a_retry_goes_where_the_client_is_now() -> None:
    """A client that has moved is told at its new address."""
    provider = provider_with(500)
    owe(provider)
    delivered(provider)
    moved = "https://new.shop.test/logout"
    provider.clients.clients["shop"] = make_client(back_channel_logout_uri=moved)
    provider.clock.tick(HOUR)

    assert delivered(provider).state is DeliveryState.DELIVERED
    assert [uri for uri, _ in provider.sender.sent] == [SHOP, moved]


@pytest.mark.parametrize(
    "client_id",
    [
        pytest.param("frame", id="no address"),
        pytest.param("gone", id="unknown client"),
    ],
)
def test_who_cannot_be_told_is_skipped(client_id: str) -> None:
    """A client without an address is not a failure, and is not tried again."""
    provider = provider_with()
    frame = make_client("frame", back_channel_logout_uri=None)
    provider.clients.clients["frame"] = frame
    owe(provider, client_id)

    after = delivered(provider)

    assert (after.state, after.last_error) == (DeliveryState.SKIPPED, None)
    assert after.finished_at == START
    assert provider.sender.sent == []


def test_who_does_not_want_to_hear_is_skipped() -> None:
    """A reason that the client has not chosen is visible as the cause."""
    provider = provider_with()
    provider.clients.clients["shop"] = make_client(
        logout_reasons=frozenset({LogoutReason.ADMIN})
    )
    owe(provider, "shop", "mail")

    provider.delivery.run_once()

    after, _ = provider.attempted
    assert (after.state, after.last_error) == (DeliveryState.SKIPPED, "reason")
    assert after.finished_at == START
    assert [uri for uri, _ in provider.sender.sent] == [MAIL]


def test_nothing_is_sent_unencrypted_to_who_wants_it_encrypted() -> None:
    """Without a key for the client there is no token, and that is final and visible."""
    # BCL-OP-25
    provider = provider_with()
    provider.clients.clients["shop"] = make_client(
        id_token_encrypted_response_alg="ECDH-ES"
    )
    owe(provider)

    after = delivered(provider)

    assert (after.state, after.last_error) == (DeliveryState.FAILED, "no_token")
    assert provider.sender.sent == []


def test_no_key_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is sent that is not signed as the client has registered."""
    provider = provider_with()
    provider.clients.clients["shop"] = make_client(id_token_signed_response_alg="PS256")
    owe(provider)

    after = delivered(provider)

    assert (after.state, after.last_error) == (DeliveryState.FAILED, "no_token")
    assert provider.sender.sent == []
    assert "client 'shop': there is no key for PS256" in caplog.text


def test_one_without_a_key_does_not_stop_the_others() -> None:
    """What goes wrong with one client is that client's affair."""
    provider = provider_with()
    provider.clients.clients["shop"] = make_client(id_token_signed_response_alg="PS256")
    owe(provider, "shop", "mail")

    assert provider.delivery.run_once() == 2
    assert [uri for uri, _ in provider.sender.sent] == [MAIL]


def test_no_more_is_tried_than_asked_for() -> None:
    """What is left over stays owed."""
    provider = provider_with()
    owe(provider, "shop", "mail")

    assert provider.delivery.run_once(limit=1) == 1
    assert provider.delivery.run_once() == 1
    assert provider.delivery.run_once() == 0


@pytest.mark.parametrize(
    ("attempts", "most"),
    [
        pytest.param(1, 5 * SECOND, id="first"),
        pytest.param(2, 10 * SECOND, id="second"),
        pytest.param(4, 40 * SECOND, id="fourth"),
        pytest.param(30, HOUR, id="thirtieth"),
    ],
)
def test_waits_grow_within_bounds(attempts: int, most: timedelta) -> None:
    """Each wait may be twice as long as the last, up to the longest of all."""
    provider = provider_with(503)
    owe(provider)
    (claimed,) = provider.delivery.claim(1)

    after = provider.delivery.deliver(dataclasses.replace(claimed, attempts=attempts))

    assert 0.5 * SECOND <= after.due_at - START <= most


@pytest.mark.parametrize(
    ("asked_for", "given"),
    [
        pytest.param(timedelta(minutes=30), timedelta(minutes=30), id="honoured"),
        pytest.param(timedelta(days=3), HOUR, id="capped"),
    ],
)
def test_a_client_may_ask_for_time(asked_for: timedelta, given: timedelta) -> None:
    """``Retry-After`` is honoured up to the longest wait."""
    provider = provider_with(SendResult(status=503, retry_after=asked_for))
    owe(provider)

    assert delivered(provider).due_at == START + given


def test_waits_end_with_the_lifetime() -> None:
    """A delivery is given up when its time is over, not a long wait later."""
    provider = provider_with(SendResult(status=503, retry_after=HOUR))
    owe(provider)
    delivered(provider)
    provider.clock.tick(timedelta(hours=23.5))

    after = delivered(provider)

    assert after.due_at == START + timedelta(hours=24)
    assert after.state is DeliveryState.PENDING


def test_what_was_tried_for_long_enough_is_given_up() -> None:
    """Nothing is sent any more, and what the last answer was stays known."""
    provider = provider_with(SendResult(status=503, latency=SECOND))
    owe(provider)
    delivered(provider)
    provider.clock.tick(timedelta(hours=24))

    after = delivered(provider)

    assert after.state is DeliveryState.EXPIRED
    assert after.finished_at == START + timedelta(hours=24)
    assert (after.last_status, after.last_error) == (503, "status")
    assert after.latency == SECOND
    assert len(provider.sender.sent) == 1


def test_the_first_attempt_is_always_made() -> None:
    """However long a provider was down, each client is told at least once."""
    provider = provider_with()
    owe(provider)
    provider.clock.tick(timedelta(days=7))

    assert delivered(provider).state is DeliveryState.DELIVERED


def test_a_claim_is_not_an_attempt() -> None:
    """A process that died with a claim in its hands has told nobody."""
    provider = provider_with()
    owe(provider)
    provider.delivery.claim(1)
    provider.clock.tick(timedelta(days=7))

    assert delivered(provider).state is DeliveryState.DELIVERED


def test_a_late_first_attempt_that_fails_is_the_last() -> None:
    """After its lifetime a delivery is tried once, and then given up at once."""
    provider = provider_with(500)
    owe(provider)
    provider.clock.tick(timedelta(days=7))

    first = delivered(provider)
    second = delivered(provider)

    assert (first.state, first.due_at) == (DeliveryState.PENDING, provider.clock.now())
    assert second.state is DeliveryState.EXPIRED
    assert len(provider.sender.sent) == 1


def test_a_lost_lease_overwrites_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever was too slow leaves the result of the newer claim alone."""
    provider = provider_with(200, 500)
    session_id = owe(provider)
    (slow,) = provider.delivery.claim(1)
    provider.clock.tick(LEASE)
    newer = delivered(provider)

    provider.delivery.deliver(slow)

    assert provider.queue.of_session(session_id) == (newer,)
    assert provider.attempted == [newer]
    assert "the lease of delivery 1 to 'shop' ran out" in caplog.text


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        pytest.param(200, "DEBUG", id="delivered"),
        pytest.param(500, "INFO", id="again"),
        pytest.param(400, "WARNING", id="refused"),
        pytest.param(302, "WARNING", id="failed"),
    ],
)
def test_logs_say_what_happened_but_no_token(
    caplog: pytest.LogCaptureFixture, answer: int, level: str
) -> None:
    """An operator sees each outcome; a stolen log has no usable token."""
    caplog.set_level(logging.DEBUG)
    provider = provider_with(answer)
    owe(provider)

    after = delivered(provider)

    (record,) = caplog.records
    ((_, token),) = provider.sender.sent
    assert record.levelname == level
    assert f"'shop': {after.state} (attempt 1, status {answer}" in caplog.text
    assert not any(part in caplog.text for part in token.split("."))


def test_the_settings_count() -> None:
    """Lease, token lifetime and retry times are those of the options."""
    provider = FakeProvider(
        options=make_options(
            delivery_lease=60 * SECOND,
            logout_token_lifetime=30 * SECOND,
            delivery_retry_after=2 * SECOND,
            delivery_retry_at_most_after=2 * SECOND,
        ),
        sender=FakeSender({SHOP: [500]}),
    )
    owe(provider)
    (claimed,) = provider.delivery.claim(1)

    after = provider.delivery.deliver(claimed)

    claims = opened(provider.sender.sent[0][1]).claims
    assert claimed.due_at == START + 60 * SECOND
    assert claims["exp"] - claims["iat"] == 30
    assert after.due_at <= START + 2 * SECOND
