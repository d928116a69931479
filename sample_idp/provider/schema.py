"""The sample's own tables: clients, codes and tokens."""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["client_origins", "clients", "codes", "create_tables", "tokens"]

_metadata = sa.MetaData()

clients = sa.Table(
    "sample_clients",
    _metadata,
    sa.Column("client_id", sa.String(255), primary_key=True),
    sa.Column("metadata", sa.JSON, nullable=False),
    # Sealed: it also signs tokens for clients that want HS256.
    sa.Column("secret", sa.LargeBinary),
)

client_origins = sa.Table(
    "sample_client_origins",
    _metadata,
    sa.Column("client_id", sa.String(255), primary_key=True),
    sa.Column("origin", sa.String(300), primary_key=True, index=True),
)

codes = sa.Table(
    "sample_codes",
    _metadata,
    # SHA-256 of the code.
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("client_id", sa.String(255), nullable=False),
    sa.Column("subject_id", sa.String(255), nullable=False),
    sa.Column("session_id", sa.String(32), nullable=False, index=True),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("details", sa.JSON, nullable=False),
)

tokens = sa.Table(
    "sample_tokens",
    _metadata,
    # SHA-256 of the access token.
    sa.Column("access_key", sa.String(64), primary_key=True),
    # SHA-256 of the refresh token.
    sa.Column("refresh_key", sa.String(64), unique=True),
    sa.Column("client_id", sa.String(255), nullable=False),
    sa.Column("subject_id", sa.String(255), nullable=False),
    sa.Column("session_id", sa.String(32), nullable=False, index=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("issued_at", sa.BigInteger, nullable=False),
    sa.Column("expires_in", sa.Integer, nullable=False),
    sa.Column("access_revoked", sa.Boolean, nullable=False, default=False),
)


def create_tables(engine: sa.Engine) -> None:
    """Make the tables that are missing.

    :param engine: The database.
    """
    try:
        _metadata.create_all(engine)
    except sa.exc.DBAPIError:
        # Another process made them between our look and our order.
        _metadata.create_all(engine)
