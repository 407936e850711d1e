"""A page that shows what its commands print: each is run in its place, and must print that.

Of what is shown, an `…` stands for anything in its line, and a line of its own for any lines.
Where nothing is shown, anything may be printed.
Runs of spaces are alike, and so are ids that begin with `evt_`, which are never the same twice.
"""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.acceptance.how_to import PATIENCE_SECONDS, HowTo

ASSIGNMENT = re.compile(r"(?:export )?([A-Z_]+)=\$\((.+)\)$")
"""What a command prints is kept for all that follows; the command is run once."""
LISTS = ("postroom deliveries", "postroom unclaimed", "postroom crossed", "postroom listeners")
"""What only looks may look again: deliveries take a moment."""


class Tutorial(HowTo):
    """One page, followed in a folder, each file saved and each command run as one comes to it."""

    def __init__(self, page: str, folder: Path, **otherwise: Mapping[str, Any]) -> None:
        super().__init__(f"../{page}", folder, **otherwise)

    def follow(self) -> None:
        """Do all that the page says, from top to bottom."""
        for name, language, text in self.blocks:
            if name:
                (self.folder / name).write_text(text)
            elif language == "console":
                self.do(text)

    def do(self, block: str) -> None:
        """Run the commands of one block."""
        for command, shown in steps(block):
            self._do(command, shown)

    def _do(self, command: str, shown: str) -> None:
        if assigned := ASSIGNMENT.match(command):
            value = self._print(assigned[2]).strip()
            assert value, f"{command} found nothing"
            self._exports.append(f"export {assigned[1]}={value}")
        elif command.startswith("export "):
            self._exports.append(command)
        elif command.startswith("postroom serve"):
            self._await(self._serve(command), shown or "…")
        elif command == "python listener.py":
            self._stay("listener", command)
        else:
            self._expect(command, shown)

    def _await(self, running: str, shown: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not fits(shown, self.printed(running)):
            assert time.monotonic() < deadline, (
                f"{running}:\n{self.printed(running)}\nnot:\n{shown}"
            )
            time.sleep(0.02)

    def _expect(self, command: str, shown: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not fits(shown or "…", printed := self._print(command)):
            is_in_time = command.startswith(LISTS) and time.monotonic() < deadline
            assert is_in_time, f"$ {command}\n{printed}\nis not what the page shows:\n{shown}"

    def _print(self, command: str) -> str:
        self._typed.append(command)
        return self._type_out()


def steps(block: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with what is shown below it."""
    pieces = re.split(r"^\$ (.+)\n", block, flags=re.MULTILINE)[1:]
    return list(zip(pieces[::2], pieces[1::2], strict=True))


def fits(shown: str, printed: str) -> bool:
    """Whether what was printed is what is shown."""
    lines = [line for line in map(_plain, shown.splitlines()) if line]
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in lines
    )
    return re.fullmatch(pattern, _lines(printed)) is not None


def _lines(text: str) -> str:
    return "".join(f"{line}\n" for line in map(_plain, text.splitlines()) if line)


def _plain(line: str) -> str:
    return " ".join(re.sub(r"evt_(?:[0-9a-f]{32}|…)", "evt", line).split())
