"""On PostgreSQL: a scenario by the real commands, two nodes, and `kill -9` of one of them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.acceptance import test_s02_custom_fields as s02
from tests.acceptance.cast import A1, account, envelope
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder
from tests.acceptance.tutorial import Tutorial
from tests.contract.postgres import PostgresServer
from tests.flow.test_cli_output import log_of_its_own  # noqa: F401  # a fixture for all tests here
from tests.flow.test_kills import CONCURRENCY, EVENTS, Load
from typer.testing import CliRunner

from postroom.cli.program import program
from postroom.vault import Vault

KEY = {"POSTROOM_SECRET_KEY": Vault.generate_key().decode()}
LISTENERS = ("one", "two")
ENVELOPES = 12

Serve = Callable[[], Gateway]


@pytest.fixture(scope="module")
def engine() -> Iterator[PostgresServer]:
    one = PostgresServer()
    one.start()
    yield one
    one.stop()


@pytest.fixture
async def dsn(engine: PostgresServer) -> str:
    return await engine.bare_database()


@pytest.fixture
def serve(dsn: str, tmp_path: Path) -> Iterator[Serve]:
    """Yield what starts one more node on the database."""
    started: list[Gateway] = []

    def one() -> Gateway:
        node = Gateway(tmp_path, start="2026-03-02T09:00:00Z", database=dsn, environment=KEY)
        started.append(node)
        node.start()
        return node

    yield one
    for node in started:
        node.close()


def run(*arguments: str, expect: int = 0, environment: dict[str, str] | None = None) -> str:
    """Run a command in this process; return what it printed."""
    done = CliRunner().invoke(program, arguments, env=environment)
    assert done.exit_code == expect, done.output
    return done.output


def document(recorder: Recorder) -> dict[str, Any]:
    return {
        "accounts": [account(A1, "Acme Corp")],
        "listeners": [
            {
                "name": name,
                "account": A1,
                "url": recorder.url(name),
                "concurrency": CONCURRENCY,
                "retry": [0.1, 0.2, 0.4],
            }
            for name in LISTENERS
        ],
    }


def test_each_envelope_reaches_the_integration_its_field_names(
    serve: Serve, recorder: Recorder
) -> None:
    s02.test_each_envelope_reaches_the_integration_its_field_names(serve(), recorder)


def test_commands_work_on_the_database_that_nodes_serve(
    dsn: str, serve: Serve, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "connect.yaml").write_text(yaml.safe_dump(document(recorder)))
    loopback = {"POSTROOM_ALLOW_PRIVATE_ADDRESSES": "true"}
    run("apply", str(tmp_path / "connect.yaml"), "--database", dsn, environment=KEY | loopback)
    node = serve()
    node.tell(envelope(1), "envelope-completed")
    node.until_quiet()
    asked = run("deliveries", "--json", environment=KEY | {"POSTROOM_DATABASE": dsn})
    states = [one["state"] for one in json.loads(asked)["items"]]
    assert states == ["delivered"] * len(LISTENERS)
    assert recorder.totals() == dict.fromkeys(LISTENERS, 1)


def test_after_a_kill_the_other_node_takes_over_and_nothing_acknowledged_is_lost(
    serve: Serve, recorder: Recorder
) -> None:
    dying, staying = serve(), serve()
    dying.apply(document(recorder))
    for name in LISTENERS:
        recorder.say(name, hang=True)
    load = Load(dying, first=1, count=ENVELOPES)
    load.run()
    assert load.is_done
    on_wire = CONCURRENCY * len(LISTENERS)
    dying.wait_until(lambda: recorder.hanging == on_wire, "the places were not filled")
    dying.kill()
    owed = ENVELOPES * len(EVENTS)
    for name in LISTENERS:
        recorder.heal(name)
    staying.advance(seconds=1)  # for what the staying node had on the wire; no lease runs out
    staying.wait_until(
        lambda: all(len(recorder.distinct(name)) == owed for name in LISTENERS),
        "what the dead node had leased was not delivered before its leases ran out",
    )
    staying.until_quiet()
    for name in LISTENERS:
        got = Counter(one.headers["webhook-id"] for one in recorder.received_by(name))
        assert got.keys() == load.acknowledged.keys()
        assert sum(got.values()) - len(got) <= CONCURRENCY, "more repeats than were in flight"
    order: dict[tuple[str, str], list[str]] = {}
    for one in recorder.deliveries():
        order.setdefault((one.listener, one.arrival[1]), []).append(one.arrival[3])
    assert set(map(tuple, order.values())) == {EVENTS}


def test_serving_without_the_key_says_how_to_make_one() -> None:
    where = ("--database", "postgresql://postroom@127.0.0.1:1/postroom")
    said = run("serve", *where, expect=2)
    assert "postroom keys generate-secret-key" in " ".join(said.split())


def test_a_server_that_is_away_is_said_to_be_without_its_password() -> None:
    where = {"POSTROOM_DATABASE": "postgresql://postroom:hush-hush@127.0.0.1:1/postroom"}
    said = run("serve", expect=4, environment=KEY | where)
    assert "PostgreSQL cannot be used now" in said
    assert "hush-hush" not in said


def test_serving_goes_as_the_page_shows(dsn: str, tmp_path: Path) -> None:
    named = "postgresql://postroom@db.example.com/postroom"
    page = Tutorial("how-to/run-on-postgresql.md", tmp_path, instead={named: f"'{dsn}'"})
    try:
        page.follow()
    finally:
        page.close()


def test_going_from_one_node_to_many_goes_as_the_page_shows(
    dsn: str, recorder: Recorder, tmp_path: Path
) -> None:
    page = Tutorial(
        "how-to/from-one-node-to-many.md",
        tmp_path,
        instead={
            "postgresql://postroom@db.example.com/postroom": f"'{dsn}'",
            "https://erp.example.com/docusign": recorder.url("erp"),
        },
    )
    page.environment["POSTROOM_ALLOW_PRIVATE_ADDRESSES"] = "true"
    try:
        page.follow()
    finally:
        page.close()
    assert recorder.totals() == {"erp": 12}


def test_running_through_a_failover_begins_as_the_page_shows(dsn: str, tmp_path: Path) -> None:
    named = (
        '"postgresql://postroom@db1.example.com,db2.example.com/postroom'
        '?target_session_attrs=read-write"'
    )
    either = f"'{dsn.replace('host=', 'host=/nowhere,')}&target_session_attrs=read-write'"
    page = Tutorial("how-to/run-through-a-failover.md", tmp_path, instead={named: either})
    try:
        page.follow()
    finally:
        page.close()
