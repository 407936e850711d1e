"""`postroom accounts`: who may send to us."""

from typing import Annotated

import typer

from postroom.cli.desk import part
from postroom.cli.group import listing
from postroom.cli.output import Column, Row, facts
from postroom.cli.seat import Seat, command

app = listing("List accounts; show one.")


def _keys(one: Row) -> str:
    return "unsigned" if one["is_unsigned"] else str(one["active_keys"])


COLUMNS = (
    Column(heading="account", says="id"),
    Column(heading="name", says="name"),
    Column(heading="parent", says="parent_id"),
    Column(heading="listeners", says="listeners", is_number=True),
    Column(heading="keys", says=_keys, is_number=True),
)
EMPTY = "No accounts yet. Describe them in connect.yaml and run `postroom apply connect.yaml`."


@command(app, "list")
async def list_accounts(seat: Seat) -> None:
    """List every account, main accounts before their sub-accounts."""
    seat.out.page(await seat.desk.get("/accounts"), COLUMNS, empty=EMPTY)


@command(app, "show")
async def show_account(
    seat: Seat, account: Annotated[str, typer.Argument(help="The account's id or name.")]
) -> None:
    """Show one account."""
    one = await seat.desk.get(f"/accounts/{part(account)}")
    said = (
        ("account", one["id"]),
        ("name", one["name"]),
        ("parent", one["parent_id"]),
        ("keys in force", _keys(one)),
        ("listeners", one["listeners"]),
        ("users", one["users"]),
        ("environment field", one["environment_field"]),
        ("missing data from", one["enrichment_url"]),
    )
    seat.out.say(one, facts(said))
