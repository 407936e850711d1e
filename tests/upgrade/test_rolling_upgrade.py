"""Rolling upgrades, rehearsed: the last release's own code on the tables of this one."""

import asyncio
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.cast import A1, account, envelope
from tests.acceptance.recorder import Recorder
from tests.contract import postgres
from tests.flow.test_cli_output import log_of_its_own  # noqa: F401  # a fixture for all tests here
from tests.upgrade import last_release, shapes
from tests.upgrade.last_release import KEY, Node
from typer.testing import CliRunner

from postroom.cli.program import program
from postroom.storage.migrations import HEAD
from postroom.storage.postgres import open_store as open_postgres
from postroom.storage.sqlite import open_store as open_sqlite

EVENTS = ("envelope-sent", "envelope-delivered", "envelope-completed")
LISTENERS = ("erp", "crm")
FEEDERS = 8
AFTERWARDS = 4
"""Envelopes that each feeder feeds once both releases serve."""

Serve = Callable[..., Node]


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return last_release.unpacked(tmp_path_factory.mktemp("release"))


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recording = Recorder()
    yield recording
    recording.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Yield what starts a node of a release on a database."""
    started: list[Node] = []

    def one(database: str, code: Path | None = None) -> Node:
        node = Node(tmp_path, database, code)
        started.append(node)
        node.start()
        return node

    yield one
    for node in started:
        node.close()


def document(recorder: Recorder) -> dict[str, Any]:
    named = [{"name": name, "account": A1, "url": recorder.url(name)} for name in LISTENERS]
    return {"accounts": [account(A1, "Acme Corp")], "listeners": named}


def migrate(database: str, *flags: str, ends: int = 0) -> Any:
    """Run this release's `postroom migrate` in this process; return what it printed, decoded."""
    said = ["migrate", *flags, "--database", database, "--json"]
    done = CliRunner().invoke(program, said, env=KEY)
    assert done.exit_code == ends, done.output
    return json.loads(done.stdout)


async def migrated(database: str) -> None:
    """Migrate, and see that it says what it does."""
    before = await asyncio.to_thread(migrate, database, "--check", ends=1)
    made = await asyncio.to_thread(migrate, database)
    assert before["newest"] == made["revision"] == HEAD
    assert before["missing"] == made["made"] != []
    assert (await asyncio.to_thread(migrate, database, "--check"))["missing"] == []


def deliver(node: Node, recorder: Recorder, number: int) -> None:
    """Feed one envelope's events, and wait until both listeners have them in order."""
    node.tell(envelope(number), *EVENTS)
    wanted = [(name, envelope(number).id, None, event) for name in LISTENERS for event in EVENTS]

    def is_there() -> bool:
        mine = [one.arrival for one in recorder.deliveries() if one.arrival[1] == wanted[0][1]]
        return sorted(mine, key=lambda one: LISTENERS.index(one[0])) == wanted

    node.wait_until(is_there, f"what came of envelope {number} was not delivered in order")


def test_the_last_release_is_run_from_its_wheel(code: Path) -> None:
    assert last_release.imported(code).is_relative_to(code)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_last_release_serves_the_tables_of_this_one_and_they_are_as_if_made_fresh(
    kind: str, code: Path, serve: Serve, recorder: Recorder, tmp_path: Path
) -> None:
    is_file = kind == "sqlite"
    path, fresh = tmp_path / "postroom.db", tmp_path / "fresh.db"
    dsn = f"sqlite:///{path}" if is_file else await postgres.server().bare_database()

    last = serve(dsn, code)
    assert last.http.post("/api/v1/apply", json=document(recorder)).is_success
    deliver(last, recorder, 1)
    await migrated(dsn)
    if is_file:
        await (await open_sqlite(fresh)).close()
        assert shapes.of_sqlite(path) == shapes.of_sqlite(fresh)
    else:
        other = await postgres.server().bare_database()
        await (await open_postgres(other)).close()
        assert await shapes.of_postgresql(dsn) == await shapes.of_postgresql(other)

    deliver(last, recorder, 2)  # it has not been started anew
    last.stop()
    last.start()
    assert any("tables are of a newer release" in line for line in last.log)
    last.apply(document(recorder))
    deliver(last, recorder, 3)
    before = len(recorder.deliveries())
    again = last.ask("replay", "--listener", "erp", "--reason", "rehearsal")
    assert again["queued"] == 3 * len(EVENTS)
    last.wait_until(
        lambda: len(recorder.deliveries()) == before + again["queued"], "it was not replayed"
    )
    last.until_quiet()
    last.stop()
    if is_file:  # the other test has this release on PostgreSQL
        this = serve(dsn)
        deliver(this, recorder, 4)
        assert len(this.every("notifications")) == 4 * len(EVENTS)
        assert {one["state"] for one in this.every("deliveries")} == {"delivered"}


class Feeder:
    """Feeds envelopes one after the other, each event at the next of the nodes, until told.

    What is not acknowledged is sent again, as Docusign does.
    """

    def __init__(self, number: int, nodes: list[Node]) -> None:
        self.fed = 0
        self.acknowledged: list[str] = []
        self.is_enough = threading.Event()
        self._first = 1 + number * 10_000
        self._nodes = nodes
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def join(self) -> None:
        self.is_enough.set()
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while not self.is_enough.is_set():
            number = self._first + self.fed
            for body in self._nodes[0].messages(envelope(number), *EVENTS):
                turn += 1
                while (answer := self._post(self._nodes[turn % len(self._nodes)], body)) is None:
                    turn += 1
                self.acknowledged.append(answer)
            self.fed += 1

    def _post(self, node: Node, body: bytes) -> str | None:
        try:
            answer = node.post_raw(body)
        except httpx.TransportError:
            return None
        return str(answer.json()["notification"]) if answer.is_success else None


async def test_both_releases_serve_one_database_while_it_is_upgraded_under_load(
    code: Path, serve: Serve, recorder: Recorder
) -> None:
    dsn = await postgres.server().bare_database()
    last = serve(dsn, code)
    assert last.http.post("/api/v1/apply", json=document(recorder)).is_success
    nodes = [last]
    feeders = [Feeder(number, nodes) for number in range(FEEDERS)]
    try:
        last.wait_until(lambda: all(one.fed for one in feeders), "nothing was fed")
        this = serve(dsn)
        nodes.append(this)
        before = [one.fed for one in feeders]
        this.wait_until(
            lambda: all(
                one.fed >= fed + AFTERWARDS for one, fed in zip(feeders, before, strict=True)
            ),
            "nothing more was fed",
        )
        nodes.remove(last)
        last.stop()
    finally:
        for one in feeders:
            one.join()
    acknowledged = {id_ for one in feeders for id_ in one.acknowledged}
    this.wait_until(
        lambda: all(len(recorder.distinct(name)) >= len(acknowledged) for name in LISTENERS),
        "not everything was delivered",
    )
    this.until_quiet()
    order: dict[tuple[str, str], list[str]] = defaultdict(list)
    ids: Counter[tuple[str, str]] = Counter()
    for got in recorder.deliveries():
        order[got.listener, got.arrival[1]].append(got.arrival[3])
        ids[got.listener, got.headers["webhook-id"]] += 1
    assert {id_ for _, id_ in ids} == acknowledged
    assert set(map(tuple, order.values())) == {EVENTS}
    assert max(ids.values()) == 1, "nothing was killed, so nothing may come twice"
