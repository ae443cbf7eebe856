"""The tables of jobs, workers and leases, as releases before migrations made them.

Each is made only where it is missing: a database of such a release becomes a numbered one with its rows as they are.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what is missing."""
    op.create_table(
        "wbc_schema",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "wbc_jobs",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("recipe_id", sa.String(80), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("run_dir", sa.Text, nullable=False),
        sa.Column("backend", sa.String(10), nullable=False),
        sa.Column("device", sa.String(10), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("submitted", sa.Float, nullable=False),
        sa.Column("started", sa.Float),
        sa.Column("ended", sa.Float),
        sa.Column("available", sa.Float, nullable=False),
        sa.Column("worker", sa.String(200), nullable=False),
        sa.Column("process", sa.String(200), nullable=False),
        sa.Column("heartbeat", sa.Float),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("deaths", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("epochs", sa.Integer),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("eta_s", sa.Float),
        sa.Column("cancel_requested", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("search_id", sa.String(80), nullable=False),
        if_not_exists=True,
    )
    op.create_index("wbc_jobs_state", "wbc_jobs", ["state", "number"], if_not_exists=True)
    op.create_table(
        "wbc_workers",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("started", sa.Float, nullable=False),
        sa.Column("heartbeat", sa.Float, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "wbc_leases",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("heartbeat", sa.Float, nullable=False),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Leave everything: the releases before migrations have the same tables, and jobs are never dropped."""
