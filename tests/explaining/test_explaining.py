"""The pages show what the commands really say."""

from __future__ import annotations

import pytest

from tests.explaining import __main__ as explaining


@pytest.mark.slow
def test_the_page_on_changing_the_model_is_what_comes_out() -> None:
    """`python -m tests.explaining` would write the same."""
    assert explaining.written() == explaining.PAGE.read_text(encoding="utf-8")


def test_the_edit_it_shows_can_be_made() -> None:
    """The packaged model says each thing that the page edits, once."""
    text = explaining.edited()
    assert "180: 100}" in text
    assert "Ada King" in text
