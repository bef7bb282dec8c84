"""What setup makes for the programmes: lists with the playbook's words, and help for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.bottlecrm import provision_wanted as bottlecrm
from connectors.hubspot import provision_wanted as hubspot
from connectors.salesforce import provision_wanted as salesforce
from crm_health.config.load import load
from crm_health.entities import ACCOUNT_OUTPUTS, HELP
from tests.unit.test_config_load import default

TIERS = ("Strategic", "Gold", "Digital")


@pytest.mark.parametrize("crm", ["salesforce", "hubspot", "bottlecrm"])
def test_a_list_has_the_words_of_the_playbook(tmp_path: Path, crm: str) -> None:
    """A tier that the playbook calls otherwise is an option of the field from the start."""
    text = default("playbook.yaml").replace("label: Growth", "label: Gold", 1)
    (tmp_path / "playbook.yaml").write_text(text, "utf-8")
    mapping = load(tmp_path, crm=crm).mapping
    name, owner = mapping.write.account["tier"], mapping.read["account"][0].object
    if crm == "salesforce":
        fields = {new.name: new for new in salesforce.wanted(mapping).fields if new.object == owner}
        assert fields[name].type.values == TIERS
        assert fields[name].help == HELP["tier"]
    elif crm == "hubspot":
        made = hubspot.wanted(mapping).properties
        properties = {new.name: new for new in made if new.object == owner}
        assert properties[name].type.options == TIERS
        assert properties[name].definition()["description"] == HELP["tier"]
    else:
        made = {new.name: new for new in bottlecrm.wanted(mapping) if new.object == owner}
        assert made[name].type.options == TIERS


def test_people_are_told_of_every_field() -> None:
    """One line of help each, short enough for every CRM."""
    assert ACCOUNT_OUTPUTS.keys() <= HELP.keys()
    assert all(0 < len(text) <= 255 for text in HELP.values())
