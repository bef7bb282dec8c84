"""What BottleCRM does that no other CRM of ours does, and what the connector makes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import bottlecrm
import polars as pl
import pytest
from bottlecrm_org import Org, prepared, real_time
from faulty_wire import Rule

from connectors.bottlecrm import provisioner
from connectors.bottlecrm.client import Client
from connectors.bottlecrm.connector import BottleCrmConnector
from connectors.bottlecrm.settings import load
from connectors.bottlecrm.turn import HORIZON, NAME
from connectors.exchange import Limits
from crm_health.connector import Batch, Budget, FieldRead, Op, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import AuthError, SetupError
from crm_health.testing.ports import make_ports

if bottlecrm.environment() is None:
    pytest.skip(bottlecrm.ABSENT, allow_module_level=True)

ACCOUNTS = Stream(
    "accounts", (FieldRead("name", Kind.TEXT), FieldRead("cf_health_seats", Kind.NUMBER))
)
KEY = "cf_health_episode_key"


@pytest.fixture(scope="module")
def place() -> Iterator[Org]:
    """An org that was set up."""
    with bottlecrm.running() as crm, prepared(crm) as org:
        crm.keep()
        yield org


@pytest.fixture
def org(place: Org, monkeypatch: pytest.MonkeyPatch) -> Org:
    """As it was after setup, with the environment pointing at it."""
    place.crm.back()
    place.log.events.clear()
    place.wire.rules.clear()
    for name, value in place.variables.items():
        monkeypatch.setenv(name, value)
    return place


def _accounts(org: Org, count: int, start: int = 0, *, active: bool = True) -> list[str]:
    ids = [str(uuid4()) for _ in range(count)]
    org.crm.many(
        "INSERT INTO accounts (id, created_at, updated_at, name, is_active, is_sample, org_id,"
        " custom_fields) VALUES (%s, now(), now(), %s, %s, false, %s, '{}')",
        [(one, f"Account {n} {active}", active, org.crm.org) for n, one in enumerate(ids, start)],
    )
    return ids


def _creations(keys: list[str], account: str) -> Batch:
    seqs = range(1, len(keys) + 1)
    rows = pl.DataFrame({"seq": seqs, "title": [f"Call about {key}" for key in keys]})
    rows = rows.with_columns(pl.lit(account).alias("account"))
    claims = pl.DataFrame({"seq": seqs, KEY: keys})
    return Batch(Op.CREATE_ONCE, "tasks", rows, claim=Batch(Op.UPSERT, "tasks", claims, KEY))


def _made(org: Org) -> list[str]:
    found = org.crm.sql("SELECT custom_fields ->> 'health_episode_key' AS key FROM task")
    return sorted(row["key"] for row in found)


def test_a_list_that_moves_while_it_is_read_is_read_again(org: Org) -> None:
    """Rows made and deleted between pages hide none of those that were there all the time."""
    old = _accounts(org, 12) + _accounts(org, 5, active=False)
    found: set[str] = set()
    with org.connector() as connector:
        for n, page in enumerate(connector.changes([Request(ACCOUNTS)])):
            found |= set(page.rows["id"])
            if n == 1:
                # The list goes by descending ids: these stand before all that is still to come.
                last = max(old)
                org.crm.sql("DELETE FROM accounts WHERE id = %s", last)
                old.remove(last)
            if n == 2:
                _accounts(org, 4, start=100)
    assert found >= set(old)
    assert [name for name, _ in org.log.events] == ["bottlecrm.moved"] * len(org.log.events) != []


def test_two_writers_at_once_make_one_record_each_key(org: Org) -> None:
    """Whoever comes second waits for the next sync; no key has two tasks, and none is left out."""
    account = _accounts(org, 1)[0]
    keys = [f"ch1:{account}:rule:{n}" for n in range(6)]
    start, outcomes = threading.Barrier(3), []

    def create() -> None:
        with org.connector() as connector:
            start.wait()
            outcomes.append(connector.write(_creations(keys, account)))

    writers = [threading.Thread(target=create) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert _made(org) == keys
    assert len(outcomes) == 3
    assert {one for told in outcomes for one in told["outcome"]} <= {"done", "retry"}
    assert any(told["outcome"].to_list() == ["done"] * 6 for told in outcomes)
    with org.connector() as connector:
        again = connector.write(_creations(keys, account))
    assert again["outcome"].to_list() == ["done"] * 6
    assert not again["created"].any()
    assert _made(org) == keys


def test_a_turn_that_was_left_behind_ends(org: Org) -> None:
    """While another process may still create nobody does; what it left is taken away in the end."""
    account = _accounts(org, 1)[0]
    org.person("POST", "/api/saved-views/", {"module": "accounts", "name": NAME})
    with org.connector() as connector:
        receipts = connector.write(_creations(["a", "b"], account))
        assert receipts["outcome"].to_list() == ["retry"] * 2
        assert _made(org) == []
        age = f"{HORIZON + 5} seconds"
        org.crm.sql("UPDATE saved_view SET created_at = now() - %s::interval", age)
        receipts = connector.write(_creations(["a", "b"], account))
    assert receipts["outcome"].to_list() == ["done"] * 2
    assert _made(org) == ["a", "b"]
    assert org.crm.sql("SELECT name FROM saved_view") == []


def test_nobody_creates_while_a_creation_without_answer_may_be_at_work(org: Org) -> None:
    """The CRM is slower than our patience: until its turn is old the key is left alone."""
    account = _accounts(org, 1)[0]
    hasty = Client(load("1"), make_ports(log=org.log), limits=Limits(read=2.0))
    slow = BottleCrmConnector(hasty)
    org.crm.hold("LOCK TABLE task IN SHARE ROW EXCLUSIVE MODE", ())
    try:
        assert slow.write(_creations(["a"], account))["outcome"].to_list() == ["unknown"]
    finally:
        slow.close()
        org.crm.release()
    with org.connector() as connector:
        assert connector.write(_creations(["a"], account))["code"].to_list() == ["CH-BC-TURN"]
        for _ in range(100):
            if _made(org):
                break
            time.sleep(0.1)
        org.crm.sql("UPDATE saved_view SET created_at = now() - interval '1 hour'")
        assert connector.write(_creations(["a"], account))["outcome"].to_list() == ["done"]
    assert _made(org) == ["a"]


def test_nobody_creates_after_a_server_died_over_a_creation(org: Org) -> None:
    """A proxy says 502, and the database may carry out all the same what it was told."""
    account = _accounts(org, 1)[0]
    org.wire.writes.clear()

    def die() -> None:
        while "POST /api/tasks/" not in org.wire.writes:
            time.sleep(0.01)
        time.sleep(0.5)
        org.crm.stop()
        org.crm.start()

    killer = threading.Thread(target=die)
    org.crm.hold("LOCK TABLE task IN SHARE ROW EXCLUSIVE MODE", ())
    try:
        killer.start()
        with org.connector(real_time()) as connector:
            receipt = connector.write(_creations(["a"], account)).to_dicts()[0]
        assert (receipt["outcome"], receipt["code"]) == ("unknown", "HTTP-502")
        with org.connector() as connector:
            assert connector.write(_creations(["a"], account))["code"].to_list() == ["CH-BC-TURN"]
    finally:
        killer.join()
        org.crm.release()
    for _ in range(100):
        if _made(org):
            break
        time.sleep(0.1)
    assert _made(org) == ["a"]


def test_a_creation_that_broke_off_half_way_is_finished(org: Org) -> None:
    """The CRM saves a task and then its owner: where it fails in between, the owner comes after."""
    account = _accounts(org, 1)[0]
    owner = org.crm.profile()
    batch = _creations(["a"], account)
    batch = replace(batch, rows=batch.rows.with_columns(pl.lit(owner).alias("assigned_to")))
    org.crm.sql("CREATE SEQUENCE breaks")
    org.crm.sql(
        "CREATE FUNCTION break_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('breaks') = 1 THEN RAISE EXCEPTION 'broken off'; END IF;"
        " RETURN NEW; END $$"
    )
    org.crm.sql(
        "CREATE TRIGGER break_once BEFORE INSERT ON task_assigned_to"
        " FOR EACH ROW EXECUTE FUNCTION break_once()"
    )
    try:
        with org.connector() as connector:
            assert connector.write(batch)["outcome"].to_list() == ["done"]
    finally:
        org.crm.sql("DROP FUNCTION break_once CASCADE")
        org.crm.sql("DROP SEQUENCE breaks")
    assert _made(org) == ["a"]
    owners = org.crm.sql("SELECT profile_id FROM task_assigned_to")
    assert [str(row["profile_id"]) for row in owners] == [owner]


def test_calls_that_run_out_in_a_batch_are_told(org: Org) -> None:
    """What was made has its receipts, the rest is for later, and usage says why."""
    account = _accounts(org, 1)[0]
    # Fields, the turn, and three calls for each of two.
    ports = replace(make_ports(log=org.log), budget=Budget(8))
    with org.connector(ports) as connector:
        receipts = connector.write(_creations(["a", "b", "c"], account))
        assert connector.usage().exhausted
    assert receipts["outcome"].to_list() == ["done", "done", "retry"]
    assert _made(org) == ["a", "b"]


def test_a_field_that_was_removed_is_missed_before_anything_is_written(org: Org) -> None:
    """The CRM would say all is well and forget the value: the run ends with the field's name."""
    account = _accounts(org, 1)[0]
    rows = pl.DataFrame({"seq": [1], "id": [account], "name": ["New"], "cf_health_score": [70.0]})
    org.crm.sql(
        "UPDATE custom_field_definition SET is_active = false"
        " WHERE key = 'health_score' AND target_model = 'Account'"
    )
    with org.connector() as connector:
        with pytest.raises(SetupError, match="cf_health_score"):
            connector.write(Batch(Op.UPDATE, "accounts", rows))
        gone = Stream("accounts", (FieldRead("cf_health_score", Kind.NUMBER),))
        with pytest.raises(SetupError, match="cf_health_score"):
            list(connector.changes([Request(gone)]))
    assert org.crm.sql("SELECT name FROM accounts")[0]["name"] == "Account 0 True"
    setup = provisioner(make_ports(), "1", org.config.mapping)
    assert [s.name for s in setup.missing() if not s.done] == ["accounts.cf_health_score"]
    setup.apply()
    assert all(step.done for step in setup.missing())
    setup.close()


def test_a_record_that_does_not_get_through_holds_up_no_other(org: Org) -> None:
    """Too large is refused, stopped by a firewall is for later; all stopped is an outage."""
    ids = _accounts(org, 8)
    rows = pl.DataFrame({"seq": range(8), "id": ids}).with_columns(cf_health_score=pl.lit(70.0))
    batch = Batch(Op.UPDATE, "accounts", rows)
    org.wire.rules += [Rule("blocked", "PATCH", ids[1]), Rule("too_large", "PATCH", ids[3])]
    with org.connector() as connector:
        outcomes = connector.write(batch)["outcome"].to_list()
        assert outcomes == ["done", "retry", "done", "rejected"] + ["done"] * 4
        org.wire.rules[:] = [Rule("blocked", "PATCH", times=99)]
        calls = org.wire.calls
        assert connector.write(batch)["outcome"].to_list() == ["retry"] * 8
    # The custom fields, and four of the records.
    assert org.wire.calls - calls == 5


def test_setup_leaves_the_labels_that_an_admin_gave(org: Org) -> None:
    """An option that is lacking is added; people go on seeing their own words for the others."""
    field = "FROM custom_field_definition WHERE key = 'health_band' AND target_model = 'Account'"
    told = org.crm.sql(f"SELECT id, options {field}")[0]
    renamed = [{**one, "label": f"Our {one['value']}"} for one in told["options"][1:]]
    org.person("PUT", f"/api/custom-fields/{told['id']}/", {"options": renamed})
    setup = provisioner(make_ports(), "1", org.config.mapping)
    setup.apply()
    setup.close()
    assert org.crm.sql(f"SELECT options {field}")[0]["options"] == [*renamed, told["options"][0]]


def test_a_field_that_was_retyped_is_told_by_row_and_by_setup(org: Org) -> None:
    """Values that no longer fit are refused or reported, one by one; setup names the field."""
    account = _accounts(org, 1)[0]
    org.crm.sql("UPDATE accounts SET custom_fields = %s::jsonb", '{"health_seats": "a hundred"}')
    org.crm.sql(
        "UPDATE custom_field_definition SET field_type = 'number' WHERE key = 'health_trend'"
    )
    rows = pl.DataFrame({"seq": [1], "id": [account], "cf_health_trend": ["Falling"]})
    with org.connector() as connector:
        receipt = connector.write(Batch(Op.UPDATE, "accounts", rows)).to_dicts()[0]
        page = list(connector.changes([Request(ACCOUNTS)]))[-1]
    assert (receipt["outcome"], receipt["field"]) == ("rejected", "cf_health_trend")
    assert page.bad.to_dicts() == [
        {"id": account, "path": "cf_health_seats", "problem": "not a number"}
    ]
    setup = provisioner(make_ports(), "1", org.config.mapping)
    with pytest.raises(SetupError, match="cf_health_trend must be text, it is number"):
        setup.apply()
    setup.close()


def test_a_member_sees_what_is_theirs_and_may_not_set_up(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads and writes end where the user's sight ends; only an admin makes fields."""
    mine, other = _accounts(org, 2)
    member = org.crm.members()[0]
    org.crm.sql(
        "INSERT INTO accounts_assigned_to (account_id, profile_id) VALUES (%s, %s)",
        mine, org.crm.profile(member),
    )  # fmt: skip
    monkeypatch.setenv("CRM_HEALTH_BOTTLECRM_TOKEN", org.crm.new_token(member))
    rows = pl.DataFrame({"seq": [1, 2], "id": [mine, other], "cf_health_score": [70.0, 70.0]})
    with org.connector() as connector:
        assert [i for ids in connector.ids("accounts") for i in ids] == [mine]
        receipts = connector.write(Batch(Op.UPDATE, "accounts", rows))
        assert "may not see" in connector.describe(["users"])["users"].hidden
    assert receipts["outcome"].to_list() == ["done", "gone"]
    org.crm.sql("DELETE FROM custom_field_definition WHERE key = 'health_why'")
    setup = provisioner(make_ports(), "1", org.config.mapping)
    with pytest.raises(AuthError, match="admin"):
        setup.apply()
    setup.close()


def test_a_token_without_a_scope_says_which(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Describing an object that the token may not list names the scope, and so does reading it."""
    token = org.crm.new_token(scopes=["accounts:read", "org:read", "custom-fields:read"])
    monkeypatch.setenv("CRM_HEALTH_BOTTLECRM_TOKEN", token)
    with org.connector() as connector:
        assert connector.identity().org_id == org.crm.org
        assert "cases:read" in connector.describe(["cases"])["cases"].hidden
        with pytest.raises(AuthError, match="cases:read"):
            list(connector.changes([Request(Stream("cases", ()))]))


def test_a_module_that_is_switched_off_is_told_from_deleted_records(org: Org) -> None:
    """Both answer 404: records of a module that is off are not taken for gone."""
    org.crm.sql("UPDATE organization SET modules_off = '[\"tickets\"]'::jsonb")
    try:
        with org.connector() as connector:
            assert "tickets" in connector.describe(["cases"])["cases"].hidden
            rows = pl.DataFrame({"seq": [1], "id": [str(uuid4())], "status": ["New"]})
            with pytest.raises(SetupError, match="tickets"):
                connector.write(Batch(Op.UPDATE, "cases", rows))
    finally:
        org.crm.sql("UPDATE organization SET modules_off = '[]'::jsonb")


def test_a_restart_in_the_middle_of_a_read_is_waited_for(org: Org) -> None:
    """The CRM goes down between two pages and comes back: every row is read once."""
    seeded = _accounts(org, 8)
    found: list[str] = []
    back = threading.Thread(target=org.crm.start)
    with org.connector(real_time()) as connector:
        for n, page in enumerate(connector.changes([Request(ACCOUNTS)])):
            found.extend(page.rows["id"])
            if n == 0:
                org.crm.stop()
                back.start()
    back.join()
    assert sorted(found) == sorted(seeded)
