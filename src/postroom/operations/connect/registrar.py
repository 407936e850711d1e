"""Changes of accounts, one after the other: what is read is still so when it is written."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from postroom.clock import Clock
from postroom.errors import ConflictError
from postroom.model import Account, Json, Listener, Noun, Registry
from postroom.storage.port import AuditEntry, Change, PutAccount, PutListener, Store

Told = TypeVar("Told")
MOST_TRIES = 5


class Changed(Noun, frozen=True, kw_only=True):
    """What shall be written."""

    accounts: tuple[Account, ...] = ()
    listeners: tuple[Listener, ...] = ()
    details: Json = None
    """For the audit log: ids and names, never a secret."""


class Registrar:
    """Reads the accounts, lets a verb decide, and writes what it decided."""

    def __init__(
        self, *, store: Store, clock: Clock, refresh: Callable[[], Awaitable[None]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._refresh = refresh
        self._turn = asyncio.Lock()

    async def change(
        self,
        decide: Callable[[Registry, int], tuple[Changed, Told]],
        *,
        actor: str,
        verb: str,
    ) -> Told:
        """Let `decide(registry, now)` say what becomes of accounts and listeners, and what is told.

        Nothing is written, nor audited, where nothing changed. Where another node writes in
        between it is decided anew; raises `ConflictError` where others always were faster.
        """
        async with self._turn:
            for _ in range(MOST_TRIES - 1):
                with contextlib.suppress(ConflictError):
                    return await self._change(decide, actor, verb)
            return await self._change(decide, actor, verb)

    async def _change(
        self, decide: Callable[[Registry, int], tuple[Changed, Told]], actor: str, verb: str
    ) -> Told:
        now = self._clock.now()
        registry = await self._store.registry()
        changed, told = decide(registry, now)
        changes: list[Change] = [
            *(PutAccount(account=one) for one in changed.accounts),
            *(PutListener(listener=one) for one in changed.listeners),
        ]
        if changes:
            entry = AuditEntry(at=now, actor=actor, verb=verb, details=changed.details)
            await self._store.change(changes, entry, expected_revision=registry.revision)
            await self._refresh()
        return told
