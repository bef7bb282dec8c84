"""The schema's version, and bringing it up to date with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from crm_health.errors import StateError

#: The newest migration; a test holds it against the folder.
HEAD = "0002"

_MIGRATIONS = Path(__file__).parent / "migrations"


def version(connection: Connection) -> str | None:
    """The schema's version, None where there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def is_current(connection: Connection, name: str) -> bool:
    """Whether nothing is to be done.

    Raises:
        StateError: the database is not ours, or of a newer crm-health.
    """
    found = version(connection)
    if found == HEAD:
        return True
    if found is None:
        if inspect(connection).get_table_names():
            raise StateError(
                f"{name} is a database, but not one of crm-health: name another file or schema",
                code="CH-STATE",
            )
        return False
    known = {script.revision for script in _scripts().walk_revisions()}
    if found not in known:
        raise StateError(
            f"the state {name} was made by a newer crm-health (schema {found}, this one knows "
            f"{HEAD}): update crm-health",
            code="CH-NEWER",
        )
    return False


def upgrade(connection: Connection, name: str) -> None:
    """Run the missing migrations in the connection's transaction."""
    if is_current(connection, name):
        return
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    # A percent sign in the path would be taken for interpolation.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
