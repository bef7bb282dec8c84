"""What tests of crm-health and of its connectors are made of: a clock, a CRM, a contract."""
