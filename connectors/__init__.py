"""One folder a CRM. Found through the entry points of the group `crm_health.connectors`."""
