"""Loading a folder: defaults for what it lacks, and every problem of all files at once."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from pydantic import ValidationError

from crm_health.config import schema
from crm_health.config.load import load, unchecked
from crm_health.config.problems import ConfigProblems, Problem, Severity
from crm_health.entities import Kind

FILES = ("salesforce.yaml", "model.yaml", "playbook.yaml")


def default(name: str) -> str:
    return (resources.files("mappings") / name).read_text("utf-8")


def edited(folder: Path, name: str, old: str, new: str) -> Path:
    """A folder with one default file in which one text is replaced."""
    text = default(name)
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), "utf-8")
    return folder


def problems_of(folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(ConfigProblems) as caught:
        load(folder)
    return tuple(caught.value.problems)


def test_the_defaults_load_without_a_warning() -> None:
    """A company that edits nothing has a configuration that we have nothing to say of."""
    config = load()
    assert config.warnings == ()
    assert config.files == dict.fromkeys(FILES, "packaged default")
    assert config.model.measures["licence_use"].curve == {0.1: 0, 0.5: 50, 0.75: 80, 1.0: 100}
    assert config.mapping.read["activity"][0].extra["call_seconds"].type is Kind.NUMBER


def test_a_loaded_configuration_can_not_be_changed() -> None:
    """Values are frozen: nothing in a run can alter what was checked."""
    with pytest.raises(ValidationError):
        load().model.time_zone = "Mars"  # type: ignore[misc]


def test_a_folder_overrides_file_by_file(tmp_path: Path) -> None:
    """A file that the folder has is taken from it, the others are the defaults."""
    edited(tmp_path, "model.yaml", 'time_zone: ""', "time_zone: Europe/Berlin")
    config = load(tmp_path)
    assert config.model.time_zone == "Europe/Berlin"
    assert config.files["model.yaml"] == str(tmp_path / "model.yaml")
    assert config.files["playbook.yaml"] == "packaged default"


def test_the_digest_follows_the_values_only(tmp_path: Path) -> None:
    """Comments and layout don't ask for a rescoring; a changed value or order does."""
    first = load().digest
    (tmp_path / "model.yaml").write_text("# mine\n" + default("model.yaml"), "utf-8")
    assert load(tmp_path).digest == first
    edited(tmp_path, "model.yaml", "new_value: 8", "new_value: 9")
    assert load(tmp_path).digest != first
    edited(tmp_path, "model.yaml", "holidays: null", "holidays: DE")
    assert load(tmp_path).digest != first


def test_the_digest_is_known_without_the_check(tmp_path: Path) -> None:
    """It is the checked one's, and none where a file says what no configuration can."""
    (tmp_path / "playbook.yaml").write_text(default("playbook.yaml") + "\n# a comment\n")
    found, checked = unchecked(tmp_path), load(tmp_path)
    assert found is not None
    assert found.digest == checked.digest == load(None).digest
    assert found.playbook.lifecycle == checked.playbook.lifecycle
    (tmp_path / "playbook.yaml").write_text("tasks_a_day: many\n")
    assert unchecked(tmp_path) is None


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    """Shape and sense, in three files: one run of the check shows them all."""
    edited(tmp_path, "salesforce.yaml", "score: Health_Score__c", "score: Name")
    edited(tmp_path, "playbook.yaml", "department: Support", "department: Suport")
    text = default("model.yaml").replace("dimension: value", "dimention: value", 1)
    text = text.replace("renewal_open = 0", "renewal_opne = 0")
    text = text.replace("holidays: null", "holidays: 5")
    (tmp_path / "model.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path)
    found = [(p.file, p.path) for p in caught.value.problems]
    assert found == [
        ("model.yaml", "holidays"),
        ("model.yaml", "derived.steps_missing"),
        ("model.yaml", "measures.renewal_runway.dimension"),
        ("model.yaml", "measures.renewal_runway.dimention"),
        ("playbook.yaml", "escalations.support_issue.department"),
        ("salesforce.yaml", "read.account.columns.name"),
        ("salesforce.yaml", "write.account.score"),
    ]
    assert caught.value.exit_code == 78
    assert "did you mean 'Support'?" in caught.value.message


def test_a_broken_mapping_hides_nothing_of_the_model(tmp_path: Path) -> None:
    """Extra columns of a mapping that can't be used are known by name: no second problem."""
    text = default("salesforce.yaml").replace("type: boolean", "type: bolean")
    (tmp_path / "salesforce.yaml").write_text(text, "utf-8")
    edited(tmp_path, "model.yaml", "where: is_active, take: min", "where: competitor, take: min")
    found = problems_of(tmp_path)
    assert [p.path for p in found] == ["read.subscription.extra.competitor.type"]


def test_a_broken_fact_is_one_problem(tmp_path: Path) -> None:
    """What reads a broken fact is not reported as well."""
    edited(tmp_path, "model.yaml", "take: sum(quantity)", "take: sum(quantty)")
    found = problems_of(tmp_path)
    assert [p.path for p in found] == ["facts.seats_bought.take"]
    assert found[0].hint == "did you mean 'quantity'?"


@pytest.mark.parametrize("name", FILES)
def test_an_unreadable_file_is_a_problem_of_that_file_only(tmp_path: Path, name: str) -> None:
    """Broken YAML in one file leaves the other two checked and silent."""
    (tmp_path / name).write_text("a: [1\n", "utf-8")
    assert {p.file for p in problems_of(tmp_path)} == {name}


@pytest.mark.parametrize("content", ["[]", "just text", "5"])
def test_a_file_that_is_no_mapping(tmp_path: Path, content: str) -> None:
    """A list or a word where a mapping must be is one clear problem."""
    (tmp_path / "model.yaml").write_text(content, "utf-8")
    found = problems_of(tmp_path)
    assert len(found) == 1
    assert found[0].message.startswith("must be a mapping")


def test_a_missing_folder_and_a_misspelt_file(tmp_path: Path) -> None:
    """Neither falls back to the defaults in silence."""
    assert "no such configuration folder" in problems_of(tmp_path / "nowhere")[0].message
    (tmp_path / "modell.yaml").write_text("", "utf-8")
    assert problems_of(tmp_path)[0].hint == "did you mean 'model.yaml'?"


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    """What can't be opened is named, with the system's reason."""
    (tmp_path / "model.yaml").mkdir()
    assert problems_of(tmp_path)[0].message.startswith("can't be read")


def test_an_unknown_crm_has_no_default() -> None:
    """A connector without a packaged mapping needs one in the folder."""
    with pytest.raises(ConfigProblems, match=r"nothingcrm\.yaml: there is no such file"):
        load(crm="nothingcrm")


def test_warnings_do_not_stop(tmp_path: Path) -> None:
    """A fact that nothing reads is said, and the configuration is used."""
    training = "365\n    take: count(*)\n"
    edited(tmp_path, "model.yaml", f"{training}    note: for your own measures\n", training)
    found = load(tmp_path).warnings
    assert [(w.path, w.severity) for w in found] == [("facts.trainings_365", Severity.WARNING)]
    assert found[0].text().startswith("model.yaml:")


def test_the_schemas_beside_the_defaults_are_fresh() -> None:
    """Editors see what the loader accepts: `python -m crm_health.config.schema` renews them."""
    for name, text in schema.schemas().items():
        assert default(name) == text, f"{name} is stale"
