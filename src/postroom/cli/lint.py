"""`postroom lint`: what is odd about files, before anything is made of them."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from postroom.cli import connect_file
from postroom.cli.connect_file import ConnectFile
from postroom.cli.output import Output, Row, clean, cleaned_lines
from postroom.cli.seat import NO, OK, USAGE
from postroom.errors import InvalidInputError
from postroom.operations import lint as linting
from postroom.operations.document import Problem, written
from postroom.operations.lint import Linted

app = typer.Typer(add_completion=False)

MAX_JSON_BYTES = 40 * 1024 * 1024
"""Room for the largest body that Docusign's paths take; YAML has a smaller bound of its own."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@app.command()
def lint(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES",
            help="JSON or YAML: a Connect configuration, or what GET connect answers; an envelope"
            " definition; an eventNotification; a connect.yaml.",
        ),
    ],
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Let http to loopback pass, as serve --offline does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Say what Docusign would silently ignore, or what could never fire; asks no server.

    Ends with 1 if anything is found, and with 2 if a file cannot be read as any of these.
    """
    out = Output(as_json=as_json)
    told: list[Row] = []
    for path in files:
        try:
            told.append(_of_file(path, is_offline=offline))
        except InvalidInputError as problem:
            told.append({"file": str(path), "unreadable": str(problem), "findings": []})
    count = sum(len(one["findings"]) for one in told)
    if as_json:
        out.say({"files": told, "findings": count})
    for one in told:
        _print(one, out)
    if any("unreadable" in one for one in told):
        raise typer.Exit(USAGE)
    raise typer.Exit(NO if count else OK)


def _of_file(path: Path, *, is_offline: bool) -> Row:
    file = _read(path)
    try:
        linted: Linted = linting.lint(file.document, is_offline=is_offline)
    except InvalidInputError as problem:
        raise InvalidInputError(f"{path.name}: {problem}") from None
    findings = sorted(
        (_finding(file, problem) for problem in linted.problems), key=lambda one: one["line"] or 0
    )
    return {"file": str(path), "kind": linted.kind, "findings": findings}


def _finding(file: ConnectFile, problem: Problem) -> Row:
    line, column = file.at(problem.path) or (None, None)
    return {
        "line": line,
        "column": column,
        "place": written(problem.path),
        "message": problem.message,
    }


def _read(path: Path) -> ConnectFile:
    """Read JSON, which has no lines to tell, or else YAML, which has."""
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_JSON_BYTES + 1).removeprefix(_BYTE_ORDER_MARK)
    except (OSError, ValueError) as problem:  # ValueError: a zero byte in the name
        detail = getattr(problem, "strerror", None) or "that is no file's name"
        raise InvalidInputError(f"cannot read {path}: {detail}") from None
    if len(raw) > MAX_JSON_BYTES:
        raise InvalidInputError(f"{path.name} is larger than {MAX_JSON_BYTES} bytes")
    try:
        return ConnectFile(path, msgspec.json.decode(raw), {})
    except RecursionError:
        raise InvalidInputError(f"{path.name} is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        if path.suffix.lower() == ".json":
            raise InvalidInputError(f"{path.name} is not JSON: {problem}") from None
    return connect_file.parsed(path, start="accounts: and listeners:")


def _print(told: Row, out: Output) -> None:
    """Print as compilers do, so that editors jump to the place."""
    if "unreadable" in told:
        out.error(InvalidInputError(told["unreadable"]))
        return
    if out.as_json:
        return
    if not told["findings"]:
        typer.echo(f"{clean(told['file'])}: nothing to say against this {told['kind']}.")
    for one in told["findings"]:
        line = "" if one["line"] is None else f"{one['line']}:{one['column']}:"
        typer.echo(cleaned_lines(f"{told['file']}:{line} {one['place']}: {one['message']}"))
