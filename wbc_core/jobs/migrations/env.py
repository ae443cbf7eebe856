"""Runs the migrations on the connection that :mod:`wbc_core.jobs.upgrading` hands over, within its transaction."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table=context.config.attributes["table"])
with context.begin_transaction():
    context.run_migrations()
