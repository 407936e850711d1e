"""Whose are a listener's places: so many calls at once it allows, over all nodes together.

Each place belongs to the node that weighs most for it, of those a node goes by (rendezvous
hashing). Whoever of two nodes knows of the other gives way or takes the place, and both judge
alike; a node that joins takes nothing until all before it have said that they go by it and have
no more calls under way than they have places left. So no place is ever used by two.
"""

import struct
from collections.abc import Sequence
from hashlib import blake2b

from postroom.model import Listener, Noun
from postroom.storage.port import Crew, Member

READY_LEASES = 512
"""Leases kept ready beyond those on the wire, so that a freed place need not wait for the store.
Fresh deliveries are born into these: so many messages of a burst are never read back."""
READY_ROUNDS = 2
"""Where other nodes have places too: so many for each place of ours. The more are kept ready here,
the longer the others may have nothing to do."""
WEIGHTS = 16
"""How many places one hash gives the weights of."""


class Share(Noun, frozen=True, kw_only=True):
    """What a node may do of a listener's work."""

    places: int
    """So many calls at once."""
    most_ready: int
    """So many leases may be kept ready beyond those on the wire."""
    is_first: bool
    """It has the first place: while the listener is down, this node is the one that tries."""


NONE = Share(places=0, most_ready=0, is_first=False)


def share(listener: Listener, crew: Crew) -> Share:
    """Return the part that the node has of a listener's places, once nobody else uses them.

    A node that leaves counts for as long as it has calls under way there; the node itself is
    none of those.
    """
    if len(crew.members) == 1:
        return Share(places=listener.concurrency, most_ready=READY_LEASES, is_first=True)
    numbers = [
        one.number for one in crew.members if not one.is_leaving or listener.id in one.draining
    ]
    who = owners(listener, numbers)
    places = who.count(crew.me.number)
    is_whole = places == listener.concurrency
    return Share(
        places=places,
        most_ready=READY_LEASES if is_whole else min(READY_LEASES, READY_ROUNDS * places),
        is_first=who[:1] == [crew.me.number],
    )


def owners(listener: Listener, numbers: Sequence[int]) -> list[int]:
    """Return for each place of a listener the number of the node, of several, that it belongs to.

    Without the others, a node's places are the same and more: it loses none when one goes.
    """
    weighed = [[(weight, number) for weight in _weights(listener, number)] for number in numbers]
    return [max(one)[1] for one in zip(*weighed, strict=True)]


def _weights(listener: Listener, number: int) -> tuple[int, ...]:
    """Return what a node weighs for each place, whoever else there is."""
    hashes = (
        blake2b(b"%d %d %d" % (listener.id, number, block)).digest()
        for block in range(-(-listener.concurrency // WEIGHTS))
    )
    return struct.unpack(f"<{listener.concurrency}I", b"".join(hashes)[: 4 * listener.concurrency])


def closed(crew: Crew) -> frozenset[int] | None:
    """Return the ids of the listeners that others still use places at which the node has won.

    None: at all of them, for someone who joined before does not go by the node yet.
    """
    before = [one for one in crew.members if one.joined < crew.me.joined]
    if not all(one.is_leaving or one.seen >= crew.me.joined for one in before):
        return None
    return frozenset().union(*(one.draining for one in before))


def leads(crew: Crew) -> bool:
    """Tell whether the node is the one that does what one is enough for: the longest there."""
    staying: list[Member] = [one for one in crew.members if not one.is_leaving]
    return bool(staying) and staying[0].number == crew.me.number
