"""What changes as people read it, and problems of a document with their place in its file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from postroom.cli.connect_file import ConnectFile
from postroom.cli.desk import RefusedError
from postroom.cli.output import Row, clean
from postroom.errors import InvalidInputError
from postroom.operations.document import Problem

SIGNS = {"added": "+", "changed": "~", "removed": "-", "retired": "-"}


def changed(changes: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each thing that changes, and one for each of its fields."""
    for one in changes:
        yield f"{SIGNS.get(one['action'], ' ')} {one['kind']} {one['name']} {one['action']}"
        yield from fields(one)


def fields(change: Row) -> Iterator[str]:
    """Yield a line for each field that differs."""
    for field, (before, after) in change["fields"].items():
        yield f"    {field}: {_shown(before)} → {_shown(after)}"


@contextmanager
def placed(read: ConnectFile) -> Iterator[None]:
    """Let what the API refuses about a document be told by line and column of the file."""
    try:
        yield
    except RefusedError as refused:
        if not refused.places:
            raise
        problems = [Problem(path=path, message=message) for path, message in refused.places]
        raise InvalidInputError(read.describe(problems)) from None


def _shown(value: object) -> str:
    return "nothing" if value in (None, "", []) else clean(value)
