"""`postroom health`: what is owed, and what wants attention."""

import typer

from postroom.cli.output import Column, facts, heading, moment, plain, table
from postroom.cli.seat import NO, OK, Seat, command

app = typer.Typer(add_completion=False)

COLUMNS = (
    Column(heading="listener", says="listener"),
    Column(heading="state", says="state"),
    Column(heading="due", says="due", is_number=True),
    Column(heading="waiting", says="waiting", is_number=True),
    Column(heading="held", says="held", is_number=True),
    Column(heading="crossed", says="crossed", is_number=True),
    Column(heading="given up", says="given_up", is_number=True),
    Column(heading="oldest owed (UTC)", says=lambda one: moment(one["oldest_received_at"])),
)


@command(app)
async def health(seat: Seat) -> int:
    """Say what is owed and what wants attention. Ends with 1 if something waits for a person."""
    found = await seat.desk.get("/health")
    store = found["store"]
    told = (
        ("state", found["state"]),
        ("owed", found["owed"]),
        ("oldest owed", moment(found["oldest_received_at"])),
        ("being tried", found["in_hand"]),
        ("notifications", store["notifications"]),
        ("delivered", store["delivered"]),
    )
    lines = [facts(told)]
    if found["backlog"]:
        lines += [heading("Listeners"), table(found["backlog"], COLUMNS)]
    else:
        lines.append(heading("No listeners yet; `postroom apply connect.yaml` makes them."))
    if found["attention"]:
        lines += [heading("Waits for a person"), *(plain(f"  {one}") for one in found["attention"])]
    seat.out.say(found, *lines)
    return NO if found["attention"] else OK
