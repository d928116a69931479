"""The tables: sessions, what belongs to them, and what is owed to clients."""

from __future__ import annotations

import enum

import sqlalchemy as sa

from ...models import DeliveryState
from ...models import LogoutReason
from .types import BinaryLarge
from .types import Duration
from .types import ExactString
from .types import GrowingId
from .types import Instant
from .types import ordered_string

__all__ = [
    "VERSION_TABLE",
    "attributes",
    "data",
    "deliveries",
    "ends",
    "is_ours",
    "metadata",
    "participants",
    "sessions",
]

#: Where the revision of the schema is kept.
VERSION_TABLE = "idp_session_schema_version"

#: Marks columns that only describe: what does not fit is cut off, not refused.
_DESCRIPTIVE = {"descriptive": True}

metadata = sa.MetaData()


def _word(kind: type[enum.StrEnum]) -> sa.Enum:
    return sa.Enum(
        kind,
        native_enum=False,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


sessions = sa.Table(
    "idp_sessions",
    metadata,
    sa.Column("key", ExactString(64), primary_key=True),
    sa.Column("session_id", ExactString(32), nullable=False),
    # The key before the handle was last replaced.
    sa.Column("previous_key", ExactString(64)),
    # Anonymous sessions have none.
    sa.Column("subject_id", ExactString(255)),
    sa.Column("display_name", ordered_string(255), info=_DESCRIPTIVE),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("authenticated_at", Instant, nullable=False),
    sa.Column("renewed_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("absolute_expires_at", Instant, nullable=False),
    sa.Column("ip_address", ExactString(45), info=_DESCRIPTIVE),
    sa.Column("user_agent", ExactString(512), info=_DESCRIPTIVE),
    sa.Column("ticket", BinaryLarge, nullable=False),
    sa.UniqueConstraint("session_id", name="uq_idp_sessions_session_id"),
    sa.Index("ix_idp_sessions_previous_key", "previous_key"),
    sa.Index("ix_idp_sessions_subject_id", "subject_id"),
    sa.Index("ix_idp_sessions_display_name", "display_name"),
    sa.Index("ix_idp_sessions_created_at", "created_at", "session_id"),
    sa.Index("ix_idp_sessions_expires_at", "expires_at"),
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

# By session id and not by key: the key changes with the handle, and a request that
# came with the old handle must still be able to record its client.
participants = sa.Table(
    "idp_session_participants",
    metadata,
    sa.Column("id", GrowingId, primary_key=True),
    sa.Column("session_id", ExactString(32), nullable=False),
    sa.Column("client_id", ExactString(255), nullable=False),
    sa.Column("issuer", ExactString(512), nullable=False),
    sa.Column("subject", ExactString(255), nullable=False),
    sa.Column("joined_at", Instant, nullable=False),
    sa.UniqueConstraint(
        "session_id", "client_id", name="uq_idp_session_participants_client"
    ),
    sa.ForeignKeyConstraint(
        ["session_id"],
        ["idp_sessions.session_id"],
        name="fk_idp_session_participants_session",
        ondelete="CASCADE",
    ),
    sa.Index("ix_idp_session_participants_client_id", "client_id"),
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

data = sa.Table(
    "idp_session_data",
    metadata,
    sa.Column("session_id", ExactString(32), primary_key=True),
    sa.Column("name", ExactString(255), primary_key=True),
    sa.Column("value", BinaryLarge, nullable=False),
    sa.ForeignKeyConstraint(
        ["session_id"],
        ["idp_sessions.session_id"],
        name="fk_idp_session_data_session",
        ondelete="CASCADE",
    ),
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

attributes = sa.Table(
    "idp_session_attributes",
    metadata,
    sa.Column("session_id", ExactString(32), primary_key=True),
    sa.Column("name", ExactString(64), primary_key=True),
    sa.Column("value", ExactString(255), nullable=False),
    sa.ForeignKeyConstraint(
        ["session_id"],
        ["idp_sessions.session_id"],
        name="fk_idp_session_attributes_session",
        ondelete="CASCADE",
    ),
    sa.Index("ix_idp_session_attributes_value", "name", "value"),
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

deliveries = sa.Table(
    "idp_session_deliveries",
    metadata,
    sa.Column("id", GrowingId, primary_key=True),
    sa.Column("session_id", ExactString(32), nullable=False),
    sa.Column("client_id", ExactString(255), nullable=False),
    sa.Column("issuer", ExactString(512), nullable=False),
    sa.Column("subject", ExactString(255), nullable=False),
    sa.Column("reason", _word(LogoutReason), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("state", _word(DeliveryState), nullable=False),
    sa.Column("last_status", sa.Integer),
    sa.Column("last_error", ExactString(64), info=_DESCRIPTIVE),
    sa.Column("latency", Duration),
    sa.Column("finished_at", Instant),
    sa.Index("ix_idp_session_deliveries_session_id", "session_id"),
    sa.Index("ix_idp_session_deliveries_client_id", "client_id", "id"),
    sa.Index("ix_idp_session_deliveries_due", "state", "due_at"),
    sa.Index("ix_idp_session_deliveries_state", "state", "id"),
    sa.Index("ix_idp_session_deliveries_finished_at", "finished_at"),
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
    # Or else SQLite would give the id of a deleted row to a new one.
    sqlite_autoincrement=True,
)

# Of sessions that are kept in cookies: the only thing that is known of them here.
ends = sa.Table(
    "idp_session_ends",
    metadata,
    sa.Column("session_id", ExactString(32), primary_key=True),
    sa.Column("ended_at", Instant, nullable=False),
    sa.Index("ix_idp_session_ends_ended_at", "ended_at"),
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)


def is_ours(name: str | None) -> bool:
    """Whether a table of the host's database belongs to this package.

    For the ``include_object`` and ``include_name`` hooks of the host's own Alembic.

    :param name: The name of a table.
    """
    return name in metadata.tables or name == VERSION_TABLE
