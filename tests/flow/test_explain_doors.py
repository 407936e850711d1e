"""The three explanations as asked over HTTP and on the command line."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, envelope_id
from tests.flow.office import Office, office
from typer.testing import CliRunner

from postroom.cli.program import program

ERP = {"customFields.Integration": "ERP"}
SINCE = "2026-03-01T00:00:00Z"
NEARLY = 'custom field Integration was "erp " (trailing space, case differs), wanted "ERP"'


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as one:
        await one.apply({"name": "ERP", "filter": ERP, "events": ["completed"]}, {"name": "all"})
        yield one


async def moved(desk: Office) -> None:
    """Let a minute pass: a range ends before what comes at its end."""
    await desk.post("/clock", {"advance_seconds": 60})


async def test_a_notifications_explanation_has_a_sentence_and_its_structure(desk: Office) -> None:
    kept = await desk.feed(1, Integration="erp ")
    await desk.quiet()
    found = await desk.get(f"/notifications/{kept}/explanation")
    erp, everyone = found["listeners"]
    assert erp["sentence"] == f"not delivered to ERP: {NEARLY}"
    assert (erp["against"], erp["reason"]) == ("content", NEARLY)
    assert erp["nearly"] == {
        "path": "customFields.Integration",
        "seen": "erp ",
        "wanted": "ERP",
        "how": ["trailing space", "case differs"],
    }
    assert everyone["sentence"].startswith("all: given up after 1 attempt: connect")
    assert found["origin"] == "feed"


async def test_what_waits_says_behind_what_and_why_that_is_not_gone_yet(desk: Office) -> None:
    await desk.apply({"name": "all"})
    await desk.post("/listeners/all/pause")
    await desk.feed(1, "envelope-sent")
    kept = await desk.feed(1, "envelope-completed")
    (one,) = (await desk.get(f"/notifications/{kept}/explanation", listener="all"))["listeners"]
    assert one["outcome"] == "pending"
    assert one["summary"].startswith("waiting behind envelope-sent of the same envelope")
    assert "it is paused since 2026-03-02T09:00:00.000Z" in one["summary"]


async def test_an_envelopes_history_is_asked_by_its_id_in_any_case(desk: Office) -> None:
    await desk.feed(1, "envelope-sent", Integration="erp ")
    await desk.feed(1, "envelope-completed", Integration="erp ")
    await desk.quiet()
    found = await desk.get(f"/envelopes/{envelope_id(1).upper()}/explanation", account="Acme Corp")
    assert [row["event"] for row in found["events"]] == ["envelope-sent", "envelope-completed"]
    assert found["listeners"] == ["ERP", "all"]
    narrow = await desk.get(f"/envelopes/{envelope_id(1)}/explanation", listener="ERP")
    assert narrow["listeners"] == ["ERP"]
    unseen = await desk.get(f"/envelopes/{envelope_id(9)}/explanation")
    assert (unseen["events"], unseen["account_ids"]) == ([], [])
    assert unseen["checks"]


async def test_a_silence_tells_its_progress_line_by_line_and_its_result_last(desk: Office) -> None:
    await desk.feed(1, Integration="erp ")
    await desk.quiet()
    await moved(desk)
    answer = await desk.http.post(
        "/api/v1/listeners/ERP/explanation",
        json={"since": SINCE, "account": A1},
        headers={"Accept": "application/x-ndjson"},
    )
    *told, last = [json.loads(line) for line in answer.text.splitlines()]
    assert told == [{"progress": {"looked_at": 1, "owed": 0}}]
    plain = await desk.post("/listeners/ERP/explanation", {"since": SINCE})
    assert last["result"]["reasons"] == plain["reasons"]
    assert plain["near_misses"][0]["count"] == 1


@pytest.mark.parametrize(
    ("path", "order", "status"),
    [
        ("/listeners/nobody/explanation", {"since": SINCE}, 404),
        ("/listeners/ERP/explanation", {"since": "soon"}, 422),
        ("/listeners/ERP/explanation", {"since": "2033-01-01"}, 422),
        ("/listeners/ERP/explanation", {}, 400),
        ("/listeners/ERP/explanation", {"since": "x" * 501}, 400),
        ("/listeners/ERP/explanation", {"since": SINCE, "bogus": 1}, 400),
        ("/listeners/ERP/explanation", {"since": SINCE, "account": "nobody"}, 404),
    ],
)
async def test_what_cannot_be_explained_is_refused(
    desk: Office, path: str, order: dict[str, Any], status: int
) -> None:
    await desk.post(path, order, expect=status)


async def test_an_envelope_of_no_name_or_of_a_stranger_is_refused(desk: Office) -> None:
    for path, status in (
        (f"/envelopes/{envelope_id(1)}/explanation?account=nobody", 404),
        (f"/envelopes/{envelope_id(1)}/explanation?listener=nobody", 404),
        ("/envelopes/%00/explanation", 422),
    ):
        await desk.ask("GET", path, expect=status)


# --- the command line ---


@pytest.fixture
async def database(tmp_path: Path) -> str:
    """Return a database in which one envelope nearly reached the ERP."""
    async with office(tmp_path) as desk:
        await desk.apply({"name": "ERP", "filter": ERP, "events": ["completed"]}, {"name": "all"})
        await desk.feed(1, "envelope-sent", Integration="erp ")
        await desk.feed(1, "envelope-completed", Integration="erp ")
        await desk.quiet()
    return f"sqlite:///{tmp_path / 'postroom.db'}"


def run(database: str, *arguments: str, expect: int = 0) -> str:
    environment = {"COLUMNS": "300", "POSTROOM_SERVER": "", "POSTROOM_TOKEN": ""}
    given = ["explain", *arguments, "--database", database]
    done = CliRunner().invoke(program, given, env=environment)
    assert done.exit_code == expect, done.output
    return done.output


def test_an_envelopes_history_is_a_matrix_with_a_legend_and_sentences(database: str) -> None:
    said = run(database, "--envelope", envelope_id(1))
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "happened (UTC) event marks ERP all" in lines
    assert any("envelope-completed - nearly ✗ connect" in line for line in lines)
    assert "✗ given up - not wanted" in lines
    assert f"- not delivered to ERP: {NEARLY} [envelope-completed]" in lines


def test_a_silence_is_a_verdict_with_counts_and_near_misses(database: str) -> None:
    said = run(database, "--listener", "ERP", "--since", SINCE)
    assert "Of 2 notifications since" in said
    assert "1 by event (envelope-sent 1)" in said
    assert '"erp "' in said
    found = json.loads(run(database, "--listener", "ERP", "--since", SINCE, "--json"))
    assert found["not_owed"] == 2


def test_an_unseen_envelope_is_told_what_to_check(database: str) -> None:
    said = run(database, "--envelope", envelope_id(9))
    assert "Nothing has ever come of this envelope" in said
    assert "postroom reconcile" in said


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--listener", "ERP"),
        ("--since", SINCE),
        ("evt_0", "--envelope", "x"),
        ("evt_0", "--account", "x"),
        ("--envelope", "x", "--listener", "ERP", "--since", SINCE),
    ],
)
def test_what_is_not_one_of_the_three_is_told_how_to_ask(
    database: str, arguments: tuple[str, ...]
) -> None:
    assert "explain what?" in run(database, *arguments, expect=2)


def test_a_listener_named_twice_is_refused(database: str) -> None:
    assert "once" in run(database, "evt_0", "ERP", "--listener", "ERP", expect=2)
