"""Whose are a listener's places: so many calls at once it allows, over all nodes together.

Each place belongs to the node that weighs most for it, of those a node goes by (rendezvous
hashing). Whoever of two nodes knows of the other gives way or takes the place, and both judge
alike; a node that joins takes nothing until all before it have said that they go by it and have
no more calls under way than they have places left. So no place is ever used by two.
"""

from collections.abc import Iterable
from hashlib import blake2b

from postroom.model import Listener, Noun
from postroom.storage.port import Crew, Member


class Share(Noun, frozen=True, kw_only=True):
    """What a node may do of a listener's work."""

    places: int
    """So many calls at once."""
    is_whole: bool
    """No other node has a place."""
    is_first: bool
    """It has the first place: while the listener is down, this node is the one that tries."""


NONE = Share(places=0, is_whole=False, is_first=False)


def share(listener: Listener, crew: Crew) -> Share:
    """Return the part that the node has of a listener's places, once nobody else uses them.

    A node that leaves counts for as long as it has calls under way there.
    """
    numbers = [
        one.number for one in crew.members if not one.is_leaving or listener.id in one.draining
    ]
    if crew.me.is_leaving:
        return NONE
    if numbers == [crew.me.number]:
        return Share(places=listener.concurrency, is_whole=True, is_first=True)
    owners = [owner(listener.id, place, numbers) for place in range(listener.concurrency)]
    places = owners.count(crew.me.number)
    return Share(
        places=places,
        is_whole=places == listener.concurrency,
        is_first=owners[:1] == [crew.me.number],
    )


def owner(listener_id: int, place: int, numbers: Iterable[int]) -> int:
    """Return the number of the node that a place of a listener belongs to."""
    return max(numbers, key=lambda number: (_weight(listener_id, place, number), number))


def _weight(listener_id: int, place: int, number: int) -> bytes:
    return blake2b(b"%d %d %d" % (listener_id, place, number), digest_size=8).digest()


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
