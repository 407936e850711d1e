"""`postroom check`: which listeners can share an envelope, what reaches nobody, what is odd."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from postroom.cli import checked_file, sarif
from postroom.cli.connect_file import ConnectFile
from postroom.cli.output import Row, cleaned_lines, counted
from postroom.cli.seat import NO, OK, Seat, command
from postroom.errors import InvalidInputError
from postroom.operations import check as checking

app = typer.Typer(add_completion=False)

SEVERITIES = ("error", "warning", "note")
_SHOWN_PROOFS = 100
Told = Callable[[Any], None]


@command(app, alone="files")
async def check(
    seat: Seat,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES]",
            help="A connect.yaml, or Docusign's configurations as JSON; asks no server then."
            " Without a file: the running system.",
        ),
    ] = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Compare every pair of an account, not only of a lane.")
    ] = False,
    proofs: Annotated[
        bool, typer.Option("--proofs", help="Say of pairs that are apart why they are.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--sarif", metavar="FILE", help="Write the findings here, for a code host."),
    ] = None,
) -> int:
    """Prove which listeners can share an envelope, what reaches nobody, and what is odd.

    Ends with 1 if anything is an error or a warning, and with 2 if a file cannot be read.
    """
    with_proofs = proofs or seat.out.as_json
    loaded = [checked_file.load(path) for path in files or ()]
    with _bar(seat) as told:
        if loaded:
            subjects = [subject for _, subject in loaded]
            report = await asyncio.to_thread(
                checking.report, subjects, is_all=every, with_proofs=with_proofs, told=told
            )
            made: Row = msgspec.to_builtins(report)
        else:
            order = {"all": every, "proofs": with_proofs}
            made = await seat.desk.follow("/check", order, lambda line: told(_Line(line)))
    _place(made["checked"], [file for file, _ in loaded])
    if out is not None:
        _write(out, made["checked"])
    if seat.out.as_json:
        seat.out.say(made)
    else:
        for line in _told(made["checked"], proofs=proofs):
            typer.echo(cleaned_lines(line))  # never wrapped: a line begins with its place
    return OK if made["is_clean"] else NO


class _Line:
    """A line of progress from the API, as the operation itself tells it."""

    def __init__(self, line: Row) -> None:
        self.compared: int = line["compared"]
        self.total: int = line["total"]


@contextmanager
def _bar(seat: Seat) -> Iterator[Told]:
    """Show how far it is, where a person can see it."""
    columns = (
        TextColumn("Comparing every two"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = seat.out.errors
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda how: bar.update(task, completed=how.compared, total=how.total)


def _place(checked: Sequence[Row], files: Sequence[ConnectFile]) -> None:
    """Say of each finding in which file it stands, and at which line and column."""
    for one, file in zip(checked, files, strict=False):  # the system stands in no file
        one["file"] = str(file.path)
        for found in one["findings"]:
            at = None if found["path"] is None else file.at(tuple(found["path"]))
            found["line"], found["column"] = at or (None, None)


def _write(out: Path, checked: Sequence[Row]) -> None:
    log = msgspec.json.format(msgspec.json.encode(sarif.log(checked, Path.cwd()))) + b"\n"
    try:
        out.write_bytes(log)
    except OSError as problem:
        raise InvalidInputError(f"cannot write {out}: {problem.strerror}") from None


def _told(checked: Sequence[Row], *, proofs: bool) -> Iterator[str]:
    for one in checked:
        for found in one["findings"]:
            yield from _of_finding(found, one)
        for rule, count in one["left_out"].items():
            yield f"and {count} more of {rule}"
        if proofs:
            yield from _proofs(one)
    yield from map(_summary, checked)


def _of_finding(found: Row, of: Row) -> Iterator[str]:
    """Yield a finding as compilers write one, so that editors jump to the place."""
    place = f"{of['file']}:" if "file" in of else ""
    if found.get("line") is not None:
        place += f"{found['line']}:{found['column']}:"
    account = found["account_id"] if not place and of["accounts"] > 1 else None
    where = f"{place} " if place else f"{account}: " if account else ""
    yield f"{where}{found['severity']}: {found['message']} [{found['rule']}]"
    if found["witness"] is not None:
        yield f"    for example {found['witness']['in_words']}"
    yield f"    {found['remedy']}"


def _proofs(one: Row) -> Iterator[str]:
    for proof in one["proofs"][:_SHOWN_PROOFS]:
        first, second = proof["listeners"]
        only = " (unless a field is there twice)" if proof["is_by_single_names"] else ""
        yield f"apart: {first} and {second}: {proof['reason']}{only}"
    if one["apart"] > _SHOWN_PROOFS:
        yield f"and {one['apart'] - _SHOWN_PROOFS} more that are apart; --json lists them"


def _summary(one: Row) -> str:
    counts = [
        counted(count, severity)
        for severity in SEVERITIES
        if (count := sum(found["severity"] == severity for found in one["findings"]))
    ]
    what = one.get("file", "the system")
    listeners = counted(one["listeners"], "listener")
    pairs = f"{one['apart']} of {one['pairs']} pairs proved apart"
    return f"{what}: {listeners}, {pairs}; {', '.join(counts) or 'no findings'}."
