"""`sync` and `plan` as a process, without the console command around them.

The console command is what the tests start; this stands in where it is not installed.
"""

from __future__ import annotations

import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import connectors.salesforce as salesforce
from crm_health.config.load import load
from crm_health.connector import Budget, Ports
from crm_health.errors import CrmHealthError
from crm_health.settings import load as settings
from crm_health.store import Store
from crm_health.sync import run as runs
from crm_health.sync import session


def _silent(*_: Any, **__: Any) -> None:
    return None


def main(words: list[str]) -> int:
    """Run one command; returns its exit code."""
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda given, _: asked.append(given))
    chosen = settings()
    config = load(chosen.config)
    options = runs.Options(
        full="--full" in words,
        dry_run=words[0] == "plan",
        approve=words[words.index("--approve") + 1] if "--approve" in words else None,
        stopping=lambda: bool(asked),
    )
    ports = Ports(Budget(chosen.max_calls), time.monotonic, time.sleep, _silent)
    state: Path = chosen.state_path
    store = Store.open(state)
    try:
        report, code = session.perform(
            lambda: salesforce.connect(ports, config.mapping.api_version),
            store,
            config,
            options,
            lambda: datetime.now(UTC),
        )
    finally:
        store.close()
    print(report.run.id, report.outcomes)
    for stop in report.stops:
        print(stop, file=sys.stderr)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except CrmHealthError as error:
        print(error.message, file=sys.stderr)
        sys.exit(error.exit_code)
