"""Sessions, what belongs to them, and deliveries."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from idp_session.stores.sql.types import BinaryLarge
from idp_session.stores.sql.types import ExactString
from idp_session.stores.sql.types import GrowingId
from idp_session.stores.sql.types import ordered_string

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INNODB: dict[str, Any] = {"mysql_engine": "InnoDB", "mariadb_engine": "InnoDB"}


def upgrade() -> None:
    """Make the tables."""
    _create_sessions()
    _create_participants()
    _create_data()
    _create_attributes()
    _create_deliveries()


def downgrade() -> None:
    """Remove the tables."""
    op.drop_table("idp_session_deliveries")
    op.drop_table("idp_session_attributes")
    op.drop_table("idp_session_data")
    op.drop_table("idp_session_participants")
    op.drop_table("idp_sessions")


def _create_sessions() -> None:
    op.create_table(
        "idp_sessions",
        sa.Column("key", ExactString(64), primary_key=True),
        sa.Column("session_id", ExactString(32), nullable=False),
        sa.Column("previous_key", ExactString(64)),
        sa.Column("subject_id", ExactString(255)),
        sa.Column("display_name", ordered_string(255)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("authenticated_at", sa.BigInteger, nullable=False),
        sa.Column("renewed_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("absolute_expires_at", sa.BigInteger, nullable=False),
        sa.Column("ip_address", ExactString(45)),
        sa.Column("user_agent", ExactString(512)),
        sa.Column("ticket", BinaryLarge, nullable=False),
        sa.UniqueConstraint("session_id", name="uq_idp_sessions_session_id"),
        **_INNODB,
    )
    for column in ("previous_key", "subject_id", "display_name", "expires_at"):
        op.create_index(f"ix_idp_sessions_{column}", "idp_sessions", [column])

    op.create_index(
        "ix_idp_sessions_created_at", "idp_sessions", ["created_at", "session_id"]
    )


def _create_participants() -> None:
    op.create_table(
        "idp_session_participants",
        sa.Column("id", GrowingId, primary_key=True),
        sa.Column("session_id", ExactString(32), nullable=False),
        sa.Column("client_id", ExactString(255), nullable=False),
        sa.Column("issuer", ExactString(512), nullable=False),
        sa.Column("subject", ExactString(255), nullable=False),
        sa.Column("joined_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint(
            "session_id", "client_id", name="uq_idp_session_participants_client"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["idp_sessions.session_id"],
            name="fk_idp_session_participants_session",
            ondelete="CASCADE",
        ),
        **_INNODB,
    )
    op.create_index(
        "ix_idp_session_participants_client_id",
        "idp_session_participants",
        ["client_id"],
    )


def _create_data() -> None:
    op.create_table(
        "idp_session_data",
        sa.Column("session_id", ExactString(32), primary_key=True),
        sa.Column("name", ExactString(255), primary_key=True),
        sa.Column("value", BinaryLarge, nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["idp_sessions.session_id"],
            name="fk_idp_session_data_session",
            ondelete="CASCADE",
        ),
        **_INNODB,
    )


def _create_attributes() -> None:
    op.create_table(
        "idp_session_attributes",
        sa.Column("session_id", ExactString(32), primary_key=True),
        sa.Column("name", ExactString(64), primary_key=True),
        sa.Column("value", ExactString(255), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["idp_sessions.session_id"],
            name="fk_idp_session_attributes_session",
            ondelete="CASCADE",
        ),
        **_INNODB,
    )
    op.create_index(
        "ix_idp_session_attributes_value",
        "idp_session_attributes",
        ["name", "value"],
    )


def _create_deliveries() -> None:
    op.create_table(
        "idp_session_deliveries",
        sa.Column("id", GrowingId, primary_key=True),
        sa.Column("session_id", ExactString(32), nullable=False),
        sa.Column("client_id", ExactString(255), nullable=False),
        sa.Column("issuer", ExactString(512), nullable=False),
        sa.Column("subject", ExactString(255), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_error", ExactString(64)),
        sa.Column("latency", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sqlite_autoincrement=True,
        **_INNODB,
    )
    op.create_index(
        "ix_idp_session_deliveries_session_id",
        "idp_session_deliveries",
        ["session_id"],
    )
    op.create_index(
        "ix_idp_session_deliveries_client_id",
        "idp_session_deliveries",
        ["client_id", "id"],
    )
    op.create_index(
        "ix_idp_session_deliveries_finished_at",
        "idp_session_deliveries",
        ["finished_at"],
    )
    op.create_index(
        "ix_idp_session_deliveries_due",
        "idp_session_deliveries",
        ["state", "due_at"],
    )
