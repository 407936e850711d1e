"""`postroom check` as a command on files: what it prints, writes, and how it ends."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.sarif_rules import faults
from tests.unit.test_checking import configuration
from typer.testing import CliRunner, Result

from postroom.cli import sarif
from postroom.cli.program import program
from postroom.operations.checking.rules import RULES

CROSSED = """\
accounts:
  - id: a1000000-0000-4000-8000-000000000001
    name: Acme Corp
    keys: [{env: A_VARIABLE_THAT_NOBODY_SETS}]
listeners:
  - name: erp
    account: Acme Corp
    url: https://erp.example.com/
    lane: write-back
    filter: {customFields.Integration: ERP}
  - name: po
    account: Acme Corp
    url: https://po.example.com/
    lane: write-back
    filter: {envelope.emailSubject: {startsWith: "PO "}}
"""
APART = CROSSED.replace(
    '{envelope.emailSubject: {startsWith: "PO "}}', "{customFields.Integration: PO}"
)


REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def run(*arguments: str | Path, expect: int) -> Result:
    done = CliRunner().invoke(program, ["check", *map(str, arguments)])
    assert done.exit_code == expect, done.output
    return done


def written(folder: Path, name: str, document: Any) -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document, indent=1))
    return path


def test_an_overlap_is_told_by_line_and_column_with_an_envelope_and_ends_with_1(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, "connect.yaml", CROSSED)
    lines = run(path, expect=1).stdout.splitlines()
    assert lines[0] == (
        f"{path}:14:5: error: erp and po of lane write-back can both get an envelope [overlap]"
    )
    assert lines[1].lstrip().startswith("for example envelope-completed of sender@example.com with")
    assert 'custom field Integration "ERP"' in lines[1]
    assert 'subject "PO ' in lines[1]
    assert lines[-1].endswith("2 listeners, 0 of 1 pairs proved apart; 1 error, 3 notes.")


def test_what_is_proved_apart_ends_with_0_and_says_why_when_asked(tmp_path: Path) -> None:
    path = written(tmp_path, "connect.yaml", APART)
    assert "1 of 1 pairs proved apart" in run(path, expect=0).stdout
    assert "apart: erp and po: no value fits" in run(path, "--proofs", expect=0).stdout


def test_json_has_findings_places_witnesses_and_proofs(tmp_path: Path) -> None:
    crossed = written(tmp_path, "connect.yaml", CROSSED)
    apart = written(tmp_path, "apart.yaml", APART)
    answer = json.loads(run(crossed, apart, "--json", expect=1).stdout)
    first, second = answer["checked"]
    assert answer["is_clean"] is False
    overlap = first["findings"][0]
    assert (overlap["rule"], overlap["line"], overlap["column"]) == ("overlap", 14, 5)
    assert overlap["witness"]["message"]["event"] == "envelope-completed"
    assert second["file"] == str(apart)
    assert second["proofs"][0]["listeners"] == ["erp", "po"]


def test_sarif_is_sound_and_points_at_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deploy to").mkdir()
    written(tmp_path / "deploy to", "connect.yaml", CROSSED)
    written(tmp_path, "got.json", [configuration("A"), configuration("B")])
    run("deploy to/connect.yaml", "got.json", "--sarif", "check.sarif", expect=1)
    log = json.loads((tmp_path / "check.sarif").read_text())
    assert faults(log) == []
    [first] = [one for one in log["runs"][0]["results"] if one["ruleId"] == "overlap"]
    assert first["level"] == "error"
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "deploy%20to/connect.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 14, "startColumn": 5},
    }
    of_json = log["runs"][0]["results"][-1]["locations"][0]["physicalLocation"]
    assert of_json["artifactLocation"]["uri"] == "got.json"


def test_a_fingerprint_stays_while_lines_move(tmp_path: Path) -> None:
    def fingerprints(text: str) -> list[Any]:
        path = written(tmp_path, "connect.yaml", text)
        run(path, "--sarif", tmp_path / "check.sarif", expect=1)
        log = json.loads((tmp_path / "check.sarif").read_text())
        return [one["partialFingerprints"] for one in log["runs"][0]["results"]]

    assert fingerprints(CROSSED) == fingerprints(f"# moved\n\n{CROSSED}")


def test_no_two_findings_have_one_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    twin = CROSSED.replace("Acme Corp", "Acme UK").replace("a1000000", "a2000000")
    accounts, listeners = twin.removeprefix("accounts:\n").split("listeners:\n")
    both = CROSSED.replace("listeners:\n", f"{accounts}listeners:\n{listeners}")
    both = both.replace("lane: write-back", "lane: write-back\n    events: [Fou, Foe, Completed]")
    for name in ("prod", "staging"):
        (tmp_path / name).mkdir()
        written(tmp_path / name, "connect.yaml", both)
    run("prod/connect.yaml", "staging/connect.yaml", "--sarif", "check.sarif", expect=1)
    results = json.loads((tmp_path / "check.sarif").read_text())["runs"][0]["results"]
    fingerprints = [one["partialFingerprints"]["postroom/v2"] for one in results]
    assert sum(one["ruleId"] == "overlap" for one in results) == 4
    assert sum(one["ruleId"] == "unknown-event" for one in results) == 16
    assert len(set(fingerprints)) == len(fingerprints)


def test_a_finding_without_a_line_is_at_the_first_of_its_file() -> None:
    found: dict[str, Any] = {
        "rule": "gap",
        "severity": "note",
        "message": "m",
        "remedy": "r",
        "witness": None,
    }
    found |= {"listeners": (), "lane": None, "account_id": None, "line": None, "column": None}
    made = sarif.log([{"file": "a.json", "findings": [found]}], Path.cwd())
    [result] = made["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 1, "startColumn": 1}


def test_an_envelope_that_shows_it_has_an_event_there_is(tmp_path: Path) -> None:
    text = CROSSED.replace("lane: write-back", "lane: write-back\n    events: [Fou, Completed]")
    told = run(written(tmp_path, "connect.yaml", text), expect=1).stdout
    assert "for example envelope-completed of" in told


def test_the_written_down_rules_of_sarif_can_fail(tmp_path: Path) -> None:
    path = written(tmp_path, "connect.yaml", CROSSED)
    run(path, "--sarif", tmp_path / "check.sarif", expect=1)
    log = json.loads((tmp_path / "check.sarif").read_text())
    results = log["runs"][0]["results"]
    [at] = [n for n, one in enumerate(results) if one["ruleId"] == "overlap"]
    place = results[at]["locations"][0]["physicalLocation"]
    wrongs: tuple[dict[str, Any], ...] = (
        {"level": "fatal"},
        {"ruleId": "nothing"},
        {"ruleIndex": 3},
        {"message": {}},
        {"locations": [{"physicalLocation": place | {"region": {"startLine": 0}}}]},
        {"locations": [{"physicalLocation": {"artifactLocation": {"uri": "/etc/x"}}}]},
    )
    for wrong in wrongs:
        spoilt = copy.deepcopy(log)
        spoilt["runs"][0]["results"][at] |= wrong
        assert faults(spoilt)
    assert faults(log | {"version": "2.0.0"})


def test_findings_in_json_are_told_by_line_too(tmp_path: Path) -> None:
    path = written(
        tmp_path, "got.json", {"configurations": [configuration("A", enableLog="false")]}
    )
    at = path.read_text().splitlines().index('   "enableLog": "false",') + 1
    assert f"{path}:{at}:4: warning: A (221): Docusign's log" in run(path, expect=1).stdout


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("gone.yaml", None, "cannot read"),
        ("empty.yaml", "", "is empty"),
        ("other.yaml", "hello: world", "other.yaml is neither a connect.yaml nor"),
        ("broken.json", '{"configurations": ', "broken.json is not JSON"),
        ("deep.json", "[" * 100_000, "nested too deeply"),
        ("full.json", "[" * 60 + "]" * 60, "nested deeper"),
        ("shape.yaml", "listeners:\n  - nmae: erp\n", "shape.yaml:2:5: listeners[0].nmae"),
        ("none.json", '{"configurations": 7}', "no list of Connect configurations"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_says_where(
    tmp_path: Path, name: str, text: str | None, says: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    assert says in run(path, expect=2).stderr


def test_where_files_are_given_no_server_is_asked(tmp_path: Path) -> None:
    path = written(tmp_path, "connect.yaml", APART)
    done = run(path, "--server", "http://127.0.0.1:1", expect=2)
    assert "asks no server" in done.stderr


def test_what_a_file_says_is_printed_as_text_alone(tmp_path: Path) -> None:
    odd = CROSSED.replace("name: po", r'name: "[red]po"').replace("PO ", "P\\e[31m")
    shown = run(written(tmp_path, "connect.yaml", odd), expect=1).stdout
    assert "[red]po" in shown
    assert "\x1b" not in shown


def test_the_reference_lists_every_rule_and_no_other() -> None:
    page = (
        REFERENCE.read_text().partition("## `postroom check`")[2].partition("## `postroom lint`")[0]
    )
    assert set(re.findall(r"^\| `([a-z][a-z-]*)` \|", page, flags=re.MULTILINE)) == RULES.keys()
