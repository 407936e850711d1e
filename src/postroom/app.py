"""The composition root: the only file that names a concrete store, sender or clock."""

import asyncio
import fcntl
import gc
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import uvicorn

from postroom import observe, vault
from postroom.clock import SECOND, Clock, SystemClock, VirtualClock
from postroom.delivery.curl import CurlSender
from postroom.delivery.send import Sender
from postroom.envelopes.limits import Limits
from postroom.errors import ConflictError, InvalidInputError, PostroomError
from postroom.esign.account import Accounts
from postroom.operations import tokens
from postroom.operations.connect import integrations, offline
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.connect.living import ConnectServer
from postroom.pipeline import Road
from postroom.settings import Settings
from postroom.storage.port import Store
from postroom.storage.sqlite import open_store
from postroom.vault import Vault
from postroom.web import certificate
from postroom.web.api import Services, create_api
from postroom.web.asgi import Application, Site
from postroom.web.certificate import CertificateFiles
from postroom.web.connect_api import ConnectServices, create_connect_api
from postroom.web.front_door import FrontDoor
from postroom.workers.calendar import Calendar
from postroom.workers.enricher import Enricher
from postroom.workers.patience import Patience
from postroom.workers.upkeep import RejectionLog, RosterKeeper, Upkeep
from postroom.workers.worker import Worker


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


class Desk:
    """What a command needs to work on the database without serving."""

    def __init__(self, *, store: Store, vault: Vault, clock: Clock, esign: Accounts) -> None:
        self.store = store
        self.vault = vault
        self.clock = clock
        self.esign = esign


@asynccontextmanager
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """Open the store and the vault of the settings, and close them after."""
    clock = _clock(settings)
    store = await _open_store(settings)
    esign = Accounts(
        clock=clock,
        machine_clock=SystemClock(),
        allow_private_addresses=settings.allow_private_addresses or settings.offline,
        ca_file=str(settings.ca_file) if settings.ca_file else None,
    )
    try:
        given = settings.secret_key.get_secret_value() if settings.secret_key else None
        yield Desk(
            store=store,
            vault=vault.load(given, beside=settings.sqlite_path),
            clock=clock,
            esign=esign,
        )
    finally:
        await esign.close()
        await store.close()


async def _open_store(settings: Settings) -> Store:
    """Open the store that the settings name."""
    if settings.is_embedded:
        return await open_store(settings.sqlite_path)
    try:
        from postroom.storage import postgres  # noqa: PLC0415  # its driver is an extra
    except ModuleNotFoundError:
        raise InvalidInputError(
            "database: PostgreSQL needs its driver; install postroom[server,postgresql]"
        ) from None
    return await postgres.open_store(settings.database)


class Node:
    """One running node: its ASGI application and its work."""

    def __init__(self, settings: Settings, desk: Desk, part: Part | None) -> None:
        self.clock = desk.clock
        self.store = part.store(desk.store) if part else desk.store
        sender: Sender = CurlSender(
            allow_private_addresses=settings.allow_private_addresses or settings.offline,
            max_connections=settings.max_connections,
            ca_file=str(settings.ca_file) if settings.ca_file else None,
            clock=desk.clock,
        )
        self.sender = part.sender(sender) if part else sender
        self.keeper = RosterKeeper(store=self.store, vault=desk.vault, clock=self.clock)
        self.rejections = RejectionLog(self.store)

        road = Road(
            store=self.store,
            sender=self.sender,
            clock=self.clock,
            roster=lambda: self.keeper.current,
        )
        self.worker = Worker(
            road=road, store=self.store, clock=self.clock, roster=lambda: self.keeper.current
        )
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
            enricher=self.enricher,
            body_retention_days=settings.body_retention_days,
            row_retention_days=settings.row_retention_days,
        )
        self.connect = ConnectServer(
            store=self.store,
            vault=desk.vault,
            clock=self.clock,
            registry=lambda: self.keeper.current.registry,
            refresh=self.upkeep.refresh,
            enact=partial(road.enact, dispatch=self.worker),
            limits=_connect_limits(settings),
            envelope_limits=_envelope_limits(settings),
            new_guid=lambda: str(uuid.uuid4()),
            allow_http_loopback=settings.allow_http_loopback or settings.offline,
            allow_private_addresses=settings.allow_private_addresses or settings.offline,
            fills_in=settings.offline,
        )
        self.calendar = Calendar(self.connect)
        site: Application = Site(
            front_door=FrontDoor(
                road=road,
                dispatch=self.worker,
                notes=self.rejections,
                now=self.clock.now,
                max_body_bytes=settings.max_body_bytes,
                max_bytes_in_flight=settings.max_bytes_in_flight,
            ),
            api=create_api(
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
            ),
            connect_api=create_connect_api(
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
            ),
            is_ready=self._is_ready,
            refresh=self.upkeep.refresh,
        )
        self.site = part.site(site) if part else site

    async def _is_ready(self) -> bool:
        try:
            await self.store.revision()
        except PostroomError:
            return False
        return True


@asynccontextmanager
async def node(
    settings: Settings, *, part: Part | None = None, tell: Callable[[str], None] = print
) -> AsyncIterator[Node]:
    """Run a node: its leases freed, its roster read, its work begun; drained at the end."""
    with only_one(settings.sqlite_path) if settings.is_embedded else nullcontext():
        async with desk(settings) as opened:
            goes_on = settings.offline and settings.virtual_clock is None
            if goes_on and isinstance(opened.clock, VirtualClock):
                opened.clock.advance_to(await offline.time_left(opened.store))
            running = Node(settings, opened, part)
            given = settings.admin_token.get_secret_value() if settings.admin_token else None
            made = await tokens.ensure_admin(opened.store, given, now=opened.clock.now())
            if made is not None:
                tell(f"The administrator's API token, shown only now: {made}")
            elif given is None:
                tell(
                    "The administrator's API token is the one shown when this database was made;"
                    " POSTROOM_ADMIN_TOKEN sets another."
                )
            await opened.store.free_leases(opened.clock.now())
            if settings.offline:
                await _make_ready(opened, settings, tell)
            await running.keeper.refresh()
            work = [
                asyncio.create_task(running.worker.run()),
                asyncio.create_task(running.upkeep.run()),
                asyncio.create_task(running.calendar.run()),
            ]
            try:
                yield running
            finally:
                await running.worker.drain(settings.drain_seconds)
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)
                await Patience("rejections").do(running.rejections.write)
                # A call that was cut short may have got leases that nobody heard of.
                await Patience("leases").do(lambda: opened.store.free_leases(opened.clock.now()))
                await running.sender.close()
                if goes_on:
                    await offline.keep_time(opened.store, opened.clock.now())


async def serve(
    settings: Settings, *, part: Part | None = None, tell: Callable[[str], None] = print
) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    observe.configure(level=settings.log_level, form=settings.log_format)
    async with node(settings, part=part, tell=tell) as running:
        papers = _certificate(settings)
        config = uvicorn.Config(
            running.site,
            ssl_certfile=papers.certificate if papers else None,
            ssl_keyfile=papers.key if papers else None,
            host=settings.host,
            port=settings.port,
            http="httptools",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=round(settings.drain_seconds),
            backlog=2048,
        )
        listening = config.bind_socket()
        listening.listen(config.backlog)  # from here on callers queue: what we tell is true
        host, port = listening.getsockname()[:2]
        server = _Server(config)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.leave)
        _calm_the_collector()
        scheme = "https" if papers else "http"
        tell(f"Postroom listens on {scheme}://{host}:{port} (front door: /connect)")
        if papers and settings.tls == "self-signed":
            tell(f"  trust this certificate in clients: {papers.certificate}")
        await server.serve(sockets=[listening])


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


def _certificate(settings: Settings) -> CertificateFiles | None:
    """Return the files to serve https with, or None for http."""
    if settings.tls_certificate is not None and settings.tls_key is not None:
        return certificate.given(settings.tls_certificate, settings.tls_key)
    if settings.tls == "off":
        return None
    named = urlsplit(settings.public_url).hostname if settings.public_url else None
    # The machine's own clock: clients date the certificate by theirs.
    now = SystemClock().now()
    return certificate.self_signed(
        beside=settings.sqlite_path, names=[named] if named else (), now=now
    )


def _connect_limits(settings: Settings) -> ConnectLimits:
    """Return the limits of configurations that the settings say."""
    said = _named(settings, "connect_")
    ports = tuple(int(port) for port in said.pop("https_ports").split(","))
    return ConnectLimits(**said, https_ports=ports)


def _envelope_limits(settings: Settings) -> Limits:
    """Return the limits of envelopes that the settings say."""
    return Limits(**_named(settings, "envelope_max_"), purge_days=settings.purge_days)


def _named(settings: Settings, prefix: str) -> dict[str, Any]:
    """Return the settings that begin so, without the prefix."""
    names = (name for name in type(settings).model_fields if name.startswith(prefix))
    return {name.removeprefix(prefix): getattr(settings, name) for name in names}


def _calm_the_collector() -> None:
    """Collect cycles less often: the road makes hardly any, and looking for them costs 5 %."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


class _Server(uvicorn.Server):
    """uvicorn, leaving the signals to us: it would raise them again before we have drained."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with nullcontext():
            yield

    def leave(self) -> None:
        """Stop taking requests and let `serve` return."""
        self.should_exit = True


@contextmanager
def only_one(database: Path) -> Iterator[None]:
    """Hold the file lock that keeps a second server off an embedded database."""
    lock = os.open(f"{database}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                f"another Postroom serves {database}; stop it first, or give another --database"
            ) from None
        yield
    finally:
        os.close(lock)


def _clock(settings: Settings) -> Clock:
    if settings.virtual_clock is None:
        now = SystemClock().now()
        return VirtualClock(now, runs=True) if settings.offline else SystemClock()
    try:
        start = datetime.fromisoformat(settings.virtual_clock)
    except ValueError:
        raise InvalidInputError(
            f"virtual_clock: {settings.virtual_clock!r} is not an ISO 8601 moment"
        ) from None
    return VirtualClock(round(start.timestamp() * SECOND))
