"""Values that everything else passes around, and the tree of errors."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from idp_session import errors
from idp_session.models import Client
from idp_session.models import Delivery
from idp_session.models import DeliveryResult
from idp_session.models import DeliveryState
from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.models import Principal
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START

LATER = START + timedelta(seconds=5)
DELIVERY = Delivery(
    id=1,
    session_id="1234",
    client_id="shop",
    issuer="https://idp.test",
    subject="alice",
    reason=LogoutReason.USER,
    created_at=START,
    due_at=START + timedelta(seconds=20),
    attempts=1,
)


def test_a_principal_is_somebody() -> None:
    """Nobody signs in under an empty subject."""
    with pytest.raises(ValueError, match="subject_id"):
        Principal(subject_id="")


def test_values_do_not_change() -> None:
    """What one part of the program was given, no other part rewrites."""
    principal = Principal(subject_id="alice")

    with pytest.raises(dataclasses.FrozenInstanceError):
        principal.subject_id = "root"  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        pytest.param(make_session(ticket=b"hidden"), "hidden", id="ticket"),
        pytest.param(Client(client_id="shop", secret="hidden"), "hidden", id="secret"),
    ],
)
def test_secrets_are_not_shown(value: object, secret: str) -> None:
    """A value that reaches a log line takes no secret there."""
    assert secret not in repr(value)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        pytest.param("The Shop", "The Shop", id="name"),
        pytest.param(None, "shop", id="no name"),
        pytest.param("", "shop", id="empty name"),
    ],
)
def test_a_client_is_called_something(name: str | None, label: str) -> None:
    """People are shown the name, or else the id."""
    assert Client(client_id="shop", name=name).label == label


def test_a_record_with_another_ticket() -> None:
    """Nothing but the ticket is another."""
    session = make_session(display_name="Alice", ip_address="::1", user_agent="Firefox")

    changed = session.with_ticket(b"another")

    assert changed == dataclasses.replace(session, ticket=b"another")


def test_an_ended_session_lists_its_clients() -> None:
    """Clients are listed in the order in which they joined."""
    ended = EndedSession(
        session_id="1234",
        subject_id="alice",
        reason=LogoutReason.USER,
        ended_at=START,
        participants=(
            make_participant("1234", client_id="shop"),
            make_participant("1234", client_id="mail"),
        ),
    )

    assert ended.client_ids == ("shop", "mail")


def test_a_final_result_finishes_a_delivery() -> None:
    """A final state says since when, and what the last answer was."""
    result = DeliveryResult(
        state=DeliveryState.REFUSED,
        at=LATER,
        status=400,
        error="status",
        latency=timedelta(seconds=1),
    )

    after = result.applied_to(DELIVERY)

    assert after == dataclasses.replace(
        DELIVERY,
        state=DeliveryState.REFUSED,
        finished_at=LATER,
        last_status=400,
        last_error="status",
        latency=timedelta(seconds=1),
    )


def test_a_result_that_is_not_final_moves_a_delivery() -> None:
    """What is to be tried again says when, and is not finished."""
    again_at = LATER + timedelta(minutes=1)
    result = DeliveryResult(
        state=DeliveryState.PENDING, at=LATER, due_at=again_at, error="timeout"
    )

    after = result.applied_to(DELIVERY)

    assert (after.state, after.due_at) == (DeliveryState.PENDING, again_at)
    assert after.finished_at is None
    assert after.last_error == "timeout"


@pytest.mark.parametrize(
    ("error", "base"),
    [
        pytest.param(errors.ConfigurationError, errors.IdpSessionError, id="set-up"),
        pytest.param(errors.ProtocolError, errors.IdpSessionError, id="protocol"),
        pytest.param(
            errors.InvalidLogoutTokenError, errors.ProtocolError, id="logout token"
        ),
        pytest.param(
            errors.InvalidClientMetadataError, errors.ProtocolError, id="metadata"
        ),
        pytest.param(
            errors.InvalidRedirectUriError,
            errors.InvalidClientMetadataError,
            id="redirect URI",
        ),
        pytest.param(errors.SessionStoreError, errors.IdpSessionError, id="store"),
        pytest.param(errors.SessionExistsError, errors.SessionStoreError, id="exists"),
        pytest.param(errors.SessionGoneError, errors.SessionStoreError, id="gone"),
        pytest.param(errors.LogoutTokenError, errors.IdpSessionError, id="token"),
    ],
)
def test_errors_can_be_caught_by_their_kind(
    error: type[Exception], base: type[Exception]
) -> None:
    """The tree is part of the public interface."""
    assert issubclass(error, base)


def test_a_protocol_error_has_a_code_for_the_wire() -> None:
    """The code goes to the other party, and so may the description."""
    error = errors.InvalidLogoutTokenError("the token has a nonce")

    assert error.error == "invalid_request"
    assert error.description == "the token has a nonce"
    assert str(error) == "invalid_request: the token has a nonce"


def test_a_metadata_error_names_the_member() -> None:
    """Whoever registers a client is told which member is at fault."""
    error = errors.InvalidClientMetadataError("backchannel_logout_uri", "is relative")

    assert error.error == "invalid_client_metadata"
    assert error.member == "backchannel_logout_uri"
    assert error.description == "backchannel_logout_uri: is relative"


def test_a_store_error_shows_no_whole_key() -> None:
    """An error that reaches a log line says which record, but not its key."""
    error = errors.SessionGoneError("no session has this key", key="0123456789abcdef")

    assert error.key == "01234567"
    assert str(error) == "no session has this key"
