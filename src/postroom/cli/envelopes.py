"""`postroom envelopes`: those that live here, and what people do to them."""

from typing import Annotated

import typer

from postroom.cli.desk import part
from postroom.cli.group import listing
from postroom.cli.options import After, Limit, named_values, several
from postroom.cli.output import Column, Row, facts, heading, moment, table
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError
from postroom.operations.connect.steps import VERBS

app = listing("List the envelopes that live here; show one, act on one.")

Account = Annotated[
    str | None, typer.Option("--account", help="Whose envelopes: the account's id or name.")
]
Envelope = Annotated[str, typer.Argument(metavar="ENVELOPE", help="The envelope's id.")]

COLUMNS = (
    Column(heading="changed (UTC)", says=lambda one: moment(one["changed_at"])),
    Column(heading="status", says="status"),
    Column(heading="subject", says="subject"),
    Column(heading="sender", says=lambda one: one["sender_email"] or one["sender_id"]),
    Column(heading="envelope", says="id"),
)
RECIPIENTS = (
    Column(heading="id", says="id"),
    Column(heading="order", says="routing_order", is_number=True),
    Column(heading="name", says="name"),
    Column(heading="address", says="email"),
    Column(heading="role", says="role"),
    Column(
        heading="status",
        says=lambda one: f"{one['status']}, locked out" if one["is_locked_out"] else one["status"],
    ),
    Column(heading="reason", says="reason"),
)
TRAIL = (
    Column(heading="when (UTC)", says=lambda one: moment(one["at"])),
    Column(heading="what", says="action"),
    Column(heading="in words", says="message"),
)
EMPTY = (
    "No envelopes. `postroom trigger envelope-completed` makes one and plays its life; an SDK"
    " makes them over the REST API."
)


@command(app, "list")
async def list_envelopes(  # each is a way to narrow the list
    seat: Seat,
    *,
    account: Account = None,
    statuses: Annotated[
        str | None, typer.Option(help="Only in these statuses, comma-separated, such as sent.")
    ] = None,
    field: Annotated[
        str | None,
        typer.Option(metavar="NAME=VALUE", help="Only with this value of a custom field."),
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> None:
    """List the envelopes of an account, those that changed last first."""
    page = await seat.desk.get(
        "/envelopes",
        account=account,
        statuses=several(statuses),
        field=field,
        after=after,
        limit=limit,
    )
    seat.out.page(page, COLUMNS, empty=EMPTY)


@command(app, "show")
async def show_envelope(seat: Seat, envelope: Envelope, account: Account = None) -> None:
    """Show one envelope: its recipients, and what happened to it."""
    found = await seat.desk.get(f"/envelopes/{part(envelope)}", account=account)
    seat.out.say(
        found,
        facts(_said(found)),
        heading("Recipients"),
        table(found["recipients"], RECIPIENTS),
        heading("What happened"),
        table(found["trail"], TRAIL),
        heading(
            f"What was told of it: postroom notifications --envelope {found['envelope']['id']}"
        ),
    )


@command(app, "act")
async def act_on_envelope(  # noqa: PLR0913  # what to do, by whom, with what
    seat: Seat,
    envelope: Envelope,
    verb: Annotated[
        str,
        typer.Argument(help=f"What is done: {', '.join(VERBS)}."),
    ],
    *,
    recipient: Annotated[
        str | None, typer.Option(help="Who does it, or to whom: the recipient's id, such as 1.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Of declining, voiding, bouncing.")] = "",
    name: Annotated[
        str | None, typer.Option(help="The new name, to correct, reassign or delegate.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="The new e-mail address, as --name.")] = None,
    tab: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=VALUE", help="What is filled in on signing; repeatable."),
    ] = None,
    purge_state: Annotated[
        str | None, typer.Option(help="For purge, such as documents_queued.")
    ] = None,
    account: Account = None,
) -> None:
    """Do to an envelope what a person, or time, does; say what was told of it."""
    if verb not in VERBS:
        raise InvalidInputError(f"there is no verb {verb[:50]!r}; there are {', '.join(VERBS)}")
    action: Row = {"verb": verb, "recipient_id": recipient, "reason": reason}
    action |= {"name": name, "email": email}
    if tabs := named_values(tab, "--tab"):
        action["tabs"] = tabs
    if purge_state is not None:
        action["purge_state"] = purge_state
    path = f"/envelopes/{part(envelope)}/actions"
    done = await seat.desk.post(path, action, account=account)
    told = ", ".join(done["events"]) or "nothing, as nothing changed"
    seat.out.say(done, f"The envelope is {done['envelope']['status']}. Told: {told}.")


def _said(found: Row) -> tuple[tuple[str, object], ...]:
    one = found["envelope"]
    return (
        ("envelope", one["id"]),
        ("account", one["account_id"]),
        ("status", one["status"]),
        ("subject", one["subject"]),
        ("sender", one["sender_email"] or one["sender_id"]),
        ("created", moment(one["created_at"])),
        ("status since", moment(one["changed_at"])),
        ("expires", moment(found["expires_at"])),
        ("voided because", found["voided_reason"]),
        ("purge state", found["purge_state"] if found["purge_state"] != "unpurged" else None),
        ("documents purged on", moment(found["purges_at"])),
        ("locked", "for editing" if found["is_locked"] else None),
        ("custom fields", [f"{name} = {value}" for name, value in one["fields"].items()]),
    )
