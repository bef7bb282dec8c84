"""The command line in this process, on the state of a small company: reads no CRM."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_kit import Said, Shell, clean
from sync_kit import MAPPING, MODEL, PLAYBOOK, Org, config


def desk(
    org: Org, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
) -> tuple[Shell, Path]:
    """A shell on the org's state, and the folder of its configuration."""
    folder = org.folder / "config"
    folder.mkdir()
    for name, text in (("salesforce", MAPPING), ("model", MODEL), ("playbook", PLAYBOOK)):
        (folder / f"{name}.yaml").write_text(text)
    state = org.folder / "org.db"
    clean(patch, state, {"CRM_HEALTH_CONFIG": str(folder), "CRM_HEALTH_LOG_LEVEL": "error"})
    return Shell(capsys, patch, state), folder


def changed(folder: Path, name: str = "new.yaml", **parts: Any) -> Path:
    """A file with the company's model, and some of its sections in place of its own."""
    path = folder / name
    path.write_text(yaml.safe_dump({**yaml.safe_load(MODEL), **parts}, sort_keys=False))
    return path


__all__ = ["Mapping", "Org", "Said", "Shell", "changed", "config", "desk"]
