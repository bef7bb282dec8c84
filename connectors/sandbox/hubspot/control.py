"""The control API of the portal: what people and admins do to it behind the clients' backs.

Commands are those of the sandbox's control API under `hubspot/`; object types go by any name.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from connectors.sandbox.hubspot.definitions import Definitions, Group, Option
from connectors.sandbox.hubspot.kinds import TICKET, Kind
from connectors.sandbox.hubspot.loading import load_records
from connectors.sandbox.hubspot.portal import Portal, Settings
from connectors.sandbox.hubspot.properties import fresh
from connectors.sandbox.hubspot.values import ValueProblemError, read
from connectors.sandbox.org import Org
from connectors.sandbox.tables import Row

Body = Mapping[str, Any]
_SETTINGS = frozenset(f.name for f in fields(Settings))


def _kind(org: Org, body: Body) -> Kind:
    return org.portal.kinds.need(body["object"])


def _row(org: Org, body: Body, *, archived: bool = False) -> tuple[Kind, Row]:
    kind = _kind(org, body)
    row = org.portal.get(kind, str(body["id"]), archived=archived)
    if row is None:
        raise ValueError(f"no {kind.singular} {body['id']}")
    return kind, row


def _values(portal: Portal, kind: Kind, sent: Body) -> dict[str, str]:
    """Texts to store; what only the service writes may be written here."""
    found = {}
    for name, raw in sent.items():
        known = portal.definitions.find(kind.type_id, name)
        if known is None:
            raise ValueError(f"no property {name} of {kind.plural}")
        try:
            found[name] = read(portal, kind, known, raw)
        except ValueProblemError as error:
            raise ValueError(str(error)) from None
    return found


def status(org: Org, _: Body) -> Any:
    """GET hubspot: what is in the portal."""
    portal = org.portal
    counts = {k.plural: sum(1 for _ in portal.rows(k)) for k in portal.kinds}
    return {
        "portal_id": portal.service.account.portal_id,
        "records": {name: n for name, n in counts.items() if n},
        "tier": portal.service.tier.name,
        "refused": dict(portal.service.limiter.refused),
    }


def load(org: Org, body: Body) -> Any:
    """POST hubspot/load {records?, links?, properties?, owners?}: see `load_records`."""
    portal = org.portal
    for name, made in (body.get("properties") or {}).items():
        define(org, {"object": name, "properties": made})
    if body.get("owners"):
        portal.service.owners.load(body["owners"])
    return {"loaded": load_records(portal, body.get("records") or {}, body.get("links") or ())}


def define(org: Org, body: Body) -> Any:
    """POST hubspot/properties {object, properties}: what the portal had before, groups too."""
    kind, portal = _kind(org, body), org.portal
    definitions: Definitions = portal.definitions
    for raw in body["properties"]:
        group = str(raw.get("groupName") or "sandbox_existing")
        if definitions.group(kind.type_id, group) is None:
            definitions.put_group(kind.type_id, Group(group, group.replace("_", " ")))
        definitions.put(kind.type_id, fresh(portal, kind, {**raw, "groupName": group}))
    return {"ok": True}


def options(org: Org, body: Body) -> Any:
    """POST hubspot/options {object, name, options}: an admin adds some, labelled by their value."""
    kind, definitions = _kind(org, body), org.portal.definitions
    known = definitions.find(kind.type_id, body["name"])
    if known is None:
        raise ValueError(f"no property {body['name']} of {kind.plural}")
    new = [one for one in body["options"] if one not in known.values]
    made = (Option(one, one.capitalize(), len(known.options) + n) for n, one in enumerate(new))
    definitions.put(kind.type_id, replace(known, options=(*known.options, *made)))
    return {"ok": True}


def drop_property(org: Org, body: Body) -> Any:
    """POST hubspot/drop_property {object, name}: an admin archives it."""
    kind = _kind(org, body)
    org.portal.definitions.archive(kind.type_id, body["name"])
    return {"ok": True}


def edit(org: Org, body: Body) -> Any:
    """POST hubspot/edit {object, id?, properties}: a person saves; without id, creates."""
    kind, portal = _kind(org, body), org.portal
    values = _values(portal, kind, body["properties"])
    if body.get("id") is None:
        return {"id": portal.create(kind, values)["Id"]}
    _, row = _row(org, body)
    portal.update(kind, row, values)
    return {"id": row["Id"]}


def volume(org: Org, body: Body) -> Any:
    """POST hubspot/volume {accounts, seed?}: a company of that size; see `story.portal_volume`."""
    # Imported here: the story brings calendars along, and most sandboxes hold none of it.
    from connectors.sandbox.story import portal_volume as story  # noqa: PLC0415

    portal, seed = org.portal, int(body.get("seed", 1))
    company = story.volume(seed=seed, accounts=int(body["accounts"]), now=org.clock.now())
    portal.service.owners.load(company.owners)
    return {"loaded": load_records(portal, company.records, company.links)}


def touch(org: Org, body: Body) -> Any:
    """POST hubspot/touch {object?, percent?, seed?}: people save some of the records.

    Tickets get another priority, other records are saved as they are.
    """
    # Imported here: see `volume`.
    from connectors.sandbox.story import portal_volume as story  # noqa: PLC0415

    portal = org.portal
    kind = portal.kinds.need(body.get("object", "tickets"))
    rng = random.Random(int(body.get("seed", 1)))  # noqa: S311  # dice, no secret
    share = float(body.get("percent", 1)) / 100
    chosen = [row for row in portal.rows(kind) if rng.random() < share]
    for row in chosen:
        moved = story.edited(row["hs_ticket_priority"], rng) if kind is TICKET else {}
        portal.update(kind, row, moved)
    return {"touched": len(chosen)}


def archive(org: Org, body: Body) -> Any:
    """POST hubspot/archive {object, id, erase?}: out of use, or with `erase` for good."""
    kind, row = _row(org, body)
    if body.get("erase"):
        org.portal.erase(kind, row["Id"])
    else:
        org.portal.archive(kind, row)
    return {"id": row["Id"]}


def unarchive(org: Org, body: Body) -> Any:
    """POST hubspot/unarchive {object, id}: back from the recycle bin, its associations gone."""
    kind, row = _row(org, body, archived=True)
    org.portal.restore_record(kind, row)
    return {"id": row["Id"]}


def merge(org: Org, body: Body) -> Any:
    """POST hubspot/merge {object, winner, loser, new_id?}: returns the survivor's id."""
    kind = _kind(org, body)
    ids = str(body["winner"]), str(body["loser"])
    return {"id": org.portal.merge(kind, *ids, new_id=bool(body.get("new_id", True)))}


def associate(org: Org, body: Body) -> Any:
    """POST hubspot/associate {from, id, to, other, types?}: by the plain type if none is told."""
    start, end, types = _pair(org, body)
    ids = str(body["id"]), str(body["other"])
    org.portal.link(start.type_id, ids[0], end.type_id, ids[1], types or ())
    return {"ok": True}


def dissociate(org: Org, body: Body) -> Any:
    """POST hubspot/dissociate {from, id, to, other, types?}: some types, or all of it."""
    start, end, types = _pair(org, body)
    org.portal.unlink(start.type_id, str(body["id"]), end.type_id, str(body["other"]), types)
    return {"ok": True}


def _pair(org: Org, body: Body) -> tuple[Kind, Kind, list[int] | None]:
    kinds = org.portal.kinds
    types = body.get("types")
    return kinds.need(body["from"]), kinds.need(body["to"]), types


def records(org: Org, body: Body) -> Any:
    """GET hubspot/records {object, since?}: every record as stored, archived ones too.

    With `since` those saved at that instant or later.
    """
    kind, portal = _kind(org, body), org.portal
    rows = list(portal.tables.of(kind.type_id).values())
    if body.get("since"):
        since = datetime.fromisoformat(body["since"])
        rows = [row for row in rows if row["SystemModstamp"] >= since]
    return {"records": [_plain(kind, row) for row in rows]}


def _plain(kind: Kind, row: Row) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if name[0].islower()}
    return {
        **told,
        "id": row["Id"],
        "archived": bool(row["ArchivedAt"]),
        kind.modified: row["SystemModstamp"].isoformat(),
    }


def settings(org: Org, body: Body) -> Any:
    """POST hubspot/settings {search_lag?, enrich_after?, unique_tasks?, association_page?, ...}.

    What else is named is the account's: `tier` and, if other than the tier's, its `burst`;
    `zone`, `currency`, `kind`, `hosting`; and `limits`, false where calls are counted but never
    refused.
    """
    portal, rest = org.portal, dict(body)
    if "search_lag" in rest:
        portal.lag.seconds = float(rest.pop("search_lag"))
    if "limits" in rest:
        portal.service.limiter.enforced = bool(rest.pop("limits"))
    if "daily_used" in rest:
        portal.service.limiter.used = int(rest.pop("daily_used"))
    for name in _SETTINGS & set(rest):
        setattr(portal.settings, name, type(getattr(portal.settings, name))(rest.pop(name)))
    if rest:
        portal.service.set(**rest)
    return {"search_lag": portal.lag.seconds, **vars(portal.settings)}


def tokens(org: Org, body: Body) -> Any:
    """POST hubspot/tokens {add?, scopes?, revoke?, expire?}: who may call, and what.

    `add` is a new token, such as a service key; `scopes` are its own, or without `add` those of
    every token (null: all there are); `revoke` ends one token, or all with "".
    """
    held = org.portal.service.tokens
    scopes = frozenset(body["scopes"]) if body.get("scopes") is not None else None
    if "add" in body:
        held.add(body["add"], scopes)
    elif "scopes" in body:
        held.limit(scopes)
    revoked = held.revoke(body["revoke"]) if "revoke" in body else 0
    return {"revoked": revoked, "expired": held.expire() if body.get("expire") else 0}


COMMANDS: dict[tuple[str, str], Callable[[Org, Body], Any]] = {
    ("GET", "hubspot"): status,
    ("POST", "hubspot/load"): load,
    ("POST", "hubspot/properties"): define,
    ("POST", "hubspot/options"): options,
    ("POST", "hubspot/drop_property"): drop_property,
    ("POST", "hubspot/edit"): edit,
    ("POST", "hubspot/touch"): touch,
    ("POST", "hubspot/volume"): volume,
    ("POST", "hubspot/archive"): archive,
    ("POST", "hubspot/unarchive"): unarchive,
    ("POST", "hubspot/merge"): merge,
    ("POST", "hubspot/associate"): associate,
    ("POST", "hubspot/dissociate"): dissociate,
    ("GET", "hubspot/records"): records,
    ("POST", "hubspot/settings"): settings,
    ("POST", "hubspot/tokens"): tokens,
}
