"""The main path through real processes: a server, and commands against it and its database."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.acceptance.cast import A1, KEYS, account, envelope, signed_headers
from tests.flow.office import NOWHERE

from postroom.envelopes.sim_message import message

TOKEN = "main-path-admin-token-0123456789"
COMMAND = (sys.executable, "-m", "postroom")
OURS = ("POSTROOM_SERVER", "POSTROOM_TOKEN", "POSTROOM_ADMIN_TOKEN")
BARE = {name: value for name, value in os.environ.items() if name not in OURS}
OCCURRED_AT = 1_772_442_000_000_000


def run(*arguments: str, expect: int = 0, **environment: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(  # noqa: S603  # our own command
        [*COMMAND, *arguments],
        env=BARE | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'postroom.db'}"


@pytest.fixture
def server(database: str) -> Iterator[str]:
    """Yield the address of a server on a free port."""
    process = subprocess.Popen(  # noqa: S603  # our own command
        [*COMMAND, "serve", "--database", database, "--port", "0", "--allow-private-addresses"],
        env=BARE | {"POSTROOM_ADMIN_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().split()[3]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


def listening(server: str) -> dict[str, Any]:
    return {"POSTROOM_SERVER": server, "POSTROOM_TOKEN": TOKEN}


def ask(server: str, *arguments: str) -> Any:
    return json.loads(run(*arguments, "--json", **listening(server)).stdout)


def wait_for_failure(server: str) -> Any:
    """Ask until the one delivery has been given up; each question takes a process."""
    for _ in range(20):
        if items := ask(server, "failures")["items"]:
            return items[0]
    raise AssertionError("nothing was given up")


def test_apply_take_in_explain_and_replay_against_a_server_and_beside_it(
    server: str, database: str, tmp_path: Path
) -> None:
    file = tmp_path / "connect.yaml"
    listener = {"name": "erp", "account": A1, "url": NOWHERE, "acknowledgement": False}
    document = {"accounts": [account(A1, "Acme Corp")], "listeners": [listener]}
    file.write_text(yaml.safe_dump(document))
    applied = run("apply", str(file), "--server", server, "--token", TOKEN)
    assert "+ listener erp added" in applied.stdout

    body = message(envelope(1), "envelope-completed", at=OCCURRED_AT)
    headers = signed_headers([KEYS[A1]], body)
    taken = httpx.post(f"{server}/connect", content=body, headers=headers)
    assert taken.status_code == httpx.codes.OK

    failure = wait_for_failure(server)
    explained = run("explain", failure["notification_id"], "erp", **listening(server)).stdout
    assert "given up after 1 attempt" in explained

    assert "1 deliveries given up" in run("health", expect=1, **listening(server)).stdout

    # The same question, asked of the database beside the running server.
    beside = run("deliveries", "show", str(failure["id"]), "--database", database, "--json")
    assert json.loads(beside.stdout) == ask(server, "deliveries", "show", str(failure["id"]))

    replayed = ask(server, "replay", str(failure["id"]), "--reason", "once more")
    assert (replayed["matched"], replayed["queued"]) == (1, 1)
    assert {one["actor"] for one in ask(server, "audit")["items"]} >= {"admin"}


def test_a_wrong_token_ends_with_2_and_is_not_repeated(server: str) -> None:
    done = run("listeners", "--server", server, "--token", "wrong-token-of-a-stranger", expect=2)
    assert "not known" in done.stderr
    assert "wrong-token" not in done.stdout + done.stderr


def test_a_wrong_setting_of_serve_is_told_by_name_and_ends_with_2(tmp_path: Path) -> None:
    config = tmp_path / "postroom.toml"
    config.write_text('port = 99999\nadmin_token = "short"\nhots = "x"\n')
    done = run("serve", "--config", str(config), expect=2)
    assert "port:" in done.stderr
    assert "admin_token:" in done.stderr
    assert "hots:" in done.stderr
    assert "short" not in done.stderr.replace("at least", "")


def test_a_second_server_on_the_same_database_ends_with_4(server: str, database: str) -> None:
    assert server
    done = run("serve", "--database", database, "--port", "0", expect=4)
    assert "another Postroom serves" in done.stderr


def test_a_port_that_is_taken_is_told_in_a_line(server: str, tmp_path: Path) -> None:
    port = server.rpartition(":")[2]
    done = run("serve", "--database", f"sqlite:///{tmp_path / 'b.db'}", "--port", port, expect=4)
    assert port in done.stderr
    assert len(done.stderr.splitlines()) <= 3
