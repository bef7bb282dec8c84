"""The model's own mistakes: many in one file, each with its place and what to do."""

# ruff: noqa: E501 - messages stand as people see them, each on its line

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from crm_health.config.domains import APART, TRENDS
from crm_health.config.load import load
from crm_health.config.problems import ConfigProblems
from crm_health.health import trend
from crm_health.sync.assess import HISTORY
from tests.unit.test_config_load import default

MISTAKES = """\
facts:
  open_p1: {from: case, where: "is_open and priority = 'P1'", take: "count(*)"}
  never: {from: case, where: "age_days > 90 and age_days < 30", take: "count(*)"}
  calls: {from: activity, where: "kind in ('call', 'meting')", take: "count(*)"}
  halved: {from: usage, take: "sum(value / 0)"}
  late: {from: case, where: "is_open = 1", take: "count(*)"}
  overdue: {from: invoice, where: "due_at < '2026-01-01'", take: "count(*)"}
  used: {from: usage, where: "value > 0", take: "sum(value)"}
  seats: {from: subscription, take: "sum(quantity)"}
derived:
  size: coalesce(tier, 'growth')
  share: used / seats
  first: second + 1
  second: first + 1
  against: share - book_share
  twice: book_against
  whose: book_share_in_renewal_at
  nothing: nullif(used, used)
  peak: max(used)
  mixed: used + size
measures:
  share:
    dimension: use
    value: share
    curve: {10: 0, 80: 100}
    says: "{share:percent} are used"
  calls:
    dimension: talk
    value: calls
    curve: {0: 0, 10: 1}
    says: "{calls:number} calls"
  flat:
    dimension: talk
    value: calls
    curve: {0: 50, 10: 50}
    between: steps
    says: "{calls:number} calls"
models:
  - {name: big, when: tier_now = 'strategc', weights: {share: 1}}
  - {name: new, when: open_p1 >= 1, weights: {share: case when seats > 9 then -1 else 1 end, calls: 1}}
  - {name: newer, when: open_p1 >= 2, weights: {share: 1 + abs(book_against), calls: 1}}
  - {name: none, when: csm_sentiment > 5, weights: {calls: 0 * used, flat: 0}}
  - {name: standard, weights: {share: 1, calls: 1, flat: 1}}
caps:
  points: {when: use_points < 0.3, at: 59, says: x}
  ratio: {when: share >= 80, at: 59, says: x}
  open: {when: open_p1 < 0, at: 59, says: x}
  maybe: {when: used - seats > 0 and used * 0 > 1, at: 59, says: x}
bands: [{name: red, below: 60}, {name: green}]
evidence: {min_coverage: 0.6}
"""

#: Lines as people see them, so longer than ours.
SAID = """\
1 warning: change: is missing: a sync refuses a changed model that does not say whose it is and why (give owner, approver, date and reason)
2 facts.open_p1.where: priority is never 'P1' (did you mean 'p1'?)
3 warning: facts.never: nothing reads this fact (remove it, or say why in `note`)
3 facts.never.where: never holds, whatever age_days may be
4 facts.calls.where: kind is never 'meting' (did you mean 'meeting'?)
5 warning: facts.halved: nothing reads this fact (remove it, or say why in `note`)
5 facts.halved.take: divides by zero (what has no value is missing: leave it away)
6 warning: facts.late: nothing reads this fact (remove it, or say why in `note`)
6 facts.late.where: compares is_open, which is true or false, with 1 (is_open)
7 warning: facts.overdue: nothing reads this fact (remove it, or say why in `note`)
7 facts.overdue.where: compares due_at, a date, with '2026-01-01' (compare its days: due_days > 30)
13 derived.first: 'second' is not known yet here: it is derived from first in a circle: first, second, first
16 derived.twice: 'book_against' can't be worked out: against rests on book_share, a figure of the book (figures come from facts alone)
17 derived.whose: 'book_share_in_renewal_at' needs a label, but renewal_at is a date (a text, true or false, or a whole number)
18 warning: derived.nothing: seems never to give a value, whatever used may be
19 derived.peak: an aggregate can't stand here (make it a fact, and use that)
20 derived.mixed: reckons with a text (arithmetic, least and greatest are for numbers)
25 measures.share.curve: share is a ratio: 80 would be 8000 % (write 0.8 for 80 %)
30 measures.calls.curve: points go to 100, and these end at 1 (write 100 for the full mark)
35 measures.flat.curve: gives 50 points whatever the value (it tells nothing apart)
39 models[0].when: tier_now is never 'strategc' (did you mean 'strategic'?)
40 models[1].weights.share: can become negative, and then counts for nothing (greatest(0, case when seats > 9 then -1 else 1 end))
41 warning: models[2].when: whoever fits it fits a model above it, which comes first (put it above, or remove it)
41 models[2].weights.share: 'book_against' can't be worked out: against rests on book_share, a figure of the book (figures come from facts alone)
42 models[3].when: never holds, whatever csm_sentiment may be
42 models[3].weights: the weights sum to zero
42 warning: models[3].weights.calls: can be missing, and then counts for nothing (write coalesce(0 * used, 0), if that is meant)
42 warning: models[3].weights.flat: counts for nothing (give it a weight, or leave it away)
45 caps.points.when: use_points goes to 100: 0.3 is next to nothing (write 30, if that is meant)
46 caps.ratio.when: share is a ratio: 80 would be 8000 % (write 0.8 for 80 %)
47 caps.open.when: never holds, whatever open_p1 may be
48 warning: caps.maybe.when: seems never to hold, whatever seats and used may be
50 evidence.min_coverage: is in percent: 0.6 is next to nothing (write 60 for 60 %)
"""


def said(folder: Path, file: str, text: str) -> list[str]:
    """Line, path and words of each problem of a file."""
    (folder / file).write_text(text, "utf-8")
    with pytest.raises(ConfigProblems) as caught:
        load(folder)
    found = [p.text().split(":", 3) for p in caught.value.problems if p.file == file]
    return [f"{line} {words.strip()}" for _, line, _, words in found]


def test_every_mistake_of_a_model_is_told_at_once(tmp_path: Path) -> None:
    """Each line says where, what and what to do; a broken entry gives no second message."""
    assert said(tmp_path, "model.yaml", MISTAKES) == SAID.splitlines()


def test_a_playbook_is_held_against_what_a_score_can_be(tmp_path: Path) -> None:
    """Bands, trends and scores have their values; an alert on others would never open."""
    text = default("playbook.yaml").replace(
        "    when: p1_past_sla > 0\n", "    when: band = 'gren' or trend = 'falling'\n"
    )
    text = text.replace(
        "clear: band = 'green'\n", "clear: score > 100 or experience_points > 100\n"
    )
    text = text.replace("when: override_apart_days >= 30", "when: override_apart_days > 100")
    first, second, third = (
        next(n for n, line in enumerate(text.splitlines(), 1) if what in line)
        for what in ("'gren'", "score > 100", "override_apart_days > 100")
    )
    never = "never holds, whatever experience_points and score may be"
    apart = "never holds, whatever override_apart_days may be"
    assert said(tmp_path, "playbook.yaml", text) == [
        f"{first} alerts.sev1_past_sla.when: band is never 'gren' (did you mean 'green'?)",
        f"{first} alerts.sev1_past_sla.when: trend is never 'falling' (did you mean 'Falling'?)",
        f"{second} alerts.fell_yellow.clear: {never}",
        f"{third} alerts.override_review.when: {apart}",
    ]


def test_an_alert_leads_the_cap_of_its_cause(tmp_path: Path) -> None:
    """A cap that begins with its alert would move the score before anybody could act."""
    text = default("model.yaml").replace("when: p1_past_sla_days >= 1", "when: p1_past_sla  > 0")
    (tmp_path / "model.yaml").write_text(text, "utf-8")
    (warning,) = load(tmp_path).warnings
    assert warning.path == "caps.sev1.when"
    assert warning.message.startswith("holds as soon as the alert sev1_past_sla does")


def test_a_mapping_is_held_against_the_picklist(tmp_path: Path) -> None:
    """A judgement is 1 to 5: what a mapping makes of it can be nothing else."""
    text = default("salesforce.yaml").replace('"5": 5}', '"5": 6}', 1)
    (found,) = said(tmp_path, "salesforce.yaml", text)
    path = "read.account.columns.csm_sentiment.starts_with.5"
    assert found.endswith(f"{path}: 6 is out of range: csm_sentiment is 1 to 5")


def test_an_override_is_apart_for_as_long_as_readings_are_looked_at() -> None:
    """The limit that conditions are held against is the one of the assessment."""
    assert timedelta(days=APART.highest or 0) == HISTORY


def test_trends_are_the_ones_that_are_written() -> None:
    """The words that conditions are held against are those of the trend itself."""
    assert set(TRENDS) == {trend.RISING, trend.FALLING, trend.STEADY, trend.NEW}
