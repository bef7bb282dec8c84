"""The product's own parts in a measured process, wired as its command line wires them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from crm_health import logs, settings
from crm_health.cli.context import Context
from crm_health.connector import Connector
from crm_health.store import Store
from crm_health.sync import run
from crm_health.sync.setting import Setting


@dataclass(frozen=True)
class Product:
    """An open state, a connector, and what a run would know at its beginning."""

    context: Context
    store: Store
    connector: Connector
    setting: Setting


@contextlib.contextmanager
def product() -> Iterator[Product]:
    """Wire it by the environment."""
    found = settings.load()
    logs.setup(found.log_level, sys.stderr)
    context = Context(found)
    with context.store() as store:
        connector = context.connect(store.notes)
        try:
            setting = run.read_setting(connector, context.config, connector.identity())
            yield Product(context, store, connector, setting)
        finally:
            connector.close()


def given() -> Any:
    """What the bench asked this process for."""
    return orjson.loads(sys.argv[1])


def tell(answer: Any) -> None:
    """Hand back what was measured."""
    sys.stdout.write(orjson.dumps(answer).decode())
