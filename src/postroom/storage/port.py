"""The port of the store: what must survive, stated as promises.

Every backend passes `tests/contract` without a skip. Verbs are facts of the domain. Each verb is
one transaction: all of it is durable when the call returns, or none of it happened. A store that
cannot keep anything now (disk full, database away) raises `UnavailableError` and has kept nothing.

Order: the deliveries one listener is owed for one envelope form a line, sorted by
(`occurred_at`, sequence of arrival). Only the head of a line is DUE; the others are WAITING.
A delivery without an envelope, or of a listener with `ordering: none`, is in no line.
HELD and CROSSED deliveries are not in line until they are decided. SHADOWED ones have ended as they
are born: never due, never leased, never replayed.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

from postroom.model import (
    Account,
    DeliveryState,
    Json,
    Lane,
    Lease,
    Listener,
    ListenerState,
    Match,
    Notification,
    Noun,
    Outcome,
    Registry,
    Replay,
    Verdict,
)

# --- the road ---------------------------------------------------------------------------------


class Recording(Noun, frozen=True, kw_only=True):
    """A notification and all it owes, to be kept together."""

    notification: Notification
    matches: tuple[Match, ...]
    is_unclaimed: bool
    registry_revision: int
    lease_for: frozenset[int] = frozenset()
    """Listener ids whose fresh delivery may be born leased: the caller has room for it."""
    unordered: frozenset[int] = frozenset()
    """Listener ids among `matches` with `ordering: none`."""
    token: int
    """The lease token for all deliveries born leased here; unique to this recording."""
    leased_until: int
    remember_fields: bytes | None = None
    """`customFields` JSON to remember as the envelope's first, unless one is remembered."""


class Recorded(Noun, frozen=True, kw_only=True):
    """What became of a recording."""

    is_duplicate: bool
    """The same logical event was kept before; only the repeat was noted, nothing is owed."""
    leases: tuple[Lease, ...]
    left_due: tuple[int, ...] = ()
    """Listener ids whose fresh delivery is DUE but was not born leased."""


class Settlement(Noun, frozen=True, kw_only=True):
    """An attempt as it went, and its consequence."""

    lease: Lease
    outcome: Outcome
    verdict: Verdict
    settled_at: int
    wants_next: bool = False
    """Whether the next delivery in line, if this ends its head, is to be leased to the caller."""
    next_token: int = 0
    next_leased_until: int = 0


class Settled(Noun, frozen=True, kw_only=True):
    """What became of a settlement."""

    was_ours: bool
    """False: the lease had gone to someone else; nothing was written."""
    next: Lease | None = None


# --- the envelopes that live here -------------------------------------------------------------


class KeptEnvelope(Noun, frozen=True, kw_only=True):
    """An envelope of the Connect server as kept: its own JSON, and what lists go by."""

    account_id: str
    id: str
    revision: int
    """1 at first, one more with every change."""
    status: str
    sender_id: str
    sender_name: str = ""
    sender_email: str = ""
    subject: str = ""
    folder: str = "sentitems"
    created_at: int
    modified_at: int
    sent_at: int | None = None
    delivered_at: int | None = None
    completed_at: int | None = None
    declined_at: int | None = None
    voided_at: int | None = None
    status_changed_at: int
    next_at: int | None = None
    """When time does something to it next: a reminder, or its end."""
    transaction_id: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    """Custom fields as (name, value), to be found by."""
    search_text: str = ""
    """Subject, names and addresses, lower case, to be found by a part of it."""
    body: bytes


class Life(Noun, frozen=True, kw_only=True):
    """A change of an envelope with everything it tells and owes, to be kept together."""

    envelope: KeptEnvelope
    """With the revision it shall have: the kept one's plus 1, or 1 for a new envelope."""
    documents: tuple[tuple[str, bytes], ...] = ()
    """Documents to keep or replace, as (document id, bytes); after `dropped_documents` went."""
    dropped_documents: tuple[str, ...] = ()
    recordings: tuple[Recording, ...] = ()


class Lived(Noun, frozen=True, kw_only=True):
    """What became of a change."""

    was_current: bool
    """False: the envelope had changed meanwhile, or exists already; nothing was written."""
    recorded: tuple[Recorded, ...] = ()


class EnvelopeQuery(Noun, frozen=True, kw_only=True):
    """Which envelopes of an account. All conditions hold together; deleted ones are included.

    Texts are matched exactly, but for `search_text`. An empty tuple sets no condition; each
    holds 10,000 values at most. Of envelopes alike in what they are ordered by, the one that was
    kept later counts as the greater; those without the moment come last, either way.
    """

    account_id: str
    ids: tuple[str, ...] = ()
    transaction_ids: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    by: Literal[
        "created",
        "modified",
        "sent",
        "delivered",
        "completed",
        "declined",
        "voided",
        "status_changed",
    ] = "status_changed"
    """The moment that is at or after `moment_from` and before `moment_until`."""
    moment_from: int | None = None
    moment_until: int | None = None
    field: tuple[str, str] | None = None
    """A custom field's name and value, both exact."""
    sender_id: str | None = None
    sender_name: str | None = None
    sender_email: str | None = None
    search_text: str | None = None
    """Any case; matched as a part of subject, names and addresses."""
    order_by: Literal[
        "created",
        "modified",
        "sent",
        "completed",
        "status_changed",
        "subject",
        "status",
        "sender_name",
    ] = "status_changed"
    is_descending: bool = True
    start: int = 0
    limit: int = 100


class KeptObject(Noun, frozen=True, kw_only=True):
    """A small JSON object of the Connect server that nothing else has a table for."""

    kind: str
    """`template`, `oauth`, `hidden-log` and so on; the operations that use it name it."""
    account_id: str
    id: str
    body: bytes
    updated_at: int


# --- what people change -----------------------------------------------------------------------


class AuditEntry(Noun, frozen=True, kw_only=True):
    """Who did what, written in the transaction that did it. Never holds a secret."""

    at: int
    actor: str
    verb: str
    details: Json


class PutAccount(Noun, frozen=True, kw_only=True, tag="put-account"):
    """Create or replace an account."""

    account: Account


class PutLane(Noun, frozen=True, kw_only=True, tag="put-lane"):
    """Create or replace a lane."""

    lane: Lane


class PutListener(Noun, frozen=True, kw_only=True, tag="put-listener"):
    """Create or replace a listener. Its id is that of (account, name), given on first sight.

    `listener.id` is ignored. A listener removed and put again has its old id.
    """

    listener: Listener


class RemoveAccount(Noun, frozen=True, kw_only=True, tag="remove-account"):
    """Remove an account, its lanes, its listeners and all that the Connect server keeps of it.

    Its envelopes that live here, their documents and its small objects go in the same
    transaction, which takes about 50 microseconds for each envelope; notifications and
    deliveries stay until retention forgets them.
    """

    account_id: str


class RemoveLane(Noun, frozen=True, kw_only=True, tag="remove-lane"):
    """Remove a lane's own entry."""

    account_id: str
    name: str


class RemoveListener(Noun, frozen=True, kw_only=True, tag="remove-listener"):
    """Remove a listener; what it is still owed (due, waiting, held, crossed) is dismissed."""

    account_id: str
    name: str


Change = PutAccount | PutLane | PutListener | RemoveAccount | RemoveLane | RemoveListener


class SealedSecret(Noun, frozen=True, kw_only=True):
    """A secret as the store keeps it: sealed by the vault, unreadable here."""

    id: str
    account_id: str
    listener: str | None
    purpose: Literal["hmac", "enrichment", "password", "client-secret"]
    sealed: bytes
    fingerprint: str
    """Eight hex digits by which people tell keys apart; derived by the vault, not reversible."""
    created_at: int
    retired_at: int | None = None


class PutSecret(Noun, frozen=True, kw_only=True, tag="put-secret"):
    """Keep a secret with what needs it; the same id replaces it. Moves `secrets_revision`."""

    secret: SealedSecret
    audit: AuditEntry


class KeepObject(Noun, frozen=True, kw_only=True, tag="keep-object"):
    """Keep a small object with what goes by it; the same kind, account and id replaces it."""

    kept: KeptObject


Accompanying = PutSecret | KeepObject
"""What is kept in the transaction of a change, or not at all."""

CHANGED_MEANWHILE = (
    "somebody else has changed the accounts or listeners meanwhile; nothing was changed: try again"
)
"""What a conditional change says that came too late."""


class Decision(Noun, frozen=True, kw_only=True):
    """What a held or crossed delivery becomes."""

    delivery_id: int
    state: Literal[DeliveryState.DUE, DeliveryState.DISMISSED, DeliveryState.CROSSED]
    reason: str


class Ordered(Noun, frozen=True, kw_only=True):
    """One replay to queue."""

    delivery_id: int
    """The delivery to do again; the new one is for the same notification and listener."""
    due_at: int


# --- what people see --------------------------------------------------------------------------


class StoredNotification(Noun, frozen=True, kw_only=True):
    """A notification with what was recorded about it."""

    sequence: int
    notification: Notification
    """`body` is empty where retention has dropped it."""
    has_body: bool
    registry_revision: int
    is_unclaimed: bool
    repeats: int
    """How often the same event came again: source resends and second channels."""


class Repeat(Noun, frozen=True, kw_only=True):
    """One more arrival of an event already kept."""

    received_at: int
    configuration_id: str | None
    retry_count: int


class StoredDelivery(Noun, frozen=True, kw_only=True):
    """A delivery as it stands, with enough of its notification to list it."""

    id: int
    notification_id: str
    listener_id: int
    account_id: str
    envelope_id: str | None
    event: str
    recipient_id: str | None
    received_at: int
    state: DeliveryState
    reason: str | None
    """Why it is held, crossed, given up or dismissed."""
    lane: str | None
    due_at: int | None
    is_leased: bool
    attempts: int
    last_status: int | None
    last_failure: str | None
    settled_at: int | None
    replay: Replay | None
    superseded_by: int | None
    """The replay queued for it, if any."""
    is_late: bool
    has_body: bool


class StoredAttempt(Noun, frozen=True, kw_only=True):
    """One attempt as it went."""

    number: int
    started_at: int
    duration_us: int
    status: int | None
    failure: str | None
    detail: str
    response_headers: tuple[tuple[str, str], ...]
    response_excerpt: bytes
    """At most 2 KiB."""
    verdict: str
    """`done`, `try-again` or `give-up`."""
    verdict_reason: str
    next_at: int | None


class NotificationQuery(Noun, frozen=True, kw_only=True):
    """Which notifications, newest first (`oldest_first` turns it round)."""

    account_id: str | None = None
    envelope_id: str | None = None
    events: tuple[str, ...] = ()
    sender_id: str | None = None
    received_from: int | None = None
    received_until: int | None = None
    only: Literal["all", "unclaimed", "unreadable", "flawed"] = "all"
    oldest_first: bool = False
    after: int | None = None
    """The `sequence` of the last row seen."""
    limit: int = 100


class DeliveryQuery(Noun, frozen=True, kw_only=True):
    """Which deliveries, newest first (`oldest_first` turns it round)."""

    account_id: str | None = None
    listener_id: int | None = None
    notification_id: str | None = None
    envelope_id: str | None = None
    events: tuple[str, ...] = ()
    states: tuple[DeliveryState, ...] = ()
    received_from: int | None = None
    received_until: int | None = None
    not_superseded: bool = False
    replays: Literal["with", "without", "only"] = "with"
    oldest_first: bool = False
    after: int | None = None
    """The `id` of the last row seen."""
    limit: int = 100


class ComparisonQuery(Noun, frozen=True, kw_only=True):
    """Which notifications of an account, in the order of arrival, and whose deliveries beside."""

    account_id: str
    listener_ids: tuple[int, ...]
    from_revision: int
    """Those decided with this revision of the registry or a later one."""
    until_revision: int | None = None
    """And before this one."""
    received_from: int | None = None
    received_until: int | None = None
    after: int | None = None
    """The `sequence` of the last row seen."""
    limit: int = 1000


class Compared(Noun, frozen=True, kw_only=True):
    """A notification, and how what each listener was owed for it at first stands now."""

    sequence: int
    notification_id: str
    envelope_id: str | None
    event: str
    received_at: int
    registry_revision: int
    states: tuple[DeliveryState | None, ...]
    """In the order of the query's `listener_ids`; None for one that was owed nothing."""
    reasons: tuple[str | None, ...]


class ListenerRevision(Noun, frozen=True, kw_only=True):
    """A listener as it was from one revision of the registry until another."""

    from_revision: int
    until_revision: int | None
    """None while it is in force."""
    listener: Listener


class Rejection(Noun, frozen=True, kw_only=True):
    """A message refused at the front door, as the operator sees it."""

    at: int
    account_id: str | None
    """The account it claimed, if it could be read and is short."""
    remote: str
    reason: str
    hint: str | None
    """The likely cause."""


class Backlog(Noun, frozen=True, kw_only=True):
    """What one listener is still owed, by state."""

    listener_id: int
    due: int
    waiting: int
    held: int
    crossed: int
    given_up: int
    """Given up and not replayed since."""
    oldest_received_at: int | None
    """Of what is due or waiting."""


class Counts(Noun, frozen=True, kw_only=True):
    """The store in figures."""

    notifications: int
    unclaimed: int
    unreadable: int
    delivered: int
    backlog: tuple[Backlog, ...]


# --- many nodes -------------------------------------------------------------------------------

ABSENT_SECONDS = 3.0
"""Who has not attended for so long counts as gone: the others take its places."""


class Member(Noun, frozen=True, kw_only=True):
    """A node that delivers, as the others see it."""

    number: int
    joined: int
    """Greater than that of all who joined before, also of those who have left."""
    seen: int
    """The greatest `joined` that it goes by: it starts nothing in places such a one has won."""
    is_leaving: bool = False
    """It starts nothing more; what it is `draining` are its last calls."""
    draining: frozenset[int] = frozenset()
    """The ids of listeners at which it has more calls than it has places left."""


class Crew(Noun, frozen=True, kw_only=True):
    """The nodes that deliver, of one moment, as one of them sees it."""

    me: Member
    members: tuple[Member, ...]
    """All of them, in the order in which they joined."""
    is_shared: bool = True
    """False for an embedded store: nobody else can ever join."""


class Heard(Noun, frozen=True, kw_only=True):
    """What other nodes said since it was last asked for."""

    due: frozenset[int] = frozenset()
    """Listener ids of which something was left due that nobody has leased."""
    moved: frozenset[str] = frozenset()
    """What to read anew: `registry_revision`, `secrets_revision`, `states_revision`, and `crew`
    where a node joined, left, was found gone or has drained."""
    is_all: bool = False
    """Something may have been missed: look at everything."""


class Store(Protocol):
    """What must survive. Safe to call from many tasks of one event loop."""

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        ...

    # the road

    async def record(self, recording: Recording) -> Recorded:
        """Keep a notification and every delivery it owes, or neither.

        A notification id kept before makes it a duplicate: a `Repeat` is noted, nothing else.
        A delivery is born leased if its listener is in `lease_for` and it is the head of its
        line; a delivery with an earlier open one in its line is born WAITING; one that is
        earlier than the head takes its place unless the head is leased. What is owed MERGED is
        kept as DISMISSED, never to be sent, and what is owed SHADOWED as that. Concurrent calls
        share one commit.
        """
        ...

    async def live(self, life: Life) -> Lived:
        """Keep a change of an envelope, the notifications it causes and all they owe, or nothing.

        Nothing is written unless the kept revision is one less than the given one. The
        recordings are kept as `record` keeps them, in order. Concurrent calls share one commit.
        """
        ...

    async def sticky_fields(self, account_id: str, envelope_id: str) -> bytes | None:
        """Return the `customFields` JSON remembered as the envelope's first, if any."""
        ...

    async def occurrences(
        self, account_id: str, envelope_id: str, event: str, recipient_id: str | None
    ) -> Sequence[Notification]:
        """Return the kept notifications of one event of one envelope, at most 16, newest first."""
        ...

    async def lease(
        self, listener_id: int, *, limit: int, now: int, leased_until: int, token: int
    ) -> Sequence[Lease]:
        """Lease up to `limit` DUE deliveries whose moment has come, the longest due first.

        No delivery is ever under two leases: one whose lease has run out may be leased again,
        and then its old token settles nothing.
        """
        ...

    async def extend(self, leases: Sequence[Lease], leased_until: int) -> None:
        """Let the leases that are still ours last until `leased_until`."""
        ...

    async def release(self, leases: Sequence[Lease], now: int) -> None:
        """Give leases back untried: those still ours are due now."""
        ...

    async def free_leases(self, now: int) -> int:
        """Make due now what is leased by this node or by nodes that are gone: at start.

        An embedded store has one node, whose leases are all of its life before. Of many nodes one
        that has attended is gone when it has left or was taken out (`attend`), any other when
        none of its connections is left.
        """
        ...

    async def settle(self, settlement: Settlement) -> Settled:
        """Write an attempt and its consequence, only if the lease's token still holds.

        Done, GiveUp: the delivery ends and the next in its line becomes DUE at the later of
        its own `due_at` and now (leased to the caller if `wants_next` and its moment has come).
        TryAgain: DUE at that moment. Concurrent calls share one commit.
        """
        ...

    async def next_due(self, listener_ids: Sequence[int]) -> dict[int, int]:
        """Return, for each listener that is owed something DUE, the earliest `due_at`.

        A leased delivery counts with the end of its lease.
        """
        ...

    async def hasten(self, listener_id: int, now: int) -> int:
        """Make every unleased DUE delivery of a listener due now; return how many were not yet."""
        ...

    # many nodes

    async def attend(self, *, seen: int, draining: frozenset[int], is_leaving: bool) -> Crew:
        """Be, or go on being, one of the nodes that deliver; return all of them.

        A node that is none of them, or was found gone, joins anew: after all others, having seen
        them. Otherwise `seen`, `draining` and `is_leaving` are written where they have changed.
        A member that was watched for `ABSENT_SECONDS` without attending once is taken out. A
        pause in the watching begins it anew: after an outage of the database everyone has that
        long to come back.
        """
        ...

    async def leave(self) -> None:
        """Be one of the nodes that deliver no longer; nothing happens to one that is none."""
        ...

    async def free_gone(self, now: int) -> int:
        """Make due now what nodes that are gone have leased; return how much that was.

        A node is gone when it is none of those that attend and none of its connections is left.
        """
        ...

    async def heard(self) -> Heard:
        """Wait until other nodes have said something; return all that they said since.

        At once, and with `is_all`, when it begins to listen, first or after the connection was
        lost. A hint that saves time: polling finds the same later. An embedded store hears
        nothing until it is closed. Raises `UnavailableError` while there is nothing to listen to.
        """
        ...

    # the registry

    async def revision(self) -> int:
        """Return the registry's revision: 0 at first, one more with every change. Cheap."""
        ...

    async def registry(self, revision: int | None = None) -> Registry:
        """Return the registry as it stands, or as it stood at a revision."""
        ...

    async def listener_revisions(self, listener_id: int) -> Sequence[ListenerRevision]:
        """Return every revision of a listener, the oldest first."""
        ...

    async def change(
        self,
        changes: Sequence[Change | Accompanying],
        audit: AuditEntry,
        *,
        expected_revision: int | None = None,
    ) -> int:
        """Make the changes in order, as one new revision; return it.

        Raises `ConflictError`, and nothing has happened, where the registry is no longer at the
        revision expected: who read it and decided by it begins again.
        """
        ...

    async def states(self) -> dict[int, ListenerState]:
        """Return the state of every listener that is paused or down."""
        ...

    async def set_paused(self, listener_id: int, paused_at: int | None, audit: AuditEntry) -> None:
        """Write that a person paused a listener, or (None) resumed it."""
        ...

    async def set_down(self, listener_id: int, down_since: int | None, probe_at: int | None) -> int:
        """Write that a listener's breaker opened, was probed, or (None, None) closed.

        Returns the `states_revision` that this made: what is read of an older one is older news.
        """
        ...

    async def secrets(self) -> Sequence[SealedSecret]:
        """Return every secret, retired ones too, in the order they were put."""
        ...

    async def put_secret(self, secret: SealedSecret, audit: AuditEntry) -> None:
        """Keep a secret; the same id replaces it. Moves `secrets_revision`."""
        ...

    async def retire_secret(self, secret_id: str, at: int, audit: AuditEntry) -> bool:
        """From `at` on the secret is out of use; False if there is none of that id."""
        ...

    async def secrets_revision(self) -> int:
        """Return a number that every change of a secret moves. Cheap."""
        ...

    async def states_revision(self) -> int:
        """Return a number that every `set_paused` and `set_down` moves. Cheap."""
        ...

    # the verbs of people

    async def decide(
        self,
        decisions: Sequence[Decision],
        *,
        now: int,
        audit: AuditEntry | None = None,
        enrichment: tuple[str, bytes] | None = None,
    ) -> int:
        """Decide held or crossed deliveries; return how many still were.

        A delivery decided DUE takes its place in its line. `enrichment` (notification id,
        envelope JSON) is kept with the notification in the same transaction. A notification whose
        deliveries are all dismissed by then, those of shadows apart, is unclaimed.
        """
        ...

    async def replay(
        self, orders: Sequence[Ordered], replay: Replay, *, now: int, audit: AuditEntry | None
    ) -> int:
        """Queue new deliveries that do old ones again, in line like any other; return how many.

        The old ones are marked superseded. One whose body is gone is left out, and so is one that
        is SHADOWED.
        """
        ...

    async def notifications(self, query: NotificationQuery) -> Sequence[StoredNotification]:
        """List notifications; `notification.body` is left empty here."""
        ...

    async def traffic(self, query: NotificationQuery) -> Sequence[StoredNotification]:
        """List notifications with their bodies (empty where retention has dropped them).

        A page ends early once it holds 4 MiB; only an empty one is the end.
        """
        ...

    async def notification(self, notification_id: str) -> StoredNotification | None:
        """Return one notification with its body."""
        ...

    async def repeats(self, notification_id: str) -> Sequence[Repeat]:
        """Return the repeats of one notification, oldest first, at most 100."""
        ...

    async def deliveries(self, query: DeliveryQuery) -> Sequence[StoredDelivery]:
        """List deliveries."""
        ...

    async def compared(self, query: ComparisonQuery) -> Sequence[Compared]:
        """List notifications with what each of some listeners was owed for them, oldest first.

        Replays do not count.
        """
        ...

    async def delivery(self, delivery_id: int) -> StoredDelivery | None:
        """Return one delivery."""
        ...

    async def attempts(self, delivery_id: int) -> Sequence[StoredAttempt]:
        """Return the attempts of one delivery in order."""
        ...

    # the envelopes that live here

    async def kept_envelope(self, account_id: str, envelope_id: str) -> KeptEnvelope | None:
        """Return one envelope."""
        ...

    async def kept_envelopes(self, query: EnvelopeQuery) -> tuple[Sequence[KeptEnvelope], int]:
        """Return a page of envelopes, and how many there are in all.

        Raises `InvalidInputError` for a `search_text` of more than 1,000 characters.
        """
        ...

    async def envelope_document(
        self, account_id: str, envelope_id: str, document_id: str
    ) -> bytes | None:
        """Return the bytes of one document."""
        ...

    async def envelopes_due(self, now: int, limit: int) -> Sequence[KeptEnvelope]:
        """Return envelopes whose `next_at` has come, the longest due first."""
        ...

    async def keep_object(self, kept: KeptObject, audit: AuditEntry | None = None) -> None:
        """Keep a small object; the same kind, account and id replaces it."""
        ...

    async def kept_objects(
        self, kind: str, account_id: str, ids: Sequence[str] = ()
    ) -> Sequence[KeptObject]:
        """Return the objects of a kind (all, or those of `ids`) in the order of their ids."""
        ...

    async def drop_object(
        self, kind: str, account_id: str, object_id: str, audit: AuditEntry | None = None
    ) -> bool:
        """Forget an object; return whether there was one. What was not there is not audited."""
        ...

    async def reject(self, rejections: Sequence[Rejection]) -> None:
        """Keep refusals; only the newest 10,000 are kept."""
        ...

    async def rejections(self, *, after: int | None, limit: int) -> Sequence[tuple[int, Rejection]]:
        """Return refusals with their sequence, newest first."""
        ...

    async def audit_log(self, *, after: int | None, limit: int) -> Sequence[tuple[int, AuditEntry]]:
        """Return audit entries with their sequence, newest first."""
        ...

    async def token_hashes(self) -> Sequence[tuple[str, str]]:
        """Return the API tokens as (name, SHA-256 hex)."""
        ...

    async def put_token(self, name: str, sha256_hex: str, audit: AuditEntry) -> None:
        """Keep an API token's hash under a name; the same name replaces it."""
        ...

    async def counts(self) -> Counts:
        """Return the store in figures."""
        ...

    async def begin_partition(self, now: int, span_us: int) -> bool:
        """Put what arrives from now on apart, if what is put together began that long ago.

        So that `forget_bodies` may drop it together. Returns whether it was so; a store that has
        no use for it does nothing.
        """
        ...

    async def forget_bodies(self, received_before: int, limit: int, *, grace_us: int = 0) -> int:
        """Drop up to `limit` bodies of notifications older than a moment that owe nothing open.

        What was put apart by `begin_partition` and is all older goes at once, however much it is.
        What arrived in the `grace_us` before the moment may stay else, so that it can go like that
        later. Neither this nor `forget` touches the envelopes that live here.
        """
        ...

    async def forget(self, received_before: int, limit: int) -> int:
        """Drop up to `limit` whole notifications, deliveries and attempts that owe nothing open.

        Open is due, waiting, held, crossed, or given up and not superseded.
        """
        ...
