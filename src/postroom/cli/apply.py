"""`postroom apply`: make it as connect.yaml says, and say what changed."""

from pathlib import Path
from typing import Annotated

import typer

from postroom.cli import connect_file
from postroom.cli.desk import RefusedError
from postroom.cli.output import Row, clean
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError
from postroom.operations.document import Problem

app = typer.Typer(add_completion=False)

SIGNS = {"added": "+", "changed": "~", "removed": "-", "retired": "-"}


@command(app, may_create=True)
async def apply(
    seat: Seat,
    file: Annotated[Path, typer.Argument(help="The file, usually connect.yaml.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what the file does not name.")
    ] = False,
) -> None:
    """Make accounts, lanes and listeners what a file says: all of it or nothing."""
    read = connect_file.load(file)
    try:
        done = await seat.desk.post("/apply", read.document, dry_run=dry_run, prune=prune)
    except RefusedError as refused:
        if not refused.places:
            raise
        problems = [Problem(path=path, message=message) for path, message in refused.places]
        raise InvalidInputError(read.describe(problems)) from None
    for warning in done["warnings"]:
        seat.out.note(f"warning: {warning}")
    seat.out.say(done, *_told(done))


def _told(done: Row) -> list[str]:
    lines = []
    for one in done["changes"]:
        lines.append(f"{SIGNS.get(one['action'], ' ')} {one['kind']} {one['name']} {one['action']}")
        lines += [
            f"    {field}: {_shown(before)} → {_shown(after)}"
            for field, (before, after) in one["fields"].items()
        ]
    would = "would change" if done["is_dry_run"] else "changed"
    lines.append(f"{len(done['changes'])} {would}, {done['unchanged']} stayed as they were.")
    if done["crossed_decided"]:
        lines.append(f"{done['crossed_decided']} crossed deliveries were decided by their lane.")
    return lines


def _shown(value: object) -> str:
    return "nothing" if value in (None, "", []) else clean(value)
