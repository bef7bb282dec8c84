"""jsforce, the JavaScript client that others use, works unmodified against the sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sandbox.handle import Sandbox

_CLIENT = Path(__file__).parents[1] / "clients" / "jsforce"
_INSTALL = ("ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund")
# What npm says when our own lock is at fault: no reason to skip.
_OUR_FAULT = ("EUSAGE", "EINTEGRITY", "EJSONPARSE")
_STEPS = (
    "login", "describe", "query", "collections", "bulk query", "bulk refusal", "bulk ingest",
    "metadata",
)  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script and the packages that the lock names."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not here")
    folder = tmp_path_factory.mktemp("jsforce")
    for name in ("package.json", "package-lock.json", "run.mjs"):
        shutil.copy(_CLIENT / name, folder)
    try:
        done = subprocess.run(
            [npm, *_INSTALL], cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not install jsforce within 120 seconds")
    if done.returncode:
        assert not any(code in done.stderr for code in _OUR_FAULT), done.stderr
        pytest.skip(f"npm can't install jsforce here: {done.stderr[-300:]}")
    return folder


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a process of its own, with the rows that the script counts on."""
    with Sandbox.start_process() as running:
        running.load(
            {
                "Account": [{"Name": f"Account {n}"} for n in range(7)],
                "Contact": [{"LastName": f"Name {n:04}"} for n in range(4_321)],
            }
        )
        yield running


def test_jsforce_reads_and_writes_every_way(installed: Path, box: Sandbox) -> None:
    """Login, describe, paged query, Collections, Bulk 2.0 both ways, and metadata upsert."""
    done = subprocess.run(
        ["node", "run.mjs"],  # found by the fixture
        cwd=installed,
        env={**os.environ, "SANDBOX_URL": box.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert steps == [*_STEPS, "all steps passed"]
    assert {job["state"] for job in box.jobs()} == {"JobComplete"}
    names = {row["Name"] for row in box.records("Account")}
    assert {"jsforce one", "jsforce two"} < names
