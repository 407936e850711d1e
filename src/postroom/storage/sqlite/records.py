"""What the store keeps beside the road: states, secrets, tokens, refusals, and the audit log."""

import sqlite3
import sys
from collections.abc import Sequence

import msgspec

from postroom.model import ListenerState
from postroom.storage.port import AuditEntry, Rejection, SealedSecret
from postroom.storage.sqlite.writer import Transaction

KEPT_REJECTIONS = 10_000

_KEEP_KEY = (
    "INSERT INTO secret (id, account_id, listener, purpose, sealed, fingerprint, created_at,"
    " retired_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
    " account_id = excluded.account_id, listener = excluded.listener, purpose = excluded.purpose,"
    " sealed = excluded.sealed, fingerprint = excluded.fingerprint,"
    " created_at = excluded.created_at, retired_at = excluded.retired_at"
)
_PAUSE = (
    "INSERT INTO listener_state (listener_id, paused_at) VALUES (?, ?)"
    " ON CONFLICT (listener_id) DO UPDATE SET paused_at = excluded.paused_at"
)
_DOWN = (
    "INSERT INTO listener_state (listener_id, down_since, probe_at) VALUES (?, ?, ?)"
    " ON CONFLICT (listener_id) DO UPDATE SET"
    " down_since = excluded.down_since, probe_at = excluded.probe_at"
)
_WELL = (
    "DELETE FROM listener_state WHERE paused_at IS NULL AND down_since IS NULL AND probe_at IS NULL"
)


def note(tx: Transaction, entry: AuditEntry | None) -> None:
    """Write down who did what, in the transaction that does it."""
    if entry is not None:
        tx.sql.execute(
            "INSERT INTO audit (at, actor, verb, details) VALUES (?, ?, ?, ?)",
            (entry.at, entry.actor, entry.verb, msgspec.json.encode(entry.details).decode()),
        )


def set_paused(tx: Transaction, listener_id: int, paused_at: int | None, audit: AuditEntry) -> None:
    """Write that a person paused a listener or resumed it; its breaker stays as it is."""
    tx.sql.execute(_PAUSE, (listener_id, paused_at))
    _forget_the_well(tx)
    note(tx, audit)


def set_down(
    tx: Transaction, listener_id: int, down_since: int | None, probe_at: int | None
) -> int:
    """Write how a listener's breaker stands; a pause stays as it is. Returns the revision."""
    tx.sql.execute(_DOWN, (listener_id, down_since, probe_at))
    _forget_the_well(tx)
    return tx.tally.states_revision


def _forget_the_well(tx: Transaction) -> None:
    tx.sql.execute(_WELL)
    tx.tally.states_revision += 1


def states(connection: sqlite3.Connection) -> dict[int, ListenerState]:
    """Return the listeners that are paused or down."""
    rows = connection.execute(
        "SELECT listener_id, paused_at, down_since, probe_at FROM listener_state"
    )
    return {
        row[0]: ListenerState(
            listener_id=row[0], paused_at=row[1], down_since=row[2], probe_at=row[3]
        )
        for row in rows
    }


def put_secret(tx: Transaction, secret: SealedSecret, audit: AuditEntry) -> None:
    """Keep a secret, or replace the one of its id where it stands."""
    tx.tally.secrets_revision += 1
    tx.sql.execute(
        _KEEP_KEY,
        (
            secret.id,
            secret.account_id,
            secret.listener,
            secret.purpose,
            secret.sealed,
            secret.fingerprint,
            secret.created_at,
            secret.retired_at,
        ),
    )
    note(tx, audit)


def retire_secret(tx: Transaction, secret_id: str, at: int, audit: AuditEntry) -> bool:
    """Put a secret out of use from `at` on; False, and nothing noted, if there is none."""
    changed = tx.sql.execute("UPDATE secret SET retired_at = ? WHERE id = ?", (at, secret_id))
    if changed.rowcount == 0:
        return False
    tx.tally.secrets_revision += 1
    note(tx, audit)
    return True


def secrets(connection: sqlite3.Connection) -> Sequence[SealedSecret]:
    """Return every secret in the order they were put."""
    rows = connection.execute(
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
        for row in rows
    ]


def put_token(tx: Transaction, name: str, sha256_hex: str, audit: AuditEntry) -> None:
    """Keep an API token's hash."""
    tx.sql.execute(
        "INSERT INTO token (name, sha256_hex) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET sha256_hex = excluded.sha256_hex",
        (name, sha256_hex),
    )
    note(tx, audit)


def token_hashes(connection: sqlite3.Connection) -> Sequence[tuple[str, str]]:
    """Return the API tokens as (name, hash)."""
    return connection.execute("SELECT name, sha256_hex FROM token ORDER BY name").fetchall()


def reject(tx: Transaction, rejections: Sequence[Rejection]) -> None:
    """Keep refusals, and of all only the newest."""
    tx.sql.executemany(
        "INSERT INTO rejection (at, account_id, remote, reason, hint) VALUES (?, ?, ?, ?, ?)",
        [(one.at, one.account_id, one.remote, one.reason, one.hint) for one in rejections],
    )
    tx.sql.execute(
        "DELETE FROM rejection WHERE number <= (SELECT max(number) FROM rejection) - ?",
        (KEPT_REJECTIONS,),
    )


def rejections(
    connection: sqlite3.Connection, *, after: int | None, limit: int
) -> Sequence[tuple[int, Rejection]]:
    """Return refusals, newest first."""
    rows = connection.execute(
        "SELECT number, at, account_id, remote, reason, hint FROM rejection"
        " WHERE number < ? ORDER BY number DESC LIMIT ?",
        (_before(after), limit),
    )
    return [
        (row[0], Rejection(at=row[1], account_id=row[2], remote=row[3], reason=row[4], hint=row[5]))
        for row in rows
    ]


def _before(after: int | None) -> int:
    return sys.maxsize if after is None else after


def audit_log(
    connection: sqlite3.Connection, *, after: int | None, limit: int
) -> Sequence[tuple[int, AuditEntry]]:
    """Return audit entries, newest first."""
    rows = connection.execute(
        "SELECT number, at, actor, verb, details FROM audit"
        " WHERE number < ? ORDER BY number DESC LIMIT ?",
        (_before(after), limit),
    )
    return [
        (
            row[0],
            AuditEntry(at=row[1], actor=row[2], verb=row[3], details=msgspec.json.decode(row[4])),
        )
        for row in rows
    ]
