"""The composition root: the only file that names a concrete store, sender or clock."""

import asyncio
import fcntl
import gc
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
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
from postroom.errors import ConflictError, InvalidInputError, NotFoundError, PostroomError
from postroom.esign.account import Accounts
from postroom.operations import tokens
from postroom.operations.connect import integrations, offline
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.connect.living import ConnectServer
from postroom.pipeline import Road
from postroom.settings import ROLES, Settings
from postroom.storage import copying, sqlite
from postroom.storage.migrations import Step, Told
from postroom.storage.port import Store
from postroom.vault import Vault
from postroom.web import certificate
from postroom.web.api import Services, create_api
from postroom.web.asgi import Application, Site
from postroom.web.certificate import CertificateFiles
from postroom.web.connect_api import ConnectServices, create_connect_api
from postroom.web.front_door import FrontDoor
from postroom.web.server import Leaving, Server
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
        yield Desk(store=store, vault=_vault(settings), clock=clock, esign=esign)
    finally:
        await esign.close()
        await store.close()


def key_file(settings: Settings) -> Path | None:
    """Return the file whose key seals a database file's secrets, unless another is given."""
    file = vault.file_beside(settings.sqlite_path)
    return file if settings.is_embedded and not settings.secret_key and file.exists() else None


def _vault(settings: Settings) -> Vault:
    given = settings.secret_key.get_secret_value() if settings.secret_key else None
    return vault.load(given, beside=settings.sqlite_path)


async def _open_store(settings: Settings) -> Store:
    """Open the store that the settings name."""
    if settings.is_embedded:
        return await sqlite.open_store(settings.sqlite_path, may_migrate=settings.migrate)
    with _driver():
        from postroom.storage import postgres  # noqa: PLC0415  # its driver is an extra
    return await postgres.open_store(settings.database, may_migrate=settings.migrate)


async def revision(settings: Settings) -> str | None:
    """Return the revision of the database's tables, None where there are none yet."""
    if settings.is_embedded:
        return await asyncio.to_thread(sqlite.connection.revision, settings.sqlite_path)
    with _driver():
        from postroom.storage.postgres import connection  # noqa: PLC0415  # as above
    return await connection.revision(settings.database)


async def migrate(settings: Settings, *, told: Told) -> Sequence[Step]:
    """Bring the database's tables up to date; return the steps, none if another did it first."""
    if settings.is_embedded:
        return await asyncio.to_thread(sqlite.connection.prepare, settings.sqlite_path, told=told)
    with _driver():
        from postroom.storage.postgres import connection  # noqa: PLC0415  # as above
    return await connection.prepare(settings.database, told=told)


async def copy(source: Settings, target: Settings, *, told: copying.Told) -> copying.Copied:
    """Move an installation to another database, or go on with that; see `storage.copying`.

    Raises `NotFoundError` where there is no source, `ConflictError` for a database that is served,
    has moved, or is not empty; `InvalidInputError` where the key of the target does not open the
    secrets of the source.
    """
    now = SystemClock().now()
    _is_there(source)
    async with _end(target) as there, _end(source) as here:
        is_new = await copying.begin(here, there)
        if is_new:
            await _ready_to_leave(source, target)
        return await copying.copy(here, there, is_begun=not is_new, now=now, told=told)


async def undo_copy(source: Settings) -> copying.Relocation | None:
    """Let a database be served again that a copy has moved; return the copy, if there was any.

    Raises as `copy` does for its source.
    """
    _is_there(source)
    async with _end(source) as here:
        return await copying.undo(here)


async def backup(
    settings: Settings, file: Path, *, may_replace: bool, told: Callable[[int, int], None]
) -> sqlite.backup.Taken:
    """Copy the database file, checked, while it is served; see `storage.sqlite.backup`.

    `told` hears how many pages of how many are copied. Raises as `sqlite.backup.take`, and
    `InvalidInputError` for a database that is not in a file.
    """
    if not settings.is_embedded:
        raise InvalidInputError(
            "backup copies a database file; PostgreSQL has its own tools: pg_dump for one moment,"
            " pg_basebackup with archived logs for every moment"
        )
    return await asyncio.to_thread(
        sqlite.backup.take, settings.sqlite_path, file, may_replace=may_replace, told=told
    )


def _is_there(source: Settings) -> None:
    if source.is_embedded and not source.sqlite_path.exists():
        raise NotFoundError(f"there is no database {source.sqlite_path}; give another --from")


async def _ready_to_leave(source: Settings, target: Settings) -> None:
    """Free the leases of nodes that are gone, and see that the key opens the secrets."""
    store = await _open_store(source)
    try:
        await store.free_leases(SystemClock().now())
        sealed = await store.secrets()
    finally:
        await store.close()
    if sealed:
        opener = _vault(target)
        for secret in sealed:
            opener.open(secret.sealed)


@asynccontextmanager
async def _end(settings: Settings) -> AsyncIterator[copying.End]:
    """Open a database as one end of a copy, its tables up to date, kept from servers."""
    if settings.is_embedded:
        with only_one(settings.sqlite_path):
            await migrate(settings, told=lambda _: None)
            end = await sqlite.copying.open_end(settings.sqlite_path)
            try:
                yield end
            finally:
                await end.close()
        return
    with _driver():
        from postroom.storage.postgres import copying as postgres  # noqa: PLC0415  # as above
    await migrate(settings, told=lambda _: None)
    end = await postgres.open_end(settings.database)
    try:
        await end.hold()
        yield end
    finally:
        await end.close()


@contextmanager
def _driver() -> Iterator[None]:
    """Say what to install where PostgreSQL's driver is not there."""
    try:
        yield
    except ModuleNotFoundError:
        raise InvalidInputError(
            "database: PostgreSQL needs its driver; install postroom[server,postgresql]"
        ) from None


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
            limits=_connect_limits(settings),
            envelope_limits=_envelope_limits(settings),
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


async def serve(
    settings: Settings, *, part: Part | None = None, tell: Callable[[str], None] = print
) -> None:
    """Serve until SIGTERM or SIGINT, then leave in time: see `Leaving`."""
    observe.configure(level=settings.log_level, form=settings.log_format)
    leaving = Leaving(settings.drain_seconds)
    async with node(settings, part=part, leaving=leaving, tell=tell) as running:
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
            backlog=2048,
        )
        server = Server(config)
        listening = server.listen()
        leaving.begin_on_signals()
        _calm_the_collector()
        host, port = listening.getsockname()[:2]
        scheme = "https" if papers else "http"
        tell(f"Postroom listens on {scheme}://{host}:{port} ({_what_is_there(settings)})")
        if papers and settings.tls == "self-signed":
            tell(f"  trust this certificate in clients: {papers.certificate}")
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await _until_told(leaving, serving)
        await asyncio.gather(
            running.drain(),
            server.leave(leaving, notice_seconds=settings.drain_notice_seconds),
            serving,
        )


async def _until_told(leaving: Leaving, serving: asyncio.Task[None]) -> None:
    """Wait until the server is to leave, or has ended by itself."""
    told = asyncio.create_task(leaving.begun.wait())
    await asyncio.wait({told, serving}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()


@asynccontextmanager
async def _in_time(leaving: Leaving, work: str) -> AsyncIterator[None]:
    """Cut short what takes longer than there is time to leave."""
    try:
        async with asyncio.timeout(leaving.left):
            yield
    except TimeoutError:
        observe.log.warning("no time left to end it", work=work)


def _what_is_there(settings: Settings) -> str:
    """Return in a few words what callers find here."""
    if set(settings.roles) == set(ROLES):
        return "front door: /connect"
    return f"this node: {', '.join(role for role in ROLES if role in settings.roles)}"


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
