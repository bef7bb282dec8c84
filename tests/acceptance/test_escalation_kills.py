"""Leadership is told exactly once per breach, whatever dies and whatever is lost."""

from __future__ import annotations

from collections import Counter

from kills import sweep
from world import World

#: Kills: the other sweeps have more, this one looks at fewer writes.
_KILLS = 6


def told(world: World) -> Counter[str]:
    """The tasks that tell leadership, by their keys."""
    rows = world.sandbox.records("Task")
    keys = [str(row.get("Health_Key__c")).split("#")[0] for row in rows if not row["IsDeleted"]]
    return Counter(key for key in keys if ":told_" in key)


def test_a_breach_is_told_once_whoever_dies(world: World) -> None:
    """Syncs killed at any moment, then one with a new database: each due is told of once."""
    state = world.back("second")
    world.clean(state)
    opened = told(world)
    assert opened
    assert all(key.endswith(":told_open") for key in opened)
    # Two business days later every S1 that nobody resolved is past its due.
    world.sandbox.advance(2 * 86_400 + 7200)
    world.keep("breached", state)

    def once() -> None:
        found, rows = told(world), world.sandbox.records("Health_Escalation__c")
        assert set(found.values()) == {1}
        assert any(row["Breached__c"] for row in rows)
        for row in rows:
            stem = f"ca1:{row['Health_Key__c'].removeprefix('ch1:')}:told_"
            late = [key for key in found if key.startswith(stem) and not key.endswith("_open")]
            assert found[f"{stem}open"] == (row["Severity__c"] == "S1")
            assert len(late) == bool(row["Breached__c"])
        world.clean(world.new_state())
        assert told(world) == found

    sweep(world, "breached", kills=_KILLS, seed=13, check=once)
