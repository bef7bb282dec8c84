"""Tables as all reports draw them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from crm_health.logs import printable

_COLORS = {"red": "red", "yellow": "yellow", "green": "green"}


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, last: int = 0) -> Table:
    """A plain table.

    Args:
        columns: Headings; a leading `>` aligns the column to the right.
        rows: As many texts each; a band's own name is coloured.
        last: How many rows at the end stand below a line of their own.
    """
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in columns:
        right = heading.startswith(">")
        made.add_column(
            heading.removeprefix(">"),
            justify="right" if right else "left",
            # Ids and names are there to be copied.
            no_wrap=right or heading in ("account", "run", "measure", "csm"),
            overflow="fold",
        )
    found = [list(row) for row in rows]
    for place, row in enumerate(found):
        made.add_row(*(_cell(text) for text in row), end_section=place == len(found) - last - 1)
    return made


def _cell(text: str) -> Text:
    shown = printable(text)
    return Text(shown, style=_COLORS.get(shown.rpartition(" ")[2].lower(), ""))
