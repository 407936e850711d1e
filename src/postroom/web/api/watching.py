"""How it fares, who was refused, who did what."""

import msgspec
from litestar import get
from litestar.di import NamedDependency

from postroom.model import ListenerState
from postroom.operations import health
from postroom.operations.views import AuditView, Page, RejectionView
from postroom.web.api.parameters import After, Limit
from postroom.web.api.services import Services


class NodeHealth(health.Health, frozen=True, kw_only=True):
    """The whole at a glance, and what this node is at."""

    in_hand: int
    """Deliveries this node is trying now."""
    due_now: int
    """Listeners owed something that is due at this moment, may be sent and is not in hand."""


@get("/health")
async def read_health(services: NamedDependency[Services]) -> NodeHealth:
    """Tell the backlog by listener, what waits for a person, and the store in figures."""
    before = services.in_hand()
    owed_now = await due_now(services)
    found = await health.health(services.store)
    return NodeHealth(
        **msgspec.structs.asdict(found),
        # What was leased between the two readings is in one of them.
        in_hand=max(before, services.in_hand()),
        due_now=owed_now,
    )


@get("/rejections")
async def list_rejections(
    services: NamedDependency[Services], after: After = None, limit: Limit = 100
) -> Page[RejectionView]:
    """List messages refused at the front door, with the likely cause."""
    return await health.list_rejections(services.store, after=after, limit=limit)


@get("/audit")
async def list_audit(
    services: NamedDependency[Services], after: After = None, limit: Limit = 100
) -> Page[AuditView]:
    """List who did what."""
    return await health.list_audit(services.store, after=after, limit=limit)


async def due_now(services: Services) -> int:
    """Count the listeners owed something that is due and may be sent, and is not in hand."""
    store, now = services.store, services.clock.now()
    listeners = (await store.registry()).listeners
    states = await store.states()
    due = await store.next_due(tuple(listeners))
    return sum(at <= now and _may_send(states.get(one), now) for one, at in due.items())


def _may_send(state: ListenerState | None, now: int) -> bool:
    if state is None:
        return True
    if state.paused_at is not None:
        return False
    return state.down_since is None or (state.probe_at is not None and state.probe_at <= now)
