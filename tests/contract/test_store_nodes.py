"""Many nodes on one database at once: what an embedded store need not show."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace
from tests.contract import postgres
from tests.contract.store_cast import (
    A1,
    AUDIT,
    DONE,
    GIVEN_UP,
    MINUTE,
    T0,
    envelope,
    event_id,
    kept,
    later,
    lease,
    notification,
    owed,
    put,
    recording,
    settle,
    settlement,
    tokens,
)

from postroom.clock import SECOND
from postroom.model import DeliveryState, Lease, Match, OwedState, Replay
from postroom.storage.port import (
    Decision,
    DeliveryQuery,
    Heard,
    Life,
    Ordered,
    Recording,
    RemoveListener,
    Store,
)
from postroom.storage.postgres import PostgresStore, open_store

NODES = 3
EVENTS = 150
"""Each node records so many, of a few envelopes that all of them know."""
ENVELOPES = 8
LISTENERS = (1, 2)
NEVER = T0 + 10**6 * SECOND
"""When a lease ends that does not run out here."""


@pytest.fixture
async def dsn() -> AsyncIterator[str]:
    dsn = await postgres.server().new_database()
    yield dsn
    await postgres.server().give_back(dsn)


@pytest.fixture
async def nodes(dsn: str) -> AsyncIterator[list[PostgresStore]]:
    """Return stores on one database, as so many nodes open it, with the listeners 1 and 2."""
    async with AsyncExitStack() as stack:
        opened: list[PostgresStore] = []
        for _ in range(NODES):
            opened.append(await open_store(dsn))
            stack.push_async_callback(opened[-1].close)
        await opened[0].change([put("erp"), put("crm")], AUDIT)
        yield opened


class Traffic:
    """What all nodes do together, and what must be true of it at every moment."""

    def __init__(self) -> None:
        self.held: set[int] = set()
        self.delivered: defaultdict[tuple[int, str], list[Lease]] = defaultdict(list)
        self.kept: set[str] = set()
        self.chance = random.Random(11)  # noqa: S311  # repeatable, not secret

    def take(self, leases: list[Lease] | tuple[Lease, ...]) -> list[Lease]:
        """Note leases that were given; none may be under another."""
        for one in leases:
            assert one.delivery_id not in self.held
            self.held.add(one.delivery_id)
        return list(leases)

    async def record(self, store: Store, number: int) -> None:
        fresh = notification(number, envelope_id=envelope(number % ENVELOPES))
        room = [one for one in LISTENERS if self.chance.random() < 0.5]
        asked = replace(recording(fresh, *LISTENERS, leased=room), leased_until=NEVER)
        recorded = await store.record(asked)
        if not recorded.is_duplicate:
            assert fresh.id not in self.kept
            self.kept.add(fresh.id)
        await self.deliver(store, self.take(recorded.leases))

    async def deliver(self, store: Store, leases: list[Lease]) -> None:
        """End every lease somehow, and those that follow from it."""
        while leases:
            one = leases.pop()
            self.held.discard(one.delivery_id)
            if self.chance.random() < 0.1:
                await store.release([one], T0 + MINUTE)
                continue
            verdict = later(T0) if self.chance.random() < 0.1 else DONE
            wants_next = self.chance.random() < 0.5
            asked = replace(
                settlement(one, verdict, wants_next=wants_next), next_leased_until=NEVER
            )
            if verdict is DONE:
                # Before the call: the next of the line may be someone else's as soon as it ends.
                self.delivered[one.listener_id, one.notification.envelope_id or ""].append(one)
            settled = await store.settle(asked)
            assert settled.was_ours
            if settled.next is not None:
                leases += self.take((settled.next,))

    async def work(self, store: Store, listener_id: int) -> int:
        """Lease what is due for a listener and deliver it; return how many there were."""
        leases = await store.lease(
            listener_id,
            limit=5,
            now=T0 + EVENTS * NODES * SECOND,
            leased_until=NEVER,
            token=next(tokens),
        )
        taken = self.take(list(leases))
        count = len(taken)
        await self.deliver(store, taken)
        return count


async def _be_a_node(traffic: Traffic, store: Store, place: int) -> None:
    """Record a share of the events, some of which others record too, and deliver what is due."""
    every = range(EVENTS * NODES)
    mine = [number for number in every if number % NODES == place or number % 10 == 0]

    async def record() -> None:
        while mine:
            await traffic.record(store, mine.pop(0))

    async def work(listener_id: int) -> None:
        while mine or await traffic.work(store, listener_id):
            await traffic.work(store, listener_id)

    await asyncio.gather(*(record() for _ in range(6)), *(work(one) for one in LISTENERS))


async def test_nodes_at_once_lose_nothing_lease_nothing_twice_and_keep_the_order(
    nodes: list[PostgresStore],
) -> None:
    traffic = Traffic()

    await asyncio.gather(*(_be_a_node(traffic, store, n) for n, store in enumerate(nodes)))
    for listener_id in LISTENERS:
        while await traffic.work(nodes[0], listener_id):
            pass

    assert traffic.kept == {event_id(number) for number in range(EVENTS * NODES)}
    for listener_id in LISTENERS:
        every = await nodes[0].deliveries(DeliveryQuery(listener_id=listener_id, limit=10_000))
        assert {one.notification_id for one in every} == traffic.kept
        assert {one.state for one in every} == {DeliveryState.DELIVERED}
    for (_, envelope_id), line in traffic.delivered.items():
        assert envelope_id
        newest = 0
        for one in line:
            assert one.is_late == (one.notification.occurred_at < newest)
            newest = max(newest, one.notification.occurred_at)
    counts = await nodes[1].counts()
    assert (counts.notifications, counts.delivered) == (len(traffic.kept), len(traffic.kept) * 2)
    assert counts.backlog == ()


async def test_of_many_nodes_that_record_one_event_one_is_the_first(
    nodes: list[PostgresStore],
) -> None:
    for number in range(20):
        # Every other one without an envelope, whose row would make them wait for each other.
        where = {"envelope_id": envelope(number) if number % 2 else None}
        again = [recording(notification(number, **where), 1, leased=[1]) for _ in range(4 * NODES)]
        recorded = await asyncio.gather(
            *(nodes[place % NODES].record(one) for place, one in enumerate(again))
        )
        assert sum(not one.is_duplicate for one in recorded) == 1
        assert sum(len(one.leases) for one in recorded) == 1
    assert (await nodes[0].counts()).notifications == 20


async def test_of_many_nodes_that_change_one_envelope_one_succeeds_at_each_revision(
    nodes: list[PostgresStore],
) -> None:
    for revision in range(1, 10):
        number = revision * 100
        rivals = [
            Life(
                envelope=kept(1, revision=revision, subject=str(place)),
                recordings=(recording(notification(number + place, origin="here"), 1),),
            )
            for place in range(2 * NODES)
        ]
        lived = await asyncio.gather(
            *(nodes[place % NODES].live(one) for place, one in enumerate(rivals))
        )
        assert sum(one.was_current for one in lived) == 1
    assert len(await owed(nodes[0], 1)) == 9


async def test_revisions_have_no_gaps_whoever_moves_them(nodes: list[PostgresStore]) -> None:
    start = await nodes[0].revision()
    revisions = await asyncio.gather(
        *(nodes[n % NODES].change([put(f"l{n}")], AUDIT) for n in range(5 * NODES))
    )
    assert sorted(revisions) == list(range(start + 1, start + 1 + 5 * NODES))
    listeners = (await nodes[1].registry()).listeners
    assert len(listeners) == 2 + 5 * NODES


async def test_nothing_stays_owed_to_a_listener_that_is_removed_meanwhile(
    nodes: list[PostgresStore],
) -> None:
    """Whatever was entered before is dismissed by the removal, whatever comes later at birth."""
    for turn in range(5):
        revision = await nodes[0].change([put("gone")], AUDIT)
        (listener_id,) = [
            one.id for one in (await nodes[0].registry()).listeners.values() if one.name == "gone"
        ]
        numbers = range(turn * 100, turn * 100 + 30)
        fresh = [recording(notification(n), listener_id, revision=revision) for n in numbers]
        calls = [nodes[n % NODES].record(one) for n, one in enumerate(fresh)]
        removal = nodes[1].change([RemoveListener(account_id=A1, name="gone")], AUDIT)
        await asyncio.gather(*calls[:15], removal, *calls[15:])
        every = await owed(nodes[2], listener_id)
        assert len(every) == (turn + 1) * 30
        assert {one.state for one in every} == {DeliveryState.DISMISSED}


async def test_of_two_nodes_that_decide_what_is_held_one_does(nodes: list[PostgresStore]) -> None:
    for number in range(10):
        fresh = notification(number, envelope_id=None if number % 2 else envelope(1))
        await nodes[0].record(recording(fresh, held=LISTENERS))
        held = await nodes[0].deliveries(DeliveryQuery(notification_id=fresh.id))
        decided = await asyncio.gather(
            *(
                nodes[place % NODES].decide(
                    [Decision(delivery_id=one.id, state=DeliveryState.DISMISSED, reason="no")],
                    now=T0,
                )
                for place, one in enumerate([*held, *held, *held])
            )
        )
        assert sum(decided) == len(LISTENERS)
    # Whoever dismissed the last one saw that the others were.
    assert (await nodes[0].counts()).unclaimed == 10


async def test_nodes_that_replay_one_delivery_queue_as_many(nodes: list[PostgresStore]) -> None:
    (leased,) = (await nodes[0].record(recording(notification(1), 1, leased=[1]))).leases
    await settle(nodes[0], leased, GIVEN_UP)
    order = Ordered(delivery_id=leased.delivery_id, due_at=T0)
    mark = Replay(id="rpl_1", reason="bug")
    queued = await asyncio.gather(
        *(node.replay([order], mark, now=T0, audit=None) for node in nodes)
    )
    assert queued == [1] * NODES
    states = [one.state for one in await owed(nodes[0], 1)]
    assert states == [DeliveryState.GIVEN_UP, DeliveryState.DUE, *[DeliveryState.WAITING] * 2]


async def test_retention_on_every_node_forgets_each_thing_once(nodes: list[PostgresStore]) -> None:
    for number in range(60):
        fresh = notification(number, envelope_id=envelope(number % 5))
        for one in (await nodes[0].record(recording(fresh, 1, leased=[1]))).leases:
            await settle(nodes[0], one)
    while leased := await lease(nodes[0], 1):
        for one in leased:
            await settle(nodes[0], one)
    for verb in ("forget_bodies", "forget"):
        forgotten = await asyncio.gather(
            *(getattr(node, verb)(T0 + 10 * MINUTE, 60) for node in nodes)
        )
        assert sum(forgotten) == 60
    counts = await nodes[0].counts()
    assert (counts.notifications, counts.delivered) == (0, 0)


async def test_freeing_leases_leaves_those_of_nodes_that_are_there_alone(
    nodes: list[PostgresStore],
) -> None:
    """A node that starts again frees its own of before, and those of nodes that have died."""
    leases: list[Lease] = []
    for place, node in enumerate(nodes):
        fresh = recording(notification(place, envelope_id=envelope(place)), 1, leased=[1])
        leases += (await node.record(fresh)).leases
    await nodes[0].close()

    assert await nodes[1].free_leases(T0) == 2

    assert not (await settle(nodes[1], leases[0])).was_ours
    assert not (await settle(nodes[1], leases[1])).was_ours
    assert (await settle(nodes[1], leases[2])).was_ours


async def test_a_lease_that_ran_out_is_taken_over_by_one_node(nodes: list[PostgresStore]) -> None:
    for number in range(10):
        fresh = recording(notification(number, envelope_id=envelope(number)), 1, leased=[1])
        (old,) = (await nodes[0].record(fresh)).leases
        taken = await asyncio.gather(
            *(lease(node, 1, now=old.leased_until, limit=1) for node in nodes)
        )
        (new,) = [one for leases in taken for one in leases]
        assert not (await settle(nodes[0], old)).was_ours
        assert (await settle(nodes[2], new)).was_ours


async def test_shadows_beside_live_listeners_are_kept_by_every_node(
    nodes: list[PostgresStore],
) -> None:
    def beside(number: int) -> Recording:
        live = Match(listener_id=1, state=OwedState.DUE)
        shadow = Match(listener_id=2, state=OwedState.SHADOWED)
        return Recording(
            notification=notification(number),
            matches=(live, shadow),
            is_unclaimed=False,
            registry_revision=1,
            token=next(tokens),
            leased_until=T0 + MINUTE,
        )

    await asyncio.gather(*(nodes[n % NODES].record(beside(n)) for n in range(30)))
    states = [one.state for one in await owed(nodes[0], 1)]
    assert states.count(DeliveryState.DUE) == 1
    assert {one.state for one in await owed(nodes[0], 2)} == {DeliveryState.SHADOWED}


# --- wake-ups -------------------------------------------------------------------------------------


async def test_a_node_hears_what_others_left_due_and_moved_and_nothing_of_its_own(
    nodes: list[PostgresStore],
) -> None:
    listening, other, _ = nodes
    assert await listening.heard() == Heard(is_all=True)

    await listening.record(recording(notification(1), 2))
    await other.record(recording(notification(2, envelope_id=envelope(2)), 1, 2, leased=[2]))
    assert await listening.heard() == Heard(due=frozenset({1}))

    await other.change([put("third")], AUDIT)
    assert await listening.heard() == Heard(moved=frozenset({"registry_revision"}))

    (one,) = await lease(other, 1)
    await other.set_down(1, T0, T0)
    assert await listening.heard() == Heard(moved=frozenset({"states_revision"}))
    await other.release([one], T0)
    assert await listening.heard() == Heard(due=frozenset({1}))


async def test_a_node_that_lost_its_connection_looks_at_everything(
    dsn: str, nodes: list[PostgresStore]
) -> None:
    await nodes[0].heard()
    waiting = asyncio.create_task(nodes[0].heard())
    await asyncio.sleep(0)
    await postgres.server().cut_off(dsn)
    assert (await waiting).is_all
    assert (await nodes[0].heard()).is_all
