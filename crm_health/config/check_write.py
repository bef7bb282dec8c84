"""Does `write:` make sense: fields of our own, each written once, and statuses that differ."""

from __future__ import annotations

from crm_health.config.check_feeds import NAME, PATH
from crm_health.config.checker import Checker
from crm_health.config.mapping import EpisodeOut, EscalationOut, TaskOut, Write
from crm_health.config.problems import nearest
from crm_health.entities import ACCOUNT_OUTPUTS, HELD, PROGRAMMES

_PEOPLES = (
    "id name ownerid parentid type amount annualrevenue industry numberofemployees rating phone "
    "website description accountnumber accountsource recordtypeid isdeleted ownership site domain "
    "masterrecordid createddate createdbyid lastmodifieddate lastmodifiedbyid systemmodstamp "
    "billingcountry currencyisocode sic tickersymbol hubspot_owner_id lifecyclestage "
    "hs_lead_status hs_object_id"
)
#: Account fields that belong to people and other systems, without case.
_DENIED = frozenset(_PEOPLES.split())
_KEYS = (
    "key seal subject body owner due priority status account contact alert feedback told name "
    "reason severity "
    "department source opened acknowledged next_update breached resolved cleared log evidence "
    "actions ends_when resolution score band tier value"
)
#: Keys of a task, episode or escalation that name a field of the CRM.
_TARGETS = frozenset(_KEYS.split())
#: Where the CRM has no lookup field but an association, its path.
_LINKS = frozenset({"account", "contact"})
#: Without these there is no state to come back to.
_NEEDED = ("score", "band", "band_since", "memory")


def check_write(check: Checker, write: Write) -> None:
    """Check all that would be written."""
    _account(check, write)
    _named_outputs(check, write)
    _record(check, "task", write.task)
    _record(check, "episode", write.episode)
    _record(check, "escalation", write.escalation)
    _statuses(check, write.task, write.escalation)


def _account(check: Checker, write: Write) -> None:
    for output in _NEEDED:
        if output not in write.account:
            check.add(("write", "account"), f"{output} is missing: state is kept in it")
    seen: dict[str, str] = {}
    targets = [(("write", "account", output), field) for output, field in write.account.items()]
    if write.episode.claims is not None:
        targets.append((("write", "episode", "claims"), write.episode.claims))
    for path, target in targets:
        output = path[-1]
        if path[1] == "account" and output not in ACCOUNT_OUTPUTS:
            check.add(path, "there is no such output", nearest(output, ACCOUNT_OUTPUTS))
        if not NAME.fullmatch(target):
            check.add(path, "is not the name of a CRM field")
        elif target.lower() in _DENIED:
            check.add(path, f"{target} is not ours to write", "make a field of its own")
        if target.lower() in seen:
            check.add(path, f"{target} is written twice: {seen[target.lower()]} goes there too")
        seen[target.lower()] = output
    for output in sorted(HELD & write.account.keys()):
        lacking = sorted({f"{output}_since", "programmes"} - write.account.keys())
        if lacking:
            what = f"is nothing to go on from without {' and '.join(lacking)}"
            check.add(("write", "account", output), what, "add them, or remove it")


def _named_outputs(check: Checker, write: Write) -> None:
    """What is said of outputs elsewhere: people's edits, and words of picklists."""
    for output, policy in write.edits.items():
        path = ("write", "edits", output)
        if output not in write.account:
            check.add(path, "is not written", nearest(output, write.account))
        elif output in HELD and policy != "theirs":
            check.add(path, "must be `theirs`: a person's choice holds, and we go on from it")
        elif output in PROGRAMMES and output not in HELD and policy != "ours":
            check.add(path, "must be `ours`: nobody's choice stands there for long")
    for output in sorted(write.words.keys() - write.account.keys()):
        check.add(("write", "words", output), "is not written", nearest(output, write.account))


def _record(check: Checker, what: str, record: TaskOut | EpisodeOut | EscalationOut) -> None:
    path = ("write", what)
    if not NAME.fullmatch(record.object):
        check.add((*path, "object"), "is not the name of a CRM object")
    seen: dict[str, str] = {}
    for name in type(record).model_fields:
        target = getattr(record, name)
        # What is left are statuses, and a field that is not mapped.
        if name not in _TARGETS or target is None:
            continue
        if not (PATH if name in _LINKS else NAME).fullmatch(target):
            check.add((*path, name), "is not the name of a CRM field")
        if target.lower() in seen:
            check.add((*path, name), f"{target} is written twice: {seen[target.lower()]} too")
        seen[target.lower()] = name
    for target in () if isinstance(record, EpisodeOut) else record.constants:
        if not NAME.fullmatch(target):
            check.add((*path, "constants", target), "is not the name of a CRM field")
        if target.lower() in seen:
            other = seen[target.lower()]
            check.add((*path, "constants", target), f"is written twice: {other} too")


def _statuses(check: Checker, task: TaskOut, escalation: EscalationOut) -> None:
    if task.open_status == task.done_status:
        check.add(("write", "task", "done_status"), "is the same as open_status")
    for severity in ("high", "medium", "low"):
        if severity not in task.priorities:
            check.add(("write", "task", "priorities"), f"{severity} is missing")
    for status in ("open", "resolved"):
        if status not in escalation.statuses:
            check.add(("write", "escalation", "statuses"), f"{status} is missing")
    path = ("write", "escalation", "closed_statuses")
    if escalation.statuses.get("resolved", "") not in escalation.closed_statuses:
        check.add(path, "must hold the resolved status")
    seen: dict[str, str] = {}
    for word, status in escalation.statuses.items():
        if word != "resolved" and status in escalation.closed_statuses:
            check.add(path, f"can't hold the {word} status")
        other = seen.setdefault(status, word)
        if other != word:
            check.add(("write", "escalation", "statuses", word), f"is the same as {other}")
