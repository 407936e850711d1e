"""A store in which something of everything has happened, and all that can be seen of one."""

from typing import Any

from msgspec.structs import replace
from tests.contract.store_cast import (
    A1,
    AUDIT,
    DONE,
    GIVEN_UP,
    MINUTE,
    T0,
    envelope,
    kept,
    later,
    lease,
    notification,
    put,
    recording,
    settle,
)

from postroom.model import Account, Match, OwedState, Replay
from postroom.storage.port import (
    ComparisonQuery,
    DeliveryQuery,
    EnvelopeQuery,
    KeptObject,
    Life,
    NotificationQuery,
    Ordered,
    PutAccount,
    Rejection,
    RemoveListener,
    SealedSecret,
    Store,
)

ERP, CRM, BI = 1, 2, 3
"""Listener ids, in the order in which they are put."""
NOTIFICATIONS = 15
LONG = "long " * 300
"""Too long for an index of PostgreSQL's."""
FIELDS = (("Integration", "ERP"), ("Long", LONG), ("Odd", "N\x00"))


async def live_through_everything(store: Store, *, sealed: bytes = b"sealed") -> None:
    """Let something of everything happen; at the end nothing is leased."""
    await store.change([PutAccount(account=Account(id=A1, name="Acme Corp")), put("erp")], AUDIT)
    await store.change([put("crm"), put("bi")], AUDIT)
    for number in range(1, NOTIFICATIONS + 1):
        one = notification(number, envelope_id=envelope(number % 5), body=b"%d" % number * 500)
        made = recording(one, ERP, CRM, revision=2, remember_fields=b"[]")
        shadow = Match(listener_id=BI, state=OwedState.SHADOWED)
        await store.record(replace(made, matches=(*made.matches, shadow)))
    await store.record(recording(notification(3, envelope_id=envelope(3)), ERP))
    await store.record(recording(notification(101), held=[ERP], crossed=[CRM]))
    await store.record(recording(notification(102, flaw="odd\x00", is_readable=False)))
    for got in (await lease(store, ERP))[:3]:
        await settle(store, got)
    first, second = (await lease(store, CRM))[:2]
    await settle(store, first, GIVEN_UP)
    await settle(store, second, later(T0 + 90 * MINUTE))
    order = [Ordered(delivery_id=first.delivery_id, due_at=T0)]
    await store.replay(order, Replay(id="rpl_1", reason="again"), now=T0 + MINUTE, audit=AUDIT)
    await store.change([RemoveListener(account_id=A1, name="bi")], AUDIT)
    await store.set_paused(CRM, T0, AUDIT)
    await store.set_down(ERP, T0, T0 + MINUTE)
    for number in (1, 2):
        secret = SealedSecret(
            id=f"key_{number}",
            account_id=A1,
            listener=None,
            purpose="hmac",
            sealed=sealed,
            fingerprint="0123abcd",
            created_at=T0,
        )
        await store.put_secret(secret, AUDIT)
    await store.retire_secret("key_1", T0 + MINUTE, AUDIT)
    await store.put_token("admin", "ab" * 32, AUDIT)
    await store.reject([Rejection(at=T0, account_id=A1, remote="::1", reason="no", hint=None)])
    for number in range(1, 8):
        living = kept(number, fields=FIELDS, search_text="subject")
        await store.live(Life(envelope=living, documents=(("1", b"%PDF"),)))
    told = recording(notification(103), ERP, revision=3)
    again = replace(kept(1, fields=FIELDS), revision=2)
    await store.live(Life(envelope=again, recordings=(told,)))
    await store.keep_object(
        KeptObject(kind="template", account_id=A1, id="t1", body=b"{}", updated_at=T0)
    )
    await store.free_leases(T0 + 2 * MINUTE)


async def seen(store: Store) -> dict[str, Any]:
    """Return all that the port lets one see of a store."""
    notifications = await store.notifications(NotificationQuery(limit=1000, oldest_first=True))
    deliveries = await store.deliveries(DeliveryQuery(limit=1000, oldest_first=True))
    page, _ = await store.kept_envelopes(EnvelopeQuery(account_id=A1))
    compared = ComparisonQuery(account_id=A1, listener_ids=(ERP, CRM, BI), from_revision=0)
    revision = await store.revision()
    return {
        "counts": await store.counts(),
        "registries": [await store.registry(one) for one in range(revision + 1)],
        "revisions": [await store.listener_revisions(one) for one in (ERP, CRM, BI)],
        "moved": (revision, await store.secrets_revision(), await store.states_revision()),
        "states": sorted((await store.states()).items()),
        "secrets": list(await store.secrets()),
        "tokens": list(await store.token_hashes()),
        "audit": list(await store.audit_log(after=None, limit=1000)),
        "rejections": list(await store.rejections(after=None, limit=1000)),
        "notifications": list(notifications),
        "whole": [await store.notification(one.notification.id) for one in notifications],
        "repeats": [list(await store.repeats(one.notification.id)) for one in notifications],
        "deliveries": list(deliveries),
        "attempts": [list(await store.attempts(one.id)) for one in deliveries],
        "compared": list(await store.compared(compared)),
        "sticky": await store.sticky_fields(A1, envelope(1)),
        "next": await store.next_due((ERP, CRM, BI)),
        "envelopes": list(page),
        "found": [
            [one.id for one in (await store.kept_envelopes(query))[0]]
            for query in (
                EnvelopeQuery(account_id=A1, field=("Long", LONG)),
                EnvelopeQuery(account_id=A1, field=("Integration", "ERP")),
            )
        ],
        "documents": [await store.envelope_document(A1, one.id, "1") for one in page],
        "objects": list(await store.kept_objects("template", A1)),
    }


def without_nul(value: Any) -> str:
    """Return all that was seen as PostgreSQL's store keeps it: no NUL, but its symbol."""
    return repr(value).replace("\\x00", "\N{SYMBOL FOR NULL}")


async def delivered_from_here(store: Store, listener_id: int) -> list[str]:
    """Deliver all that a listener is still owed, in the order of its lines; return what it got."""
    got: list[str] = []
    while leases := await lease(store, listener_id, now=T0 + 1000 * MINUTE):
        for one in leases:
            got.append(one.notification.id)
            await settle(store, one, DONE)
    return got
