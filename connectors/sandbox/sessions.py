"""Access tokens: issued for a client, good for two hours of the sandbox's clock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.sandbox.clock import Clock
from connectors.sandbox.people import ORG_ID

LIFETIME = timedelta(hours=2)


@dataclass(frozen=True)
class Session:
    """Who a token stands for."""

    client_id: str
    user_id: str
    expires: datetime


class Sessions:
    """The tokens in force. They are worthless outside, so a counter makes them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._open: dict[str, Session] = {}

    def issue(self, client_id: str, user_id: str) -> str:
        """A new token."""
        self._count += 1
        digest = hashlib.sha256(f"{client_id}:{user_id}:{self._count}".encode()).hexdigest()
        token = f"{ORG_ID[:15]}!AR.{digest}"
        self._open[token] = Session(client_id, user_id, self._clock.now() + LIFETIME)
        return token

    def find(self, token: str) -> Session | None:
        """The session of a token that is still good."""
        session = self._open.get(token)
        if session is not None and session.expires <= self._clock.now():
            del self._open[token]
            return None
        return session

    def expire_all(self) -> int:
        """End every session; returns how many there were."""
        count = len(self._open)
        self._open.clear()
        return count
