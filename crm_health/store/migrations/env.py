"""What Alembic runs: migrations in the transaction that the store hands over."""

from __future__ import annotations

from alembic import context

from crm_health.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
