"""Where a command sits: its desk, its output, and the options that all commands share."""

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from postroom.cli.desk import Call, Desk
from postroom.cli.output import Output
from postroom.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PostroomError,
    UnavailableError,
)

P = ParamSpec("P")

OK, NO, USAGE, NOT_FOUND, UNAVAILABLE = 0, 1, 2, 3, 4
"""The exit codes: done; the answer is no; wrong usage or input; not there; not now."""

_EXIT: tuple[tuple[type[PostroomError], int], ...] = (
    (InvalidInputError, USAGE),
    (NotFoundError, NOT_FOUND),
    (ConflictError, UNAVAILABLE),
    (UnavailableError, UNAVAILABLE),
)
_PANEL = "Where to, and how to print"
_SHARED: dict[str, tuple[Any, Any]] = {
    "database": (
        Annotated[
            str | None,
            typer.Option(
                help="Work on this database, sqlite:///FILE or postgresql://USER@HOST/DATABASE"
                " (POSTROOM_DATABASE).",
                rich_help_panel=_PANEL,
            ),
        ],
        None,
    ),
    "config": (
        Annotated[
            Path | None,
            typer.Option(help="A TOML file of settings, as of `serve`.", rich_help_panel=_PANEL),
        ],
        None,
    ),
    "server": (
        Annotated[
            str | None,
            typer.Option(
                help="Ask this running server instead (POSTROOM_SERVER).", rich_help_panel=_PANEL
            ),
        ],
        None,
    ),
    "token": (
        Annotated[
            str | None,
            typer.Option(
                help="Its API token; better in POSTROOM_TOKEN, where no process list shows it.",
                rich_help_panel=_PANEL,
            ),
        ],
        None,
    ),
    "as_json": (
        Annotated[
            bool,
            typer.Option(
                "--json", help="Print the API's JSON, for machines.", rich_help_panel=_PANEL
            ),
        ],
        False,
    ),
}


class Seat:
    """What a command works with."""

    def __init__(self, desk: Desk, out: Output) -> None:
        self.desk = desk
        self.out = out


Body = Callable[Concatenate[Seat, P], Awaitable[int | None]]


def command(
    app: typer.Typer, name: str | None = None, *, may_create: bool = False, alone: str | None = None
) -> Callable[[Body[P]], Body[P]]:
    """Register an async function as a command, with the shared options added to its own.

    The function is given its seat; what it returns is the exit code, None for 0. `may_create`
    lets it make the database if there is none. Where what `alone` names is given, the command
    works without a server or a database.
    """

    def register(body: Body[P]) -> Body[P]:
        @wraps(body)
        def run(**given: Any) -> None:
            shared = {one: given.pop(one) for one in _SHARED}
            is_alone = alone is not None and given[alone] not in (None, [])
            raise typer.Exit(
                _run(body, given, shared, may_create=may_create, alone=alone if is_alone else None)
            )

        own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]
        added = [
            inspect.Parameter(one, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
            for one, (kind, default) in _SHARED.items()
        ]
        named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
        run.__signature__ = inspect.Signature([*named, *added])  # type: ignore[attr-defined]  # read by Typer
        run.__annotations__ = {one.name: one.annotation for one in [*named, *added]}
        app.command(name)(run)
        return body

    return register


def _run(
    body: Callable[..., Awaitable[int | None]],
    given: dict[str, Any],
    shared: dict[str, Any],
    *,
    may_create: bool,
    alone: str | None,
) -> int:
    out = Output(as_json=shared["as_json"])

    async def work() -> int:
        where = [shared[one] for one in ("database", "config", "server", "token")]
        if alone is not None:
            if any(one is not None for one in where):
                raise InvalidInputError(
                    f"where {alone} is given this asks no server: leave --server and the like out"
                )
            return await body(Seat(Desk(_nobody), out), **given) or OK
        async with _desk(*where, may_create=may_create) as desk:
            return await body(Seat(desk, out), **given) or OK

    return guarded(out, lambda: asyncio.run(work()))


async def _nobody(call: Call, take: Callable[[bytes], None]) -> int:  # noqa: ARG001  # a Line
    raise InvalidInputError("this command was told to ask no server")


def guarded(out: Output, work: Callable[[], int]) -> int:
    """Do the work; print an expected error and return its exit code."""
    try:
        return work()
    except PostroomError as problem:
        out.error(problem)
        return next((code for kind, code in _EXIT if isinstance(problem, kind)), USAGE)


def _desk(
    database: str | None,
    config: Path | None,
    server: str | None,
    token: str | None,
    *,
    may_create: bool,
) -> AbstractAsyncContextManager[Desk]:
    """Choose the desk: flags win over the environment, a server over the usual database."""
    if server is not None and (database is not None or config is not None):
        raise InvalidInputError("give either --server, or --database and --config")
    asks_server = server is not None or (database is None and config is None)
    server = server or (os.environ.get("POSTROOM_SERVER") if asks_server else None)
    if not server:
        if token is not None:
            raise InvalidInputError("--token is for a server; give --server too")
        from postroom.cli import local  # noqa: PLC0415  # heavy, and needed only here

        return local.open_desk(database=database, config=config, may_create=may_create)
    token = token or os.environ.get("POSTROOM_TOKEN") or os.environ.get("POSTROOM_ADMIN_TOKEN")
    if not token:
        raise InvalidInputError(f"{server} wants an API token; set POSTROOM_TOKEN, or give --token")
    from postroom.cli import remote  # noqa: PLC0415  # as above

    return remote.open_desk(server, token)
