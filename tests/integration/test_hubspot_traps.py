"""What HubSpot makes easy to get wrong: our own records as inputs, others' fields as outputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hubspot_portal import CALM, COMPANIES, Account, escalations, live

from connectors.sandbox.hubspot import gateway
from connectors.sandbox.hubspot.wire import Request
from crm_health.config.mapping import Mapping

#: Moves when a task of ours is logged, which would make a silent customer look busy.
_ANY_ACTIVITY = "notes_last_updated"


@pytest.fixture
def requests(account: Account, monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Every request that the account gets from now on."""
    assert account.box.org is not None
    seen: list[Request] = []
    serve: Callable[..., Any] = gateway.serve

    def watched(org: Any, request: Request) -> Any:
        seen.append(request)
        return serve(org, request)

    monkeypatch.setattr(gateway, "serve", watched)
    return seen


def _sent(requests: list[Request]) -> dict[str, set[str]]:
    """Object to the properties that were written."""
    found: dict[str, set[str]] = defaultdict(set)
    for request in requests:
        path = urlsplit(request.url).path
        assert request.method in ("GET", "POST"), "single records are never saved"
        if path.startswith("/crm/objects/") and path.endswith(("/create", "/update", "/upsert")):
            for one in orjson.loads(request.body)["inputs"]:
                found[path.split("/")[-3]] |= set(one["properties"])
    return found


def _asked(requests: list[Request]) -> set[str]:
    """The properties that were read or searched by."""
    found: set[str] = set()
    for request in requests:
        query = parse_qs(urlsplit(request.url).query)
        found |= {name for text in query.get("properties", ()) for name in text.split(",")}
        body = orjson.loads(request.body) if request.method == "POST" else {}
        if isinstance(body.get("properties"), list):
            found |= set(body["properties"])
        for group in body.get("filterGroups", ()):
            found |= {one["propertyName"] for one in group["filters"]}
    return found


def _ours(mapping: Mapping) -> dict[str, set[str]]:
    """Object to the properties that the mapping says we may write."""
    write = mapping.write
    task, episode, escalation = write.task, write.episode, write.escalation
    at = {"task": task, "episode": episode, "escalation": escalation}
    found: dict[str, set[str]] = {"companies": set(write.account.values())}
    for part in at.values():
        values = [v for v in part.model_dump().values() if isinstance(v, str)]
        found.setdefault(part.object, set()).update(values)
    found[task.object] |= set(task.constants)
    found[escalation.object] |= set(escalation.constants)
    if write.case:
        found.setdefault("tickets", set()).add(write.case.context)
    if episode.claims:
        found["companies"].add(episode.claims)
    return found


def test_nothing_but_what_the_mapping_names_is_ever_in_a_body(
    account: Account, requests: list[Request]
) -> None:
    """Over an opening, an edit of ours put back and a closing: no stage of people's, no owner."""
    account.sync()
    account.box.advance(3600)
    account.box.hubspot.edit("companies", COMPANIES[1], {"health_band": "Red"})
    account.box.hubspot.edit("tickets", "2001", {"hs_pipeline_stage": "4"})
    account.box.advance(60)
    account.sync()
    sent, ours = _sent(requests), _ours(account.config.mapping)
    assert set(sent) == {"companies", "tickets", "tasks"}
    for name, properties in sent.items():
        assert properties <= ours[name], name
    for theirs in ("lifecyclestage", "hubspot_owner_id", "name", "hs_csm_sentiment"):
        assert theirs not in sent["companies"]


def test_the_stamp_that_our_own_tasks_move_is_never_read(
    account: Account, requests: list[Request]
) -> None:
    """Neither in a list nor in a search: calls, meetings and e-mails tell who is in touch."""
    account.sync()
    account.box.advance(3600)
    account.box.hubspot.touch(100, "companies")
    account.box.advance(60)
    account.sync()
    asked = _asked(requests)
    assert {"lifecyclestage", "hs_timestamp", "hs_lastmodifieddate"} <= asked
    assert _ANY_ACTIVITY not in asked
    moved = account.company()[_ANY_ACTIVITY]
    assert moved, "our task has moved it, or nothing is tested here"


def test_our_tasks_tickets_and_properties_are_no_inputs(account: Account) -> None:
    """However people change them, every fact stays what it was; a ticket of people's moves one."""
    account.sync()
    account.box.advance(60)
    account.sync(full=True)
    before = {i: account.receipt(i) for i in COMPANIES}
    hub = account.box.hubspot
    (task,), (ticket,) = live(account.box, "tasks"), escalations(account.box)
    hub.edit("tasks", task, {"hs_task_status": "COMPLETED", "hs_task_subject": "QBR, training"})
    worse = {"hs_ticket_priority": "URGENT", "hs_pipeline": "0", "hs_pipeline_stage": "1"}
    hub.edit("tickets", ticket["id"], worse)
    for one in COMPANIES:
        hub.edit("companies", one, {"health_why": "Ours", "health_trend": "Declining"})
    account.box.advance(60)
    account.sync(full=True)
    for one in COMPANIES:
        after = account.receipt(one)
        assert after["facts"] == before[one]["facts"]
        assert after["computed"] == before[one]["computed"]
    assert len(escalations(account.box)) == len(live(account.box, "tasks")) == 1
    hub.edit("tickets", CALM, {"hs_ticket_priority": "URGENT"})
    account.box.advance(60)
    account.sync(full=True)
    assert account.receipt(COMPANIES[1])["facts"] != before[COMPANIES[1]]["facts"]
