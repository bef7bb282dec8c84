"""What the conformance suite asks for, and which of its classes here run how much of it."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from pathlib import Path

from crm_health.testing.conformance import ConformanceSuite

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "conformance.md"


@dataclass(frozen=True)
class Behaviour:
    """One test of the suite."""

    test: str
    sentence: str

    @property
    def row(self) -> str:
        """As the page says it."""
        name = self.test.removeprefix("test_").replace("_", " ")
        return f"*{name[0].upper()}{name[1:]}.* {self.sentence}".replace("|", "\\|")


@dataclass(frozen=True)
class Column:
    """One class that runs the suite, or parts of it."""

    name: str
    sentence: str
    tests: frozenset[str]


def sections() -> dict[str, list[Behaviour]]:
    """The behaviours under what each part of the suite is about, in the suite's order."""
    return {
        _first(inspect.getmodule(part)): [
            Behaviour(name, _first(test))
            for name, test in vars(part).items()
            if name.startswith("test_")
        ]
        for part in ConformanceSuite.__bases__
    }


def columns() -> list[Column]:
    """Every such class; its name without `Test`."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.conformance.{path.stem}")
        for name, one in vars(module).items():
            mine = inspect.isclass(one) and one.__module__ == module.__name__
            if mine and issubclass(one, ConformanceSuite.__bases__):
                tests = frozenset(test for test in dir(one) if test.startswith("test_"))
                found.append(Column(name.removeprefix("Test"), _first(one), tests))
    return found


def _first(documented: object) -> str:
    text = inspect.getdoc(documented)
    assert text, f"{documented} has no docstring"
    return " ".join(text.split("\n\n")[0].split())
