"""The property in which claims are written down: a row each, `key@instant-nonce`.

Of the claims of one key the last row counts. What is no claim, because a person wrote it, stays
while there is room.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: Longest text that a property of HubSpot's holds, in characters.
TEXT_MAX = 65_536
#: Claims this old are dropped: their tasks are long known from the tasks themselves.
KEPT = timedelta(days=30)
#: Younger ones are never dropped to make room.
_NEEDED = timedelta(days=2)

_FORM = "%Y-%m-%dT%H:%M:%SZ"
_ROW = re.compile(
    r"(?P<key>\S+)@(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)-(?P<nonce>[0-9a-f]{4,64})", re.ASCII
)


@dataclass(frozen=True)
class Claim:
    """Somebody is about to make the record of this key, or has made it."""

    key: str
    #: When, by HubSpot's clock, to the second.
    at: datetime
    #: Tells claims of two syncs apart.
    nonce: str

    def __str__(self) -> str:
        return f"{self.key}@{self.at.astimezone(UTC):{_FORM}}-{self.nonce}"

    def is_fresh(self, now: datetime, horizon: timedelta) -> bool:
        """Whether its record may still be on its way.

        An instant far in the future is a person's work, and must not hold up its key until then.
        """
        return -horizon < now - self.at < horizon


def standing(text: str | None) -> dict[str, Claim]:
    """Of each key the claim that counts."""
    return {claim.key: claim for row in _rows(text) if (claim := _claim(row)) is not None}


def added(text: str | None, claims: Iterable[Claim], now: datetime) -> str | None:
    """The text with claims more and old ones dropped; None where it would not hold them."""
    old: list[tuple[str, Claim | None]] = [(row, _claim(row)) for row in _rows(text)]
    kept = [(row, claim) for row, claim in old if claim is None or now - claim.at < KEPT]
    new = [str(claim) for claim in claims]
    for droppable in (_nothing, _is_no_claim, lambda claim: _may_go(claim, now)):
        rows = [row for row, claim in kept if not droppable(claim)] + new
        made = "\n".join(rows)
        if len(made) <= TEXT_MAX:
            return made
    return None


def _rows(text: str | None) -> list[str]:
    return [row for line in (text or "").splitlines() if (row := line.strip())]


def _claim(row: str) -> Claim | None:
    found = _ROW.fullmatch(row)
    if found is None:
        return None
    try:
        at = datetime.strptime(found["at"], _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Claim(found["key"], at, found["nonce"])


def _nothing(_: Claim | None) -> bool:
    return False


def _is_no_claim(claim: Claim | None) -> bool:
    return claim is None


def _may_go(claim: Claim | None, now: datetime) -> bool:
    return claim is None or now - claim.at >= _NEEDED
