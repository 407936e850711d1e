"""What the store keeps beside the road: states, secrets, tokens, refusals, and the audit log."""

import sys
from collections.abc import Sequence
from typing import Literal

import msgspec

from postroom.model import ListenerState
from postroom.storage.port import AuditEntry, Rejection, SealedSecret
from postroom.storage.postgres import rows
from postroom.storage.postgres.connection import Sql
from postroom.storage.postgres.writer import Transaction

KEPT_REJECTIONS = 10_000

_KEEP_KEY = (
    "INSERT INTO secret (id, account_id, listener, purpose, sealed, fingerprint, created_at,"
    " retired_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET"
    " account_id = excluded.account_id, listener = excluded.listener, purpose = excluded.purpose,"
    " sealed = excluded.sealed, fingerprint = excluded.fingerprint,"
    " created_at = excluded.created_at, retired_at = excluded.retired_at"
)
_PAUSE = (
    "INSERT INTO listener_state (listener_id, paused_at) VALUES ($1, $2)"
    " ON CONFLICT (listener_id) DO UPDATE SET paused_at = excluded.paused_at"
)
_DOWN = (
    "INSERT INTO listener_state (listener_id, down_since, probe_at) VALUES ($1, $2, $3)"
    " ON CONFLICT (listener_id) DO UPDATE SET"
    " down_since = excluded.down_since, probe_at = excluded.probe_at"
)
_WELL = (
    "DELETE FROM listener_state WHERE paused_at IS NULL AND down_since IS NULL AND probe_at IS NULL"
)
_REJECT = (
    "INSERT INTO rejection (at, account_id, remote, reason, hint)"
    " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])"
)
# Numbers have gaps where a transaction was given up: the newest are counted, not reckoned.
_FORGET_REJECTIONS = (
    "DELETE FROM rejection WHERE number <="
    " (SELECT number FROM rejection ORDER BY number DESC OFFSET $1 LIMIT 1)"
)


async def note(tx: Transaction, entry: AuditEntry | None) -> None:
    """Write down who did what, in the transaction that does it."""
    if entry is not None:
        await tx.sql.execute(
            "INSERT INTO audit (at, actor, verb, details) VALUES ($1, $2, $3, $4)",
            entry.at,
            entry.actor,
            entry.verb,
            msgspec.json.encode(entry.details).decode(),
        )


async def move(
    tx: Transaction, what: Literal["registry_revision", "secrets_revision", "states_revision"]
) -> int:
    """Move a revision by one and hold it until the end: revisions have no gaps."""
    tx.moved.add(what)
    moved = f"UPDATE tally SET {what} = {what} + 1 WHERE id = 1 RETURNING {what}"  # noqa: S608  # a literal
    return int(await tx.sql.fetchval(moved))


async def set_paused(
    tx: Transaction, listener_id: int, paused_at: int | None, audit: AuditEntry
) -> None:
    """Write that a person paused a listener or resumed it; its breaker stays as it is."""
    await move(tx, "states_revision")
    await tx.sql.execute(_PAUSE, listener_id, paused_at)
    await tx.sql.execute(_WELL)
    await note(tx, audit)


async def set_down(
    tx: Transaction, listener_id: int, down_since: int | None, probe_at: int | None
) -> int:
    """Write how a listener's breaker stands; a pause stays as it is. Returns the revision."""
    revision = await move(tx, "states_revision")
    await tx.sql.execute(_DOWN, listener_id, down_since, probe_at)
    await tx.sql.execute(_WELL)
    return revision


async def states(connection: Sql) -> dict[int, ListenerState]:
    """Return the listeners that are paused or down."""
    found = await connection.fetch(
        "SELECT listener_id, paused_at, down_since, probe_at FROM listener_state"
    )
    return {
        row[0]: ListenerState(
            listener_id=row[0], paused_at=row[1], down_since=row[2], probe_at=row[3]
        )
        for row in found
    }


async def put_secret(tx: Transaction, secret: SealedSecret, audit: AuditEntry) -> None:
    """Keep a secret, or replace the one of its id where it stands."""
    await move(tx, "secrets_revision")
    await tx.sql.execute(
        _KEEP_KEY,
        secret.id,
        secret.account_id,
        secret.listener,
        secret.purpose,
        secret.sealed,
        secret.fingerprint,
        secret.created_at,
        secret.retired_at,
    )
    await note(tx, audit)


async def retire_secret(tx: Transaction, secret_id: str, at: int, audit: AuditEntry) -> bool:
    """Put a secret out of use from `at` on; False, and nothing noted, if there is none."""
    found = await tx.sql.execute("UPDATE secret SET retired_at = $1 WHERE id = $2", at, secret_id)
    if rows.changed(found) == 0:
        return False
    await move(tx, "secrets_revision")
    await note(tx, audit)
    return True


async def secrets(connection: Sql) -> Sequence[SealedSecret]:
    """Return every secret in the order they were put."""
    found = await connection.fetch(
        "SELECT id, account_id, listener, purpose, sealed, fingerprint, created_at, retired_at"
        " FROM secret ORDER BY number"
    )
    return [
        SealedSecret(
            id=row[0],
            account_id=row[1],
            listener=row[2],
            purpose=row[3],
            sealed=row[4],
            fingerprint=row[5],
            created_at=row[6],
            retired_at=row[7],
        )
        for row in found
    ]


async def put_token(tx: Transaction, name: str, sha256_hex: str, audit: AuditEntry) -> None:
    """Keep an API token's hash."""
    await tx.sql.execute(
        "INSERT INTO token (name, sha256_hex) VALUES ($1, $2)"
        " ON CONFLICT (name) DO UPDATE SET sha256_hex = excluded.sha256_hex",
        name,
        sha256_hex,
    )
    await note(tx, audit)


async def token_hashes(connection: Sql) -> Sequence[tuple[str, str]]:
    """Return the API tokens as (name, hash)."""
    found = await connection.fetch("SELECT name, sha256_hex FROM token ORDER BY name")
    return [(row[0], row[1]) for row in found]


async def reject(tx: Transaction, rejections: Sequence[Rejection]) -> None:
    """Keep refusals, and of all only the newest."""
    values = [(one.at, one.account_id, one.remote, one.reason, one.hint) for one in rejections]
    await tx.sql.execute(_REJECT, *rows.columns(values, 5))
    await tx.sql.execute(_FORGET_REJECTIONS, KEPT_REJECTIONS)


async def rejections(
    connection: Sql, *, after: int | None, limit: int
) -> Sequence[tuple[int, Rejection]]:
    """Return refusals, newest first."""
    found = await connection.fetch(
        "SELECT number, at, account_id, remote, reason, hint FROM rejection"
        " WHERE number < $1 ORDER BY number DESC LIMIT $2",
        _before(after),
        limit,
    )
    return [
        (row[0], Rejection(at=row[1], account_id=row[2], remote=row[3], reason=row[4], hint=row[5]))
        for row in found
    ]


async def audit_log(
    connection: Sql, *, after: int | None, limit: int
) -> Sequence[tuple[int, AuditEntry]]:
    """Return audit entries, newest first."""
    found = await connection.fetch(
        "SELECT number, at, actor, verb, details FROM audit"
        " WHERE number < $1 ORDER BY number DESC LIMIT $2",
        _before(after),
        limit,
    )
    return [
        (
            row[0],
            AuditEntry(at=row[1], actor=row[2], verb=row[3], details=msgspec.json.decode(row[4])),
        )
        for row in found
    ]


def _before(after: int | None) -> int:
    return sys.maxsize if after is None else after
