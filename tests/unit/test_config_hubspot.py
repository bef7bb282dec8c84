"""The packaged mapping of HubSpot: it loads, and names only what HubSpot has or setup makes."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.hubspot.provision_wanted import OURS, wanted
from connectors.sandbox.hubspot.kinds import STANDARD
from connectors.sandbox.hubspot.standard import standard_definitions
from crm_health.config.load import load
from crm_health.config.mapping import Mapping
from crm_health.sync.own import ours

CONFIG = load(crm="hubspot")
#: What the connector gives as properties although HubSpot keeps it elsewhere.
PSEUDO = {
    "associations.companies",
    "associations.contacts",
    # Of owners, who have no properties.
    "archived",
    "email",
}


def _read(mapping: Mapping) -> Iterator[tuple[str, str]]:
    feeds = [feed for feeds in mapping.read.values() for feed in feeds]
    for feed in [*feeds, *ours(mapping).values()]:
        for source in (*feed.columns.values(), *feed.extra.values()):
            for path in source.paths:
                yield feed.object, path


def test_it_lacks_leadership_alone() -> None:
    """With the packaged model and playbook: HubSpot names no managers, so somebody has to."""
    (warning,) = CONFIG.warnings
    assert (warning.file, warning.path) == ("playbook.yaml", "people.retention_owner")
    assert "this mapping knows no managers" in warning.message
    assert CONFIG.files["hubspot.yaml"] == "packaged default"


def test_every_property_is_hubspots_own_or_made_by_setup() -> None:
    """The sandbox's definitions are checked against recorded ones; what begins with ours is new."""
    definitions = standard_definitions()
    types = {kind.plural: kind.type_id for kind in STANDARD}
    made = {new.shown for new in wanted(CONFIG.mapping).properties}
    unknown = [
        f"{owner}.{path}"
        for owner, path in _read(CONFIG.mapping)
        if path not in PSEUDO
        and f"{owner}.{path}" not in made
        and (owner not in types or definitions.find(types[owner], path) is None)
    ]
    assert unknown == []


def test_nothing_of_hubspots_own_is_written_on_companies() -> None:
    """The lifecycle stage least of all: every output is a property of ours."""
    assert all(name.startswith(OURS) for name in CONFIG.mapping.write.account.values())


def test_last_activity_is_no_input() -> None:
    """Our own tasks move it."""
    assert "notes_last_updated" not in {path for _, path in _read(CONFIG.mapping)}
