"""Pipelines and stages: reading, adding, changing and taking them away."""

from __future__ import annotations

from dataclasses import replace

from connectors.sandbox.hubspot.errors import HubError, bad_request
from connectors.sandbox.hubspot.kinds import DEAL, TICKET, Kind
from connectors.sandbox.hubspot.pipeline import Pipeline, Stage, read_pipeline, read_stage
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer

_LIMITED = (DEAL.type_id, TICKET.type_id)
_HOLDS = {DEAL.type_id: "dealstage"}


def listing(call: Call) -> Answer:
    """GET pipelines/{type}."""
    found = call.portal.service.pipelines.of(call.kind().type_id)
    return Answer(200, {"results": [pipeline.json() for pipeline in found]})


def one(call: Call) -> Answer:
    """GET pipelines/{type}/{id}."""
    return Answer(200, _pipeline(call).json())


def create(call: Call) -> Answer:
    """POST pipelines/{type}, with ids of the client's own where it names some."""
    kind, pipelines = call.kind(), call.portal.service.pipelines
    made = read_pipeline(kind.type_id, call.request.fields, call.portal.now(), None)
    if pipelines.find(kind.type_id, made.id) is not None:
        raise HubError(409, f"A pipeline with the id '{made.id}' exists", "CONFLICT")
    for stage in made.stages:
        _new_stage(call, kind, stage)
    most = call.portal.service.tier.pipelines
    if kind.type_id in _LIMITED and pipelines.count(kind.type_id) >= most:
        # How the service words this is not known.
        raise HubError(
            403,
            f"This account has reached its limit of {most} {kind.singular} pipelines",
            "PIPELINE_LIMIT_REACHED",
            context={"limit": [str(most)]},
        )
    pipelines.put(kind.type_id, made)
    return Answer(201, made.json())


def update(call: Call) -> Answer:
    """PATCH pipelines/{type}/{id}: label and order; PUT: the stages too, those gone removed."""
    kind, old = call.kind(), _pipeline(call)
    sent = call.request.fields
    if call.request.method == "PATCH":
        sent = {name: value for name, value in sent.items() if name != "stages"}
    made = read_pipeline(kind.type_id, sent, call.portal.now(), old)
    for stage in made.stages:
        if old.stage(stage.id) is None:
            _new_stage(call, kind, stage)
    call.portal.service.pipelines.put(kind.type_id, made)
    return Answer(200, made.json())


def delete(call: Call) -> Answer:
    """DELETE pipelines/{type}/{id}; with `validateReferencesBeforeDelete` only an unused one."""
    kind, old = call.kind(), _pipeline(call)
    if call.flag("validateReferencesBeforeDelete"):
        for stage in old.stages:
            _unused(call, kind, stage)
    call.portal.service.pipelines.drop(kind.type_id, old.id)
    return Answer(204)


def stages(call: Call) -> Answer:
    """GET pipelines/{type}/{id}/stages."""
    return Answer(200, {"results": _pipeline(call).json()["stages"]})


def stage(call: Call) -> Answer:
    """GET pipelines/{type}/{id}/stages/{stage}."""
    return Answer(200, _stage(call)[1].json())


def create_stage(call: Call) -> Answer:
    """POST pipelines/{type}/{id}/stages."""
    kind, pipeline = call.kind(), _pipeline(call)
    made = read_stage(kind.type_id, call.request.fields, call.portal.now(), None)
    if made.label.casefold() in [s.label.casefold() for s in pipeline.stages]:
        raise HubError(409, f"A stage labelled '{made.label}' exists", "CONFLICT")
    _new_stage(call, kind, made)
    _put(call, replace(pipeline, stages=(*pipeline.stages, made)))
    return Answer(201, made.json())


def update_stage(call: Call) -> Answer:
    """PATCH or PUT pipelines/{type}/{id}/stages/{stage}."""
    pipeline, old = _stage(call)
    made = read_stage(call.kind().type_id, call.request.fields, call.portal.now(), old)
    _put(call, replace(pipeline, stages=tuple(made if s is old else s for s in pipeline.stages)))
    return Answer(200, made.json())


def delete_stage(call: Call) -> Answer:
    """DELETE pipelines/{type}/{id}/stages/{stage}: not the last one, nor one in use."""
    pipeline, old = _stage(call)
    if len(pipeline.stages) == 1:
        raise bad_request("A pipeline needs stages")
    _unused(call, call.kind(), old)
    _put(call, replace(pipeline, stages=tuple(s for s in pipeline.stages if s is not old)))
    return Answer(204)


def _pipeline(call: Call) -> Pipeline:
    found = call.portal.service.pipelines.find(call.kind().type_id, call.arg("id"))
    if found is None:
        raise HubError(404, f"No pipeline has the id '{call.arg('id')}'", "OBJECT_NOT_FOUND")
    return found


def _stage(call: Call) -> tuple[Pipeline, Stage]:
    pipeline, name = _pipeline(call), call.arg("stage")
    found = pipeline.stage(name)
    if found is None:
        raise HubError(404, f"No stage has the id '{name}'", "OBJECT_NOT_FOUND")
    return pipeline, found


def _new_stage(call: Call, kind: Kind, made: Stage) -> None:
    """Stage ids are unique among all pipelines of an object type."""
    if call.portal.service.pipelines.stage(kind.type_id, made.id) is not None:
        raise HubError(409, f"A stage with the id '{made.id}' exists", "CONFLICT")


def _unused(call: Call, kind: Kind, old: Stage) -> None:
    holder = _HOLDS.get(kind.type_id, "hs_pipeline_stage")
    if any(row[holder] == old.id for row in call.portal.rows(kind)):
        raise bad_request(f"Stage '{old.id}' is in use", stageId=[old.id])


def _put(call: Call, pipeline: Pipeline) -> None:
    changed = replace(pipeline, updated=call.portal.now())
    call.portal.service.pipelines.put(call.kind().type_id, changed)


_ALL = r"pipelines/(?P<type>[^/]+)"
_ONE = rf"{_ALL}/(?P<id>[^/]+)"
_STAGE = rf"{_ONE}/stages/(?P<stage>[^/]+)"
ROUTES = (
    Route("GET", _ALL, listing),
    Route("POST", _ALL, create),
    Route("GET", _ONE, one),
    Route("PATCH", _ONE, update),
    Route("PUT", _ONE, update),
    Route("DELETE", _ONE, delete),
    Route("GET", rf"{_ONE}/stages", stages),
    Route("POST", rf"{_ONE}/stages", create_stage),
    Route("GET", _STAGE, stage),
    Route("PATCH", _STAGE, update_stage),
    Route("PUT", _STAGE, update_stage),
    Route("DELETE", _STAGE, delete_stage),
)
