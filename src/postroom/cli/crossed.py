"""`postroom crossed`: what several listeners of one lane wanted, until someone says who gets it."""

from typing import Annotated

import typer

from postroom.cli.desk import part
from postroom.cli.group import listing
from postroom.cli.options import Account, After, Limit
from postroom.cli.output import Column, moment
from postroom.cli.seat import Seat, command

app = listing("List what two listeners of one lane wanted; say who gets it.")

COLUMNS = (
    Column(heading="notification", says="notification_id"),
    Column(heading="lane", says="lane"),
    Column(heading="listener", says="listener"),
    Column(heading="event", says="event"),
    Column(heading="envelope", says="envelope_id"),
    Column(heading="received (UTC)", says=lambda one: moment(one["received_at"])),
    Column(heading="why", says="reason"),
)
EMPTY = "Nothing is crossed: no two listeners of a lane wanted the same notification."


@command(app, "list")
async def list_crossed(
    seat: Seat, *, account: Account = None, after: After = None, limit: Limit = 50
) -> None:
    """List what is crossed, newest first: one line for each listener that wants it."""
    page = await seat.desk.get("/crossed", account=account, after=after, limit=limit)
    seat.out.page(page, COLUMNS, empty=EMPTY)


@command(app, "resolve")
async def resolve_crossed(
    seat: Seat,
    notification: Annotated[str, typer.Argument(help="The notification's id.")],
    to: Annotated[str, typer.Option(metavar="LISTENER", help="The listener that gets it.")],
) -> None:
    """Deliver a crossed notification to one listener; its rivals of the lane do not get it."""
    done = await seat.desk.post(f"/crossed/{part(notification)}/resolve", {"to": to})
    seat.out.say(done, f"{notification} goes to {to}; {done['decided']} deliveries were decided.")
