"""A copy to another kind of database: all is there, and all goes on where it stopped."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.contract.conftest import BACKENDS, Backend
from tests.contract.copy_cast import (
    CRM,
    ERP,
    delivered_from_here,
    live_through_everything,
    seen,
    without_nul,
)
from tests.contract.store_cast import (
    AUDIT,
    T0,
    kept,
    notification,
    put,
    recording,
)

from postroom.errors import ConflictError
from postroom.storage import copying, schema
from postroom.storage.copying import Copied, End, Numbers, Relocation, carrying, parts
from postroom.storage.copying.ends import Far
from postroom.storage.copying.parts import LEFT_OUT, PARTS, Row
from postroom.storage.port import Life as EnvelopeLife
from postroom.storage.port import Store
from postroom.storage.postgres import copying as postgres_copying
from postroom.storage.sqlite import copying as sqlite_copying

WAYS = (("sqlite", "postgres"), ("postgres", "sqlite"))


class Move:
    """A store to be moved, and the database it goes to."""

    def __init__(self, source: Backend, target: Backend) -> None:
        self.source = source
        self.target = target
        self.ends: list[End] = []

    async def open(self) -> tuple[End, End]:
        self.ends = [await _end(one) for one in (self.source, self.target)]
        return self.ends[0], self.ends[1]

    async def close(self) -> None:
        for one in self.ends:
            await one.close()
        self.ends = []

    async def copy(self, **more: Any) -> Copied:
        """Copy, or go on with it, as the command does."""
        return await self.between(*await self.open(), **more)

    async def between(self, source: End, target: End, **more: Any) -> Copied:
        try:
            stand = await copying.look(source, target)
            told = more.get("told", lambda _: None)
            return await copying.copy(source, target, stand=stand, now=T0, told=told)
        finally:
            await self.close()


async def _end(backend: Backend) -> End:
    if backend.kind == "sqlite":
        return await sqlite_copying.open_end(Path(backend.place))
    return await postgres_copying.open_end(backend.place)


@pytest.fixture(params=WAYS, ids="-to-".join)
async def move(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Move]:
    async with AsyncExitStack() as stack:
        backends = []
        for kind in request.param:
            (tmp_path / kind).mkdir()
            backends.append(BACKENDS[kind](tmp_path / kind, stack))
            await (await backends[-1].open()).close()
        yield Move(*backends)


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "CHUNK_ROWS", 7)
    monkeypatch.setattr(carrying, "CHUNK_BYTES", 4000)


async def lived(move: Move) -> dict[str, Any]:
    """Let everything happen to the source; return what is seen of it."""
    store = await move.source.open()
    await live_through_everything(store)
    before = await seen(store)
    await store.close()
    return before


def test_every_table_is_copied_or_left_out_for_a_reason() -> None:
    assert {one.name for one in PARTS} | set(LEFT_OUT) == set(schema.metadata.tables)
    assert not {one.name for one in PARTS} & set(LEFT_OUT)
    assert all(LEFT_OUT.values())
    for part in PARTS:
        columns = {one.name for one in part.columns}
        assert part.reads is not part.table or columns == set(part.table.c.keys())


@pytest.mark.usefixtures("_small_chunks")
async def test_all_that_can_be_seen_is_as_it_was(move: Move) -> None:
    before = await lived(move)
    copied = await move.copy()
    assert copied.rows["notification"] == before["counts"].notifications
    after = await seen(await move.target.open())
    for name, value in before.items():
        assert without_nul(after[name]) == without_nul(value), name


async def test_delivery_goes_on_where_it_stopped_and_in_order(move: Move) -> None:
    """What the source would deliver from here on, the target does: no more, no less, in order."""
    await lived(move)
    await move.copy()
    target = await move.target.open()
    source = await _opened_again(move)
    for listener_id in (ERP, CRM):
        expected = await delivered_from_here(source, listener_id)
        assert expected
        assert await delivered_from_here(target, listener_id) == expected


async def _opened_again(move: Move) -> Store:
    """Open the source after all, as `--undo` lets one."""
    end = await _end(move.source)
    assert await copying.undo(end) is not None
    await end.close()
    return await move.source.open()


async def test_new_numbers_follow_those_that_were_given_out(move: Move) -> None:
    await lived(move)
    await move.copy()
    store = await move.target.open()
    again = await store.record(recording(notification(5), ERP))
    assert again.is_duplicate
    await store.record(recording(notification(200), ERP, CRM))
    await store.live(EnvelopeLife(envelope=kept(50), documents=(("1", b"%PDF"),)))
    await store.change([put("new")], AUDIT)
    names = {one.name: one.id for one in (await store.registry()).listeners.values()}
    assert names == {"erp": 1, "crm": 2, "new": 4}
    audit = await store.audit_log(after=None, limit=1000)
    assert [number for number, _ in audit] == list(range(len(audit), 0, -1))


# --- interrupted ------------------------------------------------------------------------------


class DeadError(Exception):
    """The process is gone."""


class Life:
    """How many writes a process still has before it dies."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    async def spend(self, work: Awaitable[None]) -> None:
        await work
        self.left -= 1
        if self.left == 0:
            raise DeadError


class Mortal:
    """An end of a copy whose process dies right after some write."""

    def __init__(self, end: End, life: Life) -> None:
        self._end = end
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._end, name)

    async def remember(self, known: Sequence[Relocation]) -> None:
        await self._life.spend(self._end.remember(known))

    async def put(self, table: sa.Table, rows: Sequence[Row], part: str, far: Far) -> None:
        await self._life.spend(self._end.put(table, rows, part, far))

    async def finish(self, numbers: Numbers, known: Sequence[Relocation]) -> None:
        await self._life.spend(self._end.finish(numbers, known))


@pytest.mark.parametrize("move", WAYS[:1], ids="-to-".join, indirect=True)
async def test_killed_after_every_write_and_gone_on_with_it_ends_in_the_same(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run dies one write later than the one before; nothing is served in between."""
    monkeypatch.setattr(parts, "CHUNK_ROWS", 20)
    before = await lived(move)
    deaths: list[Any] = []
    writes = 1
    while (copied := await _until_death(move, writes)) is None:
        stands = await _stands(move)
        # A run may do again what is no progress, such as its mark; the next gets further.
        writes = writes + 1 if stands in deaths else 1
        deaths.append(stands)
        await _refused(move.source)
        if ("target", None) in stands[0]:
            await _refused(move.target)
    assert len(deaths) > len([name for name, count in copied.rows.items() if count])
    after = await seen(await move.target.open())
    for name, value in before.items():
        assert without_nul(after[name]) == without_nul(value), name


async def _until_death(move: Move, writes: int) -> Copied | None:
    life = Life(writes)
    source, target = await move.open()
    try:
        return await move.between(Mortal(source, life), Mortal(target, life))
    except DeadError:
        return None


async def _stands(move: Move) -> Any:
    """Return how far both ends are."""
    source, target = await move.open()
    known = [
        (one.role, one.ended_at) for end in (source, target) for one in await end.relocations()
    ]
    is_under_way = any(role == "target" and ended is None for role, ended in known)
    far = await target.progress() if is_under_way else {}
    await move.close()
    return known, {name: one.copied for name, one in far.items()}


async def _refused(backend: Backend) -> None:
    with pytest.raises(ConflictError, match=r"moved|unfinished copy"):
        await backend.open()
