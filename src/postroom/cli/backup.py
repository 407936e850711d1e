"""`postroom backup`: a copy of the embedded database, while it is served."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from postroom import app as root
from postroom import observe
from postroom.cli.output import Output, counted
from postroom.cli.seat import OK, guarded
from postroom.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    database: Annotated[
        str | None, typer.Option(help="The database, sqlite:///FILE (POSTROOM_DATABASE).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file of settings, as of `serve`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Copy the database file as it is at this moment, checked, while a server goes on with it."""
    out = Output(as_json=as_json)

    def work() -> int:
        observe.configure(level="error", form="text")
        settings = Settings.load(config, database=database)
        with _progress(out) as told:
            taken = asyncio.run(root.backup(settings, file, may_replace=force, told=told))
        key = root.key_file(settings)
        held = f"{counted(taken.notifications, 'notification')} ({decimal(taken.size_bytes)})"
        lines = [f"{taken.file} is whole: {held}."]
        if key is not None or settings.secret_key is not None:
            named = f"the key in {key}" if key is not None else "POSTROOM_SECRET_KEY"
            lines.append(f"Its secrets open with {named}: keep that too, in another place.")
        out.say(msgspec.to_builtins(taken) | {"key_file": str(key) if key else None}, *lines)
        return OK

    raise typer.Exit(guarded(out, work))


@contextmanager
def _progress(out: Output) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, where a person can see it."""
    console = out.errors
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("Copying the database…", total=None)

        def told(done: int, total: int) -> None:
            # The last step is the check of the whole copy.
            does = "Copying the database…" if done < total else "Checking the copy…"
            bar.update(task, description=does, completed=done, total=total)

        yield told
