"""The outbox is looked after without anybody being told twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp_session.models import ClientLogout
from idp_session.models import Delivery
from idp_session.models import DeliveryState
from idp_session.models import LogoutOutcome
from idp_session.models import LogoutReason
from idp_session.services import delivery_management
from idp_session.services.delivery_management import DeliveryManagementService
from idp_session.testing import make_participant
from idp_session.testing import make_session
from tests.fakes import FakeProvider
from tests.fakes import FakeSender
from tests.fakes import make_client
from tests.fakes import make_options

BACK_CHANNEL = "https://shop.test/back-channel"
DAY = timedelta(days=1)


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider(
        options=make_options(delivery_lifetime=DAY),
        sender=FakeSender({BACK_CHANNEL: [400, 503, 200]}),
    )


@pytest.fixture
def service(provider: FakeProvider) -> DeliveryManagementService:
    return DeliveryManagementService(
        queue=provider.queue,
        clients=provider.clients,
        clock=provider.clock,
        dispatcher=provider.dispatcher,
    )


def owe(provider: FakeProvider, client_id: str = "shop") -> Delivery:
    """What is owed for a session that ends now."""
    session = make_session()
    provider.store.create(session)
    provider.store.add_participant(
        make_participant(session.session_id, client_id=client_id)
    )
    provider.ending.end(session.session_id, reason=LogoutReason.USER)
    provider.dispatcher.kicks = 0

    return provider.queue.of_session(session.session_id)[0]


def owe_both(provider: FakeProvider) -> str:
    """The session id of a session that has ended at two clients."""
    session = make_session()
    provider.store.create(session)

    for client_id in ("shop", "mail"):
        provider.store.add_participant(
            make_participant(session.session_id, client_id=client_id)
        )

    provider.ending.end(session.session_id, reason=LogoutReason.USER)

    return session.session_id


def states(service: DeliveryManagementService) -> list[DeliveryState]:
    return [delivery.state for delivery in service.query()]


def test_deliveries_are_listed(
    provider: FakeProvider, service: DeliveryManagementService
) -> None:
    """The newest comes first, and conditions leave out others."""
    shop = owe(provider)
    mail = owe(provider, "mail")

    assert service.query() == (mail, shop)
    assert service.query(limit=1) == (mail,)
    assert service.query(before_id=mail.id) == (shop,)
    assert service.query(client_id="mail", state=DeliveryState.PENDING) == (mail,)
    assert service.query(state=DeliveryState.DELIVERED) == ()


def test_deliveries_of_a_session_are_listed(
    provider: FakeProvider, service: DeliveryManagementService
) -> None:
    """Newest first, with every other condition, and none of another session."""
    owe(provider)
    session_id = owe_both(provider)

    mail, shop = service.query(session_id=session_id)

    assert [mail.client_id, shop.client_id] == ["mail", "shop"]
    assert service.query(session_id=session_id, limit=1) == (mail,)
    assert service.query(session_id=session_id, before_id=mail.id) == (shop,)
    assert service.query(session_id=session_id, client_id="mail") == (mail,)
    assert service.query(session_id=session_id, state=DeliveryState.FAILED) == ()
    assert service.query(session_id="nobody's") == ()


def test_a_logout_has_a_result(
    provider: FakeProvider, service: DeliveryManagementService
) -> None:
    """Each client has an entry with what it is called and what came of it."""
    provider.clients.clients["mail"] = make_client("mail", name="Mail")
    session_id = owe_both(provider)
    before = service.result_of(session_id)

    provider.delivery.run_once()

    assert not before.is_complete
    after = service.result_of(session_id)
    assert after.is_complete
    assert after.session_id == session_id
    assert after.clients == (
        ClientLogout(
            client_id="shop",
            label="shop",
            outcome=LogoutOutcome.REFUSED,
            attempts=1,
            last_status=400,
            last_error="status",
        ),
        ClientLogout(
            client_id="mail",
            label="Mail",
            outcome=LogoutOutcome.CONFIRMED,
            attempts=1,
            last_status=200,
            last_error=None,
        ),
    )


def test_the_result_of_no_logout(
    provider: FakeProvider, service: DeliveryManagementService
) -> None:
    """Of a session that goes on, or never was, nothing is pending."""
    owe(provider)

    result = service.result_of("nobody's")

    assert (result.clients, result.is_complete) == ((), True)


def test_a_client_that_is_gone_has_an_entry(
    provider: FakeProvider, service: DeliveryManagementService
) -> None:
    """It is called by its id, and was skipped."""
    session_id = owe_both(provider)
    del provider.clients.clients["mail"]
    provider.delivery.run_once()

    result = service.result_of(session_id)

    assert result.clients[1].label == "mail"
    assert result.clients[1].outcome is LogoutOutcome.SKIPPED


@pytest.mark.parametrize("limit", [-1, 0, 1001])
def test_limits_have_bounds(service: DeliveryManagementService, limit: int) -> None:
    """A list has one delivery at least and not too many."""
    with pytest.raises(ValueError, match="between 1 and 1000"):
        service.query(limit=limit)


@pytest.mark.parametrize("off", [-1, 1, 2**70, -(2**70)])
def test_a_delivery_is_found_by_its_id_only(
    provider: FakeProvider, service: DeliveryManagementService, off: int
) -> None:
    """An id that is near is not near enough."""
    delivery = owe(provider)

    assert service.get(delivery.id) == delivery
    assert service.get(delivery.id + off) is None


def test_what_was_refused_is_tried_again(
    provider: FakeProvider, service: DeliveryManagementService
) -> None:
    """Once the client takes it the delivery is made, and was tried once more."""
    delivery = owe(provider)
    provider.delivery.run_once()
    refused = states(service)

    retried = service.retry(delivery.id)

    assert retried
    assert refused == [DeliveryState.REFUSED]
    assert provider.dispatcher.kicks == 1
    assert provider.delivery.run_once() == 1
    [again] = service.query()
    assert (again.state, again.last_status) == (DeliveryState.PENDING, 503)
    assert again.attempts == 2


def test_what_has_expired_is_tried_once_more(
    provider: FakeProvider, service: DeliveryManagementService
) -> None:
    """A delivery that is too old is not given up again before it was tried."""
    delivery = owe(provider)
    provider.delivery.run_once()
    provider.clock.tick(2 * DAY)

    service.retry(delivery.id)
    provider.delivery.run_once()
    after_one = states(service)
    provider.delivery.run_once()

    assert len(provider.sender.sent) == 2
    assert after_one == [DeliveryState.PENDING]
    assert states(service) == [DeliveryState.EXPIRED]


def test_what_is_pending_is_left_alone(
    provider: FakeProvider, service: DeliveryManagementService
) -> None:
    """Nothing is sent for it, and nobody is asked to."""
    delivery = owe(provider)

    assert not service.retry(delivery.id)
    assert provider.dispatcher.kicks == 0
    assert service.query() == (delivery,)


def test_what_was_over_long_ago_is_forgotten(
    provider: FakeProvider,
    service: DeliveryManagementService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many there are; what is newer, or still owed, is kept."""
    monkeypatch.setattr(delivery_management, "_BATCH", 2)
    for _ in range(5):
        owe(provider, "mail")
    provider.delivery.run_once()
    provider.clock.tick(30 * DAY)
    newer = owe(provider, "mail")
    provider.delivery.run_once()
    owed = owe(provider)
    provider.clock.tick(1)

    forgotten = service.purge(older_than=30 * DAY)

    assert forgotten == 5
    assert [each.id for each in service.query()] == [owed.id, newer.id]


def test_a_purge_gives_others_their_turn(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It pauses between two transactions, and forgets no more than it is to."""
    monkeypatch.setattr(delivery_management, "_BATCH", 2)
    pauses: list[float] = []
    service = DeliveryManagementService(
        queue=provider.queue,
        clients=provider.clients,
        clock=provider.clock,
        dispatcher=provider.dispatcher,
        pause=pauses.append,
    )
    for _ in range(6):
        owe(provider, "mail")
    provider.delivery.run_once()
    provider.clock.tick(1)

    forgotten = service.purge(older_than=0 * DAY, at_most=5)

    assert (forgotten, len(service.query())) == (5, 1)
    assert len(pauses) == 2


def test_the_future_is_not_forgotten(service: DeliveryManagementService) -> None:
    """A negative time is a mistake."""
    with pytest.raises(ValueError, match="negative"):
        service.purge(older_than=-DAY)


def test_ends_of_long_ago_are_forgotten(
    provider: FakeProvider,
    service: DeliveryManagementService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many there are; to purge deliveries forgets none of them."""
    monkeypatch.setattr(delivery_management, "_BATCH", 2)
    old = [provider.ended_elsewhere() for _ in range(5)]
    provider.clock.tick(30 * DAY)
    new = provider.ended_elsewhere()
    provider.clock.tick(1)

    service.purge(older_than=0 * DAY)
    before = [each for each in old if provider.queue.has_ended(each)]
    service.forget_ends(older_than=30 * DAY)

    assert before == old
    assert not any(provider.queue.has_ended(each) for each in old)
    assert provider.queue.has_ended(new)
