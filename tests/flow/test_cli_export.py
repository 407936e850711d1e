"""`postroom export`, as a person types it: what it writes can be applied, and changes nothing."""

import json
from pathlib import Path

import pytest
import yaml
from tests.acceptance.cast import A1, KA1, account
from typer.testing import CliRunner

from postroom.cli import connect_text
from postroom.cli.program import program

NAMES = "Acme # Corp"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSTROOM_DATABASE", f"sqlite:///{tmp_path / 'postroom.db'}")
    monkeypatch.chdir(tmp_path)
    listener = {"name": "erp", "account": A1, "url": "https://erp.example.com/", "retry": [1, 2.5]}
    document = {"accounts": [account(A1, NAMES)], "listeners": [listener]}
    (tmp_path / "connect.yaml").write_text(yaml.safe_dump(document))
    run("apply", "connect.yaml")
    return tmp_path


def run(*arguments: str, expect: int = 0) -> str:
    done = CliRunner().invoke(program, list(arguments))
    assert done.exit_code == expect, done.output
    return done.stdout


def test_what_is_written_can_be_applied_and_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "set: ACME_CORP_CONNECT_KEY" in run("export", "-o", "exported.yaml")
    text = (folder / "exported.yaml").read_text()
    assert KA1 not in text
    assert "ACME_CORP_CONNECT_KEY  a key of account" in text
    assert "ACME_CORP_CONNECT_KEY is not set" in run_errors("apply", "exported.yaml")
    monkeypatch.setenv("ACME_CORP_CONNECT_KEY", KA1)
    assert "0 would change, 2 stayed" in run("apply", "--dry-run", "exported.yaml")
    run("diff", "exported.yaml")


def run_errors(*arguments: str) -> str:
    done = CliRunner().invoke(program, list(arguments))
    assert done.exit_code == 2
    return done.output


@pytest.mark.usefixtures("folder")
def test_without_a_file_it_is_printed_as_yaml_or_as_json() -> None:
    printed = yaml.safe_load(run("export"))
    shown = json.loads(run("export", "--json"))
    assert shown["document"] == printed
    assert printed["accounts"][0]["name"] == NAMES
    assert printed["listeners"][0]["retry"] == [1, 2.5]


def test_nothing_in_the_head_can_get_out_of_the_comment() -> None:
    text = connect_text.written({"lanes": []}, ["Acme\naccounts: []", "a\x85b: c", "\u2028d: e"])
    head, _, rest = text.partition("lanes:")
    assert rest == " []\n"
    assert all(line.startswith("#") or not line for line in head.splitlines())


@pytest.mark.usefixtures("folder")
def test_an_account_that_is_not_there_is_told() -> None:
    run("export", "--account", "Nobody", expect=3)
