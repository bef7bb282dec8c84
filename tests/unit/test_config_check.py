"""Sense: one mistake in a default file, one message at its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crm_health.config.load import load
from crm_health.config.problems import ConfigProblems
from tests.unit.test_config_load import default

MODEL, MAPPING, PLAYBOOK = "model.yaml", "salesforce.yaml", "playbook.yaml"

LICENCE = "licence_use: case tier_now when 'strategic' then 14 when 'digital' then 26 else 18 end"

MISTAKES = [
    # names and their order
    (MODEL, "when: experience_points < 30", "when: score < 30",
     "caps.bad_experience.when: 'score' is not known yet here: it is worked out after the caps"),
    (MODEL, "when: age < 120\n", "when: adoption_points < 20\n",
     "models[0].when: 'adoption_points' is not known yet here: it is worked out after"),
    (MODEL, "age: coalesce(customer_since_days,", "age: coalesce(customer_since_days, cadence,",
     "derived.age: 'cadence' is not known yet here: it is derived from age in a circle"),
    (MODEL, "  age: coalesce(customer", "  age: coalesce(value_now, customer",
     "derived.age: 'value_now' is not known yet here: it is derived further down"),
    (MODEL, "value: value_age_days", "value: conversation",
     "measures.new_value.value: 'conversation' is not known yet here: it is a measure"),
    (MODEL, "value: value_age_days", "value: conversaton_days",
     "measures.new_value.value: there is no 'conversaton_days' here (did you mean 'conv"),
    (MODEL, "{from: usage, where", "{from: usages, where",
     "facts.usage_365.from: there is no entity 'usages' (did you mean 'usage'?)"),
    (MODEL, "{from: usage, where", "{from: episode, where",
     "facts.usage_365.from: our own records are never an input"),
    (MODEL, "{from: usage, where", "{from: account, where",
     "facts.usage_365.from: has no rows to count"),
    (MODEL, "where: is_active and is_recurring, take: sum(q", "where: quantity, take: sum(q",
     "facts.seats_bought.where: gives a number, but a condition is needed here"),
    (MODEL, "  onsite_days:", "  renewal_days:", "facts.renewal_days: the name is taken"),
    (MODEL, "  age: coal", "  champions: coal", "derived.champions: the name is taken"),
    (MODEL, "  age: coal", "  tier_now: coal", "derived.tier_now: the name is taken"),
    (MODEL, "when: age < 120\n", "when: age\n",
     "models[0].when: gives a number, but a condition is needed here"),
    (MODEL, "{name: red, below: 60}", "{name: red, below: 0}", "bands[0].below: "),
    (MODEL, "date: 2026-11-22", "date: 22.11.2026",
     "change.date: must be a date such as 2026-01-31"),
    (MODEL, "when: age < 120\n", "when: AGE < 120\n",
     "models[0].when: there is no 'AGE' here (did you mean 'age'?)"),
    (MODEL, "take: sum(quantity)", "take: sum(product)",
     "facts.seats_bought.take: adds up a text (count(*) counts rows)"),
    (MODEL, "value: licence_use\n", "value: tier_now\n",
     "measures.licence_use.value: gives a text, but a number is needed here"),
    # curves, dimensions, weights
    (MODEL, "{0.1: 0, 0.5: 50", "{0.5: 0, 0.1: 50",
     "measures.licence_use.curve: the values must rise from left to right"),
    (MODEL, "curve: {0.1: 0, 0.5: 50, 0.75: 80, 1: 100}", "curve: {1: 50}",
     "measures.licence_use.curve: needs at least two points"),
    (MODEL, "{0.1: 0, 0.5: 50", "{0.1: -1, 0.5: 50",
     "measures.licence_use.curve: points must be from 0 to 100"),
    (MODEL, "{0.1: 0, 0.5: 50", "{a: 0, 0.5: 50", "measures.licence_use.curve.a: "),
    (MODEL, "dimension: adoption", "dimension: adoptoin",
     "measures.licence_use.dimension: only this measure has 'adoptoin' (did you mean 'adoption'?)"),
    (MODEL, "stale_after_days: 180", "stale_after_days: 0",
     "measures.satisfaction.stale_after_days: must be at least 1 day"),
    (MODEL, LICENCE, "licence_use: -1",
     "models[1].weights.licence_use: a weight can't be negative"),
    (MODEL, LICENCE, "licence_us: 18",
     "models[1].weights.licence_us: there is no measure 'licence_us' (did you mean 'lic"),
    (MODEL, LICENCE, "licence_use: .nan", "models[1].weights.licence_use: .nan is not"),
    (MODEL, "      licence_ramp: 12\n", "",
     "measures.licence_ramp: no model gives it a weight (give one, or list it under `off`)"),
    (MODEL, "    when: age < 120\n    weights:", "    weights:",
     "models[0]: has no `when`, so no model below it is ever reached (put it last)"),
    (MODEL, "- name: standard", "- name: onboarding", "models[2].name: there is a model 'onboard"),
    (MODEL, "off: [csm_view", "off: [csm_veiw",
     "off[0]: there is no measure 'csm_veiw' (did you mean 'csm_view'?)"),
    # bands and calendar
    (MODEL, "name: red, below: 60", "name: red, below: 70",
     "bands[1].below: must be more than 70: worst band first"),
    (MODEL, "{name: green}", "{name: green, below: 90}",
     "bands[2].below: the last band holds all other scores: leave it away"),
    (MODEL, "{name: red, below: 60}", "{name: red}", "bands[0]: `below` is missing"),
    (MODEL, "{name: green}", "{name: red}", "bands[2].name: 'red' is there twice"),
    (MODEL, "{name: green}", "{name: unknown}", "bands[2].name: 'unknown' stands for too little"),
    (MODEL, 'time_zone: ""', "time_zone: Europe/Kyivv",
     "time_zone: there is no such time zone (did you mean 'Europe/Kyiv'?)"),
    (MODEL, 'time_zone: ""', "time_zone: ../../etc/passwd", "time_zone: there is no such"),
    (MODEL, "holidays: null", "holidays: Germania", "holidays: no holidays are known for it"),
    # texts
    (MODEL, "{licence_use:percent}", "{licence_use:precent}",
     "measures.licence_use.says: no format 'precent'"),
    (MODEL, "{licence_use:percent}", "{license_use:percent}",
     "measures.licence_use.says: there is no 'license_use' to show (did you mean 'licence_use'?)"),
    (MODEL, "{last_use_days:date}", "{last_use_days:number}",
     "measures.active_days.says: texts name dates, never day counts (write {last_use_days:date})"),
    (MODEL, "{licence_use:percent}", "{licence_use:date}",
     "measures.licence_use.says: 'licence_use' is a number, which is not shown as date"),
    (MODEL, "{licence_use:percent}", "{licence_use:percent",
     "measures.licence_use.says: a brace that is no field"),
    # mapping
    (MAPPING, "scope: status", "# scope: status", "scope: is missing"),
    (MAPPING, "status = 'customer' and", "statsu = 'customer' and",
     "scope: there is no 'statsu' here (did you mean 'status'?)"),
    (MAPPING, "  contact:\n", "  contakt:\n",
     "read.contakt: there is no such entity (did you mean 'contact'?)"),
    (MAPPING, "parent_id: ParentId", "parent: ParentId",
     "read.account.columns.parent: account has no such column (did you mean 'parent_id'?)"),
    (MAPPING, "parent_id: ParentId", "parent_id: 'Id, (SELECT Id FROM Contacts)'",
     "read.account.columns.parent_id.field: 'Id, (SELECT Id FROM Contacts)' is not the name"),
    (MAPPING, "object: Case", "object: Account WHERE Id != null",
     "read.case.object: is not the name of a CRM object"),
    (MAPPING, "parent_id: ParentId", "parent_id: Health_Score__c",
     "read.account.columns.parent_id: Health_Score__c is ours: we write score there"),
    (MAPPING, "otherwise: other}", "otherwise: 5}",
     "read.account.columns.status.otherwise: 5 is no text (quote it)"),
    (MAPPING, '{"1": 1, ', '{"1": "one", ',
     "read.account.columns.csm_sentiment.starts_with.1: 'one' is no number"),
    (MAPPING, '"true": false, "false": true', '"true": 0, "false": true',
     "read.case.columns.is_open.values.true: 0 is no boolean"),
    (MAPPING, "{constant: meeting}", "{constant: meeting, field: Type}",
     "read.activity[1].columns.kind: needs either `field` or `constant`"),
    (MAPPING, "CallDurationInSeconds, type: number, optional: true}",
     "CallDurationInSeconds, optional: true}",
     "read.activity[0].extra.call_seconds: needs a `type`"),
    (MAPPING, "keep: health_key is null", "keep: helth_key is null",
     "read.activity[0].keep: there is no 'helth_key' here (did you mean 'health_key'?)"),
    (MAPPING, "object: Health_Usage__c", "object: ${USAGE_OBJECT}",
     "read.usage.object: is not the name of a CRM object"),
    (MAPPING, "{IsReminderSet: false}", "{'Is Reminder': false}",
     "write.task.constants.Is Reminder: is not the name of a CRM field"),
    (MAPPING, "write:\n", "fallback_owner: \"005' OR Id != null\"\nwrite:\n",
     "fallback_owner: is no id of the CRM"),
    (PLAYBOOK, "Support: {}", "Support: {owner: 'x/../y'}",
     "departments.Support.owner: is no id of the CRM"),
    (MAPPING, "{p1: 8,", "{p0: 8,", "read.case.sla_hours.p0: must be one of p1, p2, p3, p4"),
    (MAPPING, "score: Health_Score__c", "score: OwnerId",
     "write.account.score: OwnerId is not ours to write"),
    (MAPPING, "band: Health_Band__c", "band: Health_Score__c",
     "write.account.band: Health_Score__c is written twice: score goes there too"),
    (MAPPING, "    memory: Health_Memory__c\n", "",
     "write.account: memory is missing: state is kept in it"),
    (MAPPING, "coverage: Health_Cov", "covrage: Health_Cov",
     "write.account.covrage: there is no such output (did you mean 'coverage'?)"),
    (MAPPING, "    cleared: Cleared_On__c\n  escalation",
     "    cleared: Cleared_On__c\n    claims: Health_Memory__c\n  escalation",
     "write.episode.claims: Health_Memory__c is written twice: memory goes there too"),
    (MAPPING, "    cleared: Cleared_On__c\n  escalation",
     "    cleared: Cleared_On__c\n    claims: Health_Contract_Value__c\n  escalation",
     "read.account.columns.contract_value: Health_Contract_Value__c is ours: we write claims"),
    (MAPPING, "    body: Description", "    body: Subject",
     "write.task.body: Subject is written twice: subject too"),
    (MAPPING, "done_status: Completed", "done_status: Not Started",
     "write.task.done_status: is the same as open_status"),
    (MAPPING, "    seal: Health_Seal__c\n", "    seal: Health.Seal__c\n",
     "write.escalation.seal: is not the name of a CRM field"),
    (MAPPING, "    statuses:\n", "    constants: {Status__c: New}\n    statuses:\n",
     "write.escalation.constants.Status__c: is written twice: status too"),
    (MAPPING, "closed_statuses: [Resolved, Declined]", "closed_statuses: [Declined]",
     "write.escalation.closed_statuses: must hold the resolved status"),
    (MAPPING, "crm: salesforce", "crm: hubspot", "crm: is 'hubspot', but the file is read for"),
    (MAPPING, 'api_version: "65.0"', "api_version: newest", "api_version: is no version"),
    (MAPPING, "    tier: theirs\n    band: ours", "    tier: theirs\n    bnad: ours",
     "write.edits.bnad: is not written (did you mean 'band'?)"),
    (MAPPING, "    tier: theirs\n", "    tier: ours\n", "write.edits.tier: must be `theirs`"),
    (MAPPING, "    tier_since: Health_Tier_Since__c\n", "",
     "write.account.tier: is nothing to go on from without tier_since"),
    # playbook
    (PLAYBOOK, "department: Support", "department: Suport",
     "escalations.support_issue.department: there is no department 'Suport' (did you"),
    (PLAYBOOK, "does: task", "does: escalate", "alerts.incident.does: is `escalate`, but"),
    (PLAYBOOK, "does: escalate", "does: task", "alerts.sev1_past_sla.does: is `task`, but there"),
    (PLAYBOOK, "when: p1_past_sla > 0", "when: p1_past_sla",
     "alerts.sev1_past_sla.when: gives a number, but a condition is needed here"),
    (PLAYBOOK, "clear: band = 'green'\n", "clear: bnad = 'green'\n",
     "alerts.fell_yellow.clear: there is no 'bnad' here (did you mean 'band'?)"),
    (PLAYBOOK, "since: band_since", "since: band", "alerts.fell_red.since: must be a date"),
    (PLAYBOOK, "due_days: 3", "due_days: 3000", "alerts.usage_drop.due_days: is more than 365"),
    (PLAYBOOK, "due_days: 3", "due_days: -1", "alerts.usage_drop.due_days: must be at least 0"),
    (PLAYBOOK, "due_days: 3", "expires_days: 3", "alerts.usage_drop.expires_days: only the task"),
    (PLAYBOOK, "expires_days: 30", "expires_days: 30\n    on_clear: leave",
     "alerts.incident.expires_days: closes its task, but `on_clear` leaves it open"),
    (PLAYBOOK, "due: 16,", "due: 60,", "severities.S2: is due sooner than S1, which is graver"),
    (PLAYBOOK, "  S1: {acknowledge: 4, due: 16, update_days: 1, tell_at_opening: true}\n", "",
     "severities: S1 is missing"),
    (PLAYBOOK, "acknowledge: 4,", "acknowledge: 20,",
     "severities.S1.acknowledge: is later than it is due"),
    (PLAYBOOK, "reason: support_issue", "reason: suport_issue",
     "alerts.sev1_past_sla.escalation.reason: there is no 'suport_issue' among `escalations`"),
    (PLAYBOOK, "reason: Billing", "reason: security",
     "escalations.security.reason: 'Security' is the reason of billing as well"),
    (PLAYBOOK, "owner_named:", "told_owner:",
     "escalations.support_issue.actions.told_owner: names that begin with told_ are taken"),
    (PLAYBOOK, "  fell_yellow:", "  Fell-Yellow:", "alerts.Fell-Yellow: must be small"),
    (PLAYBOOK, "{band:text}, decide", "{band}, decide",
     "alerts.renewal_early.task.subject: {band} needs a format"),
    (PLAYBOOK, "replaces: [usage_drop, went_silent]", "replaces: [usge_drop]",
     "alerts.usage_collapse.replaces: no alert 'usge_drop' makes a task (did you mean 'us"),
    (PLAYBOOK, "    clear: use_28 >= 0.85 * baseline\n", "",
     "alerts.went_silent.baseline: is kept, but no `clear` reads it"),
    (PLAYBOOK, "    contact: champion_contact\n", "    contact: champions\n",
     "alerts.went_silent.contact: must be the id of a contact, but champions is a number"),
    (PLAYBOOK, "    does: quiet\n", "    does: quiet\n    told: pool\n",
     "alerts.unpaid.told: is `pool`, but `people.pool` names nobody"),
    (PLAYBOOK, "over: use is back", "over: use is {use_28:number}",
     "alerts.went_silent.over: is told after the fact, so it takes no fields"),
    # stages and tiers
    (PLAYBOOK, "when: age < 60 and", "when: cadence < 60 and",
     "lifecycle.stages[1].when: 'cadence' is not known yet here: it is derived from tier_now"),
    (PLAYBOOK, "when: active_days > 0", "when: stage = 'adopt'",
     "value_stages.stages[0].when: 'stage' is not known yet here: it is what the stages"),
    (PLAYBOOK, "when: age < 60 and", 'when: "true" #',
     "lifecycle.stages[2].when: no customer can reach it: land, above it, always holds"),
    (PLAYBOOK, "name: land", "name: renew", "lifecycle.stages[1].name: 'renew' stands twice"),
    (
        PLAYBOOK,
        "label: Land",
        "label: Land\n      formerly: [adopt]",
        "lifecycle.stages[1].formerly: 'adopt' is or was the label of stages[3] as well",
    ),
    (PLAYBOOK, "      when: active_days > 0\n", "",
     "value_stages.stages[0]: the first step needs a condition"),
    (PLAYBOOK, "rank_value_now + 0.2", "rank_valu_now + 0.2",
     "tiers.rank: there is no 'rank_valu_now' here"),
    (PLAYBOOK, "rank_value_now + 0.2", "rank_cadence + 0.2",
     "tiers.rank: 'rank_cadence' is not known yet here: it is a figure of 'cadence', which is"),
    (PLAYBOOK, "unranked: growth", "unranked: grwth",
     "tiers.unranked: there is no tier 'grwth' (did you mean 'growth'?)"),
    (PLAYBOOK, "share: 30", "share: 90", "tiers.steps: the shares add up to 100 %"),
    (PLAYBOOK, "months: [1,", "months: [13,", "tiers.review.months: must be months"),
    (PLAYBOOK, "tasks_a_day: 3", "tasks_a_day: 300", "tasks_open: is less than tasks_a_day"),
    (PLAYBOOK, "new_records: 10", "new_record: 10",
     "guards.new_record: unknown key (did you mean 'new_records'?)"),
    (PLAYBOOK, "department: Leadership", "department: leadership",
     "escalations.renewal_at_risk.actions.go_or_no_go.department: there is no department 'lead"),
    (PLAYBOOK, "label: Land", "label: Renew",
     "lifecycle.stages[1].label: 'Renew' stands twice, here and at stages[0]"),
    (PLAYBOOK, "label: Land", f"label: {'x' * 41}",
     "lifecycle.stages[1].label: must have at most 40 characters"),
    (PLAYBOOK, "due: 160,", "due: 16000000,", "severities.S4.due: is more than 365 business days"),
    (PLAYBOOK, "update_days: 10}", "update_days: 366}", "severities.S4.update_days: is more than"),
    (PLAYBOOK, 'subject: "{account}: health is red, act"', 'subject: ""',
     "alerts.fell_red.task.subject: is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "expected"), MISTAKES)
def test_a_mistake_has_its_message_at_its_place(
    tmp_path: Path, file: str, old: str, new: str, expected: str
) -> None:
    """The message names the path, what is wrong and, where there is one, the nearest name."""
    text = default(file)
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path)
    found = [p for p in caught.value.problems if p.text().split(": ", 1)[1].startswith(expected)]
    assert found, caught.value.message
    # Its line is where the edit is, or the nearest thing that is still there.
    lines = (tmp_path / file).read_text("utf-8").splitlines()
    assert 1 <= found[0].line <= len(lines)
    steps = found[0].path.replace("]", "").replace("[", ".").split(".")
    line = lines[found[0].line - 1]
    if not steps[-1].isdigit() and "is missing" not in found[0].message:
        assert any(step in line for step in steps[-2:])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            'severity: S3\n    ends_when: "It is',
            'severity: S9\n    ends_when: "It is',
            "must be 'S1'",
        ),
        ("  Support: {}", "  Support:", "must be a mapping"),
        ("S1: {acknowledge: 4, due: 16", "S1: {acknowledge: 4, due: 0", "must be more than 0"),
    ],
)
def test_what_is_ill_formed_is_not_told_to_be_missing_as_well(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    """A reason, department or clock with a slip in it is there: one slip is one problem."""
    text = default(PLAYBOOK)
    assert old in text
    (tmp_path / PLAYBOOK).write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path)
    (problem,) = caught.value.problems
    assert problem.message.startswith(told)
    assert "0.0" not in problem.message


def test_what_stops_a_run_stands_below_the_warnings(tmp_path: Path) -> None:
    """A tier under another name: many warnings, and last what has to be mended first."""
    text = default(PLAYBOOK).replace("name: digital", "name: tech", 1)
    (tmp_path / PLAYBOOK).write_text(text, "utf-8")
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path)
    lines = caught.value.message.splitlines()
    assert re.fullmatch(
        r"1 problem in the configuration, besides \d+ warnings; nothing was run\.", lines[-1]
    )
    assert "touches.digital.tiers: there is no tier 'digital'" in lines[-4]


def test_weights_that_sum_to_zero(tmp_path: Path) -> None:
    """A model whose weights are all zero could score nobody."""
    text = default(MODEL)
    start = text.index("  - name: standard")
    end = text.index("# While the condition holds")
    weights = "".join(
        f"      {line.split(':')[0].strip()}: 0\n"
        for line in text[start:end].splitlines()
        if line.startswith("      ")
    )
    changed = text[:start] + "  - name: standard\n    weights:\n" + weights + "\n" + text[end:]
    (tmp_path / MODEL).write_text(changed, "utf-8")
    with pytest.raises(ConfigProblems, match=r"models\[2\]\.weights: the weights sum to zero"):
        load(tmp_path)


def test_too_little_weight_on_is_a_warning(tmp_path: Path) -> None:
    """Switching most measures off is allowed, but said."""
    text = default(MODEL).replace(
        "off: [csm_view, setup_progress, compliance]",
        "off: [csm_view, setup_progress, compliance, login_gap, licence_ramp, active_days]",
    )
    (tmp_path / MODEL).write_text(text, "utf-8")
    found = [w.text() for w in load(tmp_path).warnings]
    assert any("less than 40 of 100 points of weight are on" in text for text in found)


def test_a_model_that_nobody_answers_for_is_a_warning(tmp_path: Path) -> None:
    """A first one may count like that, but a sync would refuse the next."""
    text = default(MODEL)
    start, end = text.index("change:\n"), text.index("# Where days and")
    (tmp_path / MODEL).write_text(text[:start] + text[end:], "utf-8")
    (warning,) = load(tmp_path).warnings
    assert warning.path == "change"
    assert "a sync refuses a changed model" in warning.message


def test_a_model_for_some_accounts_only_is_a_warning(tmp_path: Path) -> None:
    """Accounts that fit no model get no score: perhaps that is meant."""
    text = default(MODEL).replace("- name: standard", "- name: standard\n    when: age >= 120")
    (tmp_path / MODEL).write_text(text, "utf-8")
    assert "accounts that fit no model" in load(tmp_path).warnings[0].message


@pytest.mark.parametrize(("divisor", "warned"), [("seats_bought", 1), ("nullif(products, 0)", 0)])
def test_a_condition_that_may_divide_by_nothing_is_a_warning(
    tmp_path: Path, divisor: str, warned: int
) -> None:
    """0/0 is more than any number there, so it would hold."""
    text = default(PLAYBOOK).replace("when: goal_days <= 14", f"when: goals_365 / {divisor} > 1")
    (tmp_path / PLAYBOOK).write_text(text, "utf-8")
    found = [w.text() for w in load(tmp_path).warnings]
    assert sum("alerts.goal_reached.when: divides by what may be 0" in text for text in found) == (
        warned
    )


def test_your_own_columns_are_usable(tmp_path: Path) -> None:
    """An extra column of the mapping can be read by facts, by its name and its days."""
    text = default(MAPPING).replace(
        "    extra:\n      competitor:",
        "    extra:\n      audited_at: {field: Audited__c, type: date}\n      competitor:",
    )
    (tmp_path / MAPPING).write_text(text, "utf-8")
    text = default(MODEL).replace(
        "take: min(started_days)}", 'take: "min(least(started_days, audited_days))"}'
    )
    (tmp_path / MODEL).write_text(text, "utf-8")
    assert load(tmp_path).warnings == ()


def test_a_band_that_nobody_hears_of_is_a_warning(tmp_path: Path) -> None:
    """The worst one, where alerts are meant to tell of something at all."""
    text = default(PLAYBOOK).replace("band = 'red'", "band = 'unknown'")
    text = text.replace("band in ('red', 'unknown')", "band = 'unknown'")
    (tmp_path / PLAYBOOK).write_text(text, "utf-8")
    found = [w for w in load(tmp_path).warnings if w.path == "alerts"]
    assert [w.message for w in found] == [
        "none of them makes a task or an escalation of the band 'red'"
    ]


def test_a_department_that_nobody_staffs(tmp_path: Path) -> None:
    """No user or queue of its own, and a mapping that knows no manager either."""
    text = default(MAPPING).replace("      owner_id: OwnerId\n", "", 1)
    text = text.replace("      csm_id: {field: Health_CSM__c, optional: true}\n", "", 1)
    (tmp_path / MAPPING).write_text(text, "utf-8")
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path)
    paths = {p.path for p in caught.value.problems if "nobody staffs it" in p.message}
    assert "departments.Support" in paths
    text = text.replace("write:\n", "fallback_owner: 005000000000001AAA\nwrite:\n", 1)
    (tmp_path / MAPPING).write_text(text, "utf-8")
    assert load(tmp_path).playbook.departments["Support"].owner is None
