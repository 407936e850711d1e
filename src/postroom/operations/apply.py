"""Apply: make the system what a document says, in one change, and say what changed."""

import asyncio
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from postroom.errors import ConflictError
from postroom.model import Json, Noun
from postroom.operations import beside, keys
from postroom.operations.changes import ChangeView, Intended, intended
from postroom.operations.crossed import settle_lane
from postroom.operations.keys import Sealing
from postroom.storage.port import AuditEntry, PutLane, PutSecret, Store

MOST_TRIES = 5
_TURNS: WeakKeyDictionary[Store, asyncio.Lock] = WeakKeyDictionary()
"""Who applies to a store, in this process."""


class Applied(Noun, frozen=True, kw_only=True):
    """What applying came to, or (dry run) would."""

    changes: tuple[ChangeView, ...]
    unchanged: int
    warnings: tuple[str, ...]
    crossed_decided: int
    """Crossed deliveries that a changed lane has decided."""
    is_dry_run: bool


async def apply(  # noqa: PLR0913  # the document, how far it goes, and who applies it when
    store: Store,
    vault: Sealing,
    document: Json,
    *,
    allow_private_addresses: bool,
    dry_run: bool = False,
    prune: bool = False,
    plan: str | None = None,
    now: int,
    actor: str,
) -> Applied:
    """Make the system what a document says. Idempotent; all of it or nothing.

    What the document does not name is left alone unless `prune`. `plan` is the fingerprint of a
    plan: anything but exactly what it showed is refused with `ConflictError`.
    Raises `InvalidDocumentError` with every problem and its place.
    """
    # One after the other; what another node changes meanwhile is seen when it is written.
    async with _TURNS.setdefault(store, asyncio.Lock()):
        for _ in range(MOST_TRIES):
            wanted = await intended(
                store,
                vault,
                document,
                allow_private_addresses=allow_private_addresses,
                prune=prune,
                now=now,
            )
            if plan is not None and plan != await _fingerprint(wanted):
                raise ConflictError(
                    "the system or the file is not what it was when this was planned; nothing was"
                    " changed: plan again, and look at what it shows now"
                )
            if dry_run:
                return _applied(wanted, crossed_decided=0, is_dry_run=True)
            if await _carry_out(store, wanted, now=now, actor=actor):
                decided = await _settle_lanes(store, wanted, now=now, actor=actor)
                return _applied(wanted, crossed_decided=decided, is_dry_run=False)
    raise ConflictError("others are changing the system all the time; apply it again")


async def _fingerprint(wanted: Intended) -> str:
    return await beside.reckon(lambda: wanted.fingerprint)


async def _carry_out(store: Store, wanted: Intended, *, now: int, actor: str) -> bool:
    """Make the changes; False, and nothing has happened, where they were worked out for another."""
    audit = AuditEntry(at=now, actor=actor, verb="apply", details=_audited(wanted.views))
    # Keys first: a feed that is switched over at this moment is never refused for want of one.
    put = [
        PutSecret(secret=key, audit=keys.noted(now, actor, "add-key", key))
        for key in wanted.added_keys
    ]
    if wanted.changes:
        try:
            await store.change(
                [*put, *wanted.changes], audit, expected_revision=wanted.before.revision
            )
        except ConflictError:
            return False
    elif await store.revision() != wanted.before.revision:
        return False
    else:
        for one in put:
            await store.put_secret(one.secret, one.audit)
    for key in wanted.retired_keys:
        await store.retire_secret(key.id, now, keys.noted(now, actor, "retire-key", key))
    return True


async def _settle_lanes(store: Store, wanted: Intended, *, now: int, actor: str) -> int:
    """Return how many crossed deliveries the lanes that changed have decided."""
    lanes = [change.lane for change in wanted.changes if isinstance(change, PutLane)]
    return sum([await settle_lane(store, lane, now=now, actor=actor) for lane in lanes])


def _applied(wanted: Intended, *, crossed_decided: int, is_dry_run: bool) -> Applied:
    return Applied(
        changes=wanted.views,
        unchanged=wanted.unchanged,
        warnings=wanted.warnings,
        crossed_decided=crossed_decided,
        is_dry_run=is_dry_run,
    )


def _audited(views: Sequence[ChangeView]) -> Json:
    return [f"{one.action} {one.kind} {one.name}" for one in views[:1000]]
