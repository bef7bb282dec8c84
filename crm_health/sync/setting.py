"""What every step of one run shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from crm_health.businesstime import Calendar
from crm_health.config.load import Config
from crm_health.health.template import days_since
from crm_health.sync.streams import Reads


@dataclass(frozen=True)
class Setting:
    """The frozen circumstances of a run: config, what can be read, and one instant."""

    config: Config
    reads: Reads
    calendar: Calendar
    #: Aware UTC, floored to the minute, from the CRM's clock.
    as_of: datetime

    @cached_property
    def distances(self) -> frozenset[str]:
        """Names that are days since: texts show them as dates."""
        return days_since(self.config.model)

    @property
    def day(self) -> date:
        """The org's own date at `as_of`."""
        return self.as_of.astimezone(ZoneInfo(self.calendar.time_zone)).date()
