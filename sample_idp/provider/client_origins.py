"""Where the pages of clients are, in a table that can be asked by origin."""

from __future__ import annotations

import sqlalchemy as sa

from idp_session import Client
from idp_session.adapters.origins import origins_of

from .schema import client_origins

__all__ = ["ClientOriginTable", "save_origins"]


class ClientOriginTable:
    """The :class:`~idp_session.ports.ClientOrigins`.

    :param engine: The database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def is_registered(self, origin: str) -> bool:
        """Whether a client has pages at an origin.

        :param origin: As it came.
        """
        found = sa.select(client_origins.c.origin).where(
            client_origins.c.origin == origin
        )

        with self._engine.connect() as connection:
            return connection.scalar(found.limit(1)) == origin


def save_origins(connection: sa.Connection, client: Client) -> None:
    """Replace the origins of a client.

    :param connection: In the transaction that saves the client.
    :param client: Its id and its redirect URIs.
    """
    connection.execute(
        sa.delete(client_origins).where(client_origins.c.client_id == client.client_id)
    )

    if origins := origins_of(client):
        connection.execute(
            sa.insert(client_origins),
            [
                {"client_id": client.client_id, "origin": origin}
                for origin in sorted(origins)
            ],
        )
