"""Which handler answers which address, legacy or dated."""

from __future__ import annotations

import re
from dataclasses import replace

from connectors.sandbox.hubspot import (
    account,
    admission,
    associations,
    batch,
    groups,
    labels,
    limits,
    oauth,
    objects,
    owners,
    pipelines,
    properties,
    schemas,
    search,
)
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer

VERSIONS = ("2026-03", "2026-09")
_DATE = r"\d{4}-\d\d"
_LEGACY = r"v\d"
_NAMES = "objects|associations|properties|pipelines|owners|limits"
#: One form of addresses each: the version, and what stands before and behind it.
_FORMS = tuple(
    re.compile(f"{form}(?P<tail>/.*)?")
    for form in (
        # /crm/v3/objects/companies
        rf"/crm/(?P<version>{_LEGACY})/(?P<family>{_NAMES}|schemas)",
        # /crm/objects/2026-09/companies, /crm/associations/v4/companies/contacts/labels
        rf"/crm/(?P<family>{_NAMES})/(?P<version>{_DATE}|{_LEGACY})",
        # /crm-object-schemas/v3/schemas
        rf"/crm-object-schemas/(?P<version>{_DATE}|{_LEGACY})/(?P<family>schemas)",
        rf"/(?P<family>account-info|oauth)/(?P<version>{_DATE}|{_LEGACY})",
    )
)
_ROOTS = ("/crm/", "/crm-object-schemas/", "/account-info/", "/oauth/")
#: Legacy versions by family; a dated address is known by its date.
_KNOWN = {
    "objects": ("v3", "v4"),
    "associations": ("v4",),
    "oauth": ("v1", "v2", "v3"),
}
_ROUTES: tuple[Route, ...] = (
    *batch.ROUTES,
    *search.ROUTES,
    *groups.ROUTES,
    *properties.ROUTES,
    *objects.ROUTES,
    *associations.ROUTES,
    *labels.ROUTES,
    *pipelines.ROUTES,
    *schemas.ROUTES,
    *owners.ROUTES,
    *account.ROUTES,
    *limits.ROUTES,
    *oauth.ROUTES,
)
_COMPILED = tuple((r.method, re.compile(r.pattern), r.handler) for r in _ROUTES)


def owns(path: str) -> bool:
    """Whether an address is this service's."""
    return path.startswith(_ROOTS)


def dispatch(call: Call) -> Answer:
    """Find the handler and run it. An address that nobody answers is a loud 501."""
    found = next((m for form in _FORMS if (m := form.fullmatch(call.request.path))), None)
    if found is None or not _known(found["family"], found["version"]):
        return _unknown(call)
    address = found["family"] + (found["tail"] or "").rstrip("/")
    for method, pattern, handler in _COMPILED:
        match = pattern.fullmatch(address)
        if match is not None and method == call.request.method:
            admission.check_scopes(call, address)
            dated = "-" in found["version"]
            return handler(replace(call, args=match.groupdict(), dated=dated))
    return _unknown(call)


def _known(family: str, version: str) -> bool:
    return version in VERSIONS or version in _KNOWN.get(family, ("v3",))


def _unknown(call: Call) -> Answer:
    message = f"The sandbox does not answer {call.request.method} {call.request.path}"
    return Answer(501, {"status": "error", "message": message, "category": "NOT_IMPLEMENTED"})
