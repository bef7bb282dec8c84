"""HubSpot as a CRM of crm-health."""
