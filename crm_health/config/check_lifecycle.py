"""Do the stages make sense: conditions over what stands before them, and a way into each."""

from __future__ import annotations

from collections.abc import Sequence

from crm_health.config.checker import Checker
from crm_health.config.known import Known
from crm_health.config.lifecycle import Labelled, Lifecycle, ValueLadder
from crm_health.entities import Kind


def check_lifecycle(known: Known, lifecycle: Lifecycle) -> None:
    """Check the stages of the lifecycle.

    Args:
        known: what their conditions may read.
        lifecycle: the stages.
    """
    check, path = known.check, ("lifecycle", "stages")
    stages = lifecycle.stages
    twice(check, path, "name", [stage.name for stage in stages])
    labels(check, path, stages)
    closed = next((n for n, s in enumerate(stages) if s.when.strip().lower() == "true"), None)
    for number, stage in enumerate(stages):
        here = (*path, number)
        known.expression((*here, "when"), stage.when, expect=Kind.BOOLEAN)
        if closed is not None and number > closed:
            what = f"no customer can reach it: {stages[closed].name}, above it, always holds"
            check.add((*here, "when"), what, f"move {stages[closed].name} down")
        if stage.at_once and stage.leave_after_days:
            check.add((*here, "leave_after_days"), "says nothing of a stage that is left at_once")
    if closed is None:
        what = "customers for whom none of them holds have no stage"
        check.warn(path, what, "let the last one be `when: true`")


def check_ladder(known: Known, ladder: ValueLadder) -> None:
    """Check the value ladder; `known` as above."""
    check, path = known.check, ("value_stages", "stages")
    labels(check, path, ladder.stages)
    for number, stage in enumerate(ladder.stages):
        here = (*path, number)
        if stage.when is not None:
            known.expression((*here, "when"), stage.when, expect=Kind.BOOLEAN)
        elif number == 0:
            check.add(here, "the first step needs a condition", "such as when: active_days > 0")
        elif number < len(ladder.stages) - 1:
            check.add(here, "a step that only people give must be the last one", "add `when:`")


def labels(check: Checker, path: tuple[str | int, ...], steps: Sequence[Labelled]) -> None:
    """Note labels, former ones too, that stand for two of the steps."""
    twice(check, path, "label", [step.label for step in steps])
    seen: dict[str, int] = {step.label.lower(): n for n, step in enumerate(steps)}
    for number, step in enumerate(steps):
        for word in step.formerly:
            other = seen.setdefault(word.lower(), number)
            if other != number:
                what = f"{word!r} is or was the label of {path[-1]}[{other}] as well"
                check.add((*path, number, "formerly"), what)


def twice(check: Checker, path: tuple[str | int, ...], key: str, words: Sequence[str]) -> None:
    """Note what stands there twice, whatever its case."""
    seen: dict[str, int] = {}
    for number, word in enumerate(words):
        first = seen.setdefault(word.lower(), number)
        if first != number:
            check.add(
                (*path, number, key), f"{word!r} stands twice, here and at {path[-1]}[{first}]"
            )
