"""What the year's days say beyond the tables: what lingers, what goes there and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

from crm_health.config.load import Config
from tests.year.book import OPEN, rule
from tests.year.living import Day
from tests.year.side import HAND

#: Days within which a move is taken back, a drop is over, and after which a task lingers.
_BACK, _SOON, _OLD = 30, 7, 45


class Findings:
    """One side's days, followed record by record."""

    def __init__(self, config: Config) -> None:
        self._alerts = config.playbook.alerts
        #: Task to the days of its opening and its end.
        self._opened: dict[str, date] = {}
        self._ended: dict[str, date] = {}
        self._closed: set[str] = set()
        self._drops = 0
        #: What an account showed last, when it came there, and from where.
        self._now: dict[tuple[str, str], tuple[str, date, str | None]] = {}
        self._moves: Counter[str] = Counter()
        self._returns: Counter[str] = Counter()
        self._escalated: dict[str, str] = {}
        self._by_people: set[str] = set()
        self._born: dict[str, str] = {}
        self._first: date | None = None
        self._last = date.min

    def add(self, day: Day) -> None:
        """One more day."""
        today = self._last = date.fromisoformat(day.day)
        self._first = self._first or today
        self._closed.update(day.closed)
        for key, task in day.changed["task"].items():
            self._opened.setdefault(key, today)
            if not task["open"]:
                self._ended.setdefault(key, today)
            else:
                self._ended.pop(key, None)
        for key, one in day.changed["escalation"].items():
            if key not in self._escalated and not key.startswith(HAND):
                self._drops += rule(key) in ("usage_collapse", "usage_drop")
            self._escalated[key] = one["status"]
        self._by_people |= {account for account, roles in day.meddled if "tier" in roles}
        for account, row in day.changed["account"].items():
            for what in ("stage", "tier", "band"):
                if row.get(what):
                    self._moved(account, what, row[what], today)

    def _moved(self, account: str, what: str, to: str, today: date) -> None:
        known = self._now.get((account, what))
        if known is None:
            self._now[account, what] = (to, today, None)
            if what == "tier" and today != self._first:
                self._born[account] = to
            return
        at, since, before = known
        if at == to:
            return
        self._moves[what] += 1
        self._returns[what] += to == before and (today - since).days <= _BACK
        self._now[account, what] = (to, today, at)

    def lines(self) -> Iterable[str]:
        """One line a finding."""
        drops = [key for key in self._opened if rule(key) == "usage_drop"]
        over = [key for key in drops if key in self._ended and key not in self._closed]
        soon = [key for key in over if self._days(key) <= _SOON]
        yield (
            f"A drop in use: {len(drops)} tasks, {len(over)} closed by us, "
            f"{len(soon)} of these within a week, and {self._drops} escalations."
        )
        old = [k for k in self._opened if k not in self._ended and self._days(k) > _OLD]
        news = [k for k in old if k.startswith("ch1") and self._is_news(rule(k))]
        yield (
            f"Open for more than {_OLD} days at the end: {len(old)} tasks, {len(news)} of them "
            "news that no cause ends."
        )
        for what, plural in (("stage", "Stages"), ("tier", "Tiers"), ("band", "Bands")):
            yield (
                f"{plural} moved {self._moves[what]} times, and went back within {_BACK} days "
                f"{self._returns[what]} times."
            )
        tiers = {a: at for (a, what), (at, *_) in self._now.items() if what == "tier"}
        top = {account for account, at in tiers.items() if at == "Strategic"}
        own = top & self._by_people
        new = {a for a in top - own if self._born.get(a) == "Strategic"}
        yield (
            f"Strategic at the end: {len(top)}, of whom people put {len(own)} there, and "
            f"{len(new)} came as new customers."
        )
        going = sum(status in OPEN for status in self._escalated.values())
        yield f"Escalations: {len(self._escalated)}, open at the end {going}."

    def _days(self, key: str) -> int:
        return (self._ended.get(key, self._last) - self._opened[key]).days

    def _is_news(self, name: str) -> bool:
        alert = self._alerts.get(name)
        return alert is not None and alert.since is not None and alert.clear is None
