"""What BottleCRM says of the story, in the words of `parity`: read past its API."""

from __future__ import annotations

from typing import Any

from bottlecrm_org import Org
from bottlecrm_story import Told
from parity import ESCALATION, KEY, Row, Truth, plain

from connectors.bottlecrm.objects import CUSTOM
from connectors.sandbox.story.portal_fields import hub_id
from crm_health.store import Store

_NOT_COMPARED = {"account", "digest"}
_TASKS = (
    "SELECT t.*, (SELECT array_agg(a.profile_id) FROM task_assigned_to a WHERE a.task_id = t.id)"
    " AS assigned_to FROM task t WHERE t.custom_fields ->> 'health_mark' = 'crm-health'"
)


class BottleSide:
    """As `parity.Side`, of the CRM itself."""

    def __init__(self, org: Org, told: Told) -> None:
        self.org, self.told = org, told

    def truth(self) -> Truth:
        """Everything that both must say alike."""
        write = self.org.config.mapping.write
        dates = {"opened": write.episode.opened, "cleared": write.episode.cleared}
        rows = self.org.crm.sql("SELECT id, custom_fields FROM accounts")
        return {
            "account": {
                self._id(row["id"]): {
                    role: _value(row, path) for role, path in write.account.items()
                }
                for row in rows
            },
            "task": {key: self._task(row) for key, row in self.ours(write.task.key).items()},
            "episode": {
                key: {role: _value(row, path) for role, path in dates.items()}
                for key, row in self.ours(write.episode.key).items()
            },
            "escalation": {
                key: self._escalation(row) for key, row in self.ours(write.escalation.key).items()
            },
        }

    def ours(self, key_field: str) -> dict[str, Row]:
        """Our tasks that have such a key, by it, without ids and seals."""
        found: dict[str, Row] = {}
        for row in self.org.crm.sql(_TASKS):
            key = KEY.match(str(_raw(row, key_field) or ""))
            if key is not None:
                name = f"{self._id(key['account'])}:{key['rest']}"
                assert name not in found, f"{name} twice in BottleCRM"
                found[name] = row
        return found

    def receipt(self, store: Store, account: str) -> Row | None:
        """The newest receipt of an account of the story."""
        record = next(record for record, name in self.told.names.items() if name == account)
        found = store.history.receipt(record)
        return found and {k: v for k, v in found.items() if k not in _NOT_COMPARED}

    def _task(self, row: Row) -> Row:
        out = self.org.config.mapping.write.task
        priorities = {theirs: ours for ours, theirs in out.priorities.items()}
        return {
            "subject": row["title"],
            "body": row["description"],
            "owner": self._owner(row),
            "due": str(row["due_date"]),
            "priority": priorities[row["priority"]],
            "open": row["status"] != out.done_status,
            "account": self._id(row["account_id"]),
        }

    def _escalation(self, row: Row) -> Row:
        out = self.org.config.mapping.write.escalation
        words = {theirs: ours for ours, theirs in out.statuses.items()}
        return {
            **{role: _value(row, getattr(out, role)) for role in ESCALATION},
            "owner": self._owner(row),
            "status": words.get(row["status"], row["status"]),
            "account": self._id(row["account_id"]),
        }

    def _owner(self, row: Row) -> str:
        [owner] = row["assigned_to"]
        return self._id(owner)

    def _id(self, record: Any) -> str:
        return hub_id(self.told.names[str(record)])


def _raw(row: Row, path: str) -> Any:
    if path.startswith(CUSTOM):
        return row["custom_fields"].get(path.removeprefix(CUSTOM))
    return row.get(path)


def _value(row: Row, path: str) -> Any:
    return plain(_raw(row, path))
