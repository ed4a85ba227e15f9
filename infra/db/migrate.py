"""Bring a database to the schema that this version of the service needs."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.errors import DatabaseUnavailable
from infra.db.engine import writing

_SCRIPTS = Path(__file__).with_name("migrations")


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Apply the migrations that are missing."""
    with writing(engine).begin() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: sa.Engine, revision: str = "base") -> None:
    """Take migrations back."""
    with writing(engine).begin() as connection:
        command.downgrade(_config(connection), revision)


def check_version(engine: sa.Engine) -> None:
    """Raise DatabaseUnavailable unless the database is at the newest version."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    expected = ScriptDirectory(str(_SCRIPTS)).get_current_head()
    if found != expected:
        raise DatabaseUnavailable(
            f"the database is at version {found or 'none'} and this service needs {expected}; "
            "run `make migrate`"
        )


def _config(connection: sa.Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS))
    return config
