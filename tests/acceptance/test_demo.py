"""`postroom demo`: the article played on this machine, told to people and to machines."""

import json
import os
import re
import signal
import subprocess
from typing import Any

import httpx
from tests.acceptance.gateway import COMMAND, PATIENCE_SECONDS


def demo(*flags: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  # our own command
        [*COMMAND, "demo", *flags],
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_machines_are_told_that_every_arrival_is_as_expected() -> None:
    done = demo("--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["problems"] == []
    got = {
        (row["title"], cell["listener"]): cell["delivered"]
        for row in told["rows"]
        for cell in row["cells"]
    }
    ended = ["envelope-sent", "envelope-completed"]
    declined = ["envelope-sent", "envelope-declined"]
    flagged = 'Order, sent by user 567, flagged "Integration A"'
    assert {where: events for where, events in got.items() if events} == {
        ("Quote, sent by user 123", "AAA"): ended,
        ("Quote, sent by user 123", "audit"): ended,
        ("Order, sent by user 567", "BBB"): declined,
        ("Order, sent by user 567", "audit"): declined,
        ("NDA, sent by Alice in the web app", "audit"): ended,
        ('Lease, sent by Bob, flagged "Integration A"', "CCC"): ended,
        ('Lease, sent by Bob, flagged "Integration A"', "audit"): ended,
        (flagged, "BBB"): ended,
        (flagged, "CCC"): ended,
        (flagged, "audit"): ended,
        ("Offer of the sub-account, sent by Grace", "UK"): ended,
    }
    retries = {one["listener"]: one["retries"] for one in told["tries"]}
    assert retries == {"AAA": 0, "BBB": 2, "CCC": 0, "audit": 0, "UK": 0}
    assert len(told["unclaimed"]) == 1
    reasons = {cell["why_not"] for cell in _empty_cells(told)}
    assert "wants only users aaa@acme.test; this has alice@acme.test" in reasons
    assert None not in reasons


def test_people_are_told_who_got_what_and_why_not_in_a_table() -> None:
    done = demo()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "Who got what, or why not" in done.stdout
    assert "✓ declined" in done.stdout
    assert "wants only users" in done.stdout
    assert "another account" in done.stdout
    assert "Every listener got exactly what it should" in done.stdout


def test_kept_it_goes_on_serving_until_it_is_ended_and_then_leaves_nothing_behind() -> None:
    with subprocess.Popen(  # noqa: S603  # our own command
        [*COMMAND, "demo", "--keep"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url, token = "", ""
        for line in process.stdout:
            if found := re.search(r"POSTROOM_SERVER=(\S+) POSTROOM_TOKEN=(\S+)", line):
                url, token = found.groups()
            if "Ctrl+C ends it" in line:
                break
        headers = {"Authorization": f"Bearer {token}"}
        listeners = httpx.get(f"{url}/api/v1/listeners", headers=headers).json()["items"]
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        process.wait(PATIENCE_SECONDS)
    assert sorted(one["name"] for one in listeners) == ["AAA", "BBB", "CCC", "UK", "audit"]
    assert process.returncode == 128 + signal.SIGTERM
    with httpx.Client() as client:
        try:
            client.get(f"{url}/readyz")
        except httpx.ConnectError:
            return
    raise AssertionError("the server is still there")


def _empty_cells(told: Any) -> list[Any]:
    return [cell for row in told["rows"] for cell in row["cells"] if not cell["delivered"]]
