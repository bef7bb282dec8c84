"""A second, slow reading of the default score's growth column, to aim the story with.

Not the engine: plain loops over one account's records, written from the documented curves alone, so
that the story's spread of bands is checked without trusting the code under development.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Any

Row = dict[str, Any]
Curve = tuple[tuple[float, float], ...]

GROWTH: dict[str, tuple[float, Curve]] = {
    "licence_use": (18, ((0.1, 0), (0.5, 50), (0.75, 80), (1, 100))),
    "active_days": (18, ((0, 0), (4, 35), (10, 65), (20, 100))),
    "usage_change": (6, ((0.4, 0), (0.7, 35), (0.9, 65), (1, 80), (1.2, 100))),
    "case_burden": (10, ((0, 100), (10, 85), (30, 50), (60, 0))),
    "satisfaction": (6, ((-40, 0), (-20, 40), (0, 80), (20, 100))),
    "conversation": (6, ((1, 100), (1.5, 85), (2, 60), (3, 20), (4, 0))),
    "sponsor": (4, ((1, 100), (1.5, 85), (2, 60), (3, 20), (4, 0))),
    "renewal_runway": (18, ((-30, 0), (0, 35), (60, 75), (120, 100))),
    "new_value": (8, ((90, 100), (180, 80), (365, 40), (540, 0))),
}
NEW: dict[str, tuple[float, Curve]] = {
    "login_gap": (20, ((2, 100), (7, 80), (14, 45), (30, 0))),
    "licence_ramp": (12, ((0, 0), (0.5, 50), (1, 90), (1.2, 100))),
    "active_days": (13, GROWTH["active_days"][1]),
    "case_burden": (10, GROWTH["case_burden"][1]),
    "conversation": (12, GROWTH["conversation"][1]),
}
WEIGH = {"Critical": 4.0, "High": 1.5, "Medium": 0.3, "Low": 0.0}


def points(curve: Curve, x: float) -> float:
    """The curve's value at x, flat beyond its ends."""
    if x <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return curve[-1][1]


def day_of(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


class Book:
    """The records of a story by account."""

    def __init__(self, records: dict[str, list[Row]], now: datetime) -> None:
        self.now, self.today = now, now.date()
        self.by: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for name, rows in records.items():
            for row in rows:
                account = row.get("AccountId") or row.get("Account__c")
                if account:
                    self.by[account][name].append(row)
        self.roles = {c["Id"]: c["Health_Role__c"] for c in records["Contact"]}
        self.accounts = {a["Id"]: a for a in records["Account"]}
        ratios = [r for a in self.accounts if (r := self._ratio(a)) is not None]
        self._book_ratio = median(ratios) if ratios else 1.0

    def ago(self, value: date | datetime) -> int:
        return (self.today - day_of(value)).days

    def _usage(self, account: str) -> list[tuple[int, float]]:
        rows = self.by[account]["Health_Usage__c"]
        return [(self.ago(r["Day__c"]), r["Value__c"]) for r in rows if r["Value__c"] > 0]

    def _ratio(self, account: str) -> float | None:
        usage = self._usage(account)
        before = sum(v for d, v in usage if 29 <= d <= 112) / 3
        if before < 20 or self.age(account) < 120:
            return None
        return sum(v for d, v in usage if d <= 28) / before

    def age(self, account: str) -> int:
        won = [o for o in self.by[account]["Opportunity"] if o["IsWon"]]
        return max((self.ago(o["CloseDate"]) for o in won), default=0)

    def values(self, account: str) -> dict[str, float | None]:
        """The measures' values; None where there is no evidence."""
        mine, age = self.by[account], self.age(account)
        usage = self._usage(account)
        used = any(d <= 365 for d, _ in usage)
        last28 = [v for d, v in usage if d <= 28]
        seats = sum(a["Quantity"] for a in mine["Asset"] if a["Status"] == "Installed")
        licence = max(last28, default=0) / seats if used and seats else None
        ratio = self._ratio(account)
        opened = [c for c in mine["Case"] if not c["IsClosed"]]
        cases = opened or [c for c in mine["Case"] if self.ago(c["CreatedDate"]) <= 365]
        worst = [min(self.ago(c["CreatedDate"]), 90) * WEIGH[c["Priority"]] for c in opened]
        surveys = mine["Health_Survey__c"]
        answers = [s["Points__c"] for s in surveys if self.ago(s["Answered_On__c"]) <= 365]
        fresh = any(self.ago(s["Answered_On__c"]) <= 180 for s in surveys)
        talks = [
            (self.ago(r["ActivityDate"]), r)
            for r in [*mine["Event"], *mine["Task"]]
            if r.get("CallDurationInSeconds") or "StartDateTime" in r
        ]
        talks = [(d, r) for d, r in talks if d >= 0]
        senior = ("Sponsor", "Decision Maker")
        with_senior = [d for d, r in talks if self.roles.get(r["WhoId"]) in senior]
        has_senior = any(c["Health_Role__c"] in senior for c in mine["Contact"])
        reviews = [d for d, r in talks if "value review" in r["Subject"].lower()]
        deals = mine["Opportunity"]
        grown = [self.ago(o["CloseDate"]) for o in deals if o["IsWon"] and "Upgrade" in o["Type"]]
        products = [self.ago(a["InstallDate"]) for a in mine["Asset"] if a["Status"] == "Installed"]
        renewal = self.accounts[account]["Health_Renewal_Date__c"]
        renewals = [o for o in deals if "Replacement" in o["Type"]]
        to_renewal = None if renewal is None else -self.ago(renewal)
        secured = any(o["IsWon"] and self.ago(o["CloseDate"]) <= 150 for o in renewals)
        steps = 0
        if to_renewal is not None and not secured:
            steps += to_renewal <= 120 and all(o["IsClosed"] for o in renewals)
            steps += to_renewal <= 90 and min(reviews, default=999) > 180
            steps += to_renewal <= 60 and min(with_senior, default=999) > 60
        runway = None if to_renewal is None else to_renewal - 45.0 * steps
        cadence = 14 if age < 120 else 120
        return {
            "licence_use": licence,
            "active_days": float(len(last28)) if used else None,
            "usage_change": None if ratio is None else ratio / max(0.3, min(1, self._book_ratio)),
            "case_burden": max(worst, default=0.0) if cases else None,
            "satisfaction": fmean(answers) - 70 if len(answers) >= 3 and fresh else None,
            "conversation": min((d for d, _ in talks), default=age) / cadence,
            "sponsor": min(with_senior, default=age) / 180 if has_senior else None,
            "renewal_runway": 365.0 if secured else runway,
            "new_value": min([*grown, *products, *reviews], default=age),
            "login_gap": float(min((d for d, _ in usage), default=age)),
            "licence_ramp": None if licence is None else licence / 0.75 / min(1, max(age, 7) / 90),
            "steps": float(steps),
            "to_renewal": None if to_renewal is None else float(to_renewal),
            "secured": float(secured),
        }

    def cap(self, account: str, values: dict[str, float | None]) -> int:
        """The lowest cap that applies, 100 if none."""
        mine = self.by[account]
        late = [
            (self.now - c["Health_SLA_Due__c"]) // timedelta(days=1)
            for c in mine["Case"]
            if not c["IsClosed"] and c["Priority"] == "Critical"
        ]
        if max(late, default=0) >= 1 or values["active_days"] == 0:
            return 59
        to_renewal, steps = values["to_renewal"], values["steps"]
        if to_renewal is not None and to_renewal < 0 and not values["secured"]:
            return 59
        if to_renewal is not None and 0 <= to_renewal <= 60 and steps is not None and steps >= 2:
            return 69
        gone = [c for c in mine["Contact"] if c["EmailBouncedDate"]]
        return 69 if gone else 100

    def score(self, account: str) -> int | None:
        """The score, None for unknown: less than 60 % of the weight has evidence."""
        weights = NEW if self.age(account) < 120 else GROWTH
        values = self.values(account)
        present = {m: v for m in weights if (v := values[m]) is not None}
        weight = sum(weights[m][0] for m in present)
        if weight < 0.6 * sum(w for w, _ in weights.values()):
            return None
        total = sum(weights[m][0] * points(weights[m][1], v) for m, v in present.items())
        return min(self.cap(account, values), int(total / weight + 0.5))


def band(score: int | None) -> str:
    """Red below 60, yellow below 70, green from there; no score is unknown."""
    if score is None:
        return "unknown"
    return "red" if score < 60 else "yellow" if score < 70 else "green"
