"""The mapping held against what the org has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sync_kit import config

from crm_health import errors
from crm_health.config.load import load
from crm_health.config.mapping import Mapping
from crm_health.connector import FieldInfo, ObjectInfo
from crm_health.entities import ENTITIES, Kind
from crm_health.sync import streams
from crm_health.testing.clock import FixedClock
from crm_health.testing.memory import InMemoryConnector
from crm_health.testing.memory_crm import MemoryCrm
from crm_health.testing.memory_schema import define_for
from crm_health.testing.ports import make_ports

Infos = dict[str, ObjectInfo]


def infos_of(mapping: Mapping) -> Infos:
    crm = MemoryCrm(FixedClock())
    define_for(crm, mapping)
    connector = InMemoryConnector(crm, make_ports(crm.clock))
    return connector.describe(streams.objects(mapping))


@pytest.fixture
def mapping() -> Mapping:
    return config().mapping


@pytest.fixture
def infos(mapping: Mapping) -> Infos:
    return infos_of(mapping)


def without(infos: Infos, name: str, *paths: str) -> Infos:
    kept = {path: f for path, f in infos[name].fields.items() if path not in paths}
    return infos | {name: replace(infos[name], fields=kept)}


def changed(infos: Infos, name: str, path: str, change: Callable[[FieldInfo], FieldInfo]) -> Infos:
    fields = {**infos[name].fields, path: change(infos[name].fields[path])}
    return infos | {name: replace(infos[name], fields=fields)}


def test_everything_there_is_read_once(mapping: Mapping, infos: Infos) -> None:
    """One stream an object, each path once, no warning, and all columns in the shapes."""
    reads = streams.resolve(mapping, infos)
    assert reads.warnings == ()
    names = [stream.object for stream in reads.streams]
    assert sorted(names) == sorted(
        {"Account", "Case", "Usage", "User", "Task", "Episode", "Escalation"}
    )
    for stream in reads.streams:
        paths = [field.path for field in stream.fields]
        assert paths == sorted(set(paths))
    assert reads.shapes["account"]["shown_score"] is Kind.NUMBER
    assert reads.shapes["account"]["given"] is Kind.NUMBER
    assert reads.shapes["case"]["account_id"] is Kind.TEXT
    assert reads.shapes["account"]["account_id"] is Kind.TEXT
    assert "account_id" not in reads.shapes["user"]
    assert set(reads.shapes) == {
        "account",
        "case",
        "usage",
        "user",
        "task",
        "episode",
        "escalation",
    }


def test_what_nobody_feeds_is_missing(mapping: Mapping, infos: Infos) -> None:
    """Unmapped columns of mapped entities, and all columns of unmapped ones."""
    missing = streams.resolve(mapping, infos).missing
    assert "closed_at" in missing["case"]
    assert "opened_at" not in missing["case"]
    assert missing["survey"] == {column.name for column in ENTITIES["survey"].columns}


def test_an_optional_field_degrades_with_a_warning(mapping: Mapping, infos: Infos) -> None:
    """The column is missing, the rest of the feed is read."""
    reads = streams.resolve(mapping, without(infos, "Case", "Due"))
    assert reads.warnings == ("Case.Due is not in this org: case.sla_due_at is missing",)
    (feed,) = reads.feeds_of("Case")
    assert "sla_due_at" not in feed.columns
    # Hours by priority give one all the same; without these nothing does.
    assert "sla_due_at" not in reads.missing["case"]
    (stream,) = [s for s in reads.streams if s.object == "Case"]
    assert "Due" not in [field.path for field in stream.fields]


def test_an_unreadable_field_counts_as_not_there(mapping: Mapping, infos: Infos) -> None:
    """What the user may not see can't be read, whoever else can."""
    hidden = changed(infos, "Case", "Due", lambda f: replace(f, readable=False))
    plain = mapping.read["case"][0].model_copy(update={"sla_hours": None})
    without_hours = mapping.model_copy(update={"read": {**mapping.read, "case": (plain,)}})
    assert "sla_due_at" in streams.resolve(without_hours, hidden).missing["case"]


def test_all_that_is_required_and_missing_is_named_at_once(mapping: Mapping, infos: Infos) -> None:
    """One error for objects, fields and outputs, and that nothing was written."""
    poor = without(infos, "Account", "Value", "HScore", "HMemory")
    poor = without(poor, "Task", "Description", "Priority")
    del poor["Usage"], poor["Escalation"]
    with pytest.raises(errors.SetupError) as raised:
        streams.resolve(mapping, poor)
    named = "Account.HMemory, Account.HScore, Account.Value, Escalation, Task.Description, "
    assert f"{named}Task.Priority, Usage. Nothing was written" in raised.value.message


def test_outputs_must_be_writable(mapping: Mapping, infos: Infos) -> None:
    """A formula or a field without the right to edit is refused before anything is read."""
    locked = changed(infos, "Account", "HBand", lambda f: replace(f, updateable=False))
    locked = changed(locked, "Episode", "Cleared", lambda f: replace(f, updateable=False))
    locked = changed(locked, "Escalation", "Score", lambda f: replace(f, createable=False))
    with pytest.raises(errors.SetupError) as raised:
        streams.resolve(mapping, locked)
    for name in ("Account.HBand", "Episode.Cleared", "Escalation.Score"):
        assert f"{name} (read-only)" in raised.value.message
    # What is only read may well be read-only.
    fixed = changed(infos, "Account", "Value", lambda f: replace(f, updateable=False))
    assert streams.resolve(mapping, fixed).warnings == ()


def test_an_optional_object_feeds_nothing() -> None:
    """Its entity is not there at all, with a warning."""
    given = load(None).mapping
    poor = infos_of(given)
    del poor["Health_Usage__c"], poor["Asset"]
    reads = streams.resolve(given, poor)
    assert "usage" not in reads.shapes
    assert reads.missing["usage"] == {column.name for column in ENTITIES["usage"].columns}
    assert "Health_Usage__c is not in this org: nothing feeds usage" in reads.warnings
    assert "Asset is not in this org: nothing feeds subscription" in reads.warnings


def test_an_optional_feed_that_is_not_there_is_no_news_where_another_stands_in(
    mapping: Mapping, infos: Infos
) -> None:
    """Who keeps usage in one of two places needs no warning of the other."""
    (usage,) = mapping.read["usage"]
    daily = usage.model_copy(update={"object": "Daily", "optional": True})
    both = mapping.model_copy(update={"read": {**mapping.read, "usage": (daily, usage)}})
    assert streams.resolve(both, infos).warnings == ()
    only = mapping.model_copy(update={"read": {**mapping.read, "usage": (daily, daily)}})
    warnings = streams.resolve(only, infos).warnings
    assert warnings == ("Daily is not in this org: nothing feeds usage",)


def test_what_the_user_may_not_see_is_told_with_what_would_change_that(
    mapping: Mapping, infos: Infos
) -> None:
    """A needed object: AuthError, nothing is read. An optional one: a warning all the same."""
    why = "The token lacks a scope: add usage.read."
    hidden = infos | {"Usage": ObjectInfo("Usage", {}, hidden=why)}
    with pytest.raises(errors.AuthError, match=r"add usage\.read\..*Usage can't be read"):
        streams.resolve(mapping, hidden)
    feeds = tuple(feed.model_copy(update={"optional": True}) for feed in mapping.read["usage"])
    optional = mapping.model_copy(update={"read": {**mapping.read, "usage": feeds}})
    assert streams.resolve(optional, hidden).warnings == (f"Usage can't be read: {why[:-1]}",)


def test_one_object_that_feeds_two_entities_is_read_once() -> None:
    """Tasks are both activities and our own tasks read back."""
    given = load(None).mapping
    reads = streams.resolve(given, infos_of(given))
    assert [s.object for s in reads.streams].count("Task") == 1
    assert {feed.entity for feed in reads.feeds_of("Task")} == {"activity", "task"}
    assert sorted(reads.objects_of("activity")) == ["Event", "Task"]
    (stream,) = [s for s in reads.streams if s.object == "Task"]
    paths = {field.path for field in stream.fields}
    assert {"WhoId", "Health_Key__c", "Status", "Subject"} <= paths


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("High", "Medium", "Low"), "p1"),
        (("Critical", "High", "Low"), "p2"),
        ((), "p2"),
    ],
)
def test_a_picklist_without_the_worst_promotes(values: tuple[str, ...], expected: str) -> None:
    """Where an org has none of the given values its High is the worst; else it is not."""
    given = load(None).mapping
    picklist = changed(infos_of(given), "Case", "Priority", lambda f: replace(f, values=values))
    (feed,) = streams.resolve(given, picklist).feeds_of("Case")
    translated = feed.columns["priority"].values
    assert translated is not None
    assert translated["High"] == expected
    assert translated["Low"] == "p4"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("boolean", Kind.BOOLEAN),
        ("bool", Kind.BOOLEAN),
        ("double", Kind.NUMBER),
        ("currency", Kind.NUMBER),
        ("percent", Kind.NUMBER),
        ("int", Kind.NUMBER),
        ("number", Kind.NUMBER),
        ("date", Kind.DATE),
        ("datetime", Kind.INSTANT),
        ("picklist", Kind.TEXT),
        ("reference", Kind.TEXT),
        ("something new", Kind.TEXT),
    ],
)
def test_fields_cross_as_what_describe_says(
    mapping: Mapping, infos: Infos, kind: str, expected: Kind
) -> None:
    """The wire follows the org, the column follows the entity."""
    typed = changed(infos, "Account", "Value", lambda f: replace(f, type=kind))
    reads = streams.resolve(mapping, typed)
    (stream,) = [s for s in reads.streams if s.object == "Account"]
    assert {f.path: f.kind for f in stream.fields}["Value"] is expected
    assert reads.shapes["account"]["contract_value"] is Kind.NUMBER


def test_paths_through_lookups_need_the_lookup() -> None:
    """The lookup must be there; its own field is taken as text."""
    feed: dict[str, Any] = {"read": {"account": {"columns": {"industry": "Parent.Industry"}}}}
    given = config(mapping=feed).mapping
    infos = infos_of(given)
    with pytest.raises(errors.SetupError, match=r"Account\.Parent\.Industry"):
        streams.resolve(given, infos)
    known = infos | {"Account": replace(infos["Account"], parents={"Parent": ("Account",)})}
    (stream,) = [s for s in streams.resolve(given, known).streams if s.object == "Account"]
    assert {f.path: f.kind for f in stream.fields}["Parent.Industry"] is Kind.TEXT


def test_of_several_paths_those_there_are_taken() -> None:
    """An optional source with several paths goes on with what is left."""
    feed: dict[str, Any] = {"industry": {"field": ["One", "Two"], "optional": True}}
    given = config(mapping={"read": {"account": {"columns": feed}}}).mapping
    reads = streams.resolve(given, without(infos_of(given), "Account", "One"))
    (account,) = reads.feeds_of("Account")
    assert account.columns["industry"].paths == ("Two",)
    assert reads.warnings == ("Account.One is not in this org: account.industry is missing",)


def test_texts_know_their_room(mapping: Mapping, infos: Infos) -> None:
    """Lengths are those of texts only."""
    lengths = streams.resolve(mapping, infos).lengths
    assert lengths[("Escalation", "Evidence")] == 2000
    assert ("Account", "Value") not in lengths
