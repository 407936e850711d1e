"""The last release: its own code, from its wheel, run as its users run it."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.acceptance.gateway import COMMAND, PATIENCE_SECONDS, TOKEN, Gateway

from postroom.vault import Vault

RELEASES = Path(__file__).with_name("releases")
START = "2026-03-02T09:00:00Z"
KEY = {"POSTROOM_SECRET_KEY": Vault.generate_key().decode()}


def unpacked(folder: Path) -> Path:
    """Unpack the one wheel there is; return where its package can be imported from."""
    [wheel] = RELEASES.glob("postroom-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(folder)
    return folder


class Node(Gateway):
    """A node of this release, or (`code`) of another, on one database."""

    def __init__(self, folder: Path, database: str, code: Path | None = None) -> None:
        self._more = KEY | ({"PYTHONPATH": str(code)} if code else {})
        super().__init__(folder, start=START, database=database, environment=self._more)

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run a command of the same release against this node; return what it printed."""
        return run(*arguments, "--server", self.url, "--token", TOKEN, more=self._more, ends=expect)


def run(*arguments: str, more: dict[str, str], ends: int = 0) -> str:
    """Run a command as a process with more in its environment; return what it printed."""
    done = subprocess.run(  # noqa: S603  # our own command
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env=os.environ | more,
        check=False,
    )
    assert done.returncode == ends, f"{arguments} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout


def imported(code: Path) -> Path:
    """Return the package that a process with the release's code imports."""
    asked: Sequence[str] = (sys.executable, "-c", "import postroom; print(postroom.__file__)")
    environment: dict[str, Any] = os.environ | {"PYTHONPATH": str(code)}
    said = subprocess.run(asked, capture_output=True, text=True, check=True, env=environment)  # noqa: S603  # our own command
    return Path(said.stdout.strip())
