"""`postroom shadow`: what a shadow would have got, beside what a live listener got."""

from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from postroom.cli.options import From, ListenerName, OfAccount, Until
from postroom.cli.output import Column, Row, heading, moment, table
from postroom.cli.seat import Seat, command

app = typer.Typer(add_completion=False)

COUNTS = (
    Column(heading="who", says="who"),
    Column(heading="notifications", says="count", is_number=True),
)
EXAMPLES = (
    Column(heading="notification", says="notification_id"),
    Column(heading="envelope", says="envelope_id"),
    Column(heading="event", says="event"),
    Column(heading="received (UTC)", says=lambda one: moment(one["received_at"])),
    Column(heading="why", says="why"),
)


@command(app)
async def shadow(
    seat: Seat,
    listener: ListenerName,
    *,
    against: Annotated[
        str | None, typer.Option(metavar="LISTENER", help="The live listener to compare with.")
    ] = None,
    account: OfAccount = None,
    received_from: From = None,
    received_until: Until = None,
    examples: Annotated[
        int, typer.Option(min=0, max=100, help="How many of each kind at most.")
    ] = 5,
) -> None:
    """Say what a shadow would have got, beside what a live listener was to get."""
    order = {
        "listener": listener,
        "against": against,
        "account": account,
        "from": received_from,
        "until": received_until,
        "examples": examples,
    }
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = seat.out.errors
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("Comparing…", total=None)

        def told(progress: Row) -> None:
            line = f"{progress['looked_at']:,} looked at, {progress['differing']:,} differ"
            bar.update(task, description=line)

        found = await seat.desk.follow("/shadow", order, told)
    kinds = _kinds(found)
    counted = [{"who": who, "count": found[kind]["count"]} for kind, who in kinds]
    parts = [
        part
        for kind, who in kinds
        if kind != "both" and found[kind]["examples"]
        for part in (heading(who), table(found[kind]["examples"], EXAMPLES))
    ]
    seat.out.say(found, found["verdict"], "", table(counted, COUNTS), *parts)


def _kinds(found: Row) -> list[tuple[str, str]]:
    """Return the kinds of the report in words."""
    name, against = found["shadow"], found["against"]
    if against is None:
        return [("only_shadow", f"for {name}"), ("held_by_shadow", f"held by {name}")]
    return [
        ("both", "both"),
        ("only_shadow", f"only {name}"),
        ("only_live", f"only {against}"),
        ("held_by_shadow", f"held by {name}"),
        ("open_at_live", f"open at {against}"),
    ]
