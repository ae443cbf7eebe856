"""When backups were made, and an index for the jobs of one search."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make table and index."""
    op.create_table(
        "wbc_backups",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("made", sa.Float, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    op.create_index("wbc_jobs_search", "wbc_jobs", ["search_id", "number"])


def downgrade() -> None:
    """Forget when backups were made; the backups themselves stay."""
    op.drop_index("wbc_jobs_search", table_name="wbc_jobs")
    op.drop_table("wbc_backups")
