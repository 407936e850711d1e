"""`postroom audit`: who did what."""

import typer

from postroom.cli.options import After, Limit
from postroom.cli.output import Column, moment
from postroom.cli.seat import Seat, command

app = typer.Typer(add_completion=False)

COLUMNS = (
    Column(heading="when (UTC)", says=lambda one: moment(one["at"])),
    Column(heading="who", says="actor"),
    Column(heading="did", says="verb"),
    Column(heading="what", says="details"),
)
EMPTY = "Nobody has changed anything yet."


@command(app)
async def audit(seat: Seat, *, after: After = None, limit: Limit = 50) -> None:
    """List who did what, newest first."""
    page = await seat.desk.get("/audit", after=after, limit=limit)
    seat.out.page(page, COLUMNS, empty=EMPTY)
