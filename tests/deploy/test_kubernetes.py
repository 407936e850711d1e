"""The manifests fit each other, and what a cluster and a database have to give."""

from typing import Any

import pytest
from tests.deploy.conftest import Told
from tests.deploy.deployed import (
    KUBERNETES,
    MINE,
    instructions,
    kustomization,
    of_kind,
    pods,
    processes,
)

from postroom import __version__
from postroom.app import READY_SECONDS

COMPONENT = "app.kubernetes.io/component"
CONNECTIONS_OF_A_NODE = 7
"""At most (`storage.postgres.store.PostgresStore`)."""
CONNECTIONS_OF_A_SERVER = 97
"""As PostgreSQL is installed: `max_connections` 100, of which three are its superuser's."""
RESTING_MB = 146
"""A node's memory with nothing in hand (benchmarks/results/main_job.md)."""
MEBIBYTE = 1024 * 1024
UNITS = {"Mi": MEBIBYTE, "Gi": 1024 * MEBIBYTE}

every_pod = pytest.mark.parametrize(
    "pod", pods(), ids=lambda pod: pod["metadata"]["labels"][COMPONENT]
)


def deployment(name: str) -> Any:
    return next(one for one in of_kind("Deployment") if one["metadata"]["name"] == name)


def labels_of(pod: Any) -> set[tuple[str, str]]:
    """Return a pod's labels, with the one that the kustomization adds."""
    [added] = kustomization()["labels"]
    assert added["includeSelectors"]
    return {*added["pairs"].items(), *pod["metadata"]["labels"].items()}


def chosen(selector: Any) -> list[Any]:
    """Return the pods that a selector chooses."""
    wanted = set(selector.get("matchLabels", {}).items())
    either = [
        {(one["key"], value) for value in one["values"]}
        for one in selector.get("matchExpressions", ())
    ]
    return [
        pod
        for pod in pods()
        if wanted <= labels_of(pod) and all(labels_of(pod) & one for one in either)
    ]


def size(text: str) -> int:
    return int(text[:-2]) * UNITS[text[-2:]]


def test_every_manifest_is_part_of_the_whole() -> None:
    there = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert there == set(kustomization()["resources"])


def test_the_job_is_named_after_the_release_for_a_job_cannot_be_changed() -> None:
    [job] = of_kind("Job")
    assert job["metadata"]["name"] == f"postroom-migrate-{__version__.replace('.', '-')}"


@every_pod
def test_a_pod_is_as_closed_as_the_restricted_profile_asks(pod: Any) -> None:
    user = int(instructions("USER")[-1].split(":")[0])
    spec = pod["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False


@every_pod
def test_a_pod_can_be_stopped_while_it_starts(pod: Any) -> None:
    assert pod["spec"]["shareProcessNamespace"], "the kernel keeps SIGTERM from a young process 1"


@every_pod
def test_a_probe_waits_longer_than_a_node_does_for_its_database(pod: Any) -> None:
    probe = pod["spec"]["containers"][0].get("readinessProbe", {})
    assert probe.get("timeoutSeconds", READY_SECONDS + 1) > READY_SECONDS


def test_every_selector_chooses_what_its_name_says() -> None:
    for one in of_kind("PodDisruptionBudget"):
        [pod] = chosen(one["spec"]["selector"])
        assert one["metadata"]["name"] == f"{MINE}-{pod['metadata']['labels'][COMPONENT]}"
    for one in of_kind("Service"):
        [pod] = chosen({"matchLabels": one["spec"]["selector"]})
        assert one["metadata"]["name"] == f"{MINE}-{pod['metadata']['labels'][COMPONENT]}"
        offered = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in one["spec"]["ports"]} <= offered
    for one in of_kind("Deployment"):
        spec = one["spec"]
        assert chosen(spec["selector"]) == [spec["template"]]
        for spread in spec["template"]["spec"]["topologySpreadConstraints"]:
            assert chosen(spread["labelSelector"]) == [spec["template"]]


def test_every_pod_asks_for_names_and_the_database_and_calls_out_only_where_it_must() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("NetworkPolicy")}
    assert len(chosen(policies["postroom"]["podSelector"])) == len(pods())
    calling = chosen(policies["postroom-calls"]["podSelector"])
    assert {pod["metadata"]["labels"][COMPONENT] for pod in calling} == {"api", "worker"}
    called = chosen(policies["postroom-called"]["podSelector"])
    assert {pod["metadata"]["labels"][COMPONENT] for pod in called} == {
        "api",
        "worker",
        "front-door",
    }


def test_messages_go_to_the_front_door_and_the_rest_to_the_api() -> None:
    [ingress] = of_kind("Ingress")
    paths = ingress["spec"]["rules"][0]["http"]["paths"]
    to = {one["path"]: one["backend"]["service"]["name"] for one in paths}
    assert to == {"/connect": "postroom-front-door", "/": "postroom-api"}
    assert set(to.values()) == {one["metadata"]["name"] for one in of_kind("Service")}


def test_the_autoscaler_alone_says_how_many_front_doors_there_are() -> None:
    [scaled] = of_kind("HorizontalPodAutoscaler")
    assert "replicas" not in deployment(scaled["spec"]["scaleTargetRef"]["name"])["spec"]


def test_the_database_has_connections_for_as_many_nodes_as_there_can_be() -> None:
    [scaled] = of_kind("HorizontalPodAutoscaler")
    nodes = scaled["spec"]["maxReplicas"]
    for one in of_kind("Deployment"):
        nodes += one["spec"].get("replicas", 0)
        nodes += one["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    assert nodes * CONNECTIONS_OF_A_NODE <= CONNECTIONS_OF_A_SERVER


def test_a_front_door_has_the_memory_for_what_it_may_have_in_flight(told: Told) -> None:
    name = "postroom-front-door"
    [node] = [one for one in processes() if one.where == f"kubernetes {name}"]
    resources = deployment(name)["spec"]["template"]["spec"]["containers"][0]["resources"]
    # Measured with six bodies of 38 MB at once: 2.4 times their size, for they share a transaction.
    needed = RESTING_MB * MEBIBYTE + 2.4 * told(node).max_bytes_in_flight
    assert size(resources["limits"]["memory"]) >= needed
