"""`postroom unreadable`: signed messages that could not be understood in full."""

import typer

from postroom.cli.options import Account, After, Limit
from postroom.cli.output import Column, moment
from postroom.cli.seat import Seat, command

app = typer.Typer(add_completion=False)

COLUMNS = (
    Column(heading="received (UTC)", says=lambda one: moment(one["received_at"])),
    Column(heading="account", says="account_id"),
    Column(heading="event", says="event"),
    Column(heading="why", says="flaw"),
    Column(heading="notification", says="id"),
)
EMPTY = "Every signed message could be understood."


@command(app)
async def unreadable(
    seat: Seat, *, account: Account = None, after: After = None, limit: Limit = 50
) -> None:
    """List signed messages that could not be understood in full; they are kept as they came."""
    page = await seat.desk.get("/unreadable", account=account, after=after, limit=limit)
    seat.out.page(page, COLUMNS, empty=EMPTY)
