"""Reading owners."""

from __future__ import annotations

from connectors.sandbox.hubspot.errors import HubError
from connectors.sandbox.hubspot.owner import Owner
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer

_MOST = 500


def listing(call: Call) -> Answer:
    """GET owners: live ones, or with `archived=true` the others; by `email` at most one."""
    limit = min(max(call.number("limit", 100), 1), _MOST)
    first, email = call.number("after", 0), call.param("email").casefold()
    found = [
        owner
        for owner in call.portal.service.owners
        if owner.archived == call.flag("archived") and email in ("", owner.email.casefold())
    ]
    page = found[first : first + limit]
    body: dict[str, object] = {"results": [owner.json() for owner in page]}
    if first + limit < len(found):
        after, told = str(first + limit), {"archived": "true"} if call.flag("archived") else {}
        link = call.link(**told, limit=limit, after=after)
        body["paging"] = {"next": {"after": after, "link": link}}
    return Answer(200, body)


def one(call: Call) -> Answer:
    """GET owners/{id}: by id, or with `idProperty=userId` by the number of the user."""
    wanted, by_user = call.arg("id"), call.param("idProperty", "id") == "userId"
    for owner in call.portal.service.owners:
        if owner.archived == call.flag("archived") and wanted == _name(owner, by_user=by_user):
            return Answer(200, owner.json())
    # How the service words this is not known.
    raise HubError(404, f"Could not find owner {wanted}", "OBJECT_NOT_FOUND")


def _name(owner: Owner, *, by_user: bool) -> str:
    return str(owner.user) if by_user else owner.id


ROUTES = (
    Route("GET", r"owners", listing),
    Route("GET", r"owners/(?P<id>[^/]+)", one),
)
