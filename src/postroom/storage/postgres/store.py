"""The store on PostgreSQL: which verb goes to which lane, which question to the readers."""

from collections.abc import Sequence
from functools import partial

from postroom.model import Lease, ListenerState, Notification, Registry, Replay
from postroom.storage.port import (
    Accompanying,
    AuditEntry,
    Change,
    Compared,
    ComparisonQuery,
    Counts,
    Crew,
    Decision,
    DeliveryQuery,
    EnvelopeQuery,
    Heard,
    KeptEnvelope,
    KeptObject,
    Life,
    ListenerRevision,
    Lived,
    NotificationQuery,
    Ordered,
    Recorded,
    Recording,
    Rejection,
    Repeat,
    SealedSecret,
    Settled,
    Settlement,
    StoredAttempt,
    StoredDelivery,
    StoredNotification,
)
from postroom.storage.postgres import (
    connection,
    copying,
    deciding,
    envelopes,
    lease,
    locks,
    partitions,
    questions,
    records,
    registry,
    retention,
    tables,
)
from postroom.storage.postgres.doubt import Doubt
from postroom.storage.postgres.live import live_all
from postroom.storage.postgres.nodes import Presence
from postroom.storage.postgres.reader import Reader
from postroom.storage.postgres.record import record_all
from postroom.storage.postgres.settle import settle_all
from postroom.storage.postgres.wakes import Ear
from postroom.storage.postgres.writer import Lane


async def open_store(dsn: str, *, may_migrate: bool = True) -> "PostgresStore":
    """Open the store in a database, whose tables are made or brought up to date as needed.

    `dsn` is a PostgreSQL URI; several hosts and `target_session_attrs=read-write` let the store
    follow a failover. Raises `InvalidInputError` for a DSN that cannot be read and a database
    that is not ours or whose tables are of a later generation, `ConflictError` for older tables if
    not `may_migrate`, `UnavailableError` where it cannot be opened. `ConflictError` too for one
    that a copy has moved away or not yet filled.
    """
    await tables.prepare(dsn, may_migrate=may_migrate)
    await copying.refuse_what_has_moved(dsn)
    return PostgresStore(dsn, await connection.new_node(dsn))


class PostgresStore:
    """The port's promises, kept by PostgreSQL; see `storage.port.Store` for each.

    One node of any number. Seven connections at most: three lanes that write, three that read,
    and one by which it listens and gives signs of life.
    """

    def __init__(self, dsn: str, node: int) -> None:
        road = partial(self._connect, dsn, node, connection.ROAD_SECONDS)
        patient = partial(self._connect, dsn, node, connection.PATIENT_SECONDS)
        self._arrivals = Lane(road, node, opening=locks.ENTERING, doubt=Doubt())
        self._attempts = Lane(road, node, doubt=Doubt())
        self._people = Lane(patient, node)
        self._reader = Reader(partial(connection.connect_reader, dsn))
        self._ear = Ear(partial(self._connect, dsn, node, connection.PRESENCE_SECONDS), node)
        self._presence = Presence(self._ear, node)

    @staticmethod
    async def _connect(dsn: str, node: int, seconds: float) -> connection.Sql:
        opened = await connection.connect_writer(dsn, seconds=seconds)
        await opened.fetch(locks.BE_THERE, locks.NODES, node)
        return opened

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        self._ear.close()
        await self._reader.close()
        for lane in (self._arrivals, self._attempts, self._people):
            await lane.close()

    # the road

    async def record(self, recording: Recording) -> Recorded:
        """Keep a notification and every delivery it owes, or neither."""
        return await self._arrivals.call(record_all, recording)

    async def live(self, life: Life) -> Lived:
        """Keep a change of an envelope with all that it tells and owes, or nothing."""
        return await self._arrivals.call(live_all, life)

    async def sticky_fields(self, account_id: str, envelope_id: str) -> bytes | None:
        """Return the `customFields` JSON remembered as the envelope's first, if any."""
        return await self._reader.glance(
            partial(questions.sticky_fields, account_id=account_id, envelope_id=envelope_id)
        )

    async def occurrences(
        self, account_id: str, envelope_id: str, event: str, recipient_id: str | None
    ) -> Sequence[Notification]:
        """Return the kept notifications of one event of one envelope, newest first."""
        return await self._reader.glance(
            partial(
                questions.occurrences,
                account_id=account_id,
                envelope_id=envelope_id,
                event=event,
                recipient_id=recipient_id,
            )
        )

    async def lease(
        self, listener_id: int, *, limit: int, now: int, leased_until: int, token: int
    ) -> Sequence[Lease]:
        """Lease what is due, the longest due first."""
        asked = lease.Asked(listener_id, limit, now, leased_until, token)
        return await self._attempts.call(lease.lease_all, asked, may_wait=True)

    async def extend(self, leases: Sequence[Lease], leased_until: int) -> None:
        """Let the leases that are still ours last until `leased_until`."""
        await self._attempts.call(lease.extend_all, (leases, leased_until), may_wait=True)

    async def release(self, leases: Sequence[Lease], now: int) -> None:
        """Give leases back untried."""
        await self._attempts.do(lambda tx: lease.release(tx, leases, now))

    async def free_leases(self, now: int) -> int:
        """Make due now what this node has leased, and nodes that are no longer there."""
        return await self._attempts.do(lambda tx: lease.free_all(tx, now))

    async def settle(self, settlement: Settlement) -> Settled:
        """Write an attempt and its consequence, if the lease still holds."""
        return await self._attempts.call(settle_all, settlement, may_wait=True)

    async def next_due(self, listener_ids: Sequence[int]) -> dict[int, int]:
        """Return when something is next due, for each listener that is owed something."""
        return await self._reader.glance(partial(lease.next_due, listener_ids=listener_ids))

    async def hasten(self, listener_id: int, now: int) -> int:
        """Make every unleased due delivery of a listener due now."""
        return await self._attempts.do(lambda tx: lease.hasten(tx, listener_id, now))

    # many nodes

    async def attend(self, *, seen: int, draining: frozenset[int], is_leaving: bool) -> Crew:
        """Be, or go on being, one of the nodes that deliver; return all of them."""
        return await self._presence.attend(seen=seen, draining=draining, is_leaving=is_leaving)

    async def leave(self) -> None:
        """Be one of the nodes that deliver no longer."""
        await self._presence.leave()

    async def free_gone(self, now: int) -> int:
        """Make due now what nodes that are gone have leased."""
        return await self._attempts.do(lambda tx: lease.free_gone(tx, now))

    async def heard(self) -> Heard:
        """Wait until other nodes have said something; return all that they said since."""
        return await self._ear.heard()

    # the registry

    async def revision(self) -> int:
        """Return the registry's revision."""
        return await self._reader.glance(registry.newest_revision)

    async def registry(self, revision: int | None = None) -> Registry:
        """Return the registry as it stands, or as it stood at a revision."""
        return await self._reader.read_as_one(partial(registry.registry, revision=revision))

    async def change(
        self,
        changes: Sequence[Change | Accompanying],
        audit: AuditEntry,
        *,
        expected_revision: int | None = None,
    ) -> int:
        """Make the changes in order, as one new revision, if it is still at the expected one."""
        return await self._people.do(
            lambda tx: registry.change(tx, changes, audit, expected_revision)
        )

    async def listener_revisions(self, listener_id: int) -> Sequence[ListenerRevision]:
        """Return every revision of a listener, the oldest first."""
        return await self._reader.read(
            partial(registry.listener_revisions, listener_id=listener_id)
        )

    async def states(self) -> dict[int, ListenerState]:
        """Return the state of every listener that is paused or down."""
        return await self._reader.glance(records.states)

    async def set_paused(self, listener_id: int, paused_at: int | None, audit: AuditEntry) -> None:
        """Write that a person paused a listener, or (None) resumed it."""
        await self._people.do(lambda tx: records.set_paused(tx, listener_id, paused_at, audit))

    async def set_down(self, listener_id: int, down_since: int | None, probe_at: int | None) -> int:
        """Write that a listener's breaker opened, was probed, or (None, None) closed."""
        return await self._people.do(
            lambda tx: records.set_down(tx, listener_id, down_since, probe_at)
        )

    async def secrets(self) -> Sequence[SealedSecret]:
        """Return every secret in the order they were put."""
        return await self._reader.glance(records.secrets)

    async def put_secret(self, secret: SealedSecret, audit: AuditEntry) -> None:
        """Keep a secret; the same id replaces it."""
        await self._people.do(lambda tx: records.put_secret(tx, secret, audit))

    async def retire_secret(self, secret_id: str, at: int, audit: AuditEntry) -> bool:
        """Put a secret out of use from a moment on."""
        return await self._people.do(lambda tx: records.retire_secret(tx, secret_id, at, audit))

    async def secrets_revision(self) -> int:
        """Return a number that every change of a secret moves."""
        return await self._reader.glance(questions.secrets_revision)

    async def states_revision(self) -> int:
        """Return a number that every `set_paused` and `set_down` moves."""
        return await self._reader.glance(questions.states_revision)

    # the verbs of people

    async def decide(
        self,
        decisions: Sequence[Decision],
        *,
        now: int,
        audit: AuditEntry | None = None,
        enrichment: tuple[str, bytes] | None = None,
    ) -> int:
        """Decide held or crossed deliveries; return how many still were."""
        return await self._people.do(
            lambda tx: deciding.decide(tx, decisions, now=now, audit=audit, enrichment=enrichment)
        )

    async def replay(
        self, orders: Sequence[Ordered], replay: Replay, *, now: int, audit: AuditEntry | None
    ) -> int:
        """Queue new deliveries that do old ones again; return how many."""
        return await self._people.do(
            lambda tx: deciding.replay(tx, orders, replay, now=now, audit=audit)
        )

    async def notifications(self, query: NotificationQuery) -> Sequence[StoredNotification]:
        """List notifications without their bodies."""
        return await self._reader.read(partial(questions.notifications, query=query))

    async def traffic(self, query: NotificationQuery) -> Sequence[StoredNotification]:
        """List notifications with their bodies."""
        return await self._reader.read_as_one(partial(questions.traffic, query=query))

    async def notification(self, notification_id: str) -> StoredNotification | None:
        """Return one notification with its body."""
        return await self._reader.read(
            partial(questions.notification, notification_id=notification_id)
        )

    async def repeats(self, notification_id: str) -> Sequence[Repeat]:
        """Return the repeats of one notification, oldest first."""
        return await self._reader.read(partial(questions.repeats, notification_id=notification_id))

    async def deliveries(self, query: DeliveryQuery) -> Sequence[StoredDelivery]:
        """List deliveries."""
        return await self._reader.read(partial(questions.deliveries, query=query))

    async def compared(self, query: ComparisonQuery) -> Sequence[Compared]:
        """List notifications with what each of some listeners was owed for them."""
        return await self._reader.read(partial(questions.compared, query=query))

    async def delivery(self, delivery_id: int) -> StoredDelivery | None:
        """Return one delivery."""
        return await self._reader.read(partial(questions.delivery, delivery_id=delivery_id))

    async def attempts(self, delivery_id: int) -> Sequence[StoredAttempt]:
        """Return the attempts of one delivery in order."""
        return await self._reader.read(partial(questions.attempts, delivery_id=delivery_id))

    # the envelopes that live here

    async def kept_envelope(self, account_id: str, envelope_id: str) -> KeptEnvelope | None:
        """Return one envelope."""
        return await self._reader.glance(
            partial(envelopes.one, account_id=account_id, envelope_id=envelope_id)
        )

    async def kept_envelopes(self, query: EnvelopeQuery) -> tuple[Sequence[KeptEnvelope], int]:
        """Return a page of envelopes, and how many there are in all."""
        return await self._reader.read_as_one(partial(envelopes.page, query=query))

    async def envelope_document(
        self, account_id: str, envelope_id: str, document_id: str
    ) -> bytes | None:
        """Return the bytes of one document."""
        return await self._reader.read(
            partial(
                envelopes.document,
                account_id=account_id,
                envelope_id=envelope_id,
                document_id=document_id,
            )
        )

    async def envelopes_due(self, now: int, limit: int) -> Sequence[KeptEnvelope]:
        """Return envelopes whose `next_at` has come, the longest due first."""
        return await self._reader.glance(partial(envelopes.due, now=now, limit=limit))

    async def keep_object(self, kept: KeptObject, audit: AuditEntry | None = None) -> None:
        """Keep a small object."""
        await self._people.do(lambda tx: envelopes.keep_object(tx, kept, audit))

    async def kept_objects(
        self, kind: str, account_id: str, ids: Sequence[str] = ()
    ) -> Sequence[KeptObject]:
        """Return the objects of a kind in the order of their ids."""
        return await self._reader.glance(
            partial(envelopes.objects, kind=kind, account_id=account_id, ids=ids)
        )

    async def drop_object(
        self, kind: str, account_id: str, object_id: str, audit: AuditEntry | None = None
    ) -> bool:
        """Forget an object; return whether there was one."""
        return await self._people.do(
            lambda tx: envelopes.drop_object(tx, kind, account_id, object_id, audit)
        )

    # what people look back on

    async def reject(self, rejections: Sequence[Rejection]) -> None:
        """Keep refusals, the newest 10,000 of all."""
        await self._people.do(lambda tx: records.reject(tx, rejections))

    async def rejections(self, *, after: int | None, limit: int) -> Sequence[tuple[int, Rejection]]:
        """Return refusals with their sequence, newest first."""
        return await self._reader.read(partial(records.rejections, after=after, limit=limit))

    async def audit_log(self, *, after: int | None, limit: int) -> Sequence[tuple[int, AuditEntry]]:
        """Return audit entries with their sequence, newest first."""
        return await self._reader.read(partial(records.audit_log, after=after, limit=limit))

    async def token_hashes(self) -> Sequence[tuple[str, str]]:
        """Return the API tokens as (name, SHA-256 hex)."""
        return await self._reader.read(records.token_hashes)

    async def put_token(self, name: str, sha256_hex: str, audit: AuditEntry) -> None:
        """Keep an API token's hash under a name."""
        await self._people.do(lambda tx: records.put_token(tx, name, sha256_hex, audit))

    async def counts(self) -> Counts:
        """Return the store in figures."""
        return await self._reader.read_as_one(questions.counts)

    async def begin_partition(self, now: int, span_us: int) -> bool:
        """Put what arrives from now on apart, if what is put together began that long ago."""
        return await partitions.begin(self._reader, self._people, now, span_us)

    async def forget_bodies(self, received_before: int, limit: int, *, grace_us: int = 0) -> int:
        """Drop a partition of bodies, or up to `limit`, of notifications that owe nothing open."""
        if dropped := await partitions.forget(self._reader, self._people, received_before):
            return dropped
        before = received_before - grace_us
        seqs = await self._reader.read(partial(retention.old_bodies, before=before, limit=limit))
        return await self._people.do(lambda tx: retention.forget_bodies(tx, seqs)) if seqs else 0

    async def forget(self, received_before: int, limit: int) -> int:
        """Drop up to `limit` whole notifications that owe nothing open."""
        seqs = await self._reader.read(partial(retention.old, before=received_before, limit=limit))
        return await self._people.do(lambda tx: retention.forget(tx, seqs)) if seqs else 0
