"""Pages going into the mirror: change detection, dirty accounts, full reads, quarantine."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from store_kit import NOW, frame, opened, put, settle

from crm_health.errors import BrokenInvariant
from crm_health.store import Scope, Store


@pytest.fixture
def store(tmp_path: Path):
    made = opened(tmp_path)
    yield made
    made.close()


def dirty(store: Store) -> list[str]:
    return sorted(store.mirror.dirty().to_list())


def values(store: Store, entity: str, column: str) -> dict[str, object]:
    loaded = store.mirror.load(entity, [column], Scope.all())
    return dict(loaded.select("id", column).iter_rows())


def test_new_rows_are_dirty(store: Store) -> None:
    """Every new row makes its account dirty; an account is its own."""
    assert put(store, "account", "Account", id=["a", "b"]) == 2
    assert put(store, "case", "Case", id=["1", "2"], account_id=["c", None]) == 2
    assert dirty(store) == ["a", "b", "c"]


def test_equal_rows_change_nothing(store: Store) -> None:
    """A row that comes again as it was writes nothing and makes nothing dirty."""
    page = {"id": ["1"], "account_id": ["a"], "opened_at": [NOW], "is_open": [True]}
    put(store, "case", "Case", **page)
    settle(store)
    assert put(store, "case", "Case", **page) == 0
    assert dirty(store) == []


@pytest.mark.parametrize(
    ("column", "old", "new"),
    [
        ("name", "Acme", "acme"),
        ("name", None, ""),
        ("name", "1", "-"),
        ("contract_value", 0.1 + 0.2, 0.3),
        ("contract_value", None, 0.0),
        ("regulated", False, None),
        ("renewal_at", date(1, 1, 1), date(9999, 12, 31)),
        ("created_at", NOW, NOW.replace(microsecond=1000)),
    ],
)
def test_every_change_counts(store: Store, column: str, old: object, new: object) -> None:
    """The smallest change of any kind is a change, and it is what is stored."""
    put(store, "account", "Account", id=["a"], **{column: [old]})
    settle(store)
    assert put(store, "account", "Account", id=["a"], **{column: [new]}) == 1
    assert dirty(store) == ["a"]
    assert values(store, "account", column) == {"a": new}


def test_values_cannot_run_together(store: Store) -> None:
    """A text that looks like the boundary between two columns is told from it."""
    put(store, "account", "Account", id=["a"], industry=["x\x1f1:y"], name=["z"])
    assert put(store, "account", "Account", id=["a"], industry=["x"], name=["y\x1f1:z"]) == 1


def test_minus_zero_is_zero(store: Store) -> None:
    """Numbers that are equal are no change."""
    put(store, "account", "Account", id=["a"], contract_value=[0.0])
    assert put(store, "account", "Account", id=["a"], contract_value=[-0.0]) == 0


def test_not_a_number_is_never_stored(store: Store) -> None:
    """NaN and infinities are missing values."""
    numbers = [float("nan"), float("inf"), float("-inf"), 1e308]
    put(store, "account", "Account", id=["a", "b", "c", "d"], contract_value=numbers)
    with store._database.read() as connection:
        sql = "SELECT contract_value FROM m_account ORDER BY id"
        assert connection.exec_driver_sql(sql).scalars().all() == [None, None, None, 1e308]
    assert put(store, "account", "Account", id=["a"], contract_value=[None]) == 0


def test_long_and_odd_texts(store: Store) -> None:
    """A megabyte of text, quotes and any script come back as they were."""
    texts = ["é" * 1_000_000, "", "'; DROP TABLE m_account; --", "\u202e\U0001f600\n%s?:x\\.", None]
    ids = ["a", "b%", 'c"\\', "d\n,e", "e"]
    put(store, "account", "Account", id=ids, name=texts)
    assert values(store, "account", "name") == dict(zip(ids, texts, strict=True))
    assert put(store, "account", "Account", id=ids, name=texts) == 0


def test_a_nul_is_left_out(store: Store) -> None:
    """PostgreSQL can't keep a NUL, so neither database does, and its row is no change."""
    put(store, "account", "Account", id=["a"], name=["a\x00b"])
    assert values(store, "account", "name") == {"a": "ab"}
    assert put(store, "account", "Account", id=["a"], name=["a\x00b"]) == 0
    store.mirror.write_through("account", pl.DataFrame({"id": ["a"], "status": [None]}))
    assert put(store, "account", "Account", id=["a"], name=["ab"]) == 0


def test_last_of_the_same_id_counts(store: Store) -> None:
    """Of rows with the same id in a page the last one is stored."""
    assert put(store, "account", "Account", id=["a", "a"], name=["old", "new"]) == 1
    assert values(store, "account", "name") == {"a": "new"}


def test_left_out_columns_are_empty(store: Store) -> None:
    """A column that the page does not bring is null, for it is the whole row."""
    put(store, "account", "Account", id=["a"], name=["Acme"])
    put(store, "account", "Account", id=["a"], status=["live"])
    assert values(store, "account", "name") == {"a": None}


def test_move_makes_both_accounts_dirty(store: Store) -> None:
    """A row that moves to another account concerns the one it left as well, and its bucket."""
    put(store, "case", "Case", id=["1"], account_id=["a"])
    settle(store)
    put(store, "case", "Case", id=["1"], account_id=["b"])
    assert dirty(store) == ["a", "b"]
    for account, rows in (("a", 0), ("b", 1)):
        scope = Scope.accounts(pl.Series([account]))
        assert store.mirror.load("case", [], scope).height == rows


def test_contact_leads_to_the_account(store: Store) -> None:
    """A row without account makes its contact's account dirty, in either order of arrival."""
    put(store, "contact", "Contact", id=["k"], account_id=["a"])
    settle(store)
    put(store, "case", "Case", id=["1"], contact_id=["k"])
    assert dirty(store) == ["a"]
    put(store, "case", "Case", id=["2"], contact_id=["later"])
    settle(store)
    put(store, "contact", "Contact", id=["later"], account_id=["b"])
    assert dirty(store) == ["b"]


def test_remove(store: Store) -> None:
    """A removed row is gone, its account dirty; an id that was not there is no error."""
    put(store, "contact", "Contact", id=["k"], account_id=["c"])
    put(
        store,
        "case",
        "Case",
        id=["1", "2", "3"],
        account_id=["a", "b", None],
        contact_id=["", "", "k"],
    )
    settle(store)
    with store.mirror.page() as page:
        assert page.remove("case", pl.Series(["1", "3", "none"])) == 2
    assert dirty(store) == ["a", "c"]
    assert store.mirror.count("case") == 1


def test_page_is_all_or_nothing(store: Store) -> None:
    """An exception at the end of a page undoes rows, cursor, dirty marks and quarantine."""
    with pytest.raises(ZeroDivisionError), store.mirror.page() as page:  # noqa: PT012
        page.upsert("account", "Account", frame("account", id=["a"]))
        page.save_cursor("Account", "c1", complete_at=NOW, rows=1)
        page.quarantine(bad("Account", "b"))
        raise ZeroDivisionError
    assert store.mirror.count("account") == 0
    assert store.mirror.cursor("Account") is None
    assert store.mirror.last_read("Account") is None
    assert dirty(store) == []
    assert store.mirror.quarantined().is_empty()


def test_cursor(store: Store) -> None:
    """The cursor moves with each page; the last complete read stays until the next one."""
    with store.mirror.page() as page:
        page.save_cursor("Case", "c1", complete_at=NOW, rows=7)
    with store.mirror.page() as page:
        page.save_cursor("Case", "c2")
    read = store.mirror.last_read("Case")
    assert store.mirror.cursor("Case") == "c2"
    assert read is not None
    assert (read.complete_at, read.rows) == (NOW, 7)
    assert store.mirror.cursor("Nothing") is None


def test_full_read_sweeps_what_it_did_not_meet(store: Store) -> None:
    """Rows of the object that a full read does not bring go, others' rows stay."""
    put(store, "activity", "Task", id=["1", "2"], account_id=["a", "b"])
    put(store, "activity", "Event", id=["3"], account_id=["c"])
    put(store, "task", "Task", id=["4"], account_id=["d"])
    settle(store)
    with store.mirror.page() as page:
        page.begin_full("Task")
        page.upsert("activity", "Task", frame("activity", id=["1"], account_id=["a"]))
        assert page.unseen("Task") == 2
        assert page.end_full("Task") == 2
    assert store.mirror.vanished("Task", [])[0].to_list() == ["1"]
    assert store.mirror.vanished("Event", [])[0].to_list() == ["3"]
    assert dirty(store) == ["b", "d"]


def test_a_record_that_feeds_two_entities_is_unseen_once(store: Store) -> None:
    """A guard holds what is gone against what is known, and that counts records."""
    for entity in ("activity", "task"):
        put(store, entity, "Task", id=["1", "2", "3"], account_id=["a", "b", "c"])
    with store.mirror.page() as page:
        page.begin_full("Task")
        for entity in ("activity", "task"):
            page.upsert(entity, "Task", frame(entity, id=["1"], account_id=["a"]))
        assert (page.unseen("Task"), store.mirror.known("Task")) == (2, 3)


def test_full_read_goes_on_after_a_crash(tmp_path: Path) -> None:
    """A full read may end in another process than it began in; rows met before it stay."""
    store = opened(tmp_path)
    put(store, "case", "Case", id=["1", "2", "3"], account_id=["a", "b", "c"])
    with store.mirror.page() as page:
        page.begin_full("Case")
        page.upsert("case", "Case", frame("case", id=["1"], account_id=["a"]))
        page.save_cursor("Case", "c1")
    store.close()
    store = opened(tmp_path)
    assert store.mirror.full_reads() == {"Case"}
    with store.mirror.page() as page:
        page.upsert("case", "Case", frame("case", id=["2"], account_id=["b"]))
        page.end_full("Case")
    assert store.mirror.full_reads() == set()
    assert store.mirror.vanished("Case", [])[0].to_list() == ["1", "2"]
    store.close()


def test_end_without_full_read(store: Store) -> None:
    """Ending a full read that never began removes nothing."""
    put(store, "case", "Case", id=["1"], account_id=["a"])
    with store.mirror.page() as page:
        assert page.unseen("Case") == 0
        assert page.end_full("Case") == 0
    assert store.mirror.count("case") == 1


def test_full_read_begun_anew_forgets_the_first(store: Store) -> None:
    """A full read that begins again sweeps what only its first attempt met."""
    with store.mirror.page() as page:
        page.begin_full("Case")
        page.upsert("case", "Case", frame("case", id=["1"], account_id=["a"]))
    with store.mirror.page() as page:
        page.begin_full("Case")
        page.upsert("case", "Case", frame("case", id=["2"], account_id=["a"]))
        assert page.end_full("Case") == 1
    assert store.mirror.vanished("Case", [])[0].to_list() == ["2"]


def bad(crm_object: str, *ids: str, path: str = "Amount") -> pl.DataFrame:
    rows = [(crm_object, i, path, "not a number") for i in ids]
    return pl.DataFrame(rows, schema=["object", "id", "path", "problem"], orient="row")


def test_quarantine_heals(store: Store) -> None:
    """A problem is listed until its record comes without one; others' problems stay."""
    with store.mirror.page() as page:
        page.quarantine(bad("Account", "a", "b"))
        page.upsert("account", "Account", frame("account", id=["a"]))
        page.quarantine(bad("Case", "a"))
    assert store.mirror.quarantined().select("object", "id").rows() == [
        ("Account", "a"),
        ("Account", "b"),
        ("Case", "a"),
    ]
    with store.mirror.page() as page:
        page.upsert("account", "Account", frame("account", id=["a"]))
        page.quarantine(bad("Account", "b", path="Name"))
    assert store.mirror.quarantined().select("object", "id", "path").rows() == [
        ("Account", "b", "Name"),
        ("Case", "a", "Amount"),
    ]


def test_frames_that_do_not_fit(store: Store) -> None:
    """A row without id, a column or an entity that the mirror lacks is a bug, named."""
    with pytest.raises(BrokenInvariant, match="no id"):
        put(store, "account", "Account", id=["a", None])
    with pytest.raises(BrokenInvariant, match="no colour"), store.mirror.page() as page:
        page.upsert("account", "Account", pl.DataFrame({"id": ["a"], "colour": ["red"]}))
    with pytest.raises(BrokenInvariant, match="no entity 'invoice'"), store.mirror.page() as page:
        page.upsert("invoice", "Invoice", pl.DataFrame({"id": ["a"]}))


def test_empty_page(store: Store) -> None:
    """A page without rows is no special case."""
    assert put(store, "case", "Case", id=[], account_id=[]) == 0
    with store.mirror.page() as page:
        assert page.remove("case", pl.Series([], dtype=pl.String)) == 0


def test_instants_keep_milliseconds(store: Store) -> None:
    """Instants of any precision and zone are the same moment in UTC milliseconds."""
    moment = datetime.fromisoformat("2026-11-22T10:00:00.123456+01:00")
    put(store, "account", "Account", id=["a"], created_at=[moment])
    stored = values(store, "account", "created_at")["a"]
    assert stored == datetime.fromisoformat("2026-11-22T09:00:00.123+00:00")


def test_a_problem_of_very_many_rows_is_counted_and_not_listed(store: Store) -> None:
    """A hundred examples are kept; healed ones make room; a full read counts anew."""
    ids = [f"{n:04}" for n in range(250)]

    def noted() -> tuple[int, list[tuple[str, str, int]]]:
        counts = store.mirror.quarantine_counts()
        return store.mirror.quarantined().height, counts.rows()

    for part in (ids[:130], ids[130:]):
        with store.mirror.page() as page:
            page.quarantine(bad("Case", *part))
    assert noted() == (100, [("Case", "not a number", 250)])
    with store.mirror.page() as page:
        page.quarantine(bad("Account", "a"))
        page.upsert("case", "Case", frame("case", id=ids[:10], account_id=["a"] * 10))
    assert noted() == (91, [("Account", "not a number", 1), ("Case", "not a number", 240)])
    with store.mirror.page() as page:
        page.begin_full("Case")
        page.quarantine(bad("Case", *ids[10:]))
    assert noted() == (101, [("Account", "not a number", 1), ("Case", "not a number", 240)])
    with store.mirror.page() as page:
        page.replace_problem("not a number", bad("Account", *ids, path="Parent"))
    assert noted() == (100, [("Account", "not a number", 250)])


def test_first_full_read_marks_its_accounts_at_its_end(tmp_path: Path) -> None:
    """Every account that a row reaches is dirty when the first full read has ended, crash or no."""
    store = opened(tmp_path)
    put(store, "contact", "Contact", id=["k"], account_id=["c"])
    settle(store)
    with store.mirror.page() as page:
        page.begin_full("Case")
        rows = frame("case", id=["1", "2"], account_id=["a", None], contact_id=[None, "k"])
        assert page.upsert("case", "Case", rows) == 2
        page.save_cursor("Case", "c1")
    store.close()
    store = opened(tmp_path)
    with store.mirror.page() as page:
        # A page that overlaps the one before, with a case that has moved meanwhile.
        rows = frame("case", id=["1", "3", "4"], account_id=["b", "d", None])
        assert page.upsert("case", "Case", rows) == 3
        assert page.upsert("case", "Case", rows) == 0
        page.end_full("Case")
    assert dirty(store) == ["a", "b", "c", "d"]
    assert values(store, "case", "account_id") == {"1": "b", "2": "c", "3": "d", "4": None}
    store.close()


def test_first_full_read_begun_anew_still_marks(store: Store) -> None:
    """A first full read that never ended owes its marks to the next one."""
    rows = frame("case", id=["1"], account_id=["a"])
    for _ in range(2):
        with store.mirror.page() as page:
            page.begin_full("Case")
            page.upsert("case", "Case", rows)
    with store.mirror.page() as page:
        page.end_full("Case")
    assert dirty(store) == ["a"]
    settle(store)
    with store.mirror.page() as page:
        page.begin_full("Case")
        page.upsert("case", "Case", rows)
        page.end_full("Case")
    assert dirty(store) == []
