"""The control API: what a test or a demo does to the sandbox behind the clients' backs.

JSON in, JSON out, under `/_sandbox/`, from this machine only and without credentials.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from connectors.sandbox import people
from connectors.sandbox.errors import WireError
from connectors.sandbox.hubspot import control as hubspot
from connectors.sandbox.hubspot.errors import HubError
from connectors.sandbox.org import Org
from connectors.sandbox.salesforce import bulk_jobs
from connectors.sandbox.schema import Field, ObjectType, by_name, system_fields

PREFIX = "/_sandbox"
Body = Mapping[str, Any]
_OPEN_SET = "Sandbox_Existing_Fields"


def handle(org: Org, method: str, url: str, raw: bytes) -> tuple[int, Any]:
    """Answer one control request with (status, JSON-ready body)."""
    parts = urlsplit(url)
    name = parts.path.removeprefix(PREFIX).strip("/")
    command = _COMMANDS.get((method, name)) or hubspot.COMMANDS.get((method, name))
    if command is None:
        known = sorted(f"{m} {PREFIX}/{n}" for m, n in (*_COMMANDS, *hubspot.COMMANDS))
        return 404, {
            "error": f"no such control command: {method} {parts.path}",
            "known": known,
        }
    try:
        body = orjson.loads(raw) if raw else {}
        body = {**dict(parse_qsl(parts.query)), **body}
        with org.records.lock:
            return 200, command(org, body)
    except WireError as error:
        return 400, {"error": error.message, "code": error.code, "fields": error.fields}
    except HubError as error:
        return 400, {"error": error.message}
    except (KeyError, TypeError, ValueError) as error:
        return 400, {"error": f"{type(error).__name__}: {error}"}


def status(org: Org, body: Body) -> Any:
    """GET: is it up, what time is it, what is in it."""
    counts = {o.name: org.records.count(o.name) for o in org.records.objects()}
    return {
        "org_id": people.ORG_ID,
        "url": org.base_url,
        "records": {name: n for name, n in counts.items() if n},
        "sessions_lifetime_seconds": 7200,
        **clock_state(org, body),
    }


def clock_state(org: Org, _: Body) -> Any:
    """GET clock."""
    return {"now": org.clock.now().isoformat(), "frozen": org.clock.frozen}


def clock(org: Org, body: Body) -> Any:
    """POST clock {now?, advance_seconds?, freeze?}: with `freeze` true it stands exactly there."""
    if body.get("freeze"):
        org.clock.freeze()
    if "now" in body:
        instant = datetime.fromisoformat(body["now"])
        org.clock.set(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
    if "advance_seconds" in body:
        org.clock.advance(float(body["advance_seconds"]))
    if body.get("freeze") is False:
        org.clock.freeze(frozen=False)
    return clock_state(org, body)


def reset(org: Org, _: Body) -> Any:
    """POST reset: an empty org."""
    org.reset()
    return {"ok": True}


def load(org: Org, body: Body) -> Any:
    """POST load {object: [record]}, or {records, schema, features}; see `Records.load`."""
    if "records" not in body:
        body = {"records": body}
    org.records.enable(*body.get("features", ()))
    for one in body.get("schema", ()):
        declare(org, one)
    waiting = org.records.load(body["records"])
    return {
        "loaded": {k: len(v) for k, v in body["records"].items()},
        "waiting": waiting,
    }


def volume(org: Org, body: Body) -> Any:
    """POST volume {accounts, seed?, usage?}: a company of that size; see `story.volume`."""
    # Imported here: the story brings calendars along, and most sandboxes hold none of it.
    from connectors.sandbox.story import volume as story  # noqa: PLC0415

    seed, accounts = int(body.get("seed", 1)), int(body["accounts"])
    usage = int(body.get("usage", 0))
    company = story.volume(seed=seed, accounts=accounts, now=org.clock.now(), usage=usage)
    if usage:
        declare(org, story.USAGE)
    # Looking for garbage among millions of new objects takes longer than making them.
    gc.disable()
    try:
        waiting = org.records.load(company, trusted=True)
    finally:
        gc.enable()
    return {"loaded": {name: org.records.count(name) for name in company}, "waiting": waiting}


def touch(org: Org, body: Body) -> Any:
    """POST touch {object?, percent?, seed?}: people save some of the rows; `Case`, 1 percent."""
    # Imported here: see `volume`.
    from connectors.sandbox.story import volume as story  # noqa: PLC0415

    name, rows = body.get("object", "Case"), org.records.rows(body.get("object", "Case"))
    share, seed = float(body.get("percent", 1)) / 100, int(body.get("seed", 1))
    changes = story.edits(name, rows, share=share, seed=seed)
    for id18, fields in changes:
        org.records.update(name, id18, fields, people.PERSON, enforce=False)
    return {"touched": len(changes)}


def declare(org: Org, body: Body) -> Any:
    """POST schema {name, label, fields}: what the org had before; all may use it."""
    name = body["name"]
    if org.records.object(name) is None:
        label = body.get("label", name.removesuffix("__c").replace("_", " "))
        system = system_fields(owned=True, beside="Group")
        fields = by_name([*system, Field("Name", "string", "Name", 80)])
        plural = body.get("label_plural", label + "s")
        org.records.add_object(
            ObjectType(name, label, plural, body.get("key_prefix", ""), fields, custom=True)
        )
        org.records.grant_object(_OPEN_SET, name, ("read", "create", "edit", "delete"))
    for one in body.get("fields", ()):
        made = Field(**{"label": one["name"], "custom": True, **_tuples(one)})
        org.records.add_field(name, made)
        org.records.grant(_OPEN_SET, name, made.name, read=True, edit=True)
    for user in (people.ADMIN, people.SYNC):
        org.records.assign(_OPEN_SET, user)
    return {"ok": True}


def _tuples(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}


def edit(org: Org, body: Body) -> Any:
    """POST edit {object, id?, fields, user?, hold?}: a person saves; without id, creates.

    With `hold`, the save belongs to a transaction that stays open until `release`: it is stamped
    now, and appears later with that old stamp.
    """
    user = body.get("user", people.PERSON)
    name, id18, fields = body["object"], body.get("id"), body["fields"]
    if body.get("hold"):
        return {"held": org.records.hold(name, id18, fields, user)}
    if id18 is None:
        return {"id": org.records.create(name, fields, user, enforce=False)}
    org.records.update(name, id18, fields, user, enforce=False)
    return {"id": id18}


def release(org: Org, body: Body) -> Any:
    """POST release {held?}: commit one held save, or all."""
    return {"ids": org.records.release(body.get("held"))}


def delete(org: Org, body: Body) -> Any:
    """POST delete {object, id, purge?}: to the recycle bin, or with `purge` out of it as well."""
    if body.get("purge"):
        org.records.purge(body["object"], body["id"])
    else:
        org.records.delete(body["object"], body["id"], people.PERSON, enforce=False)
    return {"id": body["id"]}


def undelete(org: Org, body: Body) -> Any:
    """POST undelete {object, id}."""
    org.records.undelete(body["object"], body["id"], people.PERSON)
    return {"id": body["id"]}


def merge(org: Org, body: Body) -> Any:
    """POST merge {object, winner, loser}."""
    org.records.merge(body["object"], body["winner"], body["loser"], people.PERSON)
    return {"id": body["winner"]}


def records(org: Org, body: Body) -> Any:
    """GET records {object, since?}: every row as stored, the recycle bin included.

    With `since` those saved at that instant or later.
    """
    rows = org.records.rows(body["object"], include_deleted=True)
    if body.get("since"):
        since = datetime.fromisoformat(body["since"])
        rows = [row for row in rows if row["SystemModstamp"] >= since]
    return {"records": [{k: _plain(v) for k, v in row.items()} for row in rows]}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def hide(org: Org, body: Body) -> Any:
    """POST hide {object, field, mode: hidden | readonly | visible}."""
    org.records.hide(body["object"], body["field"], body.get("mode", "hidden"))
    return {"ok": True}


def drop_field(org: Org, body: Body) -> Any:
    """POST drop_field {object, field}: an admin deletes the field with its values."""
    org.records.remove_field(body["object"], body["field"])
    return {"ok": True}


def add_faults(org: Org, body: Body) -> Any:
    """POST faults {rules: [...], seed?}."""
    org.faults.add(body["rules"], body.get("seed"))
    return {"rules": org.faults.report()}


def see_faults(org: Org, _: Body) -> Any:
    """GET faults."""
    return {"rules": org.faults.report()}


def clear_faults(org: Org, _: Body) -> Any:
    """DELETE faults."""
    org.faults.clear()
    return {"rules": []}


def see_calls(org: Org, body: Body) -> Any:
    """GET calls?after=n."""
    return org.calls.report(int(body.get("after", 0)))


def clear_calls(org: Org, _: Body) -> Any:
    """DELETE calls."""
    org.calls.clear()
    return {"ok": True}


def see_jobs(org: Org, _: Body) -> Any:
    """GET jobs: every bulk job with its state and its age in seconds of the sandbox's clock."""
    bulk_jobs.tick(org)
    now = org.clock.now()
    return {
        "jobs": [
            {
                "id": job.id,
                "direction": job.direction,
                "operation": job.operation,
                "object": job.object,
                "state": job.state,
                "error": job.error,
                "age_seconds": (now - job.created).total_seconds(),
                "polls": job.polls,
                "rows": len(job.found) if job.found is not None else len(job.rows),
                "saved": len(job.saved),
                "failed": len(job.refused),
            }
            for job in org.jobs
        ]
    }


def usage(org: Org, body: Body) -> Any:
    """POST limits {used?, allowed?, query_jobs?, upload_bytes?}: the org's allowances."""
    org.usage.used = int(body.get("used", org.usage.used))
    org.usage.allowed = int(body.get("allowed", org.usage.allowed))
    org.jobs.query_limit = int(body.get("query_jobs", org.jobs.query_limit))
    org.jobs.upload_limit = int(body.get("upload_bytes", org.jobs.upload_limit))
    return {"used": org.usage.used, "allowed": org.usage.allowed}


def expire(org: Org, _: Body) -> Any:
    """POST expire: every token stops working."""
    return {"expired": org.sessions.expire_all()}


def register_key(org: Org, body: Body) -> Any:
    """POST keys {client_id, pem}: the public key for a client's JWT bearer assertions."""
    if body["client_id"] not in org.clients:
        raise ValueError(f"unknown client {body['client_id']!r}")
    org.keys[body["client_id"]] = body["pem"]
    return {"ok": True}


def snapshot(org: Org, body: Body) -> Any:
    """POST snapshot {name?}: remember the org as it is."""
    saved = org.records.snapshot(), org.jobs.save(), org.portal.snapshot()
    org.snapshots[body.get("name", "")] = saved
    return {"ok": True}


def restore(org: Org, body: Body) -> Any:
    """POST restore {name?}: back to what was remembered. Clock, log and faults stay."""
    rows, jobs, portal = org.snapshots[body.get("name", "")]
    org.records.restore(rows)
    org.jobs.restore(jobs)
    org.portal.restore(portal)
    return {"ok": True}


_COMMANDS: dict[tuple[str, str], Callable[[Org, Body], Any]] = {
    ("GET", ""): status,
    ("GET", "clock"): clock_state,
    ("POST", "clock"): clock,
    ("POST", "reset"): reset,
    ("POST", "load"): load,
    ("POST", "volume"): volume,
    ("POST", "touch"): touch,
    ("POST", "schema"): declare,
    ("POST", "edit"): edit,
    ("POST", "release"): release,
    ("POST", "delete"): delete,
    ("POST", "undelete"): undelete,
    ("POST", "merge"): merge,
    ("GET", "records"): records,
    ("POST", "hide"): hide,
    ("POST", "drop_field"): drop_field,
    ("GET", "faults"): see_faults,
    ("POST", "faults"): add_faults,
    ("DELETE", "faults"): clear_faults,
    ("GET", "calls"): see_calls,
    ("DELETE", "calls"): clear_calls,
    ("GET", "jobs"): see_jobs,
    ("POST", "limits"): usage,
    ("POST", "expire"): expire,
    ("POST", "keys"): register_key,
    ("POST", "snapshot"): snapshot,
    ("POST", "restore"): restore,
}
