"""Alembic's entry: run the migrations on the connection that `upgrade` has opened."""

from alembic import context

from postroom.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
