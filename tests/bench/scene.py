"""A company in a sandbox of its own process, set up as by its admin, and a state to sync into."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from connectors import hubspot, salesforce
from connectors.sandbox.handle import Sandbox
from crm_health.config.load import load
from crm_health.connector import Plugin
from crm_health.testing.ports import make_ports
from tests import databases

#: A Monday morning.
NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


#: More calls than any sync makes: a figure of CPU need not wait for an allowance.
_BOUNDLESS = 1_000_000
_PLUGINS: dict[str, Plugin] = {"salesforce": salesforce, "hubspot": hubspot}
CRMS = tuple(_PLUGINS)


def surroundings(state: Path) -> dict[str, str]:
    """This process's variables without settings of ours, and a state."""
    unset = ("CRM_HEALTH_", "DATABASE_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    return {**kept, **databases.environment(state), "CRM_HEALTH_LOG_LEVEL": "error"}


@dataclass(frozen=True)
class Scene:
    """What a measured process is pointed at."""

    crm: str
    sandbox: Sandbox
    #: Rows by CRM object.
    rows: dict[str, int]
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a measured process."""
        box = self.sandbox
        return {
            **surroundings(self.state),
            **(box.hubspot_environment if self.crm == "hubspot" else box.environment),
            "CRM_HEALTH_CRM": self.crm,
        }

    def new_state(self) -> Scene:
        """The same company with a state that is not there yet."""
        folder = Path(tempfile.mkdtemp(dir=self.state.parent.parent))
        return replace(self, state=folder / "state.db")

    def unlimited(self) -> None:
        """Let HubSpot's portal take any number of calls, and say so in its headers."""
        self.sandbox.hubspot.settings(limits=False, burst=_BOUNDLESS, search_lag=0)


@contextlib.contextmanager
def company(accounts: int, folder: Path, crm: str = "salesforce") -> Iterator[Scene]:
    """A company of so many accounts that has never been synced."""
    with Sandbox.start_process(now=NOW, frozen=True) as sandbox:
        filled = sandbox.hubspot if crm == "hubspot" else sandbox
        own = Path(tempfile.mkdtemp(dir=folder))
        scene = Scene(crm, sandbox, filled.volume(accounts), own / "state.db")
        if crm == "hubspot":
            scene.unlimited()
        _set_up(scene)
        yield scene


def _set_up(scene: Scene) -> None:
    """What `crm-health setup` does."""
    admin = scene.environment
    if scene.crm == "salesforce":
        admin["CRM_HEALTH_SALESFORCE_SETUP_CLIENT_ID"] = "sandbox-admin"
        admin["CRM_HEALTH_SALESFORCE_SETUP_CLIENT_SECRET"] = "sandbox-admin"
    mapping, before = load(None, crm=scene.crm).mapping, dict(os.environ)
    os.environ.update(admin)
    try:
        setup = _PLUGINS[scene.crm].provisioner(make_ports(), mapping.api_version, mapping)
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
