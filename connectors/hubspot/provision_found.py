"""What setup found in an account: the steps that are done, to do, or can't be done there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors.hubspot.provision_wanted import NewObject, NewProperty, Pipeline
from crm_health.connector import Step


@dataclass
class Found:
    """The account held against what is wanted."""

    steps: list[Step] = field(default_factory=list)
    #: Why something that is there can't serve.
    wrong: list[str] = field(default_factory=list)
    #: Objects that lack our group of properties.
    groups: set[str] = field(default_factory=set)
    #: Properties to make, those of custom objects that are still to be made left out.
    properties: list[NewProperty] = field(default_factory=list)
    #: Lists that lack options: the property, and all options that it must have.
    options: list[tuple[NewProperty, list[dict[str, Any]]]] = field(default_factory=list)
    #: Custom objects to make.
    objects: list[NewObject] = field(default_factory=list)
    #: Custom objects that are there, and object types that they can't be associated with yet.
    ends: list[tuple[NewObject, str]] = field(default_factory=list)
    pipeline: Pipeline | None = None

    @property
    def open(self) -> list[Step]:
        """What is to be done and can be."""
        return [step for step in self.steps if not step.done and not step.not_here]
