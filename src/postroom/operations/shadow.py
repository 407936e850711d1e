"""What a shadow would have got, beside what a live listener was to get of the same traffic."""

from collections.abc import AsyncIterator, Callable, Sequence

from msgspec.structs import replace

from postroom.errors import InvalidInputError
from postroom.model import Listener, Noun, Registry
from postroom.operations import names
from postroom.operations.shadow_report import (
    Example,
    Kind,
    ShadowReport,
    Share,
    Tally,
    verdict,
)
from postroom.operations.views import moment, moment_or_none, read_moment
from postroom.routing.explaining import explanation
from postroom.storage.port import Compared, ComparisonQuery, ListenerRevision, Store

PAGE = 2000
MOST_EXAMPLES = 100


class Progress(Noun, frozen=True, kw_only=True):
    """How far a report is."""

    looked_at: int
    differing: int


async def report_shadow(  # noqa: PLR0913  # whom, beside whom, when, and how much of it
    store: Store,
    shadow: str,
    *,
    against: str | None = None,
    account: str | None = None,
    received_from: str | None = None,
    received_until: str | None = None,
    examples: int = 5,
    now: int,
    told: Callable[[Progress], None] | None = None,
) -> ShadowReport:
    """Count what a shadow would have got, beside what a live listener was to get; say why.

    Begins when the shadow's conditions became what they are; with `received_from` as far back as
    it was a shadow. Each notification counts as it was decided when it came. Raises
    `NotFoundError`, and `InvalidInputError` for a listener that never was a shadow, for a
    comparison with itself, and for more than `MOST_EXAMPLES` examples of a kind.
    """
    if not 0 <= examples <= MOST_EXAMPLES:
        raise InvalidInputError(f"examples: from 0 to {MOST_EXAMPLES}")
    registry = await store.registry()
    one = names.listener(registry, shadow, account)
    other = None if against is None else names.listener(registry, against, one.account_id)
    if other is not None and other.id == one.id:
        raise InvalidInputError("against: name another listener; this is the shadow itself")
    start, end = read_moment(received_from, "from"), read_moment(received_until, "to")
    if start is not None and end is not None and start >= end:
        raise InvalidInputError("from: give a moment before to")
    run = _run(await store.listener_revisions(one.id), one.name, is_whole=start is not None)
    query = ComparisonQuery(
        account_id=one.account_id,
        listener_ids=(one.id,) if other is None else (one.id, other.id),
        from_revision=run[0].from_revision,
        until_revision=run[-1].until_revision,
        received_from=start,
        received_until=end,
        limit=PAGE,
    )
    tally = Tally(examples)
    async for page in _pages(store, query):
        for row in page:
            tally.count(row)
        if told is not None:
            told(Progress(looked_at=tally.notifications, differing=tally.differing))
    until = tally.last_at if query.until_revision is not None else min(now, end or now)
    return await _report(store, tally, one, other, until or now)


async def _report(
    store: Store, tally: Tally, one: Listener, other: Listener | None, until: int
) -> ShadowReport:
    against = None if other is None else other.name
    reasons = _Reasons(store, one, other)
    shares = {
        kind.value: Share(
            count=tally.counts[kind],
            examples=tuple([await reasons.example(kind, row) for row in rows]),
        )
        for kind, rows in tally.newest.items()
    }
    first_at = tally.first_at
    return ShadowReport(
        shadow=one.name,
        against=against,
        account_id=one.account_id,
        counted_from=moment_or_none(first_at),
        counted_until=None if first_at is None else moment(until),
        notifications=tally.notifications,
        verdict=verdict(one.name, against, tally, lasted_us=until - (first_at or until)),
        **shares,
    )


def _run(
    revisions: Sequence[ListenerRevision], name: str, *, is_whole: bool
) -> Sequence[ListenerRevision]:
    """Return the revisions in which it was last a shadow, oldest first.

    All in a row; or, unless `is_whole`, only those that want what the last of them wants.
    """
    run: list[ListenerRevision] = []
    for revision in reversed(revisions):
        later = run[-1] if run else None
        if revision.listener.mode == "live":
            if later is None:
                continue
            break
        if later is not None and (
            revision.until_revision != later.from_revision
            or (not is_whole and _conditions(revision.listener) != _conditions(later.listener))
        ):
            break
        run.append(revision)
    if not run:
        raise InvalidInputError(
            f"{name} has never been a shadow; apply it with `mode: shadow`, and ask again once "
            "something has come in"
        )
    return run[::-1]


def _conditions(one: Listener) -> tuple[object, ...]:
    return one.events, one.users, one.filter, one.comparison, one.field_policy


async def _pages(store: Store, query: ComparisonQuery) -> AsyncIterator[Sequence[Compared]]:
    while page := await store.compared(query):
        yield page
        query = replace(query, after=page[-1].sequence)


class _Reasons:
    """Says why of examples; remembers the last registry, for neighbours often share it."""

    def __init__(self, store: Store, shadow: Listener, live: Listener | None) -> None:
        self._store = store
        self._shadow = shadow
        self._live = live
        self._registry: Registry | None = None

    async def example(self, kind: Kind, row: Compared) -> Example:
        """Return one notification as an example of a kind."""
        return Example(
            notification_id=row.notification_id,
            envelope_id=row.envelope_id,
            event=row.event,
            received_at=moment(row.received_at),
            why=await self._why(kind, row),
        )

    async def _why(self, kind: Kind, row: Compared) -> str:
        if kind is Kind.HELD_BY_SHADOW:
            return row.reasons[0] or "it is not decided"
        if kind is Kind.OPEN_AT_LIVE:
            return f"{row.states[1]}: {row.reasons[1]}"
        if kind is Kind.ONLY_LIVE:
            return f"{self._shadow.name}: {await self._against(self._shadow, row)}"
        if kind is Kind.ONLY_SHADOW and self._live is not None:
            return f"{self._live.name}: {await self._against(self._live, row)}"
        return "wanted" if kind is Kind.ONLY_SHADOW else "wanted by both"

    async def _against(self, listener: Listener, row: Compared) -> str:
        """Return why a listener did not get it, recomputed with its revision then in force."""
        if self._registry is None or self._registry.revision != row.registry_revision:
            self._registry = await self._store.registry(row.registry_revision)
        then = self._registry.listeners.get(listener.id)
        if then is None:
            return "it was not there then"
        stored = await self._store.notification(row.notification_id)
        if stored is None or not stored.has_body:
            return "the message is past retention, so this cannot be recomputed"
        return explanation.explain(self._registry, then, stored.notification).outcome
