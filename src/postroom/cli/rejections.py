"""`postroom rejections`: what was refused at the front door, and the likely cause."""

import typer

from postroom.cli.options import After, Limit
from postroom.cli.output import Column, moment
from postroom.cli.seat import Seat, command

app = typer.Typer(add_completion=False)

COLUMNS = (
    Column(heading="refused (UTC)", says=lambda one: moment(one["at"])),
    Column(heading="from", says="remote"),
    Column(heading="account it named", says="account_id"),
    Column(heading="why", says="reason"),
    Column(heading="likely cause", says="hint"),
)
EMPTY = "Nothing was refused at the front door."


@command(app)
async def rejections(seat: Seat, *, after: After = None, limit: Limit = 50) -> None:
    """List messages refused at the front door, newest first."""
    page = await seat.desk.get("/rejections", after=after, limit=limit)
    seat.out.page(page, COLUMNS, empty=EMPTY)
