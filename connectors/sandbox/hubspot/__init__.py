"""The HubSpot side: one portal, over the same tables, clock, faults and call log as the org.

`portal` keeps the records and knows nothing of HTTP; `urls` says who answers which address, in
its legacy and its dated form; `gateway` is the door. Everything a portal holds is text.

What it simplifies, so that nobody takes it for the real thing: no teams, no workflows, no
validation rules of an admin; calculated properties are those that a customer-success engine
reads, worked out when a record is saved; property history is refused; an object's index for
search lags by one fixed time for every record.
"""
