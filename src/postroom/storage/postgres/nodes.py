"""Which nodes deliver: each gives signs of life, and watches those of the others by its own clock.

No moment of the database or of another machine is compared with one of ours, and after a pause
the watching begins anew: a database that was away makes nobody gone.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from postroom.storage.port import ABSENT_SECONDS, Crew, Member
from postroom.storage.postgres import rows
from postroom.storage.postgres.connection import WHOLE_STORE, Row, Sql, trouble
from postroom.storage.postgres.wakes import Ear, told

PAUSE_SECONDS = ABSENT_SECONDS * 2 / 3
"""A look so long after the one before has missed too much to call anybody gone."""

_MEMBERS = "SELECT number, joined, seen, is_leaving, draining, beat FROM node ORDER BY joined"
# Confirmed like all that is written, by the standby too where one is waited for: a node that a
# failover has left alone with the old primary must not be sure of itself.
_BEAT = (
    "WITH mine AS (UPDATE node SET beat = beat + 1 WHERE number = $1 RETURNING number)"
    " SELECT number, joined, seen, is_leaving, draining, beat,"
    " EXISTS (SELECT 1 FROM mine) FROM node ORDER BY joined"
)
# One after the other: whoever sees a node has seen all that joined before it.
_JOINING = f"SELECT pg_advisory_xact_lock({WHOLE_STORE}, 3)"
_JOIN = (
    "INSERT INTO node (number, joined, seen, beat, is_leaving, draining)"
    " SELECT $1, next, next, 0, $2, $3 FROM nextval('node_number') AS next"
    " ON CONFLICT (number) DO NOTHING"
)
_SAY = "UPDATE node SET seen = $2, is_leaving = $3, draining = $4 WHERE number = $1"
_TAKE_OUT = "DELETE FROM node WHERE number = $1 AND beat = $2"
_LEAVE = "DELETE FROM node WHERE number = $1"


class Presence:
    """This node's place among those that deliver, over the connection by which it listens."""

    def __init__(self, ear: Ear, node: int) -> None:
        self._ear = ear
        self._node = node
        self._turns = asyncio.Lock()
        self._watched: dict[int, tuple[int, float]] = {}
        """Of the others by number: the last sign of life, and when it was first seen."""
        self._looked_at: float | None = None

    async def attend(self, *, seen: int, draining: frozenset[int], is_leaving: bool) -> Crew:
        """Be one of the nodes that deliver; return all of them (port: `attend`)."""
        listed = msgspec.json.encode(sorted(draining)).decode() if draining else None
        async with self._turns:
            try:
                return await self._attend(seen, listed, is_leaving=is_leaving)
            except BaseException as error:
                self._looked_at = None
                self._ear.drop()
                if isinstance(error, Exception):
                    raise trouble(error) from error
                raise

    async def leave(self) -> None:
        """Be one of them no longer."""
        async with self._turns:
            try:
                connection = await self._ear.connection()
                if rows.changed(await connection.execute(_LEAVE, self._node)):
                    await self._tell(connection)
            except Exception as error:
                self._ear.drop()
                raise trouble(error) from error

    async def _attend(self, seen: int, draining: str | None, *, is_leaving: bool) -> Crew:
        connection = await self._ear.connection()
        found: Sequence[Row] = await connection.fetch(_BEAT, self._node)
        if not found or not found[0][6]:
            async with connection.transaction():
                await connection.execute(_JOINING)
                await connection.execute(_JOIN, self._node, is_leaving, draining)
                found = await connection.fetch(_MEMBERS)
            await self._tell(connection)
        else:
            found = await self._say(connection, found, (seen, is_leaving, draining))
        gone = await self._take_out(connection, self._overdue(found))
        members = tuple(_member(row) for row in found if row[0] not in gone)
        return Crew(me=next(one for one in members if one.number == self._node), members=members)

    async def _say(
        self, connection: Sql, found: Sequence[Row], ours: tuple[int, bool, str | None]
    ) -> Sequence[Row]:
        """Write what is new of this node; return the rows as they are then."""
        (mine,) = [row for row in found if row[0] == self._node]
        if tuple(mine[2:5]) == ours:
            return found
        await connection.execute(_SAY, self._node, *ours)
        await self._tell(connection)
        return [(*row[:2], *ours, *row[5:]) if row is mine else row for row in found]

    def _overdue(self, found: Sequence[Row]) -> list[tuple[int, int]]:
        """Return the others who have been silent for too long, with their last sign of life."""
        now = asyncio.get_running_loop().time()
        if self._looked_at is None or now - self._looked_at > PAUSE_SECONDS:
            self._watched = {}
        self._looked_at = now
        before, self._watched = self._watched, {}
        for number, _, _, _, _, beat, *_ in found:
            known = before.get(number)
            is_silent = known is not None and known[0] == beat
            self._watched[number] = known if known is not None and is_silent else (beat, now)
        return [
            (number, beat)
            for number, (beat, since) in self._watched.items()
            if now - since >= ABSENT_SECONDS and number != self._node
        ]

    async def _take_out(self, connection: Sql, overdue: Sequence[tuple[int, int]]) -> set[int]:
        """Take those out who have still given no sign; return their numbers."""
        gone = {
            number
            for number, beat in overdue
            if rows.changed(await connection.execute(_TAKE_OUT, number, beat))
        }
        if gone:
            await self._tell(connection)
        return gone

    async def _tell(self, connection: Sql) -> None:
        """Let the other nodes look at once."""
        await connection.execute(told(self._node, set(), {"crew"}) or "")


def _member(row: Row) -> Member:
    number, joined, seen, is_leaving, draining, *_ = row
    return Member(
        number=number,
        joined=joined,
        seen=seen,
        is_leaving=is_leaving,
        draining=frozenset(msgspec.json.decode(draining)) if draining else frozenset(),
    )
