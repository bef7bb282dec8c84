"""Tasks made once in an account that takes no unique property on them: claims at the company."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from connectors.hubspot.client import Client
from connectors.hubspot.settings import load
from connectors.hubspot.write import Writer
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Batch, Ledger, Op
from crm_health.errors import BrokenInvariant, SetupError
from crm_health.testing.clock import FixedClock
from crm_health.testing.conformance.kit import by_seq, outcomes
from crm_health.testing.ports import make_ports

LEDGER = Ledger("companies", "claims", "associations.companies")
TEXT = {"label": "Text", "type": "string", "fieldType": "textarea"}
VERSION = "2026-09"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An empty portal that takes no unique property on tasks."""
    with Sandbox.start(frozen=True) as box:
        for name, value in box.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        box.hubspot.settings(unique_tasks=False, limits=False, enrich_after=0, search_lag=0)
        box.hubspot.define("tasks", {**TEXT, "name": "key"})
        box.hubspot.define("companies", {**TEXT, "name": "claims"})
        yield box


Made = Callable[..., Client]


@pytest.fixture
def made(sandbox: Sandbox) -> Iterator[Made]:
    """Makes clients; their pauses move the portal's clock as well."""
    clients = []

    def one(version: str = VERSION, **settings: Any) -> Client:
        clock = FixedClock()

        def sleep(seconds: float) -> None:
            clock.sleep(seconds)
            sandbox.advance(seconds)

        ports = replace(make_ports(clock), sleep=sleep)
        client = Client(load(version).model_copy(update=settings), ports, version)
        clients.append(client)
        return client

    yield one
    for client in clients:
        client.close()


def _tasks(*rows: tuple[str, str], contact: str | None = None, **values: Any) -> Batch:
    """Tasks of (company, key) each."""
    seqs = list(range(1, len(rows) + 1))
    companies = {"associations.companies": [company for company, _ in rows]}
    shown = {
        "hs_task_subject": [f"for {key}" for _, key in rows],
        "hs_timestamp": ["2026-03-02T12:00:00.000Z"] * len(rows),
        **values,
    }
    if contact is not None:
        shown["associations.contacts"] = [contact] * len(rows)
    claim = pl.DataFrame({"seq": seqs, "key": [key for _, key in rows], **companies})
    rows_ = pl.DataFrame({"seq": seqs, **companies, **shown})
    return Batch(
        Op.CREATE_ONCE,
        "tasks",
        rows_,
        claim=Batch(Op.UPSERT, "tasks", claim, "key"),
        ledger=LEDGER,
    )


def _company(sandbox: Sandbox) -> str:
    return sandbox.hubspot.edit("companies", None, {"name": "Acme"})


def _live(sandbox: Sandbox, kind: str = "tasks") -> list[dict[str, Any]]:
    return [row for row in sandbox.hubspot.records(kind) if not row["archived"]]


def _claims(sandbox: Sandbox, company: str) -> list[str]:
    row = next(r for r in sandbox.hubspot.records("companies") if r["id"] == company)
    return [line.split("@")[0] for line in (row.get("claims") or "").splitlines()]


def _hangs_on(client: Client, row_id: str, kind: str = "companies") -> list[str]:
    path = client.paths.associations("tasks", kind, "read")
    answer = client.post(path, {"inputs": [{"id": row_id}]}).json()
    return [str(to["toObjectId"]) for one in answer["results"] for to in one["to"]]


@pytest.mark.parametrize("version", ["v3", "2026-03", VERSION])
def test_a_task_is_claimed_read_back_and_made(sandbox: Sandbox, made: Made, version: str) -> None:
    """Looked for, claimed, read again, made with its key and company: as many calls as told."""
    company, client = _company(sandbox), made(version)
    writer = Writer(client)
    receipts = by_seq(writer.write(_tasks((company, "a"), (company, "b"))))
    assert [receipts[n]["created"] for n in (1, 2)] == [True, True]
    stored = {row["id"]: row["key"] for row in _live(sandbox)}
    assert stored == {receipts[1]["id"]: "a", receipts[2]["id"]: "b"}
    assert _hangs_on(client, receipts[1]["id"]) == [company]
    assert _claims(sandbox, company) == ["a", "b"]
    # The others: is the key unique, which association type, what hangs there, what is searched.
    ends = ("companies/batch/read", "/batch/update", "/batch/create")
    paths = [c["path"] for c in sandbox.calls() if c["path"].endswith(ends)]
    order = [path.rsplit("/", 1)[1] for path in paths if "associations" not in path]
    assert order == ["read", "update", "read", "create"]
    assert writer.calls_for(Op.CREATE_ONCE, 2) == 4


def test_what_is_there_is_found_and_stays_as_people_left_it(sandbox: Sandbox, made: Made) -> None:
    """A later sync overwrites nothing and claims nothing."""
    company = _company(sandbox)
    batch = _tasks((company, "a"))
    first = by_seq(Writer(made()).write(batch))[1]["id"]
    sandbox.hubspot.edit("tasks", first, {"hs_task_subject": "mine"})
    receipt = by_seq(Writer(made()).write(batch))[1]
    assert (receipt["outcome"], receipt["id"], receipt["created"]) == ("done", first, False)
    assert [row["hs_task_subject"] for row in _live(sandbox)] == ["mine"]
    assert _claims(sandbox, company) == ["a"]


def test_a_task_that_was_taken_from_its_company_is_found_and_put_back(
    sandbox: Sandbox, made: Made
) -> None:
    """A company that was restored has lost its associations: search knows the task."""
    company = _company(sandbox)
    batch = _tasks((company, "a"))
    first = by_seq(Writer(made()).write(batch))[1]["id"]
    sandbox.hubspot.archive("companies", company)
    sandbox.hubspot.unarchive("companies", company)
    sandbox.advance(3_600)
    assert _hangs_on(client := made(), first) == []
    assert by_seq(Writer(client).write(batch))[1]["id"] == first
    assert _hangs_on(client, first) == [company]


def test_a_claim_without_a_task_is_waited_for_and_then_taken_over(
    sandbox: Sandbox, made: Made
) -> None:
    """A sync died behind its claim: until the horizon nobody knows, then the task is made."""
    company = _company(sandbox)
    sandbox.faults({"kind": "cut_before", "path": "tasks/.*batch/create|tasks/batch/create"})
    batch = _tasks((company, "a"))
    assert outcomes(Writer(made()).write(batch)) == ["unknown"]
    young = by_seq(Writer(made()).write(batch))[1]
    assert (young["outcome"], young["code"]) == ("retry", "CH-HS-CLAIMED")
    sandbox.advance(900)
    assert by_seq(Writer(made()).write(batch))[1]["created"] is True
    assert len(_live(sandbox)) == 1
    assert _claims(sandbox, company) == ["a", "a"]


@pytest.mark.parametrize("kind", ["cut_after", "truncate", "html"])
def test_a_task_whose_answer_was_lost_is_never_sent_again(
    sandbox: Sandbox, made: Made, kind: str
) -> None:
    """It is looked for: it is there, and it is done."""
    company = _company(sandbox)
    sandbox.faults({"kind": kind, "path": "/tasks/batch/create", "times": 0})
    ends = outcomes(Writer(made()).write(_tasks((company, "a"), (company, "b"))))
    sent = [c for c in sandbox.calls() if c["path"].endswith("/tasks/batch/create")]
    assert len(sent) == 1
    # A proxy's page came instead of the service's answer: nothing was made.
    there = kind != "html"
    assert ends == (["done", "done"] if there else ["unknown", "unknown"])
    assert len(_live(sandbox)) == (2 if there else 0)


def test_a_task_that_a_person_deleted_may_be_made_again(sandbox: Sandbox, made: Made) -> None:
    """Who deletes a task deletes its episode: while its cause lasts it opens again."""
    company = _company(sandbox)
    batch = _tasks((company, "a"))
    first = by_seq(Writer(made()).write(batch))[1]["id"]
    sandbox.hubspot.archive("tasks", first)
    assert outcomes(Writer(made()).write(batch)) == ["retry"]
    sandbox.advance(900)
    assert by_seq(Writer(made()).write(batch))[1]["created"] is True


def test_a_cleared_property_makes_no_second_task(sandbox: Sandbox, made: Made) -> None:
    """A person empties it, or writes a note: the task itself is found."""
    company = _company(sandbox)
    batch = _tasks((company, "a"))
    Writer(made()).write(batch)
    for text in ("", "who writes here?"):
        sandbox.hubspot.edit("companies", company, {"claims": text})
        assert by_seq(Writer(made()).write(batch))[1]["created"] is False
    assert len(_live(sandbox)) == 1


def test_a_company_that_is_gone_or_merged_holds_up_nobody(sandbox: Sandbox, made: Made) -> None:
    """Its row says so; the others are made."""
    here, gone, one, two = (_company(sandbox) for _ in range(4))
    sandbox.hubspot.archive("companies", gone)
    sandbox.hubspot.merge("companies", one, two)
    batch = _tasks((gone, "a"), (here, "b"), (one, "c"))
    receipts = by_seq(Writer(made()).write(batch))
    assert [receipts[n]["outcome"] for n in (1, 2, 3)] == ["gone", "done", "retry"]
    assert receipts[3]["code"] == "CH-HS-MERGED"
    assert [row["key"] for row in _live(sandbox)] == ["b"]


def test_a_hundred_tasks_of_one_company_and_of_a_hundred(sandbox: Sandbox, made: Made) -> None:
    """The calls do not grow with the rows; the second time all are found."""
    one = _company(sandbox)
    for rows in (
        [(one, f"k{n}") for n in range(100)],
        [(_company(sandbox), f"m{n}") for n in range(100)],
    ):
        before = len(sandbox.calls())
        assert outcomes(Writer(made()).write(_tasks(*rows))) == ["done"] * 100
        assert len(sandbox.calls()) - before <= 10
        assert outcomes(Writer(made()).write(_tasks(*rows))) == ["done"] * 100
    assert len(_live(sandbox)) == 200
    assert len(_claims(sandbox, one)) == 100


def test_a_full_property_holds_up_its_own_company_only(sandbox: Sandbox, made: Made) -> None:
    """65,536 characters of young claims: the row waits, and says why."""
    full, other = _company(sandbox), _company(sandbox)
    now = f"{sandbox.clock():%Y-%m-%dT%H:%M:%SZ}"
    text = "\n".join(f"{'k' * 600}{n}@{now}-0a1b2c" for n in range(103))
    padded = f"{'k' * (65_500 - len(text))}@{now}-0a1b2c\n{text}"
    sandbox.hubspot.edit("companies", full, {"claims": padded})
    receipts = by_seq(Writer(made()).write(_tasks((full, "a"), (other, "b"))))
    assert (receipts[1]["outcome"], receipts[1]["code"]) == ("retry", "CH-HS-CLAIMS-FULL")
    assert receipts[2]["outcome"] == "done"


def test_a_slow_service_makes_no_claim_that_could_be_wrong(sandbox: Sandbox, made: Made) -> None:
    """Longer from reading to writing than others wait: not trusted, and the receipt tells why."""
    company, client = _company(sandbox), made()
    post = client.post

    def slow(path: str, *args: Any, **more: Any) -> Any:
        if path.endswith("companies/batch/update"):
            client.ports.sleep(11)
        return post(path, *args, **more)

    client.post = slow  # type: ignore[method-assign]
    receipt = by_seq(Writer(client).write(_tasks((company, "a"))))[1]
    assert (receipt["outcome"], receipt["code"]) == ("retry", "CH-HS-CLAIM-SLOW")
    assert _live(sandbox) == []


def test_a_refused_task_blocks_no_other_and_may_be_sent_when_it_is_mended(
    sandbox: Sandbox, made: Made
) -> None:
    """One value is no option of its property: its row says which, its claim ends by itself."""
    company = _company(sandbox)
    bad = _tasks((company, "a"), (company, "b"), hs_task_priority=["NONSENSE", "HIGH"])
    receipts = by_seq(Writer(made()).write(bad))
    assert [receipts[n]["outcome"] for n in (1, 2)] == ["rejected", "done"]
    assert receipts[1]["field"] == "hs_task_priority"
    sandbox.advance(900)
    good = _tasks((company, "a"), (company, "b"), hs_task_priority=["LOW", "HIGH"])
    receipts = by_seq(Writer(made()).write(good))
    assert [receipts[n]["created"] for n in (1, 2)] == [True, False]


def test_a_task_outlives_its_contact(sandbox: Sandbox, made: Made) -> None:
    """The contact was deleted: the task is made at its company, and the receipt says so."""
    company = _company(sandbox)
    contact = sandbox.hubspot.edit("contacts", None, {"email": "x@example.com"})
    client = made()
    held = by_seq(Writer(client).write(_tasks((company, "a"), contact=contact)))[1]
    assert (held["outcome"], held["code"]) == ("done", None)
    assert _hangs_on(client, held["id"], "contacts") == [contact]
    sandbox.hubspot.archive("contacts", contact)
    lost = by_seq(Writer(client).write(_tasks((company, "b"), contact=contact)))[1]
    assert (lost["outcome"], lost["created"]) == ("done", True)
    assert lost["field"] == "associations.contacts"
    assert "did not associate" in lost["message"]
    assert _hangs_on(client, lost["id"]) == [company]


def test_without_a_place_for_claims_nothing_is_made(sandbox: Sandbox, made: Made) -> None:
    """No such property, or none in the mapping: SetupError names what is missing."""
    company = _company(sandbox)
    batch = _tasks((company, "a"))
    with pytest.raises(SetupError, match="not unique"):
        Writer(made()).write(replace(batch, ledger=None))
    with pytest.raises(SetupError, match="health_claims of companies"):
        Writer(made()).write(replace(batch, ledger=replace(LEDGER, field="health_claims")))
    with pytest.raises(BrokenInvariant):
        Writer(made()).write(replace(batch, ledger=replace(LEDGER, by="company")))
    assert _live(sandbox) == []
