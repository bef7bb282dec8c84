"""Leadership is told exactly once per breach, whatever dies and whatever is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kills import sweep
from world import World

from crm_health.config.load import load

#: Kills: the other sweeps have more, these look at fewer writes.
_KILLS = 4


def told(world: World) -> Counter[str]:
    """The tasks that tell leadership, by their keys."""
    out = load(crm=world.sight.crm.name).mapping.write
    rows = (row for name, row in world.sight.rows(world.sandbox) if name == out.task.object)
    keys = [str(row.get(out.task.key)).split("#")[0] for row in rows if not row.get("IsDeleted")]
    return Counter(key for key in keys if ":told_" in key)


def escalations(world: World) -> list[dict[str, Any]]:
    """Ours, by our own names for their fields."""
    out = load(crm=world.sight.crm.name).mapping.write.escalation
    names = ("key", "severity", "breached")
    return [
        {name: row.get(getattr(out, name)) for name in names}
        for kind, row in world.sight.rows(world.sandbox)
        if kind == out.object and row.get(out.key)
    ]


def breached(world: World) -> Path:
    """Two business days after the second day every S1 that nobody resolved is past its due."""
    state = world.back("second")
    world.clean(state)
    opened = told(world)
    assert opened
    assert all(key.endswith(":told_open") for key in opened)
    world.sandbox.advance(2 * 86_400 + 7200)
    world.keep("breached", state)
    return state


def once(world: World) -> Callable[[], None]:
    """What must hold whenever a killed sync was made good."""

    def check() -> None:
        found, rows = told(world), escalations(world)
        assert set(found.values()) == {1}
        assert any(row["breached"] in (True, "true") for row in rows)
        for row in rows:
            stem = f"ca1:{row['key'].removeprefix('ch1:')}:told_"
            late = [key for key in found if key.startswith(stem) and not key.endswith("_open")]
            assert found[f"{stem}open"] == (row["severity"] == "S1")
            assert len(late) == (row["breached"] in (True, "true"))
        world.breathe()
        world.clean(world.new_state())
        assert told(world) == found

    return check


#: In `make test` tests/integration/test_telling.py ends a run after each of its calls.
@pytest.mark.slow
def test_a_breach_is_told_once_whoever_dies(world: World) -> None:
    """Syncs killed at any moment, then one with a new database: each due is told of once."""
    breached(world)
    sweep(world, "breached", kills=_KILLS, seed=13, check=once(world))


@pytest.mark.only("sqlite")  # what is killed is the same; Salesforce's run on both
@pytest.mark.parametrize(
    "portals", ["unique", pytest.param("claimed", marks=pytest.mark.slow)], indirect=True
)
def test_hubspot_tells_a_breach_once_whoever_dies(portal: World) -> None:
    """The same where the task itself is its claim, and where its company claims it."""
    breached(portal)
    sweep(portal, "breached", kills=2, seed=33, check=once(portal))
