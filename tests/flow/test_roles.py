"""Nodes that do a part each, on one PostgreSQL: who answers what, and who delivers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from tests.acceptance.cast import A1
from tests.contract import postgres
from tests.flow.gatehouse import eventually
from tests.flow.office import Office, office
from tests.flow.test_cli_output import log_of_its_own  # noqa: F401  # a fixture for all tests here
from tests.flow.test_two_nodes import Listener, all_delivered, in_step, node
from typer.testing import CliRunner

from postroom.cli.program import program
from postroom.errors import InvalidInputError
from postroom.settings import ROLES, Settings
from postroom.storage.port import DeliveryQuery

SERVED_BY = {
    ("POST", "/connect"): "front-door",
    ("POST", f"/connect/{A1}"): "front-door",
    ("GET", "/api/v1/health"): "api",
    ("GET", "/restapi"): "api",
    ("POST", "/oauth/token"): "api",
    ("GET", "/nothing-of-ours"): "api",
}


@pytest.fixture(scope="session", autouse=True)
def _stop_what_was_started() -> Iterator[None]:
    yield
    postgres.stop_server()


@pytest.fixture
async def dsn() -> AsyncIterator[str]:
    made = await postgres.server().new_database()
    yield made
    await postgres.server().give_back(made)


@pytest.fixture
async def parts(dsn: str, tmp_path: Path) -> AsyncIterator[dict[str, Office]]:
    """Run one node of each role."""
    async with AsyncExitStack() as stack:
        yield {
            role: await stack.enter_async_context(node(dsn, tmp_path, roles=role)) for role in ROLES
        }


async def test_each_role_answers_its_own_paths_and_says_who_has_the_others(
    parts: dict[str, Office],
) -> None:
    for role, one in parts.items():
        for (method, path), served_by in SERVED_BY.items():
            answer = await one.http.request(method, path)
            refuses = answer.status_code == httpx.codes.NOT_FOUND and (
                f"nodes with the role {served_by} do" in answer.text
            )
            assert refuses is (role != served_by), f"{role}: {method} {path}"
            if refuses:
                assert answer.headers["content-type"] == "application/problem+json"
                assert f"--role {served_by}" in answer.json()["detail"]
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await one.http.get(path)).is_success


async def test_what_the_front_door_takes_in_a_worker_delivers(parts: dict[str, Office]) -> None:
    door, worker, api = (parts[role] for role in ROLES)
    listener = Listener()
    async with listener.at() as url:
        await api.apply({"name": "erp", "url": url})
        await in_step(list(parts.values()))
        for number in range(20):
            await door.feed(number)
        await eventually(lambda: all_delivered(api, 20))
        assert door.node.worker.in_hand == api.node.worker.in_hand == 0
        assert worker.node.worker.in_hand == 0
    assert len(listener.got) == 20


async def test_what_an_envelope_tells_by_the_api_a_worker_delivers(
    parts: dict[str, Office],
) -> None:
    listener = Listener()
    api, worker = parts["api"], parts["worker"]
    async with listener.at() as url:
        await api.apply({"name": "erp", "url": url, "events": ["envelope-completed"]})
        await in_step(list(parts.values()))
        await api.post("/trigger", {"event": "envelope-completed", "account": A1})
        worker.node.clock.advance_to(api.node.clock.now())  # type: ignore[attr-defined]  # a virtual one
        await eventually(lambda: all_delivered(api, 1))
        await api.post("/replay", {"listener": "erp", "account": A1, "reason": "again"})
        await eventually(lambda: listener.has(2))
    assert {one["event"] for one in listener.got} == {"envelope-completed"}


async def test_without_a_worker_what_came_in_waits_and_nobody_has_leased_it(
    dsn: str, tmp_path: Path
) -> None:
    listener = Listener()
    async with listener.at() as url, node(dsn, tmp_path, roles="front-door,api") as door:
        await door.apply({"name": "erp", "url": url})
        await door.feed(1)
        [owed] = await door.node.store.deliveries(DeliveryQuery())
        assert (owed.state, owed.attempts, owed.is_leased) == ("due", 0, False)
        async with node(dsn, tmp_path, roles="worker"):
            await eventually(lambda: all_delivered(door, 1))
    assert len(listener.got) == 1


async def test_refusals_at_the_front_door_are_listed_by_the_api(parts: dict[str, Office]) -> None:
    refused = await parts["front-door"].http.post(
        "/connect", content=b"{}", headers={"content-type": "a/b"}
    )
    assert refused.status_code == httpx.codes.UNSUPPORTED_MEDIA_TYPE

    async def is_listed() -> bool:
        return len((await parts["api"].get("/rejections"))["items"]) == 1

    await eventually(is_listed)


async def test_a_node_that_is_leaving_is_alive_takes_messages_and_is_not_ready(
    dsn: str, tmp_path: Path
) -> None:
    listener = Listener()
    both = node(dsn, tmp_path), node(dsn, tmp_path)
    async with listener.at() as url, both[0] as staying, both[1] as leaving:
        await leaving.apply({"name": "erp", "url": url})
        await in_step([leaving, staying])
        leaving.node.leaving.begin()
        await leaving.node.drain()
        ready = await leaving.http.get("/readyz")
        assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "it is being stopped" in ready.text
        assert (await leaving.http.get("/healthz")).is_success
        await leaving.feed(1)
        await eventually(lambda: all_delivered(staying, 1))


async def test_a_node_whose_key_opens_no_secret_is_not_ready(dsn: str, tmp_path: Path) -> None:
    other_key = Fernet.generate_key().decode()
    async with (
        node(dsn, tmp_path) as right,
        office(tmp_path, database=dsn, secret_key=other_key) as wrong,
    ):
        assert (await wrong.http.get("/readyz")).is_success  # there is no secret yet
        await right.apply({"name": "erp", "url": "http://127.0.0.1:9/"})

        async def says_why() -> bool:
            ready = await wrong.http.get("/readyz")
            return not ready.is_success and "does not open the stored secrets" in ready.text

        await eventually(says_why)
        assert (await right.http.get("/readyz")).is_success


def test_a_database_file_has_one_node_with_every_role(tmp_path: Path) -> None:
    where = f"sqlite:///{tmp_path / 'postroom.db'}"
    assert Settings.load(database=where).roles == ROLES
    assert Settings.load(database=where, roles=list(reversed(ROLES))).roles
    with pytest.raises(InvalidInputError, match="has one node, which does everything"):
        Settings.load(database=where, roles="worker,api")


def test_a_role_is_a_flag_that_may_be_repeated(tmp_path: Path) -> None:
    where = ("serve", "--database", f"sqlite:///{tmp_path / 'postroom.db'}")
    done = CliRunner().invoke(program, [*where, "--role", "worker", "--role", "api"])
    assert done.exit_code == 2
    assert "without front-door nobody would do that part" in " ".join(done.output.split())


@pytest.mark.parametrize("said", ["", "worker,", "worker, api", "api"])
def test_roles_are_given_as_a_text_with_commas(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTROOM_ROLES", said)
    where: dict[str, Any] = {"database": "postgresql://postroom@db/postroom", "secret_key": "key"}
    wanted = tuple(one.strip() for one in said.split(",") if one)
    if wanted:
        assert Settings.load(**where).roles == wanted
        return
    with pytest.raises(InvalidInputError, match=r"roles: .* at least 1 item"):
        Settings.load(**where)
