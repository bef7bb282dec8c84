"""What every step of one run shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from crm_health.businesstime import Calendar
from crm_health.config.load import Config
from crm_health.sync.streams import Reads


@dataclass(frozen=True)
class Setting:
    """The frozen circumstances of a run: config, what can be read, and one instant."""

    config: Config
    reads: Reads
    calendar: Calendar
    #: Aware UTC, floored to the minute, from the CRM's clock.
    as_of: datetime

    @property
    def day(self) -> date:
        """The org's own date at `as_of`."""
        return self.as_of.astimezone(ZoneInfo(self.calendar.time_zone)).date()
