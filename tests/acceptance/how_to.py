"""A how-to page as its reader follows it: its files are saved, its commands are run, in order.

A block of code belongs to the file that the paragraph before it begins with, in backticks. Of a
console block the lines after `$ ` are commands; what stays running (a server, a listener) does so
in a terminal of its own.
"""

import contextlib
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).parents[2]
PORTS = {"server": "8080", "second server": "8081", "listener": "9000"}
"""The ports that the pages name, of what stays running; here each is another, a free one."""
BLOCK = re.compile(
    r"(?:^`([\w.-]+)`(?:[^\n]+\n)+\n)?^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL
)
CONTINUED = re.compile(r" \\\n +")
"""A command that goes on in the next line is one line here."""
PATIENCE_SECONDS = 60.0
OURS = ("POSTROOM_SERVER", "POSTROOM_TOKEN", "POSTROOM_ADMIN_TOKEN", "COLUMNS")
"""What a reader has not set: their terminal is as wide as it is."""


class HowTo:
    """One page, followed in a folder."""

    def __init__(
        self,
        page: str,
        folder: Path,
        *,
        instead: Mapping[str, str] = MappingProxyType({}),
        ends: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Open a page; `instead` of some of its texts others are read, such as an id that is `…`.

        `ends` has the exit codes of commands that are not 0.
        """
        self.folder = folder
        self.environment: dict[str, str] = {}
        """What the reader has set before, such as the server that all commands ask."""
        self._ends = ends
        self.blocks: list[tuple[str, str, str]] = []
        """(file or "", language, text), as they stand on the page."""
        self._ports = {named: str(_free_port()) for named in PORTS.values()}
        text = (ROOT / "docs" / "how-to" / page).read_text()
        for said, meant in instead.items():
            assert said in text, f"{page} does not say {said!r} any more"
            text = text.replace(said, meant)
        for named, free in self._ports.items():
            text = re.sub(rf"(?<=[: ]){named}\b", free, text)
        text = CONTINUED.sub(" ", text)
        self.blocks += BLOCK.findall(text)
        self._exports: list[str] = []
        self._typed: list[str] = []
        self._running: dict[str, subprocess.Popen[str]] = {}

    def follow(self) -> None:
        """Save every file and run every command, in order; each must succeed."""
        for name, _, text in self.blocks:
            if name:
                (self.folder / name).write_text(text)
        for command in self.commands():
            if command.startswith("export "):
                self._exports.append(command)
            elif command.startswith("postroom serve"):
                self._type_out()
                self._serve(command)
            elif command == "python listener.py":
                self._stay("listener", command)
            else:
                self._typed.append(command)
        self._type_out()

    def commands(self) -> list[str]:
        """Return the commands of the page."""
        shown = [text for _, language, text in self.blocks if language == "console"]
        return re.findall(r"^\$ (.+)$", "".join(shown), re.MULTILINE)

    def printed(self, running: str) -> str:
        """Return what something that stays running has printed so far."""
        return (self.folder / f"{running}.out").read_text()

    def wait_for(self, running: str, text: str) -> None:
        """Wait until something that stays running has printed a text."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.printed(running):
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.printed(running)}"
            time.sleep(0.02)

    def close(self) -> None:
        """End what still runs."""
        for running in self._running.values():
            running.terminate()
            running.wait(PATIENCE_SECONDS)

    def _type_out(self) -> str:
        """Run what has been typed until here, in one shell; return what it printed."""
        script = "\n".join(["set -eu", *self._exports, *self._typed])
        expected = self._ends.get(self._typed[-1], 0) if self._typed else 0
        done = subprocess.run(  # noqa: S603  # the page's own commands
            ["/bin/bash", "-c", script],
            cwd=self.folder,
            env=_environment() | self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == expected, f"{script}\n{done.stdout}\n{done.stderr}"
        self._typed = []
        return done.stdout

    def _serve(self, command: str) -> str:
        """Start a server, the second one if a port is named; return which it is."""
        name = "second server" if "--port" in command else "server"
        port = "" if "--port" in command else f" --port {self._ports[PORTS[name]]}"
        self._stay(name, command + port)
        return name

    def _stay(self, name: str, command: str) -> None:
        """Start something in a terminal of its own, once what had that terminal has ended."""
        before = self._running.get(name)
        if before is not None:
            before.terminate()
            before.wait(PATIENCE_SECONDS)
        script = "\n".join([*self._exports, f"exec {command}"])
        with (self.folder / f"{name}.out").open("w") as out:
            self._running[name] = subprocess.Popen(  # noqa: S603  # as above
                ["/bin/bash", "-c", script],
                cwd=self.folder,
                env=_environment() | self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        port = self._ports[PORTS[name]]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _answers(int(port)):
            is_alive = self._running[name].poll() is None
            assert is_alive, f"{shlex.quote(command)} ended:\n{self.printed(name)}"
            assert time.monotonic() < deadline, f"{command} does not listen"
            time.sleep(0.02)


def _environment() -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if name not in OURS}
    return mine | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
