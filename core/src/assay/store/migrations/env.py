"""What Alembic runs to reach the database: the caller's connection, in its transaction."""

from alembic import context

from assay.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
