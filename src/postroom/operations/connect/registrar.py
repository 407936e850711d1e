"""Changes of accounts, one after the other: what is read is still so when it is written."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from postroom.clock import Clock
from postroom.model import Account, Json, Listener, Noun, Registry
from postroom.storage.port import AuditEntry, Change, PutAccount, PutListener, Store

Told = TypeVar("Told")


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

        Nothing is written, nor audited, where nothing changed.
        """
        async with self._turn:
            now = self._clock.now()
            changed, told = decide(await self._store.registry(), now)
            changes: list[Change] = [
                *(PutAccount(account=one) for one in changed.accounts),
                *(PutListener(listener=one) for one in changed.listeners),
            ]
            if changes:
                entry = AuditEntry(at=now, actor=actor, verb=verb, details=changed.details)
                await self._store.change(changes, entry)
                await self._refresh()
        return told
