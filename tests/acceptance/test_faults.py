"""A small simulation: random faults of the wire from a seed, then what an undisturbed run gives.

The sandbox is a process of its own, the syncs are calls of the same code in this one: their
pauses take no time, so a hundred retries take none either.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from databases import located
from forks import Forks
from world import NOW, World, build, difference, let_a_day_pass

from connectors import salesforce
from connectors.sandbox.handle import Sandbox
from crm_health.config.load import Config, load
from crm_health.errors import BrokenInvariant, CrmHealthError, StateError
from crm_health.store import Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.testing.ports import make_ports

#: Every fault here may hit any call. Each seed takes some of them, at rates of its own.
_KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "cut_after"},
    {"kind": "cut_after", "method": "PATCH"},
    {"kind": "cut_after", "path": "graph"},
    {"kind": "cut_before"},
    {"kind": "unavailable"},
    {"kind": "server_error"},
    {"kind": "expire_tokens"},
    {"kind": "concurrent_limit"},
    {"kind": "too_many"},
    {"kind": "truncate", "bytes": 40},
    {"kind": "html"},
    {"kind": "row_lock"},
    {"kind": "row_lock", "rows": [0, 3, 7]},
    {"kind": "reorder", "path": "sobjects"},
)
_RATES = (0.02, 0.1, 0.3, 0.6)
_ATTEMPTS = 2


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A company small enough for many runs, at the moments `fresh` and `second`."""
    folder = tmp_path_factory.mktemp("faults")
    with Sandbox.start_process(now=NOW, frozen=True) as sandbox, Forks(folder) as forks:
        made = build(sandbox, forks, folder, accounts=60, customers=45)
        state = made.back("fresh")
        made.clean(state)
        let_a_day_pass(made)
        made.keep("second", state)
        yield made


@pytest.fixture(scope="module")
def config() -> Config:
    """The packaged configuration."""
    return load(None)


def _sync(config: Config, state: Path) -> int:
    store = Store.open(located(state))
    try:
        _, code = session.perform(
            lambda notes: salesforce.connect(make_ports(notes=notes), config.mapping.api_version),
            store,
            config,
            Options(),
            lambda: datetime.now(UTC),
        )
    except (BrokenInvariant, StateError):
        raise
    except CrmHealthError as error:
        return error.exit_code
    finally:
        store.close()
    return code


def _rules(dice: random.Random) -> list[dict[str, Any]]:
    chosen = dice.sample(_KINDS, dice.randint(1, 4))
    return [{**rule, "probability": dice.choice(_RATES), "times": 0} for rule in chosen]


def _simulate(world: World, config: Config, seed: int, moment: str) -> None:
    """Some syncs under faults, then clean ones."""
    expected = _expected(world, config, moment)
    dice = random.Random(seed)
    state = world.back(moment)
    rules = _rules(dice)
    world.sandbox.faults(*rules, seed=seed)
    told = f"seed {seed}, {moment}: {rules}"
    codes = []
    for _ in range(_ATTEMPTS):
        codes.append(_sync(config, state))
        assert world.doubles() == [], told
    fired = {rule["kind"]: rule["fired"] for rule in world.sandbox.faults()}
    told = f"{told}, exits {codes}, fired {fired}"
    print(told)
    world.sandbox.clear_faults()
    assert _sync(config, state) == 0, told
    assert world.doubles() == [], told
    assert difference(world.truth(), expected) == [], told
    world.sandbox.clear_calls()
    assert _sync(config, state) == 0, told
    assert world.writes() == 0, told


_TRUTHS: dict[tuple[int, str], dict[str, dict[str, dict[str, Any]]]] = {}


def _expected(world: World, config: Config, moment: str) -> dict[str, dict[str, dict[str, Any]]]:
    key = (id(world), moment)
    if key not in _TRUTHS:
        assert _sync(config, world.back(moment)) == 0
        assert world.writes() > 0
        _TRUTHS[key] = world.truth()
    return _TRUTHS[key]


@pytest.fixture(autouse=True)
def _as_the_sync_user(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in small.sandbox.environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("seed", range(8))
def test_faults_of_a_seed_leave_no_trace(small: World, config: Config, seed: int) -> None:
    """Whatever the wire did, the CRM ends as an undisturbed sync leaves it, with no double."""
    _simulate(small, config, seed, "second" if seed % 3 else "fresh")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(8, 15), *range(1000, 1193)])
def test_two_hundred_more_seeds(small: World, config: Config, seed: int) -> None:
    """The same, long."""
    _simulate(small, config, seed, "second" if seed % 3 else "fresh")


@pytest.mark.parametrize(
    ("moment", "path"),
    [
        ("fresh", "sobjects/Health_Escalation__c"),
        ("fresh", "composite/sobjects$"),
        ("second", "composite/graph"),
        ("second", "composite/sobjects$"),
    ],
)
def test_every_answer_to_a_write_is_lost(
    small: World, config: Config, moment: str, path: str
) -> None:
    """The CRM did it and nobody heard: the run doesn't call it done, the next one finds it done."""
    expected = _expected(small, config, moment)
    state = small.back(moment)
    rule = {"kind": "cut_after", "path": path, "times": 0}
    small.sandbox.faults(rule)
    assert _sync(config, state) != 0
    assert small.sandbox.faults()[0]["fired"] > 0, "the fault must have hit"
    assert small.writes() > 0
    small.sandbox.clear_faults()
    small.sandbox.clear_calls()
    assert _sync(config, state) == 0
    assert small.doubles() == []
    assert difference(small.truth(), expected) == []
    small.sandbox.clear_calls()
    assert _sync(config, state) == 0
    assert small.writes() == 0
