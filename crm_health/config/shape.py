"""Pydantic's errors in our words, at their place in the file."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from crm_health.config.problems import Problem, nearest
from crm_health.config.yaml import Document, Path, dotted

_DATE = "must be a date such as 2026-01-31"
_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "dict_type": "must be a mapping (`key: value`)",
    "model_type": "must be a mapping (`key: value`)",
    "tuple_type": "must be a list",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
}

#: Their words, and where the limit stands.
_LIMITS = {
    "greater_than_equal": ("must be at least {}", "ge"),
    "less_than_equal": ("must be at most {}", "le"),
    "greater_than": ("must be more than {}", "gt"),
    "less_than": ("must be less than {}", "lt"),
    "string_too_short": ("is too short: {} or more characters", "min_length"),
    "string_too_long": ("must have at most {} characters", "max_length"),
    "too_short": ("has too few entries: at least {}", "min_length"),
    "too_long": ("has too many entries: at most {}", "max_length"),
}


def problems_of(error: ValidationError, kind: type[BaseModel], document: Document) -> list[Problem]:
    """One problem a place; of several at one place (a union's arms) the first."""
    found: dict[Path, Problem] = {}
    for detail in error.errors(include_url=False, include_context=True):
        path = _real_path(detail["loc"], document.data)
        if path in found:
            continue
        message, hint = _message(detail, kind)
        if detail["type"] == "missing":
            name = dotted(path)
            place = document.place(path)
            found[path] = Problem(document.file, place.line, place.column, name, message, hint)
        else:
            found[path] = document.problem(path, message, hint)
    return list(found.values())


def without(data: Any, broken: list[str]) -> Any:
    """`data` without the entries that hold a broken part, so that the rest can be checked."""
    if not isinstance(data, dict):
        return data
    left = {key: dict(value) if isinstance(value, dict) else value for key, value in data.items()}
    for path in broken:
        top, _, rest = path.partition(".")
        entry = rest.partition(".")[0].partition("[")[0]
        section = left.get(top)
        if isinstance(section, dict) and entry in section:
            del section[entry]
        elif not rest:
            left.pop(top, None)
    return left


def _real_path(loc: tuple[int | str, ...], data: Any) -> Path:
    """`loc` without the steps that are not in the file: union arms, `[key]`, one-item lists."""
    path: list[int | str] = []
    here = data
    for index, step in enumerate(loc):
        if isinstance(here, dict) and str(step) in here:
            path.append(str(step))
            here = here[str(step)]
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            path.append(step)
            here = here[step]
        elif index == len(loc) - 1 and isinstance(here, dict) and step != "[key]":
            path.append(step)  # a key that is missing
    return tuple(path)


def _message(detail: ErrorDetails, kind: type[BaseModel]) -> tuple[str, str]:
    what = detail["type"]
    if what == "extra_forbidden":
        key = str(detail["loc"][-1])
        known = _keys_at(kind, detail["loc"][:-1])
        hint = nearest(key, known)
        if not hint and known:
            hint = "known: " + ", ".join(sorted(known))
        return "unknown key", hint
    if what == "string_pattern_mismatch":
        return "must be small letters, digits and _, beginning with a letter", ""
    if what == "value_error":
        return str(detail["msg"]).removeprefix("Value error, "), ""
    if what == "literal_error":
        expected = str(detail.get("ctx", {}).get("expected", ""))
        return f"must be {expected}", nearest(
            str(detail["input"]), expected.replace("'", " ").split()
        )
    if what in _LIMITS:
        words, limit = _LIMITS[what]
        bound = detail.get("ctx", {}).get(limit)
        if isinstance(bound, float) and bound.is_integer():
            bound = int(bound)  # as people write it: 0, not 0.0
        return words.format(bound), ""
    if what in _WORDS:
        return _WORDS[what], ""
    text = str(detail["msg"])
    return text[:1].lower() + text[1:], ""


def _keys_at(kind: type[BaseModel], loc: tuple[int | str, ...]) -> set[str]:
    """The keys that the JSON schema allows at `loc`; empty where it can't tell."""
    schema = kind.model_json_schema(by_alias=True)
    return _walk(schema, schema, list(loc))


def _walk(schema: dict[str, Any], node: dict[str, Any], loc: list[int | str]) -> set[str]:
    if "$ref" in node:
        node = schema["$defs"][str(node["$ref"]).rsplit("/", 1)[-1]]
    for arm in node.get("anyOf", ()):
        found = _walk(schema, arm, loc)
        if found:
            return found
    if not loc:
        return set(node.get("properties", ()))
    step, rest = loc[0], loc[1:]
    if isinstance(step, int):
        return _walk(schema, node.get("items", {}), rest)
    below = node.get("properties", {}).get(step)
    if below is None:
        more = node.get("additionalProperties")
        named = node.get("patternProperties", {})
        below = more if isinstance(more, dict) else next(iter(named.values()), {})
    return _walk(schema, below, rest) if below else set()
