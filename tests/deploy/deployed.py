"""What deploy/ starts, read from its files: each process with its command and settings."""

import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from postroom.cli.program import load
from postroom.model import Noun

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
COMPOSED = ("compose.yaml", "compose.embedded.yaml")
MINE = "postroom"
"""The image's name."""
SECRETS = {
    "POSTROOM_ADMIN_TOKEN": "administrator-token-0123",
    "POSTROOM_SECRET_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "POSTGRES_PASSWORD": "hush-hush",
    "PGPASSWORD": "hush-hush",
}
"""What who deploys has made."""
ASKED_FOR = re.compile(r"\$\{(\w+):\?([^}]+)\}")
SECONDS = {"s": 1, "m": 60}


class Process(Noun, frozen=True, kw_only=True):
    """One process that deploy/ starts."""

    where: str
    command: tuple[str, ...]
    """What follows `postroom`."""
    environment: Mapping[str, str]
    image: str | None = None
    grace_seconds: float
    """From SIGTERM until it is killed."""

    @property
    def is_node(self) -> bool:
        """Whether it serves."""
        return self.command[0] == "serve"


@cache
def instructions(name: str) -> list[str]:
    """Return what follows each instruction of the Containerfile that is called so."""
    text = re.sub(r"\s*\\\n\s*", " ", (DEPLOY / "Containerfile").read_text())
    return [line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith(f"{name} ")]


@cache
def of_the_image() -> dict[str, str]:
    """Return the settings that the image has by itself."""
    pairs = (pair.partition("=") for line in instructions("ENV") for pair in shlex.split(line))
    return {name: value for name, _, value in pairs if name.startswith("POSTROOM_")}


@cache
def composed(name: str) -> Any:
    """Return a compose file's content."""
    return yaml.safe_load((DEPLOY / name).read_text())


@cache
def manifests() -> list[Any]:
    """Return every object of Kubernetes, and the kustomization, in the order of the files."""
    return [
        one
        for path in sorted(KUBERNETES.glob("*.yaml"))
        for one in yaml.safe_load_all(path.read_text())
    ]


def of_kind(kind: str) -> list[Any]:
    """Return the objects of one kind."""
    return [one for one in manifests() if one["kind"] == kind]


def kustomization() -> Any:
    """Return what puts the manifests together."""
    return of_kind("Kustomization")[0]


def workloads() -> list[Any]:
    """Return what has pods."""
    return [*of_kind("Deployment"), *of_kind("Job")]


def pods() -> list[Any]:
    """Return the template of each workload's pods."""
    return [one["spec"]["template"] for one in workloads()]


def unit() -> dict[str, list[str]]:
    """Return the settings of the systemd unit, each with its values."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "postroom.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def processes() -> list[Process]:
    """Return every process of ours."""
    return list(_processes())


def flags(process: Process) -> dict[str, Any]:
    """Return what a command line says, as the program reads it."""
    command = load(process.command[0])
    context = command.make_context(process.command[0], list(process.command[1:]))
    return {name: one for name, one in context.params.items() if one not in (None, (), [])}


def _processes() -> Iterator[Process]:
    labels = dict(pair.split("=") for pair in shlex.split(instructions("LABEL")[0]))
    yield Process(
        where="Containerfile",
        command=tuple(yaml.safe_load(instructions("CMD")[-1])),
        environment=of_the_image(),
        image=f"{MINE}:{labels['org.opencontainers.image.version']}",
        grace_seconds=30,  # an orchestrator's business; Kubernetes' default
    )
    for name in COMPOSED:
        yield from _of_compose(name)
    yield from map(_of_kubernetes, workloads())
    said = unit()
    yield Process(
        where="postroom.service",
        command=tuple(shlex.split(said["ExecStart"][0])[1:]),
        environment={},
        grace_seconds=float(said["TimeoutStopSec"][0]),
    )


def _of_compose(name: str) -> Iterator[Process]:
    for service, said in composed(name)["services"].items():
        if not said["image"].startswith(f"{MINE}:"):
            continue
        given = {
            variable: ASKED_FOR.sub(lambda asked: SECRETS[asked[1]], str(value))
            for variable, value in said["environment"].items()
        }
        grace = said["stop_grace_period"]
        yield Process(
            where=f"{name} {service}",
            command=tuple(said.get("command", ["serve"])),
            environment=of_the_image() | given,
            image=said["image"],
            grace_seconds=int(grace[:-1]) * SECONDS[grace[-1]],
        )


def _of_kubernetes(workload: Any) -> Process:
    pod = workload["spec"]["template"]["spec"]
    [container] = pod["containers"]
    [shared] = kustomization()["configMapGenerator"]
    [image] = kustomization()["images"]
    given = dict(literal.split("=", 1) for literal in shared["literals"])
    for one in container["env"]:
        given[one["name"]] = one.get("value") or SECRETS[one["valueFrom"]["secretKeyRef"]["key"]]
    return Process(
        where=f"kubernetes {workload['metadata']['name']}",
        command=tuple(container["args"]),
        environment=of_the_image() | given,
        image=f"{image['newName']}:{image['newTag']}",
        grace_seconds=pod.get("terminationGracePeriodSeconds", 30),
    )
