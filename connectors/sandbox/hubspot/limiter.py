"""How fast a portal may be asked: the burst of an app, the searches and the day of the account."""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.sandbox.clock import Clock
from connectors.sandbox.hubspot.errors import HubError
from connectors.sandbox.hubspot.tiers import Tier

_BURST_SECONDS = 10.0
_SEARCH_SECONDS = 1.0


@dataclass
class Window:
    """Calls of the last seconds."""

    seconds: float
    calls: deque[float]

    @classmethod
    def of(cls, seconds: float) -> Window:
        """An empty one."""
        return cls(seconds, deque())

    def used(self, now: float) -> int:
        """How many calls it holds."""
        calls = self.calls
        while calls and not 0 <= now - calls[0] < self.seconds:  # below 0: the clock went back
            calls.popleft()
        return len(calls)


class Limiter:
    """Counts calls, and refuses those beyond the tier's allowance.

    Seconds are those of whoever waits (`Clock.elapsed`), so a frozen clock refuses nobody for
    ever; the day is the clock's, in the account's time zone. Refused calls cost nothing. Whether
    the service counts them, and searches, for the burst is not known: here it does not.
    """

    def __init__(self, clock: Clock, tier: Tier, zone: str) -> None:
        self.tier = tier
        self.zone = zone
        self.enforced = True
        self._clock = clock
        self._bursts: dict[str, Window] = {}
        self._searches = Window.of(_SEARCH_SECONDS)
        self._second: dict[str, Window] = {}
        self._day = ""
        self._used = 0
        self._asked: dict[str, int] = {}
        self.refused = {"burst": 0, "search": 0, "daily": 0}

    def _now(self) -> datetime:
        return self._clock.now().astimezone(ZoneInfo(self.zone))

    @property
    def used(self) -> int:
        """Calls of the account's present day."""
        day = self._now().date().isoformat()
        if day != self._day:
            self._day, self._used, self._asked = day, 0, {}
        return self._used

    @used.setter
    def used(self, calls: int) -> None:
        self._day = self._now().date().isoformat()
        self._used = calls

    def asked(self, app: str) -> int:
        """Calls of one app in the account's present day."""
        return self._asked.get(app, 0) if self.used else 0

    @property
    def resets_at(self) -> datetime:
        """The next midnight of the account."""
        tomorrow = self._now().date() + timedelta(days=1)
        return datetime.combine(tomorrow, datetime.min.time(), ZoneInfo(self.zone))

    def spend(self, app: str, *, search: bool) -> None:
        """Count one call. Raises HubError 429 in one of its three forms instead."""
        now = self._clock.elapsed()
        if self.enforced:
            self._refuse(app, now, search=search)
        if search:
            self._searches.calls.append(now)
        else:
            self._window(self._bursts, app, _BURST_SECONDS).calls.append(now)
            self._window(self._second, app, _SEARCH_SECONDS).calls.append(now)
        self.used += 1
        self._asked[app] = self._asked.get(app, 0) + 1

    def _refuse(self, app: str, now: float, *, search: bool) -> None:
        tier = self.tier
        if tier.daily is not None and self.used >= tier.daily:
            self.refused["daily"] += 1
            raise daily()
        if search:
            if self._searches.used(now) >= tier.search:
                self.refused["search"] += 1
                raise secondly()
        elif self._window(self._bursts, app, _BURST_SECONDS).used(now) >= tier.burst:
            self.refused["burst"] += 1
            raise rolling(app)

    @staticmethod
    def _window(windows: dict[str, Window], app: str, seconds: float) -> Window:
        return windows.setdefault(app, Window.of(seconds))

    def headers(self, app: str, *, search: bool) -> dict[str, str]:
        """What an answer tells of it: searches and apps without a daily figure are told less."""
        told: dict[str, str] = {}
        tier, now = self.tier, self._clock.elapsed()
        if tier.daily is not None:
            left = max(tier.daily - self.used, 0)
            told["X-HubSpot-RateLimit-Daily"] = str(tier.daily)
            told["X-HubSpot-RateLimit-Daily-Remaining"] = str(left)
        if search:
            return told
        burst = self._window(self._bursts, app, _BURST_SECONDS).used(now)
        second = self._window(self._second, app, _SEARCH_SECONDS).used(now)
        if not self.enforced:
            burst = second = 0  # a client that heeds these need not wait either
        told["X-HubSpot-RateLimit-Interval-Milliseconds"] = "10000"
        told["X-HubSpot-RateLimit-Max"] = str(tier.burst)
        told["X-HubSpot-RateLimit-Remaining"] = str(max(tier.burst - burst, 0))
        told["X-HubSpot-RateLimit-Secondly"] = str(tier.secondly)
        told["X-HubSpot-RateLimit-Secondly-Remaining"] = str(max(tier.secondly - second, 0))
        return told

    def clear(self) -> None:
        """As on a quiet new day."""
        self._bursts.clear()
        self._second.clear()
        self._searches.calls.clear()
        self.used, self._asked = 0, {}
        self.refused = dict.fromkeys(self.refused, 0)


def rolling(app: str = "app") -> HubError:
    """The burst is used up. No Retry-After: none was ever recorded."""
    return HubError(
        429,
        "You have reached your ten_secondly_rolling limit.",
        extra={
            "errorType": "RATE_LIMIT",
            "policyName": "TEN_SECONDLY_ROLLING",
            "groupName": f"publicapi:private_app-api-calls-ten-secondly:{app}",
        },
    )


def secondly() -> HubError:
    """Too many searches in this second: another body, and the connection closes."""
    return HubError(
        429, "You have reached your secondly limit.", "RATE_LIMITS", headers={"Connection": "close"}
    )


def daily() -> HubError:
    """The account's day is used up."""
    return HubError(
        429,
        "You have reached your daily limit.",
        extra={
            "errorType": "RATE_LIMIT",
            "policyName": "DAILY",
            "requestId": str(uuid.uuid4()),
        },
    )
