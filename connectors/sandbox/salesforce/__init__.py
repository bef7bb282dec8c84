"""Salesforce's wire protocol over the record store."""
