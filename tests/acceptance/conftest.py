"""One company a CRM for all tests here: loaded and set up once, brought back before each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest
import yaml
from forks import Forks
from sights import HUBSPOT
from world import NOW, World, build, let_a_day_pass

import mappings
from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot.tokens import PRIVATE

_HORIZON = 600
#: The sandbox's limits are off, so nothing need be waited for; nor do claims meet other syncs.
_QUICK = {
    "CRM_HEALTH_HUBSPOT_SEARCHES": "1000",
    "CRM_HEALTH_HUBSPOT_CLAIM_WAIT": "0.1",
    "CRM_HEALTH_HUBSPOT_CLAIM_HORIZON": str(_HORIZON),
}


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


@contextmanager
def _account(folder: Path, kind: str) -> Iterator[World]:
    with Sandbox.start_process(now=NOW, frozen=True) as sandbox, Forks(folder) as forks:
        sandbox.hubspot.settings(limits=False, unique_tasks=kind == "unique")
        made = build(sandbox, forks, folder, accounts=48, customers=36, sight=HUBSPOT)
        made.settings |= {**_QUICK, "CRM_HEALTH_CONFIG": str(_with_more_tasks(folder))}
        made.patience = 0 if kind == "unique" else _HORIZON + 1
        state = made.back("fresh")
        made.clean(state)
        made.breathe()
        made.clean(state)
        made.breathe()
        made.keep("synced", state)
        let_a_day_pass(made)
        made.keep("second", state)
        yield made


@pytest.fixture(scope="session")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], World]]:
    """Gives the account of a kind, made at its first use."""
    with ExitStack() as stack:

        @cache
        def account(kind: str) -> World:
            return stack.enter_context(_account(tmp_path_factory.mktemp(kind), kind))

        yield account


@pytest.fixture(params=["unique", "claimed"])
def portals(accounts: Callable[[str], World], request: pytest.FixtureRequest) -> World:
    """The same moments in a HubSpot account, whose tasks take a unique property or don't."""
    return accounts(request.param)


@pytest.fixture
def portal(portals: World) -> World:
    """The account, with no fault left over from another test."""
    portals.sandbox.hubspot.tokens(add=PRIVATE, scopes=None)
    portals.sandbox.clear_faults()
    portals.sandbox.clear_calls()
    return portals


def _with_more_tasks(folder: Path) -> Path:
    """The packaged playbook, and a task for every red customer: a first sync has some to make."""
    packaged = Path(mappings.__file__).with_name("playbook.yaml")
    playbook = yaml.safe_load(packaged.read_text(encoding="utf-8"))
    text = {"subject": "{account}: find out why it is red", "body": "Call them."}
    red = {"when": "band = 'red'", "clear": "band = 'green'", "severity": "medium"}
    red |= {"does": "task", "due_days": 3, "cool_days": 30, "on_first_sync": True, "task": text}
    playbook["alerts"]["red"] = red
    (folder / "playbook.yaml").write_text(yaml.safe_dump(playbook), encoding="utf-8")
    return folder
