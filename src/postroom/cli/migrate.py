"""`postroom migrate`: bring a database's tables up to date before, or without, a server."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from postroom import app as root
from postroom import observe
from postroom.cli.output import Output, counted
from postroom.cli.seat import NO, OK, guarded
from postroom.model import Json
from postroom.settings import Settings
from postroom.storage import migrations
from postroom.storage.migrations import Step

app = typer.Typer(add_completion=False)


@app.command()
def migrate(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell; ends with 1 if the tables are older.")
    ] = False,
    database: Annotated[
        str | None,
        typer.Option(
            help="The database, sqlite:///FILE or postgresql://USER@HOST/DATABASE"
            " (POSTROOM_DATABASE)."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file of settings, as of `serve`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Make the tables of a database, or bring those of an older release up to date.

    Nodes may go on serving meanwhile: the release before serves the new tables too.
    """
    out = Output(as_json=as_json)

    def work() -> int:
        observe.configure(level="error", form="text")
        settings = Settings.load(config, database=database)
        return asyncio.run(_check(settings, out) if check else _migrate(settings, out))

    raise typer.Exit(guarded(out, work))


async def _check(settings: Settings, out: Output) -> int:
    present = await root.revision(settings)
    stands = migrations.fit(present)
    missing = migrations.steps(present) if stands == "older" else ()
    said = {
        "older": f"{_of(present)}; {counted(len(missing), 'migration')} to do, by"
        " `postroom migrate`:",
        "same": f"{_of(present)}, as this release wants them.",
        "newer": f"{_of(present)}, newer than this release's {migrations.HEAD}: it serves them as"
        " they are.",
    }[stands]
    out.say(_answer(present, missing, done=False), said, *map(_line, missing))
    return NO if stands == "older" else OK


async def _migrate(settings: Settings, out: Output) -> int:
    with _progress(out) as told:
        made = await root.migrate(settings, told=told)
    present = await root.revision(settings)
    ended = f"{_of(present)}." if made else f"{_of(present)}; there was nothing to do."
    out.say(_answer(present, made, done=True), *map(_line, made), ended)
    return OK


@contextmanager
def _progress(out: Output) -> Iterator[Callable[[Step], None]]:
    """Show which step is under way, and for how long, where a person can see it."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = out.errors
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("Waiting for the database…", total=None)
        yield lambda step: bar.update(task, description=f"Migrating to {_line(step).strip()}")


def _answer(present: str | None, steps: Sequence[Step], *, done: bool) -> Json:
    return {
        "revision": present,
        "newest": migrations.HEAD,
        "made" if done else "missing": [
            {"revision": one.revision, "says": one.says} for one in steps
        ],
    }


def _of(present: str | None) -> str:
    return "There are no tables yet" if present is None else f"The tables are of {present}"


def _line(step: Step) -> str:
    return f"  {step.revision}  {step.says}"
