"""A road in the test's own process: real store, real wire, a clock we move."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.acceptance.cast import A1, KA1, docusign_signature, envelope

from postroom.clock import SECOND, VirtualClock
from postroom.delivery.curl import CurlSender
from postroom.envelopes.sim_message import message
from postroom.model import Account, DeliveryState, Listener
from postroom.pipeline import Arrival, Road, Taken
from postroom.storage.port import (
    AuditEntry,
    DeliveryQuery,
    PutAccount,
    PutListener,
    Rejection,
    SealedSecret,
)
from postroom.storage.sqlite import open_store
from postroom.vault import Vault
from postroom.workers.upkeep import RosterKeeper
from postroom.workers.worker import Worker

START = 1_772_000_000 * SECOND
AUDIT = AuditEntry(at=START, actor="test", verb="test", details={})


class Gatehouse:
    """A road with a worker at its end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(START)
        self.vault = Vault([Vault.generate_key()])

    async def open(self, *accounts: str) -> None:
        self.store = await open_store(self.folder / "road.db")
        self.sender = CurlSender(allow_private_addresses=True, clock=self.clock)
        self.keeper = RosterKeeper(store=self.store, vault=self.vault, clock=self.clock)
        self.road = Road(
            store=self.store,
            sender=self.sender,
            clock=self.clock,
            roster=lambda: self.keeper.current,
        )
        self.worker = Worker(
            road=self.road,
            store=self.store,
            clock=self.clock,
            roster=lambda: self.keeper.current,
        )
        for account in accounts or (A1,):
            await self._register(account)
        await self.keeper.refresh()
        self.work = asyncio.create_task(self.worker.run())

    async def _register(self, account: str) -> None:
        await self.store.change([PutAccount(account=Account(id=account))], AUDIT)
        sealed = SealedSecret(
            id=f"key of {account}",
            account_id=account,
            listener=None,
            purpose="hmac",
            sealed=self.vault.seal(KA1),
            fingerprint=self.vault.fingerprint(KA1),
            created_at=START,
        )
        await self.store.put_secret(sealed, AUDIT)

    async def close(self) -> None:
        await self.worker.drain(1)
        self.work.cancel()
        await asyncio.gather(self.work, return_exceptions=True)
        await self.sender.close()
        await self.store.close()

    async def listen(self, name: str, port: int, account: str = A1, **more: object) -> None:
        url = f"http://127.0.0.1:{port}/{name}"
        listener = Listener(id=0, account_id=account, name=name, url=url, **more)  # type: ignore[arg-type]  # fields by name
        await self.store.change([PutListener(listener=listener)], AUDIT)
        await self.keeper.refresh()
        self.worker.roster_changed()

    async def take(self, number: int, event: str, *, at: int | None = None) -> Taken | Rejection:
        """Take in a message of our own about E-NNN."""
        return await self.take_raw(message(envelope(number), event, at=at or self.clock.now()))

    async def take_raw(self, body: bytes) -> Taken | Rejection:
        """Take in a body, signed."""
        return await self.road.accept(
            Arrival(
                body=body,
                content_type="application/json",
                path_account=None,
                header_account=None,
                algorithm="HMACSHA256",
                signatures=(docusign_signature(KA1, body),),
                remote="127.0.0.1",
            ),
            self.worker,
        )

    async def states(self) -> list[DeliveryState]:
        rows = await self.store.deliveries(DeliveryQuery(oldest_first=True, limit=1000))
        return [row.state for row in rows]

    async def until(self, holds: Callable[[list[DeliveryState]], bool]) -> None:
        async def reached() -> bool:
            return holds(await self.states())

        await eventually(reached)


async def eventually(holds: Callable[[], Awaitable[object]]) -> None:
    """Wait until something holds; what it waits for happens in real threads and sockets."""
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110  # the store has no event to wait for
            await asyncio.sleep(0.005)
