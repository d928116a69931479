"""The session of the user: which clients take part in it."""

from __future__ import annotations

import pytest

from idp_session.errors import SessionGoneError
from idp_session.models import LogoutReason
from idp_session.models import Participant
from idp_session.testing import START
from tests.fakes import FakeProvider
from tests.fakes import ISSUER
from tests.fakes import PairwiseSubjects

from .sessions_of_browsers import ALICE
from .sessions_of_browsers import PLAIN
from .sessions_of_browsers import SECOND
from .sessions_of_browsers import session_of
from .sessions_of_browsers import sessions_of


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def test_a_client_takes_part() -> None:
    """It is recorded under which issuer and which ``sub`` the client knows the user."""
    provider = FakeProvider(subjects=PairwiseSubjects())
    browser = provider.browser()
    session_id = session_of(provider, browser).session_id
    provider.clock.tick(5)

    user_session = provider.request(browser)
    user_session.add_client_id("shop")

    assert user_session.client_ids == ("shop",)
    assert provider.store.participants(session_id) == (
        Participant(
            session_id=session_id,
            client_id="shop",
            issuer=ISSUER,
            subject="alice-at-shop",
            joined_at=START + 5 * SECOND,
        ),
    )


def test_clients_are_listed_as_they_joined(provider: FakeProvider) -> None:
    """The list and the properties show a client at once, after the earlier ones."""
    user_session = provider.request(provider.browser(clients=["shop"]))
    before = user_session.client_ids
    provider.clock.tick()

    user_session.add_client_id("mail")

    assert before == ("shop",)
    assert user_session.client_ids == ("shop", "mail")
    assert user_session.properties is not None
    assert user_session.properties.client_ids == ("shop", "mail")


def test_adding_a_known_client_writes_nothing(provider: FakeProvider) -> None:
    """Each authorization names its client; only the first one costs a write."""
    user_session = provider.request(provider.browser(clients=["shop"]))

    user_session.add_client_id("shop")

    assert user_session.client_ids == ("shop",)
    assert provider.spy.calls == ["get", "participants"]


def test_a_client_cannot_join_a_session_that_has_ended(provider: FakeProvider) -> None:
    """Whoever is too late is told so, and nobody is signed in from then on."""
    browser = provider.browser()
    session_id = session_of(provider, browser).session_id
    user_session = provider.request(browser)
    assert user_session.user is not None
    provider.ending.end(session_id, reason=LogoutReason.ADMIN)

    with pytest.raises(SessionGoneError, match="has ended"):
        user_session.add_client_id("shop")

    assert user_session.user is None
    assert user_session.session_id is None
    assert user_session.client_ids == ()
    assert provider.queue.of_session(session_id) == ()


def test_signing_in_after_the_session_was_gone(provider: FakeProvider) -> None:
    """The request that found its session gone can begin a new one."""
    browser = provider.browser()
    before = session_of(provider, browser).session_id
    user_session = provider.request(browser)
    assert user_session.session_id == before
    provider.ending.end(before, reason=LogoutReason.ADMIN)
    with pytest.raises(SessionGoneError):
        user_session.add_client_id("shop")

    session_id = user_session.create_session_id(ALICE, PLAIN)

    assert session_id != before
    assert user_session.session_id == session_id


def test_a_handle_replaced_in_another_tab_loses_no_client(
    provider: FakeProvider,
) -> None:
    """A client that joins while another tab signs in again is told of the end."""
    browser = provider.browser(clients=["shop"])
    tab = provider.request(browser.next_request())
    assert tab.user is not None
    session_id = provider.sign_in(browser)

    tab.add_client_id("mail")

    assert provider.request(browser.next_request()).client_ids == ("shop", "mail")
    assert tab.session_id == session_id


def test_a_tab_with_a_replaced_handle_signs_everything_out(
    provider: FakeProvider,
) -> None:
    """A sign-out that began before another tab signed in again ends that session."""
    browser = provider.browser(clients=["shop"])
    tab = provider.request(browser.next_request())
    assert tab.user is not None
    session_id = provider.sign_in(browser)

    ended = tab.end(LogoutReason.USER)

    assert ended is not None
    assert (ended.session_id, ended.client_ids) == (session_id, ("shop",))
    assert sessions_of(provider, "alice") == []


def test_a_client_is_removed(provider: FakeProvider) -> None:
    """It is told, its tokens go, and the session goes on with the others."""
    user_session = provider.request(provider.browser(clients=["shop", "mail"]))
    session_id = user_session.session_id
    assert session_id is not None
    assert list(user_session.client_ids) == ["shop", "mail"]

    departure = user_session.remove_client_id("shop", LogoutReason.USER)

    assert departure is not None
    assert provider.departures == [departure]
    assert departure.client_ids == ("shop",)
    assert user_session.client_ids == ("mail",)
    assert user_session.session_id == session_id
    assert [each.client_id for each in provider.queue.of_session(session_id)] == [
        "shop"
    ]


def test_a_removed_client_can_be_added_again(provider: FakeProvider) -> None:
    """In the same request, too: the list that it had read is not believed."""
    user_session = provider.request(provider.browser(clients=["shop"]))
    assert user_session.client_ids == ("shop",)
    user_session.remove_client_id("shop", LogoutReason.USER)

    user_session.add_client_id("shop")

    assert user_session.session_id is not None
    assert user_session.client_ids == ("shop",)
    assert len(provider.store.participants(user_session.session_id)) == 1


@pytest.mark.parametrize(
    "clients", [pytest.param(None, id="nobody"), pytest.param(["mail"], id="others")]
)
def test_who_does_not_take_part_is_not_removed(
    provider: FakeProvider, clients: list[str] | None
) -> None:
    """Where nobody is signed in, or without this client, nothing happens."""
    browser = None if clients is None else provider.browser(clients=clients)

    departure = provider.request(browser).remove_client_id("shop", LogoutReason.USER)

    assert departure is None
    assert provider.departures == []
    assert provider.dispatcher.kicks == 0
