"""The registry with its history, states of listeners, secrets and tokens."""

import asyncio

import pytest
from msgspec.structs import replace
from tests.contract.conftest import Backend
from tests.contract.store_cast import (
    A1,
    A2,
    AUDIT,
    MINUTE,
    T0,
    envelope,
    lease,
    notification,
    owed,
    put,
    recording,
    settle,
)

from postroom.errors import ConflictError
from postroom.model import (
    Account,
    DeliveryState,
    Enrichment,
    Lane,
    Listener,
    ListenerState,
    User,
    UserCondition,
)
from postroom.storage.port import (
    AuditEntry,
    Change,
    KeepObject,
    KeptObject,
    PutAccount,
    PutLane,
    PutListener,
    PutSecret,
    RemoveAccount,
    RemoveLane,
    RemoveListener,
    SealedSecret,
    Store,
)

ACCOUNT = Account(
    id=A1,
    name="Acme Corp",
    users=(User(id="u", email="svc@example.com", groups=("integrations",)),),
    enrichment=Enrichment(base_url="https://demo.docusign.net/restapi", token_key="sec_1"),
)
LISTENER = Listener(
    id=0,
    account_id=A1,
    name="erp",
    url="https://erp.example.com/docusign",
    events=("envelope-completed",),
    users=UserCondition(kind="only", emails=("svc@example.com",)),
    filter={"customFields.Integration": "ERP", "any": [{"a": {"in": [1, None, True]}}]},
    lane="write-back",
    include=("custom_fields",),
    retry=(1.0, 60.0),
)
LANE = Lane(account_id=A1, name="write-back", on_crossing="deliver", prefer=("erp",))


async def test_at_first_there_is_nothing(empty: Store) -> None:
    assert await empty.revision() == 0
    registry = await empty.registry()
    assert (registry.revision, registry.accounts, registry.listeners, registry.lanes) == (
        0,
        {},
        {},
        {},
    )
    assert await empty.states() == {}
    assert await empty.secrets() == []
    assert await empty.token_hashes() == []


async def test_what_is_put_comes_back_as_one_new_revision(backend: Backend, empty: Store) -> None:
    changes: list[Change] = [
        PutAccount(account=ACCOUNT),
        PutLane(lane=LANE),
        PutListener(listener=LISTENER),
    ]
    assert await empty.change(changes, AUDIT) == 1

    after = await backend.crash()

    registry = await after.registry()
    assert await after.revision() == registry.revision == 1
    assert registry.accounts == {A1: ACCOUNT}
    assert registry.lanes == {(A1, "write-back"): LANE}
    ((listener_id, listener),) = registry.listeners.items()
    assert listener == replace(LISTENER, id=listener_id)
    assert [entry for _, entry in await after.audit_log(after=None, limit=10)] == [AUDIT]


async def test_the_registry_is_known_as_it_stood_at_every_revision(empty: Store) -> None:
    await empty.change([PutAccount(account=ACCOUNT), PutListener(listener=LISTENER)], AUDIT)
    await empty.change([PutListener(listener=replace(LISTENER, url="https://two.example"))], AUDIT)
    await empty.change([RemoveListener(account_id=A1, name="erp"), PutLane(lane=LANE)], AUDIT)
    await empty.change(
        [PutListener(listener=LISTENER), RemoveLane(account_id=A1, name="write-back")], AUDIT
    )

    past = [await empty.registry(revision) for revision in range(5)]

    assert [one.revision for one in past] == [0, 1, 2, 3, 4]
    assert [[each.url for each in one.listeners.values()] for one in past] == [
        [],
        [LISTENER.url],
        ["https://two.example"],
        [],
        [LISTENER.url],
    ]
    assert [len(one.lanes) for one in past] == [0, 0, 0, 1, 0]
    assert [len(one.accounts) for one in past] == [0, 1, 1, 1, 1]
    assert past[4] == await empty.registry()


async def test_changes_of_one_revision_are_made_in_order(empty: Store) -> None:
    await empty.change(
        [put("erp"), RemoveListener(account_id=A1, name="erp"), PutListener(listener=LISTENER)],
        AUDIT,
    )
    await empty.change([put("crm"), RemoveListener(account_id=A1, name="crm")], AUDIT)
    (one,) = (await empty.registry()).listeners.values()
    assert one.url == LISTENER.url
    assert (await empty.registry(1)).listeners == (await empty.registry(2)).listeners


async def test_a_change_worked_out_for_another_revision_does_not_happen(
    backend: Backend, empty: Store
) -> None:
    """Two nodes have read revision 0: the second that writes hears of it and has done nothing."""
    other = await backend.open()
    secret = SealedSecret(
        id="key_1",
        account_id=A1,
        listener=None,
        purpose="hmac",
        sealed=b"sealed",
        fingerprint="0123abcd",
        created_at=T0,
    )
    numbered = KeptObject(kind="number", account_id="", id="last", body=b"1", updated_at=T0)
    late: list[Change | PutSecret | KeepObject] = [
        PutSecret(secret=secret, audit=AUDIT),
        put("crm"),
        KeepObject(kept=numbered),
    ]
    assert await empty.change([put("erp")], AUDIT, expected_revision=0) == 1
    with pytest.raises(ConflictError, match="nothing was changed: try again"):
        await other.change(late, AUDIT, expected_revision=0)
    registry = await other.registry()
    assert (registry.revision, len(registry.listeners)) == (1, 1)
    assert await other.secrets() == []
    assert await other.kept_objects("number", "") == []
    assert len(await other.audit_log(after=None, limit=10)) == 1
    assert await other.change(late, AUDIT, expected_revision=1) == 2
    assert len((await empty.registry()).listeners) == 2
    assert await empty.secrets() == [secret]
    assert await empty.kept_objects("number", "") == [numbered]


async def test_of_changes_worked_out_at_once_for_one_revision_one_happens(
    backend: Backend, empty: Store
) -> None:
    stores = [empty, await backend.open()]
    tried = await asyncio.gather(
        *(
            stores[number % 2].change([put(f"l{number}")], AUDIT, expected_revision=0)
            for number in range(8)
        ),
        return_exceptions=True,
    )
    assert tried.count(1) == 1
    assert sum(isinstance(one, ConflictError) for one in tried) == 7
    assert len((await empty.registry()).listeners) == 1


async def test_a_listener_keeps_its_id_for_good(empty: Store) -> None:
    await empty.change([put("erp"), put("crm"), put("erp", A2)], AUDIT)
    before = {
        (one.account_id, one.name): one.id for one in (await empty.registry()).listeners.values()
    }
    assert len(set(before.values())) == 3
    await empty.change([RemoveListener(account_id=A1, name="erp")], AUDIT)
    await empty.change([put("other")], AUDIT)
    await empty.change([PutListener(listener=replace(LISTENER, id=12345))], AUDIT)
    after = {
        (one.account_id, one.name): one.id for one in (await empty.registry()).listeners.values()
    }
    assert after[A1, "erp"] == before[A1, "erp"]
    assert len(set(after.values())) == 4


async def test_removing_a_listener_dismisses_what_it_is_owed_and_no_one_elses(
    store: Store, erp: int, crm: int
) -> None:
    (leased,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    await store.record(recording(notification(2), erp, crm))
    await store.record(recording(notification(3), held=[erp]))
    await store.record(recording(notification(4), crossed=[erp]))
    sent = recording(notification(5, envelope_id=envelope(2)), erp, leased=[erp])
    (done,) = (await store.record(sent)).leases
    await settle(store, done)

    await store.change(
        [RemoveListener(account_id=A1, name="erp"), RemoveListener(account_id=A1, name="nobody")],
        AUDIT,
    )

    kept = await owed(store, erp)
    assert [one.state for one in kept] == [DeliveryState.DISMISSED] * 4 + [DeliveryState.DELIVERED]
    assert all(one.reason for one in kept[:4])
    assert not any(one.is_leased for one in kept)
    assert [one.state for one in await owed(store, crm)] == [DeliveryState.DUE]
    assert not (await settle(store, leased)).was_ours
    assert await lease(store, erp, now=T0 + 60 * MINUTE) == []


async def test_removing_an_account_removes_all_that_is_its(empty: Store) -> None:
    await empty.change(
        [PutAccount(account=ACCOUNT), PutLane(lane=LANE), put("erp"), put("erp", A2)], AUDIT
    )
    listeners = (await empty.registry()).listeners.values()
    erp = next(one.id for one in listeners if one.account_id == A1)
    await empty.record(recording(notification(1), erp))
    await empty.change([RemoveAccount(account_id=A1)], AUDIT)
    registry = await empty.registry()
    assert (registry.accounts, registry.lanes) == ({}, {})
    assert [one.account_id for one in registry.listeners.values()] == [A2]
    assert [one.state for one in await owed(empty, erp)] == [DeliveryState.DISMISSED]


async def test_a_pause_and_a_breaker_do_not_touch_each_other(store: Store, erp: int) -> None:
    moves = [await store.states_revision()]
    await store.set_paused(erp, T0, AUDIT)
    moves.append(await store.states_revision())
    await store.set_down(erp, T0 + 1, T0 + 2)
    moves.append(await store.states_revision())
    assert await store.states() == {
        erp: ListenerState(listener_id=erp, paused_at=T0, down_since=T0 + 1, probe_at=T0 + 2)
    }

    await store.set_paused(erp, None, AUDIT)
    moves.append(await store.states_revision())
    assert await store.states() == {
        erp: ListenerState(listener_id=erp, down_since=T0 + 1, probe_at=T0 + 2)
    }
    await store.set_down(erp, None, None)
    moves.append(await store.states_revision())

    assert await store.states() == {}
    assert len(set(moves)) == 5
    assert await store.revision() == 1


def secret(name: str, *, sealed: bytes = b"sealed", listener: str | None = None) -> SealedSecret:
    return SealedSecret(
        id=name,
        account_id=A1,
        listener=listener,
        purpose="hmac",
        sealed=sealed,
        fingerprint="0a1b2c3d",
        created_at=T0,
    )


async def test_secrets_come_back_in_the_order_they_were_put(backend: Backend, store: Store) -> None:
    first, second = secret("sec_z"), secret("sec_a", listener="erp")
    moves = [await store.secrets_revision()]
    for one in (first, second):
        await store.put_secret(one, AUDIT)
        moves.append(await store.secrets_revision())
    assert await store.secrets() == [first, second]

    changed = secret("sec_z", sealed=b"sealed anew")
    await store.put_secret(changed, AUDIT)
    moves.append(await store.secrets_revision())

    assert len(set(moves)) == 4
    assert await (await backend.crash()).secrets() == [changed, second]


async def test_a_retired_secret_is_still_listed(store: Store) -> None:
    await store.put_secret(secret("sec_1"), AUDIT)
    before = await store.secrets_revision()
    assert await store.retire_secret("sec_1", T0 + MINUTE, AUDIT)
    assert await store.secrets_revision() != before
    assert [one.retired_at for one in await store.secrets()] == [T0 + MINUTE]
    assert not await store.retire_secret("sec_unknown", T0, AUDIT)


async def test_a_token_is_kept_by_its_name(store: Store) -> None:
    await store.put_token("ci", "aa", AUDIT)
    await store.put_token("admin", "bb", AUDIT)
    await store.put_token("ci", "cc", AUDIT)
    assert sorted(await store.token_hashes()) == [("admin", "bb"), ("ci", "cc")]


async def test_audit_details_come_back_as_they_were(store: Store) -> None:
    entry = AuditEntry(at=T0, actor="bob", verb="replay", details={"count": 37, "of": [None, "ü"]})
    await store.change([], entry)
    ((_, newest),) = await store.audit_log(after=None, limit=1)
    assert newest == entry
