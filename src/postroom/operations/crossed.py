"""Crossed deliveries: several of one lane want it; the file or a person says which gets it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from postroom.errors import ConflictError, InvalidInputError
from postroom.model import DeliveryState, Lane
from postroom.operations import names
from postroom.operations.deliveries import listed
from postroom.operations.notifications import find
from postroom.operations.views import Decided, DeliveryView, Page, check_limit, cursor
from postroom.storage.port import AuditEntry, Decision, DeliveryQuery, Store, StoredDelivery

BATCH = 1000


async def list_crossed(
    store: Store, *, account: str | None = None, after: str | None = None, limit: int = 100
) -> Page[DeliveryView]:
    """List what is crossed, newest first, each with its rivals."""
    query = DeliveryQuery(
        account_id=names.account_id(await store.registry(), account),
        states=(DeliveryState.CROSSED,),
        after=cursor(after),
        limit=check_limit(limit) + 1,
    )
    return await listed(store, query, limit)


async def resolve_crossed(
    store: Store, notification: str, *, to: str, now: int, actor: str
) -> Decided:
    """Deliver a crossed notification to one listener; its rivals of the lane do not get it.

    Raises `ConflictError` if it is not crossed, `InvalidInputError` if `to` is not among those
    that want it.
    """
    stored = await find(store, notification)
    rows = await store.deliveries(
        DeliveryQuery(
            notification_id=stored.notification.id,
            states=(DeliveryState.CROSSED,),
            limit=BATCH,
        )
    )
    if not rows:
        raise ConflictError(f"{notification} is not crossed; `postroom crossed` lists what is")
    known = await names.names(store)
    chosen = next((row for row in rows if names.name_of(known, row.listener_id) == to), None)
    if chosen is None:
        rivals = ", ".join(sorted(names.name_of(known, row.listener_id) for row in rows))
        raise InvalidInputError(f"{to!r} does not want it; choose among {rivals}")
    lane = [row for row in rows if row.lane == chosen.lane]
    audit = AuditEntry(
        at=now,
        actor=actor,
        verb="resolve-crossed",
        details={"notification": notification, "to": to, "lane": chosen.lane},
    )
    decisions = decide_for(lane, chosen.id, f"{actor} gave it to {to}")
    return Decided(decided=await store.decide(decisions, now=now, audit=audit))


async def settle_lane(store: Store, lane: Lane, *, now: int, actor: str) -> int:
    """Decide what is crossed in a lane by what the lane says now; return how many deliveries."""
    known = await names.names(store)
    by_notification: dict[str, list[StoredDelivery]] = defaultdict(list)
    after = None
    while rows := await store.deliveries(
        DeliveryQuery(
            account_id=lane.account_id,
            states=(DeliveryState.CROSSED,),
            oldest_first=True,
            after=after,
            limit=BATCH,
        )
    ):
        after = rows[-1].id
        for row in rows:
            if row.lane == lane.name:
                by_notification[row.notification_id].append(row)
    decisions: list[Decision] = []
    for rivals in by_notification.values():
        decisions += _by_the_file(rivals, lane, known)
    audit = AuditEntry(at=now, actor=actor, verb="settle-lane", details={"lane": lane.name})
    return await store.decide(decisions, now=now, audit=audit) if decisions else 0


def decide_for(rivals: Sequence[StoredDelivery], chosen: int | None, reason: str) -> list[Decision]:
    """Return the decisions that give a notification to one delivery, or (None) to all."""
    return [
        Decision(
            delivery_id=row.id,
            state=DeliveryState.DUE if chosen in {None, row.id} else DeliveryState.DISMISSED,
            reason=reason,
        )
        for row in rivals
    ]


def _by_the_file(
    rivals: Sequence[StoredDelivery], lane: Lane, known: Mapping[int, str]
) -> list[Decision]:
    if lane.on_crossing == "deliver":
        return decide_for(rivals, None, f"lane {lane.name} delivers on crossing")
    named = {names.name_of(known, row.listener_id): row.id for row in rivals}
    for preferred in lane.prefer:
        if preferred in named:
            return decide_for(rivals, named[preferred], f"lane {lane.name} prefers {preferred}")
    return []
