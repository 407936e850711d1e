"""Upkeep: what must be done again and again beside the road."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from postroom import observe, roster
from postroom.clock import SECOND, Clock
from postroom.delivery import wanted
from postroom.errors import InvalidInputError, UnavailableError
from postroom.model import LEASE_SECONDS, Json, Registry, Secret
from postroom.operations.connect import account_oauth
from postroom.roster import Roster
from postroom.storage.port import Rejection, SealedSecret, Store
from postroom.workers.enricher import Enricher
from postroom.workers.patience import Patience
from postroom.workers.retention import retain
from postroom.workers.worker import Worker

ROSTER_SECONDS = 0.25
"""How often changes are looked for: what was applied is in force well within a second."""
RETENTION_SECONDS = 60.0
ENRICH_SECONDS = 1.0
HEAR_AGAIN_SECONDS = 1.0
"""How long to wait before listening again where there was nothing to listen to."""
REJECTION_SECONDS = 0.5
REJECTIONS_HELD = 1000
"""Beyond so many refusals in one interval only their number is kept: a flood costs no disk."""


class Opener(Protocol):
    """What opens sealed secrets."""

    def open(self, sealed: bytes) -> str:
        """Return the text that was sealed."""
        ...


class RosterKeeper:
    """Keeps the roster that the road reads, and makes it anew when the store has changed."""

    def __init__(self, *, store: Store, vault: Opener, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._seen: tuple[int, int, int] | None = None
        self._turns = asyncio.Lock()
        self._opened: Mapping[bytes, str] = {}
        """The texts by what they were sealed as: a token replaced keeps its id."""
        self.current: Roster = roster.build(
            Registry(revision=0, accounts={}, listeners={}, lanes={}), (), {}, now=clock.now()
        )
        self.is_locked_out = False
        """The secrets cannot be opened with the keys given: the roster stays as it was."""

    async def refresh(self) -> bool:
        """Look for changes; return whether there were any.

        One after the other: whoever looked earlier must not put an older roster over a newer one.
        """
        async with self._turns:
            try:
                has_changed = await self._refresh()
            except InvalidInputError:
                self.is_locked_out = True
                raise
            self.is_locked_out = False
            return has_changed

    async def _refresh(self) -> bool:
        seen = (
            await self._store.revision(),
            await self._store.secrets_revision(),
            await self._store.states_revision(),
        )
        now, stale_at = self._clock.now(), self.current.stale_at
        if seen == self._seen and (stale_at is None or now < stale_at):
            return False
        same_registry = self._seen is not None and seen[0] == self._seen[0]
        registry = self.current.registry if same_registry else await self._store.registry(seen[0])
        sealed = await self._store.secrets()
        secrets = [self._open(one) for one in sealed]
        self._opened = {one.sealed: each.text for one, each in zip(sealed, secrets, strict=True)}
        self.current = roster.build(
            registry,
            secrets,
            await self._store.states(),
            now=now,
            oauth=await self._oauth(registry),
            router=self.current.router if same_registry else None,
            states_revision=seen[2],
        )
        self._seen = seen
        return True

    async def _oauth(self, registry: Registry) -> dict[str, Json]:
        """Return the OAuth configurations of the accounts that have listeners for them."""
        wanting = {one.account_id for one in registry.listeners.values() if wanted.oauth(one)}
        found = {one: await account_oauth.kept(self._store, one) for one in wanting}
        return {account_id: said for account_id, said in found.items() if said is not None}

    def _open(self, sealed: SealedSecret) -> Secret:
        known = self._opened.get(sealed.sealed)
        return Secret(
            id=sealed.id,
            account_id=sealed.account_id,
            listener=sealed.listener,
            purpose=sealed.purpose,
            text=self._vault.open(sealed.sealed) if known is None else known,
            created_at=sealed.created_at,
            retired_at=sealed.retired_at,
        )


class RejectionLog:
    """Gathers refusals, so that a flood of them is one bounded write at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: list[Rejection] = []
        self._dropped = 0

    def note(self, rejection: Rejection) -> None:
        """Remember a refusal until the next write."""
        if len(self._held) < REJECTIONS_HELD:
            self._held.append(rejection)
        else:
            self._dropped += 1

    async def write(self) -> None:
        """Write what has been gathered."""
        held, dropped = self._held, self._dropped
        if not held:
            return
        self._held, self._dropped = [], 0
        try:
            await self._store.reject(held)
        except UnavailableError:
            newer, self._held = self._held, []
            self._dropped += dropped
            for one in (*held, *newer):
                self.note(one)
            raise
        if dropped:
            observe.log.warning("refusals not kept one by one", dropped=dropped)


class Upkeep:
    """Runs the recurring work of one node; what is enough once, on the node that leads."""

    def __init__(  # the composition root hands over each part by name
        self,
        *,
        store: Store,
        clock: Clock,
        keeper: RosterKeeper,
        worker: Worker,
        rejections: RejectionLog,
        enricher: Enricher | None,
        body_retention_days: float,
        row_retention_days: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._keeper = keeper
        self._worker = worker
        self._rejections = rejections
        self._enricher = enricher
        """None: this node has no worker, and what is not for its own sake is left to others."""
        self._body_retention_days = body_retention_days
        self._row_retention_days = row_retention_days

    async def run(self) -> None:
        """Do everything at its own interval, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_every(ROSTER_SECONDS, "roster", self.refresh))
            group.create_task(self._listen())
            group.create_task(_every(REJECTION_SECONDS, "rejections", self._rejections.write))
            if self._enricher is None:
                return
            group.create_task(_every(ENRICH_SECONDS, "enricher", self._enrich))
            group.create_task(_every(RETENTION_SECONDS, "retention", self._retain))
            group.create_task(self._extend())

    async def refresh(self) -> None:
        """Go by what the store says now."""
        if await self._keeper.refresh():
            self._worker.roster_changed()

    async def _listen(self) -> None:
        """Go at once by what other nodes say, until cancelled; polling finds the same later."""
        patience = Patience("wake-ups")
        while True:
            if not await patience.do(self._hear):
                await asyncio.sleep(HEAR_AGAIN_SECONDS)

    async def _hear(self) -> None:
        heard = await self._store.heard()
        if heard.is_all or "crew" in heard.moved:
            self._worker.attendance.look_soon()
        if heard.is_all or heard.moved - {"crew"}:
            await self.refresh()
        if heard.is_all:
            self._worker.look_soon()
        self._worker.wake(heard.due)

    async def _enrich(self) -> None:
        if self._enricher is None:
            return
        if self._worker.attendance.is_lead:
            await self._enricher.work()
        else:
            self._enricher.stand_by()

    async def _extend(self) -> None:
        patience = Patience("leases")
        while True:
            await self._clock.sleep_until(self._clock.now() + LEASE_SECONDS * SECOND // 3)
            leases = self._worker.held_leases()
            if leases:
                until = self._clock.now() + LEASE_SECONDS * SECOND
                await patience.do(lambda: self._store.extend(leases, until))  # noqa: B023  # awaited at once

    async def _retain(self) -> None:
        await self._worker.attendance.looked()
        if not self._worker.attendance.is_lead:
            return
        await retain(
            self._store,
            self._clock.now(),
            body_days=self._body_retention_days,
            row_days=self._row_retention_days,
        )


async def _every(seconds: float, name: str, work: Callable[[], Awaitable[None]]) -> None:
    patience = Patience(name)
    while True:
        await patience.do(work)
        await asyncio.sleep(seconds)
