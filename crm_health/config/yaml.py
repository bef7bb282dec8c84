"""YAML to plain values that know where they stand, without YAML's traps.

A subset on purpose: one document, no anchors, no tags, no duplicate keys. Scalars are read as
YAML 1.2 has them, so `NO` stays a text and `12:30:45` is no number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from crm_health.config.problems import Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 50

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_BOOLEANS = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
#: libyaml where PyYAML has it. It calls a plain scalar's style "" where the other says None.
_QUICK = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = {"", "~", "null", "Null", "NULL"}

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """A position in a file, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """A file's values, its text and the place of every key and value."""

    file: str
    text: str
    data: Any
    places: dict[tuple[str, ...], Place] = field(default_factory=dict)

    def place(self, path: Path) -> Place:
        """Where `path` stands, or its nearest ancestor that exists."""
        steps = tuple(str(step) for step in path)
        while steps and steps not in self.places:
            steps = steps[:-1]
        return self.places.get(steps, Place(1, 1))

    def problem(self, path: Path, message: str, hint: str = "") -> Problem:
        """A problem at `path`."""
        place = self.place(path)
        return Problem(self.file, place.line, place.column, dotted(path), message, hint)


def dotted(path: Path) -> str:
    """A path as people write it: `models[1].weights`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


class _RefusedError(Exception):
    """The document can't be read any further."""

    def __init__(self, mark: Any, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.mark, self.message, self.path = mark, message, path


def parse(raw: bytes, file: str) -> tuple[Document | None, list[Problem]]:
    """Read one document.

    Args:
        raw: the bytes of the file.
        file: its name, as problems shall show it.

    Returns:
        The document and the problems found in it; None where it can't be used at all.
    """
    text, problem = _decode(raw, file)
    if text is None:
        return None, [problem] if problem else []
    reader = _Reader(file)
    try:
        node = _nodes(text)
        if node is None:
            return None, [Problem(file, 0, 0, "", "the file is empty")]
        data = reader.value(node, ())
    except _RefusedError as refused:
        place = _place(refused.mark)
        return None, [
            Problem(file, place.line, place.column, dotted(refused.path), refused.message)
        ]
    except yaml.MarkedYAMLError as error:
        place = _place(error.problem_mark or error.context_mark)
        message = f"not readable as YAML: {error.problem or error.context}"
        hint = ""
        if "\\t" in message or "tab" in message:
            message, hint = "a tab stands where spaces must be", "indent with spaces"
        return None, [Problem(file, place.line, place.column, "", message, hint)]
    except yaml.YAMLError:
        return None, [Problem(file, 0, 0, "", "not readable as YAML: an unknown character")]
    return Document(file, text, data, reader.places), reader.problems


def _decode(raw: bytes, file: str) -> tuple[str | None, Problem | None]:
    message = ""
    if len(raw) > MAX_BYTES:
        message = f"larger than {MAX_BYTES // 1024} KiB"
    elif raw[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in raw:
        message = "not a UTF-8 text (UTF-16, or a NUL byte in it): save it as UTF-8"
    if message:
        return None, Problem(file, 0, 0, "", message)
    try:
        return raw.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        return None, Problem(file, line, column, "", "not UTF-8: save the file as UTF-8")


def _nodes(text: str) -> yaml.Node | None:
    try:
        return _compose(text, _QUICK)
    except yaml.YAMLError:
        # libyaml takes a tenth of the time, but says less well what is wrong, and where.
        return _compose(text, yaml.SafeLoader)


def _compose(text: str, loader: Any) -> yaml.Node | None:
    """The node tree; events are checked first, since nesting and aliases cost before nodes do."""
    depth, documents = 0, 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _RefusedError(
                event.start_mark, "anchors and aliases are not supported: write it out"
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _RefusedError(event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _RefusedError(
                    event.start_mark, "a second document (`---`): one file holds one"
                )
        tag = getattr(event, "tag", None)
        if tag:
            raise _RefusedError(event.start_mark, f"the tag {tag!r} is not supported")
    return yaml.compose(text, Loader=loader)


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


class _Reader:
    """Turns nodes into values and remembers their places."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[tuple[str, ...], Place] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.places.setdefault(tuple(map(str, path)), _place(node.start_mark))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode):
            raise _RefusedError(node.start_mark, "not a plain value", path)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        seen: dict[Any, str] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _RefusedError(key_node.start_mark, "a key must be a plain value", path)
            key = str(key_node.value)
            below = (*path, key)
            number = _FLOAT.fullmatch(key) if not key_node.style else None
            same = float(key) if number else key
            if same in seen:
                self._add(key_node, below, f"the key {key!r} stands here twice")
                continue
            seen[same] = key
            self.places[tuple(map(str, below))] = _place(key_node.start_mark)
            values[key] = self.value(value_node, below)
        return values

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        if node.style:
            return text
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if _SPECIAL.fullmatch(text):
            self._add(node, path, f"{text} is not a number that can be used here")
            return None
        if _INT.fullmatch(text):
            if len(text.lstrip("+-")) > 1 and text.lstrip("+-")[0] == "0":
                hint = f"write {text.lstrip('+-').lstrip('0') or '0'}, or quote it if it is a text"
                self._add(node, path, f"{text} could be read as octal", hint)
                return None
            return self._finite(node, path, text, whole=True)
        if _FLOAT.fullmatch(text):
            return self._finite(node, path, text, whole=False)
        return text

    def _finite(self, node: yaml.ScalarNode, path: Path, text: str, *, whole: bool) -> Any:
        # Nothing here needs more digits, and a 5,000-digit integer must not reach int().
        if len(text) > 30 or not math.isfinite(float(text)):
            self._add(node, path, "the number is too large or too long")
            return None
        return int(text) if whole else float(text)

    def _add(self, node: yaml.Node, path: Path, message: str, hint: str = "") -> None:
        place = _place(node.start_mark)
        self.problems.append(
            Problem(self.file, place.line, place.column, dotted(path), message, hint)
        )
