"""A company in a sandbox of its own process, set up as by its admin, and a state to sync into."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connectors.salesforce import provision
from connectors.sandbox.handle import Sandbox, environment
from crm_health.config.load import load
from crm_health.testing.ports import make_ports
from tests import databases

#: A Monday morning.
NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Scene:
    """What a measured process is pointed at."""

    sandbox: Sandbox
    #: Rows by CRM object.
    rows: dict[str, int]
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a measured process."""
        unset = ("CRM_HEALTH_", "DATABASE_URL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
        return {
            **kept,
            **self.sandbox.environment,
            **databases.environment(self.state),
            "CRM_HEALTH_LOG_LEVEL": "error",
        }

    def new_state(self) -> Scene:
        """The same company with a state that is not there yet."""
        folder = Path(tempfile.mkdtemp(dir=self.state.parent.parent))
        return Scene(self.sandbox, self.rows, folder / "state.db")


@contextlib.contextmanager
def company(accounts: int, folder: Path) -> Iterator[Scene]:
    """A company of so many accounts that has never been synced."""
    with Sandbox.start_process(now=NOW, frozen=True) as sandbox:
        rows = sandbox.volume(accounts)
        _set_up(sandbox)
        own = Path(tempfile.mkdtemp(dir=folder))
        yield Scene(sandbox, rows, own / "state.db")


def _set_up(sandbox: Sandbox) -> None:
    """What `crm-health setup` does."""
    admin = environment(sandbox.url)
    admin["CRM_HEALTH_SALESFORCE_SETUP_CLIENT_ID"] = "sandbox-admin"
    admin["CRM_HEALTH_SALESFORCE_SETUP_CLIENT_SECRET"] = "sandbox-admin"
    config, before = load(None), dict(os.environ)
    os.environ.update(admin)
    try:
        setup = provision.provisioner(make_ports(), config.mapping.api_version, config.mapping)
        setup.apply()
        setup.close()
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def database(kind: str) -> Iterator[None]:
    """States in files, or in a PostgreSQL server that runs meanwhile."""
    if kind == "sqlite":
        yield
        return
    with databases.running() as url:
        os.environ[databases.CHILDREN] = url
        try:
            yield
        finally:
            del os.environ[databases.CHILDREN]
