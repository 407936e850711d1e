"""`postroom plan`: what a changed connect.yaml would do, before `apply` does it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from postroom.cli import connect_file, connect_text
from postroom.cli.changes import changed, placed
from postroom.cli.output import Column, Row, heading, moment, plain, table
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError
from postroom.model import Noun

app = typer.Typer(add_completion=False)

MAX_PLAN_BYTES = 64 * 1024
FATES = (
    ("newly_unclaimed", "Nobody would have had these any more"),
    ("no_longer_unclaimed", "Nobody had these; somebody would have"),
    ("newly_crossed", "Two of one lane would have wanted these"),
    ("no_longer_crossed", "These would not have crossed any more"),
    ("newly_held", "These would have been held"),
    ("no_longer_held", "These would not have been held any more"),
)
COUNTS = (
    Column(heading="listener", says="listener"),
    Column(heading="before", says="before", is_number=True),
    Column(heading="after", says="after", is_number=True),
    Column(heading="gained", says=lambda row: row["gained"]["count"], is_number=True),
    Column(heading="lost", says=lambda row: row["lost"]["count"], is_number=True),
)
EXAMPLES = (
    Column(heading="notification", says="notification_id"),
    Column(heading="event", says="event"),
    Column(heading="envelope", says="envelope_id"),
    Column(heading="received", says=lambda row: moment(row["received_at"])),
    Column(heading="why", says="why"),
)


class PlanFile(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `plan --out` writes and `apply --plan` reads: which file, and what it came to."""

    postroom_plan: int
    """1: the form of this file."""
    file: str
    """Where the connect.yaml is, seen from here."""
    prune: bool
    fingerprint: str


@command(app)
async def plan(  # what to plan, and which traffic to ask
    seat: Seat,
    file: Annotated[Path, typer.Argument(help="The file, usually connect.yaml.")],
    *,
    days: Annotated[
        float | None,
        typer.Option(min=0.001, max=36_500, help="Ask the traffic of the last so many days: 30."),
    ] = None,
    received_from: Annotated[
        str | None, typer.Option("--from", metavar="MOMENT", help="Received at or after.")
    ] = None,
    received_until: Annotated[
        str | None, typer.Option("--to", metavar="MOMENT", help="Received before.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="As if what the file does not name were removed.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the plan here, for `apply --plan`."),
    ] = None,
) -> None:
    """Show what a file would change, and what that would have done to real traffic."""
    if out is not None:
        _check(out)
    read = connect_file.load(file)
    order = {
        "document": read.document,
        "prune": prune,
        "days": days,
        "from": received_from,
        "until": received_until,
    }
    with placed(read):
        made = await _followed(seat, order)
    for warning in made["warnings"]:
        seat.out.note(f"warning: {warning}")
    if out is not None:
        _write(out, file, made)
    seat.out.say(made, *_told(made, out))


def read_plan(path: Path) -> tuple[Path, PlanFile]:
    """Return the file that a plan is about, and the plan.

    Raises `InvalidInputError` for what `plan --out` has not written.
    """
    try:
        with path.open("rb") as opened:
            found = msgspec.json.decode(opened.read(MAX_PLAN_BYTES), type=PlanFile)
    except OSError as problem:
        raise InvalidInputError(f"cannot read {path}: {problem.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidInputError(
            f"{path} is no plan; `postroom plan connect.yaml --out {path.name}` writes one"
        ) from None
    if found.postroom_plan != 1:
        raise InvalidInputError(f"{path} was written by another release; plan again")
    return path.parent / found.file, found


def _check(out: Path) -> None:
    """Refuse to write over anything but a plan: one slip, and connect.yaml would be gone."""
    if connect_text.is_in_use(out):
        try:
            read_plan(out)
        except InvalidInputError:
            raise InvalidInputError(
                f"{out} is there already and is no plan; name another file with --out"
            ) from None


def _write(out: Path, file: Path, made: Row) -> None:
    kept = PlanFile(
        postroom_plan=1,
        file=os.path.relpath(file.resolve(), out.resolve().parent),
        prune=made["is_pruning"],
        fingerprint=made["fingerprint"],
    )
    try:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(kept)) + b"\n")
    except OSError as problem:
        raise InvalidInputError(f"cannot write {out}: {problem.strerror}") from None


async def _followed(seat: Seat, order: Row) -> Row:
    """Place the order and show how far it is, where a person can see it."""
    columns = (
        TextColumn("Deciding what came in once more"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = seat.out.errors
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)

        def told(progress: Row) -> None:
            bar.update(task, completed=progress["looked_at"], total=progress["total"])

        found: Row = await seat.desk.follow("/plan", order, told)
    return found


def _told(made: Row, out: Path | None) -> Iterator[RenderableType]:
    yield from map(plain, changed(made["changes"]))
    if not made["changes"]:
        yield plain(f"Nothing would change: {made['unchanged']} stay as they are.")
        return
    yield plain(f"{len(made['changes'])} would change, {made['unchanged']} stay as they are.")
    yield from _effects(made["effects"], made["changes"])
    if out is not None:
        yield plain(f"\nTo do exactly this: postroom apply --plan {out}")


def _effects(effects: Row, changes: list[Row]) -> Iterator[RenderableType]:
    count = effects["notifications"]
    changed_ones = {(one["account_id"], one["name"]) for one in changes}
    touched = [
        one
        for one in effects["listeners"]
        if one["gained"]["count"]
        or one["lost"]["count"]
        or (one["account_id"], one["listener"]) in changed_ones
    ]
    if count == 0:
        yield plain("No traffic of the period is touched; --days asks further back.")
    else:
        since = f"from {moment(effects['received_from'])} to {moment(effects['received_until'])}"
        yield heading(f"{count} notifications {since}, decided once more:")
        if touched:
            yield table(touched, COUNTS)
        if others := len(effects["listeners"]) - len(touched):
            yield plain(f"Listeners that would have had just what they had: {others}.")
        for one in touched:
            yield from _examples(f"{one['listener']} would have gained", one["gained"])
            yield from _examples(f"{one['listener']} would have lost", one["lost"])
        for name, title in FATES:
            yield from _examples(title, effects[name])
    if effects["without_body"]:
        yield plain(
            f"{effects['without_body']} more are past retention: what they said is not known."
        )


def _examples(title: str, effect: dict[str, Any]) -> Iterator[RenderableType]:
    if effect["count"]:
        shown = len(effect["examples"])
        more = f" (the first {shown})" if shown < effect["count"] else ""
        yield heading(f"{title}: {effect['count']}{more}")
        yield table(effect["examples"], EXAMPLES)
