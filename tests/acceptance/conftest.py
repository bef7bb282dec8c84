"""One company for all tests here: loaded and set up once, brought back before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from forks import Forks
from world import NOW, World, build, let_a_day_pass

from connectors.sandbox.handle import Sandbox


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world with these moments: `fresh` (set up, never synced), `synced` (twice), and
    `second` (the demo's second day has passed since).
    """
    folder = tmp_path_factory.mktemp("acceptance")
    with Sandbox.start_process(now=NOW, frozen=True) as sandbox, Forks(folder) as forks:
        made = build(sandbox, forks, folder, accounts=120, customers=90)
        state = made.back("fresh")
        made.clean(state)
        made.clean(state)
        made.keep("synced", state)
        let_a_day_pass(made)
        made.keep("second", state)
        yield made


@pytest.fixture
def world(company: World) -> World:
    """The company, with no fault left over from another test."""
    company.sandbox.clear_faults()
    company.sandbox.clear_calls()
    return company
