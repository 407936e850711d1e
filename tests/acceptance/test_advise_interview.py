"""The interview of `postroom advise`: on a terminal it asks, anywhere else it says what to give."""

import os
import pty
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from tests.acceptance.cast import A1
from tests.acceptance.gateway import COMMAND, PATIENCE_SECONDS
from tests.acceptance.how_to import ROOT
from tests.acceptance.tutorial import Tutorial

from postroom.operations.advising.facts import (
    AccountFactsPart,
    FactsPart,
    FieldPart,
    IntegrationPart,
)

OURS = ("POSTROOM_SERVER", "POSTROOM_TOKEN", "POSTROOM_DATABASE", "POSTROOM_ADMIN_TOKEN")


def advise(
    folder: Path, *flags: str, answers: Sequence[str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run it in a folder; with answers its standard input is a terminal that they are typed at."""
    ours, theirs = pty.openpty() if answers is not None else (None, None)
    if ours is not None:
        os.write(ours, "".join(f"{one}\n" for one in answers or ()).encode())
    try:
        return subprocess.run(  # noqa: S603  # our own command
            [*COMMAND, "advise", *flags],
            stdin=subprocess.DEVNULL if theirs is None else theirs,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name not in OURS},
        )
    finally:
        for end in (ours, theirs):
            if end is not None:
                os.close(end)


ANSWERS = (
    *("not a guid", A1, "Acme Corp", "y", "", "3"),
    *("crm", "nowhere", "https://crm.example.com/l", "n", "svc@example.com", "y"),
    *("Integration=CRM", "", "n", ""),
    *("erp", "https://erp.example.com/l", "", "svc@example.com", "", "Integration=ERP"),
    *("always", "y", "y", "n"),
    *("audit", "https://audit.example.com/l", "y"),
)
END_OF_FILE = "\x04"


def test_the_answers_are_the_facts_and_a_second_time_need_not_be_given(tmp_path: Path) -> None:
    done = advise(tmp_path, "--out", "advised", answers=ANSWERS)
    assert done.returncode == 0, done.stdout + done.stderr
    asked = done.stdout + done.stderr
    assert "A GUID has 32 hex digits" in asked
    assert "the URL must start with https://" in asked
    assert "Docusign does not filter by custom fields; Postroom does." in asked, "why it is asked"
    written = yaml.safe_load((tmp_path / "advised" / "connect.yaml").read_text())
    assert [one["name"] for one in written["listeners"]] == ["crm", "erp", "audit"]
    again = advise(tmp_path, "--facts", "advised/facts.yaml")
    assert again.returncode == 0, again.stderr
    rows = {line.split()[0]: line.split()[1:4] for line in again.stdout.splitlines()[1:4]}
    assert rows["crm"] == rows["erp"] == ["4", "+", "3"]
    assert rows["audit"][0] == "2"


def test_an_interview_broken_off_writes_nothing(tmp_path: Path) -> None:
    done = advise(tmp_path, "--out", "advised", answers=(A1, "Acme Corp", END_OF_FILE))
    assert done.returncode == 2
    assert "broken off" in done.stderr
    assert not (tmp_path / "advised").exists()


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_where_nobody_can_be_asked_it_says_what_to_give(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    done = advise(tmp_path, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert "give --facts FILE, or --from-traffic" in done.stderr


def test_what_is_there_already_is_not_overwritten_unless_forced(tmp_path: Path) -> None:
    facts = {
        "accounts": [{"id": A1}],
        "integrations": [{"name": "crm", "url": "https://crm.example.com/l"}],
    }
    (tmp_path / "facts.yaml").write_text(yaml.safe_dump(facts))
    (tmp_path / "connect.yaml").write_text("mine")
    flags = ("--facts", "facts.yaml", "--out", ".")
    refused = advise(tmp_path, *flags)
    assert (refused.returncode, (tmp_path / "connect.yaml").read_text()) == (4, "mine")
    assert "connect.yaml already" in refused.stderr
    assert not (tmp_path / "connect-configurations.json").exists()
    assert advise(tmp_path, *flags, "--force").returncode == 0
    assert "crm" in (tmp_path / "connect.yaml").read_text()


def test_a_wrong_fact_is_told_with_its_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "facts.yaml").write_text(
        f"accounts:\n  - id: {A1}\nintegrations:\n  - name: crm\n    url: nowhere\n    sendrs: []\n"
    )
    refused = advise(tmp_path, "--facts", "facts.yaml")
    assert refused.returncode == 2
    assert "facts.yaml:6:5: integrations[0].sendrs: unknown key; did you mean senders?" in (
        refused.stderr
    )


def test_the_how_to_goes_as_its_page_shows(tmp_path: Path) -> None:
    page = Tutorial("how-to/let-postroom-choose.md", tmp_path)
    page.follow()
    assert (tmp_path / "advised" / "connect.yaml").exists()


def test_every_fact_there_is_stands_on_the_page() -> None:
    text = (ROOT / "docs" / "how-to" / "let-postroom-choose.md").read_text()
    parts = (FactsPart, AccountFactsPart, IntegrationPart, FieldPart)
    assert [name for one in parts for name in one.model_fields if name not in text] == []
    rows = "".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    told = (*FactsPart.model_fields, *IntegrationPart.model_fields)
    assert [name for name in told if f"`{name}`" not in rows] == []
