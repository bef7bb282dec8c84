"""Properties that the service fills from others when a record is saved."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.kinds import (
    CALL,
    COMPANY,
    CONTACT,
    DEAL,
    EMAIL,
    LINE_ITEM,
    MEETING,
    NOTE,
    TASK,
    TICKET,
    Kind,
)
from connectors.sandbox.hubspot.pipeline import Pipelines
from connectors.sandbox.tables import Row

#: What shows as the date of last contact; a note or a task does not.
CONTACTS_A_CUSTOMER = (CALL, EMAIL, MEETING)
#: A year holds so many billing periods.
_PER_YEAR = {
    "weekly": 52,
    "biweekly": 26,
    "monthly": 12,
    "quarterly": 4,
    "per_six_months": 2,
    "annually": 1,
}
_PREVIEWED = {
    NOTE.type_id: "hs_note_body",
    TASK.type_id: "hs_task_body",
    CALL.type_id: "hs_call_body",
    MEETING.type_id: "hs_meeting_body",
}
_LIFECYCLE = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
_TAGS = re.compile(r"<[^>]*>")


def derive(pipelines: Pipelines, kind: Kind, row: Row, old: Row | None, now: datetime) -> None:
    """Complete a row about to be saved, in place. `old` is None for a new record.

    A row that is loaded is its own predecessor: nothing in it has just changed.
    """
    step = _STEPS.get(kind.type_id)
    if step is not None:
        step(pipelines, row, old if old is not None else Row(), now)


def _only_forward(row: Row, old: Row) -> None:
    """A stage of the lifecycle that lies behind the present one is not taken, in silence."""
    new, present = row["lifecyclestage"], old["lifecyclestage"]
    if new in _LIFECYCLE and present in _LIFECYCLE:
        row["lifecyclestage"] = max(new, present, key=_LIFECYCLE.index)


def _company(_: Pipelines, row: Row, old: Row, __: datetime) -> None:
    _only_forward(row, old)
    if row["domain"] and not old and not row["website"]:
        row["website"] = row["domain"]


def _contact(_: Pipelines, row: Row, old: Row, __: datetime) -> None:
    _only_forward(row, old)
    email = row["email"]
    if email != old["email"] and email:
        row["hs_email_domain"] = email.rpartition("@")[2]


def _deal(pipelines: Pipelines, row: Row, old: Row, now: datetime) -> None:
    name = row["dealstage"]
    stage = pipelines.stage(DEAL.type_id, name) if name else None
    if stage is not None and (old["dealstage"] != name or row["hs_is_closed"] is None):
        chance = stage.metadata.get("probability", "0.0")
        row["hs_deal_stage_probability"] = _plain(chance)
        row["hs_is_closed"] = "true" if stage.closed else "false"
        row["hs_is_closed_won"] = "true" if stage.closed and float(chance) == 1 else "false"
        row["hs_is_closed_lost"] = "true" if stage.closed and float(chance) == 0 else "false"
        if stage.closed and old["dealstage"] != name and row["closedate"] == old["closedate"]:
            row["closedate"] = stamps.text(now)
    if row["amount"] != old["amount"] or row["amount_in_home_currency"] is None:
        _set(row, "amount_in_home_currency", row["amount"])


def _ticket(pipelines: Pipelines, row: Row, old: Row, now: datetime) -> None:
    name = row["hs_pipeline_stage"]
    stage = pipelines.stage(TICKET.type_id, name) if name else None
    if stage is None:
        return
    closed, was_closed = stage.closed, old["hs_is_closed"] == "true"
    row["hs_is_closed"] = "true" if closed else "false"
    if row is old or closed == was_closed:
        return
    if closed:
        if not row["closed_date"] or row["closed_date"] == old["closed_date"]:
            row["closed_date"] = stamps.text(now)
        row["hs_last_closed_date"] = row["closed_date"]
        _time_to_close(row)
    elif was_closed:
        row["hs_ticket_reopened_at"] = stamps.text(now)
        row["closed_date"] = ""


def _time_to_close(row: Row) -> None:
    took = stamps.read(row["closed_date"]) - stamps.read(row["createdate"])
    row["time_to_close"] = str(round(took.total_seconds() * 1000))


def _task(_: Pipelines, row: Row, old: Row, now: datetime) -> None:
    done = row["hs_task_status"] == "COMPLETED"
    row["hs_task_is_completed"] = "1" if done else "0"
    if row is old or done == (old["hs_task_status"] == "COMPLETED"):
        return
    row["hs_task_completion_date"] = stamps.text(now) if done else ""
    row["hs_task_completion_count"] = "1" if done else "0"


def _line_item(_: Pipelines, row: Row, __: Row, ___: datetime) -> None:
    price, quantity = _number(row["price"]), _number(row["quantity"])
    if price is None or quantity is None:
        return
    amount = price * quantity - (_number(row["discount"]) or 0) * quantity
    row["amount"] = _plain(str(amount))
    times = _PER_YEAR.get(row["recurringbillingfrequency"] or "")
    if times is not None:
        row["hs_arr"] = _plain(str(amount * times))
        row["hs_mrr"] = _plain(str(round(amount * times / 12, 6)))


_STEPS: Mapping[str, Callable[[Pipelines, Row, Row, datetime], None]] = {
    COMPANY.type_id: _company,
    CONTACT.type_id: _contact,
    DEAL.type_id: _deal,
    TICKET.type_id: _ticket,
    TASK.type_id: _task,
    LINE_ITEM.type_id: _line_item,
}


def born(kind: Kind, row: Row) -> None:
    """What a record has from its creation by an app, beside what was sent."""
    row["hs_object_source"] = row["hs_object_source_label"] = "INTEGRATION"
    if kind is CONTACT:
        row["hs_is_contact"] = "true"
        row["hs_all_contact_vids"] = row["Id"]
        row.setdefault("lifecyclestage", "lead")
        row["hs_pipeline"] = "contacts-lifecycle-pipeline"
        names = " ".join(n for n in (row["firstname"], row["lastname"]) if n)
        row["hs_full_name_or_email"] = names or row["email"] or ""
    elif kind is TICKET:
        row["hs_ticket_id"] = row["Id"]
        row["hs_helpdesk_sort_timestamp"] = row["createdate"]
    body = row[_PREVIEWED[kind.type_id]] if kind.type_id in _PREVIEWED else None
    if body:
        row["hs_body_preview"] = _TAGS.sub("", body)[:512]


def logged(kind: Kind, activity: Row, target: Row, now: datetime) -> dict[str, str]:
    """What an activity that is hung on a record changes in that record.

    Any of them moves `notes_last_updated`; only a call, an email or a meeting is a contact.
    """
    when = activity["hs_timestamp"] or stamps.text(now)
    changes = {"notes_last_updated": max(when, target["notes_last_updated"] or "")}
    if kind in CONTACTS_A_CUSTOMER:
        changes["notes_last_contacted"] = max(when, target["notes_last_contacted"] or "")
    return changes


def _number(value: str | None) -> Decimal | None:
    try:
        return Decimal(value) if value else None
    except InvalidOperation:
        return None


def _plain(number: str) -> str:
    """A number without a needless fraction."""
    whole = Decimal(number)
    return str(whole.quantize(Decimal(1))) if whole == whole.to_integral() else str(whole)


def _set(row: Row, name: str, value: str | None) -> None:
    if value is not None:
        row[name] = value
