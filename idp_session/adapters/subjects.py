"""Which ``sub`` a client is given."""

from __future__ import annotations

__all__ = ["PublicSubjectIdentifiers"]


class PublicSubjectIdentifiers:
    """Gives every client the same ``sub`` (OpenID Connect Core §8, ``public``)."""

    def subject_for(self, subject_id: str, client_id: str) -> str:
        return subject_id
