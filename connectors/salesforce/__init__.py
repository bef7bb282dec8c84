"""Salesforce as a CRM of crm-health: what the entry point `salesforce` names."""

from __future__ import annotations

from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.provision import provisioner
from connectors.salesforce.settings import load
from crm_health.connector import Connector, Ports

__all__ = ["connect", "provisioner"]


def connect(ports: Ports, api_version: str) -> Connector:
    """A connector with settings from the environment.

    Raises:
        ConfigError: naming each variable that is missing or wrong.
    """
    return SalesforceConnector.of(load(api_version), ports, api_version)
