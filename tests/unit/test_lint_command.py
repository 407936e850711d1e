"""`postroom lint` as a command: what it reads, how it prints, how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.test_lint import ANYTHING, ARTICLE, SOUND, WORDS
from typer.testing import CliRunner, Result

from postroom.cli.program import program

WRONG = SOUND | {"requireAcknowledgement": "true"}


def run(*arguments: str | Path, expect: int) -> Result:
    done = CliRunner().invoke(program, ["lint", *map(str, arguments)])
    assert done.exit_code == expect, done.output
    return done


def written(folder: Path, name: str, document: Any) -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_clean_file_is_said_to_be_and_ends_with_0(tmp_path: Path) -> None:
    path = written(tmp_path, "erp.json", SOUND)
    done = run(path, expect=0)
    assert done.stdout == f"{path}: nothing to say against this Connect configuration.\n"


def test_findings_are_told_by_file_and_json_path_and_end_with_1(tmp_path: Path) -> None:
    clean = written(tmp_path, "clean.json", ARTICLE)
    path = written(tmp_path, "got.json", {"configurations": [SOUND, WRONG]})
    [first, second] = run(clean, path, expect=1).stdout.splitlines()
    assert first.endswith("nothing to say against this eventNotification.")
    assert second.startswith(f"{path}: configurations[1].requireAcknowledgement: ")
    assert second.endswith("did you mean requiresAcknowledgement?")


def test_findings_in_yaml_are_told_by_line_and_column_in_their_order(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "envelope.yaml",
        "emailSubject: Please sign\neventNotification:\n"
        "  url: https://apps.example.com/\n  includeHMAC: 'true'\n"
        "  events: [envelope-sent, envelope-snet]\n  enableLog: 'true'\n",
    )
    lines = run(path, expect=1).stdout.splitlines()
    assert [line.removeprefix(f"{path}:").split(" ")[:2] for line in lines] == [
        ["2:1:", "eventNotification.requireAcknowledgment:"],
        ["2:1:", "eventNotification.loggingEnabled:"],
        ["5:27:", "eventNotification.events[1]:"],
        ["6:3:", "eventNotification.enableLog:"],
    ]


def test_json_is_for_machines(tmp_path: Path) -> None:
    path = written(tmp_path, "erp.json", WRONG)
    yaml = written(tmp_path, "erp.yaml", "url: https://x.example.com/\nnonsense: 1\n")
    answer = json.loads(run(path, yaml, "--json", expect=1).stdout)
    [first, second] = answer["files"]
    assert first["file"] == str(path)
    assert first["kind"] == "Connect configuration"
    [finding] = first["findings"]
    assert finding["place"] == "requireAcknowledgement"
    assert (finding["line"], finding["column"]) == (None, None)
    assert (second["findings"][-1]["line"], second["findings"][-1]["place"]) == (2, "nonsense")
    assert answer["findings"] == 1 + len(second["findings"])


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("gone.json", None, "cannot read"),
        ("empty.yaml", "", "is empty"),
        ("broken.json", '{"url": ', "broken.json is not JSON"),
        ("comma.json", '{"url": "x",}', "comma.json is not JSON"),
        ("broken.yaml", "a: [", "broken.yaml:1:5: not valid YAML"),
        ("other.yaml", "hello: world", "other.yaml: this is neither"),
        ("deep.json", "[" * 100_000, "nested too deeply"),
        ("flat.json", "[" * 100 + "]" * 100, "nested deeper"),
        ("long.yaml", f"url: 0x{'f' * 5000}", "put it in quotes"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_hides_nothing_of_the_others(
    tmp_path: Path, name: str, text: str | None, says: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    other = written(tmp_path, "erp.json", WRONG)
    done = run(path, other, expect=2)
    assert says in done.stderr
    assert "requireAcknowledgement" in done.stdout
    assert json.loads(run(path, other, "--json", expect=2).stdout)["findings"] == 1


def test_a_byte_order_mark_and_tabs_are_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "erp.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(SOUND, indent="\t").encode())
    run(path, expect=0)


def test_offline_lets_http_to_loopback_pass(tmp_path: Path) -> None:
    path = written(tmp_path, "erp.json", ARTICLE | {"url": "http://127.0.0.1:9000/"})
    assert "https URL" in run(path, expect=1).stdout
    run("--offline", path, expect=0)


def test_what_a_file_holds_is_printed_as_text_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "erp.json", SOUND | {"[red]\x1b[31m": "x"})
    printed = run(path, expect=1).stdout
    assert "\x1b" not in printed
    assert "[red]" in printed


@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.dictionaries(WORDS, ANYTHING, max_size=4).map(lambda one: json.dumps(one).encode()),
    ),
    suffix=st.sampled_from([".json", ".yaml"]),
)
@settings(deadline=None)
def test_any_file_is_linted_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(content)
    done = CliRunner().invoke(program, ["lint", str(path)])
    assert done.exit_code in {0, 1, 2}
    assert done.exception is None or isinstance(done.exception, SystemExit)
