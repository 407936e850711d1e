"""Replay: exactly what fits, once, and nothing left out silently."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import envelope_id
from tests.flow.registry_office import (
    GIVEN_UP,
    MINUTE,
    RegistryOffice,
    listener,
    registry_office,
)

from postroom.clock import SECOND
from postroom.errors import ConflictError, InvalidInputError, NotFoundError
from postroom.model import DeliveryState
from postroom.operations import deliveries, health, held, listeners
from postroom.operations.replay import BATCH, Progress, Replayed, Wanted, replay
from postroom.operations.views import DeliveryView, moment

VAULT = Wanted(listener="vault")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RegistryOffice]:
    async with registry_office(tmp_path) as one:
        await one.apply(listener("vault"), listener("other"))
        yield one


async def again(desk: RegistryOffice, wanted: Wanted = VAULT, **how: Any) -> Replayed:
    return await replay(desk.store, wanted, now=desk.now, actor="grace", **how)


async def first_of(desk: RegistryOffice, name: str = "vault") -> DeliveryView:
    page = await deliveries.list_deliveries(desk.store, listener=name)
    return page.items[-1]


async def test_it_goes_to_one_listener_under_the_same_ids_with_a_mark(
    desk: RegistryOffice,
) -> None:
    ids = [await desk.feed(number) for number in (1, 2, 3)]
    await desk.deliver("vault")
    await desk.deliver("other")
    done = await again(desk, reason="wrong status")
    assert (done.matched, done.queued, done.already_replayed, done.not_replayable) == (3, 3, 0, ())
    got = await desk.deliver("vault")
    assert [lease.notification.id for lease in got] == ids
    marks = {(lease.replay.id, lease.replay.reason) for lease in got if lease.replay}
    assert marks == {(done.replay_id, "wrong status")}
    assert await desk.deliver("other") == []


async def test_events_in_any_spelling_and_a_time_range_narrow_it(desk: RegistryOffice) -> None:
    await desk.feed(1, "envelope-voided")
    begin = moment(desk.now + SECOND)
    wanted = [await desk.feed(2, "envelope-voided"), await desk.feed(3, "envelope-declined")]
    await desk.feed(4, "envelope-completed")
    until = moment(desk.now)
    await desk.feed(5, "envelope-declined")
    await desk.deliver("vault")
    narrowed = Wanted(
        listener="vault",
        events=("Voided", "declined"),
        received_from=begin,
        received_until=until,
    )
    assert (await again(desk, narrowed)).queued == 2
    assert [lease.notification.id for lease in await desk.deliver("vault")] == wanted


async def test_a_dry_run_counts_and_queues_nothing(desk: RegistryOffice) -> None:
    await desk.feed(1)
    await desk.deliver("vault")
    done = await again(desk, dry_run=True)
    assert (done.replay_id, done.matched, done.queued) == (None, 1, 1)
    assert await desk.deliver("vault") == []
    assert (await again(desk)).queued == 1


async def test_what_a_replay_delivered_or_still_owes_is_left_out_unless_forced(
    desk: RegistryOffice,
) -> None:
    await desk.feed(1)
    await desk.deliver("vault")
    await again(desk)
    still_owed = await again(desk)
    assert (still_owed.queued, still_owed.already_replayed) == (0, 1)
    await desk.deliver("vault")
    assert (await again(desk)).already_replayed == 1
    assert (await again(desk, force=True)).queued == 1
    (lease,) = await desk.deliver("vault")
    assert lease.replay is not None
    assert lease.replay.is_forced


async def test_a_replay_given_up_is_replayed_again_and_leaves_the_failures(
    desk: RegistryOffice,
) -> None:
    await desk.feed(1)
    await desk.deliver("vault")
    await again(desk)
    await desk.deliver("vault", GIVEN_UP, status=500)
    assert len((await deliveries.list_failures(desk.store)).items) == 1
    assert (await again(desk)).queued == 1
    assert len(await desk.deliver("vault")) == 1
    assert (await deliveries.list_failures(desk.store)).items == ()


async def test_a_replay_of_a_replay_counts_for_the_first_delivery_too(
    desk: RegistryOffice,
) -> None:
    await desk.feed(1)
    await desk.deliver("vault")
    await again(desk)
    await desk.deliver("vault", GIVEN_UP, status=500)
    (failed,) = (await deliveries.list_failures(desk.store)).items
    assert (await again(desk, Wanted(delivery=failed.id))).queued == 1
    await desk.deliver("vault")
    assert (await again(desk)).already_replayed == 1


async def test_at_a_rate_they_become_due_one_after_the_other(desk: RegistryOffice) -> None:
    for number in range(1, 5):
        await desk.feed(number)
    await desk.deliver("vault")
    await again(desk, rate_per_second=5)
    page = await deliveries.list_deliveries(desk.store, listener="vault", states=("due",))
    due = [one.due_at for one in reversed(page.items)]
    assert due == [moment(desk.now + number * 200_000) for number in range(4)]


async def test_what_has_no_body_any_more_is_named_and_the_rest_replayed(
    desk: RegistryOffice,
) -> None:
    old = await desk.feed(1)
    border = desk.now + SECOND
    await desk.feed(2)
    for name in ("vault", "other"):
        await desk.deliver(name)
    assert await desk.store.forget_bodies(border, 100) == 1
    for dry_run in (True, False):
        done = await again(desk, dry_run=dry_run)
        assert (done.matched, done.queued, done.not_replayable) == (2, 1, (old,))
    assert len(await desk.deliver("vault")) == 1


async def test_one_envelope_goes_to_all_that_had_it_and_are_still_there(
    desk: RegistryOffice,
) -> None:
    await desk.feed(1)
    await desk.feed(2)
    for name in ("vault", "other"):
        await desk.deliver(name)
    only = Wanted(envelope=envelope_id(1).upper())
    assert (await again(desk, only, dry_run=True)).queued == 2
    await listeners.remove_listener(desk.store, "other", now=desk.now, actor="grace")
    assert (await again(desk, only)).queued == 1


async def test_given_up_ones_alone_can_be_asked_for(desk: RegistryOffice) -> None:
    await desk.feed(1)
    await desk.deliver("vault")
    await desk.feed(2)
    await desk.deliver("vault", GIVEN_UP, status=500)
    assert (await again(desk, Wanted(listener="vault", states=("given-up",)))).queued == 1


@pytest.mark.parametrize(
    ("wanted", "how", "error", "said"),
    [
        (Wanted(), {}, InvalidInputError, "say what to replay"),
        (Wanted(listener="nobody"), {}, NotFoundError, "postroom listeners"),
        (Wanted(delivery=99), {}, NotFoundError, "postroom failures"),
        (Wanted(delivery=2**63), {}, NotFoundError, "postroom failures"),
        (Wanted(delivery=1, listener="vault"), {}, InvalidInputError, "leave the other"),
        (Wanted(delivery=1, events=("voided",)), {}, InvalidInputError, "leave the other"),
        (Wanted(envelope=""), {}, InvalidInputError, "envelope: '' names nothing"),
        (Wanted(listener=""), {}, NotFoundError, "postroom listeners"),
        (Wanted(listener="vault", events=("",)), {}, InvalidInputError, "events: '' names nothing"),
        (Wanted(listener="vault", states=("due",)), {}, InvalidInputError, "has ended"),
        (Wanted(listener="vault", states=("held",)), {}, InvalidInputError, "has ended"),
        (Wanted(listener="vault", states=("gone",)), {}, InvalidInputError, "there is no state"),
        (Wanted(listener="vault", received_from="June"), {}, InvalidInputError, "from: 'June'"),
        (VAULT, {"rate_per_second": 0}, InvalidInputError, "rate"),
        (VAULT, {"rate_per_second": float("nan")}, InvalidInputError, "rate"),
        (VAULT, {"reason": "a\r\nX-Header: b"}, InvalidInputError, "reason"),
        (VAULT, {"reason": "r" * 201}, InvalidInputError, "reason"),
    ],
)
async def test_what_cannot_be_replayed_is_refused_in_words(
    desk: RegistryOffice, wanted: Wanted, how: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        await again(desk, wanted, **how)


async def test_one_that_has_not_ended_is_refused(desk: RegistryOffice) -> None:
    await desk.feed(1)
    one = await first_of(desk)
    with pytest.raises(ConflictError, match="still being tried"):
        await again(desk, Wanted(delivery=one.id))


async def test_one_that_is_held_waits_for_a_decision_not_a_replay(desk: RegistryOffice) -> None:
    await desk.apply(listener("picky", filter={"customFields.Integration": "ERP"}))
    await desk.feed(1, include=())
    (one,) = (await held.list_held(desk.store)).items
    with pytest.raises(ConflictError, match="is held; decide it"):
        await again(desk, Wanted(delivery=one.id))


async def test_one_of_a_listener_that_was_removed_is_refused(desk: RegistryOffice) -> None:
    await desk.feed(1)
    await desk.deliver("vault")
    one = await first_of(desk)
    await listeners.remove_listener(desk.store, "vault", now=desk.now, actor="grace")
    with pytest.raises(ConflictError, match="was removed"):
        await again(desk, Wanted(delivery=one.id))


async def test_the_audit_log_tells_who_began_it_and_what_it_came_to(desk: RegistryOffice) -> None:
    await desk.feed(1, "envelope-voided")
    await desk.deliver("vault")
    asked = Wanted(listener="vault", events=("voided",))
    done = await again(desk, asked, reason="wrong status")
    ended, begun = (await health.list_audit(desk.store)).items[:2]
    assert (begun.verb, ended.verb, ended.actor) == ("begin-replay", "replay", "grace")
    assert begun.details["replay"] == ended.details["replay"] == done.replay_id
    assert ended.details["filter"] == {"listener": "vault", "events": ["voided"]}
    assert (ended.details["matched"], ended.details["queued"]) == (1, 1)


async def test_a_dry_run_leaves_no_trace(desk: RegistryOffice) -> None:
    before = (await health.list_audit(desk.store)).items
    await again(desk, dry_run=True)
    assert (await health.list_audit(desk.store)).items == before


async def test_long_work_goes_batch_by_batch_and_tells_how_far_it_is(
    desk: RegistryOffice,
) -> None:
    for number in range(BATCH + 1):
        await desk.feed(number)
    await desk.deliver("vault")
    heard: list[Progress] = []
    done = await again(desk, told=heard.append)
    assert (done.matched, done.queued) == (BATCH + 1, BATCH + 1)
    assert [one.looked_at for one in heard] == [BATCH, BATCH + 1]
    got = await desk.deliver("vault")
    assert len({lease.notification.id for lease in got}) == BATCH + 1
    page = await deliveries.list_deliveries(desk.store, listener="vault", limit=1)
    assert page.items[0].state == DeliveryState.DELIVERED


async def test_replays_of_one_envelope_keep_the_order_of_its_events(desk: RegistryOffice) -> None:
    for event in ("envelope-sent", "envelope-delivered", "envelope-completed"):
        await desk.feed(1, event)
        desk.now += MINUTE
    await desk.deliver("vault")
    await again(desk)
    got = [lease.notification for lease in await desk.deliver("vault")]
    assert all(one.occurred_at < later.occurred_at for one, later in pairwise(got))
    assert len(got) == 3
