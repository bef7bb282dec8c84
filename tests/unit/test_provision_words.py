"""What setup makes for the programmes: lists with the playbook's words, and help for people."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from connectors.bottlecrm import provision_wanted as bottlecrm
from connectors.hubspot import provision_wanted as hubspot
from connectors.salesforce import provision_wanted as salesforce
from crm_health.config.load import load
from crm_health.config.model import band_label
from crm_health.entities import ACCOUNT_OUTPUTS, HELP
from crm_health.health import words as health_words
from tests.unit.test_config_load import default

TIERS = ("Strategic", "Gold", "Digital")
BANDS = ("Green", "At Risk", "Red", "Unknown")


@pytest.mark.parametrize("crm", ["salesforce", "hubspot", "bottlecrm"])
def test_a_list_has_the_words_of_playbook_and_model(tmp_path: Path, crm: str) -> None:
    """What these call otherwise, tiers or bands, is an option of the field from the start."""
    playbook = default("playbook.yaml").replace("label: Growth", "label: Gold", 1)
    (tmp_path / "playbook.yaml").write_text(playbook, "utf-8")
    model = re.sub(r"\byellow\b", "at_risk", default("model.yaml"))
    (tmp_path / "model.yaml").write_text(model, "utf-8")
    (tmp_path / "playbook.yaml").write_text(re.sub(r"\byellow\b", "at_risk", playbook), "utf-8")
    mapping = load(tmp_path, crm=crm).mapping
    write, owner = mapping.write, mapping.read["account"][0].object
    if crm == "salesforce":
        fields = salesforce.wanted(mapping).fields
        words = {(new.object, new.name): new.type.values for new in fields}
        helps = {(new.object, new.name): new.help for new in fields}
    elif crm == "hubspot":
        made = hubspot.wanted(mapping).properties
        words = {(new.object, new.name): new.type.options for new in made}
        helps = {(new.object, new.name): new.definition()["description"] for new in made}
    else:
        words = {(new.object, new.name): new.type.options for new in bottlecrm.wanted(mapping)}
        helps = {}
    assert words[owner, write.account["tier"]] == TIERS
    assert words[owner, write.account["band"]] == BANDS
    assert words[write.escalation.object, write.escalation.band] == BANDS
    assert helps.get((owner, write.account["tier"]), HELP["tier"]) == HELP["tier"]


@pytest.mark.parametrize("name", ["red", "at_risk", "b2b", "a_2nd_try", "x__y"])
def test_a_band_is_called_the_same_everywhere(name: str) -> None:
    """What setup puts on the list is what a sync writes."""
    written = pl.select(health_words.band_label(pl.lit(name))).item()
    assert band_label(name) == written


def test_people_are_told_of_every_field() -> None:
    """One line of help each, short enough for every CRM."""
    assert ACCOUNT_OUTPUTS.keys() <= HELP.keys()
    assert all(0 < len(text) <= 255 for text in HELP.values())
