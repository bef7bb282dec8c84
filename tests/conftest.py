"""Which database the tests keep their states in, and what concerns one kind of it alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import databases
import hypothesis
import pytest

#: Tests by example throw the same dice every time, so that a change is what turns a run red.
#: The soak throws new ones (--hypothesis-profile default).
hypothesis.settings.register_profile("same", derandomize=True, database=None)
hypothesis.settings.load_profile("same")

#: Modules of tests that open a state: with `-m database` only these run.
_KITS = {"store_kit", "sync_kit", "cli_kit", "world"}
_SERVER = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database`."""
    parser.addoption(
        "--database",
        choices=["sqlite", "postgres"],
        default="sqlite",
        help="where tests keep their states: files, or a PostgreSQL server that is started",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the server, once for all workers."""
    config.addinivalue_line("markers", "only(database): makes sense on this kind of database")
    config.addinivalue_line("markers", "database: keeps a state; set by what the test imports")
    config.addinivalue_line("markers", "bottlecrm: runs against BottleCRM; set in the same way")
    of_a_worker = hasattr(config, "workerinput")
    if config.getoption("--database") == "postgres" and not of_a_worker:
        stack = config.stash[_SERVER] = ExitStack()
        os.environ[databases.CHILDREN] = stack.enter_context(databases.running())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server."""
    if _SERVER in config.stash:
        os.environ.pop(databases.CHILDREN, None)
        config.stash[_SERVER].close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what keeps a state, and leave out what is of the other database."""
    database = config.getoption("--database")
    for item in items:
        if _KITS & _sources(item):
            item.add_marker("database")
        if getattr(getattr(item, "module", None), "bottlecrm", None) is not None:
            item.add_marker("bottlecrm")
        only = item.get_closest_marker("only")
        if only is not None and database not in only.args:
            item.add_marker(pytest.mark.skip(reason=f"makes sense on {only.args[0]} only"))


def _sources(item: pytest.Item) -> set[str]:
    """Where the names in the test's module come from."""
    values = vars(getattr(item, "module", None) or pytest).values()
    return {getattr(value, "__module__", None) or "" for value in values}


@pytest.fixture(autouse=True)
def _databases_are_dropped() -> Iterator[None]:
    """What a test made on the server goes with it; what was there before stays."""
    before = databases.made()
    yield
    databases.clear(before)
