"""`postroom explain`: why a listener got a notification, or why not."""

from typing import Annotated

import typer
from rich.console import RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from postroom.cli import explain_history, explain_silence
from postroom.cli.desk import part
from postroom.cli.output import Row, clean, facts, heading, moment, plain
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError

app = typer.Typer(add_completion=False)

MARKS = {"yes": "✓", "no": "✗", "unknown": "?"}
USAGE = (
    "explain what? Give a notification's id; or --envelope ID; or --listener NAME --since MOMENT"
)


@command(app)
async def explain(
    seat: Seat,
    notification: Annotated[
        str | None, typer.Argument(help="The notification's id.", show_default=False)
    ] = None,
    listener: Annotated[
        str | None, typer.Argument(help="Only this listener, by name.", show_default=False)
    ] = None,
    *,
    envelope: Annotated[
        str | None, typer.Option(metavar="ID", help="Explain an envelope's whole history.")
    ] = None,
    of_listener: Annotated[
        str | None,
        typer.Option("--listener", metavar="NAME", help="Explain why a listener got nothing."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="Since when it got nothing: 2026-03-02T09:00Z."),
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Whose envelope or listener: the account's id or name.")
    ] = None,
) -> None:
    """Say who gets a notification and why or why not; of an envelope, or of a listener, as well."""
    only = _only(listener, of_listener)
    given = {"notification": notification, "envelope": envelope, "since": since}
    asked = [name for name, value in given.items() if value is not None]
    if asked == ["notification"] and notification is not None and account is None:
        await _notification(seat, notification, only)
    elif asked == ["envelope"] and envelope is not None:
        await _envelope(seat, envelope, account, only)
    elif asked == ["since"] and only is not None:
        await _silence(seat, only, {"since": since, "account": account})
    else:
        raise InvalidInputError(USAGE)


async def _notification(seat: Seat, notification: str, only: str | None) -> None:
    path = f"/notifications/{part(notification)}/explanation"
    found = await seat.desk.get(path, listener=only)
    seat.out.say(found, *_told(found))


async def _envelope(seat: Seat, envelope: str, account: str | None, only: str | None) -> None:
    path = f"/envelopes/{part(envelope)}/explanation"
    found = await seat.desk.get(path, account=account, listener=only)
    seat.out.say(found, *explain_history.told(found))


async def _silence(seat: Seat, listener: str, order: Row) -> None:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = seat.out.errors
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("Deciding what came in once more…", total=None)

        def heard(progress: Row) -> None:
            line = f"{progress['looked_at']:,} looked at, {progress['owed']:,} owed"
            bar.update(task, description=line)

        path = f"/listeners/{part(listener)}/explanation"
        found = await seat.desk.follow(path, order, heard)
    seat.out.say(found, *explain_silence.told(found))


def _only(listener: str | None, of_listener: str | None) -> str | None:
    if listener is not None and of_listener is not None:
        raise InvalidInputError("give the listener once: after the notification, or as --listener")
    return listener if of_listener is None else of_listener


def _told(found: Row) -> list[RenderableType]:
    lines: list[RenderableType] = [facts(_facts(found))]
    for one in found["listeners"]:
        lines.append(heading(one["sentence"]))
        lines += [plain(line) for line in _because(one)]
    if not found["listeners"]:
        lines.append(heading("The account had no listeners then; see `postroom listeners`."))
    return lines


def _facts(found: Row) -> tuple[tuple[str, object], ...]:
    return (
        ("notification", found["notification_id"]),
        ("event", found["event"]),
        ("envelope", found["envelope_id"]),
        ("account", found["account_id"]),
        ("received", moment(found["received_at"])),
        ("origin", "" if found["origin"] == "feed" else found["origin"]),
        ("unclaimed", "nobody wanted it" if found["is_unclaimed"] else ""),
        ("flaw", found["flaw"]),
    )


def _because(one: Row) -> list[str]:
    lines = []
    for finding in one["findings"]:
        seen = "" if finding["seen"] is None else f"; seen: {clean(finding['seen'])}"
        hint = f" ({finding['hint']})" if finding["hint"] else ""
        lines.append(f"  {MARKS.get(finding['truth'], ' ')} {finding['condition']}{seen}{hint}")
    if one["delivery_ids"]:
        lines.append(f"  more: postroom deliveries show {one['delivery_ids'][-1]}")
    return lines
