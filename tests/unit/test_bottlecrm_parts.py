"""BottleCRM without BottleCRM: settings, refusals, and what the mapping names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from connectors.bottlecrm.closed import Closed, forget
from connectors.bottlecrm.cursor import FRESH, Place
from connectors.bottlecrm.errors import Absent, Refused, fault_of, request_error
from connectors.bottlecrm.objects import CUSTOM, OBJECTS
from connectors.bottlecrm.provision_wanted import wanted
from connectors.bottlecrm.settings import PREFIX, load
from connectors.bottlecrm.wire import Wanted
from connectors.http import Hopeless, LostAnswer, redact
from crm_health.config.load import load as load_config
from crm_health.errors import (
    AuthError,
    ConfigError,
    CrmHealthError,
    RateLimited,
    SetupError,
    Unavailable,
)
from crm_health.testing.ports import MemoryNotes

TOKEN = "bcrm_pat_0123456789abcdefghijklmnop"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}URL", "https://crm.example.com/")
    monkeypatch.setenv(f"{PREFIX}TOKEN", TOKEN)


def test_settings_know_the_host_and_keep_the_token(tmp_path: Path) -> None:
    """The address loses its slash; the token is in no text of the settings, nor in a log line."""
    settings = load("1")
    assert settings.url == "https://crm.example.com"
    assert settings.bearer == TOKEN
    assert TOKEN not in repr(settings)
    assert TOKEN not in redact(f"token {TOKEN}, and more")


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.com",
        "https://crm.example.com/api",
        "https://me@crm.example.com",
        "https://crm.example.com?x=1",
        "crm.example.com",
    ],
)
def test_an_address_is_a_host_and_no_more(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http to another machine would show the token to all in between."""
    monkeypatch.setenv(f"{PREFIX}URL", url)
    with pytest.raises(ConfigError, match="URL must be https"):
        load("1")


def test_everything_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One error for address and token, and one for a version that there is not."""
    monkeypatch.delenv(f"{PREFIX}URL")
    monkeypatch.delenv(f"{PREFIX}TOKEN")
    with pytest.raises(ConfigError, match=f"{PREFIX}URL and {PREFIX}TOKEN or {PREFIX}TOKEN_FILE"):
        load("1")
    with pytest.raises(ConfigError, match="version"):
        load("v3")


def test_setup_has_a_token_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one only setup uses it."""
    monkeypatch.setenv(f"{PREFIX}SETUP_TOKEN", "bcrm_pat_of_an_admin")
    assert load("1").bearer == TOKEN
    assert load("1", admin=True).bearer == "bcrm_pat_of_an_admin"


#: Answers of release 1.35.0, shortened: status, body, whether we wrote, what it means to us.
ANSWERS: list[tuple[int, str, bool, type[CrmHealthError], str]] = [
    (400, '{"error": true, "errors": {"name": ["Too long."]}}', True, Refused, "name"),
    (
        400,
        '{"error": true, "errors": {"custom_fields": {"health_score": "must be a number"}}}',
        True,
        Refused,
        "cf_health_score",
    ),
    (401, '{"detail": "Given token not valid"}', False, AuthError, ""),
    (403, '{"detail": "Organization context is required. Please login."}', True, AuthError, ""),
    (403, '{"detail": "Token revoked or expired"}', True, AuthError, ""),
    (403, '{"detail": "This token is not scoped. It needs the cases:read scope."}', False,
     AuthError, ""),
    (403, '{"detail": "You do not have Permission to perform this action"}', True, Refused, ""),
    (403, '{"error": true, "errors": "Permission Denied"}', False, AuthError, ""),
    (404, '{"detail": "No Account matches the given query."}', True, Absent, ""),
    (404, '{"detail": "Off.", "code": "module_off", "module": "tickets"}', True, SetupError, ""),
    (404, "<h1>Not Found</h1>", True, SetupError, ""),
    (413, "<h1>Too large</h1>", True, Refused, ""),
    (403, "<h1>Blocked by a firewall</h1>", True, Hopeless, ""),
    (400, "<h1>Bad request</h1>", True, Hopeless, ""),
    (429, '{"detail": "Request was throttled."}', True, RateLimited, ""),
    (500, "<h1>Server Error (500)</h1>", False, Unavailable, ""),
    (502, "<h1>Bad gateway</h1>", True, LostAnswer, ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "wrote", "kind", "field"), ANSWERS)
def test_each_refusal_has_its_meaning(
    status: int, body: str, wrote: bool, kind: type[CrmHealthError], field: str
) -> None:
    """What the caller must do follows from status and body; its words stay out of the message."""
    error = request_error(
        fault_of(body.encode(), status), "a call", {}, None, applied_perhaps=wrote
    )
    assert type(error) is kind
    assert getattr(error, "field", "") == field
    assert "Too long" not in error.message
    assert "throttled" not in error.message


def test_a_lacking_scope_is_named() -> None:
    """The message says which one to add."""
    body = '{"detail": "This token is not scoped for read. It needs the cases:read scope."}'
    error = request_error(fault_of(body.encode(), 403), "a read", {}, None, applied_perhaps=False)
    assert "cases:read" in error.message


def test_the_packaged_mapping_names_what_there_is() -> None:
    """Objects and standard fields are BottleCRM's; the rest is what setup makes."""
    mapping = load_config(None, crm="bottlecrm").mapping
    made = {new.shown for new in wanted(mapping)}
    for feeds in mapping.read.values():
        for feed in feeds:
            known = OBJECTS[feed.object].fields
            for source in (*feed.columns.values(), *feed.extra.values()):
                for path in source.paths:
                    assert path in known or f"{feed.object}.{path}" in made, path
    task, escalation = mapping.write.task, mapping.write.escalation
    for name in (task.subject, task.body, task.owner, task.due, task.status, task.account):
        assert OBJECTS[task.object].fields[name].writable
    for name in (escalation.key, escalation.seal, escalation.due):
        assert name.startswith(CUSTOM)
        assert f"{escalation.object}.{name}" in made


def test_what_a_closed_task_said_is_asked_again_in_time() -> None:
    """After two weeks at the latest, and at once where its row, the fields or a write differ."""
    notes = MemoryNotes()
    row = {"id": "a", "title": "Call", "status": "Completed"}
    read = Closed(notes, ("cf_key",), 100)
    assert read.recall(row) is None
    read.learn(row, {**row, "cf_key": "k"})
    read.keep()
    told = [Closed(notes, ("cf_key",), day).recall(row) for day in range(100, 115)]
    assert told[0] == told[6] == {"cf_key": "k"}
    assert told[-1] is None
    assert Closed(notes, ("cf_key",), 101).recall({**row, "title": "Other"}) is None
    assert Closed(notes, ("cf_key", "cf_more"), 101).recall(row) is None
    forget(notes, ["b"])
    assert Closed(notes, ("cf_key",), 101).recall(row) is not None
    forget(notes, ["a"])
    assert Closed(notes, ("cf_key",), 101).recall(row) is None


def test_a_read_that_broke_off_goes_on_for_some_hours_only() -> None:
    """What it read before a weekend is not what the CRM holds after it."""
    began = datetime(2026, 11, 20, 18, tzinfo=UTC)
    place = replace(Place.load(None, 2, began), seen=(400, 297), last=("a", "b"))
    soon = began + timedelta(seconds=FRESH - 1)
    assert Place.load(place.dump(), 2, soon) == place
    assert Place.load(place.dump(), 2) == place
    late = began + timedelta(seconds=FRESH)
    assert Place.load(place.dump(), 2, late) == Place.load(None, 2, late)
    assert Place.load(place.dump(), 1, soon) == Place.load(None, 1, soon)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"1" + b"0" * 300, "1e+300"),
        (b"[1, 2]", "[1,2]"),
        (b'{"a": true}', '{"a":true}'),
    ],
)
@pytest.mark.parametrize("key", ["health_seats", "of_the_companys_own"])
def test_one_odd_value_holds_up_no_other(key: str, value: bytes, text: str) -> None:
    """A number of forty digits, in a field that is read or not, or a list comes as its text."""
    cases = [
        {"id": "a", "account": {"id": "x"}, "custom_fields": {key: "VALUE", "plain": True}},
        {"id": "b", "account": None, "custom_fields": {"plain": 1.5}},
    ]
    body = orjson.dumps({"cases": cases, "cases_count": 2}).replace(b'"VALUE"', value)
    wanted = Wanted(OBJECTS["cases"], ("account", "cf_health_seats", "cf_plain"))
    [part] = wanted.page(body)
    assert part.rows.rows() == [
        ("a", "x", text if key == "health_seats" else None, "true"),
        ("b", None, None, "1.5"),
    ]
    with pytest.raises(Unavailable):
        wanted.page(body.replace(b'"cases":[', b'"cases":[7,'))
