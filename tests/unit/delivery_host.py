"""A provider that owes deliveries."""

from __future__ import annotations

from idp_session.models import LogoutReason
from idp_session.models import SendResult
from idp_session.testing import make_participant
from idp_session.testing import make_session
from tests.fakes import FakeProvider
from tests.fakes import FakeSender

__all__ = ["MAIL", "SHOP", "owe", "provider_with"]

SHOP = "https://shop.test/back-channel"
MAIL = "https://mail.test/back-channel"


def provider_with(*answers: SendResult | int) -> FakeProvider:
    """A provider whose client "shop" answers so, one after the other."""
    return FakeProvider(sender=FakeSender({SHOP: answers} if answers else None))


def owe(provider: FakeProvider, *client_ids: str) -> str:
    """The id of a session that has ended and of whose end these are to be told."""
    session = make_session()
    provider.store.create(session)

    for client_id in client_ids or ["shop"]:
        participant = make_participant(
            session.session_id, client_id=client_id, subject=f"alice-at-{client_id}"
        )
        provider.store.add_participant(participant)

    provider.store.end(
        session.session_id, reason=LogoutReason.USER, ended_at=provider.clock.now()
    )

    return session.session_id
