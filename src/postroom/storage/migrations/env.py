"""Alembic's entry: run the migrations on a connection, or write them down as SQL."""

from alembic import context

from postroom.storage.schema import metadata

if context.is_offline_mode():
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        target_metadata=metadata,
        # Who runs the SQL brings the transaction.
        transactional_ddl=False,
    )
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transaction_per_migration=False,
    )
with context.begin_transaction():
    context.run_migrations()
