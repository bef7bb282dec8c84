"""The mirror's tables, what is loaded from them, dirty accounts and write-through."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from store_kit import FEEDS, NOW, SHAPES, STREAMS, opened, put, settle

from crm_health.entities import POLARS, Kind
from crm_health.errors import BrokenInvariant
from crm_health.store import BUCKETS, Scope, Store, bucket


@pytest.fixture
def store(tmp_path: Path):
    made = opened(tmp_path)
    yield made
    made.close()


@pytest.fixture
def book(store: Store) -> Store:
    """Three accounts; cases with an account, with only a contact, and with neither."""
    put(store, "account", "Account", id=["a", "b", "c"], renewal_at=[date(2027, 1, 4), None, None])
    put(store, "contact", "Contact", id=["k"], account_id=["b"], role=["champion"])
    put(
        store,
        "case",
        "Case",
        id=["1", "2", "3", "4"],
        account_id=["a", None, None, "c"],
        contact_id=[None, "k", None, "k"],
        sla_due_at=[NOW, NOW + timedelta(hours=1), None, NOW - timedelta(hours=1)],
    )
    settle(store)
    return store


def read(store: Store, crm_object: str) -> None:
    with store.mirror.page() as page:
        page.save_cursor(crm_object, "c", complete_at=NOW, rows=1)


def cases(store: Store, scope: Scope) -> list[tuple[object, ...]]:
    loaded = store.mirror.load("case", [], scope)
    return sorted(loaded.select("id", "account_id", "contact_role").rows())


def test_load_joins_the_contact(book: Store) -> None:
    """Rows reach the account by their own column, else by their contact, and know its role."""
    assert cases(book, Scope.all()) == [
        ("1", "a", None),
        ("2", "b", "champion"),
        ("3", None, None),
        ("4", "c", "champion"),
    ]


def test_load_by_accounts(book: Store) -> None:
    """Only rows of the accounts asked for come, through the contact as well, each once."""
    assert cases(book, Scope.accounts(pl.Series(["b", "c", "b", None]))) == [
        ("2", "b", "champion"),
        ("4", "c", "champion"),
    ]
    assert cases(book, Scope.accounts(pl.Series([], dtype=pl.String))) == []


def test_load_where_a_column_is_true(store: Store) -> None:
    """Of all rows, and of each account's by whatever way it is reached; missing is not true."""
    put(store, "account", "Account", id=["a", "b"])
    put(store, "contact", "Contact", id=["k"], account_id=["b"])
    put(
        store,
        "case",
        "Case",
        id=["1", "2", "3", "4"],
        account_id=["a", "a", None, "a"],
        contact_id=[None, None, "k", None],
        is_open=[True, False, True, None],
    )
    for scope, wanted in ((Scope.all(), ["1", "3"]), (Scope.accounts(pl.Series(["b"])), ["3"])):
        loaded = store.mirror.load("case", [], scope, true="is_open")
        assert sorted(loaded["id"]) == wanted
    with pytest.raises(BrokenInvariant, match="case has no colour"):
        store.mirror.load("case", [], Scope.all(), true="colour")


def test_buckets_divide_the_rows(book: Store) -> None:
    """The buckets together give every row that reaches an account, each once."""
    found = [
        row for n in range(0, BUCKETS, 16) for row in cases(book, Scope.buckets(range(n, n + 16)))
    ]
    assert sorted(found) == [row for row in cases(book, Scope.all()) if row[1]]
    mine = int(bucket(pl.Series(["b"])).item())
    assert ("2", "b", "champion") in cases(book, Scope.buckets(range(mine, mine + 1)))


@pytest.mark.parametrize("numbers", [range(0), range(-1, 3), range(250, 257), range(0, 8, 2)])
def test_ranges_that_are_not_buckets(numbers: range) -> None:
    """An empty, broken or outlying range is refused."""
    with pytest.raises(ValueError, match="not a range"):
        Scope.buckets(numbers)


def test_loaded_types(store: Store) -> None:
    """Columns come typed by their kind, with rows and without."""
    columns = list(SHAPES["account"])
    wanted = {"id": pl.String, "account_id": pl.String} | {
        n: POLARS[k] for n, k in SHAPES["account"].items()
    }
    for _ in range(2):
        assert store.mirror.load("account", columns, Scope.all()).schema == wanted
        put(store, "account", "Account", id=["a"])


def test_users_have_no_account(store: Store) -> None:
    """Users belong to no account, so every scope has them all."""
    put(store, "user", "User", id=["u"], is_active=[True])
    loaded = store.mirror.load("user", ["is_active"], Scope.accounts(pl.Series(["a"])))
    assert loaded.to_dict(as_series=False) == {"id": ["u"], "is_active": [True]}
    assert store.mirror.dirty().is_empty()


def test_unknown_columns(store: Store) -> None:
    """A column or entity that is not mirrored is named."""
    with pytest.raises(BrokenInvariant, match="account has no colour"):
        store.mirror.load("account", ["colour"], Scope.all())
    with pytest.raises(BrokenInvariant, match="no entity 'invoice'"):
        store.mirror.load("invoice", [], Scope.all())


def test_account_ids_and_counts(book: Store) -> None:
    """Accounts are listed in order, by scope."""
    assert book.mirror.account_ids().to_list() == ["a", "b", "c"]
    assert book.mirror.account_ids(Scope.accounts(pl.Series(["c", "x"]))).to_list() == ["c"]
    assert book.mirror.count("case") == 4


def test_clear_dirty_spares_what_came_later(store: Store) -> None:
    """An account that got dirty again after the token was taken stays dirty."""
    put(store, "account", "Account", id=["a", "b"])
    token = store.mirror.dirty_token()
    ids = store.mirror.dirty()
    put(store, "case", "Case", id=["1"], account_id=["a"])
    store.mirror.clear_dirty(ids, token)
    assert store.mirror.dirty().to_list() == ["a"]
    store.mirror.clear_dirty(pl.Series(["b"]), store.mirror.dirty_token())
    assert store.mirror.dirty().to_list() == ["a"]
    store.mirror.clear_dirty(pl.Series(["a"]), store.mirror.dirty_token())
    assert store.mirror.dirty().is_empty()


def test_token_outlives_the_marks(store: Store) -> None:
    """Numbers never start again, so an old token can't clear a new mark."""
    put(store, "account", "Account", id=["a"])
    old = store.mirror.dirty_token()
    settle(store)
    store.mirror.mark_dirty(pl.Series(["a"]))
    store.mirror.clear_dirty(pl.Series(["a"]), old)
    assert store.mirror.dirty().to_list() == ["a"]


def test_write_through_makes_the_echo_no_change(book: Store) -> None:
    """What we wrote is in the mirror, the rest of the row too, and its echo is not dirty."""
    book.mirror.write_through("case", pl.DataFrame({"id": ["1"], "priority": ["p1"]}))
    assert book.mirror.dirty().is_empty()
    loaded = book.mirror.load("case", ["priority", "sla_due_at"], Scope.all()).filter(id="1")
    assert loaded.select("account_id", "priority", "sla_due_at").rows() == [("a", "p1", NOW)]
    echo = {"id": ["1"], "account_id": ["a"], "sla_due_at": [NOW], "priority": ["p1"]}
    assert put(book, "case", "Case", **echo) == 0
    assert put(book, "case", "Case", **{**echo, "priority": ["p2"]}) == 1


def test_write_through_of_a_new_record(store: Store) -> None:
    """A record that we made is there at once, belongs to its object, and its echo is no change."""
    put(store, "task", "Task", id=["0"], account_id=["z"])
    settle(store)
    row = {"id": ["1"], "account_id": ["a"], "key": ["ch1:a:r:1"], "is_open": [True]}
    store.mirror.write_through("task", pl.DataFrame(row))
    assert store.mirror.vanished("Task", [])[0].to_list() == ["0", "1"]
    assert store.mirror.load("task", [], Scope.accounts(pl.Series(["a"]))).height == 1
    assert put(store, "task", "Task", **row) == 0
    assert store.mirror.dirty().is_empty()
    with store.mirror.page() as page:
        page.begin_full("Task")
        assert page.end_full("Task") == 2


def test_write_through_clears(book: Store) -> None:
    """A null that was written is stored as null; NaN never is."""
    book.mirror.write_through("account", pl.DataFrame({"id": ["a"], "renewal_at": [None]}))
    assert book.mirror.load("account", ["renewal_at"], Scope.all())["renewal_at"].is_null().all()
    nan = pl.DataFrame({"id": ["a"], "contract_value": [float("nan")]})
    book.mirror.write_through("account", nan)
    assert (
        book.mirror.load("account", ["contract_value"], Scope.all())["contract_value"]
        .is_null()
        .all()
    )


def test_due_between(book: Store) -> None:
    """Accounts whose instant passed since then, that moment excluded, this one included."""

    def due(after: int, upto: int) -> list[str]:
        bounds = (NOW + timedelta(minutes=after), NOW + timedelta(minutes=upto))
        return book.mirror.due_between("case", "sla_due_at", *bounds).to_list()

    assert due(-1, 0) == ["a"]
    assert due(0, 60) == ["b"]
    assert due(-61, 60) == ["a", "b", "c"]
    assert due(60, 600) == []


def test_due_dates(book: Store) -> None:
    """Of a date the calendar day of the bounds counts."""
    eve = NOW.replace(year=2027, month=1, day=3, hour=23)
    morning = eve + timedelta(hours=2)
    due = book.mirror.due_between
    assert due("account", "renewal_at", eve, morning).to_list() == ["a"]
    assert due("account", "renewal_at", morning, morning + timedelta(hours=1)).to_list() == []
    with pytest.raises(BrokenInvariant, match="not a date"):
        due("account", "name", eve, morning)


def test_newest(book: Store) -> None:
    """The latest value, of all or of those until a moment; None of nothing."""
    assert book.mirror.newest("case", "sla_due_at") == NOW + timedelta(hours=1)
    assert book.mirror.newest("case", "sla_due_at", NOW) == NOW
    assert book.mirror.newest("account", "renewal_at") == date(2027, 1, 4)
    assert book.mirror.newest("account", "renewal_at", NOW) is None
    put(book, "case", "Case", id=["new"], account_id=["a"], sla_due_at=[NOW + timedelta(hours=9)])
    assert book.mirror.newest("case", "sla_due_at") == NOW + timedelta(hours=9)


def test_first_prepare_reads_everything(tmp_path: Path) -> None:
    """A new state must read every object; once all have a cursor, none."""
    store = opened(tmp_path, prepare=False)
    assert store.mirror.entities() == {}
    assert store.mirror.prepare(SHAPES, STREAMS, FEEDS) == set(STREAMS)
    assert store.mirror.entities() == SHAPES
    for name in STREAMS:
        read(store, name)
    assert store.mirror.prepare(SHAPES, STREAMS, FEEDS) == set()
    store.close()


@pytest.mark.parametrize("feeds", [FEEDS, None])
def test_changed_columns_start_the_table_again(store: Store, feeds: object) -> None:
    """A new column empties the entity's table and rereads what feeds it, and nothing else."""
    put(store, "activity", "Task", id=["1"], account_id=["a"])
    put(store, "activity", "Event", id=["2"], account_id=["a"])
    put(store, "case", "Case", id=["3"], account_id=["a"])
    for name in STREAMS:
        read(store, name)
    changed = {**SHAPES, "activity": {**SHAPES["activity"], "mood": Kind.NUMBER}}
    assert store.mirror.prepare(changed, STREAMS, feeds) == {"Task", "Event"}
    assert store.mirror.count("activity") == 0
    assert store.mirror.count("case") == 1
    assert store.mirror.last_read("Task") is None
    assert store.mirror.last_read("Case") is not None
    with store.mirror.page() as page:
        frame = pl.DataFrame({"id": ["1"], "account_id": ["a"], "mood": [1.0]})
        assert page.upsert("activity", "Task", frame) == 1


def test_unknown_feeds_reread_all(store: Store) -> None:
    """Where nobody knows what feeds a new entity, everything is read again."""
    for name in STREAMS:
        read(store, name)
    more = {**SHAPES, "survey": {"account_id": Kind.TEXT}}
    assert store.mirror.prepare(more, STREAMS) == set(STREAMS)


def test_order_of_columns_is_no_change(store: Store) -> None:
    """The same columns in another order keep table and cursors."""
    put(store, "case", "Case", id=["1"], account_id=["a"])
    for name in STREAMS:
        read(store, name)
    turned = {entity: dict(reversed(columns.items())) for entity, columns in SHAPES.items()}
    assert store.mirror.prepare(turned, STREAMS, FEEDS) == set()
    settle(store)
    assert put(store, "case", "Case", id=["1"], account_id=["a"]) == 0


def test_changed_stream_is_read_again_and_swept(store: Store) -> None:
    """An object read with other fields is read in full; its rows stay until that read ends."""
    put(store, "case", "Case", id=["1"], account_id=["a"])
    for name in STREAMS:
        read(store, name)
    assert store.mirror.prepare(SHAPES, {**STREAMS, "Case": "v2"}, FEEDS) == {"Case"}
    assert store.mirror.count("case") == 1
    assert store.mirror.cursor("Case") is None


def test_unmapped_leaves_nothing(store: Store) -> None:
    """An object no longer read takes its rows along; an entity no longer mapped its table."""
    put(store, "activity", "Task", id=["1"], account_id=["a"])
    put(store, "activity", "Event", id=["2"], account_id=["b"])
    settle(store)
    streams = {name: shape for name, shape in STREAMS.items() if name != "Event"}
    entities = {name: columns for name, columns in SHAPES.items() if name != "case"}
    store.mirror.prepare(entities, streams, FEEDS)
    assert store.mirror.load("activity", [], Scope.all())["id"].to_list() == ["1"]
    assert store.mirror.dirty().to_list() == ["b"]
    with pytest.raises(BrokenInvariant):
        store.mirror.count("case")
    assert store.mirror.prepare(entities, STREAMS, FEEDS) >= {"Event"}


def test_extra_columns_cannot_meet_ours(tmp_path: Path) -> None:
    """A company's column may bear any name: those of SQL, and those that sound like ours."""
    store = opened(tmp_path, prepare=False)
    names = ["order", "group", "feed", "bucket", "input_hash", "generation", "rowid", "select"]
    columns = dict.fromkeys(names, Kind.TEXT)
    store.mirror.prepare({"account": columns}, {"Account": "v1"})
    with store.mirror.page() as page:
        page.upsert("account", "Account", pl.DataFrame({"id": ["a"], **{n: [n] for n in names}}))
    assert store.mirror.load("account", names, Scope.all()).row(0) == ("a", "a", *names)
    store.close()


def test_account_only_through_contacts(tmp_path: Path) -> None:
    """An entity mapped without an account column reaches it through contacts alone."""
    store = opened(tmp_path, prepare=False)
    text = Kind.TEXT
    entities = {"contact": {"account_id": text}, "survey": {"contact_id": text}}
    store.mirror.prepare(entities, {"Contact": "1", "Survey": "1"})
    with store.mirror.page() as page:
        page.upsert("contact", "Contact", pl.DataFrame({"id": ["k"], "account_id": ["a"]}))
    settle(store)
    with store.mirror.page() as page:
        page.upsert("survey", "Survey", pl.DataFrame({"id": ["1"], "contact_id": ["k"]}))
    assert store.mirror.dirty().to_list() == ["a"]
    for scope in (Scope.all(), Scope.accounts(pl.Series(["a"])), Scope.buckets(range(256))):
        assert store.mirror.load("survey", [], scope).row(0) == ("1", "a", None)
    store.close()


def test_known_and_vanished(store: Store) -> None:
    """Rows of an object are counted once, and those that no page of live ids names are found."""
    put(store, "activity", "Task", id=["1", "2", "3"])
    put(store, "task", "Task", id=["3", "4"])
    put(store, "activity", "Event", id=["9"])
    assert (store.mirror.known("Task"), store.mirror.known("Event")) == (4, 1)
    assert store.mirror.known("Nothing") == 0
    for _ in range(2):
        pages = (pl.Series(ids, dtype=pl.String) for ids in (["1"], [], ["3", "1", "9", None]))
        gone, known = store.mirror.vanished("Task", pages)
        assert (gone.to_list(), known) == (["2", "4"], 4)
    assert store.mirror.vanished("Event", [])[0].to_list() == ["9"]


def test_many_live_ids(store: Store) -> None:
    """A page of live ids may be as long as those of Bulk reads."""
    ids = [f"{n:05d}" for n in range(3000)]
    put(store, "case", "Case", id=ids)
    assert store.mirror.vanished("Case", [pl.Series(ids[1:])])[0].to_list() == ids[:1]
