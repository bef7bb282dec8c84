"""Rows of the mirror that hang on a record which a merge ate."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from store_kit import opened, put, settle

from crm_health.store import Scope, Store, hashing


@pytest.fixture
def store(tmp_path: Path):
    made = opened(tmp_path)
    yield made
    made.close()


def _merged(**survivors: str) -> pl.DataFrame:
    return pl.DataFrame({"id": list(survivors), "merged_into": list(survivors.values())})


def test_what_hung_on_a_merged_account_hangs_on_its_survivor(store: Store) -> None:
    """In the survivor's bucket, with both accounts to be assessed; that it comes so is no news."""
    put(store, "account", "Account", id=["loser", "winner", "third"])
    put(store, "contact", "Contact", id=["7"], account_id=["loser"])
    moved = {"id": ["1", "2", "3"], "account_id": ["loser", "third", None]}
    put(store, "case", "Case", **moved, number=["one", "two", "three"])
    settle(store)
    with store.mirror.page() as page:
        page.remove("account", pl.Series(["loser"]))
        page.move("account", _merged(loser="winner", nobody="winner"))
    assert sorted(store.mirror.dirty().to_list()) == ["loser", "winner"]
    (bucket,) = hashing.bucket(pl.Series(["winner"]))
    where = Scope.buckets(range(bucket, bucket + 1))
    found = store.mirror.load("case", ["number", "account_id"], where)
    assert found.select("number", "account_id").rows() == [("one", "winner")]
    settle(store)
    moved["account_id"][0] = "winner"
    assert put(store, "case", "Case", **moved, number=["one", "two", "three"]) == 0


def test_what_hung_on_a_merged_contact_hangs_on_its_survivor(store: Store) -> None:
    """A row that reaches its account through the contact concerns the survivor's account."""
    put(store, "contact", "Contact", id=["old", "new"], account_id=["a", "b"])
    put(store, "case", "Case", id=["1"], contact_id=["old"])
    settle(store)
    with store.mirror.page() as page:
        page.move("contact", _merged(old="new"))
        page.move("user", _merged(old="new"))
    assert store.mirror.dirty().to_list() == ["a", "b"]
    cases = store.mirror.load("case", ["contact_id"], Scope.all())
    assert cases["contact_id"].to_list() == ["new"]
