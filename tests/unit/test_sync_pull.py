"""Reading page by page: empty pages, streams in turns, and what happens when it ends half-way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from sync_kit import Org, config

from crm_health import errors
from crm_health.connector import Notes, Page, Request
from crm_health.testing.memory import InMemoryConnector


class Turns(InMemoryConnector):
    """Gives the streams' pages in turns, and after each page an empty one with its cursor."""

    #: Fails after so many pages; below zero never.
    pages = -1

    def changes(self, requests: Sequence[Request]) -> Iterator[Page]:
        """One page of each stream, then the next of each."""
        ways = [super(Turns, self).changes([request]) for request in requests]
        for turn in zip_longest(*ways):
            for page in turn:
                if page is None:
                    continue
                if self.pages == 0:
                    raise errors.Unavailable
                self.pages -= 1
                yield Page(page.stream, page.rows, page.cursor, last=False, bad=page.bad)
                if not page.last:
                    yield Page(page.stream, page.rows.clear(), page.cursor, last=False)
                else:
                    yield Page(page.stream, page.rows.clear(), page.cursor, last=True)


class InTurns(Org):
    """An org whose connector gives pages in turns."""

    pages = -1

    def connector(self, notes: Notes | None = None) -> InMemoryConnector:
        """As `Turns` has it."""
        plain = super().connector(notes)
        made = Turns(self.crm, plain._ports, page=self.page, batch=self.batch)
        made.pages = self.pages
        return made


@pytest.fixture
def org(tmp_path: Path) -> InTurns:
    org = InTurns(tmp_path)
    org.page = 3
    return org


def test_streams_in_turns_read_the_same(org: InTurns, tmp_path: Path) -> None:
    """Pages of several objects interleaved, empty ones between, leave the mirror as in order."""
    plain = Org(tmp_path / "plain")
    for each in (org, plain):
        each.book(10)
        each.sync()
    for name, kinds in plain.store.mirror.entities().items():
        assert org.store.mirror.entities()[name] == kinds
        assert org.store.mirror.count(name) == plain.store.mirror.count(name)
    assert [org.shown(row["id"])["HScore"] for row in org.crm.rows("Account")] == [
        plain.shown(row["id"])["HScore"] for row in plain.crm.rows("Account")
    ]
    assert org.sync().outcomes == {}


def test_an_empty_page_is_not_the_last(org: InTurns) -> None:
    """Rows that were not met yet are not gone, and the object is not complete before its end."""
    org.book(9)
    org.sync()
    count = org.store.mirror.count("account")
    org.crm.purge("Account", org.crm.rows("Account")[0]["id"])
    seen = []

    def tick(name: str, _: int) -> None:
        if name == "Account":
            seen.append((org.store.mirror.count("account"), org.store.mirror.full_reads()))

    report = org.sync(full=True, tick=tick)
    assert [rows for rows, _ in seen[:-1]] == [count] * (len(seen) - 1)
    assert all("Account" in full for _, full in seen[:-1])
    assert seen[-1][0] == count - 1
    assert "Account" not in seen[-1][1]
    assert report.pulled.rows["Account"] == count - 1


def test_an_interrupted_read_in_turns_goes_on_from_each_cursor(org: InTurns) -> None:
    """What was stored stays with the cursor of its own stream; the rest follows."""
    ids = org.book(10)
    org.pages = 7
    with pytest.raises(errors.Unavailable):
        org.sync()
    stored = org.store.mirror.count("account")
    assert 0 < stored < len(ids)
    assert org.store.mirror.cursor("Account")
    assert "Account" in org.store.mirror.full_reads()
    org.pages = -1
    assert org.sync().outcomes == {"done": 10}
    assert org.store.mirror.full_reads() == set()


def _cases(theirs: str, mine: str) -> dict[str, Any]:
    """A feed of the cases of one priority."""
    columns: dict[str, Any] = {"account_id": "AccountId", "opened_at": "CreatedDate"}
    columns["is_open"] = {"constant": True}
    columns["priority"] = {"field": "Priority", "values": {theirs: mine}, "otherwise": "other"}
    return {"object": "Case", "columns": columns, "keep": f"priority = '{mine}'"}


def test_an_object_may_feed_an_entity_twice(tmp_path: Path) -> None:
    """What one feed leaves may be the other's; what neither takes any more is gone."""
    feeds = [_cases("High", "p1"), _cases("Low", "p4")]
    org = Org(tmp_path, config(mapping={"read": {"case": feeds}}))
    account = org.account()
    first, second, _ = (org.case(account, Priority=p) for p in ("High", "Low", "Medium"))
    org.sync()
    assert org.store.mirror.count("case") == 2
    for row_id, priority, left in ((first, "Low", 2), (second, "Medium", 1)):
        org.pass_time(hours=1)
        org.edit("Case", row_id, Priority=priority)
        org.sync()
        assert org.store.mirror.count("case") == left


def test_records_of_ours_on_a_shared_object_are_told_by_their_key(tmp_path: Path) -> None:
    """Where escalations are kept among people's records only those with a key are ours."""
    same = {"write": {"escalation": {"object": "Case", "key": "HKey", "account": "AccountId"}}}
    columns = {"health_key": {"field": "HKey", "type": "text"}}
    mine = {"read": {"case": {"extra": columns, "keep": "health_key is null"}}}
    org = Org(tmp_path, config(mapping=same | mine))
    account = org.account()
    org.case(account)
    org.sync()
    org.pass_time(hours=1)
    org.sync()
    assert org.store.mirror.count("case") == 1
    assert org.store.mirror.count("escalation") == 1
    assert org.sync().outcomes == {}
