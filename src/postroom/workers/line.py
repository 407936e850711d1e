"""One listener's share of the work: its places, its ready leases, its breaker."""

from collections import OrderedDict

from postroom.clock import SECOND
from postroom.model import Lease, Listener, ListenerState
from postroom.workers.shares import Share

READY_BYTES = 4 * 1024 * 1024
"""So many bytes of bodies are kept ready at most, reckoned by the largest of them: memory stays
bounded, and of what is larger than this nothing is kept ready."""
MOST_FETCHED = 64
"""So many leases are asked for at once: how large their bodies are is known only then."""


class Line:
    """What is in hand for one listener. One dead, slow or poisoned line costs the others nothing.

    The breaker: so many *different* deliveries failing in a row mean the listener is down, and
    not that a message is bad. While it is down only one delivery at a time is tried, at intervals,
    by the node that has the listener's first place.
    """

    def __init__(self, listener_id: int) -> None:
        self.listener_id = listener_id
        self.ready: OrderedDict[int, Lease] = OrderedDict()
        """By delivery id, the next to start first."""
        self.on_wire: dict[int, Lease] = {}
        """By delivery id."""
        self.reserved = 0
        self.has_backlog = True
        """Whether the store may hold deliveries of ours that are due."""
        self.is_pumping = False
        self.is_paused = False
        self.down_since: int | None = None
        self.probe_at = 0
        self.retry_at: int | None = None
        """The moment the worker has set itself a reminder for."""
        self.said: Listener | None = None
        """The listener's revision that was last in force here."""
        self.is_unwritten = False
        """Whether the store is yet to be told how the breaker stands."""
        self.is_writing = False
        self.written_at_revision = 0
        """The revision of the states that our last word on the breaker made."""
        self._failing: set[int] = set()
        self._largest_body = 0

    @property
    def in_hand(self) -> int:
        """How many leases are ours, on the wire, ready or promised."""
        return len(self.ready) + len(self.on_wire) + self.reserved

    def is_resting(self, share: Share, now: int) -> bool:
        """Tell whether nothing may be started here.

        It is paused, or others have all its places, or it is down and not to be tried yet or here.
        """
        if self.is_paused or share.places == 0:
            return True
        return self.down_since is not None and (now < self.probe_at or not share.is_first)

    def room(self, share: Share, now: int) -> int:
        """Return how many more leases may be taken."""
        if self.is_paused or self.down_since is not None or share.places == 0:
            return 1 if self.in_hand == 0 and not self.is_resting(share, now) else 0
        return max(0, share.places + self._most_ready(share) - self.in_hand)

    def wants_more(self, share: Share, now: int) -> bool:
        """Tell whether it is time to ask the store: by the half of what is kept ready.

        Asking for every freed place would be a transaction for every delivery.
        """
        return len(self.ready) <= self._most_ready(share) // 2 and self.room(share, now) > 0

    def _most_ready(self, share: Share) -> int:
        return min(share.most_ready, READY_BYTES // max(self._largest_body, 1))

    def put(self, lease: Lease, *, first: bool = False) -> None:
        """Keep a lease ready; `first` puts it before the others.

        One that is in hand already had run out (the machine slept) and was leased again: the
        attempt under way goes on, under the new token.
        """
        if lease.delivery_id in self.on_wire:
            self.on_wire[lease.delivery_id] = lease
            return
        self._largest_body = max(self._largest_body, len(lease.notification.body))
        self.ready[lease.delivery_id] = lease
        if first:
            self.ready.move_to_end(lease.delivery_id, last=False)

    def start(self, share: Share) -> Lease | None:
        """Move one ready lease onto the wire, if a place is free; not while the line rests."""
        places = 1 if self.down_since is not None else share.places
        if not self.ready or len(self.on_wire) >= places:
            return None
        _, lease = self.ready.popitem(last=False)
        self.on_wire[lease.delivery_id] = lease
        if not self.ready:
            self._largest_body = len(lease.notification.body)
        return lease

    def give_back(self, share: Share | None = None) -> list[Lease]:
        """Return the ready leases, or those beyond a share: they are no longer ours to keep."""
        most = 0 if share is None else share.places + share.most_ready
        leases = [self.ready.popitem()[1] for _ in range(len(self.ready) - most)]
        if leases:
            self.has_backlog = True
        return leases

    def take_over(self, state: ListenerState | None) -> bool:
        """Let the breaker stand as the store says; return whether it stood otherwise."""
        stood = self.down_since, self.probe_at
        self.down_since = state.down_since if state else None
        self.probe_at = (state.probe_at or 0) if state and self.down_since is not None else 0
        if stood == (self.down_since, self.probe_at):
            return False
        self._failing.clear()
        self.has_backlog = True
        return True

    def succeeded(self) -> bool:
        """Note a success; return whether the listener was down and is well again."""
        self._failing.clear()
        was_down = self.down_since is not None
        self.down_since = None
        return was_down

    def failed(self, delivery_id: int, listener: Listener, now: int) -> bool:
        """Note a failure; return whether this is the one that marks the listener down."""
        if self.down_since is not None:
            self.probe_at = now + round(listener.probe_seconds * SECOND)
            return False
        if listener.breaker_threshold == 0:
            return False
        self._failing.add(delivery_id)
        if len(self._failing) < listener.breaker_threshold:
            return False
        self._failing.clear()
        self.down_since = now
        self.probe_at = now + round(listener.probe_seconds * SECOND)
        return True
