"""HubSpot as a CRM of crm-health: what the entry point `hubspot` names."""

from __future__ import annotations

from connectors.hubspot.connector import HubSpotConnector
from connectors.hubspot.provision import provisioner
from connectors.hubspot.settings import load
from crm_health.connector import Connector, Ports

__all__ = ["connect", "provisioner"]


def connect(ports: Ports, api_version: str) -> Connector:
    """A connector with settings from the environment.

    Raises:
        ConfigError: naming each variable that is missing or wrong.
    """
    return HubSpotConnector.of(load(api_version), ports, api_version)
