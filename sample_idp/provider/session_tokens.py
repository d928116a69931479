"""What happens to codes and tokens when their session ends."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from .schema import codes
from .schema import tokens
from .tokens import is_offline

__all__ = ["SampleSessionTokens"]


class SampleSessionTokens:
    """Takes back what was given out in sessions that have ended.

    It keeps the promises of :class:`~idp_session.ports.SessionTokens`.

    :param engine: The database with the codes and tokens.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def revoke(self, session_id: str, *, client_ids: Collection[str]) -> None:
        """Take back all but what was granted ``offline_access`` (BCL-OP-34).

        :param session_id: The session that has ended, or that the clients have left.
        :param client_ids: Those whose codes and tokens go.
        """
        with self._engine.begin() as connection:
            connection.execute(
                sa.delete(codes).where(_given(codes, session_id, client_ids))
            )
            rows = connection.execute(
                sa.select(tokens.c.access_key, tokens.c.scope).where(
                    _given(tokens, session_id, client_ids)
                )
            ).all()
            keys = [row.access_key for row in rows if not is_offline(row.scope)]
            connection.execute(
                sa.update(tokens)
                .where(tokens.c.access_key.in_(keys))
                .values(refresh_key=None, access_revoked=True)
            )


def _given(
    table: sa.Table, session_id: str, client_ids: Collection[str]
) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.session_id == session_id, table.c.client_id.in_(client_ids))
