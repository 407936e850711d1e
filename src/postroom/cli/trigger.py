"""`postroom trigger`: play an envelope's life, on a server or straight at a URL."""

import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from postroom import signature, vocabulary
from postroom.cli import connect_file, straight
from postroom.cli.connect_file import ConnectFile
from postroom.cli.desk import RefusedError
from postroom.cli.options import named_values, several
from postroom.cli.output import Column, Output, Row, table
from postroom.cli.seat import NO, Seat, command
from postroom.clock import SystemClock
from postroom.envelopes.envelope import Sender
from postroom.errors import InvalidInputError
from postroom.model import Json
from postroom.operations.connect import offline, rehearsal, senders
from postroom.operations.connect import trigger as stage
from postroom.operations.connect.trigger import TriggerRequest
from postroom.operations.document import InvalidDocumentError, Problem

app = typer.Typer(add_completion=False)

SHOWN_ENVELOPES = 20
SHOWN_MESSAGES = 100
MAX_FILE_BYTES = 1024 * 1024
ENVELOPES = (
    Column(heading="envelope", says="envelope_id"),
    Column(heading="status", says="status"),
    Column(heading="told", says=lambda one: ", ".join(one["events"])),
)
TEMPLATES = (
    Column(heading="template", says="template_id"),
    Column(heading="told", says=lambda one: ", ".join(one["events"])),
)
TOTALS = (
    Column(heading="event", says="event"),
    Column(heading="told", says="count", is_number=True),
)
MESSAGES = (
    Column(heading="event", says="event"),
    Column(heading="envelope", says="envelope_id"),
    Column(heading="recipient", says="recipient_id"),
    Column(heading="answer", says=lambda one: one["status"] or one["failure"]),
)
SUMS = (
    Column(heading="event", says="event"),
    Column(heading="sent", says="sent", is_number=True),
    Column(heading="acknowledged", says="acknowledged", is_number=True),
)
_STRAIGHT = "Straight at a URL"


@command(app, alone="url")
async def trigger(  # noqa: PLR0913  # what to play, on whose envelopes, and how
    seat: Seat,
    event: Annotated[
        str | None,
        typer.Argument(
            metavar="[EVENT]", help="Play the shortest way to this event, in any spelling."
        ),
    ] = None,
    *,
    story: Annotated[
        str | None, typer.Option(help="Play this story, such as completed or bulk.")
    ] = None,
    script: Annotated[Path | None, typer.Option(help="Play this YAML script.")] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A custom field of each envelope; repeatable."),
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option(help="Who sends: a user's id or e-mail address, or the end or a part of it."),
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="The account, by id or name; otherwise the first main one.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, max=stage.MAX_COUNT, help="How many envelopes.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Play the same envelopes as with this seed before.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Begin at most so many envelopes a second.")
    ] = None,
    event_notification: Annotated[
        Path | None,
        typer.Option(help="A JSON file: the eventNotification of each envelope, or a list."),
    ] = None,
    real_time: Annotated[
        bool,
        typer.Option("--real-time", help="Sit through the waits; otherwise only a clock is moved."),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(help="POST the messages to this URL; no server.", rich_help_panel=_STRAIGHT),
    ] = None,
    key_env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Sign with the key in this variable; repeatable.",
            rich_help_panel=_STRAIGHT,
        ),
    ] = None,
    include: Annotated[
        str | None,
        typer.Option(
            help="What the messages carry, comma-separated, such as custom_fields,recipients.",
            rich_help_panel=_STRAIGHT,
        ),
    ] = None,
) -> int | None:
    """Create envelopes and play their lives: the way to an event, a story, or a script."""
    file = None if script is None else connect_file.parsed(script, start="envelopes:")
    order: Row = {
        "event": event,
        "story": story,
        "script": None if file is None else file.document,
        "fields": named_values(field, "--field"),
        "sender": sender,
        "account": account,
        "count": count,
        "seed": seed,
        "rate_per_second": rate,
        "event_notification": _json(event_notification),
        "real_time": real_time,
    }
    try:
        if url is not None:
            return await _straight(seat.out, order, url, key_env or [], several(include))
        if key_env or include is not None:
            raise InvalidInputError("--key-env and --include go with --url")
        done = await _followed(seat, order)
    except (RefusedError, InvalidDocumentError) as refused:
        raise _placed(refused, file) from None
    seat.out.say(done, *_told(done))
    return None


async def _followed(seat: Seat, order: Row) -> Row:
    """Have the server play, and show how far it is, where a person can see it."""
    with _bar(seat.out) as bar:
        task = bar.add_task("Playing…", total=None)

        def told(progress: Row) -> None:
            bar.update(task, total=progress["of"], completed=progress["played"])

        done: Row = await seat.desk.follow("/trigger", order, told)
    return done


async def _straight(
    out: Output, order: Row, url: str, key_names: list[str], include: tuple[str, ...]
) -> int:
    """Play in memory, send every message, and print what each was answered."""
    if order["event_notification"] is not None or order["real_time"]:
        raise InvalidInputError("--event-notification and --real-time are for a server, not --url")
    keys = [_key(name) for name in key_names]
    if unknown := [one for one in include if one not in vocabulary.INCLUDES]:
        known = ", ".join(vocabulary.INCLUDES)
        raise InvalidInputError(f"--include: there is no {unknown[0][:50]!r}; there are {known}")
    play = stage.planned(_request(order))
    account_id = senders.guid_of(play.account) if play.account else offline.ACCOUNT_ID
    now = SystemClock().now()
    with _bar(out) as bar:
        task = bar.add_task("Sending…", total=play.count)
        posted = await straight.post_all(
            url,
            (
                rehearsal.rehearse(
                    scene,
                    account_id=account_id,
                    sender=_sender(scene.sender or order["sender"]),
                    now=now,
                    include=include,
                )
                for scene in play.scenes
            ),
            account_id=account_id,
            keys=keys,
            rate_per_second=order["rate_per_second"],
            told=lambda done: bar.update(task, completed=done),
        )
    acknowledged = sum(one.is_acknowledged for one in posted)
    rows: list[Row] = [msgspec.to_builtins(one) for one in posted]
    answer = {
        "account_id": account_id,
        "seed": play.seed,
        "acknowledged": acknowledged,
        "messages": rows,
    }
    stopped = "" if posted[-1].status else " Nothing answers there: is the listener running?"
    out.say(
        answer,
        _messages(posted, rows),
        f"{acknowledged} of {len(posted)} messages were acknowledged; seed {play.seed}.{stopped}",
    )
    return NO if acknowledged < len(posted) else 0


def _messages(posted: list[straight.Posted], rows: list[Row]) -> RenderableType:
    if len(rows) <= SHOWN_MESSAGES:
        return table(rows, MESSAGES)
    sent = Counter(one.event for one in posted)
    well = Counter(one.event for one in posted if one.is_acknowledged)
    return table(
        [{"event": name, "sent": sent[name], "acknowledged": well[name]} for name in sorted(sent)],
        SUMS,
    )


def _told(done: Row) -> list[RenderableType]:
    noun, columns = ("template", TEMPLATES) if done["templates"] else ("envelope", ENVELOPES)
    played = done[f"{noun}s"]
    lines: list[RenderableType] = []
    if len(played) <= SHOWN_ENVELOPES:
        lines.append(table(played, columns))
    else:
        totals = [{"event": name, "count": told} for name, told in done["totals"].items()]
        lines.append(table(totals, TOTALS))
    told = sum(done["totals"].values())
    number = f"1 {noun}" if len(played) == 1 else f"{len(played)} {noun}s"
    lines.append(f"{number} of {done['account_id']} told {told} events; seed {done['seed']}.")
    if len(done["envelopes"]) == 1:
        lines.append(f"Who got them: postroom deliveries --envelope {played[0]['envelope_id']}")
    return lines


def _bar(out: Output) -> Progress:
    console = out.errors
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _request(order: Row) -> TriggerRequest:
    return TriggerRequest(
        event=order["event"],
        story=order["story"],
        script=order["script"],
        fields=tuple(order["fields"].items()),
        account=order["account"],
        count=order["count"],
        seed=order["seed"],
        rate_per_second=order["rate_per_second"],
    )


def _sender(named: str | None) -> Sender:
    if named is not None:
        return senders.made_up(named)
    user = offline.SENDERS[0]
    return Sender(user_id=user.id or "", name=user.name, email=user.email or "")


def _key(name: str) -> str:
    text = os.environ.get(name)
    if text is None:
        raise InvalidInputError(f"--key-env: the variable {name} is not set")
    wrong = signature.check_key(text)
    if wrong is not None:
        raise InvalidInputError(f"--key-env {name}: {wrong}")
    return text


def _json(path: Path | None) -> Json:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise InvalidInputError(f"{path.name} is larger than {MAX_FILE_BYTES} bytes")
        return msgspec.json.decode(raw)
    except OSError as problem:
        raise InvalidInputError(f"cannot read {path}: {problem.strerror}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise InvalidInputError(f"{path.name} is not JSON: {problem}") from None


def _placed(
    refused: RefusedError | InvalidDocumentError, file: ConnectFile | None
) -> InvalidInputError:
    """Return the error with its places in the script, where it has any."""
    places: Any = getattr(refused, "places", None) or [
        (one.path, one.message) for one in getattr(refused, "problems", ())
    ]
    if file is None or not places:
        return refused
    problems = [Problem(path=tuple(path), message=message) for path, message in places]
    return InvalidInputError(file.describe(problems))
