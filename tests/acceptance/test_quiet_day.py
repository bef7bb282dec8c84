"""A day on which nothing happens is a day on which next to nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from forks import Forks
from world import DAY, NOW, World, build, changed_fields

from connectors.sandbox.handle import Sandbox

#: What an account's writes may touch.
OUTPUTS = {
    "Health_Score__c",
    "Health_Band__c",
    "Health_Band_Since__c",
    "Health_Trend__c",
    "Health_Why__c",
    "Health_Evidence__c",
    "Health_Score_Computed__c",
    "Health_Coverage__c",
    "Health_Open_Escalations__c",
    "Health_Last_12_Weeks__c",
    "Health_Memory__c",
    "Health_Lifecycle_Stage__c",
    "Health_Lifecycle_Stage_Since__c",
    "Health_Value_Stage__c",
    "Health_Value_Stage_Since__c",
    "Health_Tier__c",
    "Health_Tier_Since__c",
    "Health_Top_Risk__c",
    "Health_Top_Opportunity__c",
    "Health_Open_Alerts__c",
    "Health_Next_Touch__c",
    "Health_Next_Touch_Due__c",
    "Health_Attention__c",
    "Health_Value_At_Stake__c",
    "Health_Licence_Use__c",
    "Health_Programmes__c",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The demo's company: 300 customers among 400 accounts."""
    folder: Path = tmp_path_factory.mktemp("quiet")
    with Sandbox.start_process(now=NOW, frozen=True) as sandbox, Forks(folder) as forks:
        yield build(sandbox, forks, folder, accounts=400, customers=300)


def test_at_most_one_account_in_twenty_is_written_on_a_quiet_day(whole: World) -> None:
    """After two syncs a day passes on the clock alone: few accounts are due a word."""
    state = whole.back("fresh")
    whole.clean(state)
    whole.sandbox.clear_calls()
    whole.clean(state)
    assert whole.writes() == 0, "the second sync has nothing to say"
    before = whole.truth()
    whole.sandbox.advance(DAY.total_seconds())
    whole.clean(state)
    after = whole.truth()
    touched = [key for key, row in after["Account"].items() if row != before["Account"][key]]
    fields = changed_fields(after["Account"], before["Account"])
    print(f"{len(touched)} of 300 accounts written: {dict(fields)}")
    assert len(touched) <= 300 * 5 // 100, dict(fields)
    assert set(fields) <= OUTPUTS
    made = {name: len(rows) - len(before[name]) for name, rows in after.items()}
    print(f"records made: {made}")
    assert sum(made.values()) <= 3 * len(touched), "nobody else gets a task or an escalation"
    whole.sandbox.clear_calls()
    whole.clean(state)
    assert whole.writes() == 0, "what the day changed is written once"
