"""The registry and its history: what was in force at every revision."""

import sqlite3
from collections.abc import Iterator, Sequence
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
from postroom.storage.sqlite import envelopes, records
from postroom.storage.sqlite.writer import Transaction

_IN_FORCE = (
    "SELECT kind, account_id, name, body FROM definition"
    " WHERE from_revision <= ? AND (until_revision IS NULL OR until_revision > ?)"
    " ORDER BY kind, account_id, name"
)
_CLOSE = (
    "UPDATE definition SET until_revision = ?"
    " WHERE kind = ? AND account_id = ? AND name = ? AND until_revision IS NULL"
)
_OPEN = (
    # A second change of the same thing within one revision replaces the first.
    "INSERT INTO definition (kind, account_id, name, from_revision, body) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET body = excluded.body, until_revision = NULL"
)
_OF_ACCOUNT = "SELECT kind, name FROM definition WHERE account_id = ? AND until_revision IS NULL"
_LIVE = (
    "SELECT l.id FROM listener_name l JOIN definition d ON d.kind = 'listener'"
    " AND d.account_id = l.account_id AND d.name = l.name AND d.until_revision IS NULL"
)
_REVISIONS = (
    "SELECT d.from_revision, d.until_revision, d.body FROM listener_name l JOIN definition d"
    " ON d.kind = 'listener' AND d.account_id = l.account_id AND d.name = l.name"
    " WHERE l.id = ? ORDER BY d.from_revision"
)
_DISMISS = (
    "UPDATE delivery SET state = 7, reason = 'the listener was removed', due_at = NULL,"
    " token = NULL, settled_at = ? WHERE listener_id = ? AND state IN ({})"
)
_DISMISS_OPEN = _DISMISS.format("1, 2")
_DISMISS_UNDECIDED = _DISMISS.format("3, 4")


def change(
    tx: Transaction,
    changes: Sequence[Change | Accompanying],
    audit: AuditEntry,
    expected_revision: int | None,
) -> int:
    """Make the changes in order, as one new revision, if it is still at the expected one."""
    if expected_revision not in (None, tx.tally.registry_revision):
        raise ConflictError(CHANGED_MEANWHILE)
    tx.tally.registry_revision += 1
    for one in changes:
        _make(tx, one, audit.at)
    records.note(tx, audit)
    return tx.tally.registry_revision


def registry(connection: sqlite3.Connection, revision: int | None) -> Registry:
    """Return the registry as it stood at a revision, the present one by default."""
    newest = connection.execute("SELECT registry_revision FROM tally").fetchone()[0]
    at = newest if revision is None else revision
    accounts: dict[str, Account] = {}
    lanes: dict[tuple[str, str], Lane] = {}
    listeners: dict[int, Listener] = {}
    for kind, account_id, name, body in connection.execute(_IN_FORCE, (at, at)):
        if kind == "account":
            accounts[account_id] = msgspec.json.decode(body, type=Account)
        elif kind == "lane":
            lanes[account_id, name] = msgspec.json.decode(body, type=Lane)
        else:
            listener = msgspec.json.decode(body, type=Listener)
            listeners[listener.id] = listener
    return Registry(revision=at, accounts=accounts, listeners=listeners, lanes=lanes)


def listener_revisions(
    connection: sqlite3.Connection, listener_id: int
) -> Sequence[ListenerRevision]:
    """Return every revision of a listener, the oldest first."""
    return [
        ListenerRevision(
            from_revision=start,
            until_revision=end,
            listener=msgspec.json.decode(body, type=Listener),
        )
        for start, end, body in connection.execute(_REVISIONS, (listener_id,))
    ]


def live_listeners(connection: sqlite3.Connection) -> frozenset[int]:
    """Return the ids of the listeners there are now."""
    return frozenset(row[0] for row in connection.execute(_LIVE))


def _make(tx: Transaction, one: Change | Accompanying, now: int) -> None:
    match one:
        case PutAccount(account=account):
            _put(tx, ("account", account.id, ""), account)
        case PutLane(lane=lane):
            _put(tx, ("lane", lane.account_id, lane.name), lane)
        case PutListener(listener=listener):
            known = _listener_id(tx, listener.account_id, listener.name)
            _put(
                tx,
                ("listener", listener.account_id, listener.name),
                msgspec.structs.replace(listener, id=known),
            )
        case RemoveAccount(account_id=account_id):
            for kind, name in list(_of_account(tx, account_id)):
                _remove(tx, (kind, account_id, name), now)
            envelopes.forget_account(tx, account_id)
        case RemoveLane(account_id=account_id, name=name):
            _remove(tx, ("lane", account_id, name), now)
        case RemoveListener(account_id=account_id, name=name):
            _remove(tx, ("listener", account_id, name), now)
        case PutSecret(secret=secret, audit=audit):
            records.put_secret(tx, secret, audit)
        case KeepObject(kept=kept):
            envelopes.keep_object(tx, kept, None)


def _put(tx: Transaction, key: tuple[str, str, str], body: Any) -> None:
    revision = tx.tally.registry_revision
    tx.sql.execute(_CLOSE, (revision, *key))
    tx.sql.execute(_OPEN, (*key, revision, msgspec.json.encode(body)))


def _remove(tx: Transaction, key: tuple[str, str, str], now: int) -> None:
    kind, account_id, name = key
    closed = tx.sql.execute(_CLOSE, (tx.tally.registry_revision, *key)).rowcount
    if kind == "listener" and closed:
        listener_id = _listener_id(tx, account_id, name)
        tx.sql.execute(_DISMISS_OPEN, (now, listener_id))
        tx.sql.execute(_DISMISS_UNDECIDED, (now, listener_id))


def _of_account(tx: Transaction, account_id: str) -> Iterator[tuple[str, str]]:
    yield from tx.sql.execute(_OF_ACCOUNT, (account_id,))


def _listener_id(tx: Transaction, account_id: str, name: str) -> int:
    """Return the id of (account, name), given on first sight."""
    tx.sql.execute(
        "INSERT INTO listener_name (account_id, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (account_id, name),
    )
    found = tx.sql.execute(
        "SELECT id FROM listener_name WHERE account_id = ? AND name = ?", (account_id, name)
    )
    return int(found.fetchone()[0])
