"""Leases: one at a time for each delivery, and nothing settled without one."""

import asyncio

from tests.contract.conftest import Backend
from tests.contract.store_cast import (
    DONE,
    GIVEN_UP,
    MINUTE,
    T0,
    envelope,
    event_id,
    later,
    lease,
    notification,
    owed,
    recording,
    settle,
    settlement,
    states,
)

from postroom.clock import SECOND
from postroom.model import DeliveryState, Outcome
from postroom.storage.port import Settlement, Store

SOON = 7 * SECOND


async def _apart(store: Store, count: int, *listener_ids: int) -> None:
    """Record events of different envelopes, so that all are due at once."""
    for number in range(count):
        await store.record(
            recording(notification(number, envelope_id=envelope(number)), *listener_ids)
        )


async def test_the_longest_due_is_leased_first(store: Store, erp: int) -> None:
    await _apart(store, 5, erp)
    leased = await lease(store, erp, limit=3)
    assert [one.notification.id for one in leased] == [event_id(n) for n in (0, 1, 2)]
    assert [one.notification.id for one in await lease(store, erp)] == [event_id(3), event_id(4)]


async def test_a_lease_carries_all_that_an_attempt_needs(store: Store, erp: int) -> None:
    kept = notification(1, sticky_fields=b"{}", recipient_id="1", flaw="odd")
    await store.record(recording(kept, erp))
    (one,) = await store.lease(
        erp, limit=1, now=T0 + MINUTE, leased_until=T0 + 2 * MINUTE, token=77
    )
    assert one.notification == kept
    assert (one.listener_id, one.token, one.leased_until) == (erp, 77, T0 + 2 * MINUTE)
    assert (one.attempt, one.replay, one.is_late) == (1, None, False)


async def test_no_delivery_is_under_two_leases(store: Store, erp: int) -> None:
    await _apart(store, 20, erp)
    rounds = await asyncio.gather(*(lease(store, erp, limit=3) for _ in range(10)))
    ids = [one.delivery_id for leases in rounds for one in leases]
    assert len(ids) == len(set(ids)) == 20


async def test_leases_of_one_listener_are_not_of_another(store: Store, erp: int, crm: int) -> None:
    await store.record(recording(notification(1), erp, crm))
    assert len(await lease(store, erp)) == 1
    assert len(await lease(store, crm)) == 1


async def test_a_lease_that_ran_out_may_be_taken_and_its_old_token_settles_nothing(
    store: Store, erp: int
) -> None:
    (old,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    assert await lease(store, erp, now=old.leased_until - 1) == []
    (new,) = await lease(store, erp, now=old.leased_until)

    assert not (await settle(store, old, at=old.leased_until + 1)).was_ours

    (still,) = await owed(store, erp)
    assert (still.state, still.is_leased, still.attempts) == (DeliveryState.DUE, True, 0)
    assert await store.attempts(old.delivery_id) == []
    assert (await settle(store, new)).was_ours


async def test_who_lost_a_lease_hears_of_it_after_the_one_who_took_it(
    store: Store, erp: int
) -> None:
    (old,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    heard: list[str] = []

    async def took() -> None:
        heard.extend("took" for _ in await lease(store, erp, now=old.leased_until))

    async def settled() -> None:
        heard.append("ours" if (await settle(store, old, at=old.leased_until)).was_ours else "lost")

    # The first call is of the leases' kind: where a store groups calls, leasing goes before.
    await asyncio.gather(store.extend([], old.leased_until), settled(), took())

    assert heard in (["took", "lost"], ["ours"])


async def test_a_lease_that_ran_out_but_was_not_taken_still_settles(store: Store, erp: int) -> None:
    (old,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    assert (await settle(store, old, at=old.leased_until + MINUTE)).was_ours


async def test_a_lease_settles_once(store: Store, erp: int) -> None:
    (one,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    settled = await asyncio.gather(*(settle(store, one) for _ in range(5)))
    assert sum(each.was_ours for each in settled) == 1
    assert len(await store.attempts(one.delivery_id)) == 1
    assert not (await settle(store, one)).was_ours


async def test_a_settlement_survives_a_crash(backend: Backend, store: Store, erp: int) -> None:
    (one,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    await settle(store, one)
    after = await backend.crash()
    assert await states(after, erp) == [(event_id(1), DeliveryState.DELIVERED)]
    assert len(await after.attempts(one.delivery_id)) == 1


async def test_an_attempt_is_kept_as_it_went_and_bounded(store: Store, erp: int) -> None:
    (one,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    await store.settle(
        Settlement(
            lease=one,
            outcome=Outcome(
                status=503,
                failure=None,
                detail="d" * 100_000,
                response_headers=(("Retry-After", "60"), ("X-Big", "b" * 100_000)),
                response_body=b"r" * 100_000,
                started_at=T0,
                duration_us=1234,
            ),
            verdict=later(T0 + 5 * MINUTE),
            settled_at=T0 + MINUTE,
        )
    )
    (attempt,) = await store.attempts(one.delivery_id)
    assert (attempt.number, attempt.status, attempt.failure) == (1, 503, None)
    assert (attempt.started_at, attempt.duration_us) == (T0, 1234)
    assert (attempt.verdict, attempt.verdict_reason) == ("try-again", "503")
    assert attempt.next_at == T0 + 5 * MINUTE
    assert attempt.response_excerpt == b"r" * 2048
    assert attempt.response_headers == (("Retry-After", "60"),)
    assert 0 < len(attempt.detail) <= 1000


async def test_done_and_give_up_end_a_delivery_with_its_last_answer(
    store: Store, erp: int, crm: int
) -> None:
    leases = (await store.record(recording(notification(1), erp, crm, leased=[erp, crm]))).leases
    await store.settle(settlement(leases[0], DONE, status=204))
    await store.settle(settlement(leases[1], GIVEN_UP, status=410))

    (done,) = await owed(store, erp)
    assert (done.state, done.last_status, done.attempts) == (DeliveryState.DELIVERED, 204, 1)
    assert done.settled_at == T0 + MINUTE
    assert not done.is_leased
    (failed,) = await owed(store, crm)
    assert (failed.state, failed.last_status) == (DeliveryState.GIVEN_UP, 410)
    assert failed.reason == GIVEN_UP.reason
    assert [one.verdict for one in await store.attempts(done.id)] == ["done"]
    assert [one.verdict for one in await store.attempts(failed.id)] == ["give-up"]
    assert await store.next_due([erp, crm]) == {}


async def test_try_again_makes_it_due_at_that_moment_with_the_next_number(
    store: Store, erp: int
) -> None:
    (first,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    again_at = T0 + 10 * MINUTE
    await settle(store, first, later(again_at))

    assert await lease(store, erp, now=again_at - 1) == []
    (second,) = await lease(store, erp, now=again_at)
    assert second.attempt == 2
    await settle(store, second, at=again_at)
    assert [one.number for one in await store.attempts(first.delivery_id)] == [1, 2]


async def test_extending_lasts_for_leases_that_are_still_ours_only(store: Store, erp: int) -> None:
    (old,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    (new,) = await lease(store, erp, now=old.leased_until)
    await store.extend([old], old.leased_until + 100 * MINUTE)
    assert await store.next_due([erp]) == {erp: new.leased_until}

    await store.extend([new], new.leased_until + MINUTE)

    assert await lease(store, erp, now=new.leased_until) == []
    assert len(await lease(store, erp, now=new.leased_until + MINUTE)) == 1


async def test_releasing_makes_it_due_now_unless_the_lease_went_elsewhere(
    store: Store, erp: int
) -> None:
    (one,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    await store.release([one], T0 + SOON)
    assert await store.next_due([erp]) == {erp: T0 + SOON}
    (again,) = await lease(store, erp, now=T0 + SOON)
    assert again.attempt == 1

    await store.release([one], T0 + SOON)

    (still,) = await owed(store, erp)
    assert still.is_leased
    assert not (await settle(store, one)).was_ours


async def test_freeing_all_leases_makes_them_due_at_start(
    backend: Backend, store: Store, erp: int, crm: int
) -> None:
    await store.record(recording(notification(1), erp, crm, leased=[erp, crm]))
    await store.record(recording(notification(2, envelope_id=envelope(2)), erp))
    after = await backend.crash()

    assert await after.free_leases(T0 + 2_000_000) == 2

    assert await after.free_leases(T0 + 2_000_000) == 0
    assert len(await lease(after, erp, now=T0 + 2_000_000)) == 2
    assert len(await lease(after, crm, now=T0 + 2_000_000)) == 1


async def test_next_due_is_the_earliest_and_counts_a_lease_by_its_end(
    store: Store, erp: int, crm: int
) -> None:
    assert await store.next_due([erp, crm]) == {}
    leased = recording(notification(1), erp, leased=[erp])
    await store.record(leased)
    assert await store.next_due([erp, crm]) == {erp: leased.leased_until}
    await store.record(recording(notification(2, envelope_id=envelope(2)), erp, crm))
    assert await store.next_due([erp, crm]) == {erp: T0 + 2_000_000, crm: T0 + 2_000_000}
    assert await store.next_due([crm]) == {crm: T0 + 2_000_000}
    assert await store.next_due([]) == {}


async def test_hastening_moves_what_is_due_later_and_leaves_leases_alone(
    store: Store, erp: int
) -> None:
    await _apart(store, 3, erp)
    first, second, third = await lease(store, erp)
    await settle(store, first, later(T0 + 50 * MINUTE))
    await settle(store, second, later(T0 + 60 * MINUTE))

    now = T0 + MINUTE + SOON
    assert await store.hasten(erp, now) == 2

    assert await store.hasten(erp, now) == 0
    hastened = {one.delivery_id for one in await lease(store, erp, now=now)}
    assert hastened == {first.delivery_id, second.delivery_id}
    assert (await settle(store, third)).was_ours
