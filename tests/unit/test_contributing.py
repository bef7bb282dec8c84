"""CONTRIBUTING keeps up with the contract that it explains."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from crm_health.connector import Connector, Op, Outcome, Plugin, Ports, Provisioner

_TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
#: Said in words: time, pauses, random names.
_IN_WORDS = {"clock", "sleep", "nonce"}


@pytest.mark.parametrize("protocol", [Connector, Plugin, Provisioner])
def test_every_member_of_the_contract_is_explained(protocol: type) -> None:
    """By its name and what it is called with."""
    members = [name for name in vars(protocol) if not name.startswith("_")]
    assert members
    assert [name for name in members if f"`{name}(" not in _TEXT] == []


def test_what_crosses_is_explained() -> None:
    """What comes from outside, what is written only once, and what a receipt may say."""
    ports = {field.name for field in dataclasses.fields(Ports)} - _IN_WORDS
    said = {f"`{outcome}`" for outcome in set(Outcome) - {Outcome.GONE}} | {
        f"`{Op.CREATE_ONCE.name}`"
    }
    assert [word for word in sorted(ports | said) if word not in _TEXT] == []
