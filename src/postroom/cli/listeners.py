"""`postroom listeners`: who wants what, how each fares, pause and resume."""

from typing import Annotated

import typer

from postroom.cli.desk import part
from postroom.cli.group import listing
from postroom.cli.options import Account, ListenerName, OfAccount
from postroom.cli.output import Column, Row, facts, moment
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError

app = listing("List listeners; show, pause, resume or remove one.")


def _owed(one: Row) -> int:
    return int(one["backlog"]["due"]) + int(one["backlog"]["waiting"])


def _state(one: Row) -> str:
    since = one["paused_at"] if one["state"] == "paused" else one["down_since"]
    return f"{one['state']} since {moment(since)}" if since else str(one["state"])


COLUMNS = (
    Column(heading="listener", says="name"),
    Column(heading="account", says="account_id"),
    Column(heading="state", says=_state),
    Column(heading="mode", says="mode"),
    Column(heading="owed", says=_owed, is_number=True),
    Column(heading="held", says=lambda one: one["backlog"]["held"] or "", is_number=True),
    Column(heading="crossed", says=lambda one: one["backlog"]["crossed"] or "", is_number=True),
    Column(heading="given up", says=lambda one: one["backlog"]["given_up"] or "", is_number=True),
    Column(heading="events", says=lambda one: one["events"] or "all"),
    Column(heading="URL", says="url"),
)
EMPTY = "No listeners yet. Describe them in connect.yaml and run `postroom apply connect.yaml`."


@command(app, "list")
async def list_listeners(seat: Seat, account: Account = None) -> None:
    """List every listener with its state and what it is owed."""
    seat.out.page(await seat.desk.get("/listeners", account=account), COLUMNS, empty=EMPTY)


@command(app, "show")
async def show_listener(seat: Seat, listener: ListenerName, account: OfAccount = None) -> None:
    """Show one listener: what it wants, where, and how it fares."""
    one = await seat.desk.get(f"/listeners/{part(listener)}", account=account)
    seat.out.say(one, facts(_said(one)))


@command(app, "pause")
async def pause_listener(seat: Seat, listener: ListenerName, account: OfAccount = None) -> None:
    """Send nothing to a listener until it is resumed; what it is owed is kept."""
    one = await seat.desk.post(f"/listeners/{part(listener)}/pause", account=account)
    seat.out.say(
        one,
        f"{one['name']} is paused and owed {_owed(one)}."
        f" `postroom listeners resume {one['name']}` sends again.",
    )


@command(app, "resume")
async def resume_listener(seat: Seat, listener: ListenerName, account: OfAccount = None) -> None:
    """Send again what a paused listener is owed, in order."""
    one = await seat.desk.post(f"/listeners/{part(listener)}/resume", account=account)
    seat.out.say(one, f"{one['name']} is {_state(one)} and owed {_owed(one)}.")


@command(app, "remove")
async def remove_listener(
    seat: Seat,
    listener: ListenerName,
    account: OfAccount = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Remove a listener; what it is still owed is dismissed."""
    path = f"/listeners/{part(listener)}"
    if not yes:
        one = await seat.desk.get(path, account=account)
        seat.out.note(f"{one['name']} of {one['account_id']} is owed {_owed(one)}: dismissed then.")
        if not seat.out.is_interactive:
            raise InvalidInputError("add --yes to remove it")
        typer.confirm("Remove it?", abort=True, err=True)
    gone = await seat.desk.delete(path, account=account)
    seat.out.say(gone, f"{gone['name']} is removed; {_owed(gone)} deliveries were dismissed.")


def _said(one: Row) -> tuple[tuple[str, object], ...]:
    backlog = one["backlog"]
    return (
        ("listener", one["name"]),
        ("account", one["account_id"]),
        ("URL", one["url"]),
        ("state", _state(one)),
        ("mode", one["mode"]),
        ("due", backlog["due"]),
        ("waiting in line", backlog["waiting"]),
        ("held", backlog["held"]),
        ("crossed", backlog["crossed"]),
        ("given up", backlog["given_up"]),
        ("oldest owed", moment(backlog["oldest_received_at"])),
        ("events", one["events"] or "all"),
        ("users", one["users"] or "all"),
        ("filter", one["filter_in_words"]),
        ("lane", one["lane"]),
        ("environment", one["environment"]),
        ("format", one["format"]),
        ("include", one["include"]),
        ("mask", one["mask"]),
        ("retry", one["retry"] if one["acknowledgement"] else "none: one try"),
        ("ordering", one["ordering"]),
        ("at once", one["concurrency"]),
        (
            "timeout",
            f"{one['timeout_seconds']:g} s, {one['connect_timeout_seconds']:g} s to connect",
        ),
    )
