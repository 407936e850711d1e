"""Record: notifications with all they owe, many in one transaction.

The envelopes of the batch are entered or held first (`locks`). What is known already is then
looked up for the whole batch at once, each recording is decided in memory against that and
against its predecessors in the batch, and the rows are written table by table.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from postroom.model import DeliveryState, Lease, Match, OwedState
from postroom.storage.port import Recorded, Recording
from postroom.storage.postgres import lines, rows
from postroom.storage.postgres.connection import OvertakenError, Row
from postroom.storage.postgres.registry import live_listeners
from postroom.storage.postgres.writer import Transaction
from postroom.storage.schema import STATE_NUMBERS

_DUE = STATE_NUMBERS[DeliveryState.DUE]
_WAITING = STATE_NUMBERS[DeliveryState.WAITING]
_DISMISSED = STATE_NUMBERS[DeliveryState.DISMISSED]
_SHADOWED = STATE_NUMBERS[DeliveryState.SHADOWED]
_NOT_DUE = {
    OwedState.HELD: STATE_NUMBERS[DeliveryState.HELD],
    OwedState.CROSSED: STATE_NUMBERS[DeliveryState.CROSSED],
    OwedState.MERGED: _DISMISSED,
    OwedState.SHADOWED: _SHADOWED,
}
_OVER = (_DISMISSED, _SHADOWED)
"""Ended as they are born: never to be sent."""
_ID, _STATE, _TOKEN, _LATE = 0, 3, 8, 9
"""Where these stand in the row of a delivery."""
_REMOVED = "the listener was removed while the message came in"

_Key = tuple[str, str]
"""An account and the id of an envelope."""

# `WHERE false`: a row that is there is held and not written.
_ENTER = (
    "INSERT INTO envelope (number, account_id, envelope_id)"  # constants only
    " SELECT nextval('envelope_number'), account_id, envelope_id FROM"
    " (SELECT * FROM unnest($1::text[], $2::text[]) AS t (account_id, envelope_id)"
    ' ORDER BY envelope_id COLLATE "C", account_id COLLATE "C") AS asked'
    " ON CONFLICT (envelope_id, account_id) DO UPDATE SET number = envelope.number WHERE false"
)
# The first row is of the whole batch; each that follows is a listener's line of an envelope, or
# (no listener) the envelope alone.
_KNOWN = (
    "SELECT NULL::bigint, NULL, NULL, NULL::bigint, NULL::boolean, NULL::bigint, NULL::bigint,"
    " NULL::bigint, NULL::smallint, NULL::bigint,"
    " (SELECT registry_revision FROM tally WHERE id = 1),"
    " ARRAY(SELECT nextval('notification_seq') FROM generate_series(1, $2::int)),"
    " ARRAY(SELECT nextval('delivery_id') FROM generate_series(1, $3::int)),"
    " ARRAY(SELECT id FROM notification WHERE id = ANY($1::text[]) ORDER BY id),"
    " ARRAY(SELECT seq FROM notification WHERE id = ANY($1::text[]) ORDER BY id)"
    " UNION ALL"
    " SELECT q.listener_id, e.account_id, e.envelope_id, e.number, e.first_fields IS NULL,"
    " (SELECT max(occurred_at) FROM notification WHERE envelope_number = e.number),"
    " f.id, f.occurred_at, f.state, f.token, NULL, NULL, NULL, NULL, NULL"
    " FROM unnest($4::bigint[], $5::text[], $6::text[]) AS q (listener_id, account_id, envelope_id)"
    " JOIN envelope e ON e.envelope_id = q.envelope_id AND e.account_id = q.account_id"
    " LEFT JOIN LATERAL (SELECT * FROM delivery d WHERE d.listener_id = q.listener_id"
    " AND d.envelope_number = e.number AND d.state IN (1, 2) AND d.is_ordered"
    " ORDER BY d.occurred_at, d.notification_seq, d.id LIMIT 1) f ON true"
)
# Rows as values of the types of migration 0006: of each row, not of each of its fields, the driver
# asks whether it is an array itself.
_PUT = (
    "WITH n AS (INSERT INTO notification (seq, id, account_id, envelope_number, event,"
    " recipient_id, sender_id, occurred_at, received_at, retry_count, configuration_id,"
    " content_type, flaw, is_readable, is_unclaimed, registry_revision, origin, attached)"
    " SELECT * FROM unnest($1::put_notification[])),"
    " c AS (INSERT INTO content (notification_seq, sticky_fields, enrichment, body)"
    " SELECT * FROM unnest($2::put_content[]))"
    " INSERT INTO delivery (id, notification_seq, listener_id, replay_number, state, is_ordered,"
    " envelope_number, occurred_at, due_at, token, attempts, is_late, lane, reason, settled_at,"
    " node) SELECT id, seq, listener_id, 0, state, is_ordered, envelope_number,"
    " occurred_at, due_at, token, 0, is_late, lane, reason, settled_at,"
    " CASE WHEN token IS NULL THEN NULL ELSE $4::int END FROM unnest($3::put_delivery[])"
)
_REMEMBER = (
    "UPDATE envelope e SET first_fields = v.fields FROM unnest($1::bytea[], $2::bigint[])"
    " AS v (fields, number) WHERE e.number = v.number AND e.first_fields IS NULL"
)
_PUT_REPEATS = (
    "INSERT INTO repeat (notification_seq, received_at, configuration_id, retry_count)"
    " SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[])"
)


async def record_all(tx: Transaction, recordings: Sequence[Recording]) -> Sequence[Recorded]:
    """Keep each notification with what it owes, or note the repeat (port: `record`).

    The caller's transaction shares the registry (`locks.ENTERING`).
    """
    if not recordings:
        return []
    batch = _Batch(tx)
    await batch.look_up(recordings)
    recorded = [batch.record(recording) for recording in recordings]
    tx.due.update(listener_id for one in recorded for listener_id in one.left_due)
    await batch.write()
    return recorded


class _Envelope:
    """An envelope as the batch knows it."""

    __slots__ = ("newest_at", "number", "wants_fields")

    def __init__(self, number: int, *, wants_fields: bool, newest_at: int | None) -> None:
        self.number = number
        self.wants_fields = wants_fields
        self.newest_at = newest_at
        """When the newest event kept before this batch happened; None where there is none."""


class _Head:
    """The first delivery of a line, as far as a newcomer must know it."""

    __slots__ = ("delivery_id", "is_fast", "occurred_at")

    def __init__(self, delivery_id: int, occurred_at: int, *, is_fast: bool) -> None:
        self.delivery_id = delivery_id
        self.occurred_at = occurred_at
        self.is_fast = is_fast
        """True while something of the line is leased: nobody can go before it."""


class _Batch:
    """What a batch of recordings knows and is about to write."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._kept: dict[str, int] = {}
        self._envelopes: dict[_Key, _Envelope] = {}
        self._heads: dict[tuple[int, int], _Head] = {}
        self._late: set[tuple[int, str]] = set()
        self._revision = 0
        self._live: frozenset[int] = frozenset()
        """The listeners there are; looked up for recordings routed before the last change."""
        self._seqs = iter(())
        self._delivery_ids = iter(())
        self._put_notifications: list[tuple[Any, ...]] = []
        self._put_contents: list[tuple[Any, ...]] = []
        self._remember: list[tuple[bytes, int]] = []
        self._put_repeats: list[tuple[Any, ...]] = []
        self._step_back: list[int] = []
        self._put_deliveries: dict[int, list[Any]] = {}

    # --- what is known ---

    async def look_up(self, recordings: Sequence[Recording]) -> None:
        """Hold the envelopes, then read all that the recordings are decided by."""
        lines_asked = dict.fromkeys(line for one in recordings for line in _lines(one))
        if envelopes := dict.fromkeys((line[1], line[2]) for line in lines_asked):
            await self._tx.sql.execute(_ENTER, *rows.columns(envelopes, 2))
        # Numbers are given out by whoever holds the envelope: they are in the order of arrival.
        batch, *found = await self._tx.sql.fetch(
            _KNOWN,
            [one.notification.id for one in recordings],
            len(recordings),
            sum(len(one.matches) for one in recordings),
            *rows.columns(lines_asked, 3),
        )
        self._revision = batch[10]
        self._seqs, self._delivery_ids = iter(batch[11]), iter(batch[12])
        self._kept = dict(zip(batch[13], batch[14], strict=True))
        for row in found:
            self._know(row)
        if any(one.registry_revision < self._revision for one in recordings):
            self._live = await live_listeners(self._tx.sql)
        for recording in recordings:
            await self._look_up_late(recording)

    def _know(self, row: Row) -> None:
        listener_id, account_id, envelope_id, number, wants_fields, newest_at, head_id, *head = row[
            :10
        ]
        self._envelopes[account_id, envelope_id] = _Envelope(
            number, wants_fields=wants_fields, newest_at=newest_at
        )
        if head_id is not None:
            occurred_at, state, token = head
            # A first one that waits does so because a later one is leased.
            is_fast = state != _DUE or token is not None
            self._heads[listener_id, number] = _Head(head_id, occurred_at, is_fast=is_fast)

    async def _look_up_late(self, recording: Recording) -> None:
        """Find the listeners to whom a later event of the envelope was delivered already."""
        notification = recording.notification
        if notification.envelope_id is None:
            return
        envelope = self._envelopes[_key(recording)]
        if envelope.newest_at is None or envelope.newest_at <= notification.occurred_at:
            return
        for match in recording.matches:
            if await lines.is_late(
                self._tx, match.listener_id, envelope.number, notification.occurred_at
            ):
                self._late.add((match.listener_id, notification.id))

    # --- what is decided ---

    def record(self, recording: Recording) -> Recorded:
        """Decide one recording."""
        notification = recording.notification
        seq = self._kept.get(notification.id)
        if seq is not None:
            self._put_repeats.append(
                (
                    seq,
                    notification.received_at,
                    notification.configuration_id,
                    notification.retry_count,
                )
            )
            return Recorded(is_duplicate=True, leases=())
        envelope = self._envelope(recording)
        seq = self._keep(recording, envelope)
        leases: list[Lease] = []
        left_due: list[int] = []
        for match in recording.matches:
            row = self._owe(recording, match, seq, envelope)
            if row[_STATE] != _DUE:
                continue
            if row[_TOKEN] is None:
                left_due.append(match.listener_id)
            else:
                leases.append(_lease(recording, match, row))
        return Recorded(is_duplicate=False, leases=tuple(leases), left_due=tuple(left_due))

    def _envelope(self, recording: Recording) -> _Envelope | None:
        """Find the envelope; remember its first fields where it has none."""
        if recording.notification.envelope_id is None:
            return None
        envelope = self._envelopes[_key(recording)]
        if recording.remember_fields is not None and envelope.wants_fields:
            envelope.wants_fields = False
            self._remember.append((recording.remember_fields, envelope.number))
        return envelope

    def _keep(self, recording: Recording, envelope: _Envelope | None) -> int:
        """Keep the notification; return its sequence number."""
        n = recording.notification
        seq: int = next(self._seqs)
        self._tx.notifications += 1
        self._tx.unclaimed += recording.is_unclaimed
        self._tx.unreadable += not n.is_readable
        self._kept[n.id] = seq
        self._put_notifications.append(
            (
                seq,
                n.id,
                n.account_id,
                None if envelope is None else envelope.number,
                n.event,
                n.recipient_id,
                n.sender_id,
                n.occurred_at,
                n.received_at,
                n.retry_count,
                n.configuration_id,
                n.content_type,
                n.flaw,
                n.is_readable,
                recording.is_unclaimed,
                recording.registry_revision,
                n.origin,
                msgspec.json.encode(n.attached).decode() if n.attached else None,
            )
        )
        self._put_contents.append((seq, n.sticky_fields, n.enrichment, n.body))
        return seq

    def _owe(
        self, recording: Recording, match: Match, seq: int, envelope: _Envelope | None
    ) -> list[Any]:
        """Decide in what state one delivery is born; return its row."""
        notification = recording.notification
        listener_id = match.listener_id
        delivery_id: int = next(self._delivery_ids)
        is_ordered = envelope is not None and listener_id not in recording.unordered
        is_removed = recording.registry_revision < self._revision and listener_id not in self._live
        due_at = token = None
        if is_removed:
            state = _DISMISSED
        elif match.state is not OwedState.DUE:
            state = _NOT_DUE[match.state]
        elif (
            envelope is not None
            and is_ordered
            and not self._goes_first(delivery_id, listener_id, envelope, recording)
        ):
            state, due_at = _WAITING, notification.received_at
        elif listener_id in recording.lease_for:
            state, due_at, token = _DUE, recording.leased_until, recording.token
        else:
            state, due_at = _DUE, notification.received_at
        row = [
            delivery_id,
            seq,
            listener_id,
            state,
            is_ordered,
            None if envelope is None else envelope.number,
            notification.occurred_at,
            due_at,
            token,
            (listener_id, notification.id) in self._late,
            match.lane,
            _REMOVED if is_removed else match.reason,
            notification.received_at if state in _OVER else None,
        ]
        self._put_deliveries[delivery_id] = row
        return row

    def _goes_first(
        self, delivery_id: int, listener_id: int, envelope: _Envelope, recording: Recording
    ) -> bool:
        """Put a delivery in its line; tell whether it is now the head."""
        key = (listener_id, envelope.number)
        occurred_at = recording.notification.occurred_at
        head = self._heads.get(key)
        if head is not None:
            # Of two that happened at one moment, the one that came first goes first.
            if head.is_fast or head.occurred_at <= occurred_at:
                return False
            before = self._put_deliveries.get(head.delivery_id)
            if before is None:
                self._step_back.append(head.delivery_id)
            else:
                before[_STATE] = _WAITING
        is_fast = listener_id in recording.lease_for
        self._heads[key] = _Head(delivery_id, occurred_at, is_fast=is_fast)
        return True

    # --- what is written ---

    async def write(self) -> None:
        """Write the rows, table by table."""
        sql = self._tx.sql
        if self._put_repeats:
            await sql.execute(_PUT_REPEATS, *rows.columns(self._put_repeats, 4))
        if self._remember:
            await sql.execute(_REMEMBER, *rows.columns(self._remember, 2))
        if self._step_back:
            # One that was leased meanwhile does not step back: decide again.
            stepped = await sql.fetch(lines.STEP_BACK, self._step_back)
            if len(stepped) != len(self._step_back):
                raise OvertakenError("a head was leased before it could step back")
        if not self._put_notifications:
            return
        # In the order of ids: of two nodes that enter the same, one waits for the other.
        self._put_notifications.sort(key=_by_id)
        await sql.execute(
            _PUT,
            self._put_notifications,
            self._put_contents,
            [tuple(row) for row in self._put_deliveries.values()],
            self._tx.node,
        )


def _lines(recording: Recording) -> Iterable[tuple[int | None, str, str]]:
    """Return the lines that a recording may join, or else its envelope alone."""
    envelope_id = recording.notification.envelope_id
    if envelope_id is not None:
        account_id = recording.notification.account_id
        for match in recording.matches:
            yield match.listener_id, account_id, envelope_id
        if not recording.matches:
            yield None, account_id, envelope_id


def _key(recording: Recording) -> _Key:
    return recording.notification.account_id, recording.notification.envelope_id or ""


def _by_id(row: tuple[Any, ...]) -> str:
    notification_id: str = row[1]
    return notification_id


def _lease(recording: Recording, match: Match, row: list[Any]) -> Lease:
    return Lease(
        delivery_id=row[_ID],
        listener_id=match.listener_id,
        token=recording.token,
        leased_until=recording.leased_until,
        attempt=1,
        notification=recording.notification,
        is_late=row[_LATE],
    )
