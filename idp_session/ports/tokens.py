"""What the host has given out in a session."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

__all__ = ["SessionTokens"]


class SessionTokens(Protocol):
    """Takes back the tokens of sessions that have ended."""

    def revoke(self, session_id: str, *, client_ids: Collection[str]) -> None:
        """Revoke what these clients were given in this session, and nothing else.

        That is access tokens, refresh tokens, and authorization codes that nobody
        has exchanged yet. Refresh tokens that were granted ``offline_access`` stay,
        and so do the access tokens made from them (Back-Channel Logout 1.0 §2.7).
        Other sessions of the same user keep theirs.

        Called after the session has durably ended, or these clients have durably
        left it, by the process that did it and outside its transaction; so not at
        all if that process dies in between. What was revoked already is no error.
        What it raises is logged by its type, and breaks nothing. Whoever
        ends the session waits for it, so it should be quick.

        :param session_id: The public id of the session.
        :param client_ids: The clients; there is at least one.
        """
