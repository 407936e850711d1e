"""Replay: what a listener was owed, once more, under the same ids and with a mark."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence

from postroom.errors import ConflictError, InvalidInputError
from postroom.model import OPEN_STATES, DeliveryState, Json, Noun, Registry, Replay
from postroom.operations import names
from postroom.operations.deliveries import find, read_state
from postroom.operations.notifications import folded, spelled
from postroom.operations.views import read_moment
from postroom.storage.port import AuditEntry, DeliveryQuery, Ordered, Store, StoredDelivery

BATCH = 500
MAX_REASON_CHARACTERS = 200
ENDED = (DeliveryState.DELIVERED, DeliveryState.GIVEN_UP)
UNDECIDED = (DeliveryState.HELD, DeliveryState.CROSSED)
_IS_A_SHADOW = "is a shadow, to which nothing is sent; apply it with `mode: live` first"
REPLAYABLE = frozenset({*ENDED, DeliveryState.DISMISSED})


class Wanted(Noun, frozen=True, kw_only=True):
    """What to replay: one delivery, one envelope, or what one listener got in a time range."""

    delivery: int | None = None
    envelope: str | None = None
    listener: str | None = None
    account: str | None = None
    events: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    """Delivered and given up, unless named."""
    received_from: str | None = None
    received_until: str | None = None


class Progress(Noun, frozen=True, kw_only=True):
    """How far a replay is."""

    looked_at: int
    queued: int


class Replayed(Noun, frozen=True, kw_only=True):
    """What a replay came to. Nothing is left out silently."""

    replay_id: str | None
    """None for a dry run."""
    matched: int
    """Deliveries that fit what was asked for."""
    queued: int
    """Queued, or (dry run) would be."""
    already_replayed: int
    """Left out because an earlier replay has delivered them, or still owes them."""
    not_replayable: tuple[str, ...]
    """Notifications whose body is past retention."""


async def replay(  # noqa: PLR0913  # what, how, why, and who says so when
    store: Store,
    wanted: Wanted,
    *,
    dry_run: bool = False,
    rate_per_second: float | None = None,
    reason: str = "",
    force: bool = False,
    now: int,
    actor: str,
    told: Callable[[Progress], None] | None = None,
) -> Replayed:
    """Queue what fits once more, oldest first, at most so many a second.

    The id of each event stays the same. What an earlier replay delivered or still owes is left
    out unless `force`, and so is what listeners were owed that have been removed since, or made
    shadows. Raises `InvalidInputError` for a selection that selects nothing in particular,
    `NotFoundError` for a delivery that does not exist, `ConflictError` for one that has not ended
    and for a shadow.
    """
    _check(wanted, rate_per_second, reason)
    mark = Replay(id=f"rpl_{secrets.token_hex(8)}", reason=reason, is_forced=force)
    interval_us = 0.0 if rate_per_second is None else 1_000_000 / rate_per_second
    matched = queued = already = 0
    gone: list[str] = []
    async for rows in _selected(store, wanted):
        matched += len(rows)
        followed = [await _followed(store, row) for row in rows]
        fresh = [newest for newest, has_reached in followed if force or not has_reached]
        already += len(rows) - len(fresh)
        gone += [row.notification_id for row in fresh if not row.has_body]
        again = [row for row in fresh if row.has_body]
        orders = [
            Ordered(delivery_id=row.id, due_at=now + round(number * interval_us))
            for number, row in enumerate(again, start=queued)
        ]
        if orders and not dry_run:
            begun = None if queued else _audit("begin-replay", wanted, mark, now, actor)
            queued += await store.replay(orders, mark, now=now, audit=begun)
        else:
            queued += len(orders)
        if told is not None:
            told(Progress(looked_at=matched, queued=queued))
    done = Replayed(
        replay_id=None if dry_run else mark.id,
        matched=matched,
        queued=queued,
        already_replayed=already,
        not_replayable=tuple(gone),
    )
    if not dry_run:
        ended = _audit("replay", wanted, mark, now, actor, done)
        await store.replay([], mark, now=now, audit=ended)
    return done


async def _selected(store: Store, wanted: Wanted) -> AsyncIterator[Sequence[StoredDelivery]]:
    """Yield what fits, batch by batch, oldest first."""
    registry = await store.registry()
    listener_id = names.listener_id(registry, wanted.listener, wanted.account)
    if listener_id is not None and not _can_get(listener_id, registry):
        raise ConflictError(f"{wanted.listener} {_IS_A_SHADOW}")
    if wanted.delivery is not None:
        yield [await _one(store, wanted.delivery, registry)]
        return
    after = None
    while True:
        rows = await store.deliveries(
            DeliveryQuery(
                account_id=names.account_id(registry, wanted.account),
                listener_id=listener_id,
                envelope_id=folded(wanted.envelope, "envelope"),
                events=spelled(wanted.events),
                states=_states(wanted.states),
                received_from=read_moment(wanted.received_from, "from"),
                received_until=read_moment(wanted.received_until, "until"),
                replays="without",
                oldest_first=True,
                after=after,
                limit=BATCH,
            )
        )
        if not rows:
            return
        yield [row for row in rows if _can_get(row.listener_id, registry)]
        after = rows[-1].id


async def _one(store: Store, delivery: int, registry: Registry) -> StoredDelivery:
    one = await find(store, delivery)
    if one.state in UNDECIDED:
        raise ConflictError(f"delivery {one.id} is {one.state}; decide it, do not replay it")
    if one.state in OPEN_STATES:
        raise ConflictError(f"delivery {one.id} is still being tried; let it end first")
    if one.listener_id not in registry.listeners:
        raise ConflictError(f"the listener of delivery {one.id} was removed; apply it again first")
    if one.state is DeliveryState.SHADOWED:
        raise ConflictError(f"delivery {one.id} was decided for a shadow; it was never to be sent")
    if not _can_get(one.listener_id, registry):
        raise ConflictError(f"the listener of delivery {one.id} {_IS_A_SHADOW}")
    return one


def _can_get(listener_id: int, registry: Registry) -> bool:
    """Tell whether a listener is still there, and is sent anything."""
    listener = registry.listeners.get(listener_id)
    return listener is not None and listener.mode == "live"


def _states(wanted: Sequence[str]) -> tuple[DeliveryState, ...]:
    states = tuple(map(read_state, wanted))
    if not REPLAYABLE.issuperset(states):
        raise InvalidInputError(
            f"states: only what has ended can be replayed: {', '.join(sorted(REPLAYABLE))}"
        )
    return states or ENDED


async def _followed(store: Store, row: StoredDelivery) -> tuple[StoredDelivery, bool]:
    """Return the latest replay of a delivery, or itself, and whether any reached the listener.

    Each replay replaces the one before; one still on its way counts as having reached it.
    """
    has_reached = _has_reached(row)
    while row.superseded_by is not None:
        later = await store.delivery(row.superseded_by)
        if later is None:
            break
        row = later
        has_reached = has_reached or _has_reached(row)
    return row, has_reached


def _has_reached(row: StoredDelivery) -> bool:
    return row.replay is not None and row.state in {DeliveryState.DELIVERED, *OPEN_STATES}


def _check(wanted: Wanted, rate_per_second: float | None, reason: str) -> None:
    if wanted.delivery is None and wanted.envelope is None and wanted.listener is None:
        raise InvalidInputError("say what to replay: a delivery, an envelope, or a listener")
    if wanted.delivery is not None and wanted != Wanted(delivery=wanted.delivery):
        raise InvalidInputError("a delivery is one thing already; leave the other conditions out")
    if rate_per_second is not None and not 0.001 <= rate_per_second <= 100_000:  # noqa: PLR2004  # sane bounds
        raise InvalidInputError("rate: from 0.001 to 100000 a second")
    if len(reason) > MAX_REASON_CHARACTERS or not reason.isprintable():
        raise InvalidInputError(f"reason: at most {MAX_REASON_CHARACTERS} printable characters")


def _audit(
    verb: str, wanted: Wanted, mark: Replay, now: int, actor: str, done: Replayed | None = None
) -> AuditEntry:
    """Say who replays what, and (at the end) what it came to."""
    asked = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
    details: dict[str, Json] = {
        "replay": mark.id,
        "reason": mark.reason,
        "forced": mark.is_forced,
        "filter": {name: value for name, value in asked.items() if value},
    }
    if done is not None:
        details |= {
            "matched": done.matched,
            "queued": done.queued,
            "already_replayed": done.already_replayed,
            "not_replayable": len(done.not_replayable),
        }
    return AuditEntry(at=now, actor=actor, verb=verb, details=details)
