"""How Alembic runs our migrations: inside the transaction of the connection it is handed."""

from __future__ import annotations

from alembic import context

from saltern.controller.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
