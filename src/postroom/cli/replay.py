"""`postroom replay`: deliver again what was delivered or given up."""

from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from postroom.cli.options import OfAccount, several
from postroom.cli.output import Row
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError

app = typer.Typer(add_completion=False)

SHOWN_IDS = 20


@command(app)
async def replay(  # noqa: PLR0913  # what to replay, and how
    seat: Seat,
    delivery: Annotated[
        int | None, typer.Argument(metavar="[DELIVERY]", min=1, help="One delivery, by number.")
    ] = None,
    *,
    named: Annotated[
        int | None, typer.Option("--delivery", min=1, help="The same as an option.")
    ] = None,
    envelope: Annotated[str | None, typer.Option(help="What this envelope owed, by id.")] = None,
    listener: Annotated[str | None, typer.Option(help="What this listener was owed.")] = None,
    account: OfAccount = None,
    events: Annotated[
        str | None, typer.Option(help="Only these events, comma-separated, in any spelling.")
    ] = None,
    states: Annotated[
        str | None,
        typer.Option(help="Only in these states, comma-separated: delivered, given_up."),
    ] = None,
    received_from: Annotated[
        str | None, typer.Option("--from", metavar="MOMENT", help="Received at or after.")
    ] = None,
    received_until: Annotated[
        str | None, typer.Option("--to", metavar="MOMENT", help="Received before.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    rate: Annotated[float | None, typer.Option(help="At most so many a second.")] = None,
    reason: Annotated[
        str, typer.Option(help="Why, for the audit log and a header of each delivery.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Also what an earlier replay has delivered.")
    ] = False,
) -> None:
    """Deliver again what was delivered or given up, under the same ids and marked as a replay."""
    if delivery is not None and named is not None:
        raise InvalidInputError("give the delivery once: as an argument or as --delivery")
    order = {
        "delivery": named if delivery is None else delivery,
        "envelope": envelope,
        "listener": listener,
        "account": account,
        "events": several(events),
        "states": several(states),
        "from": received_from,
        "until": received_until,
        "dry_run": dry_run,
        "rate_per_second": rate,
        "reason": reason,
        "force": force,
    }
    done = await _followed(seat, order)
    seat.out.say(done, *_told(done, rate))


async def _followed(seat: Seat, order: Row) -> Row:
    """Place the order and show how far it is, where a person can see it."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = seat.out.errors
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("Looking for what fits…", total=None)

        def told(progress: Row) -> None:
            line = f"{progress['looked_at']} looked at, {progress['queued']} queued"
            bar.update(task, description=line)

        found: Row = await seat.desk.follow("/replay", order, told)
    return found


def _told(done: Row, rate: float | None) -> list[str]:
    if done["replay_id"] is None:
        lines = [f"{done['matched']} fit; {done['queued']} would be delivered again."]
    else:
        pace = f", {rate:g} a second" if rate else ""
        lines = [
            f"{done['queued']} of {done['matched']} are queued again as {done['replay_id']}{pace}."
        ]
    if done["already_replayed"]:
        lines.append(
            f"{done['already_replayed']} were replayed before and are left out;"
            " --force replays them too."
        )
    gone = done["not_replayable"]
    if gone:
        lines.append(f"{len(gone)} cannot be replayed, for their messages are past retention:")
        lines += [f"  {one}" for one in gone[:SHOWN_IDS]]
    if len(gone) > SHOWN_IDS:
        lines.append(f"  and {len(gone) - SHOWN_IDS} more; --json lists them all")
    if not done["matched"]:
        lines.append("Leave out options to match more; `postroom deliveries` lists all there is.")
    return lines
