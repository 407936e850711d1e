"""The verbs on a real store, without a node: the document is applied, the road is played here."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.acceptance.cast import A1, A2, account, envelope

from postroom.clock import SECOND
from postroom.envelopes.sim_message import message
from postroom.intake.normalise import normalise
from postroom.model import Done, GiveUp, Lease, Notification, Outcome, Verdict
from postroom.operations import names
from postroom.operations.apply import Applied, apply
from postroom.routing.match import Router
from postroom.storage.port import Recording, Settlement, Store
from postroom.storage.sqlite import open_store
from postroom.vault import Vault

T0 = 1_772_442_000 * SECOND
"""2026-03-02T09:00:00Z."""
MINUTE = 60 * SECOND
GIVEN_UP = GiveUp(reason="the retry profile has ended")
ALL_INCLUDES = ("custom_fields", "recipients")


def listener(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "account": A1, "url": f"https://{name}.example.com/"} | more


class RegistryOffice:
    """A store with people at work on it, and a road that never fails."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self.store = store
        self.vault = vault
        self.now = T0
        self._tokens = count(1)

    async def apply(self, *listeners: dict[str, Any], **more: Any) -> Applied:
        """Apply the accounts A1 and A2 with listeners; `more` are parts, or options of `apply`."""
        options = {name: more.pop(name) for name in ("dry_run", "prune") if name in more}
        document = {"accounts": [account(A1, "Acme Corp"), account(A2, "Acme UK")]}
        return await apply(
            self.store,
            self.vault,
            document | {"listeners": list(listeners)} | more,
            allow_private_addresses=False,
            now=self.now,
            actor="grace",
            **options,
        )

    async def feed(
        self,
        number: int,
        event: str = "envelope-completed",
        *,
        include: tuple[str, ...] = ALL_INCLUDES,
        **fields: Any,
    ) -> str:
        """Take in one event of envelope E-number a minute later; return the notification's id."""
        self.now += MINUTE
        body = message(envelope(number, **fields), event, at=self.now, include=include)
        return await self.take(body)

    async def take(self, body: bytes) -> str:
        """Record one message of A1 as the road does."""
        registry = await self.store.registry()
        one: Notification = normalise(
            body, account_id=A1, content_type="application/json", received_at=self.now
        )
        routing = Router(registry).match(one)
        await self.store.record(
            Recording(
                notification=one,
                matches=routing.matches,
                is_unclaimed=routing.is_unclaimed,
                registry_revision=registry.revision,
                token=next(self._tokens),
                leased_until=self.now + MINUTE,
            )
        )
        return one.id

    async def deliver(
        self, name: str, verdict: Verdict | None = None, *, status: int = 200
    ) -> list[Lease]:
        """Settle all that a listener is owed, in order; return what it got."""
        found = names.listener(await self.store.registry(), name, A1)
        got: list[Lease] = []
        while leases := await self._lease(found.id):
            for lease in leases:
                await self._settle(lease, verdict or Done(), status)
            got += leases
        return got

    async def _lease(self, listener_id: int) -> Sequence[Lease]:
        return await self.store.lease(
            listener_id,
            limit=1000,
            now=self.now + 3600 * SECOND,
            leased_until=self.now + 7200 * SECOND,
            token=next(self._tokens),
        )

    async def _settle(self, lease: Lease, verdict: Verdict, status: int) -> None:
        outcome = Outcome(
            status=status, response_body=b"busy", started_at=self.now, duration_us=1500
        )
        await self.store.settle(
            Settlement(lease=lease, outcome=outcome, verdict=verdict, settled_at=self.now)
        )


@asynccontextmanager
async def registry_office(folder: Path) -> AsyncIterator[RegistryOffice]:
    """Open a fresh store while the block runs."""
    store = await open_store(folder / "postroom.db")
    try:
        yield RegistryOffice(store, Vault([Vault.generate_key()]))
    finally:
        await store.close()
