"""What every unit test gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_health.store import Store


@pytest.fixture(autouse=True)
def _stores_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test opened: newer Pythons warn of a connection that nobody closed."""
    opened: list[Store] = []
    really = Store.open.__func__

    def tracked(cls: type[Store], path: Path) -> Store:
        store = really(cls, path)
        opened.append(store)
        return store

    monkeypatch.setattr(Store, "open", classmethod(tracked))
    yield
    for store in opened:
        store.close()
