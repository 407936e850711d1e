"""`postroom integrations`: what may ask for access tokens. A secret is printed once."""

from pathlib import Path
from typing import Annotated

import typer

from postroom.cli.desk import part
from postroom.cli.group import listing
from postroom.cli.output import Column, facts, moment
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError, NotFoundError
from postroom.operations.connect.integrations import MAX_PEM_CHARACTERS

app = listing("List integrations, which may ask for access tokens; add or remove one.")

COLUMNS = (
    Column(heading="client id", says="client_id"),
    Column(heading="name", says="name"),
    Column(heading="redirect URIs", says="redirect_uris"),
    Column(heading="added", says=lambda one: moment(one["added_at"])),
)
EMPTY = (
    "No integrations yet. Add one: `postroom integrations add NAME --public-key FILE`;"
    " `postroom serve --offline` has one ready."
)


@command(app, "list")
async def list_integrations(seat: Seat) -> None:
    """List integrations, by name; never their secrets."""
    seat.out.page(await seat.desk.get("/integrations"), COLUMNS, empty=EMPTY)


@command(app, "add")
async def add_integration(
    seat: Seat,
    name: Annotated[str, typer.Argument(help="What people know it by.")],
    public_key: Annotated[
        Path, typer.Option(metavar="FILE", help="Its RSA public key (PEM), for the JWT grant.")
    ],
    redirect_uri: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URI",
            help="Where the consent page may send a browser back to; repeatable. That page is"
            " served in offline mode only: elsewhere tokens come by the JWT grant.",
        ),
    ] = None,
) -> None:
    """Let an integration ask for access tokens; print its client id, and its secret this once.

    Its consent page works in offline mode only; the JWT grant works everywhere.
    """
    body = {
        "name": name,
        "public_key": _read(public_key),
        "redirect_uris": redirect_uri or [],
    }
    made = await seat.desk.post("/integrations", body)
    one = made["integration"]
    seat.out.say(
        made,
        f"{one['name']} may ask for access tokens.",
        facts([("client id", one["client_id"]), ("client secret", made["client_secret"])]),
        "The secret is shown only now: keep it where only the integration can read it.",
    )


@command(app, "remove")
async def remove_integration(
    seat: Seat,
    integration: Annotated[str, typer.Argument(help="The integration's client id or name.")],
) -> None:
    """Give an integration no more tokens; those it has are good until they expire."""
    gone = await seat.desk.delete(f"/integrations/{part(integration)}")
    seat.out.say(gone, f"{gone['name']} ({gone['client_id']}) is removed and gets no more tokens.")


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_PEM_CHARACTERS + 1)
    except OSError as problem:
        raise NotFoundError(f"{file} cannot be read: {problem.strerror}") from None
    if len(raw) > MAX_PEM_CHARACTERS or b"PRIVATE KEY" in raw:
        raise InvalidInputError(
            f"{file} is no public key; `openssl pkey -in PRIVATE.pem -pubout` writes one"
        )
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidInputError(f"{file} is not PEM, which is plain text") from None
