"""Plan: what a changed document would do, shown before `apply` does it."""

import asyncio
from collections.abc import Callable

from postroom.model import Json, Noun, Registry
from postroom.operations import beside
from postroom.operations.changes import ChangeView, intended
from postroom.operations.comparison import Comparison, Effects
from postroom.operations.keys import Sealing
from postroom.storage.port import NotificationQuery, Store

PAGE = 500


class Period(Noun, frozen=True, kw_only=True):
    """Which arrivals: from a moment on and before another; None sets no bound."""

    received_from: int | None = None
    received_until: int | None = None


class Progress(Noun, frozen=True, kw_only=True):
    """How far the decisions are."""

    looked_at: int
    total: int
    """An estimate: the period may hold fewer of the accounts in question."""


class Plan(Noun, frozen=True, kw_only=True):
    """What applying a document would change, and what that would have done to real traffic."""

    fingerprint: str
    """Names exactly these changes of exactly this system; `apply` takes it."""
    is_pruning: bool
    changes: tuple[ChangeView, ...]
    unchanged: int
    warnings: tuple[str, ...]
    effects: Effects


Told = Callable[[Progress], None]


async def plan(  # the document, how far it goes, and which traffic to ask
    store: Store,
    vault: Sealing,
    document: Json,
    *,
    allow_private_addresses: bool,
    prune: bool = False,
    period: Period,
    now: int,
    told: Told | None = None,
) -> Plan:
    """Return what a document would change, and decide the traffic of a period once more by it.

    Changes nothing. Raises `InvalidDocumentError` with every problem and its place.
    """
    wanted = await intended(
        store,
        vault,
        document,
        allow_private_addresses=allow_private_addresses,
        prune=prune,
        now=now,
    )
    fingerprint, after = await beside.reckon(lambda: (wanted.fingerprint, wanted.after()))
    return Plan(
        fingerprint=fingerprint,
        is_pruning=prune,
        changes=wanted.views,
        unchanged=wanted.unchanged,
        warnings=wanted.warnings,
        effects=await _effects(store, wanted.before, after, period, told),
    )


async def _effects(
    store: Store, before: Registry, after: Registry, period: Period, told: Told | None = None
) -> Effects:
    """Return what would have been different in a period with `after` in the place of `before`."""
    comparison = await beside.reckon(Comparison, before, after)
    if comparison.accounts:
        only = next(iter(comparison.accounts)) if len(comparison.accounts) == 1 else None
        await _walk(store, comparison, only, period, told)
    return await beside.reckon(comparison.effects)


async def _walk(
    store: Store, comparison: Comparison, only: str | None, period: Period, told: Told | None
) -> None:
    """Let the comparison take the traffic of a period; the next page is read meanwhile."""
    ends = await store.notifications(_query(only, period, oldest_first=False, limit=1))
    page = await store.traffic(_query(only, period))
    first = page[0].sequence if page else 0
    while page:
        seen = page[-1].sequence
        upcoming = asyncio.create_task(store.traffic(_query(only, period, after=seen)))
        try:
            await beside.reckon(comparison.take, page)
            if told is not None:
                total = max(seen, *(one.sequence for one in ends)) - first + 1
                told(Progress(looked_at=seen - first + 1, total=total))
            page = await upcoming
        finally:
            upcoming.cancel()  # nothing, where it has ended


def _query(
    account_id: str | None,
    period: Period,
    *,
    after: int | None = None,
    oldest_first: bool = True,
    limit: int = PAGE,
) -> NotificationQuery:
    return NotificationQuery(
        account_id=account_id,
        received_from=period.received_from,
        received_until=period.received_until,
        oldest_first=oldest_first,
        after=after,
        limit=limit,
    )
