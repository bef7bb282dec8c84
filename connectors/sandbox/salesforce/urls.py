"""Which handler answers which address."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from connectors.sandbox.errors import WireError
from connectors.sandbox.salesforce import (
    bulk_ingest,
    bulk_query,
    collections,
    composite,
    describe,
    query,
    replication,
    rest,
    versions,
)
from connectors.sandbox.salesforce.spoil import BatchBrokenError
from connectors.sandbox.salesforce.wire import Answer, Call

Handler = Callable[[Call], Answer]
_ROOT = re.compile(r"/services/data/(v\d+\.\d)(?:/(?P<tail>.*?))?/?")

_OBJECT = r"sobjects/(?P<object>\w+)"
_MANY = r"composite/sobjects"
_QUERY_JOB = r"jobs/query/(?P<job>\w+)"
_INGEST_JOB = r"jobs/ingest/(?P<job>\w+)"
# The first pattern that fits wins: words that are no ids stand before ids.
_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", r"", versions.resources),
    ("GET", r"limits", versions.limits),
    ("GET", r"limits/recordCount", replication.record_count),
    ("GET", r"sobjects", describe.everything),
    ("GET", rf"{_OBJECT}/describe", describe.one),
    ("GET", rf"{_OBJECT}/updated", replication.updated),
    ("GET", rf"{_OBJECT}/deleted", replication.deleted),
    ("GET", _OBJECT, describe.basic),
    ("POST", _OBJECT, rest.create),
    ("GET", rf"{_OBJECT}/(?P<id>[^/]+)", rest.read),
    ("PATCH", rf"{_OBJECT}/(?P<id>[^/]+)", rest.update),
    ("DELETE", rf"{_OBJECT}/(?P<id>[^/]+)", rest.delete),
    ("GET", rf"{_OBJECT}/(?P<key>\w+)/(?P<value>[^/]+)", rest.read_by_key),
    ("PATCH", rf"{_OBJECT}/(?P<key>\w+)/(?P<value>[^/]+)", rest.upsert_by_key),
    ("DELETE", rf"{_OBJECT}/(?P<key>\w+)/(?P<value>[^/]+)", rest.delete_by_key),
    ("GET", r"query", query.query),
    ("GET", r"queryAll", query.query_all),
    ("GET", r"query(?:All)?/(?P<locator>[^/]+)", query.more),
    ("POST", _MANY, collections.create),
    ("PATCH", _MANY, collections.update),
    ("DELETE", _MANY, collections.delete),
    ("GET", rf"{_MANY}/(?P<object>\w+)", collections.retrieve),
    ("POST", rf"{_MANY}/(?P<object>\w+)", collections.retrieve),
    ("PATCH", rf"{_MANY}/(?P<object>\w+)/(?P<key>\w+)", collections.upsert),
    ("POST", r"composite", lambda call: composite.composite(call, dispatch)),
    ("POST", r"composite/batch", lambda call: composite.batch(call, dispatch)),
    ("POST", r"composite/graph", lambda call: composite.graph(call, dispatch)),
    ("POST", r"jobs/query", bulk_query.create),
    ("GET", r"jobs/query", bulk_query.everything),
    ("GET", _QUERY_JOB, bulk_query.info),
    ("PATCH", _QUERY_JOB, bulk_query.change),
    ("DELETE", _QUERY_JOB, bulk_query.delete),
    ("GET", rf"{_QUERY_JOB}/results", bulk_query.results),
    ("GET", rf"{_QUERY_JOB}/resultPages", bulk_query.result_pages),
    ("POST", r"jobs/ingest", bulk_ingest.create),
    ("GET", r"jobs/ingest", bulk_ingest.everything),
    ("GET", _INGEST_JOB, bulk_ingest.info),
    ("PATCH", _INGEST_JOB, bulk_ingest.change),
    ("DELETE", _INGEST_JOB, bulk_ingest.delete),
    ("PUT", rf"{_INGEST_JOB}/batches", bulk_ingest.upload),
    ("GET", rf"{_INGEST_JOB}/successfulResults", bulk_ingest.successful),
    ("GET", rf"{_INGEST_JOB}/failedResults", bulk_ingest.failed),
    # The documentation and the clients spell it both ways.
    ("GET", rf"{_INGEST_JOB}/unprocessed[rR]ecords", bulk_ingest.unprocessed),
)
_COMPILED = [(method, re.compile(pattern), handler) for method, pattern, handler in _ROUTES]


def dispatch(call: Call) -> Answer:
    """Answer a REST call of a version.

    Raises:
        WireError: as the service would refuse; 405 for a known address with another method, and
            501 for an address the sandbox does not emulate, so that no gap goes unnoticed.
    """
    found = _ROOT.fullmatch(call.request.path)
    if found is None:
        raise _unknown(call)
    call = replace(call, version=found[1])
    versions.check(call)
    known = False
    for method, pattern, handler in _COMPILED:
        match = pattern.fullmatch(found["tail"] or "")
        if match is None:
            continue
        known = True
        if method == _method(call):
            args = {k: v for k, v in match.groupdict().items() if v is not None}
            try:
                return handler(replace(call, args=args))
            except BatchBrokenError as broken:
                raise broken.error from None
    if known:
        raise WireError(
            405,
            "METHOD_NOT_ALLOWED",
            f"HTTP Method '{call.request.method}' not allowed here",
        )
    raise _unknown(call)


def _method(call: Call) -> str:
    """The method; a POST may ask for another by `_HttpMethod`, for clients without PATCH."""
    asked = call.request.query.get("_HttpMethod")
    return asked.upper() if asked and call.request.method == "POST" else call.request.method


def _unknown(call: Call) -> WireError:
    return WireError(
        501,
        "SANDBOX_NOT_IMPLEMENTED",
        f"The sandbox does not emulate {call.request.method} {call.request.path}",
    )
