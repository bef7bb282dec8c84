"""Inputs that shift for most accounts at once, as when a feed breaks: told by the fact's name.

Two ways, on a sample of the accounts that a run assesses. What the last reading of each account
counted is held against today, and what differs is counted again for the day of that reading by
today's rows: where that gives what was counted then, time and new rows explain the difference;
where not, the past was rewritten. What was so in the last four weeks already is no surprise. And
each new day of a feed is held against the days before it.

Readings are kept only once a plan has passed the guards, so the last one is what counted last: a
person who approves a plan makes it the measure by that alone.
"""

from __future__ import annotations

import polars as pl

from crm_health.config.columns import extra_columns
from crm_health.config.model import Model
from crm_health.entities import ENTITIES
from crm_health.health.evaluate import names_in
from crm_health.health.shift import MIN_ACCOUNTS, Shift
from crm_health.store import Store
from crm_health.sync import feed_days, recount
from crm_health.sync.setting import Setting

#: So many accounts stand for all that a run assesses.
SAMPLE = 500
#: What these bring befalls many customers at once, and is gone again: no feed breaks by it.
_SUDDEN = frozenset({"incident"})


class Sample:
    """Accounts of each part of a run, with their inputs."""

    def __init__(self, setting: Setting, parts: int) -> None:
        """Begin with none; `parts` is how many there will be."""
        self._names = sorted(_inputs(setting))
        self._room = -(-SAMPLE // max(1, parts))
        self._frames: list[pl.DataFrame] = []
        #: All accounts that were seen.
        self.assessed = 0

    def add(self, accounts: pl.DataFrame) -> None:
        """Take some of these, evenly."""
        self.assessed += accounts.height
        names = [name for name in self._names if name in accounts.columns]
        every = -(-accounts.height // self._room)
        self._frames.append(accounts.select("account_id", *names).gather_every(max(1, every)))

    def frame(self) -> pl.DataFrame:
        """account_id and every input."""
        return pl.concat(self._frames, how="diagonal") if self._frames else pl.DataFrame()


def found(store: Store, setting: Setting, sample: Sample, customers: int) -> dict[str, str]:
    """What shifted, in words by its name: empty where nothing did, or nothing is known of before.

    Args:
        store: The open database.
        setting: Of the run.
        sample: Of the accounts that it assessed.
        customers: How many accounts the book has.
    """
    now = sample.frame()
    if now.height < MIN_ACCOUNTS:
        return {}
    limits = setting.config.playbook.guards
    lines = dict[str, str]()
    past, since = recount.rewritten(store, setting, now, limits.shifted_factor)
    days = feed_days.new(store, setting, now["account_id"], limits.shifted_factor)
    told = [(each, f"on {since}") for each in past]
    told += [(each, f"on the days before {day}") for each, day in days]
    for each, when in told:
        # An incremental run assesses few: they have to be many of the book all the same.
        share = each.concerned * sample.assessed / max(customers, sample.assessed)
        if 100 * share > limits.moved_percent:
            # Where the past is another one its days are as well: once is enough.
            lines.setdefault(each.name, _words(each, when))
    return lines


def _inputs(setting: Setting) -> frozenset[str]:
    """Facts, but those of incidents, and every account column that the model reads."""
    model = setting.config.model
    columns = {column.name for column in ENTITIES["account"].columns}
    columns |= set(extra_columns("account", setting.config.mapping))
    facts = {name for name, fact in model.facts.items() if fact.source not in _SUDDEN}
    return frozenset(facts | (_read(model) & columns))


def _read(model: Model) -> frozenset[str]:
    texts = [*model.derived.values(), *(measure.value for measure in model.measures.values())]
    return frozenset[str]().union(*(names_in(text) for text in texts))


def _words(each: Shift, when: str) -> str:
    if each.lost:
        change = f"is there for {each.now:.0f} % of the accounts, and was for {each.before:.0f} %"
    else:
        then, later = _number(each.before), _number(each.now)
        change = f"is about {later} for a typical account, and was about {then}"
    return f"the input {each.name} {change} {when}"


def _number(value: float) -> str:
    """Two digits: more are not known of it."""
    return f"{float(f'{value:.1e}'):,.10g}"
