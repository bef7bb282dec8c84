"""docs/sandbox.md names a test for everything that is known of the real service."""

from __future__ import annotations

import ast
import fnmatch
import re
from pathlib import Path

from tests.unit.hubspot_help import contract, fixtures

_HERE = Path(__file__).parent
_PAGE = (_HERE.parents[1] / "docs" / "sandbox.md").read_text()


def test_every_test_that_it_names_is_there() -> None:
    """And each item of its tables has one."""
    named = set(re.findall(r"`(\w+)::(test_\w+)`", _PAGE))
    for module in {module for module, _ in named}:
        tree = ast.parse((_HERE / f"test_sandbox_hubspot_{module}.py").read_text())
        tests = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
        assert {test for m, test in named if m == module} <= tests, module
    rows = re.findall(r"^\| (?!---|#|status|recorded).*\|$", _PAGE, re.MULTILINE)
    assert all("::test_" in row for row in rows)
    items = re.findall(r"^\| (\d{1,2}) \|", _PAGE, re.MULTILINE)
    assert [int(item) for item in items] == list(range(1, 21))


def test_every_recorded_file_is_named() -> None:
    """By itself or by a pattern, with its test or as not imitated."""
    named = re.findall(r"`([\w*/.-]+(?:\.json|/\*))`", _PAGE)
    for path in fixtures():
        assert any(fnmatch.fnmatch(path, pattern) for pattern in named), path


def test_every_shape_of_an_answer_is_named() -> None:
    """By its status and where it comes."""
    rows = set(re.findall(r"^\| (\d{3}) \| (.*?) \|", _PAGE, re.MULTILINE))
    shapes = contract("contract/error-shapes.json")["shapes"]
    assert {(str(one["status"]), one["where"]) for one in shapes} == rows
