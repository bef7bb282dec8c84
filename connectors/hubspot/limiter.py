"""How fast we may ask: what the service allows, learned from its own headers.

The burst of the app is a window that rolls: so many calls in any ten seconds. A call counts here
until ten seconds after its *answer*, which is never earlier than where the service counts it, so
that one process alone is not refused; calls of others with the same token show in `Remaining`.
Searches have a window of their own, of the whole account, whose headers say nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from crm_health.connector import Ports

#: What the smallest subscription has, until the first answer tells.
FIRST_BURST, FIRST_INTERVAL = 100, 10.0
#: The account has five searches a second, and other apps may want one.
SEARCHES = 4

_MAX = "X-HubSpot-RateLimit-Max"
_LEFT = "X-HubSpot-RateLimit-Remaining"
_INTERVAL = "X-HubSpot-RateLimit-Interval-Milliseconds"
#: Seconds between looks where every call of the window is still on its way.
_LOOK = 0.05
#: Rounding may leave a wait that moves no clock.
_LEAST = 0.001


class Window:
    """At most `most` calls in any `seconds`, whoever makes them. Shared by threads."""

    def __init__(self, ports: Ports, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self._ports = ports
        self._lock = threading.Lock()
        self._done: deque[float] = deque()
        self._under_way = 0
        self._not_before = ports.clock()

    def enter(self) -> None:
        """Wait until one more call is allowed, and count it as under way."""
        while (wait := self._try()) > 0:
            self._ports.sleep(wait)

    def leave(self, headers: Mapping[str, str] | None = None) -> None:
        """The call is answered, or lost; learn from the answer's headers."""
        with self._lock:
            now = self._ports.clock()
            self._under_way -= 1
            self._done.append(now)
            if headers is not None:
                self._learn(headers, now)

    def pause(self, seconds: float) -> None:
        """Nobody calls for so long: the service refused a call."""
        with self._lock:
            self._not_before = max(self._not_before, self._ports.clock() + seconds)

    def _try(self) -> float:
        """Seconds to wait; 0 when the call may go, and is counted."""
        with self._lock:
            now = self._ports.clock()
            self._drop(now)
            if now < self._not_before:
                return max(self._not_before - now, _LEAST)
            if len(self._done) + self._under_way < self.most:
                self._under_way += 1
                return 0.0
            return max(self._done[0] + self.seconds - now, _LEAST) if self._done else _LOOK

    def _drop(self, now: float) -> None:
        while self._done and self._done[0] + self.seconds <= now:
            self._done.popleft()

    def _learn(self, headers: Mapping[str, str], now: float) -> None:
        most, left = _whole(headers.get(_MAX)), _whole(headers.get(_LEFT))
        interval = _whole(headers.get(_INTERVAL))
        if most:
            self.most = most
        if interval:
            self.seconds = interval / 1000
        if most and left is not None:
            self._drop(now)
            # More used than we know of: somebody else has the same token.
            others = most - left - len(self._done) - self._under_way
            self._done.extend([now] * max(0, min(others, most)))


class Limiter:
    """The two windows of one account."""

    def __init__(self, ports: Ports, searches: int = SEARCHES) -> None:
        """Both empty; so many searches go in a second."""
        self.burst = Window(ports, FIRST_BURST, FIRST_INTERVAL)
        self.search = Window(ports, searches, 1.0)

    def window(self, kind: str) -> Window:
        """The window that calls of a kind count in."""
        return self.search if kind == "search" else self.burst


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
