"""Live: changes of the envelopes that live here with all they tell, many in one transaction.

As in `record`: what is known is looked up for the whole batch at once, each change is decided in
memory against that and against its predecessors in the batch, and rows are written table by table.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from postroom.storage.kept_queries import fields
from postroom.storage.port import Life, Lived, Recorded
from postroom.storage.sqlite.record import record_all
from postroom.storage.sqlite.rows import array
from postroom.storage.sqlite.writer import Transaction

# Those of `KeptEnvelope` that are kept as they are, in the order of the table; `fields` is JSON.
_PLAIN = (
    "account_id",
    "id",
    "revision",
    "status",
    "sender_id",
    "sender_name",
    "sender_email",
    "subject",
    "folder",
    "created_at",
    "modified_at",
    "sent_at",
    "delivered_at",
    "completed_at",
    "declined_at",
    "voided_at",
    "status_changed_at",
    "next_at",
    "transaction_id",
    "search_text",
    "body",
)
_plain = attrgetter(*_PLAIN)

_KNOWN = (
    "SELECT account_id, id, number, revision, fields FROM kept_envelope"
    " WHERE id IN (SELECT value FROM json_each(?))"
)
_PUT = (
    f"INSERT INTO kept_envelope ({', '.join(_PLAIN)}, fields, number)"  # noqa: S608  # constants only
    f" VALUES ({', '.join('?' * (len(_PLAIN) + 2))})"
)
# Neither account nor id: the index of what is not named need not be written.
_CHANGE = (
    f"UPDATE kept_envelope SET {', '.join(f'{name} = ?' for name in _PLAIN[2:])}, fields = ?"  # noqa: S608  # constants only
    " WHERE number = ?"
)
_PUT_FIELD = (
    "INSERT INTO envelope_field (account_id, name, value, envelope_number) VALUES (?, ?, ?, ?)"
)
_DROP_FIELD = (
    "DELETE FROM envelope_field"
    " WHERE account_id = ? AND name = ? AND value = ? AND envelope_number = ?"
)
_PUT_DOCUMENT = (
    "INSERT INTO envelope_document (envelope_number, document_id, body) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET body = excluded.body"
)
_DROP_DOCUMENT = "DELETE FROM envelope_document WHERE envelope_number = ? AND document_id = ?"

_STALE = Lived(was_current=False)


def live_all(tx: Transaction, lives: Sequence[Life]) -> Sequence[Lived]:
    """Keep each change that is current, with all that it owes (port: `live`)."""
    changes = _Changes(tx, lives)
    made = [changes.make(life) for life in lives]
    changes.write()
    current = [life for life, is_made in zip(lives, made, strict=True) if is_made]
    recorded = iter(record_all(tx, [one for life in current for one in life.recordings]))
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

    def __init__(self, tx: Transaction, lives: Sequence[Life]) -> None:
        self._tx = tx
        self._known = {
            (account_id, envelope_id): _Known(number, revision, fields, is_new=False)
            for account_id, envelope_id, number, revision, fields in tx.sql.execute(
                _KNOWN, (array(life.envelope.id for life in lives),)
            )
        }
        self._last_number: int | None = None
        # By the envelope's number: of two changes in one batch the later row is written.
        self._new: dict[int, tuple[Any, ...]] = {}
        self._changed: dict[int, tuple[Any, ...]] = {}
        self._documents: dict[tuple[int, str], bytes | None] = {}

    def make(self, life: Life) -> bool:
        """Make one change, unless the envelope is at another revision than it supposes."""
        envelope = life.envelope
        key = (envelope.account_id, envelope.id)
        known = self._known.get(key)
        if envelope.revision != (1 if known is None else known.revision + 1):
            return False
        if known is None:
            known = self._known[key] = _Known(self._new_number(), 0, "[]", is_new=True)
        known.revision = envelope.revision
        known.fields = msgspec.json.encode(envelope.fields).decode() if envelope.fields else "[]"
        number, row = known.number, _plain(envelope)
        if known.is_new:
            self._new[number] = (*row, known.fields, number)
        else:
            self._changed[number] = (*row[2:], known.fields, number)
        self._documents.update(dict.fromkeys((number, one) for one in life.dropped_documents))
        self._documents.update(((number, one), body) for one, body in life.documents)
        return True

    def write(self) -> None:
        """Write the rows, table by table."""
        put = self._tx.sql.executemany
        put(_PUT, self._new.values())
        put(_CHANGE, self._changed.values())
        self._write_fields()
        documents = self._documents.items()
        put(_DROP_DOCUMENT, [key for key, body in documents if body is None])
        put(_PUT_DOCUMENT, [(*key, body) for key, body in documents if body is not None])

    def _write_fields(self) -> None:
        """Write what envelopes are found by, where that has changed."""
        dropped: list[tuple[Any, ...]] = []
        added: list[tuple[Any, ...]] = []
        for (account_id, _), known in self._known.items():
            if known.fields == known.kept_fields:
                continue
            before, after = fields(known.kept_fields), fields(known.fields)
            dropped += ((account_id, *one, known.number) for one in {*before} - {*after})
            added += ((account_id, *one, known.number) for one in {*after} - {*before})
        self._tx.sql.executemany(_DROP_FIELD, dropped)
        self._tx.sql.executemany(_PUT_FIELD, added)

    def _new_number(self) -> int:
        if self._last_number is None:
            newest = self._tx.sql.execute("SELECT max(number) FROM kept_envelope").fetchone()[0]
            self._last_number = newest or 0
        self._last_number += 1
        return self._last_number
