"""What Alembic runs: the migrations, on the connection that the upgrade opened."""

from alembic import context

from headwater_wallet.migrations import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    version_table=context.config.attributes["version_table"],
    render_as_batch=True,
)
context.run_migrations()
