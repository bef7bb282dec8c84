"""Whose turn it is to create records: a lock that the CRM itself keeps.

Nothing in BottleCRM refuses a second task, but it refuses a second saved view of one name: a
person's views have unique names, by an index of its database. So whoever creates holds such a view
while it does; it is private to the token's user, and gone a moment later.

A view that was left behind by a process that died is taken away after `HORIZON` seconds: by then
all that the dead process sent has been carried out, or never will be. A holder begins no creation
after a third of that time, so that its turn is over, with all repeats, before anybody takes it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from connectors.bottlecrm.client import Client
from connectors.bottlecrm.errors import Refused, odd
from connectors.http import LostAnswer
from crm_health.errors import CrmHealthError, SetupError

VIEWS = "/api/saved-views/"
NAME, LIST = "crm-health creates records", "accounts"
#: Seconds. Longer than the server works on a request, and than we wait for its answer.
HORIZON = 300.0
_SAFE = HORIZON / 3
#: Tries to get it, where another one let go of it just then.
_TRIES = 3


class Turn:
    """The right to create, for one process at a time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._view: str | None = None
        self._since = 0.0
        self._kept = False

    @property
    def is_ours(self) -> bool:
        """Whether it is still safe to create."""
        return self._view is not None and self._client.ports.clock() - self._since < _SAFE

    def take(self) -> bool:
        """Wait for no one: true where it is ours now."""
        self.give()
        for _ in range(_TRIES):
            # From before the call: the CRM's stamp can only be later.
            since = self._client.ports.clock()
            try:
                made = self._client.create(VIEWS, {"module": LIST, "name": NAME}).json()
            except LostAnswer:
                # If it was made nobody knows by whom: it is left to grow old.
                return False
            except Refused:
                if not self._cleared():
                    return False
            else:
                # Without an id nobody can give it back: it is left to grow old.
                self._view, self._since, self._kept = _text(made, "id"), since, False
                return True
        return False

    def keep(self) -> None:
        """Never give it back: what was sent may still be carried out. The view grows old."""
        self._kept = True

    def give(self) -> None:
        """Let others create. Where that fails the view grows old."""
        view, self._view = self._view, None
        if view is None or self._kept:
            return
        try:
            self._client.delete(f"{VIEWS}{view}/")
        except CrmHealthError as error:
            self._client.ports.log("bottlecrm.turn_kept", error=type(error).__name__)

    def _cleared(self) -> bool:
        """Whether the way is free again: the view went, or was old enough to be taken away."""
        answer = self._client.get(VIEWS, [("module", LIST)])
        told = answer.json()
        views = told.get("saved_views")
        if not isinstance(views, list) or answer.now is None:
            raise odd("saved views")
        held = [one for one in views if _text(one, "name").casefold() == NAME.casefold()]
        limit = told.get("limit")
        if not held and isinstance(limit, int) and len(views) >= limit:
            raise SetupError(
                "BottleCRM lets the token's user save no more views of accounts, and creating "
                "records needs one for a moment: delete one.",
                code="CH-BC-VIEWS",
            )
        if not held:
            return True
        view = _text(held[0], "id")
        if (answer.now - _moment(held[0])).total_seconds() < HORIZON:
            return False
        self._client.ports.log("bottlecrm.turn_taken_over")
        # Another one may be quicker, which is as well.
        with suppress(Refused):
            self._client.delete(f"{VIEWS}{view}/")
        return True


def _text(view: Any, name: str) -> str:
    told = view.get(name) if isinstance(view, dict) else None
    if not isinstance(told, str) or not told:
        raise odd("a saved view")
    return told


def _moment(view: Any) -> datetime:
    try:
        made = datetime.fromisoformat(_text(view, "created_at"))
    except ValueError:
        raise odd("a saved view") from None
    if made.tzinfo is None:
        raise odd("a saved view")
    return made
