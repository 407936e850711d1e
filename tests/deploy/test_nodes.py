"""What is deployed fits the program: settings, commands, ports, probes, patience and version."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.conftest import Told
from tests.deploy.deployed import (
    COMPOSED,
    DEPLOY,
    MINE,
    ROOT,
    SECRETS,
    Process,
    composed,
    flags,
    instructions,
    kustomization,
    pods,
    processes,
    unit,
)

from postroom import __version__
from postroom.settings import ROLES, Settings
from postroom.web.asgi import Site
from postroom.web.front_door import Message

NODES = [one for one in processes() if one.is_node]
FILES = [path for path in DEPLOY.rglob("*") if path.is_file()]
VARIABLE = re.compile(r"\bPOSTROOM_\w+")
ASSIGNED = re.compile(r"(?<![{\w])(\w+)\s*[:=]\s*(\S+)")
PINNED = re.compile(r"^([\w-]+)==(\S+) ", re.MULTILINE)
SPARE_SECONDS = 5
"""Between the end of a drain and SIGKILL."""

every_node = pytest.mark.parametrize("node", NODES, ids=lambda node: node.where)


def test_every_file_is_read() -> None:
    assert {one.where for one in NODES} == {
        *("Containerfile", "compose.yaml node-1", "compose.yaml node-2"),
        *("compose.embedded.yaml postroom", "postroom.service"),
        *(f"kubernetes postroom-{role}" for role in ROLES),
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_named_is_a_setting(path: Path) -> None:
    known = {f"POSTROOM_{name.upper()}" for name in Settings.model_fields}
    assert set(VARIABLE.findall(path.read_text())) - known == set()


@every_node
def test_a_node_can_be_started_as_it_is_told(node: Process, told: Told) -> None:
    said = told(node)
    has_others = node.where.startswith(("compose.yaml", "kubernetes"))
    assert said.is_embedded is not has_others
    role = node.where.removeprefix("kubernetes postroom-")
    assert set(said.roles) == ({role} if role in ROLES else set(ROLES))


@every_node
def test_a_node_is_given_the_time_to_drain(node: Process, told: Told) -> None:
    said = told(node)
    assert node.grace_seconds >= said.drain_seconds + SPARE_SECONDS
    assert said.drain_notice_seconds < said.drain_seconds / 2


@pytest.mark.parametrize("process", processes(), ids=lambda process: process.where)
def test_a_process_is_one_of_this_release(process: Process) -> None:
    assert flags(process) is not None
    assert process.image in {None, f"{MINE}:{__version__}"}


def test_a_command_line_that_cannot_be_read_would_be_found() -> None:
    wrong = Process(where="", command=("serve", "--rolle", "api"), environment={}, grace_seconds=0)
    with pytest.raises(Exception, match="--rolle"):
        flags(wrong)


@pytest.mark.parametrize("name", COMPOSED)
def test_a_container_has_an_init_so_that_it_can_be_stopped_while_it_starts(name: str) -> None:
    ours = [one for one in composed(name)["services"].values() if one["image"].startswith(MINE)]
    assert [one["init"] for one in ours] == [True] * len(ours)
    assert ours


@every_node
def test_a_node_listens_where_it_is_looked_for(node: Process, told: Told) -> None:
    said = told(node)
    # A container is called from outside.
    assert said.host == ("0.0.0.0" if node.image else "127.0.0.1")  # noqa: S104  # it must be
    assert set(looked_for()) == {str(said.port)}


def looked_for() -> list[str]:
    """Return every port at which something in deploy/ looks for a node."""
    proxy = (DEPLOY / "haproxy.cfg").read_text()
    containers = [pod["spec"]["containers"][0] for pod in pods()]
    services = [one for name in COMPOSED for one in composed(name)["services"].values()]
    return [
        *instructions("EXPOSE"),
        *re.findall(r"http://127\.0\.0\.1:(\d+)", instructions("HEALTHCHECK")[0]),
        *re.findall(r"server node-\d node-\d:(\d+)", proxy),
        *re.findall(r"bind :(\d+)$", proxy, re.MULTILINE),
        *(str(port["containerPort"]) for one in containers for port in one.get("ports", ())),
        *(port.split(":")[-1] for one in services for port in one.get("ports", ())),
    ]


async def test_a_probe_asks_what_every_node_answers() -> None:
    proxy = (DEPLOY / "haproxy.cfg").read_text()
    asked = {
        *re.findall(r"127\.0\.0\.1:8080(/\w+)", instructions("HEALTHCHECK")[0]),
        *re.findall(r"httpchk GET (/\w+)", proxy),
        *(
            probe["httpGet"]["path"]
            for pod in pods()
            for name, probe in pod["spec"]["containers"][0].items()
            if name.endswith("Probe")
        ),
    }
    assert {path: await status_of(path) for path in asked} == {"/healthz": 200, "/readyz": 200}


async def status_of(path: str) -> int:
    """Return how a node that has none of the roles' rooms answers."""
    said: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("a probe has no body")

    async def send(message: Message) -> None:
        said.append(message)

    async def nothing() -> None:
        return None

    site = Site(
        front_door=None,
        api=None,
        connect_api=None,
        unready=nothing,
        is_leaving=lambda: False,
        refresh=nothing,
    )
    await site({"type": "http", "method": "GET", "path": path}, receive, send)
    return int(said[0]["status"])


def test_the_image_has_what_the_tests_ran_with_and_nothing_unpinned() -> None:
    installs = re.findall(r"pip install ([^&]+)", " ".join(instructions("RUN")))
    assert ["--require-hashes" in one for one in installs] == [True, True, False]
    assert installs[-1].split() == ["--no-deps", "dist/*.whl"]
    tested = pinned("dev.txt").items()
    assert pinned("server.txt").items() <= tested
    assert pinned("postgresql.txt").items() <= tested
    assert "asyncpg" in pinned("postgresql.txt")


def pinned(name: str) -> dict[str, str]:
    text = (ROOT / "constraints" / name).read_text()
    assert "://" not in text, "the machine says where packages come from"
    return dict(PINNED.findall(text))


def test_the_image_is_built_from_what_is_there_and_let_through() -> None:
    lines = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    copied = [line.split()[:-1] for line in instructions("COPY") if not line.startswith("--from")]
    sources = [one for line in copied for one in line]
    assert "src" in sources
    assert [one for one in sources if not (ROOT / one).exists()] == []
    assert {one.partition("/")[0] for one in sources} == let_through
    assert lines[1] == "*"


def test_a_database_file_is_where_a_node_may_write(told: Told) -> None:
    folders = {
        node.where: told(node).sqlite_path.parent for node in NODES if told(node).is_embedded
    }
    [volume] = instructions("VOLUME")
    [state] = unit()["StateDirectory"]
    [mounted] = composed("compose.embedded.yaml")["services"]["postroom"]["volumes"]
    assert set(folders.values()) == {Path("/var/lib") / state}
    assert {volume.strip('[]"'), mounted.partition(":")[2]} == {f"/var/lib/{state}"}


def test_every_secret_is_asked_for_and_none_stands_in_a_file() -> None:
    for path in FILES:
        for name, value in ASSIGNED.findall(path.read_text()):
            assert name not in SECRETS or value.startswith("${"), f"{path.name}: {name}"
    asked = set(
        re.findall(r"\$\{(\w+):\?", "".join((DEPLOY / one).read_text() for one in COMPOSED))
    )
    asked |= set(secret_keys())
    page = (ROOT / "docs" / "how-to" / "from-one-node-to-many.md").read_text()
    assert [name for name in sorted(asked) if f"{name}=" not in page] == []


def secret_keys() -> list[str]:
    """Return what the pods take from their secret."""
    keys: list[str] = []
    for pod in pods():
        sources: list[Any] = [
            one["valueFrom"]["secretKeyRef"]
            for one in pod["spec"]["containers"][0]["env"]
            if "valueFrom" in one
        ]
        assert {one["name"] for one in sources} == {MINE}
        keys += [one["key"] for one in sources]
        for volume in pod["spec"]["volumes"]:
            assert volume["secret"]["secretName"] == MINE
            keys += [one["key"] for one in volume["secret"]["items"]]
    return keys


def test_each_release_migrates_once_and_nodes_leave_it_to_that() -> None:
    [shared] = kustomization()["configMapGenerator"]
    assert "POSTROOM_MIGRATE=false" in shared["literals"]
    services = composed("compose.yaml")["services"]
    for node in ("node-1", "node-2"):
        assert services[node]["command"] == ["serve", "--no-migrate"]
        assert services[node]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }
