"""The envelopes that live here as they are asked for, and the small objects beside them."""

import sqlite3
from collections.abc import Sequence

from postroom.storage import kept_queries
from postroom.storage.port import AuditEntry, EnvelopeQuery, KeptEnvelope, KeptObject
from postroom.storage.sqlite import records
from postroom.storage.sqlite.questions import ask
from postroom.storage.sqlite.rows import array
from postroom.storage.sqlite.writer import Transaction

_ENVELOPE = (
    f"SELECT {', '.join(KeptEnvelope.__struct_fields__)} FROM kept_envelope"  # noqa: S608  # constants only
    " WHERE id = ? AND account_id = ?"
)
_DOCUMENT = (
    "SELECT d.body FROM kept_envelope k JOIN envelope_document d ON d.envelope_number = k.number"
    " WHERE k.id = ? AND k.account_id = ? AND d.document_id = ?"
)
_KEEP_OBJECT = (
    "INSERT INTO kept_object (kind, account_id, id, body, updated_at) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at"
)
_DROP_OBJECT = "DELETE FROM kept_object WHERE kind = ? AND account_id = ? AND id = ?"
_OBJECTS = (
    "SELECT id, body, updated_at FROM kept_object WHERE kind = ? AND account_id = ? ORDER BY id"
)
_THESE_OBJECTS = _OBJECTS.replace("ORDER", "AND id IN (SELECT value FROM json_each(?)) ORDER")
_OF_ACCOUNT = "SELECT number FROM kept_envelope WHERE account_id = ?"
_DELETES = (
    f"DELETE FROM envelope_document WHERE envelope_number IN ({_OF_ACCOUNT})",  # noqa: S608  # constants only
    "DELETE FROM envelope_field WHERE account_id = ?",
    "DELETE FROM kept_envelope WHERE account_id = ?",
    "DELETE FROM kept_object WHERE account_id = ?",
)


def one(connection: sqlite3.Connection, account_id: str, envelope_id: str) -> KeptEnvelope | None:
    """Return one envelope."""
    row = connection.execute(_ENVELOPE, (envelope_id, account_id)).fetchone()
    return None if row is None else kept_queries.envelope(row)


def page(
    connection: sqlite3.Connection, query: EnvelopeQuery
) -> tuple[Sequence[KeptEnvelope], int]:
    """Return a page of envelopes, and how many there are in all."""
    found = [kept_queries.envelope(row) for row in ask(connection, kept_queries.envelopes(query))]
    if found and len(found) < query.limit:
        return found, query.start + len(found)
    return found, ask(connection, kept_queries.envelope_count(query))[0][0]


def document(
    connection: sqlite3.Connection, account_id: str, envelope_id: str, document_id: str
) -> bytes | None:
    """Return the bytes of one document."""
    row = connection.execute(_DOCUMENT, (envelope_id, account_id, document_id)).fetchone()
    return None if row is None else row[0]


def due(connection: sqlite3.Connection, now: int, limit: int) -> Sequence[KeptEnvelope]:
    """Return the envelopes whose moment has come, the longest due first."""
    rows = ask(connection, kept_queries.envelopes_due(now, limit))
    return [kept_queries.envelope(row) for row in rows]


def keep_object(tx: Transaction, kept: KeptObject, audit: AuditEntry | None) -> None:
    """Keep an object, or replace the one of its kind, account and id."""
    tx.sql.execute(_KEEP_OBJECT, (kept.kind, kept.account_id, kept.id, kept.body, kept.updated_at))
    records.note(tx, audit)


def objects(
    connection: sqlite3.Connection, kind: str, account_id: str, ids: Sequence[str]
) -> Sequence[KeptObject]:
    """Return objects of a kind in the order of their ids."""
    rows = (
        connection.execute(_THESE_OBJECTS, (kind, account_id, array(ids)))
        if ids
        else connection.execute(_OBJECTS, (kind, account_id))
    )
    return [
        KeptObject(kind=kind, account_id=account_id, id=row[0], body=row[1], updated_at=row[2])
        for row in rows
    ]


def drop_object(
    tx: Transaction, kind: str, account_id: str, object_id: str, audit: AuditEntry | None
) -> bool:
    """Forget an object; return whether there was one."""
    was_there = tx.sql.execute(_DROP_OBJECT, (kind, account_id, object_id)).rowcount == 1
    records.note(tx, audit if was_there else None)
    return was_there


def forget_account(tx: Transaction, account_id: str) -> None:
    """Forget every envelope of an account with its documents, and every object."""
    for statement in _DELETES:
        tx.sql.execute(statement, (account_id,))
