"""The options and arguments that several commands share."""

from typing import Annotated

import typer

from postroom.errors import InvalidInputError

Account = Annotated[str | None, typer.Option(help="Only of this account, by id or name.")]
OfAccount = Annotated[
    str | None, typer.Option("--account", help="The account, where several have such a listener.")
]
ListenerName = Annotated[str, typer.Argument(metavar="LISTENER", help="The listener's name.")]
OnlyListener = Annotated[str | None, typer.Option("--listener", help="Only of this listener.")]
Envelope = Annotated[str | None, typer.Option(help="Only of this envelope, by id.")]
Events = Annotated[
    str | None, typer.Option(help="Only these events, comma-separated, in any spelling.")
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="MOMENT", help="Received at or after, like 2026-03-02T09:00Z."),
]
Until = Annotated[
    str | None, typer.Option("--to", metavar="MOMENT", help="Received before this moment.")
]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")]
After = Annotated[
    str | None, typer.Option(metavar="CURSOR", help="Go on after a page: its `next_after`.")
]


def several(text: str | None) -> tuple[str, ...]:
    """Split a comma-separated option. What is given empty stays, to be refused: it is no "all"."""
    return () if text is None else tuple(one.strip() for one in text.split(","))


def named_values(texts: list[str] | None, option: str) -> dict[str, str]:
    """Read a repeated `Name=Value` option. Raises `InvalidInputError`, naming the option."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, is_there, value = text.partition("=")
        if not (name.strip() and is_there):
            raise InvalidInputError(f"{option}: write it as Name=Value, not {text[:80]!r}")
        if name in found:
            raise InvalidInputError(f"{option}: {name[:80]!r} is given twice")
        found[name] = value
    return found
