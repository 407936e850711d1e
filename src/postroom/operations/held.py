"""Held deliveries: what could not be decided, until data or a person decides."""

from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from postroom.esign import standing
from postroom.esign.standing import Standing
from postroom.model import DeliveryState, Registry
from postroom.operations import names
from postroom.operations.deliveries import listed
from postroom.operations.notifications import find
from postroom.operations.views import Decided, DeliveryView, Page, check_limit, cursor
from postroom.storage.port import AuditEntry, Decision, DeliveryQuery, Store

BATCH = 500


async def list_held(
    store: Store,
    *,
    account: str | None = None,
    listener: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[DeliveryView]:
    """List what is held, newest first, each with what is missing and why it is not fetched."""
    registry = await store.registry()
    query = DeliveryQuery(
        account_id=names.account_id(registry, account),
        listener_id=names.listener_id(registry, listener, account),
        states=(DeliveryState.HELD,),
        after=cursor(after),
        limit=check_limit(limit) + 1,
    )
    return await _with_failures(store, registry, await listed(store, query, limit))


async def _with_failures(
    store: Store, registry: Registry, page: Page[DeliveryView]
) -> Page[DeliveryView]:
    """Add to each reason why the missing data could not be fetched, where an account says how."""
    asked = {one.account_id for one in page.items}
    standings = {
        account_id: await standing.read(store, account_id)
        for account_id in asked & registry.accounts.keys()
        if registry.accounts[account_id].enrichment is not None
    }
    return replace(page, items=tuple(_with_failure(one, standings) for one in page.items))


def _with_failure(one: DeliveryView, standings: Mapping[str, Standing]) -> DeliveryView:
    known = standings.get(one.account_id)
    why = known.reason_for(one.envelope_id) if known else None
    if why is None:
        return one
    return replace(
        one, reason="; ".join(filter(None, (one.reason, f"it cannot be fetched: {why}")))
    )


async def release_held(  # which ones, what becomes of them, who says so when
    store: Store,
    *,
    listener: str,
    account: str | None = None,
    notification: str | None = None,
    to: Literal["deliver", "dismiss"] = "deliver",
    now: int,
    actor: str,
) -> Decided:
    """Deliver or dismiss what is held for a listener: all of it, or one notification's.

    Raises `NotFoundError` for a listener or a notification there is not.
    """
    found = names.listener(await store.registry(), listener, account)
    if notification is not None:
        await find(store, notification)
    state: Literal[DeliveryState.DUE, DeliveryState.DISMISSED] = (
        DeliveryState.DUE if to == "deliver" else DeliveryState.DISMISSED
    )
    details = {"account": found.account_id, "listener": found.name, "to": to}
    entry = AuditEntry(
        at=now, actor=actor, verb="release-held", details=details | {"notification": notification}
    )
    decided, after = 0, None
    while True:
        rows = await store.deliveries(
            DeliveryQuery(
                listener_id=found.id,
                notification_id=notification,
                states=(DeliveryState.HELD,),
                oldest_first=True,
                after=after,
                limit=BATCH,
            )
        )
        if not rows:
            return Decided(decided=decided)
        after = rows[-1].id
        decisions = [
            Decision(delivery_id=row.id, state=state, reason=f"{actor} decided: {to}")
            for row in rows
        ]
        decided += await store.decide(decisions, now=now, audit=entry)
