"""The envelopes that live here as they are asked for, and the small objects beside them."""

from collections.abc import Sequence

from postroom.storage import kept_queries
from postroom.storage.port import AuditEntry, EnvelopeQuery, KeptEnvelope, KeptObject
from postroom.storage.postgres import records, rows
from postroom.storage.postgres.connection import Sql
from postroom.storage.postgres.questions import ask
from postroom.storage.postgres.writer import Transaction

_ENVELOPE = (
    f"SELECT {', '.join(KeptEnvelope.__struct_fields__)} FROM kept_envelope"  # noqa: S608  # constants only
    " WHERE id = $1 AND account_id = $2"
)
_DOCUMENT = (
    "SELECT d.body FROM kept_envelope k JOIN envelope_document d ON d.envelope_number = k.number"
    " WHERE k.id = $1 AND k.account_id = $2 AND d.document_id = $3"
)
_KEEP_OBJECT = (
    "INSERT INTO kept_object (kind, account_id, id, body, updated_at) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (account_id, kind, id)"
    " DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at"
)
_DROP_OBJECT = "DELETE FROM kept_object WHERE kind = $1 AND account_id = $2 AND id = $3"
_OBJECTS = (
    "SELECT id, body, updated_at FROM kept_object WHERE kind = $1 AND account_id = $2 ORDER BY id"
)
_THESE_OBJECTS = _OBJECTS.replace("ORDER", "AND id = ANY($3::text[]) ORDER")
_OF_ACCOUNT = "SELECT number FROM kept_envelope WHERE account_id = $1"
_DELETES = (
    f"DELETE FROM envelope_document WHERE envelope_number IN ({_OF_ACCOUNT})",  # noqa: S608  # constants only
    "DELETE FROM envelope_field WHERE account_id = $1",
    "DELETE FROM kept_envelope WHERE account_id = $1",
    "DELETE FROM kept_object WHERE account_id = $1",
)


async def one(connection: Sql, account_id: str, envelope_id: str) -> KeptEnvelope | None:
    """Return one envelope."""
    row = await connection.fetchrow(_ENVELOPE, envelope_id, account_id)
    return None if row is None else kept_queries.envelope(row)


async def page(connection: Sql, query: EnvelopeQuery) -> tuple[Sequence[KeptEnvelope], int]:
    """Return a page of envelopes, and how many there are in all."""
    listed = await ask(connection, kept_queries.envelopes(query))
    found = [kept_queries.envelope(row) for row in listed]
    if found and len(found) < query.limit:
        return found, query.start + len(found)
    return found, (await ask(connection, kept_queries.envelope_count(query)))[0][0]


async def document(
    connection: Sql, account_id: str, envelope_id: str, document_id: str
) -> bytes | None:
    """Return the bytes of one document."""
    row = await connection.fetchrow(_DOCUMENT, envelope_id, account_id, document_id)
    return None if row is None else row[0]


async def due(connection: Sql, now: int, limit: int) -> Sequence[KeptEnvelope]:
    """Return the envelopes whose moment has come, the longest due first."""
    found = await ask(connection, kept_queries.envelopes_due(now, limit))
    return [kept_queries.envelope(row) for row in found]


async def keep_object(tx: Transaction, kept: KeptObject, audit: AuditEntry | None) -> None:
    """Keep an object, or replace the one of its kind, account and id."""
    await tx.sql.execute(
        _KEEP_OBJECT, kept.kind, kept.account_id, kept.id, kept.body, kept.updated_at
    )
    await records.note(tx, audit)


async def objects(
    connection: Sql, kind: str, account_id: str, ids: Sequence[str]
) -> Sequence[KeptObject]:
    """Return objects of a kind in the order of their ids."""
    found = (
        await connection.fetch(_THESE_OBJECTS, kind, account_id, list(ids))
        if ids
        else await connection.fetch(_OBJECTS, kind, account_id)
    )
    return [
        KeptObject(kind=kind, account_id=account_id, id=row[0], body=row[1], updated_at=row[2])
        for row in found
    ]


async def drop_object(
    tx: Transaction, kind: str, account_id: str, object_id: str, audit: AuditEntry | None
) -> bool:
    """Forget an object; return whether there was one."""
    dropped = await tx.sql.execute(_DROP_OBJECT, kind, account_id, object_id)
    was_there = rows.changed(dropped) == 1
    await records.note(tx, audit if was_there else None)
    return was_there


async def forget_account(tx: Transaction, account_id: str) -> None:
    """Forget every envelope of an account with its documents, and every object."""
    for statement in _DELETES:
        await tx.sql.execute(statement, account_id)
