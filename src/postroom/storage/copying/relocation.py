"""What the two ends of a copy keep of it: which other end there is, and how far it has come.

The tables are in a database only once it has taken part in a copy; no other release asks for them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from postroom.clock import SECOND
from postroom.errors import ConflictError
from postroom.model import Noun

metadata = sa.MetaData()

relocation = sa.Table(
    "relocation",
    metadata,
    # The same at both ends.
    sa.Column("copy_id", sa.Text, primary_key=True),
    # Whether this database is the `source` of the copy or its `target`.
    sa.Column("role", sa.Text, primary_key=True),
    # Where the other end is, without a password.
    sa.Column("other", sa.Text, nullable=False),
    sa.Column("begun_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
)

progress = sa.Table(
    "relocation_progress",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    # JSON list: the key of the last row that is here.
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("copied", sa.BigInteger, nullable=False),
)


class Relocation(Noun, frozen=True, kw_only=True):
    """One copy, as one of its ends remembers it."""

    copy_id: str
    role: Literal["source", "target"]
    other: str
    begun_at: int
    ended_at: int | None = None


def of_row(row: Sequence[Any]) -> Relocation:
    """Return what a row of `relocation` says."""
    copy_id, role, other, begun_at, ended_at = row
    return Relocation(copy_id=copy_id, role=role, other=other, begun_at=begun_at, ended_at=ended_at)


def refuse(place: str, known: Sequence[Relocation]) -> None:
    """Raise `ConflictError` for a database that must not be used, for its part in a copy."""
    for one in known:
        if one.role == "source":
            state = "has moved" if one.ended_at is not None else "is being moved"
            raise ConflictError(
                f"{place} {state} to {one.other} ({_day(one.begun_at)}): serve that one. To use"
                f" this one all the same, `postroom copy --undo --from {place}`; what the other"
                " has delivered since would be delivered again"
            )
        if one.ended_at is None:
            raise ConflictError(
                f"{place} holds an unfinished copy of {one.other}; give the same `postroom copy`"
                " again to finish it, or use an empty database"
            )


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, tz=UTC).date().isoformat()
