"""docs/conformance.md keeps up with the suite and with the connectors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conformance.behaviours import PAGE, columns, sections
from tests.conformance.report import FAILS, NOT_RUN, Notes, cell, outcomes

_AGAIN = "write it again: python -m tests.conformance.report"
_CELL = re.compile(r"-|passes|(passes \d+ of \d+|n\.a\.)(\[\^\d+\])+")


def test_the_page_has_every_behaviour_and_every_column() -> None:
    """No row is missing, none is left over; only what a column has not is left out; all passes."""
    text = PAGE.read_text()
    rows = re.findall(r"^\| (\*.*?) \| (.*) \|$", text, re.MULTILINE)
    wanted = [one for part in sections().values() for one in part]
    assert [row for row, _ in rows] == [one.row for one in wanted], _AGAIN
    heads = re.findall(r"^\| behaviour \| (.*) \|$", text, re.MULTILINE)
    assert set(heads) == {" | ".join(column.name for column in columns())}, _AGAIN
    for one, (_, told) in zip(wanted, rows, strict=True):
        for column, said in zip(columns(), told.split(" | "), strict=True):
            assert _CELL.fullmatch(said), (one.row, said)
            assert (said == "-") == (one.test not in column.tests), (one.row, column.name)
    for number in set(re.findall(r"\[\^(\d+)\](?!:)", text)):
        assert re.search(rf"^\[\^{number}\]: \w", text, re.MULTILINE), number


def test_rows_say_what_is_behaved() -> None:
    """Each behaviour has a sentence of its own."""
    rows = [one.row for part in sections().values() for one in part]
    assert len(rows) == len(set(rows)) > 40


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ([], NOT_RUN),
        ([("passed", ""), ("passed", "")], "passes"),
        ([("skipped", "no such fault")], "n.a.[^1]"),
        ([("passed", ""), ("skipped", "no such fault")], "passes 1 of 2[^1]"),
        ([("passed", ""), ("failed", ""), ("skipped", "x")], FAILS),
    ],
)
def test_a_cell_says_what_became_of_its_tests(ends: list[tuple[str, str]], told: str) -> None:
    """One failure is a failure of the cell; what was skipped is counted."""
    assert cell(ends, Notes()) == told


def test_what_pytest_wrote_is_read(tmp_path: Path) -> None:
    """By class and test, whatever the parameters; an error in a fixture is a failure."""
    case = '<testcase classname="tests.conformance.test_x.TestX" name="{}">{}</testcase>'
    cases = [
        case.format("test_a[x.y]", ""),
        case.format("test_a[z]", '<skipped type="pytest.skip" message="no such fault"/>'),
        case.format("test_b", '<failure message="m"/>'),
        case.format("test_c", '<error message="m"/>'),
    ]
    path = tmp_path / "results.xml"
    path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    assert outcomes(path) == {
        ("X", "test_a"): [("passed", ""), ("skipped", "no such fault")],
        ("X", "test_b"): [("failed", "")],
        ("X", "test_c"): [("failed", "")],
    }
