"""An envelope's whole history: every event that came, and what each listener had of it."""

import asyncio
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from postroom.model import DeliveryState, Listener, Noun, Registry
from postroom.operations import names
from postroom.operations.explain import STRIDE, ListenerExplanation, explained, surroundings
from postroom.operations.explaining import course, notable, unseen
from postroom.operations.explaining.course import Gap
from postroom.operations.explaining.fate import Surroundings
from postroom.operations.explaining.registries import Registries
from postroom.operations.notifications import folded
from postroom.operations.views import moment, moment_or_none
from postroom.storage.port import (
    DeliveryQuery,
    NotificationQuery,
    Store,
    StoredDelivery,
    StoredNotification,
)

MOST_EVENTS = 1000
MOST_CELLS = 20_000
"""Events times listeners; the rest of the events is left out, and said to be."""
MOST_DELIVERIES = 50_000
MOST_LOOKED_AROUND = 200
"""Deliveries under way or given up whose line and last try are looked up."""
MOST_ACCOUNTS = 100
PAGE = 1000


class Cell(Noun, frozen=True, kw_only=True):
    """What one listener had of one event."""

    listener: str
    outcome: str
    """As of `ListenerExplanation`; `absent`: the listener was not there then."""
    sentence: str
    against: str | None
    reason: str | None
    near_miss: str | None
    attempts: int
    last_status: int | None
    last_failure: str | None
    settled_at: str | None
    due_at: str | None
    delivery_ids: tuple[int, ...]


class EventRow(Noun, frozen=True, kw_only=True):
    """One event as it came."""

    notification_id: str
    account_id: str
    event: str
    recipient_id: str | None
    occurred_at: str
    received_at: str
    registry_revision: int
    marks: tuple[str, ...]
    """`derived`, `historical`, `here`, `repeated`, `out of order`, `unclaimed`, `flawed`."""
    repeats: int
    flaw: str | None
    cells: tuple[Cell, ...]


class EnvelopeHistory(Noun, frozen=True, kw_only=True):
    """All that is known of an envelope."""

    envelope_id: str
    account_ids: tuple[str, ...]
    """Of its notifications; none if it was never seen."""
    lives_here: bool
    listeners: tuple[str, ...]
    events: tuple[EventRow, ...]
    """In the order in which they happened."""
    is_cut: bool
    """There are more events than are shown."""
    gaps: tuple[Gap, ...]
    notable: tuple[str, ...]
    """What a person should see first, in sentences."""
    checks: tuple[str, ...]
    """Where nothing ever came: what to look at."""


async def explain_envelope(
    store: Store, envelope: str, *, account: str | None = None, listener: str | None = None
) -> EnvelopeHistory:
    """Explain an envelope: every event in order, and for each listener what became of it.

    One that was never seen is no error: `checks` says what to look at. Raises `NotFoundError`
    for an account or a listener that is not there.
    """
    registry = await store.registry()
    account_id = names.account_id(registry, account)
    envelope_id = folded(envelope, "envelope") or ""
    only = None if listener is None else names.listener_id(registry, listener, account_id)
    query = NotificationQuery(
        account_id=account_id, envelope_id=envelope_id, oldest_first=True, limit=MOST_EVENTS + 1
    )
    heard = await store.notifications(query)
    registries = Registries(store)
    columns = await _columns(registries, heard, only)
    shown = heard[: max(1, min(MOST_EVENTS, MOST_CELLS // max(1, len(columns))))]
    table = _Table(registries, columns, await _owed(store, account_id, envelope_id, only))
    await table.look_around(store)
    rows = await _rows(store, query, table, shown)
    missing = await _missing(store, shown)
    return EnvelopeHistory(
        envelope_id=envelope_id,
        account_ids=tuple(dict.fromkeys(one.notification.account_id for one in shown)),
        lives_here=await _lives_here(store, registry, account_id, envelope_id),
        listeners=tuple(dict.fromkeys(one.name for one in columns)),
        events=rows,
        is_cut=len(shown) < len(heard),
        gaps=missing,
        notable=tuple(notable.of(rows, missing)),
        checks=()
        if heard
        else tuple(await unseen.checks(store, registry, envelope_id, account_id)),
    )


async def _columns(
    registries: Registries, heard: Sequence[StoredNotification], only: int | None
) -> list[Listener]:
    """Return every listener there was at any of the events, as it was last, by name.

    An `eventNotification` has a column for the envelopes that carry it alone.
    """
    found: dict[int, Listener] = {}
    alike: tuple[object, ...] = ()
    for one in heard:
        notification = one.notification
        asked = one.registry_revision, notification.account_id, notification.attached
        if asked == alike:
            continue  # an envelope's events mostly come under one revision
        alike = asked
        await asyncio.sleep(0)  # the server takes in and delivers meanwhile
        registry = await registries.at(one.registry_revision)
        for each in registry.listeners.values():
            is_own = each.scope == "account" or each.name in notification.attached
            if each.account_id == notification.account_id and is_own and only in {None, each.id}:
                found[each.id] = each
    return sorted(found.values(), key=lambda one: (one.name, one.account_id))


async def _owed(
    store: Store, account: str | None, envelope: str, only: int | None
) -> dict[tuple[str, int], list[StoredDelivery]]:
    """Return the envelope's deliveries by notification and listener, the oldest first."""
    query = DeliveryQuery(
        account_id=account, envelope_id=envelope, listener_id=only, oldest_first=True, limit=PAGE
    )
    owed: dict[tuple[str, int], list[StoredDelivery]] = {}
    count = 0
    while count < MOST_DELIVERIES and (rows := await store.deliveries(query)):
        for row in rows:
            owed.setdefault((row.notification_id, row.listener_id), []).append(row)
        count += len(rows)
        query = replace(query, after=rows[-1].id)
    return owed


async def _rows(
    store: Store, query: NotificationQuery, table: "_Table", shown: Sequence[StoredNotification]
) -> tuple[EventRow, ...]:
    """Return the events in the order in which they happened; one page of messages at a time."""
    order = sorted(shown, key=lambda one: (one.notification.occurred_at, one.sequence))
    places = {one.sequence: place for place, one in enumerate(order)}
    rows: list[tuple[int, EventRow]] = []
    latest = 0
    while page := await store.traffic(query):
        for one in page:
            if one.sequence in places:
                occurred_at = one.notification.occurred_at
                row = await table.row(one, is_late=occurred_at < latest)
                latest = max(latest, occurred_at)
                rows.append((places[one.sequence], row))
        query = replace(query, after=page[-1].sequence)
        if page[-1].sequence >= shown[-1].sequence:
            break
    return tuple(row for _, row in sorted(rows, key=lambda row: row[0]))


class _Table:
    """Fills in the cells: events by listeners."""

    def __init__(
        self,
        registries: Registries,
        columns: Sequence[Listener],
        owed: Mapping[tuple[str, int], Sequence[StoredDelivery]],
    ) -> None:
        self._registries = registries
        self._columns = columns
        self._owed = owed
        self._around: Mapping[int, Surroundings] = {}

    async def look_around(self, store: Store) -> None:
        """Look up what bears on the deliveries that have not arrived."""
        open_ones = [
            rows[-1]
            for rows in self._owed.values()
            if rows[-1].state is not DeliveryState.DELIVERED
        ]
        self._around = await surroundings(store, open_ones[:MOST_LOOKED_AROUND])

    async def row(self, stored: StoredNotification, *, is_late: bool) -> EventRow:
        """Return one event with its cells."""
        one = stored.notification
        registry = await self._registries.at(stored.registry_revision)
        cells = []
        own = (each for each in self._columns if each.account_id == one.account_id)
        for number, each in enumerate(own):
            if number % STRIDE == 0:
                await asyncio.sleep(0)  # the server takes in and delivers meanwhile
            cells.append(self._cell(registry, each, stored))
        return EventRow(
            notification_id=one.id,
            account_id=one.account_id,
            event=one.event,
            recipient_id=one.recipient_id,
            occurred_at=moment(one.occurred_at),
            received_at=moment(one.received_at),
            registry_revision=stored.registry_revision,
            marks=_marks(stored, is_late=is_late),
            repeats=stored.repeats,
            flaw=one.flaw,
            cells=tuple(cells),
        )

    def _cell(self, registry: Registry, listener: Listener, stored: StoredNotification) -> Cell:
        rows = self._owed.get((stored.notification.id, listener.id), ())
        then = registry.listeners.get(listener.id)
        if then is None:
            return _absent(listener, rows)
        why = explained(self._registries, registry, then, stored, rows, self._around)
        return _cell(why, rows)


def _absent(listener: Listener, rows: Sequence[StoredDelivery]) -> Cell:
    sentence = f"{listener.name}: it was not there then"
    why = ListenerExplanation(
        listener=listener.name,
        outcome="absent",
        summary="it was not there then",
        sentence=sentence,
        against="standing",
        reason="it was not there then",
        findings=(),
        near_miss=None,
        nearly=None,
        delivery_ids=(),
    )
    return _cell(why, rows)


def _cell(why: ListenerExplanation, rows: Sequence[StoredDelivery]) -> Cell:
    last = rows[-1] if rows else None
    return Cell(
        listener=why.listener,
        outcome=why.outcome,
        sentence=why.sentence,
        against=why.against,
        reason=why.reason,
        near_miss=why.near_miss,
        attempts=sum(row.attempts for row in rows),
        last_status=None if last is None else last.last_status,
        last_failure=None if last is None else last.last_failure,
        settled_at=None if last is None else moment_or_none(last.settled_at),
        due_at=None if last is None else moment_or_none(last.due_at),
        delivery_ids=why.delivery_ids,
    )


def _marks(stored: StoredNotification, *, is_late: bool) -> tuple[str, ...]:
    one = stored.notification
    marks = [one.origin] if one.origin != "feed" else []
    found = {
        "repeated": stored.repeats > 0,
        "out of order": is_late,
        "unclaimed": stored.is_unclaimed,
        "flawed": one.flaw is not None,
    }
    return (*marks, *(mark for mark, is_so in found.items() if is_so))


async def _missing(store: Store, shown: Sequence[StoredNotification]) -> tuple[Gap, ...]:
    """Return the gaps that are none of the feed's: it carries such events of other envelopes."""
    found: list[Gap] = []
    for account in dict.fromkeys(one.notification.account_id for one in shown):
        own = [one.notification for one in shown if one.notification.account_id == account]
        for gap in course.gaps(own):
            query = NotificationQuery(account_id=account, events=(gap.event,), limit=1)
            if await store.notifications(query):
                found.append(gap)
    return tuple(found)


async def _lives_here(store: Store, registry: Registry, account: str | None, envelope: str) -> bool:
    accounts = [account] if account is not None else list(registry.accounts)
    for one in accounts[:MOST_ACCOUNTS]:
        if await store.kept_envelope(one, envelope) is not None:
            return True
    return False
