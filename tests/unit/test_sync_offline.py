"""A setting without a CRM: what the mirror holds, at the instant it was read."""

from __future__ import annotations

from pathlib import Path

import pytest
from sync_kit import Org

from crm_health.errors import StateError
from crm_health.sync import offline


def test_the_instant_is_that_of_the_last_reading(tmp_path: Path) -> None:
    """A plan reads the CRM as a sync does: what came since is no work of the future."""
    org = Org(tmp_path)
    with pytest.raises(StateError, match="Nothing was read"):
        offline.setting(org.store, org.config)
    for dry_run in (True, False, True):
        org.account(80.0)
        org.pass_time(days=3)
        org.sync(dry_run=dry_run)
        assert offline.setting(org.store, org.config).as_of == org.crm.clock.now()
    org.store.close()
