"""Tickets are sealed for one session each."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.models import AuthenticationProperties
from idp_session.models import Lifetime
from idp_session.models import Principal
from idp_session.models import ServerSideSession
from idp_session.models import Ticket
from idp_session.services.tickets import TicketSealer
from idp_session.testing import make_session
from idp_session.testing import START
from tests.fakes import SECRET_KEY

SEALER = TicketSealer(AesGcmTicketProtector(SECRET_KEY))
_CENTURY = timedelta(days=36500)
OTHER_KEY = "another secret, of another provider"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


def make_ticket(session: ServerSideSession, **principal: Any) -> Ticket:
    """The ticket that belongs to a session record."""
    return Ticket(
        principal=Principal(
            subject_id=session.subject_id or "nobody",
            display_name=session.display_name,
            authenticated_at=session.authenticated_at,
            **principal,
        ),
        properties=AuthenticationProperties(
            items={"theme": "dark"},
            persistent=True,
            lifetime=Lifetime(idle=timedelta(microseconds=1), absolute=_CENTURY),
            issued_at=session.created_at,
            expires_at=session.expires_at,
            session_id=session.session_id,
        ),
    )


def sealed(ticket: Ticket, session: ServerSideSession) -> ServerSideSession:
    """The record with a ticket in it."""
    return SEALER.seal(ticket, record=session)


def opened(sealer: TicketSealer, session: ServerSideSession) -> Ticket:
    """All of the ticket in a record."""
    ticket = sealer.open(session)

    assert ticket is not None

    return Ticket(principal=ticket.principal, properties=ticket.properties)


def test_a_ticket_comes_back() -> None:
    """What was sealed is what is opened."""
    session = make_session(
        display_name="Alice", authenticated_at=START + timedelta(hours=1)
    )
    ticket = make_ticket(
        session,
        identity_provider="upstream",
        amr=("pwd", "otp"),
        acr="gold",
        claims={"department": "sales", "levels": [1, 2]},
        factors={"pwd": START, "otp": START + timedelta(microseconds=1)},
    )

    assert opened(SEALER, sealed(ticket, session)) == ticket


@given(claims=st.dictionaries(st.text(), json_values, max_size=4))
def test_claims_come_back(claims: dict[str, Any]) -> None:
    """Any JSON value can be kept."""
    session = make_session()
    ticket = make_ticket(session, claims=claims)

    assert opened(SEALER, sealed(ticket, session)) == ticket


def test_the_client_list_is_not_sealed() -> None:
    """Clients are rows of their own, so that none is lost."""
    session = make_session()
    ticket = make_ticket(session)
    joined = dataclasses.replace(
        ticket,
        properties=dataclasses.replace(ticket.properties, client_ids=("shop",)),
    )

    assert opened(SEALER, sealed(joined, session)) == ticket


def test_a_sealed_ticket_says_nothing() -> None:
    """Whoever reads the database does not read the claims."""
    session = make_session()

    record = SEALER.seal(
        make_ticket(session, claims={"department": "sales"}), record=session
    )

    assert b"department" not in record.ticket
    assert b"sales" not in record.ticket


def test_a_moved_ticket_opens_nowhere() -> None:
    """A ticket that was copied to another row makes nobody somebody else."""
    mine, theirs = make_session(), make_session(subject_id="root")
    moved = dataclasses.replace(theirs, ticket=sealed(make_ticket(mine), mine).ticket)

    assert SEALER.open(moved) is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"key": "0" * 64}, id="a handle of their own"),
        pytest.param({"subject_id": "root"}, id="another subject"),
        pytest.param({"session_id": "0" * 32}, id="another session"),
        pytest.param({"authenticated_at": START + timedelta(1)}, id="a fresher login"),
    ],
)
def test_a_changed_row_opens_no_ticket(change: dict[str, Any]) -> None:
    """Who can write to the database can still not become somebody else."""
    session = make_session()
    kept = sealed(make_ticket(session), session)
    # What was opened once is opened faster, but only as it was.
    assert SEALER.open(kept) is not None

    assert SEALER.open(dataclasses.replace(kept, **change)) is None


def test_a_ticket_of_an_unknown_key_does_not_open() -> None:
    """Nobody without the key makes tickets."""
    session = make_session()
    stranger = TicketSealer(AesGcmTicketProtector(OTHER_KEY))

    assert stranger.open(sealed(make_ticket(session), session)) is None


def test_a_ticket_of_a_former_key_opens() -> None:
    """Nobody is signed out by a rotation of the secret key."""
    session = make_session()
    ticket = make_ticket(session)
    rotated = TicketSealer(AesGcmTicketProtector(OTHER_KEY, fallbacks=[SECRET_KEY]))

    assert opened(rotated, sealed(ticket, session)) == ticket


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(object(), id="object"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param({1, 2}, id="set"),
        pytest.param(START, id="datetime"),
    ],
)
def test_what_is_not_json_is_refused(value: object) -> None:
    """A claim that could not be kept is an error of the programmer."""
    session = make_session()

    with pytest.raises(TypeError, match="JSON"):
        SEALER.seal(make_ticket(session, claims={"odd": value}), record=session)
