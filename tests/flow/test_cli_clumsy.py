"""Slips of a person at the command line: nothing is lost by them, and each is told."""

import json
from pathlib import Path

import pytest
import yaml
from tests.acceptance.cast import A1, account
from typer.testing import CliRunner

from postroom.cli.program import program


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSTROOM_DATABASE", f"sqlite:///{tmp_path / 'postroom.db'}")
    monkeypatch.chdir(tmp_path)
    listener = {"name": "erp", "account": A1, "url": "https://erp.example.com/"}
    document = {"accounts": [account(A1, "Acme")], "listeners": [listener]}
    path = tmp_path / "connect.yaml"
    path.write_text("# Ask Ann before you change this.\n" + yaml.safe_dump(document))
    run("apply", "connect.yaml", expect=0)
    return path


def run(*arguments: str, expect: int = 2) -> str:
    done = CliRunner().invoke(program, list(arguments))
    assert done.exit_code == expect, done.output
    return done.output


def test_a_plan_is_not_written_over_the_file_it_is_about(file: Path) -> None:
    before = file.read_text()
    assert "is no plan; name another file" in run("plan", "connect.yaml", "-o", "connect.yaml")
    assert file.read_text() == before
    run("plan", "connect.yaml", "-o", "plan.json", expect=0)
    run("plan", "connect.yaml", "-o", "plan.json", expect=0)


def test_an_export_is_written_over_something_only_by_force(file: Path) -> None:
    assert "overwrite it with --force" in run("export", "-o", "connect.yaml")
    assert "Ask Ann" in file.read_text()
    run("export", "-o", "connect.yaml", "--force", expect=0)
    assert "Exported by postroom" in file.read_text()


def test_a_plan_that_names_a_file_there_cannot_be_is_refused(file: Path) -> None:
    plan = {"postroom_plan": 1, "file": "\0", "prune": False, "fingerprint": "0" * 32}
    (file.parent / "plan.json").write_text(json.dumps(plan))
    assert "that is no file's name" in run("apply", "--plan", "plan.json")


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("days", ["inf", "nan", "1e9", "0"])
def test_days_that_are_no_days_are_refused_and_not_taken_for_thirty(days: str) -> None:
    assert "connect.yaml:1:1" not in run("plan", "connect.yaml", "--days", days)


@pytest.mark.usefixtures("file")
def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    period = ("--from", "2026-03-02", "--to", "2026-03-01")
    assert "from: give a moment before" in run("plan", "connect.yaml", *period)
    assert "from: give a moment before" in run("shadow", "erp", *period)


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("name", ["", "..", "a/b"])
def test_what_is_no_id_never_leads_to_another_route(name: str) -> None:
    assert "is no id and no name" in run("explain", "--envelope", name)
    assert "is no id and no name" in run("explain", "--listener", name, "--since", "2026-03-02")
