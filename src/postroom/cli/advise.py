"""`postroom advise`: which of the five options, for whom, at what cost; and the files for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import yaml
from rich.console import RenderableType

from postroom.cli import advise_interview, connect_file
from postroom.cli.connect_file import ConnectFile
from postroom.cli.desk import RefusedError
from postroom.cli.output import Column, Row, counted, facts, heading, table
from postroom.cli.seat import Seat, command
from postroom.errors import ConflictError, InvalidInputError
from postroom.model import Json
from postroom.operations.document import Problem

app = typer.Typer(add_completion=False)

CONNECT, CONFIGURATIONS = "connect.yaml", "connect-configurations.json"
FACTS = "facts.yaml"
HEAD = "# What `postroom advise` advised. See what it would change: postroom apply --dry-run\n"
SHOWN_SENDERS = 20


@command(app, may_create=True)
async def advise(  # what is told, what is looked at, and where the files go
    seat: Seat,
    *,
    facts_file: Annotated[
        Path | None, typer.Option("--facts", help="Go by this YAML of facts; ask nothing.")
    ] = None,
    from_traffic: Annotated[
        bool,
        typer.Option(
            "--from-traffic",
            help="Go by what recent traffic shows, too; alone, about the listeners there are.",
        ),
    ] = False,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days are recent.")] = 30,
    out: Annotated[
        Path | None, typer.Option(help="Write connect.yaml and Docusign's JSON into this folder.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite what is in the folder already.")
    ] = False,
) -> None:
    """Advise which of the five options is right for which integration; changes nothing.

    Goes by a few questions on a terminal, by a file of facts, by recent traffic, or both.
    """
    told = None
    if facts_file is not None:
        told = _read(facts_file)
    elif not from_traffic:
        told = _interviewed(seat)
    question = {
        "facts": told.document if told is not None else None,
        "from_traffic": from_traffic,
        "days": days,
    }
    try:
        advised = await seat.desk.post("/advise", question)
    except RefusedError as refused:
        if told is None or facts_file is None or not refused.places:
            raise  # what was answered has no lines to name
        raise InvalidInputError(_placed(told, refused)) from None
    kept = told.document if told is not None and facts_file is None else None
    written = _write(advised["files"], kept, out, force=force) if out is not None else []
    lines = [*_told(advised), *(f"wrote {path}" for path in written)]
    if out is None:
        lines.append("Nothing is written; --out DIR writes connect.yaml and Docusign's JSON.")
    seat.out.say(advised, *lines)


def _read(path: Path) -> ConnectFile:
    told = connect_file.parsed(path, start="accounts: and integrations:")
    try:
        msgspec.json.encode(told.document)
    except UnicodeEncodeError:
        raise InvalidInputError(
            f"{path.name} has half a character in it (a lone surrogate, \\ud800 to \\udfff)"
        ) from None
    return told


def _interviewed(seat: Seat) -> ConnectFile:
    if not seat.out.is_interactive:
        raise InvalidInputError(
            "nobody is there to ask: give --facts FILE, or --from-traffic; questions are asked on"
            " a terminal, without --json"
        )
    try:
        return ConnectFile(Path(FACTS), advise_interview.ask(seat.out.errors), {})
    except EOFError:
        raise InvalidInputError("the interview was broken off; nothing was written") from None


def _placed(told: ConnectFile, refused: RefusedError) -> str:
    return told.describe(Problem(path=path, message=said) for path, said in refused.places)


# what is printed


def _told(advised: Row) -> Iterator[RenderableType | str]:
    advice = advised["advice"]
    if advised["traffic"] is not None:
        yield from _of_traffic(advised["traffic"])
    yield table(
        advice["recommendations"],
        (
            Column(heading="integration", says="integration"),
            Column(heading="option", says=lambda one: " + ".join(map(str, one["options"])) or "-"),
            Column(heading="advised", says="name"),
        ),
    )
    for one in advice["recommendations"]:
        yield heading(one["integration"])
        yield facts(
            [
                ("because", one["why"]),
                *(("costs", cost) for cost in one["costs"]),
                *(("to do", step) for step in one["to_do"]),
                *((f"not {each['option']}", each["why_not"]) for each in one["passed_over"]),
            ]
        )
    yield from _of_pairs(advice["pairs"])
    if still_open := [*advice["still_open"], *advised["files"]["left_out"]]:
        yield heading("Still open")
        yield from (f"- {one}" for one in still_open)
    yield ""


def _of_traffic(seen: Row) -> Iterator[RenderableType | str]:
    more = ", the newest" if seen["is_cut"] else ""
    told = counted(seen["notifications"], "notification")
    yield f"{counted(seen['envelopes'], 'envelope')} in {told}{more}."
    yield from map(_covered, seen["coverage"][:SHOWN_SENDERS])
    for one in seen["shared_now"][:SHOWN_SENDERS]:
        both = f"{one['one']} and {one['other']}"
        yield f"{both} both want {counted(one['envelopes'], 'envelope')} now."
    yield from seen["completed"]
    yield from (f"contradicted: {one}" for one in seen["contradictions"])
    yield ""


def _covered(one: Row) -> str:
    """Return a line such as `Integration is set on 97 % of the 120 envelopes sent by svc-erp`."""
    whole = one["envelopes"]
    values = ", ".join(f"{value} {_percent(n, whole)}" for value, n in one["values"].items())
    line = (
        f"{one['field']} is set on {_percent(whole - one['without'], whole)} of the"
        f" {counted(whole, 'envelope')} sent by {one['sender']}: {values}"
    )
    return f"{line}; {_percent(one['without'], whole)} have none." if one["without"] else f"{line}."


def _percent(part: int, whole: int) -> str:
    """Return a share; what is not quite all, or not quite nothing, never looks so."""
    share = round(100 * part / whole)
    if part and not share:
        return "under 1 %"
    return "over 99 %" if part < whole and share == 100 else f"{share} %"  # noqa: PLR2004  # all


def _of_pairs(pairs: list[Row]) -> Iterator[RenderableType | str]:
    if pairs:
        apart = sum(one["verdict"] == "apart" for one in pairs)
        yield heading(f"Proved apart: {apart} of {len(pairs)} pairs")
    for one in pairs:
        if one["verdict"] != "apart":
            yield f"{one['one']} and {one['other']}: {one['verdict']}: {one['reason']}"


# what is written


def _write(files: Row, told: Json, folder: Path, *, force: bool) -> list[Path]:
    """Write what is advised; what is there already is not touched unless `force`."""
    made = {
        CONNECT: HEAD + _yaml(files["connect"]),
        CONFIGURATIONS: _json(files["configurations"]),
        **{
            f"event-notification-{name}.json": _json(body)
            for name, body in files["event_notifications"].items()
        },
    }
    if told is not None:
        made[FACTS] = _yaml(told)
    try:
        there = [name for name in made if (folder / name).exists()]
        if there and not force:
            raise ConflictError(
                f"{folder} has {', '.join(there)} already; name another folder, or overwrite with"
                " --force"
            )
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as problem:
        raise InvalidInputError(f"cannot write into {folder}: {problem.strerror}") from None
    return [folder / name for name in made]


def _yaml(value: Json) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=False)


def _json(value: Json) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode() + "\n"
