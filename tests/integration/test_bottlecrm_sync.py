"""Whole runs on BottleCRM: scores, a task, an escalation; then people and accidents."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bottlecrm
import pytest
import yaml
from bottlecrm_org import Org, is_escalation, prepared, real_time, timeless
from faulty_wire import Rule

from crm_health.config.load import load
from crm_health.errors import AuthError, Unavailable

if bottlecrm.environment() is None:
    pytest.skip(bottlecrm.ABSENT, allow_module_level=True)

ROOT = Path(__file__).parents[2]
PLAYBOOK = ROOT / "mappings" / "playbook.yaml"


@dataclass
class Base:
    """The org with its customers, by name."""

    org: Org
    first: str
    second: str
    case: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    """Three customers and a prospect; the first has a late case, and its alert does a task too."""
    folder = tmp_path_factory.mktemp("config")
    playbook = yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8"))
    late = playbook["alerts"]["sev1_past_sla"]
    shared = {name: value for name, value in late.items() if name not in ("does", "escalation")}
    text = {"subject": "{account}: call about the late case", "body": "Call them."}
    # What escalations ask for has tests of its own.
    playbook["escalations"]["support_issue"]["actions"] = {}
    playbook["severities"]["S1"]["tell_at_opening"] = False
    playbook["alerts"]["call_them"] = {**shared, "does": "task", "due_days": 3, "task": text}
    (folder / "playbook.yaml").write_text(yaml.safe_dump(playbook), encoding="utf-8")
    with bottlecrm.running() as crm, prepared(crm) as org:
        org.config = load(folder, crm="bottlecrm")
        ids = [org.customer(f"Customer {n}") for n in range(3)]
        org.person("POST", "/api/accounts/", {"name": "Prospect"})
        base = Base(org, ids[0], ids[1], org.late_case(ids[0], "Down since Monday"))
        crm.keep()
        yield base


@pytest.fixture
def base(made: Base, monkeypatch: pytest.MonkeyPatch) -> Base:
    """As it was at first, with the environment pointing at it."""
    made.org.crm.back()
    made.org.wire.rules.clear()
    for name, value in made.org.variables.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the state is kept."""
    return tmp_path / "state.sqlite"


def test_scores_a_task_and_an_escalation_and_then_nothing(base: Base, place: Path) -> None:
    """Customers alone are scored; one task, one escalation; a quiet sync writes nothing at all."""
    org = base.org
    report = org.sync(place)
    assert report.outcomes == {"done": 5}
    scored = org.crm.sql(
        "SELECT name FROM accounts WHERE custom_fields ->> 'health_band' IS NOT NULL ORDER BY name"
    )
    assert [row["name"] for row in scored] == ["Customer 0", "Customer 1", "Customer 2"]
    told = org.account(base.first)
    assert told["health_band"] in ("Red", "Yellow")
    assert told["health_open_escalations"] == 1
    task, escalation = sorted(org.tasks(), key=is_escalation)
    assert task["title"] == "Customer 0: call about the late case"
    assert task["custom_fields"]["health_episode_key"] == f"ch1:{base.first}:call_them:1"
    assert escalation["custom_fields"]["health_escalation_key"].startswith("ch1:")
    assert {str(one["account_id"]) for one in (task, escalation)} == {base.first}
    for _ in range(2):
        assert org.sync(place).outcomes == {}
        assert org.wire.writes == []


def test_a_lost_state_writes_nothing_twice(base: Base, place: Path, tmp_path: Path) -> None:
    """Everything that matters is read back from the CRM."""
    org = base.org
    org.sync(place)
    before = org.tasks()
    org.sync(tmp_path / "another.sqlite")
    assert org.tasks() == before
    assert org.wire.writes == []


def test_what_people_do_is_met_by_the_next_sync(base: Base, place: Path) -> None:
    """An account deleted, a case moved, a task done: nothing breaks, and nothing comes again."""
    org = base.org
    org.sync(place)
    task = next(t for t in org.tasks() if "call" in t["title"])
    org.person("PATCH", f"/api/tasks/{task['id']}/", {"status": "Completed"})
    org.sync(place)
    assert [t["status"] for t in org.tasks() if t["id"] == task["id"]] == ["Completed"]
    # The API moves no case; an admin's import or a merge of accounts does.
    org.crm.sql('UPDATE "case" SET account_id = %s WHERE id = %s', base.second, base.case)
    org.sync(place)
    opened = [str(t["account_id"]) for t in org.tasks() if t["status"] == "New"]
    assert base.second in opened
    org.person("DELETE", f"/api/cases/{base.case}/")
    org.person("DELETE", f"/api/accounts/{base.second}/")
    org.sync(place)
    assert org.sync(place).outcomes == {}


def test_a_task_that_was_taken_from_its_account_comes_back(base: Base, place: Path) -> None:
    """Without account or mark a read does not find it: both come back, what else it says stays."""
    org = base.org
    org.sync(place)
    task, escalation = sorted(org.tasks(), key=is_escalation)
    mine = {"title": "Mine now", "status": "In Progress", "account": None}
    org.person("PATCH", f"/api/tasks/{task['id']}/", mine)
    org.person("PATCH", f"/api/tasks/{escalation['id']}/", {"custom_fields": {"health_mark": ""}})
    org.sync(place)
    found = {str(t["id"]): t for t in org.tasks()}
    assert found.keys() == {str(task["id"]), str(escalation["id"])}
    assert {str(t["account_id"]) for t in found.values()} == {base.first}
    left = found[str(task["id"])]
    assert (left["title"], left["status"]) == ("Mine now", "In Progress")
    assert left["custom_fields"] == task["custom_fields"]
    for _ in range(2):
        assert org.sync(place).outcomes == {}
        assert org.wire.writes == []


def test_a_restart_of_the_crm_during_a_sync_changes_nothing_of_its_end(
    base: Base, place: Path, tmp_path: Path
) -> None:
    """The CRM is killed when the first write comes, and started again: the end is the same."""
    org = base.org
    org.sync(tmp_path / "undisturbed.sqlite")
    expected = _truth(org)
    org.crm.back()
    restarted = threading.Event()

    def restart() -> None:
        org.crm.stop()
        org.crm.start()
        restarted.set()

    def watch() -> None:
        while not org.wire.writes:
            if done.wait(0.005):
                return
        restart()

    done = threading.Event()
    watcher = threading.Thread(target=watch)
    org.wire.writes.clear()
    watcher.start()
    # Should it take long to come back, this run ends and says so.
    with suppress(Unavailable):
        org.sync(place, ports=real_time())
    done.set()
    watcher.join()
    assert restarted.is_set()
    # What the killed server did not answer, the next syncs settle.
    org.crm.sql("UPDATE saved_view SET created_at = now() - interval '1 hour'")
    org.sync(place)
    assert org.sync(place).outcomes == {}
    assert org.wire.writes == []
    assert _truth(org) == expected


def test_a_token_revoked_in_the_middle_ends_the_run(base: Base, place: Path) -> None:
    """The run says so and stops; with a token that is known the next one goes on."""
    org = base.org
    answered = org.wire.calls
    org.wire.rules.append(Rule("unavailable", "GET", "/api/cases/", times=1))
    log_event = org.log

    def revoke(event: str, **values: object) -> None:
        log_event(event, **values)
        org.crm.revoke()

    ports = real_time()
    with pytest.raises(AuthError, match="revoked"):
        org.sync(place, ports=type(ports)(**{**vars(ports), "log": revoke}))
    assert org.wire.calls > answered
    assert org.tasks() == []
    org.crm.restore_tokens()
    assert org.sync(place).outcomes == {"done": 5}


def _truth(org: Org) -> list[tuple[str, str]]:
    """What a sync writes, without ids and stamps that the CRM gives."""
    accounts = org.crm.sql("SELECT name, custom_fields FROM accounts")
    tasks = org.crm.sql(
        "SELECT t.title AS name, t.custom_fields || jsonb_build_object('', to_jsonb(ARRAY(SELECT"
        " a.profile_id FROM task_assigned_to a WHERE a.task_id = t.id))) AS custom_fields"
        " FROM task t"
    )
    told = [
        (one["name"], sorted(timeless(one["custom_fields"]).items())) for one in (*accounts, *tasks)
    ]
    return sorted((name, str(fields)) for name, fields in told)


def test_the_scopes_of_the_guide_are_what_it_takes(
    base: Base, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token with those for reading and writing does a whole sync; a lacking one is named."""
    guide = (ROOT / "docs" / "bottlecrm.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(): line for line in guide.splitlines() if line.count("|") == 3}
    scopes = re.findall(r"`([a-z-]+:(?:read|write))`", rows["reading"] + rows["writing"])
    assert len(scopes) == len(set(scopes)) > 10
    token = base.org.crm.new_token(scopes=scopes)
    monkeypatch.setenv("CRM_HEALTH_BOTTLECRM_TOKEN", token)
    assert base.org.sync(place).outcomes == {"done": 5}
    without = [scope for scope in scopes if scope != "saved-views:write"]
    base.org.crm.back()
    token = base.org.crm.new_token(scopes=without)
    monkeypatch.setenv("CRM_HEALTH_BOTTLECRM_TOKEN", token)
    with pytest.raises(AuthError, match="saved-views:write"):
        base.org.sync(place.with_name("other.sqlite"))
    assert base.org.tasks() == []


def test_the_guide_shows_what_the_api_answers(base: Base, place: Path) -> None:
    """An account, its task and its escalation; only numbers, days and ids are of another run."""
    org = base.org
    org.sync(place)
    task, escalation = sorted(org.tasks(), key=is_escalation)
    answers = [org.person("GET", f"/api/accounts/{base.first}/")["account_obj"]]
    for one in (task, escalation):
        answers.append(org.person("GET", f"/api/tasks/{one['id']}/")["task_obj"])
    guide = (ROOT / "docs" / "bottlecrm.md").read_text(encoding="utf-8")
    shown = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", guide, re.DOTALL)]
    assert len(shown) == len(answers)
    for example, answer in zip(shown, answers, strict=True):
        assert _masked(example) == _masked(_like(answer, example))


def test_closed_tasks_are_not_asked_each_time(base: Base, place: Path) -> None:
    """One that a person closed is asked once, and again once we write to it or it is reopened."""
    org = base.org
    org.sync(place)
    task = next(t for t in org.tasks() if "call" in t["title"])
    path = f"/api/tasks/{task['id']}/"
    org.person("PATCH", path, {"status": "Completed"})
    asked = Rule("none", "GET", path, times=9)
    org.wire.rules.append(asked)

    def syncs() -> tuple[int, int]:
        before = asked.fired
        org.sync(place)
        return asked.fired - before, len(org.wire.writes)

    assert syncs()[0] == 1
    assert syncs() == (0, 0)
    org.person("PATCH", f"/api/cases/{base.case}/", {"status": "Closed"})
    # The episode of the closed task is marked as cleared, which the next sync reads back.
    assert syncs()[0] == 0
    [custom] = [t["custom_fields"] for t in org.tasks() if t["id"] == task["id"]]
    assert "health_episode_cleared" in custom
    assert syncs() == (1, 0)
    assert syncs() == (0, 0)
    org.person("PATCH", path, {"status": "New"})
    assert syncs()[0] == 1


def _like(answer: Any, example: Any) -> Any:
    """Of an answer what the example shows; a text that ends in [...] is cut there."""
    if isinstance(example, dict):
        return {name: _like(answer.get(name), value) for name, value in example.items()}
    if isinstance(example, list):
        return [_like(*pair) for pair in zip(answer, example, strict=True)]
    if isinstance(example, str) and example.endswith("[...]"):
        # As many sentences.
        return ". ".join(str(answer).split(". ")[: example.count(". ")]) + ". [...]"
    return answer


def _masked(told: Any) -> str:
    """As text, without what differs from run to run."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", json.dumps(told))
    text = re.sub(r"#[0-9a-f]{8}\b", "#CHECK", text)
    text = re.sub(r"\|([ec])=[0-9a-f]+", r"|\1=SEAL", text)
    text = re.sub(r'(_seal": ")[^"]+', r"\1SEAL", text)
    return re.sub(r"\d+ [A-Z][a-z]{2} \d{4}|\d[\d.:TZ+-]*", "N", text)
