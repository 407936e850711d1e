"""`postroom keys`: signing keys, told by their fingerprints. A key is never an argument."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from postroom.cli.desk import part
from postroom.cli.group import listing
from postroom.cli.options import Account
from postroom.cli.output import Column, moment
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError, NotFoundError
from postroom.vault import Vault

app = listing("List signing keys; add or retire one; make the key that seals them.")

MAX_KEY_BYTES = 10_000
COLUMNS = (
    Column(heading="key", says="id"),
    Column(heading="fingerprint", says="fingerprint"),
    Column(heading="account", says="account_id"),
    Column(heading="listener", says="listener"),
    Column(heading="purpose", says="purpose"),
    Column(heading="added", says=lambda one: moment(one["created_at"])),
    Column(heading="retired", says=lambda one: moment(one["retired_at"])),
)
EMPTY = (
    "No keys yet. Name them in connect.yaml, or add one:"
    " `postroom keys add --account ACCOUNT --env NAME`."
)


@command(app, "list")
async def list_keys(seat: Seat, account: Account = None) -> None:
    """List keys, retired ones too; never their text."""
    seat.out.page(await seat.desk.get("/keys", account=account), COLUMNS, empty=EMPTY)


@command(app, "add")
async def add_key(
    seat: Seat,
    account: Annotated[str, typer.Option(help="Whose key it is: the account's id or name.")],
    listener: Annotated[
        str | None, typer.Option(help="Make it the key of this listener alone.")
    ] = None,
    env: Annotated[
        str | None, typer.Option(metavar="NAME", help="Read the key from this variable.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Read the key from this file.")] = None,
) -> None:
    """Add a key, read from a variable, a file or standard input; the others stay in force."""
    body = {"account": account, "text": _read_key(env, file), "listener": listener}
    one = await seat.desk.post("/keys", body)
    seat.out.say(one, f"Key {one['id']} (fingerprint {one['fingerprint']}) is in force.")


@command(app, "retire")
async def retire_key(
    seat: Seat,
    key: Annotated[str, typer.Argument(help="The key's id or fingerprint.")],
    at: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="From this moment on, instead of now.")
    ] = None,
) -> None:
    """Take a key out of use: from then on it neither verifies nor signs."""
    one = await seat.desk.post(f"/keys/{part(key)}/retire", at=at)
    seat.out.say(one, f"Key {one['id']} is out of use from {moment(one['retired_at'])} UTC on.")


@app.command("generate-secret-key")
def generate_secret_key() -> None:
    """Print a new key for the setting `secret_key`, which seals stored secrets."""
    typer.echo(Vault.generate_key().decode())


def _read_key(env: str | None, file: Path | None) -> str:
    """Return the key without the line end that editors add."""
    if env is not None and file is not None:
        raise InvalidInputError("give either --env or --file")
    if env is not None:
        if env not in os.environ:
            raise InvalidInputError(f"there is no environment variable {env}")
        return os.environ[env]
    raw = sys.stdin.buffer.read(MAX_KEY_BYTES + 1) if file is None else _read_file(file)
    if len(raw) > MAX_KEY_BYTES:
        raise InvalidInputError(f"a key has at most {MAX_KEY_BYTES} bytes")
    try:
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidInputError("a key is text, exactly as Docusign displays it") from None


def _read_file(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_KEY_BYTES + 1)
    except OSError as problem:
        raise NotFoundError(f"{file} cannot be read: {problem.strerror}") from None
