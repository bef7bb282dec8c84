"""Clients for Node that others wrote: installed by their lock, run against a sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_CLIENTS = Path(__file__).parents[1] / "clients"
_INSTALL = ("ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund")
# What npm says when our own lock is at fault: no reason to skip.
_OUR_FAULT = ("EUSAGE", "EINTEGRITY", "EJSONPARSE")


def install(client: str, folder: Path) -> Path:
    """Put that client's script and the packages that its lock names into a folder.

    Skips the test where there is no Node, or no way to the packages.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not here")
    for name in ("package.json", "package-lock.json", "run.mjs"):
        shutil.copy(_CLIENTS / client / name, folder)
    try:
        done = subprocess.run(
            [npm, *_INSTALL], cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {client} within 120 seconds")
    if done.returncode:
        assert not any(code in done.stderr for code in _OUR_FAULT), done.stderr
        pytest.skip(f"npm can't install {client} here: {done.stderr[-300:]}")
    return folder


def steps(installed: Path, **environment: str) -> list[str]:
    """Run the script; the steps it says it did. Fails with its words where it ends in an error."""
    done = subprocess.run(
        ["node", "run.mjs"],  # found by `install`
        cwd=installed,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.partition(":")[0] for line in done.stdout.splitlines()]
