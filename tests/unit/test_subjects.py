"""Which ``sub`` a client is given."""

from __future__ import annotations

from idp_session.adapters.subjects import PublicSubjectIdentifiers


def test_public_subject() -> None:
    """Every client is given the subject id itself."""
    assert PublicSubjectIdentifiers().subject_for("alice", "shop") == "alice"
