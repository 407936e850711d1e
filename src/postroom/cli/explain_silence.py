"""Why a listener got nothing, for people: the verdict, the counts, an example of each."""

from collections.abc import Iterator

from rich.console import RenderableType

from postroom.cli.output import Column, Row, heading, moment, plain, table

SHOWN = 5
_WHY = {
    "event": "the event",
    "sender": "the sender",
    "content": "the content",
    "standing": "its standing",
    "yielded": "yielded in its lane",
    "absent": "not there then",
    "message": "unreadable",
    "past": "past retention",
    "undecided": "not decided",
    "account": "another account",
}


def _parts(row: Row) -> str:
    parts = [f"{one['what']} {one['count']:,}" for one in row["parts"][:SHOWN] if one["what"]]
    more = " …" if len(row["parts"]) > SHOWN else ""
    return f"{', '.join(parts)}{more}"


REASONS = (
    Column(heading="not owed by", says=lambda row: _WHY.get(row["kind"], row["kind"])),
    Column(heading="count", says="count", is_number=True),
    Column(heading="most often", says=_parts),
    Column(heading="for example", says=lambda row: row["example"]["notification_id"]),
    Column(heading="why", says=lambda row: row["example"]["why"]),
)
NEAR = (
    Column(heading="field", says="path"),
    Column(heading="seen", says=lambda row: f'"{row["seen"]}"'),
    Column(heading="wanted", says=lambda row: f'"{row["wanted"]}"'),
    Column(heading="how", says="how"),
    Column(heading="count", says="count", is_number=True),
    Column(heading="for example", says=lambda row: row["example"]["notification_id"]),
)


def told(found: Row) -> Iterator[RenderableType]:
    """Yield the lines of the answer."""
    yield plain(found["verdict"])
    if found["is_cut"]:
        oldest = moment(found["oldest_looked_at"])
        yield plain(f"There were more: these are the newest, back to {oldest}.")
    if found["circumstances"]:
        yield heading("How it stands")
        yield from (plain(f"- {one}") for one in found["circumstances"])
    if found["reasons"]:
        yield heading("What it was not owed, by the first condition against")
        yield table(found["reasons"], REASONS)
    if found["near_misses"]:
        yield heading("What nearly matched")
        yield table(found["near_misses"], NEAR)
    if found["reasons"]:
        yield heading("More of one: postroom explain NOTIFICATION")
