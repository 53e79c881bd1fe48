"""Alembic's entry point: the connection is handed over by `archive.database.migrate`, never built here."""

from alembic import context

from archive.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
