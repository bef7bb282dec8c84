"""What a model says otherwise than another one, line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_health.config.model import Model

#: Longest text of one side; expressions can be long.
_LONGEST = 60
#: How much of what both sides say stands before where they part.
_LEAD = 20


def changes(old: Model, new: Model) -> list[tuple[str, str, str]]:
    """Each place that differs: its path, what it said and what it says ("" for nothing)."""
    sides = (m.model_dump(mode="json", by_alias=True) for m in (old, new))
    was, now = (_named(side) for side in sides)
    return [(path, *_both(a, b)) for path, a, b in _walk("", was, now)]


def _named(model: dict[str, Any]) -> dict[str, Any]:
    """Lists of named things by their names: a model put in between moves no other."""
    return {
        key: {item["name"]: {**item, "name": None} for item in value}
        if isinstance(value, list) and value and isinstance(value[0], dict)
        else value
        for key, value in model.items()
    }


def _walk(path: str, was: Any, now: Any) -> list[tuple[str, str, str]]:
    if was == now:
        # Keys in another order: for derived facts and models it matters.
        if isinstance(was, dict) and list(was) != list(now):
            return [(path, ", ".join(map(str, was)), ", ".join(map(str, now)))]
        return []
    if path.endswith(".curve") or not (isinstance(was, dict) and isinstance(now, dict)):
        return [(path, _text(was), _text(now))]
    return [
        found
        for key in dict.fromkeys([*was, *now])
        for found in _walk(f"{path}.{key}" if path else str(key), was.get(key), now.get(key))
    ]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        said = {k: v for k, v in value.items() if v is not None}
        # A last band says nothing but its name: it holds the rest.
        return ", ".join(f"{_key(key)}: {_text(item)}" for key, item in said.items()) or "the rest"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _key(key: str) -> str:
    """A name, or the corner of a curve without noise."""
    try:
        return f"{float(key):g}"
    except ValueError:
        return key


def _both(was: str, now: str) -> tuple[str, str]:
    """Both sides cut, from a little before where they part: a long one may change at its end."""
    a, b = (" ".join(text.split()) for text in (was, now))
    differ = (at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    same = next(differ, min(len(a), len(b)))
    if max(len(a), len(b)) > _LONGEST and same > _LONGEST // 2:
        start = a.rfind(" ", 0, max(same - _LEAD, 0)) + 1
        a, b = (f"\N{HORIZONTAL ELLIPSIS} {text[start:]}" for text in (a, b))
    return cut(a), cut(b)


def cut(text: str) -> str:
    """At most so much of a text that a line holds both sides."""
    one = " ".join(text.split())
    return one if len(one) <= _LONGEST else one[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
