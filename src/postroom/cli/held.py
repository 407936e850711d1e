"""`postroom held`: deliveries that cannot be decided, until data or a person decides."""

from typing import Annotated

import typer

from postroom.cli.group import listing
from postroom.cli.options import Account, After, Limit, OfAccount, OnlyListener
from postroom.cli.output import Column, moment
from postroom.cli.seat import NO, OK, Seat, command

app = listing("List deliveries that wait for data; release them.")

COLUMNS = (
    Column(heading="delivery", says="id", is_number=True),
    Column(heading="listener", says="listener"),
    Column(heading="event", says="event"),
    Column(heading="envelope", says="envelope_id"),
    Column(heading="received (UTC)", says=lambda one: moment(one["received_at"])),
    Column(heading="notification", says="notification_id"),
    Column(heading="why", says="reason"),
)
EMPTY = "Nothing is held."


@command(app, "list")
async def list_held(
    seat: Seat,
    *,
    account: Account = None,
    listener: OnlyListener = None,
    after: After = None,
    limit: Limit = 50,
) -> None:
    """List what is held, newest first, each with what is missing."""
    page = await seat.desk.get(
        "/held", account=account, listener=listener, after=after, limit=limit
    )
    seat.out.page(page, COLUMNS, empty=EMPTY)


@command(app, "release")
async def release_held(
    seat: Seat,
    listener: Annotated[str, typer.Argument(help="Whose held deliveries.")],
    notification: Annotated[
        str | None, typer.Option(help="Only of this notification; otherwise all of them.")
    ] = None,
    account: OfAccount = None,
    *,
    dismiss: Annotated[
        bool, typer.Option("--dismiss", help="Drop them instead of delivering them.")
    ] = False,
) -> int:
    """Deliver what is held for a listener after all, or dismiss it; ends with 1 for nothing."""
    body = {
        "listener": listener,
        "account": account,
        "notification": notification,
        "to": "dismiss" if dismiss else "deliver",
    }
    done = await seat.desk.post("/held/release", body)
    what = "dismissed" if dismiss else "released to be delivered"
    seat.out.say(done, f"{done['decided']} held deliveries of {listener} were {what}.")
    return OK if done["decided"] else NO
