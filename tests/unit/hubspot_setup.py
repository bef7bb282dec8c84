"""What tests of HubSpot's setup share: mappings with changes, and what steps say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from connectors.hubspot.provision import HubSpotProvisioner, provisioner
from crm_health.config.mapping import Mapping
from crm_health.connector import Step
from crm_health.testing.ports import make_ports

MAPPING = Path(__file__).parents[2] / "mappings" / "hubspot.yaml"
#: What `write.escalation` says where escalations are a custom object.
CUSTOM: dict[str, Any] = {
    "object": "p_health_escalation",
    "people": None,
    "name": "title",
    "status": "status",
    "evidence": "evidence",
    "constants": {},
    "statuses": {
        "open": "Open",
        "in_progress": "In Progress",
        "waiting": "Waiting on Customer",
        "resolved": "Resolved",
    },
    "closed_statuses": ["Resolved", "Declined"],
}


def raw_mapping() -> dict[str, Any]:
    """The packaged mapping, to change."""
    held: dict[str, Any] = yaml.safe_load(MAPPING.read_text(encoding="utf-8"))
    return held


def mapping(raw: dict[str, Any]) -> Mapping:
    """A changed mapping."""
    # YAML has lists where the models have tuples; read as JSON they are the same.
    return Mapping.model_validate_json(json.dumps(raw))


def setup_of(raw: dict[str, Any] | None = None, version: str = "2026-09") -> HubSpotProvisioner:
    """A provisioner of the portal that the environment names."""
    return provisioner(make_ports(), version, mapping(raw or raw_mapping()))


def unfinished(steps: Sequence[Step]) -> list[str]:
    """Names of what is to be done and can be."""
    return [step.name for step in steps if not step.done and not step.not_here]


def not_here(steps: Sequence[Step]) -> dict[str, str]:
    """Name of what the account can't have, to why."""
    return {step.name: step.not_here for step in steps if step.not_here}
