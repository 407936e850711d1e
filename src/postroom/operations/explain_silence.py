"""Why a listener got nothing, or little, since a moment: its account's traffic, decided again."""

import asyncio
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from postroom.errors import InvalidInputError
from postroom.model import DeliveryState, Listener, Noun
from postroom.operations import names
from postroom.operations.explaining import fate
from postroom.operations.explaining.registries import Registries
from postroom.operations.explaining.standing import circumstances
from postroom.operations.explaining.tally import NearMissCount, Part, Reason, Tally
from postroom.operations.views import moment, read_moment
from postroom.storage.port import (
    DeliveryQuery,
    NotificationQuery,
    Store,
    StoredDelivery,
    StoredNotification,
)

MOST_NOTIFICATIONS = 100_000
PAGE = 1000
STRIDE = 50
"""Notifications explained, about a tenth of a millisecond each, before others have their turn."""


class Progress(Noun, frozen=True, kw_only=True):
    """How far it is."""

    looked_at: int
    owed: int


class RevisionView(Noun, frozen=True, kw_only=True):
    """A listener as it was decided by for a while."""

    from_revision: int
    until_revision: int | None
    first_decided_at: str | None
    """When the earliest notification came that was decided so; None for none of these."""


class Silence(Noun, frozen=True, kw_only=True):
    """What a listener had of its account's traffic, and why not the rest."""

    listener: str
    account_id: str
    since: str
    until: str
    looked_at: int
    is_cut: bool
    """There was more; only the newest were looked at."""
    oldest_looked_at: str | None
    verdict: str
    """The answer in one sentence."""
    owed: tuple[Part, ...]
    """What it was owed, by where that stands: `delivered`, `pending`, `held` and so on."""
    not_owed: int
    reasons: tuple[Reason, ...]
    """What it was not owed, by the first condition against; the largest group first."""
    near_misses: tuple[NearMissCount, ...]
    circumstances: tuple[str, ...]
    """What else bears on it, in sentences: paused, down, refused at the door, changed."""
    revisions: tuple[RevisionView, ...]


async def explain_silence(
    store: Store,
    listener: str,
    *,
    since: str,
    account: str | None = None,
    now: int,
    most: int = MOST_NOTIFICATIONS,
    told: Callable[[Progress], None] | None = None,
) -> Silence:
    """Explain why a listener got nothing, or little, since a moment.

    Looks at the newest `most` notifications of its account; each is explained by the revision
    then in force. Raises `NotFoundError`, and `InvalidInputError` for no moment.
    """
    start = read_moment(since, "since")
    if start is None or start >= now:
        raise InvalidInputError("since: give a moment that has passed, like 2026-03-02T18:00:00Z")
    one = names.listener(await store.registry(), listener, account)
    tally = Tally()
    is_cut = await _count(store, one, start, most, tally, told)
    oldest = tally.oldest_at
    return Silence(
        listener=one.name,
        account_id=one.account_id,
        since=moment(start),
        until=moment(now),
        looked_at=tally.looked_at,
        is_cut=is_cut,
        oldest_looked_at=None if oldest is None else moment(oldest),
        verdict=_verdict(one, tally, start, is_cut=is_cut),
        owed=tuple(Part(what=state, count=many) for state, many in tally.states.most_common()),
        not_owed=tally.not_owed,
        reasons=tally.reasons(),
        near_misses=tally.near_misses(),
        circumstances=tuple([said async for said in circumstances(store, one, start, tally)]),
        revisions=await _revisions(store, one, tally),
    )


async def _count(
    store: Store,
    listener: Listener,
    start: int,
    most: int,
    tally: Tally,
    told: Callable[[Progress], None] | None,
) -> bool:
    """Count page by page, newest first; return whether some was left out."""
    query = NotificationQuery(
        account_id=listener.account_id, received_from=start, limit=min(PAGE, most)
    )
    registries = Registries(store)
    while page := await store.traffic(query):
        if tally.looked_at >= most:
            return True
        owed = await _owed(store, listener, page)
        for stored in page[: most - tally.looked_at]:
            if tally.looked_at % STRIDE == 0:
                await asyncio.sleep(0)  # the server takes in and delivers meanwhile
            tally.see(stored)
            row = owed.get(stored.notification.id)
            if row is not None:
                tally.owed(fate.outcome(row))
            else:
                await _miss(registries, listener, stored, tally)
        if told is not None:
            told(Progress(looked_at=tally.looked_at, owed=tally.states.total()))
        query = replace(query, after=page[-1].sequence)
    return False


async def _owed(
    store: Store, listener: Listener, page: Sequence[StoredNotification]
) -> dict[str, StoredDelivery]:
    """Return the newest delivery of each notification of a page that the listener was owed."""
    moments = [one.notification.received_at for one in page]
    query = DeliveryQuery(
        listener_id=listener.id,
        received_from=min(moments),
        received_until=max(moments) + 1,
        limit=PAGE,
    )
    owed: dict[str, StoredDelivery] = {}
    while rows := await store.deliveries(query):
        for row in rows:
            owed.setdefault(row.notification_id, row)
        query = replace(query, after=rows[-1].id)
        if len(rows) < PAGE:
            break
    return owed


async def _miss(
    registries: Registries, listener: Listener, stored: StoredNotification, tally: Tally
) -> None:
    registry = await registries.at(stored.registry_revision)
    then = registry.listeners.get(listener.id)
    if then is None:
        tally.other(stored, "absent", "", "the listener was not there then")
    elif stored.notification.is_readable and not stored.has_body:
        tally.other(stored, "past", "", "its body is past retention, so it cannot be recomputed")
    else:
        tally.missed(stored, registries.explain(registry, then, stored.notification))


def _verdict(listener: Listener, tally: Tally, start: int, *, is_cut: bool) -> str:
    if not tally.looked_at:
        return f"Nothing came for the account of {listener.name} since {moment(start)}."
    delivered = tally.states[DeliveryState.DELIVERED.value]
    others = [
        f"{many:,} {state.replace('_', ' ')}"
        for state, many in tally.states.most_common()
        if state != DeliveryState.DELIVERED.value
    ]
    had = f"{delivered:,} delivered" if delivered else "none delivered"
    newest = "the newest " if is_cut else ""
    said = (
        f"Of {newest}{tally.looked_at:,} notifications since {moment(start)}, {listener.name} had "
        f"{', '.join([had, *others])}"
    )
    return f"{said}; {tally.sentence()}." if tally.not_owed else f"{said}."


async def _revisions(store: Store, listener: Listener, tally: Tally) -> tuple[RevisionView, ...]:
    found = []
    for one in await store.listener_revisions(listener.id):
        until = one.until_revision
        moments = [
            at
            for revision, at in tally.revisions.items()
            if revision >= one.from_revision and (until is None or revision < until)
        ]
        found.append(
            RevisionView(
                from_revision=one.from_revision,
                until_revision=until,
                first_decided_at=moment(min(moments)) if moments else None,
            )
        )
    return tuple(found)
