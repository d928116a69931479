"""Lists deliveries that are in one state without reading all of them."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "ix_idp_session_deliveries_state", "idp_session_deliveries", ["state", "id"]
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_index(
        "ix_idp_session_deliveries_state", table_name="idp_session_deliveries"
    )
