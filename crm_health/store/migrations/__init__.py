"""Migrations of the database, run by `crm_health.store.schema`."""
