"""What is deployed is well-formed, as the tools that read such files say."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tests.deploy.deployed import COMPOSED, DEPLOY, KUBERNETES, manifests, unit

BIN = Path(sys.executable).parent
KUBERNETES_VERSIONS = ("1.34", kubernetes_validate.latest_version())
"""The oldest that is looked after, and the newest that the schemas know."""
EXPOSURE_AT_MOST = "13"
"""Tenths, by `systemd-analyze security`: 12 with what its newest release asks for."""


def checked(*command: str | Path) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # linters
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def program(name: str) -> str:
    """Return where a program of the machine is, or skip: it is no package that could be pinned."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} IS NOT ON THIS MACHINE: what it reads was NOT checked")
    return found


def objects() -> list[Any]:
    return [one for one in manifests() if one["kind"] != "Kustomization"]


def test_hadolint_has_nothing_to_say_of_the_image() -> None:
    assert checked(BIN / "hadolint", "--failure-threshold", "style", DEPLOY / "Containerfile") == ""


def test_the_compose_files_are_as_their_specification_says() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    checked(BIN / "check-jsonschema", *schema, *(DEPLOY / one for one in COMPOSED))


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize(
    "one", objects(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_a_manifest_is_as_its_schema_says(one: Any, version: str) -> None:
    kubernetes_validate.validate(one, version, strict=True)


def test_the_manifests_can_be_put_together() -> None:
    made = checked(program("kubectl"), "kustomize", KUBERNETES)
    built = list(yaml.safe_load_all(made))
    # The settings that all nodes share are one more.
    assert len(built) == len(objects()) + 1
    for one in built:
        kubernetes_validate.validate(one, KUBERNETES_VERSIONS[-1], strict=True)


def test_systemd_understands_the_unit_and_finds_it_closed(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    installed = unit()["ExecStart"][0].split()[0]
    text = (DEPLOY / "postroom.service").read_text().replace(installed, str(BIN / "postroom"))
    here = tmp_path / "postroom.service"
    here.write_text(text)
    assert checked(analyze, "verify", here) == ""
    checked(analyze, "security", "--offline=true", f"--threshold={EXPOSURE_AT_MOST}", here)
