"""A CRM on this machine: a record store that speaks Salesforce's wire protocol, with faults."""
