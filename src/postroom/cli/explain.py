"""`postroom explain`: why a listener got a notification, or why not."""

from typing import Annotated

import typer

from postroom.cli.desk import part
from postroom.cli.output import Row, clean, facts, heading, moment, plain
from postroom.cli.seat import Seat, command

app = typer.Typer(add_completion=False)

MARKS = {"yes": "✓", "no": "✗", "unknown": "?"}


@command(app)
async def explain(
    seat: Seat,
    notification: Annotated[str, typer.Argument(help="The notification's id.")],
    listener: Annotated[
        str | None, typer.Argument(help="Only this listener, by name.", show_default=False)
    ] = None,
) -> None:
    """Say who gets a notification and why or why not, by the listeners then in force."""
    path = f"/notifications/{part(notification)}/explanation"
    found = await seat.desk.get(path, listener=listener)
    lines = [facts(_told(found))]
    for one in found["listeners"]:
        lines.append(heading(one["sentence"]))
        lines += [plain(line) for line in _because(one)]
    if not found["listeners"]:
        lines.append(heading("The account had no listeners then; see `postroom listeners`."))
    seat.out.say(found, *lines)


def _told(found: Row) -> tuple[tuple[str, object], ...]:
    return (
        ("notification", found["notification_id"]),
        ("event", found["event"]),
        ("envelope", found["envelope_id"]),
        ("account", found["account_id"]),
        ("received", moment(found["received_at"])),
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
