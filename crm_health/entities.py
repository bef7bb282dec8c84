"""The One View's entities: their core columns and types. A mapping says what feeds them.

Every entity has `id` and, but for user, `account_id` (on account it is the id itself). A column
`x_at` of kind date or instant also gives expressions `x_days`: whole days since, in the org's
time zone, negative when ahead. The entity's main date gives `age_days`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl
from polars.datatypes import DataType, DataTypeClass


class Kind(StrEnum):
    """The types that cross the contract, are stored and can be used in expressions."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"  #: a moment, UTC, millisecond precision


POLARS: dict[Kind, DataType | DataTypeClass] = {
    Kind.TEXT: pl.String,
    Kind.NUMBER: pl.Float64,
    Kind.BOOLEAN: pl.Boolean,
    Kind.DATE: pl.Date,
    Kind.INSTANT: pl.Datetime("ms", "UTC"),
}


@dataclass(frozen=True)
class Column:
    """One typed column of an entity."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Entity:
    """A kind of record in the One View."""

    name: str
    columns: tuple[Column, ...]
    #: The date or instant that `age_days` counts from.
    main_date: str | None = None
    #: Records of our own making, read back: never an input of the score, but for those among them
    #: that people made (`BY_PEOPLE`).
    ours: bool = False

    def kind(self, column: str) -> Kind | None:
        """The column's kind, or None where the entity has no such column."""
        return next((c.kind for c in self.columns if c.name == column), None)


def _entity(name: str, main_date: str | None, ours: bool, /, **columns: Kind) -> Entity:
    listed = tuple(Column(column, kind) for column, kind in columns.items())
    return Entity(name, listed, main_date, ours)


_T, _N, _B, _D, _I = Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT

ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        _entity(
            "account",
            "customer_since",
            False,
            name=_T,
            parent_id=_T,
            owner_id=_T,
            csm_id=_T,
            status=_T,
            is_person=_B,
            customer_since=_D,
            churned_at=_D,
            contract_value=_N,
            renewal_at=_D,
            employees=_N,
            industry=_T,
            regulated=_B,
            tier=_T,
            csm_sentiment=_N,
            champion_strength=_N,
            exec_relationship=_N,
            relationship_at=_D,
            override_score=_N,
            override_reason=_T,
            override_until=_D,
            created_at=_I,
        ),
        _entity("contact", None, False, account_id=_T, role=_T, is_active=_B, left_at=_D),
        _entity(
            "case",
            "opened_at",
            False,
            account_id=_T,
            contact_id=_T,
            number=_T,
            priority=_T,
            is_open=_B,
            opened_at=_I,
            closed_at=_I,
            sla_due_at=_I,
        ),
        _entity(
            "activity",
            "happened_at",
            False,
            account_id=_T,
            contact_id=_T,
            kind=_T,
            purpose=_T,
            is_done=_B,
            happened_at=_D,
        ),
        _entity(
            "opportunity",
            "created_at",
            False,
            account_id=_T,
            kind=_T,
            is_open=_B,
            is_won=_B,
            amount=_N,
            close_at=_D,
            created_at=_I,
        ),
        _entity(
            "subscription",
            "started_at",
            False,
            account_id=_T,
            product=_T,
            quantity=_N,
            annual_value=_N,
            is_active=_B,
            is_recurring=_B,
            started_at=_D,
            ends_at=_D,
        ),
        _entity(
            "usage",
            "day",
            False,
            account_id=_T,
            contact_id=_T,
            metric=_T,
            value=_N,
            day=_D,
        ),
        _entity(
            "survey",
            "answered_at",
            False,
            account_id=_T,
            contact_id=_T,
            kind=_T,
            points=_N,
            answered_at=_D,
        ),
        _entity("invoice", "due_at", False, account_id=_T, is_open=_B, amount=_N, due_at=_D),
        _entity("milestone", "due_at", False, account_id=_T, kind=_T, due_at=_D, done_at=_D),
        _entity("incident", "happened_at", False, account_id=_T, minutes=_N, happened_at=_I),
        _entity("user", None, False, is_active=_B, manager_id=_T, name=_T),
        _entity(
            "task",
            None,
            True,
            account_id=_T,
            key=_T,
            subject=_T,
            body=_T,
            owner_id=_T,
            due_at=_D,
            priority=_T,
            status=_T,
            is_open=_B,
            feedback=_T,
        ),
        _entity(
            "episode",
            None,
            True,
            account_id=_T,
            key=_T,
            told=_T,
            opened_at=_D,
            cleared_at=_D,
        ),
        _entity(
            "escalation",
            "opened_at",
            True,
            account_id=_T,
            key=_T,
            seal=_T,
            reason=_T,
            severity=_T,
            department=_T,
            owner_id=_T,
            status=_T,
            source=_T,
            is_open=_B,
            opened_at=_D,
            acknowledged_at=_I,
            due_at=_I,
            next_update_at=_D,
            breached=_B,
            told_at=_I,
            resolved_at=_I,
            cleared_at=_D,
            log=_T,
            actions=_T,
            tier=_T,
        ),
    )
}

#: The lowest and the highest that a number can be; others are typing errors, treated as missing.
RANGES: dict[tuple[str, str], tuple[float, float]] = {
    ("account", "csm_sentiment"): (1, 5),
    ("account", "champion_strength"): (1, 5),
    ("account", "exec_relationship"): (1, 5),
    ("survey", "points"): (0, 100),
}

#: Texts of people's that are kept as a checksum only: enough to see that they changed.
CHECKSUMS = frozenset({("task", "body")})

#: Entities that bring rows all the time, in loads: when nothing new comes for days the source is
#: broken, not the customer silent. Their rows also have `window_days`: days before the newest day
#: in the whole source, so that a load that is a day late is nobody's decline.
CONTINUOUS = frozenset({"usage"})

#: Of our own records, what people open beside us is an input as any: facts see those alone, the
#: ones without a key of ours.
BY_PEOPLE = frozenset({"escalation"})

#: What we write on the account, and read back as `shown_<name>`: (name, kind).
ACCOUNT_OUTPUTS: dict[str, Kind] = {
    "score": _N,
    "band": _T,
    "band_since": _D,
    "trend": _T,
    "why": _T,
    "evidence": _T,
    "score_computed": _N,
    "coverage": _N,
    "open_escalations": _N,
    "last_12_weeks": _T,
    "memory": _T,
    # A second memory, of the programmes.
    "programmes": _T,
}
#: The outputs of the programmes, which are written together: where the customer stands with us,
#: and what is due.
PROGRAMMES: dict[str, Kind] = {
    "stage": _T,
    "stage_since": _D,
    "value_stage": _T,
    "value_stage_since": _D,
    "tier": _T,
    "tier_since": _D,
    "top_risk": _T,
    "top_opportunity": _T,
    "open_alerts": _T,
    "next_touch": _T,
    "next_touch_due": _D,
    "attention": _N,
    "value_at_stake": _N,
    "licence_use": _N,
}
ACCOUNT_OUTPUTS |= PROGRAMMES
#: Those that people may change: their choice holds, and we go on from it.
HELD = frozenset({"stage", "value_stage", "tier"})


#: What the record page says of our fields and of those that people fill for us, a sentence or two
#: each; whoever sets the CRM up puts it there.
HELP: dict[str, str] = {
    "score": "1 to 100: how the customer is today. It is no forecast. Under 70 have a look, under "
    "60 act.",
    "band": "Comes from the score, but takes two days to change. Unknown is too little evidence, "
    "and does not mean green.",
    "band_since": "The day on which the band last changed.",
    "trend": "Rising or falling by five points and more within 30 days.",
    "why": "What moved the score and what keeps it down, in points, the strongest first.",
    "evidence": "Which signals are there and which are missing, how fresh they are, and the model "
    "that weighed them.",
    "score_computed": "The score as reckoned, also where a person's counts or evidence is short.",
    "coverage": "Percent of the model's weight for which there is fresh evidence.",
    "open_escalations": "Escalations that are not resolved yet.",
    "last_12_weeks": "The score at the end of each of the last twelve weeks, oldest first.",
    "memory": "Ours: what crm-health must not forget. Please leave it alone.",
    "programmes": "Ours: what crm-health must not forget. Please leave it alone.",
    "stage": "Where the customer stands with us. Choose another one and it holds until what we see "
    "changes.",
    "stage_since": "The day on which this stage began.",
    "value_stage": "What the customer gets out of the product. Choose another one and it holds "
    "until what we see changes.",
    "value_stage_since": "The day on which this value stage began.",
    "tier": "How we look after the customer. Choose another one and it holds for a year.",
    "tier_since": "The day on which the customer came into this tier.",
    "top_risk": "The gravest open alert, and its date.",
    "top_opportunity": "The best chance to grow, or a success to celebrate.",
    "open_alerts": "All alerts that are open now.",
    "next_touch": "The contact that is due next by the plan of the tier.",
    "next_touch_due": "The day by which that contact should happen.",
    "attention": "0 to 100: how much the customer needs somebody, by score and value. Sort lists "
    "by it.",
    "value_at_stake": "What the customer is worth while the band is red or unknown, else 0.",
    "licence_use": "Percent of the seats bought that are in use, in steps of 5.",
    "csm_sentiment": "Yours to judge. Counts for 90 days after the date of the review.",
    "champion_strength": "Yours to judge. Counts for 90 days after the date of the review.",
    "exec_relationship": "Yours to judge. Counts for 90 days after the date of the review.",
    "relationship_at": "The day on which you last made up your mind; empty: when you edited it.",
    "override_score": "Your score in place of ours, while it lasts.",
    "override_reason": "Why your score counts.",
    "override_until": "The last day of your score; empty: 90 days.",
}


def shown(output: str) -> str:
    """The account column that holds what the CRM shows for an output."""
    return f"shown_{output}"
