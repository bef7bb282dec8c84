"""JSON schemas of the three files, for editors: they stand beside the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from crm_health.config.mapping import Mapping
from crm_health.config.model import Model
from crm_health.config.playbook import Playbook

_KINDS: dict[str, type[BaseModel]] = {
    "mapping.schema.json": Mapping,
    "model.schema.json": Model,
    "playbook.schema.json": Playbook,
}


def schemas() -> dict[str, str]:
    """File name to the text of its schema; the same for the same classes."""
    return {name: _text(kind) for name, kind in _KINDS.items()}


def write(folder: Path) -> None:
    """Write all schemas into `folder`."""
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


def _text(kind: type[BaseModel]) -> str:
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **kind.model_json_schema(by_alias=True),
    }
    _short_forms(schema)
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"


def _short_forms(schema: dict[str, Any]) -> None:
    """What a before-validator accepts and pydantic's schema can't know."""
    if "severities" in schema["properties"]:
        # A bare number means {due: number}.
        _widen(schema["properties"]["severities"], {"type": "number"})
    feed = schema.get("$defs", {}).get("Feed")
    if feed is None:
        return
    for part in ("columns", "extra"):
        # A bare field name means {field: name}.
        _widen(feed["properties"][part], {"type": "string"})
    # One feed needs no list around it.
    _widen(schema["properties"]["read"], {"$ref": "#/$defs/Feed"})


def _widen(node: dict[str, Any], short: dict[str, Any]) -> None:
    """Let a mapping's values have a short form as well, whatever says what its keys are."""
    if "additionalProperties" in node and isinstance(node["additionalProperties"], dict):
        node["additionalProperties"] = {"anyOf": [short, node["additionalProperties"]]}
    for pattern, value in node.get("patternProperties", {}).items():
        node["patternProperties"][pattern] = {"anyOf": [short, value]}


if __name__ == "__main__":
    write(Path(__file__).parents[2] / "mappings")
