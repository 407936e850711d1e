"""The official SDK for Node against the Connect server: a shorter life, in another's words.

Node 18 or newer and npm must be there, and `npm ci` must reach a registry once; where that cannot
be, the tests are skipped and say why.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, account
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import TOKEN, Gateway
from tests.acceptance.recorder import Recorder
from tests.acceptance.sdk import Sdk

PACKAGE = Path(__file__).parent / "npm"
FILES = ("package.json", "package-lock.json", "sdk.mjs")
OLDEST_NODE = 18
INSTALL_SECONDS = 90
AWAY = (
    *("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ERR_SOCKET_TIMEOUT"),
    *("E401", "E403", "E404"),
)
"""How npm says that its registry is away, or does not have it; all else is a fault of ours."""
CONFIGURED = re.compile(r"\d+")


def not_tested(reason: str) -> None:
    pytest.skip(f"THE NPM SDK IS NOT TESTED HERE: {reason}")


@pytest.fixture(scope="module")
def package() -> Path:
    """Return a folder with the script and the SDK installed beside it; made once per lock file."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        not_tested("there is no node or no npm; install Node 18 or newer")
    version = output("node", "--version")
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        not_tested(f"node is {version.strip()}; install {OLDEST_NODE} or newer")
    content = b"".join((PACKAGE / name).read_bytes() for name in FILES)
    folder = Path(sys.prefix) / f"npm-{hashlib.sha256(content).hexdigest()[:12]}"
    if not folder.exists():
        install(folder)
    return folder


def install(folder: Path) -> None:
    """Install into a folder of its own and move it where it belongs: all of it, or none."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        made = Path(beside) / "package"
        made.mkdir()
        for name in FILES:
            shutil.copy(PACKAGE / name, made)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
        try:
            done = subprocess.run(  # noqa: S603  # our own command
                command,
                cwd=made,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            not_tested(f"`npm ci` did not end within {INSTALL_SECONDS} s")
            return
        if done.returncode != 0 and any(word in done.stderr for word in AWAY):
            not_tested(f"`npm ci` cannot have the SDK: {done.stderr.strip()[:300]}")
        assert done.returncode == 0, done.stderr
        try:
            made.rename(folder)
        except OSError:  # another worker was first
            assert folder.exists()


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  # as above


@pytest.fixture
def offline(launch: Launch) -> Gateway:
    gateway = launch(flags=("--offline",))
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": []})
    return gateway


def run(package: Path, gateway: Gateway, recorder: Recorder) -> dict[str, Any]:
    """Run the script; return the answer of each step by its name."""
    done = subprocess.run(
        ["node", "sdk.mjs"],  # noqa: S607  # the node that was found
        cwd=package,
        env={
            "PATH": os.environ["PATH"],
            "BASE_PATH": f"{gateway.url}/restapi",
            "TOKEN": TOKEN,
            "ACCOUNT": A1,
            "LISTENERS": recorder.url("").rstrip("/"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["step"]: line["answer"] for line in lines}


def test_the_sdk_for_node_configures_sends_lists_voids_and_reads_logs_as_it_stands(
    package: Path, offline: Gateway, recorder: Recorder
) -> None:
    told = run(package, offline, recorder)
    offline.until_quiet()

    made = told["create configuration"]
    assert CONFIGURED.fullmatch(made["connectId"])
    assert (made["name"], made["allowEnvelopePublish"]) == ("from node", "false")
    assert [one["connectId"] for one in told["list configurations"]["configurations"]] == [
        made["connectId"]
    ]
    updated = told["update configuration"]
    assert (updated["allowEnvelopePublish"], updated["name"]) == ("true", "from node")
    assert told["get configuration"]["configurations"] == [updated]
    assert told["delete configuration"] is None
    assert told["list after deletion"]["totalRecords"] == "0"

    created, other = told["create envelope"], told["create another"]
    assert created["status"] == "sent"
    [listed] = told["list by custom field"]["envelopes"]
    assert listed["envelopeId"] == created["envelopeId"]
    [field] = listed["customFields"]["textCustomFields"]
    assert (field["name"], field["value"]) == ("Integration", "App2")
    assert told["get envelope"]["status"] == "voided"
    assert told["get envelope"]["voidedReason"] == "No longer needed"
    assert told["get no envelope"]["errorCode"] == "ENVELOPE_DOES_NOT_EXIST"

    assert told["list logs"]["totalRecords"] == "3"
    assert {one["envelopeId"] for one in told["list logs"]["logs"]} == {
        created["envelopeId"],
        other["envelopeId"],
    }
    assert told["get log"]["configUrl"] == recorder.url("HOOK")
    assert told["list failures"]["totalRecords"] == "0"

    assert Counter(one.arrival[1:] for one in recorder.deliveries("HOOK")) == {
        (created["envelopeId"], None, "envelope-sent"): 1,
        (other["envelopeId"], None, "envelope-sent"): 1,
        (other["envelopeId"], None, "envelope-voided"): 1,
    }
    for one in recorder.deliveries("HOOK"):
        assert str(one.message["configurationId"]) == made["connectId"]


def test_the_articles_event_notification_given_by_node_hears_of_its_own_envelope_alone(
    package: Path, offline: Gateway, recorder: Recorder
) -> None:
    told = run(package, offline, recorder)
    offline.until_quiet()
    assert recorder.received_by("APP2") == []
    Sdk(offline).sign_all(told["create envelope"]["envelopeId"])
    offline.until_quiet()
    [completed] = recorder.deliveries("APP2")
    assert completed.arrival[1:] == (
        told["create envelope"]["envelopeId"],
        None,
        "envelope-completed",
    )
    summary = completed.message["data"]["envelopeSummary"]
    assert {"customFields", "recipients", "folders"} <= summary.keys()
