"""The believable company: determinism, integrity, size, spread of bands, and the second day."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from story_score import Book, band

from connectors.sandbox import ids
from connectors.sandbox.story import Story, build, build_story, second_day
from connectors.sandbox.story.rows import PREFIXES

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")


@pytest.fixture(scope="module")
def story() -> Story:
    return build_story(seed=7, now=NOW)


def everything(story: Story) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, rows in story.records.items():
        for row in rows:
            yield name, row


def bands(story: Story) -> dict[str, str]:
    """The band of each customer by the documented curves."""
    book = Book(story.records, story.now)
    return {account: band(book.score(account)) for account in story.labels}


def test_same_arguments_tell_the_same_story(story: Story) -> None:
    """Two builds agree record by record; another seed does not."""
    assert build(seed=7, now=NOW) == story.records
    assert build(seed=8, now=NOW) != story.records


def test_now_counts_as_an_instant() -> None:
    """The same instant in another time zone tells the same story; a naive one is refused."""
    there = NOW.astimezone(timezone(timedelta(hours=-8)))
    assert build(seed=3, accounts=12, customers=8, now=there) == build(
        seed=3, accounts=12, customers=8, now=NOW
    )
    with pytest.raises(ValueError, match="time zone"):
        build(seed=3, now=NOW.replace(tzinfo=None))


def test_numbers_of_accounts_are_kept(story: Story) -> None:
    """400 accounts hold 300 customers, each with a label, and no other account has one."""
    accounts = story.records["Account"]
    customers = {a["Id"] for a in accounts if a["Type"].startswith("Customer")}
    assert (len(accounts), len(customers)) == (400, 300)
    assert customers == story.labels.keys()


@pytest.mark.parametrize(("accounts", "customers"), [(0, 0), (1, 0), (1, 1), (30, 30), (900, 610)])
def test_any_number_of_accounts_is_told(accounts: int, customers: int) -> None:
    """Small, empty and large companies are built with exactly the accounts asked for."""
    small = build_story(seed=1, accounts=accounts, customers=customers, now=NOW)
    assert len(small.records["Account"]) == accounts
    assert len(small.labels) == customers
    second_day(small)


@pytest.mark.parametrize(("accounts", "customers"), [(10, 11), (5, -1)])
def test_impossible_numbers_are_refused(accounts: int, customers: int) -> None:
    """More customers than accounts, or less than none, is an error that names the numbers."""
    with pytest.raises(ValueError, match=str(customers)):
        build(seed=1, accounts=accounts, customers=customers, now=NOW)


def test_size_stays_in_bounds(story: Story) -> None:
    """400 accounts with two years of history are between 30,000 and 60,000 records."""
    assert 30_000 < sum(map(len, story.records.values())) <= 60_000


def test_ids_are_well_formed_and_unique(story: Story) -> None:
    """Each record has a valid 18-character id of its object's prefix, used once."""
    seen = [row["Id"] for _, row in everything(story)]
    assert len(set(seen)) == len(seen)
    for name, row in everything(story):
        assert row["Id"].startswith(PREFIXES[name])
        assert ids.valid(row["Id"])


def test_references_lead_somewhere(story: Story) -> None:
    """Each reference is empty or the id of a record in the story."""
    known = {row["Id"] for _, row in everything(story)}
    fields = {"ParentId", "OwnerId", "ManagerId", "AccountId", "ContactId", "WhatId", "WhoId"}
    fields |= {"OpportunityId", "Account__c", "Contact__c", "Health_CSM__c"}
    for name, row in everything(story):
        for field in fields & row.keys():
            assert row[field] is None or row[field] in known, (name, field)


def test_contacts_on_records_are_the_accounts_own(story: Story) -> None:
    """A case, call, meeting or answer names a contact of its own account only."""
    home = {c["Id"]: c["AccountId"] for c in story.records["Contact"]}
    for name, row in everything(story):
        person = row.get("ContactId") or row.get("WhoId") or row.get("Contact__c")
        if person and name != "OpportunityContactRole":
            assert home[person] == (row.get("AccountId") or row.get("Account__c"))


def test_stamps_are_past_ordered_and_aware(story: Story) -> None:
    """Nothing was saved after `now` or before it was made; stamps are UTC, of whole seconds."""
    for name, row in everything(story):
        created, modified, stamp = (row[s] for s in STAMPS)
        assert created <= modified <= NOW, name
        assert stamp == modified
        assert created.utcoffset() == modified.utcoffset() == timedelta(0)
        assert created.microsecond == modified.microsecond == 0


def test_past_facts_lie_in_the_past(story: Story) -> None:
    """Usage, answers, closed cases, calls and won deals are not dated ahead."""
    today = NOW.date()
    for row in story.records["Health_Usage__c"]:
        assert row["Day__c"] < today
        assert row["Value__c"] > 0
    assert all(s["Answered_On__c"] <= today for s in story.records["Health_Survey__c"])
    assert all(t["ActivityDate"] <= today for t in story.records["Task"])
    for deal in story.records["Opportunity"]:
        assert deal["IsClosed"] == deal["StageName"].startswith("Closed")
        assert not deal["IsClosed"] or deal["CloseDate"] <= today
    for case in story.records["Case"]:
        assert case["IsClosed"] == (case["Status"] == "Closed") == (case["ClosedDate"] is not None)
        assert case["ClosedDate"] is None or case["CreatedDate"] <= case["ClosedDate"] <= NOW


def test_dates_and_instants_have_their_own_types(story: Story) -> None:
    """Date fields hold dates, never instants; instants are aware."""
    dates = {"Day__c", "Answered_On__c", "CloseDate", "ActivityDate", "InstallDate"}
    dates |= {"UsageEndDate", "Health_Renewal_Date__c", "LastActivityDate"}
    for name, row in everything(story):
        for field, value in row.items():
            if field in dates:
                assert value is None or type(value) is date, (name, field)
            elif isinstance(value, datetime):
                assert value.tzinfo is not None, (name, field)
            else:
                assert not isinstance(value, date), (name, field)


def test_last_activity_is_the_newest_that_is_over(story: Story) -> None:
    """An account's LastActivityDate is the newest past day among its tasks and events."""
    newest: dict[str, date] = {}
    for row in [*story.records["Task"], *story.records["Event"]]:
        if row["ActivityDate"] <= NOW.date():
            account = row["AccountId"]
            newest[account] = max(row["ActivityDate"], newest.get(account, date.min))
    for account in story.records["Account"]:
        assert account["LastActivityDate"] == newest.get(account["Id"])


def test_mail_goes_to_example_com(story: Story) -> None:
    """Every address and site is under example.com, and no two users share a name."""
    for name in ("User", "Contact"):
        for row in story.records[name]:
            assert re.fullmatch(r"[a-z0-9.-]+@([a-z0-9-]+\.)+example\.com", row["Email"])
    assert all(a["Website"].endswith(".example.com") for a in story.records["Account"])
    users = [u["Username"] for u in story.records["User"]]
    assert len(set(users)) == len(users)
    names = [a["Name"] for a in story.records["Account"]]
    assert len(set(names)) == len(names)


def test_staff_is_as_described(story: Story) -> None:
    """8 CSMs, 6 sellers who work here, and one who has left and still owns accounts."""
    users = story.records["User"]
    titles = Counter(u["Title"] for u in users if u["IsActive"])
    assert titles["Customer Success Manager"] == 8
    assert titles["Account Executive"] == 6
    (left,) = (u["Id"] for u in users if not u["IsActive"])
    assert any(a["OwnerId"] == left for a in story.records["Account"])
    assert all(a["Health_CSM__c"] != left for a in story.records["Account"])


def test_labels_stay_out_of_the_records(story: Story) -> None:
    """No record says which archetype its account is of."""
    labels = set(story.labels.values())
    texts = {v for _, row in everything(story) for v in row.values() if isinstance(v, str)}
    assert not any(label in text.lower() for label in labels - {"new"} for text in texts)


def test_every_archetype_is_cast(story: Story) -> None:
    """300 customers show all eleven archetypes, a handful at the least of each."""
    counts = Counter(story.labels.values())
    assert len(counts) == 11
    assert min(counts.values()) >= 5


@pytest.mark.parametrize(
    ("seed", "now"),
    [
        (7, NOW),
        (1, datetime(2026, 3, 3, 16, tzinfo=UTC)),
        (2, datetime(2025, 9, 1, 7, tzinfo=UTC)),
        (42, datetime(2026, 1, 8, 23, 59, tzinfo=UTC)),
        (5, datetime(2028, 2, 29, 0, 0, tzinfo=UTC)),
    ],
)
def test_bands_spread_believably(seed: int, now: datetime) -> None:
    """By the default curves about 55-67 % are green, 13-25 yellow, 10-17 red, 5-8 unknown."""
    counts = Counter(bands(build_story(seed=seed, now=now)).values())
    share = {name: counts[name] / 3 for name in ("green", "yellow", "red", "unknown")}
    assert 55 <= share["green"] <= 67, share
    assert 13 <= share["yellow"] <= 25, share
    assert 10 <= share["red"] <= 17, share
    assert 5 <= share["unknown"] <= 8, share


def test_archetypes_score_as_their_names_say(story: Story) -> None:
    """Thriving and soon-lost accounts are green, declining ones red, gone champions yellow."""
    by_label: dict[str, Counter[str]] = {}
    for account, shown in bands(story).items():
        by_label.setdefault(story.labels[account], Counter())[shown] += 1
    for label in ("thriving", "noisy but growing", "green that churns"):
        assert by_label[label].keys() == {"green"}, label
    assert by_label["champion gone"].keys() == {"yellow"}
    assert by_label["no evidence"].keys() == {"unknown"}
    assert by_label["silent decline"].most_common(1)[0][0] == "red"
    assert by_label["stuck in adopt"].most_common(1)[0][0] == "yellow"
    assert by_label["steady"].most_common(1)[0][0] == "green"


def test_no_evidence_means_an_account_and_an_old_deal(story: Story) -> None:
    """Such a customer has one opportunity, won over a year ago, and not one other record."""
    bare = {a for a, label in story.labels.items() if label == "no evidence"}
    found = Counter(
        (name, row.get("AccountId") or row.get("Account__c"))
        for name, row in everything(story)
        if name != "Account" and (row.get("AccountId") or row.get("Account__c")) in bare
    )
    assert found == Counter({("Opportunity", account): 1 for account in bare})
    deals = [o for o in story.records["Opportunity"] if o["AccountId"] in bare]
    assert all(o["IsWon"] and (NOW.date() - o["CloseDate"]).days > 365 for o in deals)


def test_sev1_cases_are_before_just_after_and_long_past_their_sla(story: Story) -> None:
    """Of the open sev-1 cases some broke their SLA over a day ago, some today, some not yet."""
    due = [
        c["Health_SLA_Due__c"] - NOW
        for c in story.records["Case"]
        if c["Priority"] == "Critical" and not c["IsClosed"]
    ]
    day = timedelta(days=1)
    assert [
        any(d <= -day for d in due),
        any(-day < d < timedelta(0) for d in due),
        any(d > timedelta(0) for d in due),
    ] == [True, True, True]


def test_offices_are_quiet_on_closed_days(story: Story) -> None:
    """In the daily part nobody uses the product on weekends and on the vendor's holidays."""
    recent = {
        r["Day__c"]
        for r in story.records["Health_Usage__c"]
        if NOW.date() - r["Day__c"] <= timedelta(days=120)
    }
    assert all(day.weekday() < 5 for day in recent)
    assert date(2026, 9, 7) not in recent
    assert len(recent) > 75


def test_second_day_changes_four_accounts(story: Story) -> None:
    """A breach, a silence, a relief and a person's edit, each on another account."""
    changes = second_day(story)
    shown = bands(story)
    by_object = {c.object: c for c in changes}
    assert len({c.account for c in changes}) == 4
    new = next(c for c in changes if c.kind == "create")
    champions = {c["Id"] for c in story.records["Contact"] if c["Health_Role__c"] == "Champion"}
    assert new.object == "Case"
    assert new.fields["ContactId"] in champions
    assert new.fields["Priority"] == "Critical"
    assert NOW < new.fields["Health_SLA_Due__c"] < NOW + timedelta(days=1)
    assert shown[new.account] == "green"
    assert shown[by_object["Health_Usage__c"].account] == "green"
    edit = by_object["Account"]
    assert edit.fields == {"Health_Band__c": "Green"}
    assert shown[edit.account] != "green"
    closing = next(c for c in changes if c.object == "Case" and c.kind == "update")
    case = next(c for c in story.records["Case"] if c["Id"] == closing.id)
    assert closing.fields == {"Status": "Closed"}
    assert case["Health_SLA_Due__c"] < NOW
    assert not case["IsClosed"]


def test_second_day_moves_the_bands_it_means_to(story: Story) -> None:
    """A day later the silent and the breached account are no longer as they were."""
    rows = {row["Id"]: dict(row) for _, row in everything(story)}
    for change in second_day(story):
        if change.id is not None:
            rows[change.id] |= change.fields
    after = {name: [rows[r["Id"]] for r in made] for name, made in story.records.items()}
    usage = next(c for c in second_day(story) if c.object == "Health_Usage__c")
    late = Book(after, NOW + timedelta(days=1))
    assert band(late.score(usage.account)) == "red"
    assert late.values(usage.account)["active_days"] == 0


def test_standard_fields_exist_in_the_service(story: Story) -> None:
    """Each field that is not ours stands in the recorded list of the service's fields."""
    root = Path(os.environ.get("CRM_HEALTH_CONTRACT", "../shared/contract"))
    listing = root / "salesforce" / "standard-fields-v67.tsv"
    if not listing.is_file():
        pytest.skip(f"no recorded field list at {listing}")
    with listing.open(newline="") as lines:
        known = {(r["object"], r["field"]) for r in csv.DictReader(lines, delimiter="\t")}
    used = {
        (name, field)
        for name, row in everything(story)
        for field in row
        if not name.endswith("__c") and not field.endswith("__c")
    }
    assert used - known == set()


def test_our_own_fields_are_the_agreed_ones(story: Story) -> None:
    """Custom fields and objects carry exactly the agreed names."""
    custom = {
        f"{name}.{field}" for name, row in everything(story) for field in row if "__c" in field
    }
    assert custom == {
        "Account.Health_CSM__c", "Account.Health_Renewal_Date__c",
        "Account.Health_Contract_Value__c", "Contact.Health_Role__c", "Case.Health_SLA_Due__c",
        "Health_Usage__c.Account__c", "Health_Usage__c.Metric__c", "Health_Usage__c.Day__c",
        "Health_Usage__c.Value__c", "Health_Survey__c.Account__c", "Health_Survey__c.Contact__c",
        "Health_Survey__c.Kind__c", "Health_Survey__c.Points__c", "Health_Survey__c.Answered_On__c",
    }  # fmt: skip
