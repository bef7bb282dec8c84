"""Two CRMs on this machine: record stores that speak the wire protocols, with faults.

`records` keeps the org and knows nothing of HTTP; `soql` reads it; `salesforce` is the protocol;
`hubspot` is a portal beside the org, answered at the same address, with simplifications of its own;
`server` serves it on loopback; `control` and `faults` reach behind the clients' backs; `handle`
starts one from a test.

What it simplifies, so that nobody takes it for the real thing: no sharing (who may see an object
sees all its rows), no record types, no compound addresses, no triggers, flows or validation rules
other than the faults given, no duplicate rules, no Bulk API, no cascade on delete, no queues;
SystemModstamp of an account moves with every activity saved; usage counts exactly and at once.
"""
