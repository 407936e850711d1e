"""`postroom reconcile`: what happened on the account and never arrived."""

from typing import Annotated

import typer
from rich.console import RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from postroom.cli.options import several
from postroom.cli.output import Column, Row, counted, heading, moment, table
from postroom.cli.seat import NO, OK, UNAVAILABLE, Seat, command

app = typer.Typer(add_completion=False)

COLUMNS = (
    Column(heading="happened (UTC)", says=lambda one: moment(one["occurred_at"])),
    Column(heading="envelope", says="envelope_id"),
    Column(heading="event", says="event"),
    Column(heading="recipient", says="recipient_id"),
    Column(heading="wanted by", says=lambda one: ", ".join(one["wanted_by"]) or "nobody"),
)


@command(app)
async def reconcile(  # what to compare, and what to do about it
    seat: Seat,
    *,
    account: Annotated[str, typer.Option(help="The account to ask, by id or name.")],
    since: Annotated[
        str,
        typer.Option(metavar="MOMENT", help="What happened at or after, like 2026-03-02T09:00Z."),
    ],
    until: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="What happened before; five minutes ago if left out."),
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(
            help="Look for these, comma-separated; otherwise for those that the feed has told or"
            " a listener names."
        ),
    ] = None,
    inject: Annotated[
        bool, typer.Option("--inject", help="Make up what is missing, once, and deliver it.")
    ] = False,
) -> int:
    """List what happened on an account and never arrived; ends with 1 if something is missing."""
    order = {
        "account": account,
        "since": since,
        "until": until,
        "events": several(events),
        "inject": inject,
    }
    done = await _followed(seat, order)
    seat.out.say(done, *_told(done, inject=inject))
    if done["problem"]:
        seat.out.note(f"The account did not tell all: {done['problem']}. Run it again then.")
        return UNAVAILABLE
    return OK if done["injected"] == done["missing"] else NO


async def _followed(seat: Seat, order: Row) -> Row:
    """Place the order and show how far it is, where a person can see it."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = seat.out.errors
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("Asking the account…", total=None)

        def told(progress: Row) -> None:
            line = (
                f"{counted(progress['envelopes'], 'envelope')} looked at,"
                f" {progress['missing']} missing"
            )
            bar.update(task, description=line)

        found: Row = await seat.desk.follow("/reconcile", order, told)
    return found


def _told(done: Row, *, inject: bool) -> list[RenderableType]:
    window = f"from {moment(done['since'])} to {moment(done['until'])}"
    looked_at = counted(done["envelopes"], "envelope")
    missing = counted(done["missing"], "event")
    lines: list[RenderableType] = [f"{looked_at} looked at; {missing} {window} never arrived."]
    if done["items"]:
        lines.append(table(done["items"], COLUMNS))
    if (more := done["missing"] - len(done["items"])) > 0:
        lines.append(f"{more} more are not listed; narrow it with --since, --until or --events.")
    if inject and done["injected"]:
        lines.append(
            f"{counted(done['injected'], 'event')} made up, marked Postroom-Derived, delivered like"
            " any other."
        )
    elif done["missing"]:
        lines.append("Add --inject to make them up and deliver them.")
    if done["unknown"]:
        lines.append(heading("Arrived, of envelopes that the account does not know"))
        lines += [f"  {one}" for one in done["unknown"]]
    if done["not_looked_for"]:
        said = ", ".join(f"{event} {count}" for event, count in done["not_looked_for"].items())
        lines.append(
            f"Not looked for, since the feed has told none and no listener names it: {said}."
        )
    return lines
