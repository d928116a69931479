"""Relying parties hear of a session that nobody has ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .field import Field
from .places import open_place
from .places import RELYING_PARTIES
from .visitor import Visitor

pytestmark = [
    pytest.mark.process,
    pytest.mark.xdist_group("interop"),
    # The first test of a machine waits for npm.
    pytest.mark.timeout(420),
]


@pytest.mark.parametrize("name", RELYING_PARTIES)
def test_an_expired_session_ends_at_the_client(
    name: str, new_visitor: Callable[[Field], Visitor], tmp_path: Path
) -> None:
    """Nobody does anything; the session expires, and the client's own one ends."""
    with open_place(name, tmp_path, "IDP_SESSION_IDLE_TIMEOUT=10") as place:
        alice = new_visitor(place.field)
        alice.sign_in(place.site)

        alice.wait_until_signed_out(place.site)

        assert alice.is_asked_for_a_password(place.site)
