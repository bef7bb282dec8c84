"""Setup of a Salesforce org, against the sandbox over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.salesforce.client import Answer, Client
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.fields import FieldType, fits, long_text, number, text
from connectors.salesforce.provision import SalesforceProvisioner, provisioner
from connectors.salesforce.provision_wanted import wanted
from connectors.salesforce.settings import load
from connectors.sandbox import people
from connectors.sandbox.handle import Sandbox, environment
from crm_health.config.mapping import Mapping
from crm_health.connector import Request
from crm_health.errors import AuthError, Rejected, SetupError
from crm_health.sync.streams import objects, resolve
from crm_health.testing.ports import make_ports

VERSION = "65.0"
MAPPING = Path(__file__).parents[2] / "mappings" / "salesforce.yaml"


def _raw() -> dict[str, Any]:
    held: dict[str, Any] = yaml.safe_load(MAPPING.read_text(encoding="utf-8"))
    return held


def _mapping(raw: dict[str, Any]) -> Mapping:
    # YAML has lists where the models have tuples; read as JSON they are the same.
    return Mapping.model_validate_json(json.dumps(raw))


@pytest.fixture
def mapping() -> Mapping:
    """The mapping that is shipped."""
    return _mapping(_raw())


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An empty org with the environment of an admin pointing at it."""
    with Sandbox.start() as made:
        for name, value in environment(made.url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CRM_HEALTH_SALESFORCE_SETUP_CLIENT_ID", "sandbox-admin")
        monkeypatch.setenv("CRM_HEALTH_SALESFORCE_SETUP_CLIENT_SECRET", "sandbox-admin")
        yield made


def _made(mapping: Mapping) -> SalesforceProvisioner:
    return provisioner(make_ports(), VERSION, mapping)


def test_setup_makes_all_that_the_mapping_needs(sandbox: Sandbox, mapping: Mapping) -> None:
    """After setup the integration user sees every field of ours, and may edit what we write."""
    setup = _made(mapping)
    before = setup.missing()
    assert not any(step.done for step in before)
    assert all(step.done for step in setup.apply())
    connector = SalesforceConnector.of(load(VERSION), make_ports(), VERSION)
    need = wanted(mapping)
    found = connector.describe(sorted({new.object for new in need.fields} | {"Task"}))
    for new in need.fields:
        info = found[new.object].fields[new.name]
        assert info.updateable is ((new.object, new.name) in need.writes), new.shown
    for name in (mapping.write.episode.object, mapping.write.escalation.object):
        key = found[name].fields["Health_Key__c"]
        assert (key.unique, key.length) == (True, 255)
        assert found[name].createable


def test_setup_twice_changes_nothing(
    sandbox: Sandbox, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run finds everything and sends no metadata change and no record."""
    setup = _made(mapping)
    setup.apply()
    state = {name: sandbox.records(name) for name in ("FieldPermissions", "PermissionSet")}
    seen = len(sandbox.calls())
    sent: list[bytes] = []
    soap = Client.soap

    def spy(client: Client, body: bytes) -> bytes:
        sent.append(body)
        return soap(client, body)

    monkeypatch.setattr(Client, "soap", spy)
    again = _made(mapping)
    assert all(step.done for step in again.missing())
    assert all(step.done for step in again.apply())
    assert sent
    assert not any(b"upsertMetadata" in body for body in sent)
    assert sum(call["writes"] for call in sandbox.calls()[seen:]) == 0
    assert {name: sandbox.records(name) for name in state} == state
    assert len(sandbox.records("PermissionSetAssignment")) == 1


def test_looking_changes_nothing(sandbox: Sandbox, mapping: Mapping) -> None:
    """`missing` leaves an empty org empty."""
    _made(mapping).missing()
    assert sandbox.records("PermissionSet") == []
    assert sandbox.org is not None
    assert sandbox.org.records.object("Health_Escalation__c") is None


def test_only_what_is_missing_is_made(sandbox: Sandbox, mapping: Mapping) -> None:
    """Setup after a field was deleted names and makes that field alone."""
    setup = _made(mapping)
    setup.apply()
    assert sandbox.org is not None
    sandbox.org.records.remove_field("Account", "Health_Why__c")
    lacking = [step.name for step in setup.missing() if not step.done]
    assert lacking == ["Account.Health_Why__c"]
    setup.apply()
    assert all(step.done for step in setup.missing())


def test_words_that_a_list_lacks_are_added(sandbox: Sandbox, mapping: Mapping) -> None:
    """Bands of one's own, on accounts and escalations; words of somebody else's stay."""
    _made(mapping).apply()
    assert sandbox.org is not None
    records = sandbox.org.records
    old = records.need("Account").fields["health_band__c"]
    own = replace(old, picklist=(*old.picklist, "Somebody's"), restricted=True)
    records.add_field("Account", own)
    longer = mapping.with_words({"band": ("Healthy", "At Risk", "Unknown")})
    connector = SalesforceConnector.of(load(VERSION), make_ports(), VERSION)
    told = r"lacks.*: the word 'Healthy' in the list Account.Health_Band__c, the word 'At Risk'"
    with pytest.raises(SetupError, match=told):
        resolve(longer, connector.describe(objects(longer)))
    setup = _made(longer)
    lacking = [step.name for step in setup.missing() if not step.done]
    assert lacking == ["Account.Health_Band__c", "Health_Escalation__c.Band__c"]
    assert all(step.done for step in setup.apply())
    assert all(step.done for step in setup.missing())
    found = records.need("Account").fields["health_band__c"]
    new = ("Green", "Yellow", "Red", "Unknown", "Somebody's", "Healthy", "At Risk")
    assert (found.picklist, found.restricted, found.label) == (new, True, old.label)
    again = SalesforceConnector.of(load(VERSION), make_ports(), VERSION)
    resolve(longer, again.describe(objects(longer)))


def test_a_right_that_was_taken_away_is_given_back(sandbox: Sandbox, mapping: Mapping) -> None:
    """A field that our set no longer grants is granted again."""
    setup = _made(mapping)
    setup.apply()
    right = next(
        row for row in sandbox.records("FieldPermissions") if row["Field"].endswith("Score__c")
    )
    sandbox.delete("FieldPermissions", right["Id"])
    assert [s.name for s in setup.missing() if not s.done] == ["Crm_Health"]
    setup.apply()
    assert all(step.done for step in setup.missing())


def test_a_field_of_another_type_stops_setup(sandbox: Sandbox, mapping: Mapping) -> None:
    """The message names object, field and both types, and nothing at all was changed."""
    raw = _raw()
    raw["write"]["account"]["band"] = "Health_Score__c"
    raw["write"]["account"]["score"] = "Health_Other__c"
    _made(_mapping(raw)).apply()
    state = sandbox.records("FieldPermissions")
    with pytest.raises(SetupError, match=r"Account\.Health_Score__c is Picklist .* Number\(3,0\)"):
        _made(mapping).apply()
    assert sandbox.records("FieldPermissions") == state


def test_setup_as_the_integration_user_says_who_should(
    sandbox: Sandbox, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an administrator's credentials the error names the variable to set."""
    monkeypatch.delenv("CRM_HEALTH_SALESFORCE_SETUP_CLIENT_ID")
    with pytest.raises(AuthError, match="CRM_HEALTH_SALESFORCE_SETUP_CLIENT_ID"):
        _made(mapping).apply()
    assert sandbox.records("PermissionSet") == []


def test_the_sync_user_may_be_named(
    sandbox: Sandbox, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set goes to the user of that name; an unknown name is an error without a change."""
    user = next(row for row in sandbox.records("User") if row["IsActive"])
    monkeypatch.setenv("CRM_HEALTH_SALESFORCE_SYNC_USER", user["Username"])
    _made(mapping).apply()
    (assignment,) = sandbox.records("PermissionSetAssignment")
    assert assignment["AssigneeId"] == user["Id"]
    monkeypatch.setenv("CRM_HEALTH_SALESFORCE_SYNC_USER", "nobody@example.com")
    with pytest.raises(SetupError, match="SYNC_USER"):
        _made(mapping).apply()


def test_a_licence_that_is_too_small_is_named(
    sandbox: Sandbox, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service assigns no set that the user's licence does not allow: setup says what to do."""
    send = Client.send

    def refuse(client: Client, method: str, path: str, *rest: Any) -> Any:
        if path.endswith("/PermissionSetAssignment"):
            raise Rejected(code="FIELD_INTEGRITY_EXCEPTION")
        return send(client, method, path, *rest)

    monkeypatch.setattr(Client, "send", refuse)
    with pytest.raises(SetupError, match="permission set license Salesforce API Integration"):
        _made(mapping).apply()


def test_the_sync_user_is_known_by_the_data_api_alone(sandbox: Sandbox, mapping: Mapping) -> None:
    """An app that has only the scope api is enough: the identity service is never asked."""
    _made(mapping).apply()
    (held,) = sandbox.records("PermissionSetAssignment")
    assert held["AssigneeId"] == people.SYNC
    assert not [call for call in sandbox.calls() if "userinfo" in call["path"]]


def test_a_user_that_the_org_does_not_name_is_asked_for(
    sandbox: Sandbox, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of resources without the identity is no guess at who syncs."""
    get = Client.get

    def nameless(client: Client, path: str, *rest: Any, **more: Any) -> Any:
        found = get(client, path, *rest, **more)
        return Answer(b"{}") if path == f"{client.data}/" else found

    monkeypatch.setattr(Client, "get", nameless)
    with pytest.raises(SetupError, match="SYNC_USER"):
        _made(mapping).missing()


def test_nothing_of_ours_is_required_and_nobody_may_delete(
    sandbox: Sandbox, mapping: Mapping
) -> None:
    """The set grants no delete and no modify-all, and every one of its fields may be empty."""
    _made(mapping).apply()
    for right in sandbox.records("ObjectPermissions"):
        assert not right["PermissionsDelete"]
        assert not right["PermissionsModifyAllRecords"]
    written = {f"{o}.{path}" for o, path in wanted(mapping).writes}
    editable = {r["Field"] for r in sandbox.records("FieldPermissions") if r["PermissionsEdit"]}
    # The service grants a task's fields on events too, which a set without EditEvent can't edit.
    twins = {name.replace("Task.", "Event.") for name in written if name.startswith("Task.")}
    assert editable <= written | twins
    (held,) = sandbox.records("PermissionSet")
    assert {name for name in held if name.startswith("Permissions") and held[name]} == {
        "PermissionsActivitiesAccess",
        "PermissionsEditTask",
    }


@pytest.mark.parametrize("column", ["PermissionsActivitiesAccess", "PermissionsEditTask"])
def test_a_user_permission_that_was_taken_away_is_given_back(
    sandbox: Sandbox, mapping: Mapping, column: str
) -> None:
    """Without them activities can't be read, or tasks not be made; setup says so and mends it."""
    _made(mapping).apply()
    (held,) = sandbox.records("PermissionSet")
    sandbox.edit("PermissionSet", held["Id"], {column: False})
    assert "1 rights to change" in next(
        step.what for step in _made(mapping).missing() if step.what.startswith("permission set")
    )
    _made(mapping).apply()
    assert sandbox.records("PermissionSet")[0][column]
    assert all(step.done for step in _made(mapping).missing())


def test_fields_of_tasks_and_events_are_asked_for_together(
    sandbox: Sandbox, mapping: Mapping
) -> None:
    """The service grants them as one: a second look finds nothing to change."""
    _made(mapping).apply()
    rights = {r["Field"]: r["PermissionsEdit"] for r in sandbox.records("FieldPermissions")}
    assert rights["Task.WhoId"] is rights["Event.WhoId"] is True
    assert all(step.done for step in _made(mapping).missing())


def test_the_set_alone_is_enough(sandbox: Sandbox, mapping: Mapping) -> None:
    """A user whose profile grants nothing reads and writes all that the mapping names."""
    assert sandbox.org is not None
    records = sandbox.org.records
    records.access.bare = frozenset({people.SYNC})
    connector = SalesforceConnector.of(load(VERSION), make_ports(), VERSION)
    assert "Account" not in connector.describe(["Account", "Task"])
    _made(mapping).apply()
    connector = SalesforceConnector.of(load(VERSION), make_ports(), VERSION)
    found = connector.describe(objects(mapping))
    reads = resolve(mapping, found)
    assert [warning for warning in reads.warnings if "IsPersonAccount" not in warning] == []
    pages = list(connector.changes([Request(stream) for stream in reads.streams]))
    assert sum(page.last for page in pages) == len(reads.streams)
    for name, path in wanted(mapping).writes:
        field = found[name].fields[path]
        assert field.updateable or field.createable, f"{name}.{path}"
    assert found["Task"].createable
    assert not found["Event"].createable
    assert not found["Account"].createable


def test_rights_cover_standard_fields_that_may_be_hidden(
    sandbox: Sandbox, mapping: Mapping
) -> None:
    """A user whose profile shows nothing still reads what the mapping reads."""
    _made(mapping).apply()
    granted = {row["Field"] for row in sandbox.records("FieldPermissions")}
    assert {"Account.Type", "Case.Priority", "Task.Health_Key__c"} <= granted


def test_refusals_of_the_org_are_passed_on(sandbox: Sandbox, mapping: Mapping) -> None:
    """A component that the org refuses is named with the org's reason."""
    raw = _raw()
    raw["write"]["account"]["trend"] = "Health__Trend__c"
    with pytest.raises(SetupError, match=r"Account\.Health__Trend__c: .*single underscores"):
        _made(_mapping(raw)).apply()


def test_types_are_compared_by_what_we_need() -> None:
    """Wider fields serve; narrower ones, other types and keys that are not unique do not."""
    assert not fits(text(80), text(255))
    assert fits(text(255), text(80)) == "it is too short"
    assert not fits(number(3, 0), number(18, 2))
    assert fits(number(18, 4), number(18, 2)) == "it is too short"
    assert fits(number(5, 0), number(5, 2)) == "it is too short"
    assert fits(text(), long_text(2000)) == "its type is another"
    assert long_text(10).elements["length"] == "256"
    unique = FieldType("Text", {"length": "255", "unique": "true"})
    assert fits(unique, text(255)) == "it is not Unique"


def test_both_sessions_are_counted(sandbox: Sandbox, mapping: Mapping) -> None:
    """Setup spends its budget on every call that the org sees, logins included."""
    ports = make_ports()
    admin = Client(load(VERSION, admin=True), ports, VERSION)
    setup = SalesforceProvisioner(admin, Client(load(VERSION), ports, VERSION), mapping)
    setup.apply()
    assert ports.budget.spent == len(sandbox.calls())
    setup.close()
    setup.close()


def test_after_setup_a_sync_finds_all_it_reads(sandbox: Sandbox, mapping: Mapping) -> None:
    """Before setup the sync names what it lacks; afterwards it lacks nothing of ours."""
    ports = make_ports()
    early = SalesforceConnector.of(load(VERSION), ports, VERSION)
    with pytest.raises(SetupError, match=r"Account\.Health_Score__c"):
        resolve(mapping, early.describe(objects(mapping)))
    _made(mapping).apply()
    fresh = SalesforceConnector.of(load(VERSION), ports, VERSION)
    reads = resolve(mapping, fresh.describe(objects(mapping)))
    # Person accounts are the org's choice, not ours.
    assert [warning for warning in reads.warnings if "IsPersonAccount" not in warning] == []
    pages = list(fresh.changes([Request(stream) for stream in reads.streams]))
    assert sum(page.last for page in pages) == len(reads.streams)
