"""What is copied: every table of the schema, but for those named with the reason why not."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from postroom.storage import schema
from postroom.storage.kept_queries import fields

Row = Sequence[Any]
FoundBy = Callable[[str], str]
"""What a custom field is found by in the target: see `End.found_by`."""

CHUNK_ROWS = 2_000
CHUNK_BYTES = 8 * 1024 * 1024
"""What one transaction copies at most, but for a single row that is larger."""

LEFT_OUT = {
    "tally": "numbers and totals are set at the end, each database's own way (`Numbers`)",
    "node": "the nodes of the new installation join it by themselves",
}
"""Tables that are not copied row by row, with the reason."""

NUL, SYMBOL = "\x00", "\N{SYMBOL FOR NULL}"
"""PostgreSQL's texts hold no NUL; its store keeps the symbol instead (decision 0008)."""


class Part:
    """A table to fill: what is read for it, and how that becomes its rows."""

    def __init__(
        self,
        table: sa.Table,
        *,
        reads: sa.Table | None = None,
        columns: Sequence[str] | None = None,
        makes: Callable[[Row, FoundBy], Iterable[Row]] | None = None,
    ) -> None:
        self.name = table.name
        self.table = table
        self.reads = table if reads is None else reads
        self.columns = [self.reads.c[name] for name in columns or self.reads.c.keys()]
        self.key = list(self.reads.primary_key.columns)
        self._key_places = [self.columns.index(column) for column in self.key]
        self._makes = makes
        self._tidied = Tidied(self.columns)

    def key_of(self, row: Row) -> Row:
        """Return a row's key: copying goes on after it."""
        return [row[place] for place in self._key_places]

    def made(self, rows: Sequence[Row], found_by: FoundBy) -> list[Row]:
        """Return the table's rows, as the target shall have them, from what was read."""
        tidied = self._tidied.rows(rows)
        if self._makes is None:
            return tidied
        return [made for row in tidied for made in self._makes(row, found_by)]

    def sizes(self, after: Row | None) -> sa.Select[Any]:
        """Return the question for the keys that come next, each with the bytes of its row."""
        binary = [one for one in self.columns if isinstance(one.type, sa.LargeBinary)]
        size: sa.ColumnElement[int] = sa.literal_column("0", sa.BigInteger)
        for column in binary:
            size += sa.func.coalesce(sa.func.length(column), 0)
        asked = sa.select(*self.key, size).order_by(*self.key).limit(CHUNK_ROWS)
        return asked if after is None else asked.where(self._compared(after, is_after=True))

    def chunk(self, after: Row | None, last: Row) -> sa.Select[Any]:
        """Return the question for the rows after a key, until another one's."""
        asked = sa.select(*self.columns).order_by(*self.key)
        asked = asked.where(self._compared(last, is_after=False))
        return asked if after is None else asked.where(self._compared(after, is_after=True))

    def _compared(self, key: Row, *, is_after: bool) -> sa.ColumnElement[bool]:
        values = [sa.literal(one, column.type) for one, column in zip(key, self.key, strict=True)]
        if len(values) == 1:
            return self.key[0] > values[0] if is_after else self.key[0] <= values[0]
        ours, given = sa.tuple_(*self.key), sa.tuple_(*values)
        return ours > given if is_after else ours <= given


class Tidied:
    """Rows of any database as all of them can hold them, and as they can be compared."""

    def __init__(self, columns: Sequence[sa.Column[Any]]) -> None:
        self._texts = _places(columns, sa.Text)
        self._booleans = _places(columns, sa.Boolean)
        self._json = [
            place for place, one in enumerate(columns) if one is schema.kept_envelope.c.fields
        ]

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """Return rows with true booleans and without NULs in texts."""
        texts = [place for place in self._texts if self._has_nul(rows, place)]
        if not texts and not self._booleans and not self._json:
            return list(rows)
        tidied: list[Row] = []
        for row in rows:
            values = list(row)
            for place in texts:
                if values[place] is not None:
                    values[place] = values[place].replace(NUL, SYMBOL)
            for place in self._booleans:
                if values[place] is not None:
                    values[place] = bool(values[place])
            for place in self._json:
                values[place] = _without_nul(values[place])
            tidied.append(values)
        return tidied

    @staticmethod
    def _has_nul(rows: Sequence[Row], place: int) -> bool:
        # Of all rows at once: there hardly ever is one, and asking each costs as much as copying.
        return NUL in "".join([row[place] or "" for row in rows])


def _places(columns: Sequence[sa.Column[Any]], kind: type[sa.types.TypeEngine[Any]]) -> list[int]:
    return [place for place, one in enumerate(columns) if isinstance(one.type, kind)]


def _without_nul(text: str) -> str:
    """Return the JSON of custom fields without NULs: the store takes them for keys of an index."""
    if "\\u0000" not in text:
        return text
    mended = [[one.replace(NUL, SYMBOL) for one in field] for field in fields(text)]
    return msgspec.json.encode(mended).decode()


def _finders(row: Row, found_by: FoundBy) -> Iterable[Row]:
    """Return what an envelope is found by."""
    number, account_id, kept_fields = row
    found = {(found_by(name), found_by(value)) for name, value in fields(kept_fields)}
    return [(account_id, name, value, number) for name, value in sorted(found)]


_MADE_ANEW = Part(
    # PostgreSQL's store keeps the hash of what is too long for its indexes.
    schema.envelope_field,
    reads=schema.kept_envelope,
    columns=("number", "account_id", "fields"),
    makes=_finders,
)

PARTS: tuple[Part, ...] = tuple(
    _MADE_ANEW if table is schema.envelope_field else Part(table)
    for table in schema.metadata.sorted_tables
    if table.name not in LEFT_OUT
)
"""In any order: there are no foreign keys, and nothing is served until all is there."""
