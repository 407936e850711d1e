"""The how-to pages about working offline do what they say, word for word."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tests.acceptance.how_to import HowTo

from postroom.cli.program import COMMANDS
from postroom.operations.connect.event_notification import KEYS

Follow = Callable[[str], HowTo]


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Follow]:
    """Yield what follows a page to its end and leaves what it started running until the test's."""
    opened: list[HowTo] = []

    def one(page: str) -> HowTo:
        opened.append(HowTo(page, tmp_path))
        opened[-1].follow()
        return opened[-1]

    yield one
    for page in opened:
        page.close()


def test_developing_offline_works_as_the_page_says(follow: Follow) -> None:
    page = follow("develop-an-integration-offline.md")
    for told in (
        *("/erp envelope-sent", "/erp envelope-completed", "/erp envelope-declined"),
        *("/app2 recipient-authenticationfailed", "/app2 envelope-completed"),
    ):
        page.wait_for("listener", told)
    # Account, people and integration are those that the server names.
    [shown] = [text for _, _, text in page.blocks if "Postroom listens on" in text]
    said = page.printed("server").splitlines()
    named = [line for line in shown.splitlines() if line.startswith(("Offline", "  "))]
    assert len(named) == 7
    assert [line for line in named if line not in said] == []


def test_running_in_ci_works_as_the_page_says(follow: Follow) -> None:
    page = follow("run-in-your-own-ci.md")
    [job] = [yaml.safe_load(text) for name, _, text in page.blocks if name == "ci.yaml"]
    run = [step["run"] for step in job["jobs"]["test"]["steps"] if "run" in step]
    ours = [line.split()[1] for line in run if line.startswith("postroom ")]
    assert ours == ["lint"]
    assert set(ours) <= COMMANDS.keys()


def test_the_pages_event_notification_has_no_key_that_is_none(tmp_path: Path) -> None:
    page = HowTo("develop-an-integration-offline.md", tmp_path)
    [said] = [json.loads(text) for _, language, text in page.blocks if language == "json"]
    assert set(said) <= set(KEYS)
