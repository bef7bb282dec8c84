"""A person's word on a plan that a guard held: it covers what was shown then, and no more."""

from __future__ import annotations

from collections.abc import Iterable

from crm_health.errors import GuardStopped
from crm_health.store import Run, Store

#: Small state of the store, by the held run's id: objects that had shrunk, inputs that shifted.
_SHRUNK, _SHIFTED = "shrunk:", "shifted:"


def check(store: Store, run: Run, held: str) -> None:
    """See that the plan still waits, and that the configuration is the one that made it.

    Raises:
        GuardStopped: it must not be applied.
    """
    store.plans.approved(held, run.started_at)
    made = store.runs.get(held)
    if made is not None and made.digest != run.digest:
        raise GuardStopped(
            f"the mapping, the model or the playbook has changed since plan {held} was held: "
            "nothing was written; run `crm-health sync` again, and approve its plan if it is held",
            code="CH-PLAN",
        )


def note(store: Store, held: str, shrunk: Iterable[str], shifted: Iterable[str]) -> None:
    """Keep what a held plan was held for, as far as its approval lets just that pass."""
    store.runs.set_value(f"{_SHRUNK}{held}", ",".join(shrunk) or None)
    store.runs.set_value(f"{_SHIFTED}{held}", ",".join(shifted) or None)


def shrunk(store: Store, held: str) -> frozenset[str]:
    """The objects whose vanished rows count as gone once the plan is approved."""
    return _names(store, f"{_SHRUNK}{held}")


def shifted(store: Store, held: str) -> frozenset[str]:
    """The inputs that may shift once the plan is approved."""
    return _names(store, f"{_SHIFTED}{held}")


def _names(store: Store, key: str) -> frozenset[str]:
    return frozenset((store.runs.get_value(key) or "").split(",")) - {""}
