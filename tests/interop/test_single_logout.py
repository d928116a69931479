"""Relying parties that hear by the back channel: their own sessions end."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator

import pytest

from .field import Field
from .places import MOD_AUTH_OPENIDC
from .places import open_place
from .places import Place
from .places import RELYING_PARTIES
from .visitor import Visitor

pytestmark = [
    pytest.mark.process,
    pytest.mark.xdist_group("interop"),
    # The first test of a machine waits for npm.
    pytest.mark.timeout(420),
]

NewVisitor = Callable[[Field], Visitor]


@pytest.fixture(scope="module", params=RELYING_PARTIES)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with open_place(request.param, tmp_path_factory.mktemp("provider")) as place:
        yield place


@pytest.fixture
def alice(new_visitor: NewVisitor, place: Place) -> Visitor:
    return new_visitor(place.field)


def test_signs_in_and_shows_who_it_is(alice: Visitor, place: Place) -> None:
    """The code flow of a client that nobody has adapted to the provider works."""
    assert not alice.is_signed_in(place.site)

    page = alice.sign_in(place.site)

    assert "alice" in page.text
    assert alice.is_signed_in(place.site)


def test_a_logout_at_the_provider_ends_its_session(
    alice: Visitor, place: Place
) -> None:
    """Who signs out at the provider is signed out at the client, unasked."""
    alice.sign_in(place.site)

    alice.sign_out_at_the_provider()

    alice.wait_until_signed_out(place.site)


def test_its_own_logout_goes_through_the_provider_and_comes_back(
    alice: Visitor, place: Place
) -> None:
    """RP-initiated logout ends both sessions, and ends at the registered address."""
    alice.sign_in(place.site)

    page = alice.sign_out_at(place.site)

    assert page.url.partition("?")[0] == place.site.bye
    assert not alice.is_signed_in(place.site)
    assert alice.is_asked_for_a_password(place.site)


def test_an_administrator_reaches_it(alice: Visitor, place: Place) -> None:
    """A session that is ended on the provider's shell ends at the client, too."""
    alice.sign_in(place.site)

    place.field.end_sessions_of("alice")

    alice.wait_until_signed_out(place.site)


def test_the_logout_of_somebody_else_leaves_it_alone(
    alice: Visitor, place: Place, new_visitor: NewVisitor
) -> None:
    """Only the user who has signed out is signed out at the client."""
    bob = new_visitor(place.field)
    bob.sign_in(place.site, "bob")
    alice.sign_in(place.site)

    alice.sign_out_at_the_provider()

    alice.wait_until_signed_out(place.site)
    assert bob.is_signed_in(place.site)


def test_which_other_sessions_of_the_user_end_is_its_own_choice(
    alice: Visitor, place: Place, new_visitor: NewVisitor
) -> None:
    """A logout token names user and session; one client goes by both, one by either."""
    elsewhere = new_visitor(place.field)
    elsewhere.sign_in(place.site)
    alice.sign_in(place.site)

    alice.sign_out_at_the_provider()

    alice.wait_until_signed_out(place.site)
    assert elsewhere.is_signed_in(place.site) == (place.name == MOD_AUTH_OPENIDC)
    # At the provider only one of them has ended: nobody asks for a password.
    elsewhere.sign_in_again(place.site)


def test_signing_in_again_after_a_logout_works(alice: Visitor, place: Place) -> None:
    """A logout is about a session that was; the next one is not hurt by it."""
    alice.sign_in(place.site)
    alice.sign_out_at_the_provider()
    alice.wait_until_signed_out(place.site)

    alice.sign_in(place.site)

    assert alice.is_signed_in(place.site)


def test_a_client_that_was_down_is_told_when_it_is_back(
    alice: Visitor, place: Place
) -> None:
    """Its session outlives its process, and ends as soon as it can be told."""
    alice.sign_in(place.site)
    place.kill_the_site()
    place.start_the_site()
    assert alice.is_signed_in(place.site)

    place.kill_the_site()
    alice.sign_out_at_the_provider()
    place.start_the_site()

    alice.wait_until_signed_out(place.site)
