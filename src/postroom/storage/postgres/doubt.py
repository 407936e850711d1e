"""Leases that nobody heard of: a commit whose answer was lost may have made some.

The caller is told that nothing was done and tries again, in vain for as long as the lease lasts.
So what may have been leased is given back as soon as the database answers again.
"""

from collections.abc import Iterable, Iterator, Sequence

from postroom.storage.port import Life, Recording, Settlement
from postroom.storage.postgres import lease
from postroom.storage.postgres.lease import Asked
from postroom.storage.postgres.writer import Transaction


class Doubt:
    """The tokens that a lane's lost commits may have leased under, each with its moment."""

    def __init__(self) -> None:
        self._tokens: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def lost(self, arguments: Iterable[object]) -> None:
        """Note calls of which it is not known whether they were done."""
        self._tokens.update(_tokens(arguments))

    def heard(self, arguments: Iterable[object]) -> None:
        """Note calls that were done: whoever tries again under the same token has its leases."""
        for token, _ in _tokens(arguments):
            self._tokens.pop(token, None)

    async def ease(self, tx: Transaction, _: Sequence[None]) -> Sequence[tuple[int, ...]]:
        """Give back what was leased all the same; return the tokens."""
        if self._tokens:
            await lease.free_under(tx, list(self._tokens), max(self._tokens.values()))
        return [tuple(self._tokens)]

    def eased(self, tokens: Iterable[int]) -> None:
        """Doubt these no more."""
        for token in tokens:
            self._tokens.pop(token, None)


def _tokens(arguments: Iterable[object]) -> Iterator[tuple[int, int]]:
    for one in arguments:
        if isinstance(one, Recording):
            if one.lease_for:
                yield one.token, one.notification.received_at
        elif isinstance(one, Life):
            yield from _tokens(one.recordings)
        elif isinstance(one, Asked):
            yield one.token, one.now
        elif isinstance(one, Settlement) and one.wants_next:
            yield one.next_token, one.settled_at
