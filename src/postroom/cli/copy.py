"""`postroom copy`: move an installation from a file to PostgreSQL, or back."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from postroom import app as root
from postroom import observe
from postroom.cli.output import Output
from postroom.cli.seat import OK, guarded
from postroom.errors import InvalidInputError
from postroom.settings import SQLITE, Settings
from postroom.storage.copying import Copied, Progress, Told

app = typer.Typer(add_completion=False)

_SHOWN = ("notification", "delivery", "attempt")
"""What people count by."""


@app.command()
def copy(
    *,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="Where it is: sqlite:///FILE, or postgresql://USER@HOST/DATABASE. Nobody may"
            " serve it.",
        ),
    ],
    target: Annotated[
        str | None, typer.Option("--to", help="Where it goes: an empty database of the other kind.")
    ] = None,
    undo: Annotated[
        bool,
        typer.Option("--undo", help="Let the source be served again after all, and not move it."),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file of settings, as of `serve`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Move an installation to another database: nothing is lost, nothing is delivered twice.

    Stop every server first. If this is interrupted, give the same command again: it goes on.
    """
    out = Output(as_json=as_json)

    def work() -> int:
        observe.configure(level="error", form="text")
        if undo == (target is not None):
            raise InvalidInputError("give --to, where it goes, or --undo")
        if target is None:
            return _undo(settings_of(config, source, source), out)
        if _is_file(source) == _is_file(target):
            raise InvalidInputError(
                "copy moves between a file (sqlite:///) and PostgreSQL (postgresql://); a file is"
                " copied by `postroom backup`, PostgreSQL by its own tools"
            )
        ends = settings_of(config, source, source), settings_of(config, target, source)
        return _copy(*ends, _key_file(config, source), out)

    raise typer.Exit(guarded(out, work))


def settings_of(config: Path | None, database: str, source: str) -> Settings:
    """Return the settings of one end: with the key of the source, where that is in a file."""
    key = _key_file(config, source)
    text = None if key is None else ",".join(key.read_text().split())
    return Settings.load(config, database=database, secret_key=text)


def _key_file(config: Path | None, source: str) -> Path | None:
    """Return the file with the key of a database file, where the settings give no other."""
    return root.key_file(Settings.load(config, database=source)) if _is_file(source) else None


def _is_file(database: str) -> bool:
    return database.startswith(SQLITE)


def _copy(source: Settings, target: Settings, key: Path | None, out: Output) -> int:
    with _progress(out) as told:
        done = asyncio.run(root.copy(source, target, told=told))
    out.say(msgspec.to_builtins(done), *_lines(done), _about_the_key(key))
    return OK


def _lines(done: Copied) -> list[str]:
    if done.was_done:
        return [f"{done.source} had moved to {done.target} before; there was nothing to do."]
    counts = ", ".join(f"{done.rows[name]} {_plural(name, done.rows[name])}" for name in _SHOWN)
    rows = sum(done.rows.values())
    return [
        f"{done.source} has moved to {done.target}: {counts}.",
        f"All {rows} rows were read again at both ends; counts and checksums agree.",
        "Serve the new one from now on; the old one is not served any more.",
    ]


def _plural(noun: str, count: int) -> str:
    if count == 1:
        return noun
    return "deliveries" if noun == "delivery" else f"{noun}s"


def _about_the_key(file: Path | None) -> str:
    """Say which key the new installation needs."""
    if file is None:
        return "It needs the same key, the one in POSTROOM_SECRET_KEY now."
    return f"It needs the same key, the one in {file}: set POSTROOM_SECRET_KEY to it on every node."


def _undo(source: Settings, out: Output) -> int:
    moved = asyncio.run(root.undo_copy(source))
    if moved is None:
        line = "It was not moved anywhere; there was nothing to do."
    elif moved.ended_at is None:
        line = f"It may be served again. What {moved.other} holds of it is of no use: drop it."
    else:
        line = (
            f"It may be served again, as it was when it moved. Do not serve {moved.other} too: what"
            " that one has delivered since would be delivered again."
        )
    out.say({"undone": moved is not None, "moved_to": moved.other if moved else None}, line)
    return OK


@contextmanager
def _progress(out: Output) -> Iterator[Told]:
    """Show how far it is, where a person can see it."""
    console = out.errors
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Looking at both databases…", total=None)

        def told(far: Progress) -> None:
            does = "Copying" if far.does == "copy" else "Comparing"
            bar.update(task, description=f"{does} {far.part}", completed=far.rows, total=far.total)

        yield told
