"""YAML without its traps, and with a place for everything."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_health.config.yaml import MAX_BYTES, Place, parse


def problem(raw: bytes | str) -> str:
    data = raw.encode() if isinstance(raw, str) else raw
    document, problems = parse(data, "f.yaml")
    assert problems, document
    return problems[0].text()


def value(text: str) -> object:
    document, problems = parse(text.encode(), "f.yaml")
    assert document is not None, problems
    assert not problems
    return document.data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("country: NO", {"country": "NO"}),
        ("a: yes\nb: off\nc: on", {"a": "yes", "b": "off", "c": "on"}),
        ("at: 12:30:45", {"at": "12:30:45"}),
        ("day: 2026-01-05", {"day": "2026-01-05"}),
        ("a: true\nb: FALSE\nc: null\nd: ~", {"a": True, "b": False, "c": None, "d": None}),
        ("a: 10\nb: -1.5\nc: 1e3\nd: '10'", {"a": 10, "b": -1.5, "c": 1000.0, "d": "10"}),
        ("curve: {0.5: 1, 1: 2}", {"curve": {"0.5": 1, "1": 2}}),
        ("a: 1_000\nb: 0x1F\nc: 0o17", {"a": "1_000", "b": "0x1F", "c": "0o17"}),
        ("\ufeffa: 1", {"a": 1}),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
    ],
)
def test_scalars_are_what_they_look_like(text: str, expected: object) -> None:
    """Texts stay texts, numbers are decimal, and a byte order mark is no part of a key."""
    assert value(text) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: a: the key 'a' stands here twice"),
        ("c: {0.5: 1, 0.50: 2}", "f.yaml:1:13: c.0.50: the key '0.50' stands here twice"),
        ("a: 010", "f.yaml:1:4: a: 010 could be read as octal (write 10"),
        ("a: .nan", "f.yaml:1:4: a: .nan is not a number"),
        ("a: -.inf", "f.yaml:1:4: a: -.inf is not a number"),
        ("a: 1e999", "f.yaml:1:4: a: the number is too large"),
        ("a: " + "9" * 5000, "f.yaml:1:4: a: the number is too large"),
        ("a: &x 1\nb: *x", "f.yaml:1:4: anchors and aliases are not supported"),
        ("a: !!python/object/apply:os.system [ls]", "f.yaml:1:4: the tag"),
        ("a: !!binary aGk=", "f.yaml:1:4: the tag"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document"),
        ("a:\n\tb: 1", "f.yaml:2:1: a tab stands where spaces must be"),
        (b"\xff\xfea\x00", "f.yaml: not a UTF-8 text"),
        (b"a: \x00", "f.yaml: not a UTF-8 text"),
        (b"a: 1\nb: \xe9", "f.yaml:2:4: not UTF-8"),
        ("", "f.yaml: the file is empty"),
        ("# nothing", "f.yaml: the file is empty"),
        ("a: [1, 2", "f.yaml:1:9: not readable as YAML"),
        ("? [1, 2]\n: x", "f.yaml:1:3: a key must be a plain value"),
        ("[" * 1000 + "]" * 1000, "f.yaml:1:51: nested deeper than 50 levels"),
        ("a: " + "x" * MAX_BYTES, "f.yaml: larger than 256 KiB"),
        ("a: b\x07", "f.yaml: not readable as YAML: an unknown character"),
    ],
)
def test_traps_are_refused_where_they_stand(raw: bytes | str, expected: str) -> None:
    """Each trap gives one clear line with its place."""
    assert problem(raw).startswith(expected)


def test_an_alias_bomb_costs_nothing() -> None:
    """Nine levels of aliases end at the first anchor, at once."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    start = time.process_time()
    assert "anchors" in problem("\n".join(lines))
    assert time.process_time() - start < 1


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab:- \n[]{},'\"#&*!|>?%@`~.0123456789\t", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text, however broken, gives anything but a document or problems with a place."""
    document, problems = parse(text.encode(), "f.yaml")
    assert document is not None or problems
    assert all(p.file == "f.yaml" and p.message for p in problems)


def test_every_problem_of_a_file_is_named_at_once() -> None:
    """Bad scalars and duplicate keys don't hide each other."""
    _, problems = parse(b"a: 010\nb: .nan\na: 1", "f.yaml")
    assert [p.line for p in problems] == [1, 2, 3]


def test_a_missing_path_stands_at_its_nearest_ancestor() -> None:
    """What is not in the file is shown where it would have to be."""
    document, _ = parse(b"a:\n  b:\n    c: 1\n  d: [x, {e: 2}]", "f.yaml")
    assert document is not None
    assert document.place(("a", "b", "missing", "deeper")) == Place(2, 3)
    assert document.place(("a", "d", 1, "e")) == Place(4, 11)
    assert document.place(("nothing",)) == Place(1, 1)


def test_a_problem_is_shown_with_its_line_and_a_caret() -> None:
    """The source line stands below, without control characters, and a caret under the column."""
    document, _ = parse(b"a:\n  b: 1", "f.yaml")
    assert document is not None
    found = document.problem(("a", "b"), "is wrong", "make it right")
    assert found.text(document.text).splitlines() == [
        "f.yaml:2:3: a.b: is wrong (make it right)",
        "      b: 1",
        "      ^",
    ]
    assert found.text("x\n\x1b[2Jb: 1").splitlines()[1] == "     [2Jb: 1"
    assert found.json() == {
        "file": "f.yaml",
        "line": 2,
        "column": 3,
        "path": "a.b",
        "message": "is wrong",
        "hint": "make it right",
        "severity": "error",
    }
