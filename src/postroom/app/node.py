"""One node: its parts put together, begun, drained and ended."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Protocol

from postroom import observe, vault
from postroom.app.database import Desk, desk, only_one
from postroom.app.limits import connect_limits, envelope_limits
from postroom.clock import SystemClock, VirtualClock
from postroom.delivery.curl import CurlSender
from postroom.delivery.send import Sender
from postroom.errors import PostroomError
from postroom.operations import tokens
from postroom.operations.connect import integrations, offline
from postroom.operations.connect.living import ConnectServer
from postroom.pipeline import Road
from postroom.settings import Settings
from postroom.storage.port import Store
from postroom.web.api import Services, create_api
from postroom.web.asgi import Application, Site
from postroom.web.connect_api import ConnectServices, create_connect_api
from postroom.web.front_door import FrontDoor
from postroom.web.server import Leaving
from postroom.workers.calendar import Calendar
from postroom.workers.enricher import Enricher
from postroom.workers.patience import Patience
from postroom.workers.upkeep import RejectionLog, RosterKeeper, Upkeep
from postroom.workers.worker import Worker

READY_SECONDS = 3.0
"""How long a probe waits for the database."""


class Part(Protocol):
    """Wraps a port: lets a test stand between the road and what it touches."""

    def store(self, store: Store) -> Store:
        """Return the store that the road shall use."""
        ...

    def sender(self, sender: Sender) -> Sender:
        """Return the sender that the road shall use."""
        ...

    def site(self, site: Application) -> Application:
        """Return the ASGI application that shall be served."""
        ...


class Node:
    """One running node: its ASGI application and its work, as far as it has the role for it."""

    def __init__(self, settings: Settings, desk: Desk, part: Part | None, leaving: Leaving) -> None:
        self.clock = desk.clock
        self.store = part.store(desk.store) if part else desk.store
        self.roles = frozenset(settings.roles)
        self.leaving = leaving
        sender: Sender = CurlSender(
            allow_private_addresses=settings.allow_private_addresses or settings.offline,
            max_connections=settings.max_connections,
            ca_file=str(settings.ca_file) if settings.ca_file else None,
            clock=desk.clock,
        )
        self.sender = part.sender(sender) if part else sender
        self.keeper = RosterKeeper(store=self.store, vault=desk.vault, clock=self.clock)
        self.rejections = RejectionLog(self.store)

        self.road = Road(
            store=self.store,
            sender=self.sender,
            clock=self.clock,
            roster=lambda: self.keeper.current,
        )
        self.worker = Worker(
            road=self.road, store=self.store, clock=self.clock, roster=lambda: self.keeper.current
        )
        if "worker" not in self.roles:
            self.worker.stand_down()
        self.enricher = Enricher(
            store=self.store,
            clock=self.clock,
            roster=lambda: self.keeper.current,
            accounts=desk.esign,
        )
        self.upkeep = Upkeep(
            store=self.store,
            clock=self.clock,
            keeper=self.keeper,
            worker=self.worker,
            rejections=self.rejections,
            enricher=self.enricher if "worker" in self.roles else None,
            body_retention_days=settings.body_retention_days,
            row_retention_days=settings.row_retention_days,
        )
        self.connect = ConnectServer(
            store=self.store,
            vault=desk.vault,
            clock=self.clock,
            registry=lambda: self.keeper.current.registry,
            refresh=self.upkeep.refresh,
            enact=partial(self.road.enact, dispatch=self.worker),
            limits=connect_limits(settings),
            envelope_limits=envelope_limits(settings),
            new_guid=lambda: str(uuid.uuid4()),
            allow_http_loopback=settings.allow_http_loopback or settings.offline,
            allow_private_addresses=settings.allow_private_addresses or settings.offline,
            fills_in=settings.offline,
        )
        self.calendar = Calendar(self.connect, is_lead=lambda: self.worker.attendance.is_lead)
        answers = "api" in self.roles
        site: Application = Site(
            front_door=self._front_door(settings) if "front-door" in self.roles else None,
            api=self._api(settings, desk) if answers else None,
            connect_api=self._connect_api(settings, desk) if answers else None,
            unready=self._unready,
            is_leaving=leaving.begun.is_set,
            refresh=self.upkeep.refresh,
        )
        self.site = part.site(site) if part else site
        self._work: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Begin the work that goes on beside requests."""
        self._work = [asyncio.create_task(self.upkeep.run())]
        if "worker" in self.roles:
            self._work += [
                asyncio.create_task(self.worker.run()),
                asyncio.create_task(self.calendar.run()),
            ]
        for task in self._work:
            task.add_done_callback(_say_why)

    async def drain(self) -> None:
        """Start nothing more, let what is in flight end in time, and give the rest back."""
        async with _in_time(self.leaving, "deliveries"):
            await self.worker.drain(self.leaving.left_for_work)

    async def end(self) -> None:
        """End the work, whatever of it hangs; what this node still has leased is given back."""
        self.leaving.begin()
        await self.drain()
        for task in self._work:
            task.cancel()
        async with _in_time(self.leaving, "upkeep"):
            await asyncio.gather(*self._work, return_exceptions=True)
            await Patience("rejections").do(self.rejections.write)
            # A call that was cut short may have got leases that nobody heard of.
            await Patience("leases").do(lambda: self.store.free_leases(self.clock.now()))
        await self.sender.close()

    async def _unready(self) -> str | None:
        """Say why requests should go to another node, if they should."""
        if self.leaving.begun.is_set():
            return "it is being stopped"
        if any(task.done() for task in self._work):
            return "a part of its work has ended; its log says why"
        if self.keeper.is_locked_out:
            return "its secret_key does not open the stored secrets"
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.store.revision()
        except (PostroomError, TimeoutError):
            return "the database cannot be used now"
        return None

    def _front_door(self, settings: Settings) -> FrontDoor:
        return FrontDoor(
            road=self.road,
            dispatch=self.worker,
            notes=self.rejections,
            now=self.clock.now,
            max_body_bytes=settings.max_body_bytes,
            max_bytes_in_flight=settings.max_bytes_in_flight,
        )

    def _api(self, settings: Settings, desk: Desk) -> Application:
        return create_api(
            Services(
                store=self.store,
                vault=desk.vault,
                clock=self.clock,
                allow_private_addresses=settings.allow_private_addresses or settings.offline,
                in_hand=lambda: self.worker.in_hand,
                esign=desk.esign,
                retention_days=settings.row_retention_days,
                connect=self.connect,
            )
        )

    def _connect_api(self, settings: Settings, desk: Desk) -> Application:
        return create_connect_api(
            ConnectServices(
                store=self.store,
                vault=desk.vault,
                clock=self.clock,
                machine_clock=SystemClock(),
                registry=lambda: self.keeper.current.registry,
                refresh=self.upkeep.refresh,
                envelopes=self.connect,
                is_offline=settings.offline,
                max_body_bytes=settings.max_request_bytes,
                public_url=settings.public_url,
            )
        )


def _say_why(task: asyncio.Task[None]) -> None:
    """Log what ended work that should go on; `/readyz` says that there is something to see."""
    if not task.cancelled() and (problem := task.exception()) is not None:
        observe.log.error("a part of the work has ended", exc_info=problem)


@asynccontextmanager
async def node(
    settings: Settings,
    *,
    part: Part | None = None,
    leaving: Leaving | None = None,
    tell: Callable[[str], None] = print,
) -> AsyncIterator[Node]:
    """Run a node: its leases freed, its roster read, its work begun; drained at the end."""
    with only_one(settings.sqlite_path) if settings.is_embedded else nullcontext():
        async with desk(settings) as opened:
            goes_on = settings.offline and settings.virtual_clock is None
            if goes_on and isinstance(opened.clock, VirtualClock):
                opened.clock.advance_to(await offline.time_left(opened.store))
            running = Node(settings, opened, part, leaving or Leaving(settings.drain_seconds))
            if "api" in running.roles:
                await _ensure_admin(opened, settings, tell)
            await opened.store.free_leases(opened.clock.now())
            if settings.offline:
                await _make_ready(opened, settings, tell)
            await running.keeper.refresh()
            running.begin()
            try:
                yield running
            finally:
                await running.end()
                if goes_on:
                    await offline.keep_time(opened.store, opened.clock.now())


@asynccontextmanager
async def _in_time(leaving: Leaving, work: str) -> AsyncIterator[None]:
    """Cut short what takes longer than there is time to leave."""
    try:
        async with asyncio.timeout(leaving.left):
            yield
    except TimeoutError:
        observe.log.warning("no time left to end it", work=work)


async def _ensure_admin(opened: Desk, settings: Settings, tell: Callable[[str], None]) -> None:
    given = settings.admin_token.get_secret_value() if settings.admin_token else None
    made = await tokens.ensure_admin(opened.store, given, now=opened.clock.now())
    if made is not None:
        tell(f"The administrator's API token, shown only now: {made}")
    elif given is None:
        tell(
            "The administrator's API token is the one shown when this database was made;"
            " POSTROOM_ADMIN_TOKEN sets another."
        )


async def _make_ready(opened: Desk, settings: Settings, tell: Callable[[str], None]) -> None:
    """Have an account, people and an integration, so that an SDK's first call works."""
    now = opened.clock.now()
    ready = await offline.ensure_account(opened.store, now=now)
    offer = await integrations.ensure_offline_integration(
        opened.store, opened.vault, now=now, folder=settings.sqlite_path.parent
    )
    tell("Offline mode: nothing here is Docusign's, and http listeners on loopback are allowed.")
    tell(f"  account        {ready.account_id}")
    for user in (ready.administrator, *ready.senders):
        role = "administrator" if user.is_admin else "sender"
        tell(f"  {role:<14} {user.id}  {user.email}")
    secret_file = offer.private_key_file.with_suffix(".secret")
    vault.write_once(secret_file, offer.client_secret.encode)
    tell(f"  integration    {offer.client_id}  private key in {offer.private_key_file}")
    tell(f"                 its secret is in {secret_file}")
