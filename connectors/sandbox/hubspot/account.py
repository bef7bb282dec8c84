"""The account behind a portal, and the two addresses that tell of it."""

from __future__ import annotations

from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer


def details(call: Call) -> Answer:
    """GET account-info/.../details: which portal this is, and its zone and currencies."""
    service = call.portal.service
    account, now = service.account, service.now()
    offset = now.utcoffset()
    seconds = int(offset.total_seconds()) if offset is not None else 0
    sign, minutes = "-" if seconds < 0 else "+", abs(seconds) // 60
    return Answer(
        200,
        {
            "portalId": account.portal_id,
            "accountType": account.kind,
            "timeZone": account.zone,
            "companyCurrency": account.currency,
            "additionalCurrencies": list(account.other_currencies),
            "utcOffset": f"{sign}{minutes // 60:02d}:{minutes % 60:02d}",
            "utcOffsetMilliseconds": seconds * 1000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": account.hosting,
        },
    )


def daily_usage(call: Call) -> Answer:
    """GET account-info/.../api-usage/daily/private-apps: calls of the account's day."""
    limiter = call.portal.service.limiter
    usage = {
        "name": "private-apps-api-calls-daily",
        "currentUsage": limiter.used,
        "usageLimit": limiter.tier.daily or 0,
        "collectedAt": stamps.text(call.portal.now()),
        "fetchStatus": "SUCCESS",
        "resetsAt": stamps.text(stamps.cut(limiter.resets_at)),
    }
    return Answer(200, {"results": [usage]})


ROUTES = (
    Route("GET", r"account-info/details", details),
    Route("GET", r"account-info/api-usage/daily/private-apps", daily_usage),
)
