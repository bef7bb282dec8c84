"""BottleCRM as a CRM of crm-health: what the entry point `bottlecrm` names."""

from __future__ import annotations

from connectors.bottlecrm.connector import BottleCrmConnector
from connectors.bottlecrm.provision import provisioner
from connectors.bottlecrm.settings import load
from crm_health.connector import Connector, Ports

__all__ = ["connect", "provisioner"]


def connect(ports: Ports, api_version: str) -> Connector:
    """A connector with settings from the environment.

    Raises:
        ConfigError: naming each variable that is missing or wrong.
    """
    return BottleCrmConnector.of(load(api_version), ports)
