"""`postroom notifications`: what came in."""

from typing import Annotated

import msgspec
import typer

from postroom.cli.deliveries import COLUMNS as DELIVERY_COLUMNS
from postroom.cli.desk import part
from postroom.cli.group import listing
from postroom.cli.options import Account, After, Envelope, Events, From, Limit, Until, several
from postroom.cli.output import Column, Row, facts, heading, moment, plain, table
from postroom.cli.seat import Seat, command

app = listing("List what came in; show one.")


def _remark(one: Row) -> str:
    if not one["is_readable"]:
        return f"unreadable: {one['flaw']}"
    remarks = [one["flaw"]] if one["flaw"] else []
    if one["is_unclaimed"]:
        remarks.append("unclaimed")
    if one["repeats"]:
        remarks.append(f"came {one['repeats']} more times")
    return ", ".join(remarks)


COLUMNS = (
    Column(heading="received (UTC)", says=lambda one: moment(one["received_at"])),
    Column(heading="event", says="event"),
    Column(heading="envelope", says="envelope_id"),
    Column(heading="account", says="account_id"),
    Column(heading="remark", says=_remark),
    Column(heading="notification", says="id"),
)
EMPTY = (
    "No notifications. `postroom rejections` lists what was refused at the front door;"
    " leave out options to see more."
)


@command(app, "list")
async def list_notifications(  # noqa: PLR0913  # each is a way to narrow the list
    seat: Seat,
    *,
    account: Account = None,
    envelope: Envelope = None,
    events: Events = None,
    sender: Annotated[str | None, typer.Option(help="Only of this sender, by user id.")] = None,
    received_from: From = None,
    received_until: Until = None,
    after: After = None,
    limit: Limit = 50,
) -> None:
    """List notifications, newest first."""
    page = await seat.desk.get(
        "/notifications",
        account=account,
        envelope=envelope,
        events=several(events),
        sender=sender,
        **{"from": received_from, "until": received_until},
        after=after,
        limit=limit,
    )
    seat.out.page(page, COLUMNS, empty=EMPTY)


@command(app, "show")
async def show_notification(
    seat: Seat,
    notification: Annotated[str, typer.Argument(help="The notification's id.")],
    *,
    message: Annotated[bool, typer.Option("--message", help="Print the message too.")] = False,
) -> None:
    """Show one notification: what it owed, and when it came again."""
    found = await seat.desk.get(f"/notifications/{part(notification)}")
    one = found["notification"]
    lines = [facts(_said(one))]
    if found["deliveries"]:
        lines += [heading("Deliveries"), table(found["deliveries"], DELIVERY_COLUMNS)]
    if found["repeats"]:
        again = ", ".join(moment(each["received_at"]) for each in found["repeats"])
        lines += [heading("Came again"), plain(again)]
    if message:
        text = msgspec.json.format(msgspec.json.encode(found["message"])).decode()
        lines += [heading("Message"), plain(text if found["has_body"] else "past retention")]
    lines.append(heading(f"Why, or why not: postroom explain {one['id']}"))
    seat.out.say(found, *lines)


def _said(one: Row) -> tuple[tuple[str, object], ...]:
    return (
        ("notification", one["id"]),
        ("event", one["event"]),
        ("envelope", one["envelope_id"]),
        ("recipient", one["recipient_id"]),
        ("sender", one["sender_id"]),
        ("account", one["account_id"]),
        ("happened", moment(one["occurred_at"])),
        ("received", moment(one["received_at"])),
        ("remark", _remark(one)),
        ("message", "kept" if one["has_body"] else "past retention"),
    )
