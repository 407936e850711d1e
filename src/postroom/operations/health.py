"""How it fares: backlog, listeners in trouble, lists with something in them, refusals, audit."""

from postroom.esign import standing
from postroom.model import Noun, Registry
from postroom.operations.views import (
    AuditView,
    Page,
    RejectionView,
    check_limit,
    cursor,
    moment,
    moment_or_none,
    page,
    state_in_a_word,
)
from postroom.storage.port import AuditEntry, Rejection, Store


class ListenerHealth(Noun, frozen=True, kw_only=True):
    """How one listener fares."""

    listener: str
    account_id: str
    state: str
    due: int
    waiting: int
    held: int
    crossed: int
    given_up: int
    oldest_received_at: str | None


class StoreFigures(Noun, frozen=True, kw_only=True):
    """The store in figures."""

    notifications: int
    delivered: int
    unclaimed: int
    unreadable: int


class Health(Noun, frozen=True, kw_only=True):
    """The whole at a glance."""

    state: str
    """`ok`, or `attention` where something waits for a person."""
    attention: tuple[str, ...]
    """What waits for a person, in words with the command that shows it."""
    backlog: tuple[ListenerHealth, ...]
    owed: int
    """Deliveries due or waiting, over all listeners."""
    oldest_received_at: str | None
    held: int
    crossed: int
    failures: int
    unclaimed: int
    store: StoreFigures


async def health(store: Store) -> Health:
    """Return how it fares: backlog by listener, what waits for a person, the store in figures."""
    counts = await store.counts()
    states = await store.states()
    registry = await store.registry()
    backlogs = {one.listener_id: one for one in counts.backlog}
    rows = []
    for listener in sorted(registry.listeners.values(), key=lambda one: one.name):
        owed = backlogs.get(listener.id)
        if owed is None and listener.mode == "shadow":
            continue  # nothing is ever sent to it
        rows.append(
            ListenerHealth(
                listener=listener.name,
                account_id=listener.account_id,
                state=state_in_a_word(states.get(listener.id)),
                due=owed.due if owed else 0,
                waiting=owed.waiting if owed else 0,
                held=owed.held if owed else 0,
                crossed=owed.crossed if owed else 0,
                given_up=owed.given_up if owed else 0,
                oldest_received_at=moment_or_none(owed.oldest_received_at if owed else None),
            )
        )
    oldest = [b.oldest_received_at for b in counts.backlog if b.oldest_received_at is not None]
    figures = StoreFigures(
        notifications=counts.notifications,
        delivered=counts.delivered,
        unclaimed=counts.unclaimed,
        unreadable=counts.unreadable,
    )
    # Also those of listeners removed since: `failures` lists them, so they are counted.
    failures = sum(one.given_up for one in counts.backlog)
    attention = (*_attention(rows, figures, failures), *await _unasked(store, registry))
    return Health(
        state="attention" if attention else "ok",
        attention=attention,
        backlog=tuple(rows),
        owed=sum(row.due + row.waiting for row in rows),
        oldest_received_at=moment_or_none(min(oldest, default=None)),
        held=sum(row.held for row in rows),
        crossed=sum(row.crossed for row in rows),
        failures=failures,
        unclaimed=counts.unclaimed,
        store=figures,
    )


async def list_rejections(
    store: Store, *, after: str | None = None, limit: int = 100
) -> Page[RejectionView]:
    """List messages refused at the front door, newest first, with the likely cause."""
    rows = await store.rejections(after=cursor(after), limit=check_limit(limit) + 1)
    return page(rows, limit, lambda row: row[0], lambda row: _rejection(row[1]))


async def list_audit(
    store: Store, *, after: str | None = None, limit: int = 100
) -> Page[AuditView]:
    """List who did what, newest first."""
    rows = await store.audit_log(after=cursor(after), limit=check_limit(limit) + 1)
    return page(rows, limit, lambda row: row[0], lambda row: _audit(row[1]))


def _attention(rows: list[ListenerHealth], figures: StoreFigures, failures: int) -> tuple[str, ...]:
    found = [
        f"{row.listener} is {row.state}; see `postroom listeners`"
        for row in rows
        if row.state != "ok"
    ]
    for count, what, command in (
        (failures, "deliveries given up", "failures"),
        (sum(row.held for row in rows), "deliveries held", "held"),
        (sum(row.crossed for row in rows), "deliveries crossed", "crossed"),
        (figures.unclaimed, "notifications unclaimed", "unclaimed"),
        (figures.unreadable, "messages unreadable", "unreadable"),
    ):
        if count:
            found.append(f"{count} {what}; see `postroom {command}`")
    return tuple(found)


async def _unasked(store: Store, registry: Registry) -> list[str]:
    """Return, for each account whose own REST API does not tell what is missing, why."""
    found = []
    for account in registry.accounts.values():
        if account.enrichment is None:
            continue
        known = await standing.read(store, account.id)
        until = f", not asked again before {moment(known.retry_at)}" if known.retry_at else ""
        if known.failure is not None:
            found.append(f"enrichment of {account.name or account.id}: {known.failure}{until}")
        elif known.envelopes:
            found.append(
                f"enrichment of {account.name or account.id}: envelopes that cannot be fetched:"
                f" {len(known.envelopes)}; see `postroom held`"
            )
    return found


def _rejection(one: Rejection) -> RejectionView:
    return RejectionView(
        at=moment(one.at),
        account_id=one.account_id,
        remote=one.remote,
        reason=one.reason,
        hint=one.hint,
    )


def _audit(one: AuditEntry) -> AuditView:
    return AuditView(at=moment(one.at), actor=one.actor, verb=one.verb, details=one.details)
