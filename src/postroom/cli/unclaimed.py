"""`postroom unclaimed`: what nobody wanted, and who nearly did."""

import typer

from postroom.cli.options import Account, After, Limit
from postroom.cli.output import Column, moment
from postroom.cli.seat import Seat, command

app = typer.Typer(add_completion=False)

COLUMNS = (
    Column(heading="received (UTC)", says=lambda one: moment(one["received_at"])),
    Column(heading="event", says="event"),
    Column(heading="envelope", says="envelope_id"),
    Column(heading="notification", says="id"),
    Column(heading="nearly", says="near_misses"),
)
EMPTY = "Every notification was wanted by a listener, or none has come yet."


@command(app)
async def unclaimed(
    seat: Seat, *, account: Account = None, after: After = None, limit: Limit = 50
) -> None:
    """List notifications that nobody wanted, newest first, with the listeners that nearly did."""
    page = await seat.desk.get("/unclaimed", account=account, after=after, limit=limit)
    seat.out.page(page, COLUMNS, empty=EMPTY)
