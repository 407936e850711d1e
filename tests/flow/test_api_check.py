"""Check over the API: the system, a document beside it, configurations."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1
from tests.flow.office import Office, office
from tests.unit.test_checking import configuration
from typer.testing import CliRunner

from postroom.cli.program import program

FIELD = "customFields.Integration"
URL = "https://listener.example.com/"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as opened:
        yield opened


def rules(checked: dict[str, Any]) -> set[str]:
    return {one["rule"] for one in checked["findings"]}


async def test_the_running_system_is_checked_where_nothing_is_given(desk: Office) -> None:
    await desk.apply(
        {"name": "erp", "lane": "x", "filter": {FIELD: "ERP"}}, {"name": "hr", "lane": "x"}
    )
    answer = await desk.post("/check", {})
    [checked] = answer["checked"]
    assert (checked["kind"], checked["listeners"], checked["pairs"]) == ("system", 2, 1)
    [overlap] = [one for one in checked["findings"] if one["rule"] == "overlap"]
    assert overlap["listeners"] == ["erp", "hr"]
    assert overlap["path"] is None
    assert not answer["is_clean"]


async def test_a_document_may_name_the_systems_accounts_and_changes_nothing(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    document = {"listeners": [{"name": "hr", "account": A1, "url": URL}]}
    [checked] = (await desk.post("/check", {"document": document}))["checked"]
    assert "unknown-account" not in rules(checked)
    assert [one["name"] for one in (await desk.get("/listeners"))["items"]] == ["erp"]


async def test_a_document_and_configurations_are_checked_together(desk: Office) -> None:
    document = {
        "accounts": [{"id": A1}],
        "listeners": [{"name": "hr", "account": A1, "url": URL, "filter": {FIELD: "HR"}}],
    }
    order = {"document": document, "configurations": configuration("feed")}
    first, second = (await desk.post("/check", order))["checked"]
    [lacking] = [one for one in first["findings"] if one["rule"] == "missing-include"]
    assert lacking["severity"] == "error"
    assert second["kind"] == "Connect configurations"


async def test_progress_and_proofs_come_to_who_asks_for_them(desk: Office) -> None:
    await desk.apply(
        *({"name": f"l{n}", "lane": "x", "filter": {FIELD: f"{n}"}} for n in range(40))
    )
    answer = await desk.http.post(
        "/api/v1/check",
        json={"proofs": True},
        headers={"Accept": "application/x-ndjson"},
    )
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[0]["progress"] == {"compared": 500, "total": 780}
    [checked] = lines[-1]["result"]["checked"]
    assert (checked["apart"], len(checked["proofs"])) == (780, 780)


async def test_a_document_that_is_none_is_refused_with_its_places(desk: Office) -> None:
    document = {"listeners": [{"nmae": "erp"}]}
    answer = await desk.post("/check", {"document": document}, expect=422)
    assert ["listeners", 0, "nmae"] in [one["path"] for one in answer["problems"]]
    await desk.post("/check", {"document": {}, "nonsense": 1}, expect=400)


def test_the_command_without_a_file_asks_the_system(tmp_path: Path) -> None:
    document = {
        "accounts": [{"id": A1, "unsigned": True}],
        "listeners": [
            {"name": name, "account": A1, "url": URL + name, "lane": "x"} for name in ("erp", "hr")
        ],
    }
    file, where = tmp_path / "connect.yaml", f"sqlite:///{tmp_path / 'x.db'}"
    file.write_text(json.dumps(document))
    runner = CliRunner()
    applied = runner.invoke(program, ["apply", str(file), "--database", where])
    assert applied.exit_code == 0, applied.output
    done = runner.invoke(program, ["check", "--database", where])
    assert done.exit_code == 1, done.output
    assert done.stdout.startswith("error: erp and hr of lane x can both get an envelope [overlap]")
    assert "the system: 2 listeners, 0 of 1 pairs proved apart" in done.stdout
