"""`postroom diff`: where connect.yaml and the system differ."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from postroom.cli import connect_file
from postroom.cli.changes import fields, placed
from postroom.cli.output import Row
from postroom.cli.seat import NO, OK, Seat, command

app = typer.Typer(add_completion=False)


@command(app)
async def diff(
    seat: Seat,
    file: Annotated[Path, typer.Argument(help="The file, usually connect.yaml.")],
) -> int:
    """Say where a file and the system differ; ends with 1 if they do. Changes nothing."""
    read = connect_file.load(file)
    with placed(read):
        found = await seat.desk.post("/diff", read.document)
    for warning in found["warnings"]:
        seat.out.note(f"warning: {warning}")
    lines = list(_told(found))
    seat.out.say(found, *lines, f"{len(found['differing'])} differ, {found['same']} are the same.")
    return NO if lines else OK


def _told(found: Row) -> Iterator[str]:
    for one in found["only_in_file"]:
        yield f"+ {one['kind']} {one['name']}: only in the file"
    for one in found["only_in_system"]:
        yield f"- {one['kind']} {one['name']}: only in the system"
    for one in found["differing"]:
        yield f"~ {one['kind']} {one['name']}: from the system's to the file's"
        yield from fields(one)
