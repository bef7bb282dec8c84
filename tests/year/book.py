"""What the days add up to on one side: open tasks, new ones by person, and what must never be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from crm_health.config.load import Config
from crm_health.config.touches import is_touch
from crm_health.programmes import reviewing
from tests.year.living import Day
from tests.year.records import Row
from tests.year.side import HAND, KINDS, Truth

#: Kinds of tasks, in the order of the table.
TASKS = ("risk", "growth", "success", "touch", "errand", "leadership")
OPEN = ("open", "in_progress", "waiting")


@dataclass
class Month:
    """One month, counted."""

    opened: Counter[str] = field(default_factory=Counter)
    closed_by_people: int = 0
    closed_by_us: int = 0
    #: Open at its end.
    open: int = 0
    #: Most new tasks for a person and day: those that the budget holds, and all.
    most: int = 0
    most_in_all: int = 0
    #: New tasks by person and week (ISO).
    weekly: Counter[tuple[str, str]] = field(default_factory=Counter)
    escalated: Counter[str] = field(default_factory=Counter)
    resolved: int = 0
    escalations_open: int = 0
    overdue: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)
    bands: Counter[str] = field(default_factory=Counter)
    stage_moves: int = 0
    tier_moves: int = 0
    band_moves: int = 0
    written: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    expired: list[int] = field(default_factory=list)
    held: int = 0


class Book:
    """One side's days, folded; `faults` says what must not be."""

    def __init__(self, config: Config, holders: Mapping[str, str]) -> None:
        self.config, self.holders = config, holders
        self.truth: Truth = {kind: {} for kind in KINDS}
        self.months: dict[str, Month] = defaultdict(Month)
        self.faults: list[str] = []
        #: New tasks by rule or action.
        self.rules: Counter[str] = Counter()
        self._first = True
        self._reviewed: Counter[str] = Counter()
        self._customers: dict[str, int] = {}

    def add(self, day: Day) -> None:
        """One more day."""
        month = self.months[day.day[:7]]
        before = self.truth
        after: Truth = {kind: {**before[kind], **day.changed[kind]} for kind in KINDS}
        self._tasks(month, day, before["task"], after["task"])
        self._escalations(month, day, before["escalation"], after["escalation"])
        self._accounts(month, day, before["account"], after["account"])
        self.truth = after
        month.written.append(len(day.written))
        month.waiting.append(day.waiting)
        month.expired.append(day.expired)
        month.held += bool(day.stops)
        if day.again:
            self.faults.append(f"{day.day}: a second sync wrote {day.again}")
        self._first = False

    def kind(self, key: str) -> str:
        """What a task is, by its key."""
        name = rule(key)
        if key.startswith("ca1"):
            return "leadership" if name.startswith("told_") else "errand"
        if is_touch(name):
            return "touch"
        return str(self.config.playbook.alerts[name].polarity)

    # -- tasks --------------------------------------------------------------------------------

    def _tasks(
        self, month: Month, day: Day, before: Mapping[str, Row], after: Mapping[str, Row]
    ) -> None:
        new = {key: task for key, task in day.changed["task"].items() if key not in before}
        year, week, _ = date.fromisoformat(day.day).isocalendar()
        for key, task in new.items():
            month.opened[self.kind(key)] += 1
            self.rules[rule(key) if not rule(key).startswith("told_") else "told"] += 1
            month.weekly[task["owner"], f"{year}-{week:02d}"] += 1
        for key, task in day.changed["task"].items():
            if key in before and before[key]["open"] and not task["open"]:
                by_people = key in day.closed
                month.closed_by_people += by_people
                month.closed_by_us += not by_people
        still = {key: task for key, task in after.items() if task["open"]}
        month.open = len(still)
        self._budget(month, day, new, still)
        risks = Counter(key.split(":")[1] for key in still if self.kind(key) == "risk")
        families = Counter(self.holders.get(one, one) for one in risks.elements())
        for what, found in (("account", risks), ("group", families)):
            for one, count in found.items():
                if count > 1:
                    self.faults.append(f"{day.day}: {what} {one} has {count} open risk tasks")

    def _budget(
        self, month: Month, day: Day, new: Mapping[str, Row], still: Mapping[str, Row]
    ) -> None:
        playbook = self.config.playbook
        mine = {key: task for key, task in new.items() if key.startswith("ch1")}
        all_new = Counter(task["owner"] for task in new.values())
        counted = Counter(task["owner"] for task in mine.values())
        modest = Counter(t["owner"] for t in mine.values() if t["priority"] != "high")
        open_ones = Counter(task["owner"] for task in still.values())
        month.most = max([month.most, *(counted[o] for o in modest)])
        month.most_in_all = max([month.most_in_all, *all_new.values()])
        for owner in modest:
            if counted[owner] > playbook.tasks_a_day:
                self.faults.append(
                    f"{day.day}: {owner} got {counted[owner]} tasks, {modest[owner]} not urgent"
                )
            errands = all_new[owner] - counted[owner]
            if open_ones[owner] - errands > playbook.tasks_open:
                self.faults.append(f"{day.day}: {owner} has {open_ones[owner]} open and got more")

    # -- escalations --------------------------------------------------------------------------

    def _escalations(
        self, month: Month, day: Day, before: Mapping[str, Row], after: Mapping[str, Row]
    ) -> None:
        for key, one in day.changed["escalation"].items():
            if key not in before:
                month.escalated["people" if key.startswith(HAND) else "rules"] += 1
            if before.get(key, one)["status"] in OPEN and one["status"] not in OPEN:
                month.resolved += 1
        going = [one for one in after.values() if one["status"] in OPEN]
        month.escalations_open = len(going)
        month.overdue = sum(1 for one in going if one["due"] and one["due"][:10] < day.day)

    # -- accounts -----------------------------------------------------------------------------

    def _accounts(
        self, month: Month, day: Day, before: Mapping[str, Row], after: Mapping[str, Row]
    ) -> None:
        own = {(account, role) for account, roles in day.meddled for role in roles}
        review, customers = self.config.playbook.tiers, 0
        for what in ("stage", "tier", "band"):
            found = Counter(row[what] for row in after.values() if row.get(what))
            getattr(month, f"{what}s").clear()
            getattr(month, f"{what}s").update(found)
            customers = max(customers, found.total())
        for account, row in day.changed["account"].items():
            old = before.get(account, {})
            for what in ("stage", "tier", "band"):
                moved = old.get(what) and row.get(what) and old[what] != row[what]
                if not moved or (account, what) in own:
                    continue
                setattr(month, f"{what}_moves", getattr(month, f"{what}_moves") + 1)
                if what == "tier" and review is not None:
                    self._moved(day, customers)

    def _moved(self, day: Day, customers: int) -> None:
        """A tier moved: within the cap, where it is the review's."""
        tiers = self.config.playbook.tiers
        assert tiers is not None
        today = date.fromisoformat(day.day)
        of = reviewing.period(tiers.review, today)
        first = date(int(of[:4]), int(of[5:]), 1)
        while first.weekday() >= 5:
            first += timedelta(days=1)
        if not reviewing.held(first, today):
            return
        self._reviewed[of] += 1
        if self._reviewed[of] > reviewing.most(tiers, customers):
            self.faults.append(f"{day.day}: {self._reviewed[of]} tiers moved in the review of {of}")


def rule(key: str) -> str:
    """The rule of a task, or the action of an errand."""
    parts = key.split(":")
    return parts[-1] if parts[0] == "ca1" else parts[2]
