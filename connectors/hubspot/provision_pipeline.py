"""The escalations' pipeline: is it there with the ids of the mapping, else make it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.hubspot.client import Client
from connectors.hubspot.describe import MISSING_SCOPES
from connectors.hubspot.errors import Refused
from connectors.hubspot.provision_found import Found
from connectors.hubspot.provision_making import THERE, listed, refusal
from connectors.hubspot.provision_wanted import TICKETS, Pipeline, Stage
from crm_health.connector import Step
from crm_health.errors import AuthError, SetupError


class Pipelines:
    """Looks at the ticket pipelines of one account, and makes ours."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def look(self, want: Pipeline, found: Found) -> None:
        """Note whether it is there, and what is wrong with it."""
        there = self._there(want)
        found.wrong += self._wrong(want, there)
        lacks = there is None or bool(_lacking(want, there))
        found.pipeline = want if lacks else None
        what = f"ticket pipeline with {len(want.stages)} stages"
        found.steps.append(Step(what, want.id, not lacks))

    def make(self, want: Pipeline) -> None:
        """Make it, or the stages that it lacks.

        Raises:
            SetupError: the account takes no further pipeline, or gave it ids of its own.
        """
        stages = [_body(stage, n) for n, stage in enumerate(want.stages)]
        there = self._there(want)
        path = self._client.paths.pipelines(TICKETS)
        try:
            if there is None:
                told = {"label": want.label, "pipelineId": want.id, "displayOrder": 99}
                self._client.post(path, {**told, "stages": stages})
            else:
                lacking = {stage.id for stage in _lacking(want, there)}
                for stage in stages:
                    if stage["stageId"] in lacking:
                        self._client.post(f"{path}/{want.id}/stages", stage)
        except Refused as error:
            if error.fault.category not in THERE:
                raise refusal(f"the pipeline {want.label}", error) from None
        except AuthError as error:
            # An account whose plan allows no further pipeline answers 403, as for a missing right.
            if error.code == MISSING_SCOPES:
                raise
            raise SetupError(
                f"HubSpot refused the pipeline {want.label} ({error.code}): does the plan allow "
                "another ticket pipeline? Else name stages of one that is there in "
                "`write.escalation`. What was made stays.",
                code=error.code,
            ) from None
        # Whoever made it: an account that gave ids of its own must be told so now.
        made = self._there(want)
        wrong = self._wrong(want, made)
        if made is not None and not wrong and _lacking(want, made):
            wrong = [self._otherwise(want, made)]
        if wrong:
            raise SetupError(f"{'; '.join(wrong)}.", code="CH-HS-PIPELINE")

    def _there(self, want: Pipeline) -> dict[str, Any] | None:
        """The pipeline of that id or label."""
        found = listed(self._client, self._client.paths.pipelines(TICKETS))
        by_id = [one for one in found if str(one.get("id")) == want.id]
        label = want.label.casefold()
        by_label = [one for one in found if str(one.get("label")).casefold() == label]
        return next(iter(by_id + by_label), None)

    def _wrong(self, want: Pipeline, there: dict[str, Any] | None) -> list[str]:
        """What of a pipeline that is there is not as the mapping says, with the ids it has."""
        if there is None:
            return []
        held = {str(s.get("id")): s for s in there.get("stages") or () if isinstance(s, dict)}
        here = [stage for stage in want.stages if stage.id in held]
        # Stages that a later version added are made; a pipeline without any of ours is another's.
        if str(there.get("id")) == want.id and here:
            wrong = [s for s in here if _is_closed(held[s.id]) != s.closed]
            state = {True: "closed", False: "open"}
            return [f"stage {s.id} of {want.label} must be {state[s.closed]}" for s in wrong]
        return [self._otherwise(want, there)]

    def _otherwise(self, want: Pipeline, there: Mapping[str, Any]) -> str:
        held = [s for s in there.get("stages") or () if isinstance(s, dict)]
        stages = ", ".join(f"{s.get('id')} ({s.get('label')})" for s in held)
        text = f"the pipeline {want.label} is there with the id {there.get('id')} and the stages "
        return (
            f"{text}{stages}: put these ids into `write.escalation`, and the pipeline's into "
            "`keep` of `case` under `read`"
        )


def _lacking(want: Pipeline, there: Mapping[str, Any]) -> list[Stage]:
    """The stages that a pipeline which is there has not."""
    held = {str(s.get("id")) for s in there.get("stages") or () if isinstance(s, dict)}
    return [stage for stage in want.stages if stage.id not in held]


def _body(stage: Stage, order: int) -> dict[str, Any]:
    return {
        "label": stage.label,
        "stageId": stage.id,
        "displayOrder": order,
        "metadata": {"ticketState": "CLOSED" if stage.closed else "OPEN"},
    }


def _is_closed(stage: Mapping[str, Any]) -> bool:
    metadata = stage.get("metadata") or {}
    return metadata.get("ticketState") == "CLOSED" or str(metadata.get("isClosed")) == "true"
