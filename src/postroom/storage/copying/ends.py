"""The port of a copy: a database as one end of it, and what is told meanwhile."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import sqlalchemy as sa

from postroom.model import Noun
from postroom.storage.copying.parts import Row
from postroom.storage.copying.relocation import Relocation


class Numbers(Noun, frozen=True, kw_only=True):
    """The numbers given out so far, the revisions and the totals: what `tally` is about."""

    notification_seq: int
    envelope_number: int
    delivery_id: int
    kept_number: int
    registry_revision: int
    secrets_revision: int
    states_revision: int
    notifications: int
    unclaimed: int
    unreadable: int
    delivered: int


class Far(Noun, frozen=True, kw_only=True):
    """How far the target is with one part."""

    after: Row
    """The key of the last row of the source that it has."""
    copied: int
    """How many rows of the source that are."""


class Progress(Noun, frozen=True, kw_only=True):
    """How far a copy is."""

    does: Literal["copy", "compare"]
    part: str
    rows: int
    """Of all parts so far; comparing counts every row once more."""
    total: int


Told = Callable[[Progress], None]
"""Hears of each chunk."""


Stand = Literal["new", "marked", "begun"]
"""How a copy stands: neither end knows of it; the source alone is marked, which is not served any
more; both are marked, and it is to be gone on with."""


class Copied(Noun, frozen=True, kw_only=True):
    """What a copy came to."""

    source: str
    target: str
    rows: dict[str, int]
    """Of each table, as counted and compared at both ends."""
    was_resumed: bool
    """A copy that was begun before has been finished."""
    was_done: bool
    """It had ended before; nothing was done now."""


class End(Protocol):
    """A database as one end of a copy. One task at a time asks it.

    Raises `UnavailableError` where the database cannot be asked.
    """

    @property
    def place(self) -> str:
        """Where it is, as a person would write it, without a password."""
        ...

    async def hold(self) -> None:
        """Keep other copies off; raises `ConflictError` where it is being served or copied."""
        ...

    async def revision(self) -> str | None:
        """Return the revision of its tables."""
        ...

    async def ask(self, statement: sa.Select[Any]) -> Sequence[Row]:
        """Return the rows of a question."""
        ...

    async def relocations(self) -> Sequence[Relocation]:
        """Return the copies in which it has taken part and that it remembers."""
        ...

    async def remember(self, known: Sequence[Relocation]) -> None:
        """Remember these copies and no others, durably."""
        ...

    async def progress(self) -> dict[str, Far]:
        """Return how far it is as a target, by part."""
        ...

    async def put(self, table: sa.Table, rows: Sequence[Row], part: str, far: Far) -> None:
        """Add rows, and remember how far it is then: both, or neither."""
        ...

    async def numbers(self) -> Numbers:
        """Return the numbers given out, the revisions and the totals."""
        ...

    async def finish(self, numbers: Numbers, known: Sequence[Relocation]) -> None:
        """Set the numbers, forget the progress and remember these copies: durably, as one."""
        ...

    def found_by(self, text: str) -> str:
        """Return what a custom field's name or value is found by here."""
        ...

    async def close(self) -> None:
        """Let go of the database."""
        ...
