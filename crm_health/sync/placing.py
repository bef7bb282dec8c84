"""Where customers stand in this run: the playbook, what the mapping keeps, and today's book."""

from __future__ import annotations

from datetime import date

from crm_health.health.book import Figures
from crm_health.programmes import reviewing
from crm_health.programmes.attention import VALUE, VALUE_RANK
from crm_health.programmes.placing import Placing
from crm_health.sync.setting import Setting


def placing(setting: Setting, book: Figures) -> Placing:
    """What says where customers stand.

    Args:
        setting: Of the run.
        book: Today's figures, as `population.figures` gives them; none while they are made.
    """
    config = setting.config
    texts = list(config.playbook.placing())
    if VALUE in config.model.derived or VALUE in config.model.facts:
        texts.append(VALUE_RANK)
    written = frozenset(config.mapping.write.account)
    return Placing(config.playbook, tuple(texts), written, setting.day, reviewed(setting), book)


def reviewed(setting: Setting) -> bool:
    """Whether today is a day of a review of the tiers."""
    tiers = setting.config.playbook.tiers
    if tiers is None:
        return False
    year, month = reviewing.period(tiers.review, setting.day).split("-")
    first = setting.calendar.add_days(date(int(year), int(month), 1), 0)
    return reviewing.held(first, setting.day)
