"""Attendance: being one of the nodes that deliver, and knowing this node's share of the places.

The store is asked a few times a second, never on the road: between two looks a node goes by what
it saw last. Who has not been heard of for a while is taken out by the others, and by then has
stopped starting calls by its own clock.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress

from postroom.model import Listener
from postroom.storage.port import ABSENT_SECONDS, Crew, Store
from postroom.workers import shares
from postroom.workers.patience import Patience
from postroom.workers.shares import Share

LOOK_SECONDS = 0.5
DRAINING_LOOK_SECONDS = 0.05
"""While others wait for calls of ours to end."""
MOST_LOOKS = 3
"""How often it is looked again at once, because there is more to say."""


class Attendance:
    """This node among those that deliver; before the first look it has no place anywhere."""

    def __init__(
        self,
        store: Store,
        *,
        draining: Callable[[], frozenset[int]],
        changed: Callable[[], None],
        lost: Callable[[], None],
        was_out: Callable[[], None],
    ) -> None:
        self._store = store
        self._draining = draining
        """Returns the ids of the listeners that have more calls under way than places here."""
        self._changed = changed
        """Called when shares may be others, or calls may be started again."""
        self._lost = lost
        """Called, on the node that leads, when another is there no longer."""
        self._was_out = was_out
        """Called when others had taken this node out: what it had leased may be theirs."""
        self.crew: Crew | None = None
        """The nodes that there are, as of the last look."""
        self._closed: frozenset[int] | None = None
        """The ids of the listeners at which others still use places of ours; None: at all."""
        self._shares: dict[int, tuple[int, Share]] = {}
        """By listener id, with the number of places there are in all."""
        self._sure_until = -math.inf
        self._is_to_look = asyncio.Event()
        self._has_looked = asyncio.Event()
        self._is_leaving = False
        self._has_left = False

    # --- what the worker asks ----------------------------------------------------------------

    @property
    def is_sure(self) -> bool:
        """Whether nobody can have taken this node for gone: only then may calls be started."""
        return self._sure_until == math.inf or asyncio.get_running_loop().time() < self._sure_until

    @property
    def is_lead(self) -> bool:
        """Whether this node does what it is enough that one node does."""
        return self.crew is not None and self.is_sure and shares.leads(self.crew)

    async def looked(self) -> None:
        """Wait until it is known which nodes there are."""
        await self._has_looked.wait()

    def share(self, listener: Listener) -> Share:
        """Return what this node may do of a listener's work."""
        known = self._shares.get(listener.id)
        if known is not None and known[0] == listener.concurrency:
            return known[1]
        if self.crew is None or self._closed is None or self._is_leaving:
            return shares.NONE
        is_closed = listener.id in self._closed
        share = shares.NONE if is_closed else shares.share(listener, self.crew)
        self._shares[listener.id] = listener.concurrency, share
        return share

    # --- being there -------------------------------------------------------------------------

    async def run(self) -> None:
        """Look again and again, until cancelled; once is enough where nobody else can join."""
        patience = Patience("crew")
        while not self._has_left:
            await patience.do(self.look)
            if self._sure_until == math.inf:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_between):
                    await self._is_to_look.wait()
            self._is_to_look.clear()

    def look_soon(self) -> None:
        """Look at once: another node has said that something changed."""
        self._is_to_look.set()

    def begin_leaving(self) -> None:
        """Have no places from now on, and tell the others at once."""
        self._is_leaving = True
        self._shares.clear()
        self._is_to_look.set()

    async def leave(self) -> None:
        """Be there no longer: nothing of ours is under way."""
        self._has_left = True
        self._is_to_look.set()
        if self.crew is not None:
            await self._store.leave()

    async def look(self) -> None:
        """Give a sign of life, and go by the nodes that there are."""
        for _ in range(MOST_LOOKS):
            seen = 0 if self.crew is None else self.crew.members[-1].joined
            draining = self._draining()
            begun = asyncio.get_running_loop().time()
            crew = await self._store.attend(
                seen=seen, draining=draining, is_leaving=self._is_leaving
            )
            self._go_by(crew, begun + ABSENT_SECONDS if crew.is_shared else math.inf)
            if self._has_left or (seen >= crew.members[-1].joined and draining == self._draining()):
                return

    @property
    def _seconds_between(self) -> float:
        is_draining = self.crew is not None and self.crew.me.draining
        return DRAINING_LOOK_SECONDS if is_draining else LOOK_SECONDS

    def _go_by(self, crew: Crew, sure_until: float) -> None:
        before, was_closed, was_sure = self.crew, self._closed, self.is_sure
        self.crew, self._sure_until = crew, sure_until
        closed = shares.closed(crew)
        is_anew = before is None or before.me.joined != crew.me.joined
        if not is_anew and was_closed is not None:
            # Once open, open: what others drain from then on they drain for those who came later.
            closed = was_closed & closed if closed is not None else was_closed
        self._closed = closed
        if is_anew and before is not None:
            self._was_out()
        if before is None or before.members != crew.members or closed != was_closed or not was_sure:
            self._shares.clear()
            self._changed()
        self._has_looked.set()
        there = {one.number for one in crew.members}
        if before and any(one.number not in there for one in before.members) and self.is_lead:
            self._lost()
