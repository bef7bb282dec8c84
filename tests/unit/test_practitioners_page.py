"""The page of what practitioners ask names only what exists: facts, commands, fields, tests."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from crm_health.cli import cli
from crm_health.config.load import load
from crm_health.entities import ACCOUNT_OUTPUTS, ENTITIES

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "what-practitioners-ask.md").read_text(encoding="utf-8")
_ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in _PAGE.splitlines()
    if re.match(r"\| ([A-G]?\d+) \|", line)
]
_ITEMS = [
    *(f"A{n}" for n in range(1, 27)),
    *(f"B{n}" for n in range(27, 31)),
    *(f"C{n}" for n in range(31, 35)),
    *("72", "76", "77", "78"),
    *(f"D{n}" for n in range(35, 42)),
    *(f"E{n}" for n in range(42, 50)),
    *(f"F{n}" for n in range(50, 57)),
    *(f"G{n}" for n in range(57, 65)),
    *("79", "82", "83", "84", "85", "87", "88", "89", "90", "91", "92", "94", "95"),
]
_CONFIG = load(None)
_MODEL, _PLAYBOOK, _WRITE = _CONFIG.model, _CONFIG.playbook, _CONFIG.mapping.write
assert _PLAYBOOK.lifecycle is not None
assert _PLAYBOOK.value_stages is not None
assert _PLAYBOOK.tiers is not None
assert _PLAYBOOK.touches is not None
assert _PLAYBOOK.touches.digital is not None


def _command(words: str) -> bool:
    found: click.Command | None = cli
    for word in words.split():
        found = found.get_command(click.Context(found), word) if _is_group(found) else None
    return found is not None


def _is_group(command: click.Command | None) -> bool:
    return isinstance(command, click.Group)


def _column(path: str) -> bool:
    entity, _, column = path.partition(".")
    return entity in ENTITIES and ENTITIES[entity].kind(column) is not None


def _setting(path: str) -> bool:
    """A key of the model or the playbook, as the schemas for editors have it."""
    for name in ("model", "playbook"):
        schema = json.loads((_ROOT / "mappings" / f"{name}.schema.json").read_text())
        node: Any = schema
        for step in path.split("."):
            node = _within(node, schema["$defs"]).get("properties", {}).get(step)
            if node is None:
                break
        if node is not None:
            return True
    return False


def _within(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """What stands behind a reference, a choice, a list or a table of names."""
    while "properties" not in node:
        if "$ref" in node:
            node = definitions[node["$ref"].rpartition("/")[2]]
        elif "anyOf" in node:
            node = next((one for one in node["anyOf"] if "$ref" in one), node["anyOf"][0])
        elif "items" in node:
            node = node["items"]
        elif "patternProperties" in node:
            (node,) = node["patternProperties"].values()
        elif isinstance(node.get("additionalProperties"), dict):
            node = node["additionalProperties"]
        else:
            return {}
    return node


_KNOWN: dict[str, Callable[[str], bool]] = {
    "fact": _MODEL.facts.__contains__,
    "derived": _MODEL.derived.__contains__,
    "measure": _MODEL.measures.__contains__,
    "cap": _MODEL.caps.__contains__,
    "model": {kind.name for kind in _MODEL.models}.__contains__,
    "alert": _PLAYBOOK.alerts.__contains__,
    "escalation": _PLAYBOOK.escalations.__contains__,
    "stage": {stage.name for stage in _PLAYBOOK.lifecycle.stages}.__contains__,
    "step": {step.label for step in _PLAYBOOK.value_stages.stages}.__contains__,
    "tier": {tier.name for tier in _PLAYBOOK.tiers.steps}.__contains__,
    "touch": _PLAYBOOK.touches.plan.__contains__,
    "campaign": {value.label for value in _PLAYBOOK.touches.digital.values}.__contains__,
    "output": lambda name: name in ACCOUNT_OUTPUTS and name in _WRITE.account,
    "record": lambda name: getattr(_WRITE.escalation, name, None) is not None,
    "task": lambda name: getattr(_WRITE.task, name, None) is not None,
    "case": lambda name: getattr(_WRITE.case, name, None) is not None,
    "column": _column,
    "entity": ENTITIES.__contains__,
    "command": _command,
    "setting": _setting,
    "example": lambda name: (_ROOT / "mappings" / "examples" / name).is_dir(),
}


def _tests() -> set[str]:
    """Every test function of the project, as `module.function`."""
    return {
        f"{path.stem}.{node.name}"
        for path in _ROOT.joinpath("tests").rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_each_item_has_its_line() -> None:
    """Once, in the order of the list."""
    assert [row[0] for row in _ROWS] == _ITEMS


@pytest.mark.parametrize("row", _ROWS, ids=[row[0] for row in _ROWS])
def test_what_answers_an_item_exists(row: list[str]) -> None:
    """Each name is one of the packaged configuration, of a command or of a key; else it says no."""
    _, _, answer, _ = row
    named = re.findall(r"`([^`]+)`", answer)
    assert named or answer.startswith("**Not yet:**")
    for name in named:
        kind, _, rest = name.partition(" ")
        assert _KNOWN[kind](rest), name


def test_every_test_named_exists() -> None:
    """An item that is answered names at least one, and no test that is gone."""
    known = _tests()
    for item, _, answer, shown in _ROWS:
        named = re.findall(r"`([^`]+)`", shown)
        assert named or answer.startswith("**Not yet:**"), item
        assert [name for name in named if name not in known] == [], item


@pytest.mark.parametrize(
    "name",
    [
        "fact nonsense",
        "command model guess",
        "setting override.nonsense",
        "column case.x",
        "step Unheard Of",
        "record nonsense",
    ],
)
def test_a_name_that_is_none_is_noticed(name: str) -> None:
    """The page could not name it."""
    kind, _, rest = name.partition(" ")
    assert not _KNOWN[kind](rest)
