"""The composition root: the only place that builds real ports, connectors and stores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from crm_health import logs
from crm_health.config.load import Config, Unchecked, unchecked
from crm_health.config.load import load as load_config
from crm_health.config.problems import nearest
from crm_health.connector import Budget, Connector, Notes, Plugin, Ports, Provisioner
from crm_health.errors import ConfigError, StateError
from crm_health.location import Location
from crm_health.notices import Notice, notifier
from crm_health.settings import PREFIX, Settings
from crm_health.store import Store

GROUP = "crm_health.connectors"


def utc_now() -> datetime:
    """This machine's clock: for rows of the local database, never for a score."""
    return datetime.now(UTC)


class Context:
    """What the commands share, made when first needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def config(self) -> Config:
        """The checked configuration.

        Raises:
            ConfigProblems: all mistakes at once, with their places.
        """
        return load_config(self.settings.config, crm=self.settings.crm)

    def notice(self, log: Callable[..., None]) -> Notice:
        """What sends messages outside the CRM; nothing where no address is configured.

        Raises:
            ConfigError: the addresses can't be used.
        """
        addresses = self.settings.notified
        if addresses is None:
            return lambda _title, _body: None
        return notifier(addresses, f"{PREFIX}NOTIFY", log)

    @cached_property
    def unchecked(self) -> Unchecked | None:
        """The configuration without the check; None where it has mistakes."""
        return unchecked(self.settings.config, crm=self.settings.crm)

    @property
    def digest(self) -> str | None:
        """The configuration's, without the check; None where it has mistakes."""
        return self.unchecked.digest if self.unchecked else None

    @cached_property
    def plugin(self) -> Plugin:
        """The connector's module.

        Raises:
            ConfigError: no connector of that name is installed.
        """
        points = {point.name: point for point in entry_points(group=GROUP)}
        point = points.get(self.settings.crm)
        if point is None:
            raise ConfigError(_no_connector(self.settings.crm, points), code="CH-CONNECTOR")
        return cast("Plugin", point.load())

    def ports(self, notes: Notes, max_calls: int | None = None) -> Ports:
        """Real time, and a budget for one run."""
        budget = Budget(max_calls or self.settings.max_calls)
        return Ports(budget, time.monotonic, time.sleep, logs.port(), notes)

    def connect(
        self,
        notes: Notes,
        max_calls: int | None = None,
        *,
        stopping: Callable[[], object] = lambda: False,
    ) -> Connector:
        """A connector of its own for one run, which ends when `stopping` raises."""
        ports = replace(self.ports(notes, max_calls), stopping=stopping)
        return self.plugin.connect(ports, self.config.mapping.api_version)

    def provisioner(self) -> Provisioner:
        """What `setup` works with."""
        mapping = self.config.mapping
        return self.plugin.provisioner(self.ports(_NoNotes()), mapping.api_version, mapping)

    @cached_property
    def location(self) -> Location:
        """Where the state is.

        Raises:
            ConfigError: a file and a database are named, or the URL can't be used.
        """
        return self.settings.location

    @contextmanager
    def store(self, *, fresh: bool = True) -> Iterator[Store]:
        """The open database.

        Args:
            fresh: Make it where there is none yet.

        Raises:
            StateError: there is none yet, and none is to be made.
        """
        where = self.location
        if not fresh and not Store.exists(where):
            raise StateError(
                f"There is no state at {where} yet: run `crm-health sync` first.", code="CH-STATE"
            )
        store = Store.open(where)
        try:
            yield store
        finally:
            store.close()


class _NoNotes:
    """For work that leaves nothing under way."""

    def get(self, name: str) -> str | None:  # noqa: ARG002 - as the contract has it
        """Nothing is kept."""
        return None

    def set(self, name: str, text: str | None) -> None:
        """Nothing is kept."""


def _no_connector(name: str, points: dict[str, EntryPoint]) -> str:
    if not points:
        return (
            "No connector is installed. In a checkout run `pip install -e .`, which registers "
            "those of this project. Nothing was read or written."
        )
    hint = nearest(name, points) or f"installed: {', '.join(sorted(points))}"
    return f"There is no connector {name!r} ({hint}). Nothing was read or written."
