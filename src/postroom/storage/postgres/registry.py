"""The registry and its history: what was in force at every revision."""

from collections.abc import Sequence
from typing import Any

import msgspec

from postroom.errors import ConflictError
from postroom.model import Account, Lane, Listener, Registry
from postroom.storage.port import (
    CHANGED_MEANWHILE,
    Accompanying,
    AuditEntry,
    Change,
    KeepObject,
    ListenerRevision,
    PutAccount,
    PutLane,
    PutListener,
    PutSecret,
    RemoveAccount,
    RemoveLane,
    RemoveListener,
)
from postroom.storage.postgres import envelopes, locks, records, rows
from postroom.storage.postgres.connection import Sql
from postroom.storage.postgres.writer import Transaction

_IN_FORCE = (
    "SELECT kind, account_id, name, body FROM definition"
    " WHERE from_revision <= $1 AND (until_revision IS NULL OR until_revision > $1)"
    " ORDER BY kind, account_id, name"
)
_CLOSE = (
    "UPDATE definition SET until_revision = $1"
    " WHERE kind = $2 AND account_id = $3 AND name = $4 AND until_revision IS NULL"
)
_OPEN = (
    # A second change of the same thing within one revision replaces the first.
    "INSERT INTO definition (kind, account_id, name, from_revision, body)"
    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind, account_id, name, from_revision)"
    " DO UPDATE SET body = excluded.body, until_revision = NULL"
)
_OF_ACCOUNT = "SELECT kind, name FROM definition WHERE account_id = $1 AND until_revision IS NULL"
_LIVE = (
    "SELECT l.id FROM listener_name l JOIN definition d ON d.kind = 'listener'"
    " AND d.account_id = l.account_id AND d.name = l.name AND d.until_revision IS NULL"
)
_REVISIONS = (
    "SELECT d.from_revision, d.until_revision, d.body FROM listener_name l JOIN definition d"
    " ON d.kind = 'listener' AND d.account_id = l.account_id AND d.name = l.name"
    " WHERE l.id = $1 ORDER BY d.from_revision"
)
_LISTENER_ID = "SELECT id FROM listener_name WHERE account_id = $1 AND name = $2"
_NAME_LISTENER = "INSERT INTO listener_name (account_id, name) VALUES ($1, $2) RETURNING id"
_DISMISS = (
    "UPDATE delivery SET state = 7, reason = 'the listener was removed', due_at = NULL,"
    " token = NULL, node = NULL, settled_at = $1 WHERE listener_id = $2 AND state IN ({})"
)
_DISMISS_OPEN = _DISMISS.format("1, 2")
_DISMISS_UNDECIDED = _DISMISS.format("3, 4")

_Key = tuple[str, str, str]


async def change(
    tx: Transaction,
    changes: Sequence[Change | Accompanying],
    audit: AuditEntry,
    expected_revision: int | None,
) -> int:
    """Make the changes in order, as one new revision, if it is still at the expected one."""
    # Nobody enters a delivery meanwhile, and whoever does later sees the new revision.
    await tx.sql.execute(locks.KEEP_REGISTRY)
    revision = await records.move(tx, "registry_revision")
    if expected_revision not in (None, revision - 1):
        raise ConflictError(CHANGED_MEANWHILE)
    for one in changes:
        await _make(tx, one, revision, audit.at)
    await records.note(tx, audit)
    return revision


async def registry(connection: Sql, revision: int | None) -> Registry:
    """Return the registry as it stood at a revision, the present one by default."""
    at = await newest_revision(connection) if revision is None else revision
    accounts: dict[str, Account] = {}
    lanes: dict[tuple[str, str], Lane] = {}
    listeners: dict[int, Listener] = {}
    for kind, account_id, name, body in await connection.fetch(_IN_FORCE, at):
        if kind == "account":
            accounts[account_id] = msgspec.json.decode(body, type=Account)
        elif kind == "lane":
            lanes[account_id, name] = msgspec.json.decode(body, type=Lane)
        else:
            listener = msgspec.json.decode(body, type=Listener)
            listeners[listener.id] = listener
    return Registry(revision=at, accounts=accounts, listeners=listeners, lanes=lanes)


async def newest_revision(connection: Sql) -> int:
    """Return the registry's revision."""
    return int(await connection.fetchval("SELECT registry_revision FROM tally WHERE id = 1"))


async def listener_revisions(connection: Sql, listener_id: int) -> Sequence[ListenerRevision]:
    """Return every revision of a listener, the oldest first."""
    return [
        ListenerRevision(
            from_revision=start,
            until_revision=end,
            listener=msgspec.json.decode(body, type=Listener),
        )
        for start, end, body in await connection.fetch(_REVISIONS, listener_id)
    ]


async def live_listeners(connection: Sql) -> frozenset[int]:
    """Return the ids of the listeners there are now."""
    return frozenset([row[0] for row in await connection.fetch(_LIVE)])


async def _make(tx: Transaction, one: Change | Accompanying, revision: int, now: int) -> None:
    match one:
        case PutAccount(account=account):
            await _put(tx, ("account", account.id, ""), account, revision)
        case PutLane(lane=lane):
            await _put(tx, ("lane", lane.account_id, lane.name), lane, revision)
        case PutListener(listener=listener):
            known = await _listener_id(tx, listener.account_id, listener.name)
            await _put(
                tx,
                ("listener", listener.account_id, listener.name),
                msgspec.structs.replace(listener, id=known),
                revision,
            )
        case RemoveAccount(account_id=account_id):
            for kind, name in await tx.sql.fetch(_OF_ACCOUNT, account_id):
                await _remove(tx, (kind, account_id, name), revision, now)
            await envelopes.forget_account(tx, account_id)
        case RemoveLane(account_id=account_id, name=name):
            await _remove(tx, ("lane", account_id, name), revision, now)
        case RemoveListener(account_id=account_id, name=name):
            await _remove(tx, ("listener", account_id, name), revision, now)
        case PutSecret(secret=secret, audit=audit):
            await records.put_secret(tx, secret, audit)
        case KeepObject(kept=kept):
            await envelopes.keep_object(tx, kept, None)


async def _put(tx: Transaction, key: _Key, body: Any, revision: int) -> None:
    await tx.sql.execute(_CLOSE, revision, *key)
    await tx.sql.execute(_OPEN, *key, revision, msgspec.json.encode(body))


async def _remove(tx: Transaction, key: _Key, revision: int, now: int) -> None:
    kind, account_id, name = key
    closed = rows.changed(await tx.sql.execute(_CLOSE, revision, *key))
    if kind == "listener" and closed:
        listener_id = await _listener_id(tx, account_id, name)
        await tx.sql.execute(_DISMISS_OPEN, now, listener_id)
        await tx.sql.execute(_DISMISS_UNDECIDED, now, listener_id)


async def _listener_id(tx: Transaction, account_id: str, name: str) -> int:
    """Return the id of (account, name), given on first sight."""
    known = await tx.sql.fetchval(_LISTENER_ID, account_id, name)
    return int(known or await tx.sql.fetchval(_NAME_LISTENER, account_id, name))
