"""A store against the model, by random calls in random order, with crashes in between.

Shown at every step: nothing is lost, nothing is under two leases, nothing is settled by a stale
lease, and each listener gets each envelope's events in order.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from tests.contract.conftest import BACKENDS
from tests.contract.store_cast import (
    A1,
    AUDIT,
    DONE,
    GIVEN_UP,
    MINUTE,
    T0,
    envelope,
    later,
    notification,
    put,
    settlement,
    tokens,
)
from tests.contract.store_model import OPEN, UNDECIDED, Model, Owed

from postroom.clock import SECOND
from postroom.model import DeliveryState, Lease, Match, OwedState, Replay, Verdict
from postroom.storage.port import (
    Decision,
    DeliveryQuery,
    NotificationQuery,
    Ordered,
    Recorded,
    Recording,
    RemoveListener,
    Store,
    StoredDelivery,
)

T = TypeVar("T")

NAMES = ("erp", "crm", "unordered")
LISTENERS = (1, 2, 3)
UNORDERED = frozenset({3})
DELAYS = st.sampled_from([0, 1, 30, 60, 90])
WHICH = st.integers(0, 10**6)
"""Picks one of however many there are."""
SELDOM = st.integers(0, 9)
"""What ends much that others could still go wrong with happens one time in ten."""


Arrival = tuple[int, int, int, dict[int, OwedState], set[int]]
"""Number, envelope, how long ago it happened, to whom it is owed, and who has room."""
STATES = st.sampled_from(
    [OwedState.DUE] * 6 + [OwedState.HELD, OwedState.CROSSED, OwedState.SHADOWED]
)
ARRIVALS = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.sampled_from([1, 1, 1, 2, 0]),
        st.integers(0, 20),
        st.dictionaries(st.sampled_from(LISTENERS), STATES, min_size=1),
        st.sets(st.sampled_from(LISTENERS)),
    ),
    min_size=1,
    max_size=5,
    unique_by=itemgetter(0),
)


async def _together(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    return await asyncio.gather(*calls)


class StoreMachine(RuleBasedStateMachine):
    """The calls, each made on the store and on the model."""

    kind = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._backend = BACKENDS[self.kind](Path(self._folder.name), self._stack)
        self.store: Store = self._do(self._backend.open())
        self._do(self.store.change([put(name) for name in NAMES], AUDIT))
        self.revision = 1
        self.model = Model()
        self.leases: list[Lease] = []
        """Every lease ever given, in force or not."""
        self.now = T0

    def teardown(self) -> None:
        self._do(self._stack.aclose())
        self._runner.close()
        self._folder.cleanup()

    def _do(self, call: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(call)

    def _stored(self) -> dict[int, StoredDelivery]:
        every = self._do(self.store.deliveries(DeliveryQuery(limit=10_000)))
        return {one.id: one for one in every}

    def _given(self, leases: Sequence[Lease], expected: Sequence[Owed]) -> None:
        """Check leases against those the model gave, and remember them."""
        assert [one.delivery_id for one in leases] == [one.id for one in expected]
        for lease, owed in zip(leases, expected, strict=True):
            assert (lease.token, lease.leased_until) == (owed.token, owed.due_at)
            assert lease.attempt == owed.attempts + 1
            assert lease.is_late == owed.is_late
            assert lease.notification.id == owed.notification_id
            assert lease.notification.body
        self.leases += leases

    @rule(seconds=st.sampled_from([1, 5, 30, 60, 61, 90]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(arrivals=ARRIVALS)
    def record(self, arrivals: list[Arrival]) -> None:
        self._record(arrivals)

    @rule(arrivals=ARRIVALS)
    def record_as_often_as_all_the_rest(self, arrivals: list[Arrival]) -> None:
        self._record(arrivals)

    def _record(self, arrivals: list[Arrival]) -> None:
        """Record at once; the model follows in the order in which the store took them."""
        asked = [self._recording(one) for one in arrivals]
        recorded = self._do(_together([self.store.record(one) for one in asked]))
        for one, became in zip(asked, recorded, strict=True):
            assert became.is_duplicate == (one.notification.id in self.model.kept)
        fresh = [
            (self._sequence(one.notification.id), one, became)
            for one, became in zip(asked, recorded, strict=True)
            if not became.is_duplicate
        ]
        for _, one, became in sorted(fresh, key=itemgetter(0)):
            self._recorded(one, became)

    def _recording(self, arrival: Arrival) -> Recording:
        number, line, ago, owed, room = arrival
        return Recording(
            notification=notification(
                number,
                # Envelope 0 is none at all.
                envelope_id=envelope(line) if line else None,
                occurred_at=self.now - ago * SECOND,
                received_at=self.now,
            ),
            matches=tuple(Match(listener_id=one, state=owed[one]) for one in owed),
            is_unclaimed=False,
            registry_revision=self.revision,
            lease_for=frozenset(room),
            unordered=UNORDERED,
            token=next(tokens),
            leased_until=self.now + MINUTE,
        )

    def _sequence(self, notification_id: str) -> int:
        stored = self._do(self.store.notification(notification_id))
        assert stored is not None
        return stored.sequence

    def _recorded(self, asked: Recording, recorded: Recorded) -> None:
        query = DeliveryQuery(notification_id=asked.notification.id)
        ids = {one.listener_id: one.id for one in self._do(self.store.deliveries(query))}
        born = self.model.record(asked, ids, self.now)
        self._given(recorded.leases, born)
        due = [self.model.owed[ids[match.listener_id]] for match in asked.matches]
        assert recorded.left_due == tuple(
            one.listener_id for one in due if one.state is DeliveryState.DUE and one not in born
        )

    @rule(listener_id=st.sampled_from(LISTENERS), limit=st.integers(1, 4))
    def lease(self, listener_id: int, limit: int) -> None:
        token, until = next(tokens), self.now + MINUTE
        leases = self._do(
            self.store.lease(
                listener_id, limit=limit, now=self.now, leased_until=until, token=token
            )
        )
        self._given(leases, self.model.lease(listener_id, limit, self.now, until, token))

    def _lease(self, which: int) -> Lease:
        """Pick a lease: four times in five one that is in force, if there is one."""
        in_force = [one for one in self.leases if self._holder(one)]
        among = in_force if in_force and which % 5 else self.leases
        return among[which // 5 % len(among)]

    def _holder(self, lease: Lease) -> Owed | None:
        """Return the delivery if the lease is still in force."""
        owed = self.model.owed.get(lease.delivery_id)
        return owed if owed is not None and owed.token == lease.token else None

    @precondition(lambda self: self.leases)
    @rule(
        which=WHICH,
        verdict=st.sampled_from([DONE, DONE, GIVEN_UP, "again"]),
        wants_next=st.booleans(),
        delay=DELAYS,
    )
    def settle(self, which: int, verdict: Any, delay: int, *, wants_next: bool) -> None:
        lease = self._lease(which)
        said: Verdict = later(self.now + delay * SECOND) if verdict == "again" else verdict
        asked = settlement(lease, said, at=self.now, wants_next=wants_next)
        settled = self._do(self.store.settle(asked))
        owed = self._holder(lease)
        assert settled.was_ours == (owed is not None)
        if owed is None:
            assert settled.next is None
            return
        self.model.settle(owed, said, self.now)
        following = [
            one
            for one in self.model.line(owed)
            if wants_next
            and verdict != "again"
            and owed.is_ordered
            and one.state is DeliveryState.DUE
            and (one.due_at or 0) <= self.now
        ]
        for one in following:
            one.token, one.due_at = asked.next_token, asked.next_leased_until
        self._given([settled.next] if settled.next else [], following)

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, delay=DELAYS)
    def extend(self, which: int, delay: int) -> None:
        lease = self._lease(which)
        until = self.now + delay * SECOND
        self._do(self.store.extend([lease], until))
        if owed := self._holder(lease):
            owed.due_at = until

    @precondition(lambda self: self.leases)
    @rule(which=WHICH)
    def release(self, which: int) -> None:
        lease = self._lease(which)
        self._do(self.store.release([lease], self.now))
        if owed := self._holder(lease):
            self.model.give_back(owed, self.now)

    @rule(listener_id=st.sampled_from(LISTENERS))
    def hasten(self, listener_id: int) -> None:
        late = [
            one
            for one in self.model.owed.values()
            if one.listener_id == listener_id
            and one.state is DeliveryState.DUE
            and one.token is None
            and (one.due_at or 0) > self.now
        ]
        assert self._do(self.store.hasten(listener_id, self.now)) == len(late)
        for one in late:
            one.due_at = self.now

    @precondition(lambda self: self.model.owed)
    @rule(
        which=WHICH,
        state=st.sampled_from(
            [DeliveryState.DUE, DeliveryState.DUE, DeliveryState.DISMISSED, DeliveryState.CROSSED]
        ),
    )
    def decide(self, which: int, state: Any) -> None:
        undecided = [one for one in self.model.owed.values() if one.state in UNDECIDED]
        among = undecided or list(self.model.owed.values())
        one = among[which % len(among)]
        asked = Decision(delivery_id=one.id, state=state, reason="said so")
        assert self._do(self.store.decide([asked], now=self.now)) == bool(undecided)
        if undecided:
            self.model.decide(one, state, self.now)

    @precondition(lambda self: self.model.owed)
    @rule(which=WHICH, delay=DELAYS)
    def replay(self, which: int, delay: int) -> None:
        ended = [
            one
            for one in self.model.owed.values()
            if one.state not in OPEN and one.state not in UNDECIDED
        ]
        if not ended:
            return
        old = ended[which % len(ended)]
        due_at = self.now + delay * SECOND
        queued = self._do(
            self.store.replay(
                [Ordered(delivery_id=old.id, due_at=due_at)],
                Replay(id="rpl_1", reason="bug"),
                now=self.now,
                audit=None,
            )
        )
        is_there = old.notification_id in self.model.bodies
        assert queued == (is_there and old.state is not DeliveryState.SHADOWED)
        if queued:
            (new_id,) = self._stored().keys() - self.model.owed.keys()
            self.model.replay(old, new_id, due_at, self.now)

    @rule(which=SELDOM)
    def remove_a_listener_and_put_it_again(self, which: int) -> None:
        if which >= len(NAMES):
            return
        gone = RemoveListener(account_id=A1, name=NAMES[which])
        self._do(self.store.change([gone], AUDIT))
        self.revision = self._do(self.store.change([put(NAMES[which])], AUDIT))
        self.model.remove_listener(LISTENERS[which])

    @rule(ago=DELAYS)
    def forget_bodies(self, ago: int) -> None:
        before = self.now - ago * SECOND
        gone = self.model.forgettable(before) & self.model.bodies
        forgotten = 0
        while dropped := self._do(self.store.forget_bodies(before, 1000)):
            forgotten += dropped
        assert forgotten == len(gone)
        self.model.bodies -= gone

    @rule(span=DELAYS, which=SELDOM)
    def begin_a_partition(self, span: int, which: int) -> None:
        if which < 4:
            self._do(self.store.begin_partition(self.now, span * SECOND))

    @rule(ago=DELAYS, which=SELDOM)
    def forget(self, ago: int, which: int) -> None:
        if which:
            return
        before = self.now - ago * SECOND
        gone = self.model.forgettable(before)
        assert self._do(self.store.forget(before, 1000)) == len(gone)
        self.model.forget(gone)

    @rule(which=SELDOM)
    def the_process_dies_and_starts_again(self, which: int) -> None:
        if which:
            return
        self.store = self._do(self._backend.crash())
        leased = [one for one in self.model.owed.values() if one.token is not None]
        assert self._do(self.store.free_leases(self.now)) == len(leased)
        for one in leased:
            self.model.give_back(one, self.now)

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        stored = self._stored()
        assert stored.keys() == self.model.owed.keys()
        for id_, owed in self.model.owed.items():
            one = stored[id_]
            assert (one.state, one.due_at, one.attempts) == (owed.state, owed.due_at, owed.attempts)
            assert one.is_leased == (owed.token is not None)
            assert (one.superseded_by is not None) == owed.is_superseded
            assert one.has_body == (owed.notification_id in self.model.bodies)

    @invariant()
    def of_a_line_one_is_due_and_it_is_the_first_or_leased(self) -> None:
        for owed in self.model.owed.values():
            if owed.state in OPEN and owed.is_ordered:
                line = self.model.line(owed)
                (due,) = [one for one in line if one.state is DeliveryState.DUE]
                assert due is line[0] or due.token is not None

    @invariant()
    def the_figures_are_right(self) -> None:
        counts = self._do(self.store.counts())
        owed = self.model.owed.values()
        assert counts.notifications == len(self.model.kept)
        assert counts.delivered == sum(one.state is DeliveryState.DELIVERED for one in owed)
        assert sum(one.due for one in counts.backlog) == sum(
            one.state is DeliveryState.DUE for one in owed
        )
        assert sum(one.waiting for one in counts.backlog) == sum(
            one.state is DeliveryState.WAITING for one in owed
        )
        unclaimed = self._do(self.store.notifications(NotificationQuery(only="unclaimed")))
        assert counts.unclaimed == len(unclaimed)


def _run(kind: str, *, examples: int, steps: int) -> None:
    machine = type(f"{kind.title()}Machine", (StoreMachine,), {"kind": kind})
    run_machine(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# A failure takes minutes to be made short enough to read.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", BACKENDS)
def test_a_store_does_what_the_model_does(kind: str) -> None:
    # A call is ten times as long where a server is asked.
    _run(kind, examples=40 if kind == "sqlite" else 10, steps=50)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", BACKENDS)
def test_a_store_does_what_the_model_does_for_long(kind: str) -> None:
    _run(kind, examples=2000, steps=150)
