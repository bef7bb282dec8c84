"""What the page on the files says of entities is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from crm_health.config.domains import WORDS
from crm_health.entities import ENTITIES

PAGE = Path(__file__).parents[2] / "mappings" / "README.md"


def test_the_page_lists_every_entity_with_its_columns() -> None:
    """In their order, with our own words for them, and the date that `age_days` counts from."""
    found = re.findall(r"^\| `(\w+)` \| (`\w+`.*) \| ?(?:`(\w+)`)? ?\|$", PAGE.read_text(), re.M)
    listed = {entity: (columns, date or None) for entity, columns, date in found}
    told = {name: listed[name] for name, entity in ENTITIES.items() if not entity.ours}
    for name, (columns, date) in told.items():
        entity = ENTITIES[name]
        given = re.findall(r"`(\w+)`(?: \(([^)]*)\))?", columns)
        assert [column for column, _ in given] == [column.name for column in entity.columns]
        assert date == entity.main_date
        words = {column: tuple(text.split(", ")) for column, text in given if text}
        assert words == {column: said for (of, column), said in WORDS.items() if of == name}
