"""Live: changes of the envelopes that live here with all they tell, many in one transaction.

As in `record`: the envelopes of the batch are held, each change is decided in memory against them
and against its predecessors in the batch, and rows are written table by table.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from postroom.storage.kept_queries import fields, found_by
from postroom.storage.port import Life, Lived, Recorded
from postroom.storage.postgres import rows
from postroom.storage.postgres.record import record_all
from postroom.storage.postgres.writer import Transaction

# Those of `KeptEnvelope` that are kept as they are; `fields` is JSON.
_PLAIN = {
    "account_id": "text",
    "id": "text",
    "revision": "bigint",
    "status": "text",
    "sender_id": "text",
    "sender_name": "text",
    "sender_email": "text",
    "subject": "text",
    "folder": "text",
    "created_at": "bigint",
    "modified_at": "bigint",
    "sent_at": "bigint",
    "delivered_at": "bigint",
    "completed_at": "bigint",
    "declined_at": "bigint",
    "voided_at": "bigint",
    "status_changed_at": "bigint",
    "next_at": "bigint",
    "transaction_id": "text",
    "search_text": "text",
    "body": "bytea",
}
_plain = attrgetter(*_PLAIN)
_COLUMNS = ", ".join((*_PLAIN, "fields", "number"))
_VALUES = f"{rows.unnested(*_PLAIN.values(), 'text', 'bigint')} AS v ({_COLUMNS})"

_HOLD = (
    "SELECT number FROM kept_envelope WHERE id = ANY($1::text[])"
    " ORDER BY id, account_id FOR NO KEY UPDATE"
)
_KNOWN = (
    "SELECT account_id, id, number, revision, fields FROM kept_envelope WHERE id = ANY($1::text[])"
)
_NUMBERS = "SELECT nextval('kept_number') FROM generate_series(1, $1::int)"
_PUT = f"INSERT INTO kept_envelope ({_COLUMNS}) SELECT * FROM {_VALUES} ORDER BY v.id, v.account_id"  # noqa: S608  # constants only
# Neither account nor id: the index of what is not named need not be written.
_CHANGE = (
    "UPDATE kept_envelope k SET"  # noqa: S608  # constants only
    f" {', '.join(f'{name} = v.{name}' for name in [*_PLAIN][2:])}, fields = v.fields"
    f" FROM {_VALUES} WHERE k.number = v.number"
)
_PUT_FIELDS = (
    "INSERT INTO envelope_field (account_id, name, value, envelope_number)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])"
)
_DROP_FIELDS = (
    "DELETE FROM envelope_field f"
    " USING unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS v (a, n, v, number)"
    " WHERE f.account_id = v.a AND f.name = v.n AND f.value = v.v AND f.envelope_number = v.number"
)
_PUT_DOCUMENTS = (
    "INSERT INTO envelope_document (envelope_number, document_id, body)"
    " SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])"
    " ON CONFLICT (envelope_number, document_id) DO UPDATE SET body = excluded.body"
)
_DROP_DOCUMENTS = (
    "DELETE FROM envelope_document d USING unnest($1::bigint[], $2::text[]) AS v (number, id)"
    " WHERE d.envelope_number = v.number AND d.document_id = v.id"
)

_STALE = Lived(was_current=False)


async def live_all(tx: Transaction, lives: Sequence[Life]) -> Sequence[Lived]:
    """Keep each change that is current, with all that it owes (port: `live`)."""
    changes = _Changes(tx)
    await changes.look_up(lives)
    made = [changes.make(life) for life in lives]
    await changes.write()
    current = [life for life, is_made in zip(lives, made, strict=True) if is_made]
    recorded = iter(await record_all(tx, [one for life in current for one in life.recordings]))
    return [
        _lived(recorded, life) if is_made else _STALE
        for life, is_made in zip(lives, made, strict=True)
    ]


def _lived(recorded: Iterator[Recorded], life: Life) -> Lived:
    return Lived(was_current=True, recorded=tuple(next(recorded) for _ in life.recordings))


class _Known:
    """An envelope as the batch knows it."""

    __slots__ = ("fields", "is_new", "kept_fields", "number", "revision")

    def __init__(self, number: int, revision: int, fields: str, *, is_new: bool) -> None:
        self.number = number
        self.revision = revision
        self.fields = self.kept_fields = fields
        self.is_new = is_new


class _Changes:
    """What a batch of changes knows and is about to write."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[tuple[str, str], _Known] = {}
        self._numbers: Iterator[int] = iter(())
        # By the envelope's number: of two changes in one batch the later row is written.
        self._new: dict[int, tuple[Any, ...]] = {}
        self._changed: dict[int, tuple[Any, ...]] = {}
        self._documents: dict[tuple[int, str], bytes | None] = {}

    async def look_up(self, lives: Sequence[Life]) -> None:
        """Hold the envelopes, then read what is known of them."""
        ids = list({life.envelope.id for life in lives})
        await self._tx.sql.fetch(_HOLD, ids)
        self._known = {
            (account_id, envelope_id): _Known(number, revision, kept_fields, is_new=False)
            for account_id, envelope_id, number, revision, kept_fields in await self._tx.sql.fetch(
                _KNOWN, ids
            )
        }
        keys = {(life.envelope.account_id, life.envelope.id) for life in lives}
        if new := keys - self._known.keys():
            # Where another node enters one of them too, its unique id stops the later of the two,
            # who begins again and finds it known.
            numbers = await self._tx.sql.fetch(_NUMBERS, len(new))
            self._numbers = iter([row[0] for row in numbers])

    def make(self, life: Life) -> bool:
        """Make one change, unless the envelope is at another revision than it supposes."""
        envelope = life.envelope
        key = (envelope.account_id, envelope.id)
        known = self._known.get(key)
        if envelope.revision != (1 if known is None else known.revision + 1):
            return False
        if known is None:
            known = self._known[key] = _Known(next(self._numbers), 0, "[]", is_new=True)
        known.revision = envelope.revision
        known.fields = msgspec.json.encode(envelope.fields).decode() if envelope.fields else "[]"
        row = (*_plain(envelope), known.fields, known.number)
        (self._new if known.is_new else self._changed)[known.number] = row
        self._documents.update(dict.fromkeys((known.number, one) for one in life.dropped_documents))
        self._documents.update(((known.number, one), body) for one, body in life.documents)
        return True

    async def write(self) -> None:
        """Write the rows, table by table."""
        documents = self._documents.items()
        for statement, values in (
            (_PUT, list(self._new.values())),
            (_CHANGE, list(self._changed.values())),
            (_DROP_FIELDS, self._fields(is_kept=False)),
            (_PUT_FIELDS, self._fields(is_kept=True)),
            (_DROP_DOCUMENTS, [key for key, body in documents if body is None]),
            (_PUT_DOCUMENTS, [(*key, body) for key, body in documents if body is not None]),
        ):
            if values:
                await self._tx.sql.execute(statement, *rows.columns(values, 0))

    def _fields(self, *, is_kept: bool) -> list[tuple[Any, ...]]:
        """Return what envelopes are to be found by from now on, or (not kept) no longer."""
        found: list[tuple[Any, ...]] = []
        for (account_id, _), known in self._known.items():
            if known.fields == known.kept_fields:
                continue
            before, after = _finders(known.kept_fields), _finders(known.fields)
            moved = after - before if is_kept else before - after
            found += ((account_id, *one, known.number) for one in moved)
        return found


def _finders(column: str) -> set[tuple[str, str]]:
    return {(found_by(name), found_by(value)) for name, value in fields(column)}
