"""Which API versions there are, what one holds, and the limits of the org."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.errors import WireError
from connectors.sandbox.org import VERSIONS
from connectors.sandbox.people import ORG_ID
from connectors.sandbox.salesforce.wire import Answer, Call

_SEASONS = ("Winter", "Spring", "Summer")


def listing(call: Call) -> Answer:
    """GET /services/data: needs no session."""
    return Answer(
        200,
        [
            {"version": f"{n}.0", "url": f"/services/data/v{n}.0", "label": label(n)}
            for n in VERSIONS
            if n not in call.org.retired
        ],
    )


def label(number: int) -> str:
    """`Winter '24` for 59: three releases a year."""
    return f"{_SEASONS[(number - 59) % 3]} '{24 + (number - 59) // 3}"


def check(call: Call) -> None:
    """Refuse a version that is retired or never was."""
    if call.number in call.org.retired or call.number < VERSIONS[0]:
        raise WireError(
            410,
            "UNSUPPORTED_API_VERSION",
            f"API version {call.version[1:]} is retired; use {VERSIONS[0]}.0 or later",
        )
    if call.number not in VERSIONS:
        raise WireError(404, "NOT_FOUND", "The requested resource does not exist")


def resources(call: Call) -> Answer:
    """GET /services/data/vNN.0."""
    names = ("sobjects", "query", "queryAll", "limits", "composite", "jobs")
    body = {name: call.url(name) for name in names}
    # Of the login host in production, wherever the org itself is.
    body["identity"] = f"https://login.salesforce.com/id/{ORG_ID}/{call.user_id}"
    return Answer(200, body)


def limits(call: Call) -> Answer:
    """GET limits. API requests and bulk jobs move, the rest stands."""
    usage = call.org.usage
    body: dict[str, Any] = {name: {"Max": n, "Remaining": n} for name, n in _FIXED.items()}
    left = max(usage.allowed - usage.used, 0)
    body["DailyApiRequests"] = {"Max": usage.allowed, "Remaining": left}
    jobs = call.org.jobs
    for name, what, most in (
        ("DailyBulkV2QueryJobs", "query", jobs.query_limit),
        ("DailyBulkApiBatches", "batch", jobs.batch_limit),
    ):
        body[name] = {"Max": most, "Remaining": jobs.left(what)}
    body["PermissionSets"] = {
        "Max": 1500,
        "Remaining": 1499,
        "CreateCustom": {"Max": 1000, "Remaining": 999},
    }
    return Answer(200, body)


_FIXED = {
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentSyncReportRuns": 20,
    "DailyAsyncApexExecutions": 250_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyStreamingApiEvents": 10_000,
    "DailyWorkflowEmails": 100_000,
    "DataStorageMB": 1024,
    "FileStorageMB": 1024,
    "HourlyAsyncReportRuns": 1200,
    "HourlyODataCallout": 20_000,
    "HourlyTimeBasedWorkflow": 1000,
    "MassEmail": 5000,
    "SingleEmail": 5000,
}
