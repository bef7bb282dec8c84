"""Plan rows for tasks and escalations: what opens, what clears, what closes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl

from crm_health.config.playbook import Alert
from crm_health.connector import Op
from crm_health.entities import POLARS, Kind
from crm_health.health.template import compile_template, days_since
from crm_health.programmes import episodes, people
from crm_health.programmes.seals import seal
from crm_health.store import Scope, Store
from crm_health.sync.plan import rows
from crm_health.sync.setting import Setting

#: Longest subject of a task; longer ones are cut inside the account's name.
SUBJECT = 80
#: What a person may change on a task or escalation of ours, which then is left alone.
TASK_SEALED = ["subject", "owner_id", "due_at", "status"]
ESCALATION_SEALED = ["reason", "severity", "department", "owner_id", "status", "due_at"]
#: When an occurrence that left only a closed task is taken to have ended.
LONG_AGO = date(1970, 1, 2)
_INSTANT = POLARS[Kind.INSTANT]
_KINDS = {pl.String(): Kind.TEXT, pl.Boolean(): Kind.BOOLEAN, pl.Date(): Kind.DATE}


class Actions:
    """The tasks and escalations of some accounts, read back, and what should happen to them."""

    def __init__(self, store: Store, setting: Setting, scope: Scope) -> None:
        self.setting = setting
        self.playbook = setting.config.playbook
        self.mapping = setting.config.mapping
        self._reads = setting.reads
        self._store = store
        self._scope = scope
        self.tasks = self._load("task")
        self.episodes = self._load("episode")
        self.escalations = self._load("escalation")
        known = [frame.select(list(episodes.KNOWN)) for frame in (self.episodes, self.escalations)]
        self.known = episodes.with_rule(pl.concat(known))
        #: Accounts for which something should open, with nobody active to tell.
        self.ownerless = pl.Series("account_id", [], pl.String)

    def _load(self, entity: str) -> pl.DataFrame:
        shape = self._reads.shapes[entity]
        return self._store.mirror.load(entity, list(shape), self._scope)

    def _taken(self) -> pl.DataFrame:
        """Keys that people took from their place: they are taken all the same.

        Records moved to another account, and tasks whose episode is gone: an open one goes on,
        a closed one is over since always.
        """
        everywhere = pl.concat(
            self._store.mirror.load(name, list(episodes.KNOWN), Scope.all()).select(
                list(episodes.KNOWN)
            )
            for name in ("episode", "escalation")
        )
        born = pl.col("key").str.extract(rf"^{episodes.PREFIX}:(.+):[a-z0-9_]+:\d+$")
        moved = everywhere.filter(born != pl.col("account_id")).with_columns(
            born.alias("account_id")
        )
        over = pl.when(~pl.col("is_open").fill_null(True)).then(pl.lit(LONG_AGO))
        lone = (
            self.tasks.with_columns(pl.col("key").str.split("#").list.first())
            .join(everywhere, on="key", how="anti")
            .select(
                "id",
                "account_id",
                "key",
                pl.lit(None, pl.Date).alias("opened_at"),
                over.alias("cleared_at"),
            )
        )
        return episodes.with_rule(pl.concat([moved, lone]))

    def decide(
        self, accounts: pl.DataFrame, memories: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """What opens and clears.

        Returns:
            opening (with `does`, `severity` and `owner_id`), clearing, `account_id` +
            `standing`, and `account_id` + `open_after`: open escalations once this run has
            written.
        """
        alerts = self.playbook.alerts
        found = episodes.conditions(alerts, accounts)
        first = memories.select("account_id", (~pl.col("known")).alias("first"), "standing")
        last = episodes.latest(pl.concat([self.known, self._taken()]))
        opens = self._owned(
            episodes.opening(alerts, found, last, first, self.setting.day), accounts
        )
        clears = episodes.clearing(found, self.known)
        standing = episodes.standing_rules(alerts, found, memories)
        return opens, clears, standing, self._open_after(accounts, opens, clears)

    def _owned(self, opens: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
        """What opens, with its owner; what nobody could be told of is left out and counted."""
        alerts = self.playbook.alerts
        does = pl.DataFrame(
            {
                "rule": list(alerts),
                "does": [a.does for a in alerts.values()],
                "severity": [a.severity for a in alerts.values()],
                "desk": [
                    self.playbook.departments[a.escalation.department].owner
                    if a.does == "escalate" and a.escalation is not None
                    else None
                    for a in alerts.values()
                ],
            },
            schema=dict.fromkeys(("rule", "does", "severity", "desk"), pl.String),
        )
        told = accounts.select("account_id")
        if opens.height:
            users = self._users()
            owner = people.owners(accounts, users, self.mapping.fallback_owner)
            told = told.with_columns(owner.alias("told"))
        else:
            told = told.with_columns(pl.lit(None, pl.String).alias("told"))
        owned = (
            opens.join(does, on="rule", maintain_order="left")
            .join(told, on="account_id", maintain_order="left")
            .with_columns(pl.coalesce("desk", "told").alias("owner_id"))
            .drop("desk", "told")
        )
        self.ownerless = owned.filter(pl.col("owner_id").is_null())["account_id"]
        return owned.filter(pl.col("owner_id").is_not_null())

    def _open_after(
        self, accounts: pl.DataFrame, opens: pl.DataFrame, clears: pl.DataFrame
    ) -> pl.DataFrame:
        """Open escalations as they will be: else the next sync would write the count again."""
        closing = self._closing_escalations(clears)["id"]
        still = self.escalations.filter(
            pl.col("is_open").fill_null(True) & ~pl.col("id").is_in(closing.implode())
        )
        counts = pl.concat(
            [
                still.select("account_id"),
                opens.filter(pl.col("does") == "escalate").select("account_id"),
            ]
        )
        tally = counts.group_by("account_id").len("open_after")
        return (
            accounts.select("account_id")
            .join(tally, on="account_id", how="left", maintain_order="left")
            .with_columns(pl.col("open_after").fill_null(0).cast(pl.Int64))
        )

    # -- what opens ---------------------------------------------------------------------------

    def opening_rows(self, accounts: pl.DataFrame, opens: pl.DataFrame) -> pl.DataFrame:
        """Plan rows that create tasks with their episodes, and escalations."""
        if opens.is_empty():
            return rows(opens)
        # The account's own owner is nobody's here.
        view_of = accounts.drop("owner_id")
        found = [rows(opens.head(0))]
        for rule, alert in self.playbook.alerts.items():
            mine = opens.filter(pl.col("rule") == rule).select("account_id", "key", "owner_id")
            view = mine.join(view_of, on="account_id", maintain_order="left")
            if view.is_empty():
                continue
            if alert.does == "task":
                found.append(self._task_rows(rule, alert, view))
            else:
                found.append(self._escalation_rows(rule, alert, view))
        return pl.concat(found)

    def _users(self) -> pl.DataFrame | None:
        """The CRM's users, or None where they can't be read."""
        shape = self._reads.shapes.get("user")
        if shape is None or not {"is_active", "manager_id"} <= set(shape):
            return None
        return self._store.mirror.load("user", ["is_active", "manager_id"], Scope.all())

    def _task_rows(self, rule: str, alert: Alert, view: pl.DataFrame) -> pl.DataFrame:
        assert alert.task is not None  # config check: an alert that does a task has its text
        out, episode = self.mapping.write.task, self.mapping.write.episode
        due = self.setting.calendar.add_days(self.setting.day, alert.due_days)
        made = view.select(
            "account_id",
            "key",
            self._subject(alert.task.subject, view).alias("subject"),
            self._text(alert.task.body, view).alias("body"),
            "owner_id",
            pl.lit(due).alias("due_at"),
            pl.lit(out.open_status).alias("status"),
        )
        made = made.with_columns(
            pl.concat_str("key", pl.lit("#"), seal(made, TASK_SEALED)).alias("sealed")
        )
        fields: dict[str, pl.Expr] = {
            out.key: pl.col("sealed"),
            out.subject: pl.col("subject"),
            out.body: pl.col("body"),
            out.owner: pl.col("owner_id"),
            out.due: pl.col("due_at"),
            out.priority: pl.lit(out.priorities[alert.severity]),
            out.status: pl.col("status"),
            out.account: pl.col("account_id"),
            **{name: pl.lit(value) for name, value in out.constants.items()},
        }
        claim: dict[str, pl.Expr] = {
            episode.key: pl.col("key"),
            episode.account: pl.col("account_id"),
            episode.opened: pl.lit(self.setting.day),
        }
        return rows(
            made.select(
                "account_id",
                "key",
                _struct(fields).alias("fields"),
                _without(fields, out.key, out.due).alias("stable"),
                _struct(claim).alias("claim_fields"),
            ),
            kind="task",
            op=Op.CREATE_ONCE,
            object=out.object,
            key_field=out.key,
            claim_object=episode.object,
            claim_key_field=episode.key,
            why=f"{rule} opened",
        )

    def _escalation_rows(self, rule: str, alert: Alert, view: pl.DataFrame) -> pl.DataFrame:
        assert alert.escalation is not None  # config check, as above
        out, says = self.mapping.write.escalation, alert.escalation
        hours = self.playbook.severities[says.severity]
        due = self._due(hours)
        made = view.select(
            "account_id",
            "key",
            pl.lit(says.reason).alias("reason"),
            pl.lit(says.severity).alias("severity"),
            pl.lit(says.department).alias("department"),
            "owner_id",
            pl.lit(out.statuses["open"]).alias("status"),
            pl.lit(due, _INSTANT).alias("due_at"),
            self._text(says.evidence, view)
            .str.slice(0, self._length(out.object, out.evidence))
            .alias("evidence"),
            pl.col("score").cast(pl.Float64),
            pl.col("band").str.to_titlecase(),
        )
        made = made.with_columns(seal(made, ESCALATION_SEALED).alias("seal"))
        fields: dict[str, pl.Expr] = {
            out.key: pl.col("key"),
            out.seal: pl.col("seal"),
            out.account: pl.col("account_id"),
            out.reason: pl.col("reason"),
            out.severity: pl.col("severity"),
            out.department: pl.col("department"),
            out.owner: pl.col("owner_id"),
            out.status: pl.col("status"),
            out.source: pl.lit("rule"),
            out.opened: pl.lit(self.setting.day),
            out.due: _iso(pl.col("due_at")),
            out.evidence: pl.col("evidence"),
            out.score: pl.col("score"),
            out.band: pl.col("band"),
        }
        return rows(
            made.select(
                "account_id",
                "key",
                _struct(fields).alias("fields"),
                _without(fields, out.seal, out.due, out.opened).alias("stable"),
            ),
            kind="escalation",
            op=Op.UPSERT,
            object=out.object,
            key_field=out.key,
            why=f"{rule} opened",
        )

    def _due(self, hours: float) -> datetime:
        opened = pl.lit(self.setting.as_of).cast(_INSTANT)
        due = pl.select(self.setting.calendar.due(opened, pl.lit(hours))).item()
        assert isinstance(due, datetime)
        return due

    def _length(self, crm_object: str, path: str) -> int:
        return self._reads.lengths.get((crm_object, path), 255)

    def _text(self, template: str, view: pl.DataFrame) -> pl.Series:
        """A template filled in for each row; `{account}` is the account's name."""
        named = view.with_columns(pl.col("name").fill_null("").alias("account"))
        model = self.setting.config.model
        expr = compile_template(
            template, _kinds(named), since=days_since(model), time_zone=model.time_zone
        )
        return named.select(expr.alias("text"))["text"]

    def _subject(self, template: str, view: pl.DataFrame) -> pl.Series:
        """The subject, cut to `SUBJECT` characters inside the account's name."""
        rest = self._text(template, view.with_columns(pl.lit("").alias("name")))
        frame = pl.DataFrame({"name": view["name"].fill_null(""), "rest": rest}).with_columns(
            (SUBJECT - pl.col("rest").str.len_chars().cast(pl.Int64)).clip(8, SUBJECT).alias("room")
        )
        name = pl.col("name")
        short = frame.select(
            pl.when(name.str.len_chars() > pl.col("room"))
            .then(pl.concat_str(name.str.slice(0, pl.col("room") - 1), pl.lit("…")))
            .otherwise(name)
            .alias("name")
        )["name"]
        return self._text(template, view.with_columns(short)).str.slice(0, 255)

    # -- what clears --------------------------------------------------------------------------

    def clearing_rows(self, clears: pl.DataFrame) -> pl.DataFrame:
        """Plan rows that mark episodes as over, and close what nobody touched."""
        out = self.mapping.write
        day, now = pl.lit(self.setting.day), _iso(pl.lit(self.setting.as_of).cast(_INSTANT))
        closing = self._closing_escalations(clears)
        cleared = self.escalations.join(clears.select("key"), on="key", how="semi")
        quiet = cleared.filter(~pl.col("id").is_in(closing["id"].implode()))
        resolved = {
            out.escalation.status: pl.lit(out.escalation.statuses["resolved"]),
            out.escalation.resolved: now,
            out.escalation.cleared: day,
        }
        over = self.episodes.join(clears.select("key"), on="key", how="semi")
        done = {out.task.status: pl.lit(out.task.done_status)}
        parts = [
            _updates(closing, resolved, "close_escalation", out.escalation.object),
            _updates(
                quiet, {out.escalation.cleared: day}, "clear_escalation", out.escalation.object
            ),
            _updates(over, {out.episode.cleared: day}, "clear_episode", out.episode.object),
            _updates(self._closing_tasks(clears), done, "close_task", out.task.object),
        ]
        return pl.concat(parts)

    def _closing_escalations(self, clears: pl.DataFrame) -> pl.DataFrame:
        """Open, ours, untouched, and their cause is over."""
        over = self.escalations.filter(
            pl.col("is_open").fill_null(False) & (pl.col("source") == "rule")
        ).join(clears.select("key"), on="key", how="semi")
        return over.filter(seal(over, ESCALATION_SEALED) == over["seal"])

    def _closing_tasks(self, clears: pl.DataFrame) -> pl.DataFrame:
        """Open untouched tasks whose episode is over: a crash between the two is made good."""
        parts = pl.col("key").str.split_exact("#", 1)
        tasks = self.tasks.filter(pl.col("is_open").fill_null(False)).with_columns(
            parts.struct.field("field_0").alias("base"), parts.struct.field("field_1").alias("seal")
        )
        cleared = self.episodes.filter(pl.col("cleared_at").is_not_null()).select("key")
        over = pl.concat([clears.select("key"), cleared]).unique().rename({"key": "base"})
        mine = tasks.join(over, on="base", how="semi")
        return mine.filter(seal(mine, TASK_SEALED) == mine["seal"])


def _updates(
    frame: pl.DataFrame, fields: dict[str, pl.Expr], kind: str, crm_object: str
) -> pl.DataFrame:
    made = frame.select(
        "account_id",
        pl.col("id").alias("record_id"),
        pl.col("key"),
        (_struct(fields) if frame.height else pl.lit(None, pl.String)).alias("fields"),
        # Which record it is says it all: the rest are the day and the hour.
        pl.lit("").alias("stable"),
    )
    return rows(made, kind=kind, op=Op.UPDATE, object=crm_object, why="the cause is over")


def _struct(fields: dict[str, pl.Expr]) -> pl.Expr:
    named: list[Any] = [expr.alias(name) for name, expr in fields.items()]
    return pl.struct(named).struct.json_encode()


def _without(fields: dict[str, pl.Expr], *moving: str) -> pl.Expr:
    return _struct({name: expr for name, expr in fields.items() if name not in moving})


def _iso(instant: pl.Expr) -> pl.Expr:
    return instant.dt.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _kinds(frame: pl.DataFrame) -> dict[str, Kind]:
    """The columns that texts may show, with their kinds."""
    found = {}
    for name, dtype in frame.schema.items():
        if dtype.is_numeric():
            found[name] = Kind.NUMBER
        elif isinstance(dtype, pl.Datetime):
            found[name] = Kind.INSTANT
        elif dtype in _KINDS:
            found[name] = _KINDS[dtype]
    return found
