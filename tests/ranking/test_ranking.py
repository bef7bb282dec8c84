"""The page on ranking: outcomes never reach the product, and its numbers are what comes out."""

from __future__ import annotations

import re
from dataclasses import replace

import polars as pl
import pytest

from tests.ranking import __main__ as ranking
from tests.ranking import page
from tests.ranking.scene import Study, measure, scored


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    folder = ranking.data()
    if not folder.is_dir():
        pytest.skip(f"the public data sets are not at {folder}")
    return [study(folder) for study in ranking.STUDIES]


def test_an_outcome_turned_round_changes_no_score(studies: list[Study]) -> None:
    """Nor does a model name anything but what its scene was given."""
    for study in studies:
        scene = study.scenes[0]
        other = replace(scene, left=scene.left.with_columns(~pl.col("left")))
        before = scored(study, scene)
        assert before.equals(scored(study, other)), study.name
        assert "left" not in scene.accounts.columns
        rows = [source.rows for source in scene.sources.values() if source.rows is not None]
        assert not [frame for frame in rows if "left" in frame.columns]
        assert before["score"].drop_nulls().n_unique() > 10


def test_the_page_says_what_comes_out(studies: list[Study]) -> None:
    """Every measured line of the page, to its last digit."""
    text = ranking.PAGE.read_text(encoding="utf-8")
    told = re.search(f"{page.BEGIN}.*{page.END}", text, re.DOTALL)
    assert told is not None
    assert told.group() == page.measured([measure(study) for study in studies])
