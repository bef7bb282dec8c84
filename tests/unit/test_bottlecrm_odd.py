"""Answers that are JSON and yet not BottleCRM's: each node of a good one replaced in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
import polars as pl
import pytest

from connectors.bottlecrm.client import Client
from connectors.bottlecrm.connector import BottleCrmConnector
from connectors.bottlecrm.provision import BottleCrmProvisioner
from connectors.bottlecrm.settings import Settings
from connectors.bottlecrm.transport import Transport
from connectors.bottlecrm.turn import NAME
from connectors.exchange import Reply
from connectors.http import Patience
from crm_health.config.load import load
from crm_health.connector import Batch, FieldRead, Op, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import AuthError, SetupError, Unavailable
from crm_health.testing.ports import make_ports

Json = Any
#: In a node's place; `_ABSENT` takes it away.
_ABSENT = object()
_ODD: tuple[Json, ...] = (None, [], {}, [None], "odd", -1, _ABSENT)
_ID, _OTHER = "0d1f3c1e-0000-4000-8000-000000000001", "0d1f3c1e-0000-4000-8000-000000000002"
_TASK = {
    "id": _ID, "title": "Call", "status": "New", "account": {"id": _OTHER, "name": "A"},
    "assigned_to": [{"id": _OTHER}], "tags": [{"name": "x"}], "due_date": "2026-01-05",
}  # fmt: skip
_FIELD = {"id": _ID, "target_model": "Task", "is_active": True}
#: As release 1.35.0 answers, shortened: by method and path.
GOOD: dict[tuple[str, str], Json] = {
    ("GET", "/api/org/settings/"): {"id": _ID, "timezone": "UTC"},
    ("GET", "/api/custom-fields/"): {
        "definitions": [
            {**_FIELD, "key": "health_mark", "field_type": "text", "options": None},
            {**_FIELD, "key": "health_episode_key", "field_type": "text", "options": {}},
            {**_FIELD, "key": "health_severity", "field_type": "dropdown",
             "options": [{"value": "S1", "label": "Worst"}]},
        ]
    },
    ("GET", "/api/accounts/"): {
        "active_accounts": {
            "open_accounts_count": 1,
            "open_accounts": [{"id": _ID, "name": "A", "rollups": {"first_won_on": None}}],
        },
        "closed_accounts": {"close_accounts_count": 0, "close_accounts": []},
    },
    ("GET", "/api/tasks/"): {
        "tasks_count": 1, "tasks": [_TASK], "accounts_list": [{"id": _OTHER, "name": "A"}],
    },
    ("GET", f"/api/tasks/{_ID}/"): {
        "task_obj": {**_TASK, "custom_fields": {"health_episode_key": "k", "health_mark": None}}
    },
    ("PATCH", f"/api/tasks/{_ID}/"): {"error": False},
    ("POST", "/api/tasks/"): {"error": False, "message": "Task Created Successfully"},
    ("GET", "/api/interactions/"): {"count": 1, "interactions": [{"id": _ID, "kind": "call"}]},
    ("POST", "/api/saved-views/"): {"id": _ID, "name": NAME},
    ("GET", "/api/saved-views/"): {
        "limit": 50,
        "saved_views": [{"id": _ID, "name": NAME, "created_at": "2026-01-05T10:00:00Z"}],
    },
}  # fmt: skip


class _Canned(Transport):
    """Answers from a table."""

    answers: Mapping[tuple[str, str], Json] = GOOD
    view_is_taken = False

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        self.now = datetime(2026, 1, 5, 10, 0, 30, tzinfo=UTC)
        where = (method, urlsplit(path).path)
        if self.view_is_taken and where == ("POST", "/api/saved-views/"):
            return Reply(400, None, b'{"error": true, "errors": {"name": ["taken"]}}', {})
        if method == "DELETE":
            return Reply(204, None, b"", {})
        if where not in self.answers:
            return Reply(404, None, b'{"detail": "Not found."}', {})
        return Reply(200, None, orjson.dumps(self.answers[where]), {})


def _texts(crm_object: str, *paths: str) -> list[Request]:
    return [Request(Stream(crm_object, tuple(FieldRead(path, Kind.TEXT) for path in paths)))]


def _create(connector: BottleCrmConnector) -> pl.DataFrame:
    rows = pl.DataFrame({"seq": [1], "title": ["Call"]})
    claims = pl.DataFrame({"seq": [1], "cf_health_episode_key": ["k"]})
    claim = Batch(Op.UPSERT, "tasks", claims, "cf_health_episode_key")
    return connector.write(Batch(Op.CREATE_ONCE, "tasks", rows, claim=claim))


def _update(connector: BottleCrmConnector) -> pl.DataFrame:
    rows = pl.DataFrame({"seq": [1], "id": [_ID], "cf_health_severity": ["S1"]})
    return connector.write(Batch(Op.UPDATE, "tasks", rows))


#: What is done, and the answers that it depends on.
WORK: dict[str, tuple[Callable[[BottleCrmConnector], object], tuple[tuple[str, str], ...]]] = {
    "identity": (lambda c: c.identity(), (("GET", "/api/org/settings/"),)),
    "describe": (lambda c: c.describe(["tasks"]), (("GET", "/api/custom-fields/"),)),
    "accounts": (
        lambda c: list(c.changes(_texts("accounts", "name", "first_won_on"))),
        (("GET", "/api/accounts/"),),
    ),
    "tasks": (
        lambda c: list(c.changes(_texts("tasks", "title", "account", "assigned_to", "tags",
                                        "cf_health_episode_key"))),
        (("GET", "/api/tasks/"), ("GET", f"/api/tasks/{_ID}/")),
    ),
    "interactions": (
        lambda c: list(c.changes(_texts("interactions", "kind"))),
        (("GET", "/api/tasks/"), ("GET", "/api/interactions/")),
    ),
    "create": (
        _create,
        (("GET", "/api/tasks/"), ("POST", "/api/tasks/"), ("POST", "/api/saved-views/")),
    ),
    "taken": (_create, (("GET", "/api/saved-views/"),)),
    "update": (_update, (("PATCH", f"/api/tasks/{_ID}/"),)),
}  # fmt: skip


def _odd_ones(good: Json) -> Iterator[Json]:
    """Copies of an answer with one node, or the whole of it, replaced or taken away."""
    yield from (odd for odd in _ODD if odd is not _ABSENT)
    places = list(good) if isinstance(good, dict) else range(len(good)) if _is_list(good) else ()
    for place in places:
        for odd in (_ABSENT, *_odd_ones(good[place])):
            copy = good.copy()
            if odd is _ABSENT:
                del copy[place]
            else:
                copy[place] = odd
            yield copy


def _is_list(told: Json) -> bool:
    return isinstance(told, list)


def _client(answers: Mapping[tuple[str, str], Json], *, taken: bool = False) -> Client:
    settings = Settings(url="https://crm.example.com", token="bcrm_pat_0123456789")
    ports = make_ports()
    client = Client(settings, ports, patience=Patience(attempts=1))
    canned = _Canned(ports, settings.url)
    canned.answers, canned.view_is_taken = answers, taken
    client._http = canned
    return client


@pytest.mark.parametrize("name", WORK)
def test_an_odd_answer_ends_as_one_of_our_errors(name: str) -> None:
    """Whatever stands where something else is due, nothing but the contract's errors comes out."""
    work, needs = WORK[name]
    work(BottleCrmConnector(_client(GOOD, taken=name == "taken")))
    told = 0
    for where in needs:
        for odd in _odd_ones(GOOD[where]):
            connector = BottleCrmConnector(_client({**GOOD, where: odd}, taken=name == "taken"))
            try:
                work(connector)
            except (Unavailable, SetupError, AuthError):
                told += 1
            except BaseException as error:
                pytest.fail(f"{type(error).__name__} where {where} answers {orjson.dumps(odd)!r}")
    assert told > 0 or name in ("create", "taken", "update")


def test_setup_takes_no_odd_list_of_fields_for_an_empty_one() -> None:
    """Else it would make fields that are there."""
    where = ("GET", "/api/custom-fields/")
    mapping = load(None, crm="bottlecrm").mapping
    for odd in ({}, {"definitions": None}, {"definitions": [7]}, {"definitions": [{"id": _ID}]}):
        setup = BottleCrmProvisioner(_client({**GOOD, where: odd}), mapping)
        with pytest.raises(Unavailable):
            setup.missing()
