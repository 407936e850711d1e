"""A gatehouse in which envelopes live: stories are played, and a real listener hears of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from tests.acceptance.cast import A1, ALICE, BOB, U123
from tests.acceptance.recorder import Recorder
from tests.flow.gatehouse import AUDIT, Gatehouse, eventually

from postroom.esign.account import Accounts
from postroom.model import Account, AccountField, User
from postroom.operations.connect import trigger
from postroom.operations.connect.living import ConnectServer
from postroom.operations.connect.trigger import Told, TriggerReport, TriggerRequest
from postroom.storage.port import PutAccount
from postroom.web.api import Services, create_api

USERS = tuple(User(id=one.user_id, email=one.email) for one in (ALICE, BOB, U123))


class Playhouse(Gatehouse):
    """The gatehouse with a Connect server, and our API on top."""

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        super().__init__(folder)
        self.recorder = recorder
        self._guids = count(1)

    async def open(self, *accounts: str) -> None:
        await super().open(*accounts)
        await self.account()
        self.connect = ConnectServer(
            store=self.store,
            vault=self.vault,
            clock=self.clock,
            registry=lambda: self.keeper.current.registry,
            refresh=self._refresh,
            enact=partial(self.road.enact, dispatch=self.worker),
            new_guid=lambda: f"c0000000-0000-4000-8000-{next(self._guids):012d}",
            allow_http_loopback=True,
            allow_private_addresses=True,
        )
        services = Services(
            store=self.store,
            vault=self.vault,
            clock=self.clock,
            allow_private_addresses=True,
            in_hand=lambda: self.worker.in_hand,
            esign=Accounts(
                clock=self.clock, machine_clock=self.clock, allow_private_addresses=True
            ),
            connect=self.connect,
        )
        transport = httpx.ASGITransport(app=create_api(services, trusted="grace"))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://postroom/api/v1")

    async def account(self, *fields: AccountField) -> None:
        """Make A1 an account with users and, maybe, custom fields."""
        made = Account(id=A1, name="Acme Corp", users=USERS, fields=fields)
        await self.store.change([PutAccount(account=made)], AUDIT)
        await self._refresh()

    async def _refresh(self) -> None:
        await self.keeper.refresh()
        self.worker.roster_changed()

    async def close(self) -> None:
        await self.http.aclose()
        await super().close()

    async def ask(self, method: str, path: str, *, expect: int = 200, **more: Any) -> Any:
        answer = await self.http.request(method, path, **more)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def trigger(self, *, expect: int = 200, **order: Any) -> Any:
        return await self.ask("POST", "/trigger", json=order, expect=expect)

    async def play(self, request: TriggerRequest, *, told: Told | None = None) -> TriggerReport:
        return await trigger.trigger(self.connect, request, is_busy=self._is_owing, told=told)

    async def _is_owing(self) -> bool:
        backlog = (await self.store.counts()).backlog
        return any(one.due or one.waiting for one in backlog)

    async def heard(self, name: str = "all") -> list[str]:
        """Wait until nothing is owed; return the events that a listener got, in order."""

        async def is_quiet() -> bool:
            return not await self._is_owing()

        await eventually(is_quiet)
        return [one.message["event"] for one in self.recorder.deliveries(name)]


@asynccontextmanager
async def playhouse(folder: Path, recorder: Recorder) -> AsyncIterator[Playhouse]:
    """Open a playhouse with one listener, `all`, that wants everything."""
    house = Playhouse(folder, recorder)
    await house.open()
    await house.listen("all", int(recorder.url("").split(":")[2].strip("/")))
    try:
        yield house
    finally:
        await house.close()
