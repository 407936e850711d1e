"""Printing: tables for people, JSON for machines, errors on standard error.

Whatever comes from outside is printed as text: no markup, no control characters.
"""

import os
import sys
from collections.abc import Callable, Iterable, Sequence

import msgspec
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from postroom.model import Json, Noun

Row = dict[str, Json]

WHOLE_WIDTH = 36
"""Cells up to this width, that of an id, are neither broken nor cut: people copy them."""
PIPED_WIDTH = 2000
"""Where no terminal sets a width, lines are as long as they are: `grep` and `awk` read them."""
GAP = 2
"""Between columns."""


class Column(Noun, frozen=True, kw_only=True):
    """One column of a table: its heading, and what a row says under it."""

    heading: str
    says: str | Callable[[Row], object]
    """The name of a field, or what makes a value of the row."""
    is_number: bool = False
    style: str = ""


class Output:
    """Where a command prints."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._console = Console(highlight=False)
        if not self._console.is_terminal and "COLUMNS" not in os.environ:
            self._console.width = PIPED_WIDTH
        self._errors = Console(stderr=True, highlight=False)

    def say(self, answer: Json, *lines: RenderableType) -> None:
        """Print the API's answer for machines, or the lines for people."""
        if self.as_json:
            printed = msgspec.json.format(msgspec.json.encode(answer)).decode()
            sys.stdout.write(printed + "\n")
            return
        for line in lines:
            self._console.print(plain(line) if isinstance(line, str) else line)

    def page(self, answer: Json, columns: Sequence[Column], *, empty: str) -> None:
        """Print a page of a listing; if nothing is on it, what to do next."""
        items = answer["items"]
        if not items:
            self.say(answer, empty)
            return
        lines: list[RenderableType] = [table(items, columns)]
        if answer.get("next_after"):
            lines.append(Text(f"More: add --after {clean(answer['next_after'])}", style="dim"))
        self.say(answer, *lines)

    def note(self, line: str) -> None:
        """Print a remark to standard error."""
        self._errors.print(plain(line))

    def error(self, problem: Exception) -> None:
        """Print an error: what is wrong, where, and what to do next."""
        said = cleaned_lines(str(problem))
        text = Text("postroom: ", style="bold red")
        # Lines that begin with a place in a file begin so on the screen too: editors jump there.
        text.append(f"this cannot be used\n{said}" if "\n" in said else said, "default not bold")
        self._errors.print(text, soft_wrap=True)
        for path, message in getattr(problem, "places", ()):
            place = where(path)
            line = f"{place}: {message}" if place else str(message)
            self._errors.print(Padding(plain(line), (0, 0, 0, 2)), soft_wrap=True)

    @property
    def is_interactive(self) -> bool:
        """Whether a person can be asked."""
        return sys.stdin.isatty() and not self.as_json

    @property
    def errors(self) -> Console:
        """The console of standard error, for progress."""
        return self._errors


def table(items: Iterable[Row], columns: Sequence[Column]) -> RenderableType:
    """Return rows as a table; in a terminal too narrow for one, as a paragraph each."""
    rows = [[clean(_said(column, item)) for column in columns] for item in items]
    return _Listing(columns, rows)


class _Listing:
    """Decides how to print rows once the width is known, as `psql` does with `expanded auto`."""

    def __init__(self, columns: Sequence[Column], rows: list[list[str]]) -> None:
        self._columns = columns
        self._rows = rows
        self._widths = [
            max(map(cell_len, (column.heading, *(row[place] for row in rows))))
            for place, column in enumerate(columns)
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        needed = sum(min(width, WHOLE_WIDTH) + GAP for width in self._widths)
        yield self._table() if needed <= options.max_width else self._paragraphs()

    def _table(self) -> Table:
        made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
        for column, width in zip(self._columns, self._widths, strict=True):
            made.add_column(
                column.heading,
                justify="right" if column.is_number else "left",
                style=column.style,
                overflow="fold",
                no_wrap=width <= WHOLE_WIDTH,
            )
        for row in self._rows:
            made.add_row(*map(Text, row))
        return made

    def _paragraphs(self) -> Group:
        headings = [column.heading for column in self._columns]
        each = [facts(zip(headings, row, strict=True)) for row in self._rows]
        return Group(*(line for one in each for line in (one, "")))


def facts(pairs: Iterable[tuple[str, object]]) -> RenderableType:
    """Return named values, one a line; empty ones are left out."""
    made = Table(box=None, pad_edge=False, show_header=False, padding=(0, GAP, 0, 0))
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, "", (), []):
            made.add_row(name, Text(clean(value)))
    return made


def heading(text: str) -> RenderableType:
    """Return a line above a part of what is printed."""
    return Text(f"\n{clean(text)}", style="bold")


def plain(text: str) -> RenderableType:
    """Return text without any markup in force and with control characters spelt out."""
    return Text(cleaned_lines(text))


def clean(value: object) -> str:
    """Return a value as one line of printable text; what cannot be printed is spelt out."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(clean(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else _as_text(value)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _spelt(one) for one in text)


def cleaned_lines(text: str) -> str:
    """Clean each line of a text that may have several."""
    return "\n".join(clean(line) for line in text.split("\n"))


def counted(count: Json, noun: str) -> str:
    """Return a number with its noun: `1 envelope`, `2 envelopes`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def moment(text: Json) -> str:
    """Return an API moment for people: to the second, UTC as everywhere."""
    return str(text).replace("T", " ").split(".")[0].removesuffix("Z") if text else ""


def where(path: Sequence[str | int]) -> str:
    """Return a place in a document in words: `listeners[0].filter`."""
    made = ""
    for step in path:
        made += f"[{step}]" if isinstance(step, int) else f".{step}" if made else str(step)
    return made


def _said(column: Column, row: Row) -> object:
    return row[column.says] if isinstance(column.says, str) else column.says(row)


def _spelt(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _as_text(value: object) -> str:
    if isinstance(value, (dict, float)):
        return msgspec.json.encode(value).decode()
    return str(value)
