"""An envelope that lives here, between the store and the state machine.

Read it, let an action change it, and hand the change, with the notifications it causes, to the
road, which keeps both or neither. An envelope that changed meanwhile is read and acted on anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from postroom.clock import Clock
from postroom.envelopes import lifecycle, message
from postroom.envelopes.envelope import Action, Envelope, Happening, Step
from postroom.envelopes.limits import DEFAULT, Limits
from postroom.envelopes.moments import generated_text
from postroom.errors import ConflictError, DocusignError
from postroom.intake.identity import event_id
from postroom.model import Notification, Noun, Registry
from postroom.operations.connect import binding
from postroom.operations.connect.limits import ConnectLimits
from postroom.storage.port import KeptEnvelope, Store
from postroom.vault import Vault

TRIES = 8
"""How often an action is repeated on an envelope that others change at the same time."""

_ENVELOPE = msgspec.json.Decoder(Envelope)


class Enact(Protocol):
    """The road's way in for what happens here (`pipeline.Road.enact`)."""

    async def __call__(
        self,
        envelope: KeptEnvelope | None,
        notifications: Sequence[Notification],
        *,
        documents: tuple[tuple[str, bytes], ...] = (),
        dropped_documents: tuple[str, ...] = (),
    ) -> bool:
        """Keep a change and what it tells; False if the envelope has changed meanwhile."""
        ...


class ConnectServer:
    """What the verbs of the Connect server work with."""

    def __init__(  # noqa: PLR0913  # the composition root hands over each part by name
        self,
        *,
        store: Store,
        vault: Vault,
        clock: Clock,
        registry: Callable[[], Registry],
        refresh: Callable[[], Awaitable[None]],
        enact: Enact,
        limits: ConnectLimits = ConnectLimits(),  # noqa: B008  # frozen
        envelope_limits: Limits = DEFAULT,
        new_guid: Callable[[], str],
        allow_http_loopback: bool = False,
        allow_private_addresses: bool = False,
        fills_in: bool = False,
    ) -> None:
        self.store = store
        self.vault = vault
        self.clock = clock
        self.registry = registry
        """The registry that the road goes by now."""
        self.refresh = refresh
        """Makes `registry` go by what the store says."""
        self.enact = enact
        self.limits = limits
        self.envelope_limits = envelope_limits
        self.new_guid = new_guid
        self.allow_http_loopback = allow_http_loopback
        self.allow_private_addresses = allow_private_addresses
        self.binding_turns = asyncio.Semaphore(binding.AT_ONCE)
        self.fills_in = fills_in
        """True offline: an envelope sent without document or recipient is given one of each."""


class Living(Noun, frozen=True, kw_only=True):
    """An envelope as kept, and the revision it has in the store; 0: it is not kept yet."""

    envelope: Envelope
    revision: int


async def read(server: ConnectServer, account_id: str, envelope_id: str) -> Living:
    """Return an envelope. Raises `DocusignError` ENVELOPE_DOES_NOT_EXIST."""
    kept = await server.store.kept_envelope(account_id, envelope_id.lower())
    if kept is None:
        raise DocusignError(
            "ENVELOPE_DOES_NOT_EXIST",
            f"The account has no envelope {envelope_id[:80]}; list them to find its id.",
            status=404,
        )
    return of_kept(kept)


def of_kept(kept: KeptEnvelope) -> Living:
    """Return a kept envelope as it lives."""
    return Living(envelope=_ENVELOPE.decode(kept.body), revision=kept.revision)


async def change(
    server: ConnectServer,
    account_id: str,
    envelope_id: str,
    decide: Callable[[Envelope, int], Step],
    *,
    documents: tuple[tuple[str, bytes], ...] = (),
    dropped_documents: tuple[str, ...] = (),
) -> Living:
    """Let `decide(envelope, at)` change an envelope; return it as it then is.

    Raises what `decide` raises, and `ConflictError` if others keep changing it.
    """
    for _ in range(TRIES):
        before = await read(server, account_id, envelope_id)
        after = await step(
            server, before, decide, documents=documents, dropped_documents=dropped_documents
        )
        if after is not None:
            return after
    raise ConflictError("the envelope is being changed by others all the time; try again")


async def act(server: ConnectServer, account_id: str, envelope_id: str, action: Action) -> Living:
    """Do an action to an envelope; return it as it then is."""

    def decide(envelope: Envelope, at: int) -> Step:
        return lifecycle.act(envelope, action, at=at, limits=server.envelope_limits)

    return await change(server, account_id, envelope_id, decide)


async def step(
    server: ConnectServer,
    before: Living,
    decide: Callable[[Envelope, int], Step],
    *,
    documents: tuple[tuple[str, bytes], ...] = (),
    dropped_documents: tuple[str, ...] = (),
    at: int | None = None,
) -> Living | None:
    """Change an envelope that is in hand; None if it is not as kept any more.

    `at` is when it happens, where that is not now. The documents of one that becomes purged are
    dropped.
    """
    at = moment_after(server, before) if at is None else max(at, before.envelope.modified_at + 1)
    decided = decide(before.envelope, at)
    if decided.envelope == before.envelope and before.revision and not documents:
        return before
    if decided.envelope.is_purged and not before.envelope.is_purged:
        dropped_documents += tuple(one.id for one in before.envelope.documents)
    after = Living(envelope=decided.envelope, revision=before.revision + 1)
    is_kept = await server.enact(
        kept_of(after),
        _notifications(server, decided, at),
        documents=documents,
        dropped_documents=dropped_documents,
    )
    return after if is_kept else None


def _notifications(server: ConnectServer, decided: Step, at: int) -> list[Notification]:
    """Return what a step tells. Raises `DocusignError` where that is more than can be kept.

    A message holds every recipient, and each recipient has a message: both together grow with the
    square of their number.
    """
    if not decided.happenings:
        return []
    summary = message.told(decided.envelope)
    most = server.envelope_limits.told_bytes
    if memoryview(summary).nbytes * len(decided.happenings) > most:
        raise DocusignError(
            "ENVELOPE_TOO_LARGE",
            f"What is told of this to all of its recipients exceeds {most >> 20} MB; give it fewer"
            " recipients of one routingOrder, or fewer tabs.",
        )
    now = server.clock.now()
    return [
        notification(decided.envelope, one, at=at, now=now, summary=summary)
        for one in decided.happenings
    ]


def moment_after(server: ConnectServer, before: Living) -> int:
    """Return now, or a moment just after the last change where the clock stands still."""
    now = server.clock.now()
    return max(now, before.envelope.modified_at + 1) if before.revision else now


def notification(
    envelope: Envelope,
    happening: Happening,
    *,
    at: int,
    now: int,
    only_for: tuple[str, ...] = (),
    occurrence: str = "",
    summary: msgspec.Raw | None = None,
) -> Notification:
    """Return what is told of a happening: kept in full, made smaller for each listener.

    `only_for` publishes it again for these listeners alone; `occurrence` tells it apart.
    """
    said = message.full_message(envelope, happening, at=at, summary=summary)
    return Notification(
        id=event_id(
            envelope.account_id,
            envelope.id,
            f"historical {happening.event}" if only_for else happening.event,
            happening.recipient_id,
            (occurrence or generated_text(at)).encode(),
        ),
        account_id=envelope.account_id,
        envelope_id=envelope.id,
        event=happening.event,
        recipient_id=happening.recipient_id,
        sender_id=envelope.sender.user_id,
        occurred_at=at,
        received_at=now,
        body=said,
        origin="historical" if only_for else "here",
        attached=only_for or envelope.attached,
    )


def kept_of(living: Living) -> KeptEnvelope:
    """Return an envelope as the store keeps it."""
    envelope = living.envelope
    names = [one for each in envelope.recipients for one in (each.name, each.email)]
    return KeptEnvelope(
        account_id=envelope.account_id,
        id=envelope.id,
        revision=living.revision,
        status=envelope.status,
        sender_id=envelope.sender.user_id,
        sender_name=envelope.sender.name,
        sender_email=envelope.sender.email,
        subject=envelope.subject,
        folder=envelope.folder,
        created_at=envelope.created_at,
        modified_at=envelope.modified_at,
        sent_at=envelope.sent_at,
        delivered_at=envelope.delivered_at,
        completed_at=envelope.completed_at,
        declined_at=envelope.declined_at,
        voided_at=envelope.voided_at,
        status_changed_at=envelope.status_changed_at,
        next_at=lifecycle.next_at(envelope),
        transaction_id=envelope.transaction_id,
        fields=tuple((field.name, field.value) for field in envelope.fields),
        search_text="\n".join([envelope.subject, envelope.sender.name, *names]).lower(),
        body=msgspec.json.encode(envelope),
    )
