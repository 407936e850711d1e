"""`postroom deliveries`: what goes out, and how each try went."""

from typing import Annotated

import typer

from postroom.cli.desk import part
from postroom.cli.group import listing
from postroom.cli.options import (
    Account,
    After,
    Envelope,
    Events,
    From,
    Limit,
    OnlyListener,
    Until,
    several,
)
from postroom.cli.output import Column, Row, clean, facts, heading, moment, table
from postroom.cli.seat import Seat, command

EXCERPT_CHARACTERS = 80
app = listing("List what goes out; show one with its tries.")


def last_answer(one: Row) -> str:
    """Return the last answer of a delivery in a word."""
    return str(one["last_status"] or one["last_failure"] or "")


def _excerpt(one: Row) -> str:
    text = clean(one["detail"] or one["response_excerpt"])
    return text if len(text) <= EXCERPT_CHARACTERS else f"{text[:EXCERPT_CHARACTERS]}…"


COLUMNS = (
    Column(heading="delivery", says="id", is_number=True),
    Column(heading="listener", says="listener"),
    Column(heading="event", says="event"),
    Column(heading="envelope", says="envelope_id"),
    Column(heading="state", says="state"),
    Column(heading="tries", says="attempts", is_number=True),
    Column(heading="last answer", says=last_answer),
    Column(heading="due (UTC)", says=lambda one: moment(one["due_at"])),
    Column(heading="received (UTC)", says=lambda one: moment(one["received_at"])),
)
TRIES = (
    Column(heading="try", says="number", is_number=True),
    Column(heading="started (UTC)", says=lambda one: moment(one["started_at"])),
    Column(heading="ms", says=lambda one: f"{one['duration_ms']:.0f}", is_number=True),
    Column(heading="answer", says=lambda one: one["status"] or one["failure"]),
    Column(heading="what then", says=lambda one: f"{one['verdict']}: {one['verdict_reason']}"),
    Column(heading="next (UTC)", says=lambda one: moment(one["next_at"])),
    Column(heading="details", says=_excerpt),
)
EMPTY = "No deliveries. `postroom unclaimed` lists what nobody wanted."


@command(app, "list")
async def list_deliveries(  # noqa: PLR0913  # each is a way to narrow the list
    seat: Seat,
    *,
    account: Account = None,
    listener: OnlyListener = None,
    notification: Annotated[
        str | None, typer.Option(help="Only of this notification, by id.")
    ] = None,
    envelope: Envelope = None,
    events: Events = None,
    states: Annotated[
        str | None, typer.Option(help="Only in these states, comma-separated.")
    ] = None,
    received_from: From = None,
    received_until: Until = None,
    after: After = None,
    limit: Limit = 50,
) -> None:
    """List deliveries, newest first."""
    page = await seat.desk.get(
        "/deliveries",
        account=account,
        listener=listener,
        notification=notification,
        envelope=envelope,
        events=several(events),
        states=several(states),
        **{"from": received_from, "until": received_until},
        after=after,
        limit=limit,
    )
    seat.out.page(page, COLUMNS, empty=EMPTY)


@command(app, "show")
async def show_delivery(
    seat: Seat, delivery: Annotated[int, typer.Argument(min=1, help="The delivery's number.")]
) -> None:
    """Show one delivery with every try."""
    found = await seat.desk.get(f"/deliveries/{part(delivery)}")
    one, tries = found["delivery"], found["attempts"]
    lines = [facts(_told(one))]
    if tries:
        lines += [heading("Tries"), table(tries, TRIES)]
    if one["state"] in {"delivered", "given_up"}:
        lines.append(heading(f"Once more: postroom replay {one['id']}"))
    seat.out.say(found, *lines)


def _told(one: Row) -> tuple[tuple[str, object], ...]:
    return (
        ("delivery", one["id"]),
        ("listener", one["listener"]),
        ("state", one["state"]),
        ("reason", one["reason"]),
        ("event", one["event"]),
        ("envelope", one["envelope_id"]),
        ("notification", one["notification_id"]),
        ("account", one["account_id"]),
        ("lane", one["lane"]),
        ("received", moment(one["received_at"])),
        ("due", moment(one["due_at"])),
        ("settled", moment(one["settled_at"])),
        ("replay", one["replay"]),
        ("replayed as", one["superseded_by"]),
        ("late", "a later event of the envelope was delivered before" if one["is_late"] else ""),
        ("message", "" if one["has_body"] else "past retention"),
    )
