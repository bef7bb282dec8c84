"""`python -m tests.explaining`: put what the commands say into docs/explanation."""

from __future__ import annotations

import re
import sys
import tempfile
from importlib import resources
from pathlib import Path

from tests.explaining.company import Shell, synced

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "changing-the-model.md"
#: The edit of the page: what the packaged model says, and what it becomes.
_EDITS = (
    (
        "curve: {-30: 0, 0: 35, 60: 75, 120: 100}",
        "curve: {-30: 0, 0: 20, 60: 50, 120: 80, 180: 100}",
    ),
    ("reason: What a sensible company starts with before anybody edits anything.",
     "reason: Two big renewals were lost late because they still looked fine two months before."),
    ("owner: crm-health", "owner: Ada King, Customer Success"),
    ("approver: crm-health", "approver: Grace Miller, Finance"),
)  # fmt: skip
_BLANKS = re.compile(r"\n{3,}")
_SHOWN = re.compile(r"(```\n\$ (crm-health [^\n]+)\n).*?(```)", re.DOTALL)


def edited() -> str:
    """The packaged model with renewals that press earlier."""
    text = (resources.files("mappings") / "model.yaml").read_text(encoding="utf-8")
    for old, new in _EDITS:
        if text.count(old) != 1:
            raise ValueError(f"the packaged model does not say once: {old}")
        text = text.replace(old, new)
    return text


def page(shell: Shell, text: str) -> str:
    """The page with what its commands say now."""

    def said(found: re.Match[str]) -> str:
        words = found.group(2).split()[1:]
        lines = "\n".join(line.rstrip() for line in shell(*words).splitlines())
        return found.group(1) + _BLANKS.sub("\n\n", lines).strip("\n") + "\n" + found.group(3)

    return _SHOWN.sub(said, text)


def written() -> str:
    """The page as it should be."""
    with tempfile.TemporaryDirectory() as name, synced(Path(name)) as shell:
        (Path(name) / "new.yaml").write_text(edited(), encoding="utf-8")
        return page(shell, PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
    sys.exit(0)
