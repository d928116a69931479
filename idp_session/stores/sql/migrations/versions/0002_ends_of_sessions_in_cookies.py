"""Which sessions have ended, of those that are kept in cookies."""

import sqlalchemy as sa
from alembic import op

from idp_session.stores.sql.types import ExactString

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "idp_session_ends",
        sa.Column("session_id", ExactString(32), primary_key=True),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )
    op.create_index("ix_idp_session_ends_ended_at", "idp_session_ends", ["ended_at"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("idp_session_ends")
