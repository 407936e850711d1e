"""`postroom apply`: make it as connect.yaml says, and say what changed."""

from pathlib import Path
from typing import Annotated

import typer

from postroom.cli import connect_file
from postroom.cli.changes import changed, placed
from postroom.cli.output import Row
from postroom.cli.plan import read_plan
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError

app = typer.Typer(add_completion=False)


@command(app, may_create=True)
async def apply(
    seat: Seat,
    file: Annotated[
        Path | None, typer.Argument(help="The file, usually connect.yaml; not with --plan.")
    ] = None,
    *,
    plan: Annotated[
        Path | None,
        typer.Option(help="Do exactly what this plan showed (`plan --out`), or nothing."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what the file does not name.")
    ] = False,
) -> None:
    """Make accounts, lanes and listeners what a file says: all of it or nothing."""
    fingerprint = None
    if plan is not None:
        if file is not None or prune:
            raise InvalidInputError("a plan says which file it is about, and whether it prunes")
        file, planned = read_plan(plan)
        fingerprint, prune = planned.fingerprint, planned.prune
    if file is None:
        raise InvalidInputError("name the file, usually connect.yaml, or a plan with --plan")
    read = connect_file.load(file)
    with placed(read):
        done = await seat.desk.post(
            "/apply", read.document, dry_run=dry_run, prune=prune, plan=fingerprint
        )
    for warning in done["warnings"]:
        seat.out.note(f"warning: {warning}")
    seat.out.say(done, *_told(done))


def _told(done: Row) -> list[str]:
    lines = list(changed(done["changes"]))
    would = "would change" if done["is_dry_run"] else "changed"
    lines.append(f"{len(done['changes'])} {would}, {done['unchanged']} stayed as they were.")
    if done["crossed_decided"]:
        lines.append(f"{done['crossed_decided']} crossed deliveries were decided by their lane.")
    return lines
