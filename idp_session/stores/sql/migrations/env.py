"""Runs the migrations on the connection that it is given."""

from alembic import context

from idp_session.stores.sql import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=schema.VERSION_TABLE,
    include_name=lambda name, kind, _: kind != "table" or schema.is_ours(name),
)

with context.begin_transaction():
    context.run_migrations()
