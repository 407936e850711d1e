"""`postroom export`: the system as a connect.yaml."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from postroom import __version__
from postroom.cli import connect_text
from postroom.cli.output import Row
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError

app = typer.Typer(add_completion=False)

MOST_NAMED = 10
"""Variables; the head of the file has them all."""


@command(app)
async def export(
    seat: Seat,
    *,
    account: Annotated[
        str | None, typer.Option(help="Only of this account, by id or name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the file here.", metavar="FILE")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite what is in the file already.")
    ] = False,
) -> None:
    """Write the system as a connect.yaml, without secrets: applying it changes nothing."""
    if out is not None and not force and connect_text.is_in_use(out):
        raise InvalidInputError(
            f"{out} is there already, with comments and variables of its own perhaps; name another"
            " file, or overwrite it with --force"
        )
    made = await seat.desk.get("/export", account=account)
    text = connect_text.written(made["document"], _head(made))
    for warning in made["warnings"]:
        seat.out.note(f"warning: {warning}")
    if out is not None:
        connect_text.save(out, text)
        seat.out.say(made, f"{out} is written.", *_next(made))
    elif seat.out.as_json:
        seat.out.say(made)
    else:
        typer.echo(text, nl=False)


def _head(made: Row) -> Iterator[str]:
    yield f"Exported by postroom {__version__} at revision {made['revision']}."
    yield "Applied to this system it changes nothing; applied to another it makes that the same."
    if made["variables"]:
        yield ""
        yield "Its secrets are not in it. Before you apply it, set these variables to them:"
        yield from _variables(made)
    if made["left_out"]:
        yield ""
        yield "Not in it, since apply neither makes nor removes them:"
        yield from (f"  {one}" for one in made["left_out"])


def _variables(made: Row) -> Iterator[str]:
    for one in made["variables"]:
        known = f"fingerprint {one['fingerprint']}" if one["fingerprint"] else "none in force here"
        whose = f"listener {one['listener']}" if one["listener"] else f"account {one['account_id']}"
        what = "a key" if one["purpose"] == "hmac" else "for enrichment"
        yield f"  {one['name']}  {what} of {whose}, {known}"


def _next(made: Row) -> Iterator[str]:
    if made["variables"]:
        named = ", ".join(one["name"] for one in made["variables"][:MOST_NAMED])
        more = ", …" if len(made["variables"]) > MOST_NAMED else ""
        yield f"Before it is applied, set: {named}{more}"
