"""What every unit test gets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_health.location import Location
from crm_health.store import Store


@pytest.fixture(autouse=True)
def _stores_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test opened: newer Pythons warn of a connection that nobody closed."""
    opened: list[Store] = []
    really = Store.open.__func__

    def tracked(cls: type[Store], where: Location) -> Store:
        store = really(cls, where)
        opened.append(store)
        return store

    monkeypatch.setattr(Store, "open", classmethod(tracked))
    yield
    for store in opened:
        store.close()
