"""Replay: what a listener was owed, once more, under the same ids and with a mark."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence

from postroom.errors import InvalidInputError, NotFoundError
from postroom.model import OPEN_STATES, DeliveryState, Noun, Replay
from postroom.operations import names
from postroom.operations.deliveries import read_state
from postroom.operations.notifications import spelled
from postroom.operations.views import read_moment
from postroom.storage.port import AuditEntry, DeliveryQuery, Ordered, Store, StoredDelivery

BATCH = 500
MAX_REASON_CHARACTERS = 200
ENDED = (DeliveryState.DELIVERED, DeliveryState.GIVEN_UP)


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
    out unless `force`. Raises `InvalidInputError` for a selection that selects nothing in
    particular, `NotFoundError` for a delivery that does not exist.
    """
    _check(wanted, rate_per_second, reason)
    mark = Replay(id=f"rpl_{secrets.token_hex(8)}", reason=reason, is_forced=force)
    interval_us = 0.0 if rate_per_second is None else 1_000_000 / rate_per_second
    matched = queued = already = 0
    gone: list[str] = []
    async for rows in _selected(store, wanted):
        matched += len(rows)
        fresh = rows if force else [row for row in rows if not await _is_done(store, row)]
        already += len(rows) - len(fresh)
        gone += [row.notification_id for row in fresh if not row.has_body]
        again = [row for row in fresh if row.has_body]
        orders = [
            Ordered(delivery_id=row.id, due_at=now + round(number * interval_us))
            for number, row in enumerate(again, start=queued)
        ]
        if orders and not dry_run:
            await store.replay(orders, mark, now=now, audit=None)
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
        await store.replay([], mark, now=now, audit=_audit(wanted, mark, done, now, actor))
    return done


async def _selected(store: Store, wanted: Wanted) -> AsyncIterator[Sequence[StoredDelivery]]:
    """Yield what fits, batch by batch, oldest first."""
    if wanted.delivery is not None:
        one = await store.delivery(wanted.delivery)
        if one is None:
            raise NotFoundError(
                f"there is no delivery {wanted.delivery}; `postroom failures` lists those given up"
            )
        if one.state in OPEN_STATES:
            raise InvalidInputError(f"delivery {one.id} is still being tried; let it end first")
        yield [one]
        return
    registry = await store.registry()
    after = None
    while True:
        rows = await store.deliveries(
            DeliveryQuery(
                account_id=names.account_id(registry, wanted.account),
                listener_id=names.listener(registry, wanted.listener, wanted.account).id
                if wanted.listener
                else None,
                envelope_id=wanted.envelope.lower() if wanted.envelope else None,
                events=spelled(wanted.events),
                states=tuple(map(read_state, wanted.states)) or ENDED,
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
        yield rows
        after = rows[-1].id


async def _is_done(store: Store, row: StoredDelivery) -> bool:
    """Tell whether an earlier replay of a delivery was delivered or is still on its way."""
    if row.superseded_by is None:
        return False
    later = await store.delivery(row.superseded_by)
    return later is not None and later.state in {DeliveryState.DELIVERED, *OPEN_STATES}


def _check(wanted: Wanted, rate_per_second: float | None, reason: str) -> None:
    if wanted.delivery is None and wanted.envelope is None and wanted.listener is None:
        raise InvalidInputError("say what to replay: a delivery, an envelope, or a listener")
    if rate_per_second is not None and not 0.001 <= rate_per_second <= 100_000:  # noqa: PLR2004  # sane bounds
        raise InvalidInputError("rate: from 0.001 to 100000 a second")
    if len(reason) > MAX_REASON_CHARACTERS or not reason.isprintable():
        raise InvalidInputError(f"reason: at most {MAX_REASON_CHARACTERS} printable characters")


def _audit(wanted: Wanted, mark: Replay, done: Replayed, now: int, actor: str) -> AuditEntry:
    asked = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
    return AuditEntry(
        at=now,
        actor=actor,
        verb="replay",
        details={
            "replay": mark.id,
            "reason": mark.reason,
            "forced": mark.is_forced,
            "filter": {name: value for name, value in asked.items() if value},
            "matched": done.matched,
            "queued": done.queued,
            "already_replayed": done.already_replayed,
            "not_replayable": len(done.not_replayable),
        },
    )
