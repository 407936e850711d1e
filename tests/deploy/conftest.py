"""A node's settings as it would have them, were it started here."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.deploy.deployed import Process, flags

from postroom.settings import Settings

Told = Callable[[Process], Settings]
IN_A_FILE = 'database = "sqlite:////var/lib/postroom/postroom.db"\n'
"""What the unit's comment says for one node on a file."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    """Return what reads a node's settings from its environment, its flags and its file."""
    for name in os.environ:
        if name.startswith("POSTROOM_"):
            monkeypatch.delenv(name)
    there = tmp_path / "postroom.toml"
    there.write_text(IN_A_FILE)

    def read(node: Process) -> Settings:
        for name, value in node.environment.items():
            monkeypatch.setenv(name, value)
        said = flags(node)
        return Settings.load(there if said.pop("config", None) else None, **said)

    return read
