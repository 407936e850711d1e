"""The worker: takes leases to the road's end, each listener in its own line."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from postroom import observe
from postroom.clock import SECOND, Clock
from postroom.errors import UnavailableError
from postroom.model import LEASE_SECONDS, Lease, Listener, ListenerState, TryAgain, new_token
from postroom.pipeline import Delivered, Road
from postroom.roster import Roster
from postroom.storage.port import Recorded, Store
from postroom.workers.attendance import Attendance
from postroom.workers.line import MOST_FETCHED, Line
from postroom.workers.patience import Patience

POLL_SECONDS = 1.0
"""The floor under all wake-ups: what another process queued is seen within this time."""
IN_ONE_GO = 200
"""So many listeners are looked at before others have their turn."""
WRITE_AGAIN_SECONDS = 0.5
"""How long to wait before the store is told again how a breaker stands."""


class Worker:
    """Performs deliveries. Everything runs on one event loop, so plain state suffices."""

    def __init__(
        self, *, road: Road, store: Store, clock: Clock, roster: Callable[[], Roster]
    ) -> None:
        self._road = road
        self._store = store
        self._clock = clock
        self._roster = roster
        self._lines: dict[int, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._reminders: set[asyncio.Task[None]] = set()
        """Those of the tasks that only wait for the moment of a later try."""
        self._is_draining = False
        self._next_at: int | None = None
        """When something is due next, as far as was seen at the last look."""
        self._is_to_look = asyncio.Event()
        self.attendance = Attendance(
            store,
            draining=self._draining,
            changed=self._shares_changed,
            lost=self._free_gone,
            was_out=self._begin_anew,
        )

    # --- what the road asks (pipeline.Dispatch) ----------------------------------------------

    def reserve(self, listener_ids: Iterable[int]) -> frozenset[int]:
        """Keep a place in each line that has room, and return those listeners."""
        if self._is_draining or not self.attendance.is_sure:
            return frozenset()
        now = self._clock.now()
        kept = []
        for listener_id in listener_ids:
            listener, line = self._find(listener_id)
            # Behind a backlog a fresh delivery queues in the store: first come, first served.
            if listener is None or line.has_backlog:
                continue
            if line.room(self.attendance.share(listener), now) > 0:
                line.reserved += 1
                kept.append(listener_id)
        return frozenset(kept)

    def take(self, leases: Sequence[Lease]) -> None:
        """Put fresh leases in their lines and start what can start."""
        for lease in leases:
            self._line(lease.listener_id).put(lease)

    def settle_up(self, reserved: frozenset[int], owed: Recorded | None) -> None:
        """Free the kept places; lines that were full find their delivery in the store."""
        for listener_id in reserved:
            self._line(listener_id).reserved -= 1
        if owed is None:
            return
        for listener_id in owed.left_due:
            self._line(listener_id).has_backlog = True
        for listener_id in {*reserved, *owed.left_due}:
            self._advance(listener_id)

    # --- upkeep's side -----------------------------------------------------------------------

    def roster_changed(self) -> None:
        """Take over pauses, and let go of listeners that are gone."""
        roster = self._roster()
        for listener_id in [id_ for id_ in self._lines if roster.listener(id_) is None]:
            self._lines[listener_id].ready.clear()  # dismissed when it was removed
            if not self._lines[listener_id].on_wire:
                del self._lines[listener_id]
        for listener_id, listener in roster.registry.listeners.items():
            line, state = self._line(listener_id), roster.states.get(listener_id)
            if state is not None or line.down_since is not None:
                self._go_by_state(line, state, roster.states_revision)
            if line.said is not listener:
                self._give_another_chance(line, listener)
            was_paused = line.is_paused
            line.is_paused = state is not None and state.paused_at is not None
            if was_paused and not line.is_paused:
                line.has_backlog = True
            if was_paused is not line.is_paused:
                self._advance(listener_id)
        observe.DOWN.set(sum(1 for line in self._lines.values() if line.down_since is not None))

    def _go_by_state(self, line: Line, state: ListenerState | None, revision: int) -> None:
        """Take over what another node found, or a person asked for, of a listener's breaker.

        Not what was read before our own last word on it was written.
        """
        if line.is_unwritten or line.is_writing or revision < line.written_at_revision:
            return
        if line.take_over(state):
            self._advance(line.listener_id)

    def _give_another_chance(self, line: Line, listener: Listener) -> None:
        """Try a listener that is down at once when it was changed; one node of many does."""
        was, line.said = line.said, listener
        is_changed = was is not None and was != listener
        if line.down_since is None or not is_changed:
            return
        if self.attendance.share(listener).is_first:
            # A changed listener is not yet known to fail for days.
            line.down_since = line.probe_at = self._clock.now()
            self._spawn(self._write_state(line))
            line.has_backlog = True
            self._advance(line.listener_id)

    def wake(self, listener_ids: Iterable[int]) -> None:
        """Fetch what another node has left due for these."""
        for listener_id in listener_ids:
            self._line(listener_id).has_backlog = True
            self._advance(listener_id)

    def look_soon(self) -> None:
        """Look at once for what is due, of whichever listener."""
        self._is_to_look.set()

    def held_leases(self) -> list[Lease]:
        """Return every lease in hand, for extending."""
        return [
            lease
            for line in self._lines.values()
            for lease in (*line.on_wire.values(), *line.ready.values())
        ]

    @property
    def in_hand(self) -> int:
        """How many leases are in hand or promised."""
        return sum(line.in_hand for line in self._lines.values())

    async def run(self) -> None:
        """Look for work whose moment has come, until cancelled."""
        self.roster_changed()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.attendance.run())
            group.create_task(self._look_again_and_again())

    def stand_down(self) -> None:
        """Start nothing more: what is owed from now on is left due, for other nodes."""
        self._is_draining = True

    async def drain(self, seconds: float) -> None:
        """Start nothing more, give ready leases back, and let what is on the wire end."""
        self.stand_down()
        self.attendance.begin_leaving()
        await self._give_back(self._ready())
        for reminder in self._reminders:  # the store knows when each is due
            reminder.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._give_back(self.held_leases())  # what came meanwhile was not started
        await self._patiently(self.attendance.leave)

    # --- the work ----------------------------------------------------------------------------

    async def _look_again_and_again(self) -> None:
        patience = Patience("deliveries")
        while True:
            self._is_to_look.clear()
            await patience.do(self._look)
            await self._pause(self._next_at)

    async def _look(self) -> None:
        """Mark the lines that have work due, and note when the next is due."""
        roster, now = self._roster(), self._clock.now()
        self._next_at = None
        watched = []
        for count, (listener_id, listener) in enumerate(roster.registry.listeners.items(), 1):
            if self._line(listener_id).room(self.attendance.share(listener), now) > 0:
                watched.append(listener_id)
            if count % IN_ONE_GO == 0:
                await asyncio.sleep(0)
        due = await self._store.next_due(watched)
        for listener_id, moment in due.items():
            if moment <= now:
                self._line(listener_id).has_backlog = True
                self._advance(listener_id)
        later = [moment for moment in due.values() if moment > now]
        later += [line.probe_at for line in self._lines.values() if line.probe_at > now]
        self._next_at = min(later, default=None)

    async def _pause(self, next_at: int | None) -> None:
        """Wait for the next moment, for the poll or for a word, whichever comes first."""
        waits: set[asyncio.Task[Any]] = {
            asyncio.create_task(asyncio.sleep(POLL_SECONDS)),
            asyncio.create_task(self._is_to_look.wait()),
        }
        if next_at is not None:
            waits.add(asyncio.create_task(self._clock.sleep_until(next_at)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _advance(self, listener_id: int) -> None:
        """Start what is ready."""
        while lease := self._next(listener_id):
            self._spawn(self._serve(lease))

    def _next(self, listener_id: int) -> Lease | None:
        """Return what is to be started now, if anything; fetch more if the store has more.

        While the line rests, what is ready goes back: a lease can be on its way from the store, or
        be born with its notification, in the very moment that the listener goes down.
        """
        listener, line = self._find(listener_id)
        if listener is None or self._is_draining or not self.attendance.is_sure:
            return None
        share, now = self.attendance.share(listener), self._clock.now()
        if line.is_resting(share, now):
            if line.ready:
                self._spawn(self._give_back(line.give_back()))
            return None
        lease = line.start(share)
        if line.has_backlog and not line.is_pumping and line.wants_more(share, now):
            line.is_pumping = True
            self._spawn(self._pump(line))
        return lease

    async def _serve(self, lease: Lease | None) -> None:
        """Perform a delivery, and in its place whatever is ready next."""
        while lease is not None:
            await self._deliver(self._line(lease.listener_id), lease)
            lease = self._next(lease.listener_id)

    async def _pump(self, line: Line) -> None:
        """Lease what is due into a line's free places."""
        try:
            listener, now = self._roster().listener(line.listener_id), self._clock.now()
            room = line.room(self.attendance.share(listener), now) if listener else 0
            room = min(room, MOST_FETCHED)
            if room == 0:
                return
            line.has_backlog = False
            line.reserved += room
            try:
                leases = await self._store.lease(
                    line.listener_id,
                    limit=room,
                    now=now,
                    leased_until=now + LEASE_SECONDS * SECOND,
                    token=new_token(),
                )
            finally:
                line.reserved -= room
            for lease in leases:
                line.put(lease)
            line.has_backlog = line.has_backlog or len(leases) == room
        except UnavailableError as problem:
            # The poll comes back to it: `next_due` still names this listener.
            observe.log.warning("cannot lease", listener=line.listener_id, reason=str(problem))
        finally:
            line.is_pumping = False
        self._advance(line.listener_id)

    async def _deliver(self, line: Line, lease: Lease) -> None:
        observe.IN_FLIGHT.inc()
        try:
            delivered = await self._road.deliver(
                lease, held=line.on_wire, wants_next=self._wants_next(line)
            )
        except asyncio.CancelledError:
            raise  # `drain` gives the lease back
        except BaseException:
            await self._give_back([line.on_wire.pop(lease.delivery_id)])
            raise
        finally:
            observe.IN_FLIGHT.dec()
        line.on_wire.pop(lease.delivery_id)
        if delivered is not None:
            await self._conclude(line, lease, delivered)

    def _wants_next(self, line: Line) -> bool:
        """Tell whether the next of an envelope may follow here what is on the wire now."""
        listener = self._roster().listener(line.listener_id)
        if listener is None or self._is_draining or line.is_paused or line.down_since is not None:
            return False
        return len(line.on_wire) <= self.attendance.share(listener).places

    async def _conclude(self, line: Line, lease: Lease, delivered: Delivered) -> None:
        outcome = delivered.outcome
        if delivered.settled.next is not None:
            line.put(delivered.settled.next, first=True)
        if isinstance(delivered.verdict, TryAgain):
            self._remind(line, delivered.verdict.at)
        listener = self._roster().listener(line.listener_id)
        if listener is None:
            return
        if outcome.status is not None and 200 <= outcome.status < 300:  # noqa: PLR2004  # HTTP's own numbers
            if line.succeeded():
                await self._recovered(line, listener)
        elif line.failed(lease.delivery_id, listener, self._clock.now()):
            await self._went_down(line, listener)
        elif line.down_since is not None:
            await self._write_state(line)

    def _remind(self, line: Line, moment: int) -> None:
        """Come back to a line at a moment; one reminder a line, the poll finds the rest."""
        if line.retry_at is None or moment < line.retry_at:
            line.retry_at = moment
            reminder = self._spawn(self._come_back(line, moment))
            self._reminders.add(reminder)
            reminder.add_done_callback(self._reminders.discard)

    async def _come_back(self, line: Line, moment: int) -> None:
        await self._clock.sleep_until(moment)
        if line.retry_at == moment:
            line.retry_at = None
        line.has_backlog = True
        self._advance(line.listener_id)

    async def _went_down(self, line: Line, listener: Listener) -> None:
        observe.log.warning("listener is down", account=listener.account_id, listener=listener.name)
        observe.DOWN.inc()
        self._advance(line.listener_id)  # what is ready goes back
        await self._write_state(line)

    async def _recovered(self, line: Line, listener: Listener) -> None:
        """Let everything that waits go at once, in order: the outage is over (contract 5)."""
        observe.log.warning(
            "listener is well again", account=listener.account_id, listener=listener.name
        )
        observe.DOWN.dec()
        line.probe_at = 0
        await self._write_state(line)
        await self._patiently(self._store.hasten, line.listener_id, self._clock.now())
        line.has_backlog = True

    async def _write_state(self, line: Line) -> None:
        """Tell the store, and with it the other nodes, how the breaker stands: until it knows."""
        line.is_unwritten = True
        if line.is_writing:
            return
        line.is_writing = True
        try:
            while line.is_unwritten:
                await self._write_once(line)
        finally:
            line.is_writing = False

    async def _write_once(self, line: Line) -> None:
        line.is_unwritten = False
        probe_at = line.probe_at if line.down_since is not None else None
        try:
            line.written_at_revision = await self._store.set_down(
                line.listener_id, line.down_since, probe_at
            )
        except UnavailableError as problem:
            observe.log.warning("not written", verb="set_down", reason=str(problem))
            line.is_unwritten = True
            await asyncio.sleep(WRITE_AGAIN_SECONDS)

    async def _give_back(self, leases: Sequence[Lease]) -> None:
        if leases:
            await self._patiently(self._store.release, leases, self._clock.now())

    async def _patiently(
        self, verb: Callable[..., Coroutine[Any, Any, Any]], *arguments: object
    ) -> None:
        """Do what may fail without harm: a lease runs out, a state is written again."""
        try:
            await verb(*arguments)
        except UnavailableError as problem:
            observe.log.warning("not written", verb=verb.__name__, reason=str(problem))

    # --- of many nodes -----------------------------------------------------------------------

    def _draining(self) -> frozenset[int]:
        """Return the ids of the listeners with more calls on the wire than places of ours."""
        return frozenset(
            line.listener_id
            for line in self._lines.values()
            if line.on_wire and len(line.on_wire) > self._places(line.listener_id)
        )

    def _places(self, listener_id: int) -> int:
        listener = self._roster().listener(listener_id)
        return 0 if listener is None else self.attendance.share(listener).places

    def _shares_changed(self) -> None:
        """Give back what others are to do now, and look for what is ours to do."""
        for listener_id, line in list(self._lines.items()):
            listener = self._roster().listener(listener_id) if line.in_hand else None
            if listener is None:
                continue
            if excess := line.give_back(self.attendance.share(listener)):
                self._spawn(self._give_back(excess))
            self._advance(listener_id)
        self.look_soon()

    def _begin_anew(self) -> None:
        """Start nothing of what was ready while this node counted as gone: others may have it."""
        self._spawn(self._give_back(self._ready()))

    def _ready(self) -> list[Lease]:
        """Take every ready lease out of the lines, to give it back."""
        return [lease for line in self._lines.values() for lease in line.give_back()]

    def _free_gone(self) -> None:
        """Let what a node that is gone had leased be due at once, not when its leases run out."""
        self._spawn(self._patiently(self._store.free_gone, self._clock.now()))

    # --- small things ------------------------------------------------------------------------

    def _line(self, listener_id: int) -> Line:
        line = self._lines.get(listener_id)
        if line is None:
            line = self._lines[listener_id] = Line(listener_id)
        return line

    def _find(self, listener_id: int) -> tuple[Listener | None, Line]:
        return self._roster().listener(listener_id), self._line(listener_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            observe.log.error("work failed", exc_info=problem)
