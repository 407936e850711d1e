"""Who and what the store's tests are about, and short ways to write them down."""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from msgspec.structs import replace

from postroom.clock import SECOND
from postroom.model import (
    DeliveryState,
    Done,
    GiveUp,
    Lease,
    Listener,
    Match,
    Notification,
    Outcome,
    OwedState,
    TryAgain,
    Verdict,
)
from postroom.storage.port import (
    AuditEntry,
    DeliveryQuery,
    KeptEnvelope,
    PutListener,
    Recording,
    Settled,
    Settlement,
    Store,
    StoredDelivery,
)

T0 = 1_770_000_000 * SECOND
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
A1 = "a1000000-0000-4000-8000-000000000001"
A2 = "a2000000-0000-4000-8000-000000000002"
DONE = Done()
GIVEN_UP = GiveUp(reason="the retry profile has ended")
AUDIT = AuditEntry(at=T0, actor="tester", verb="test", details={"why": "because"})

tokens = count(1)
"""Every lease token in one run of the tests is different, as the port asks."""


def envelope(number: int) -> str:
    return f"e0000000-0000-4000-8000-{number:012d}"


def event_id(number: int) -> str:
    return f"evt_{number:032x}"


def notification(number: int, **changed: Any) -> Notification:
    """Return notification `number` of envelope 1, which happened and came at T0 + number seconds.

    `changed` are fields of the notification with other values.
    """
    plain = Notification(
        id=event_id(number),
        account_id=A1,
        envelope_id=envelope(1),
        event="envelope-completed",
        recipient_id=None,
        sender_id="5f0c1f3e-0000-4000-8000-000000000567",
        occurred_at=T0 + number * SECOND,
        received_at=T0 + number * SECOND,
        configuration_id="12345",
        body=b'{"event":"envelope-completed"}',
    )
    return replace(plain, **changed)


def kept(number: int, **changed: Any) -> KeptEnvelope:
    """Return envelope `number` as it is first kept, created and changed at T0 + number seconds."""
    at = T0 + number * SECOND
    plain = KeptEnvelope(
        account_id=A1,
        id=envelope(number),
        revision=1,
        status="sent",
        sender_id="5f0c1f3e-0000-4000-8000-000000000567",
        created_at=at,
        modified_at=at,
        status_changed_at=at,
        body=b"{}",
    )
    return replace(plain, **changed)


def recording(
    kept: Notification,
    *listener_ids: int,
    leased: Iterable[int] = (),
    held: Iterable[int] = (),
    crossed: Iterable[int] = (),
    unordered: Iterable[int] = (),
    revision: int = 1,
    remember_fields: bytes | None = None,
) -> Recording:
    """Return a recording owed to `listener_ids`; `held` and `crossed` ones are named besides."""
    matches = (
        *(Match(listener_id=one, state=OwedState.DUE) for one in listener_ids),
        *(Match(listener_id=one, state=OwedState.HELD, reason="unknown") for one in held),
        *(
            Match(listener_id=one, state=OwedState.CROSSED, reason="two want it", lane="erp")
            for one in crossed
        ),
    )
    return Recording(
        notification=kept,
        matches=matches,
        is_unclaimed=not matches,
        registry_revision=revision,
        lease_for=frozenset(leased),
        unordered=frozenset(unordered),
        token=next(tokens),
        leased_until=kept.received_at + MINUTE,
        remember_fields=remember_fields,
    )


def settlement(
    lease: Lease,
    verdict: Verdict = DONE,
    *,
    at: int = T0 + MINUTE,
    status: int | None = 200,
    wants_next: bool = False,
) -> Settlement:
    return Settlement(
        lease=lease,
        outcome=Outcome(status=status, started_at=at - 1000, duration_us=1000),
        verdict=verdict,
        settled_at=at,
        wants_next=wants_next,
        next_token=next(tokens),
        next_leased_until=at + MINUTE,
    )


async def settle(
    store: Store, lease: Lease, verdict: Verdict = DONE, *, at: int = T0 + MINUTE
) -> Settled:
    return await store.settle(settlement(lease, verdict, at=at))


async def lease(
    store: Store, listener_id: int, *, now: int = T0 + MINUTE, limit: int = 100
) -> Sequence[Lease]:
    return await store.lease(
        listener_id, limit=limit, now=now, leased_until=now + MINUTE, token=next(tokens)
    )


async def states(store: Store, listener_id: int) -> list[tuple[str, DeliveryState]]:
    """Return (notification, state) of everything a listener was ever owed, oldest first."""
    return [(one.notification_id, one.state) for one in await owed(store, listener_id)]


async def owed(store: Store, listener_id: int) -> Sequence[StoredDelivery]:
    return await store.deliveries(
        DeliveryQuery(listener_id=listener_id, oldest_first=True, limit=1000)
    )


def later(at: int) -> TryAgain:
    return TryAgain(at=at, reason="503")


def put(name: str, account_id: str = A1) -> PutListener:
    return PutListener(
        listener=Listener(id=0, account_id=account_id, name=name, url=f"https://{name}.example")
    )
