"""The Salesforce connector over real HTTP, against the sandbox."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from connectors.salesforce.client import Client
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.settings import Settings
from connectors.salesforce.transport import Limits
from connectors.sandbox import people
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Batch, FieldRead, Op, Page, Ports, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import (
    AuthError,
    CrmHealthError,
    QuotaExhausted,
    SetupError,
    Unavailable,
)
from crm_health.testing.ports import Log, make_ports

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
ACCOUNT = Stream(
    "Account",
    (
        FieldRead("Name", Kind.TEXT),
        FieldRead("AnnualRevenue", Kind.NUMBER),
        FieldRead("NumberOfEmployees", Kind.TEXT),
        FieldRead("CreatedDate", Kind.INSTANT),
        FieldRead("LastActivityDate", Kind.DATE),
        FieldRead("IsDeleted", Kind.TEXT),
        FieldRead("Parent.Name", Kind.TEXT),
    ),
)
CONTACT = Stream("Contact", (FieldRead("AccountId", Kind.TEXT),))
EPISODE, ESCALATION = "Health_Episode__c", "Health_Escalation__c"
SCHEMA = [
    {
        "name": name,
        "key_prefix": prefix,
        "fields": [
            {
                "name": "Health_Key__c",
                "type": "string",
                "length": 255,
                "unique": True,
                "external_id": True,
            },
            {"name": "Health_Reason__c", "type": "string", "length": 255},
        ],
    }
    for name, prefix in ((EPISODE, "a01"), (ESCALATION, "a02"))
]
Make = Callable[..., SalesforceConnector]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(now=NOW, frozen=True) as running:
        yield running


@pytest.fixture
def make(sandbox: Sandbox) -> Iterator[Make]:
    made: list[SalesforceConnector] = []

    def build(
        ports: Ports | None = None,
        page_rows: int | None = None,
        limits: Limits | None = None,
        **settings: Any,
    ) -> SalesforceConnector:
        env = {
            key.removeprefix("CRM_HEALTH_SALESFORCE_").lower(): value
            for key, value in sandbox.environment.items()
        }
        client = Client(
            Settings(**{**env, **settings}), ports or make_ports(), "62.0", limits=limits
        )
        made.append(SalesforceConnector(client, page_rows))
        return made[-1]

    yield build
    for connector in made:
        connector.close()


def accounts(sandbox: Sandbox, count: int) -> list[str]:
    return [sandbox.edit("Account", None, {"Name": f"A{n:04d}"}) for n in range(count)]


def read(connector: SalesforceConnector, stream: Stream, cursor: str | None = None) -> list[Page]:
    return list(connector.changes([Request(stream, cursor)]))


def rows_of(pages: Sequence[Page]) -> pl.DataFrame:
    return pl.concat([page.rows for page in pages])


def updates(ids: Sequence[str], **columns: list[Any]) -> Batch:
    rows = pl.DataFrame({"seq": range(1, len(ids) + 1), "id": ids, **columns})
    return Batch(Op.UPDATE, "Account", rows.with_columns(pl.col("seq").cast(pl.Int64)))


def by_seq(receipts: pl.DataFrame) -> dict[int, dict[str, Any]]:
    return {row["seq"]: row for row in receipts.iter_rows(named=True)}


def test_identity_tells_org_clock_and_zone(make: Make) -> None:
    """The clock is the service's, not ours."""
    identity = make().identity()
    assert identity.org_id.startswith("00D")
    assert identity.now == NOW
    assert identity.time_zone == "America/Los_Angeles"


def test_describe_leaves_out_what_is_not_there(make: Make) -> None:
    """Several objects cost one call; an unknown one is absent, not an error."""
    connector = make()
    connector.identity()
    before = connector.usage().calls
    found = connector.describe(["Account", "Contact", "Nothing__c"])
    assert set(found) == {"Account", "Contact"}
    assert found["Account"].fields["Name"].length == 255
    assert "Account" in found["Contact"].parents["Account"]
    assert connector.usage().calls == before + 1


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 600])
def test_a_full_read_is_complete_at_every_page_size(
    sandbox: Sandbox, make: Make, count: int
) -> None:
    """Each row comes once, the last page is marked, and only that one."""
    ids = accounts(sandbox, count)
    pages = read(make(page_rows=200), ACCOUNT)
    rows = rows_of(pages)
    assert sorted(rows["id"]) == sorted(ids)
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert rows.schema == pl.Schema(ACCOUNT.schema())


def test_reading_goes_on_from_the_cursor_of_any_page(sandbox: Sandbox, make: Make) -> None:
    """Ties on the stamp across the end of a page are neither lost nor repeated."""
    ids = accounts(sandbox, 450)  # the clock is frozen: one stamp for all
    pages = read(make(page_rows=200), ACCOUNT)
    assert len(pages) == 3
    for n, page in enumerate(pages[:-1]):
        rest = rows_of(read(make(page_rows=200), ACCOUNT, page.cursor))
        had = rows_of(pages[: n + 1])
        assert sorted([*had["id"], *rest["id"]]) == sorted(ids)


def test_a_quiet_read_is_one_call_for_five_objects(sandbox: Sandbox, make: Make) -> None:
    """With nothing new, watermarks and queries of five streams share one composite call."""
    accounts(sandbox, 3)
    streams = [
        ACCOUNT,
        CONTACT,
        *(Stream(name, (FieldRead("Id", Kind.TEXT),)) for name in ("Case", "Task", "Opportunity")),
    ]
    first = make()
    cursors = {
        page.stream.object: page.cursor
        for page in first.changes([Request(stream) for stream in streams])
        if page.last
    }
    sandbox.advance(3600)
    second = make()
    second.identity()
    second.describe([stream.object for stream in streams])
    before = second.usage().calls
    pages = list(second.changes([Request(s, cursors[s.object]) for s in streams]))
    assert second.usage().calls == before + 1
    assert [page.last for page in pages] == [True] * 5
    pages = [p for p in pages if p.stream.object != "Account"]
    assert all(page.rows.is_empty() for page in pages)
    sandbox.advance(3600)
    again = list(second.changes([Request(ACCOUNT, cursors["Account"])]))
    assert rows_of(again).height == 3  # inside the overlap of its cursor: never skipped


def test_changes_and_deletes_come_once_more_and_nothing_else(sandbox: Sandbox, make: Make) -> None:
    """A deleted row has its id only; values are typed as asked."""
    ids = accounts(sandbox, 5)
    sandbox.advance(3600)
    cursor = read(make(), ACCOUNT)[-1].cursor
    sandbox.advance(3600)
    sandbox.edit("Account", ids[1], {"NumberOfEmployees": 7, "ParentId": ids[0]})
    sandbox.delete("Account", ids[2])
    rows = rows_of(read(make(), ACCOUNT, cursor))
    assert rows.sort("id").to_dicts() == [
        {
            "id": ids[1],
            "deleted": False,
            "merged_into": None,
            "Name": "A0001",
            "AnnualRevenue": None,
            "NumberOfEmployees": "7",
            "CreatedDate": NOW,
            "LastActivityDate": None,
            "IsDeleted": "false",
            "Parent.Name": "A0000",
        },
        {"id": ids[2], "deleted": True}
        | dict.fromkeys(["merged_into", *(f.path for f in ACCOUNT.fields)]),
    ]


def test_a_row_that_becomes_visible_late_is_found(sandbox: Sandbox, make: Make) -> None:
    """While a transaction is open the watermark stays behind it."""
    accounts(sandbox, 2)
    cursor = read(make(), ACCOUNT)[-1].cursor
    sandbox.advance(60)
    held = sandbox.edit("Account", None, {"Name": "late"}, hold=True)
    for _ in range(3):
        sandbox.advance(1800)
        pages = read(make(), ACCOUNT, cursor)
        assert "late" not in rows_of(pages)["Name"]
        cursor = pages[-1].cursor
    sandbox.release(held)
    assert "late" in rows_of(read(make(), ACCOUNT, cursor))["Name"]


def test_a_cursor_from_the_future_hides_nothing_for_ever(sandbox: Sandbox, make: Make) -> None:
    """Everything is read again: what such a cursor covers is not known."""
    read(make(), ACCOUNT)
    sandbox.clock(NOW + timedelta(days=400))
    cursor = read(make(), ACCOUNT)[-1].cursor
    sandbox.clock(NOW + timedelta(days=1))
    old, gone = accounts(sandbox, 2)
    sandbox.delete("Account", gone)
    sandbox.advance(7200)
    rows = rows_of(read(make(), ACCOUNT, cursor))
    assert dict(rows.select("id", "deleted").rows()) == {old: False, gone: True}


def test_ids_are_those_of_live_rows(sandbox: Sandbox, make: Make) -> None:
    """Rows in the recycle bin don't count."""
    ids = accounts(sandbox, 203)
    sandbox.delete("Account", ids[7])
    found = [i for series in make(page_rows=200).ids("Account") for i in series]
    assert found == sorted(set(ids) - {ids[7]})


def test_an_update_changes_and_clears_and_reports_each_row(sandbox: Sandbox, make: Make) -> None:
    """A refused or deleted row does not keep the others back; a null clears."""
    ids = accounts(sandbox, 4)
    sandbox.edit("Account", ids[3], {"AnnualRevenue": 5})
    sandbox.delete("Account", ids[1])
    name = "Zoë & Söhne 'GmbH' \\ 🎈"
    receipts = by_seq(
        make().write(
            updates(
                ids,
                Name=[name, "gone", "x" * 256, "A0003"],
                AnnualRevenue=[1.5, 1.0, 1.0, None],
            )
        )
    )
    assert [receipts[n]["outcome"] for n in (1, 2, 3, 4)] == ["done", "gone", "rejected", "done"]
    assert receipts[3]["code"] == "STRING_TOO_LONG"
    assert receipts[3]["field"] == "Name"
    truth = {row["Id"]: row for row in sandbox.records("Account")}
    assert truth[ids[0]]["Name"] == name
    assert truth[ids[3]]["AnnualRevenue"] is None


def test_writes_never_assign_owners(sandbox: Sandbox, make: Make) -> None:
    """The duplicate-rule header goes with updates of accounts only."""
    seen: list[dict[str, str]] = []
    connector = make()
    send = connector._client.send

    def spy(method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
        seen.append(headers or {})
        return send(method, path, body, headers)

    connector._client.send = spy  # type: ignore[method-assign]
    connector.write(updates(accounts(sandbox, 1), Name=["x"]))
    assert seen == [
        {
            "Sforce-Auto-Assign": "FALSE",
            "Sforce-Duplicate-Rule-Header": "allowSave=true",
        }
    ]


def test_locked_rows_alone_come_again(sandbox: Sandbox, make: Make) -> None:
    """A lock that passes costs a second, small call, not a failure."""
    ids = accounts(sandbox, 10)
    sandbox.faults({"kind": "row_lock", "ids": [ids[3], ids[4]], "path": "composite/sobjects"})
    connector = make()
    receipts = connector.write(updates(ids, Name=["new"] * 10))
    assert receipts["outcome"].to_list() == ["done"] * 10
    assert connector.usage().by_kind["collections"] == 2


def test_a_lock_that_stays_is_a_retry_receipt(sandbox: Sandbox, make: Make) -> None:
    """After five rounds the row is left to the next run."""
    ids = accounts(sandbox, 3)
    sandbox.faults({"kind": "row_lock", "ids": [ids[1]], "times": 0})
    connector = make()
    receipts = by_seq(connector.write(updates(ids, Name=["new"] * 3)))
    assert [receipts[n]["outcome"] for n in (1, 2, 3)] == ["done", "retry", "done"]
    assert receipts[2]["code"] == "UNABLE_TO_LOCK_ROW"
    assert connector.usage().by_kind["collections"] == 6


def test_one_bad_row_that_fails_its_batch_is_isolated(sandbox: Sandbox, make: Make) -> None:
    """Halving finds the row that makes a customer's automation fail for all."""
    ids = accounts(sandbox, 64)
    sandbox.faults({"kind": "batch_apex", "ids": [ids[17]], "times": 0})
    connector = make()
    receipts = by_seq(connector.write(updates(ids, Name=["new"] * 64)))
    assert [seq for seq, row in receipts.items() if row["outcome"] != "done"] == [18]
    assert connector.usage().by_kind["collections"] == 1 + 2 * 6


@pytest.mark.parametrize("kind", ["reorder", "short"])
def test_an_answer_that_does_not_match_is_not_trusted_by_place(
    sandbox: Sandbox, make: Make, kind: str
) -> None:
    """What ids prove is taken; the rest is unknown, though it was written."""
    ids = accounts(sandbox, 3)
    sandbox.delete("Account", ids[0])
    sandbox.faults({"kind": kind, "path": "composite/sobjects"})
    receipts = by_seq(make().write(updates(ids, Name=["new"] * 3)))
    assert receipts[1]["outcome"] in ("unknown", "gone")
    for n in (2, 3):
        assert receipts[n]["outcome"] in ("done", "unknown")
        assert receipts[n]["id"] == ids[n - 1]


def test_a_lost_answer_is_asked_for_again(sandbox: Sandbox, make: Make) -> None:
    """An update that was carried out unseen is repeated, with the same result."""
    ids = accounts(sandbox, 2)
    sandbox.faults({"kind": "cut_after", "path": "composite/sobjects"})
    connector = make()
    receipts = connector.write(updates(ids, Name=["new", "newer"]))
    assert receipts["outcome"].to_list() == ["done", "done"]
    assert connector.usage().by_kind["collections"] == 2


def test_answers_that_stay_lost_are_unknown(sandbox: Sandbox, make: Make) -> None:
    """Then no receipt claims success, and none claims failure."""
    ids = accounts(sandbox, 2)
    sandbox.faults({"kind": "cut_after", "path": "composite/sobjects", "times": 0})
    receipts = make().write(updates(ids, Name=["new", "newer"]))
    assert receipts["outcome"].to_list() == ["unknown", "unknown"]


@pytest.fixture
def owned(sandbox: Sandbox) -> Sandbox:
    """A sandbox that has objects of ours."""
    sandbox.load({}, schema=SCHEMA)
    return sandbox


def escalations(keys: Sequence[str], reason: str) -> Batch:
    rows = pl.DataFrame(
        {
            "seq": range(1, len(keys) + 1),
            "Health_Key__c": keys,
            "Health_Reason__c": [reason] * len(keys),
        }
    ).with_columns(pl.col("seq").cast(pl.Int64))
    return Batch(Op.UPSERT, ESCALATION, rows, key_field="Health_Key__c")


def creates(account: str, keys: Sequence[str]) -> Batch:
    seq = pl.Series("seq", range(1, len(keys) + 1), dtype=pl.Int64)
    return Batch(
        Op.CREATE_ONCE,
        "Task",
        pl.DataFrame([seq, pl.Series("Subject", [f"Call {k}" for k in keys])]).with_columns(
            WhatId=pl.lit(account), Description=pl.lit(None, pl.String)
        ),
        claim=Batch(
            Op.UPSERT,
            EPISODE,
            pl.DataFrame([seq, pl.Series("Health_Key__c", list(keys))]),
            key_field="Health_Key__c",
        ),
    )


def test_an_upsert_repeated_makes_one_record(owned: Sandbox, make: Make) -> None:
    """The second time nothing is created, and each key keeps its record."""
    connector = make()
    first = connector.write(escalations(["k1", "k2", "k3"], "a"))
    second = connector.write(escalations(["k3", "k1", "k2"], "b"))
    assert first["created"].to_list() == [True] * 3
    assert second["created"].to_list() == [False] * 3
    assert second["id"].to_list() == [first["id"][2], first["id"][0], first["id"][1]]
    assert {r["Health_Reason__c"] for r in owned.records(ESCALATION)} == {"b"}
    assert len(owned.records(ESCALATION)) == 3


def test_reordered_upserts_find_their_keys(owned: Sandbox, make: Make) -> None:
    """An upsert's results name records only; which key each is about is looked up."""
    owned.faults({"kind": "reorder", "path": "composite/sobjects"})
    receipts = make().write(escalations(["k1", "k2", "k3"], "a"))
    truth = {row["Health_Key__c"]: row["Id"] for row in owned.records(ESCALATION)}
    assert receipts["outcome"].to_list() == ["done"] * 3
    assert receipts["id"].to_list() == [truth[k] for k in ("k1", "k2", "k3")]


@pytest.mark.parametrize("lost", [False, True])
def test_a_task_is_created_once_with_its_claim(owned: Sandbox, make: Make, lost: bool) -> None:
    """Whatever happens to the answer, one key has one task and one episode."""
    account = accounts(owned, 1)[0]
    if lost:
        owned.faults({"kind": "cut_after", "path": "composite/graph"})
    connector = make()
    first = connector.write(creates(account, ["e1", "e2"]))
    second = connector.write(creates(account, ["e2", "e3"]))
    assert first["outcome"].to_list() == ["done", "done"]
    assert first["created"].to_list() == [not lost] * 2
    assert second["outcome"].to_list() == ["done", "done"]
    assert second["created"].to_list() == [False, True]
    assert sorted(t["Subject"] for t in owned.records("Task")) == ["Call e1", "Call e2", "Call e3"]
    assert len(owned.records(EPISODE)) == 3


def test_many_known_claims_do_not_halt_new_ones(owned: Sandbox, make: Make) -> None:
    """The service stops after a number of failed graphs; the rest is sent again."""
    account = accounts(owned, 1)[0]
    connector = make()
    known = [f"e{n}" for n in range(40)]
    connector.write(creates(account, known))
    receipts = connector.write(creates(account, [*known, "new1", "new2"]))
    assert receipts["outcome"].to_list() == ["done"] * 42
    assert receipts["created"].to_list() == [False] * 40 + [True] * 2
    assert len(owned.records("Task")) == 42


def test_a_refused_task_leaves_no_claim(owned: Sandbox, make: Make) -> None:
    """Both or neither: the claim of a task that could not be made is rolled back."""
    batch = creates("001000000000000AAA", ["e1"])
    receipts = make().write(batch)
    assert receipts["outcome"].to_list() == ["rejected"]
    assert owned.records(EPISODE) == []


def test_a_session_that_ends_is_renewed_once(sandbox: Sandbox, make: Make) -> None:
    """One more login and the call again; every request is counted, as the service does."""
    ports = make_ports()
    connector = make(ports)
    connector.identity()
    sandbox.faults({"kind": "expire_tokens"})
    connector.identity()
    assert connector.usage().by_kind == {"login": 2, "query": 3}
    assert len(sandbox.calls()) == connector.usage().calls == ports.budget.spent == 5


def test_threads_share_one_renewal(sandbox: Sandbox, make: Make) -> None:
    """The session ends under four of them: one logs in again, the others take its session."""
    connector = make()
    connector.identity()
    sandbox.call("POST", "expire")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: connector.identity(), range(4)))
    assert len(found) == 4
    assert connector.usage().by_kind["login"] == 2


def test_a_session_refused_for_ever_ends_in_few_calls(sandbox: Sandbox, make: Make) -> None:
    """The recursion that the client library is known for does not happen."""
    sandbox.faults({"kind": "invalid_session", "path": "/services/data", "times": 0})
    connector = make()
    with pytest.raises(AuthError):
        connector.identity()
    assert connector.usage().calls <= 4


def test_a_signed_login_works_and_another_key_does_not(sandbox: Sandbox, make: Make) -> None:
    """JWT bearer: the service knows the public half."""
    key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in "12")
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    sandbox.call("POST", "keys", {"client_id": "sandbox-sync", "pem": public.decode()})
    username = next(row["Username"] for row in sandbox.records("User") if row["Id"] == people.SYNC)

    def login(signer: rsa.RSAPrivateKey) -> SalesforceConnector:
        pem = signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return make(client_secret=None, private_key=pem.decode(), username=username)

    assert login(key).identity().now == NOW
    with pytest.raises(AuthError, match="invalid_grant"):
        login(other).identity()


def test_the_loser_of_a_merge_names_the_winner(sandbox: Sandbox, make: Make) -> None:
    """So that what hung on it can follow."""
    winner, loser = accounts(sandbox, 2)
    sandbox.advance(3600)
    cursor = read(make(), ACCOUNT)[-1].cursor
    sandbox.advance(3600)
    sandbox.call("POST", "merge", {"object": "Account", "winner": winner, "loser": loser})
    rows = rows_of(read(make(), ACCOUNT, cursor))
    assert (loser, True, winner) in rows.select("id", "deleted", "merged_into").rows()


def test_wrong_credentials_are_tried_once(sandbox: Sandbox, make: Make) -> None:
    """The message names neither id nor secret."""
    connector = make(client_secret="not-the-secret")
    with pytest.raises(AuthError) as caught:
        connector.identity()
    assert "not-the-secret" not in str(caught.value)
    assert len(sandbox.calls()) == 1


@pytest.mark.parametrize(
    "kind",
    ["too_many", "server_error", "unavailable", "html", "truncate", "cut_before",
     "concurrent_limit"],
)  # fmt: skip
def test_a_passing_failure_of_a_read_is_repeated(sandbox: Sandbox, make: Make, kind: str) -> None:
    """Once is nothing; for ever is Unavailable after a handful of calls."""
    accounts(sandbox, 2)
    connector = make()
    sandbox.faults({"kind": kind, "path": "/services/data"})
    assert rows_of(read(connector, ACCOUNT)).height == 2
    sandbox.faults({"kind": kind, "path": "/services/data", "times": 0})
    before = connector.usage().calls
    with pytest.raises(Unavailable):
        read(connector, ACCOUNT)
    assert connector.usage().calls - before <= 5


def test_the_daily_limit_ends_the_run_at_once(sandbox: Sandbox, make: Make) -> None:
    """No repeats: they would only cost more."""
    sandbox.faults({"kind": "daily_limit", "path": "/services/data", "times": 0})
    connector = make()
    with pytest.raises(QuotaExhausted):
        connector.identity()
    assert connector.usage().calls == 2


def test_the_budget_is_never_overdrawn(sandbox: Sandbox, make: Make) -> None:
    """The call too many is not sent."""
    connector = make(make_ports(max_calls=2))
    connector.identity()
    with pytest.raises(QuotaExhausted):
        connector.identity()
    assert len(sandbox.calls()) == 2


@pytest.mark.parametrize("kind", ["redirect", "next_host"])
def test_no_other_host_is_ever_called(sandbox: Sandbox, make: Make, kind: str) -> None:
    """Neither a redirect nor a link to a next page leads away."""
    accounts(sandbox, 201)
    sandbox.faults({"kind": kind, "path": "query", "times": 0})
    with pytest.raises(Unavailable, match=r"[Rr]efused"):
        read(make(page_rows=200), ACCOUNT)


def test_a_dripping_answer_meets_the_deadline(sandbox: Sandbox, make: Make) -> None:
    """Bytes that keep coming do not keep the run waiting."""
    sandbox.faults({"kind": "drip", "path": "query", "seconds": 0.05, "bytes": 1, "times": 0})
    ports = Ports(make_ports().budget, time.monotonic, lambda _: None, Log())
    connector = make(ports, limits=Limits(whole=0.3))
    started = time.monotonic()
    with pytest.raises(Unavailable):
        connector.identity()
    assert time.monotonic() - started < 6


def test_a_hidden_field_is_named(sandbox: Sandbox, make: Make) -> None:
    """A right that is taken away in the middle is a matter of setup, not of rows."""
    connector = make()
    connector.describe(["Account"])
    sandbox.faults({"kind": "hide_field", "object": "Account", "field": "Account.AnnualRevenue"})
    with pytest.raises(SetupError, match=r"Account.*AnnualRevenue"):
        read(connector, ACCOUNT)


def test_an_unknown_object_is_named(make: Make) -> None:
    """The mapping names it, so the message does."""
    with pytest.raises(SetupError, match="Nothing__c"):
        read(make(), Stream("Nothing__c", ()))


def test_a_retired_version_is_a_matter_of_setup(sandbox: Sandbox, make: Make) -> None:
    """410 stops before anything is written."""
    sandbox.faults({"kind": "retire_version", "version": 62.0})
    with pytest.raises(SetupError):
        make().identity()


def test_no_error_and_no_log_names_a_secret(sandbox: Sandbox, make: Make) -> None:
    """Not even when the service sends the token back in its error."""
    log = Log()
    connector = make(make_ports(log=log))
    connector.identity()
    token = connector._client._session.token
    sandbox.faults(
        {
            "kind": "status",
            "status": 400,
            "code": "MALFORMED_QUERY",
            "message": f"bad {token}",
            "path": "query",
        }
    )
    with pytest.raises(CrmHealthError) as caught:
        connector.identity()
    assert token not in f"{caught.value!r}{log.events!r}"
    assert "sandbox-sync" not in f"{caught.value!r}{log.events!r}"
