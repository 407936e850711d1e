"""THE ROAD: what happens to a message, top to bottom, one step a line.

`accept` turns bytes at the front door into a notification kept with all it owes, `enact` does the
same with what happens to an envelope that lives here; `deliver` turns one lease into one attempt
and its consequence. Everything between is pure.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

import msgspec
from msgspec.structs import replace

from postroom import observe
from postroom.clock import SECOND, Clock
from postroom.delivery import retry
from postroom.delivery.bearer import Bearers
from postroom.delivery.send import Sender
from postroom.delivery.shape import Need, ShapeError, needs, shape
from postroom.enclosure import enclose
from postroom.errors import UnavailableError
from postroom.esign import derived
from postroom.intake import normalise, sim_json
from postroom.intake.authenticate import Refused, authenticate
from postroom.intake.snapshot_diff import Snapshot
from postroom.model import (
    LEASE_SECONDS,
    Enclosure,
    Lease,
    Listener,
    Match,
    Notification,
    Noun,
    Outcome,
    OwedState,
    Routing,
    Verdict,
    new_token,
)
from postroom.roster import Roster
from postroom.routing import states
from postroom.storage.port import (
    KeptEnvelope,
    KeptObject,
    Life,
    Lived,
    Recorded,
    Recording,
    Rejection,
    Settled,
    Settlement,
    Store,
)

LARGE_BODY_BYTES = 128 * 1024
"""From this size on a body is read on a thread, so that the others need not wait for it."""
SETTLE_PATIENCE_SECONDS = 0.5
"""How long to wait before an attempt that could not be written is offered to the store again."""

TURNS = 1024
"""How many envelopes of which states are told can be at work at once. Two that share a turn wait
for each other, which harms nobody; so what is remembered of whose turn it is never grows."""
SNAPSHOT = "snapshot"
"""The kind of the object that keeps the last state told of an envelope, under the envelope's id."""
_SNAPSHOT = msgspec.json.Decoder(Snapshot)


class Arrival(Noun, frozen=True, kw_only=True):
    """A message at the front door: its raw bytes and the headers that matter."""

    body: bytes
    content_type: str
    path_account: str | None
    header_account: str | None
    algorithm: str | None
    signatures: tuple[str, ...]
    remote: str


class Taken(Noun, frozen=True, kw_only=True):
    """The message is kept; the sender may forget it."""

    notification_id: str
    is_duplicate: bool


class Delivered(Noun, frozen=True, kw_only=True):
    """How one delivery went: what the wire did, what we made of it, what became of that."""

    outcome: Outcome
    verdict: Verdict
    settled: Settled


class Dispatch(Protocol):
    """Whoever performs deliveries: tells for whom there is room, and takes the leases."""

    def reserve(self, listener_ids: Iterable[int]) -> frozenset[int]:
        """Return those listeners that can take one more delivery now, with a place kept."""
        ...

    def take(self, leases: Sequence[Lease]) -> None:
        """Perform these; each uses up a place kept."""
        ...

    def settle_up(self, reserved: frozenset[int], owed: Recorded | None) -> None:
        """Give back the places kept that `owed` did not use, and note what waits in the store."""
        ...


class Road:
    """The road, with the store and the wire at its ends."""

    def __init__(
        self,
        *,
        store: Store,
        sender: Sender,
        clock: Clock,
        roster: Callable[[], Roster],
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._roster = roster
        self._bearers = Bearers(sender=sender, clock=clock)
        self._turns = tuple(asyncio.Lock() for _ in range(TURNS))

    async def accept(self, arrival: Arrival, dispatch: Dispatch) -> Taken | Rejection:
        """Authenticate, normalise, match and record one message.

        One that tells a state (XML) is every event the state before it did not prove.
        Returns once the notification and all it owes are durable, or with the reason why it is
        refused. Raises `UnavailableError` when nothing can be kept now.
        """
        now = self._clock.now()
        roster = self._roster()
        read = await _read(arrival, roster, now)
        if isinstance(read, Rejection):
            return read
        notification, key_id = read
        if notification.enrichment is not None:  # only a state comes with its envelope beside it
            taken = await self._take_state(notification, roster, dispatch)
        else:
            notification = await self._recognise(notification)
            notification, first_fields = await self._stick(notification, roster)
            routing = roster.router.match(notification)
            recording = _recording(
                notification, routing, roster, now=now, first_fields=first_fields
            )
            taken = await self._record(recording, dispatch)
        result = "repeat" if taken.is_duplicate else "kept"
        observe.accepted(notification.account_id, key_id or "unsigned", result).inc()
        return taken

    async def enact(
        self,
        envelope: KeptEnvelope | None,
        notifications: Sequence[Notification],
        dispatch: Dispatch,
        *,
        documents: tuple[tuple[str, bytes], ...] = (),
        dropped_documents: tuple[str, ...] = (),
    ) -> bool:
        """Keep a change of an envelope that lives here, all it tells and all that is owed for it.

        Returns False, with nothing kept, if the envelope has changed meanwhile. Notifications
        without an envelope (a template's) are recorded one by one. Raises `UnavailableError`
        when nothing can be kept now.
        """
        roster = self._roster()
        recordings = states.merged(
            await self._recordings(notifications, roster),
            roster.registry.listeners,
            states.OF_STATES,
        )
        if envelope is None:
            for recording in recordings:
                await self._record(recording, dispatch)
            return True
        life = Life(
            envelope=envelope,
            documents=documents,
            dropped_documents=dropped_documents,
            recordings=recordings,
        )
        is_current = await self._live(life, dispatch)
        if is_current:
            for one in notifications:
                observe.accepted(one.account_id, "here", "kept").inc()
        return is_current

    async def deliver(
        self, lease: Lease, *, held: Mapping[int, Lease], wants_next: bool
    ) -> Delivered | None:
        """Shape, sign, send, decide and settle one delivery.

        `held` is the leases in hand by delivery id: one that ran out and was taken again during
        the attempt settles under its new token. Returns None if the listener was removed
        meanwhile: its deliveries are dismissed.
        """
        roster = self._roster()
        listener = roster.listener(lease.listener_id)
        if listener is None:
            return None
        outcome = await self._attempt(lease, listener, roster)
        now = self._clock.now()
        verdict = retry.decide(
            outcome,
            listener,
            lease.attempt,
            now=now,
            random=random.random(),  # noqa: S311  # jitter, not a secret
        )
        settled = await self._settle(
            Settlement(
                lease=lease,
                outcome=outcome,
                verdict=verdict,
                settled_at=now,
                wants_next=wants_next,
                next_token=new_token(),
                next_leased_until=now + LEASE_SECONDS * SECOND,
            ),
            held,
        )
        _observe(lease, listener, outcome, verdict, now)
        return Delivered(outcome=outcome, verdict=verdict, settled=settled)

    # --- the steps of accept ----------------------------------------------------------------

    async def _recognise(self, notification: Notification) -> Notification:
        """Give a resend, and the late arrival of what was made up, the id of what it repeats."""
        if notification.envelope_id is None or not derived.is_late(notification):
            return notification
        earlier = await self._store.occurrences(
            notification.account_id,
            notification.envelope_id,
            notification.event,
            notification.recipient_id,
        )
        for candidate in earlier:
            if normalise.is_same_event(candidate, notification) or derived.is_arrival_of(
                candidate, notification
            ):
                return replace(notification, id=candidate.id)
        return notification

    async def _stick(
        self, notification: Notification, roster: Roster
    ) -> tuple[Notification, bytes | None]:
        """Bring the fields the envelope was first seen with, where a listener goes by them."""
        envelope_id = notification.envelope_id
        if envelope_id is None or not roster.router.needs_sticky(notification.account_id):
            return notification, None
        first = await self._store.sticky_fields(notification.account_id, envelope_id)
        if first is not None:
            return replace(notification, sticky_fields=first), None
        carried = normalise.custom_fields(notification)
        return replace(notification, sticky_fields=carried), carried

    async def _record(self, recording: Recording, dispatch: Dispatch) -> Taken:
        due = [m.listener_id for m in recording.matches if m.state is OwedState.DUE]
        reserved = dispatch.reserve(due)
        recorded: Recorded | None = None
        try:
            recorded = await self._store.record(replace(recording, lease_for=reserved))
            dispatch.take(recorded.leases)
        finally:
            dispatch.settle_up(reserved, recorded)
        return Taken(notification_id=recording.notification.id, is_duplicate=recorded.is_duplicate)

    async def _take_state(
        self, notification: Notification, roster: Roster, dispatch: Dispatch
    ) -> Taken:
        """Record all that a state tells anew, and only then remember it as the one before the next.

        Cut off in between, it is not acknowledged: of the resend, what was kept is a repeat.
        """
        place = (notification.account_id, notification.envelope_id)
        async with self._turns[hash(place) % TURNS]:
            previous = await self._snapshot(notification)
            unfolded = await _unfold(notification, previous)
            recordings = await self._recordings(unfolded.notifications, roster)
            taken = [
                await self._record(one, dispatch)
                for one in states.merged(
                    recordings, roster.registry.listeners, states.OF_STATES_IN_A_FEED
                )
            ]
            if unfolded.snapshot is not None:
                await self._keep_snapshot(notification, unfolded.snapshot)
        return Taken(
            notification_id=taken[-1].notification_id,
            is_duplicate=all(one.is_duplicate for one in taken),
        )

    async def _snapshot(self, notification: Notification) -> Snapshot | None:
        ids = (notification.envelope_id or "",)
        kept = await self._store.kept_objects(SNAPSHOT, notification.account_id, ids)
        return _SNAPSHOT.decode(kept[0].body) if kept else None

    async def _keep_snapshot(self, notification: Notification, snapshot: Snapshot) -> None:
        await self._store.keep_object(
            KeptObject(
                kind=SNAPSHOT,
                account_id=notification.account_id,
                id=snapshot.envelope_id,
                body=msgspec.json.encode(snapshot),
                updated_at=notification.received_at,
            )
        )

    # --- the steps of enact -----------------------------------------------------------------

    async def _recordings(
        self, notifications: Sequence[Notification], roster: Roster
    ) -> list[Recording]:
        now = self._clock.now()
        recordings = []
        for one in notifications:
            notification, first_fields = await self._stick(one, roster)
            routing = roster.router.match(notification)
            recordings.append(
                _recording(notification, routing, roster, now=now, first_fields=first_fields)
            )
        return recordings

    async def _live(self, life: Life, dispatch: Dispatch) -> bool:
        due = [
            match.listener_id
            for recording in life.recordings
            for match in recording.matches
            if match.state is OwedState.DUE
        ]
        reserved = dispatch.reserve(dict.fromkeys(due))
        lived: Lived | None = None
        try:
            recordings = tuple(replace(one, lease_for=reserved) for one in life.recordings)
            lived = await self._store.live(replace(life, recordings=recordings))
            dispatch.take([lease for one in lived.recorded for lease in one.leases])
        finally:
            dispatch.settle_up(reserved, _in_one(lived))
        return lived.was_current

    # --- the steps of deliver ---------------------------------------------------------------

    async def _attempt(self, lease: Lease, listener: Listener, roster: Roster) -> Outcome:
        bearer: str | None = None
        if listener.id in roster.oauth:
            token = await self._bearers.token(roster.oauth[listener.id])
            if isinstance(token, Outcome):
                return token
            bearer = token
        now = self._clock.now()
        wanted = needs(listener, lease.notification)  # mostly nothing
        try:
            request = shape(
                lease,
                listener,
                roster.signing[listener.id],
                now=now,
                credentials=roster.credentials.get(listener.id),
                bearer=bearer,
                enclosure=await self._enclosure(lease, listener, wanted, roster, now)
                if wanted
                else None,
            )
        except ShapeError as problem:
            return Outcome(failure="shape", detail=str(problem), started_at=now, duration_us=0)
        except UnavailableError as problem:
            return Outcome(failure="store", detail=str(problem), started_at=now, duration_us=0)
        outcome = await self._sender.send(request)
        if bearer is not None and outcome.status == HTTPStatus.UNAUTHORIZED:
            self._bearers.drop(roster.oauth[listener.id], bearer)
        return outcome

    async def _enclosure(
        self,
        lease: Lease,
        listener: Listener,
        wanted: frozenset[Need],
        roster: Roster,
        now: int,
    ) -> Enclosure:
        """Look up what the message carries beside the event."""
        account = roster.registry.accounts.get(listener.account_id)
        return await enclose(self._store, lease.notification, listener, wanted, account, now=now)

    async def _settle(self, settlement: Settlement, held: Mapping[int, Lease]) -> Settled:
        """Write the attempt, patiently: what the listener has already got must be remembered.

        A lease that ran out while the attempt was under way may have been taken again by this
        node, even while this very call waits for the store: then it is written under the new token.
        """
        while True:
            lease = held.get(settlement.lease.delivery_id, settlement.lease)
            if lease is not settlement.lease:
                settlement = replace(settlement, lease=lease)
            try:
                settled = await self._store.settle(settlement)
            except UnavailableError as problem:
                observe.log.warning(
                    "attempt not written yet, trying again",
                    delivery=lease.delivery_id,
                    reason=str(problem),
                )
                await asyncio.sleep(SETTLE_PATIENCE_SECONDS)
                continue
            if settled.was_ours or held.get(lease.delivery_id, lease).token == lease.token:
                return settled


async def _read(
    arrival: Arrival, roster: Roster, now: int
) -> tuple[Notification, str | None] | Rejection:
    if len(arrival.body) < LARGE_BODY_BYTES:
        return _authenticate_and_normalise(arrival, roster, now)
    return await asyncio.to_thread(_authenticate_and_normalise, arrival, roster, now)


def _authenticate_and_normalise(
    arrival: Arrival, roster: Roster, now: int
) -> tuple[Notification, str | None] | Rejection:
    """Return the notification and the id of the key that proved it, or why it is refused."""
    outer = sim_json.read(arrival.body)
    admitted = authenticate(
        arrival.body,
        path_account=arrival.path_account,
        header_account=arrival.header_account,
        algorithm=arrival.algorithm,
        signatures=arrival.signatures,
        doors=roster.doors,
        outer=None if isinstance(outer, Exception) else outer,
    )
    if isinstance(admitted, Refused):
        return Rejection(
            at=now,
            account_id=admitted.account_id,
            remote=arrival.remote,
            reason=admitted.reason,
            hint=admitted.hint,
        )
    notification = normalise.normalise(
        arrival.body,
        account_id=admitted.account_id,
        content_type=arrival.content_type,
        received_at=now,
        outer=outer,
    )
    return notification, admitted.key_id


async def _unfold(notification: Notification, previous: Snapshot | None) -> normalise.Unfolded:
    if len(notification.body) < LARGE_BODY_BYTES:
        unfolded = normalise.unfold(notification, previous)
    else:
        unfolded = await asyncio.to_thread(normalise.unfold, notification, previous)
    return unfolded or normalise.Unfolded(notifications=(notification,), snapshot=None)


def _recording(
    notification: Notification,
    routing: Routing,
    roster: Roster,
    *,
    now: int,
    first_fields: bytes | None,
) -> Recording:
    return Recording(
        notification=notification,
        matches=routing.matches,
        is_unclaimed=routing.is_unclaimed,
        registry_revision=roster.registry.revision,
        unordered=_unordered(routing.matches, roster),
        token=new_token(),
        leased_until=now + LEASE_SECONDS * SECOND,
        remember_fields=first_fields,
    )


def _in_one(lived: Lived | None) -> Recorded | None:
    """Return what several recordings owe as one, for whoever counts the places it kept."""
    if lived is None:
        return None
    return Recorded(
        is_duplicate=False,
        leases=tuple(lease for one in lived.recorded for lease in one.leases),
        left_due=tuple(listener for one in lived.recorded for listener in one.left_due),
    )


def _unordered(matches: tuple[Match, ...], roster: Roster) -> frozenset[int]:
    listeners = roster.registry.listeners
    return frozenset(m.listener_id for m in matches if listeners[m.listener_id].ordering == "none")


def _observe(
    lease: Lease, listener: Listener, outcome: Outcome, verdict: Verdict, now: int
) -> None:
    """Count every attempt; write a line for those that did not succeed: the store has them all."""
    name = type(verdict).__struct_config__.tag
    observe.attempts(listener.account_id, listener.name, name).inc()
    if lease.attempt == 1:
        observe.FIRST_ATTEMPT_SECONDS.observe((now - lease.notification.received_at) / SECOND)
    if name != "done":
        observe.log.info(
            "attempt failed",
            account=listener.account_id,
            listener=listener.name,
            notification=lease.notification.id,
            delivery=lease.delivery_id,
            attempt=lease.attempt,
            status=outcome.status,
            failure=outcome.failure,
            verdict=name,
            duration_us=outcome.duration_us,
        )
