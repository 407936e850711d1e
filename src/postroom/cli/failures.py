"""`postroom failures`: what was given up and not replayed since."""

import typer

from postroom.cli.deliveries import last_answer
from postroom.cli.options import Account, After, Limit, OnlyListener
from postroom.cli.output import Column, moment
from postroom.cli.seat import Seat, command

app = typer.Typer(add_completion=False)

COLUMNS = (
    Column(heading="delivery", says="id", is_number=True),
    Column(heading="listener", says="listener"),
    Column(heading="event", says="event"),
    Column(heading="envelope", says="envelope_id"),
    Column(heading="tries", says="attempts", is_number=True),
    Column(heading="last answer", says=last_answer),
    Column(heading="given up (UTC)", says=lambda one: moment(one["settled_at"])),
    Column(heading="because", says="reason"),
)
EMPTY = "Nothing was given up. `postroom health` says what is still owed."


@command(app)
async def failures(
    seat: Seat,
    *,
    account: Account = None,
    listener: OnlyListener = None,
    after: After = None,
    limit: Limit = 50,
) -> None:
    """List deliveries that were given up, newest first; `postroom replay` delivers them again."""
    page = await seat.desk.get(
        "/failures", account=account, listener=listener, after=after, limit=limit
    )
    seat.out.page(page, COLUMNS, empty=EMPTY)
