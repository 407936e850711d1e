"""The copy: marked, carried over, compared, ended."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Sequence

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from postroom.errors import ConflictError, InvalidInputError
from postroom.storage import migrations, schema
from postroom.storage.copying.ends import Copied, End, Far, Progress, Stand, Told
from postroom.storage.copying.parts import CHUNK_BYTES, PARTS, FoundBy, Part, Row
from postroom.storage.copying.relocation import Relocation, refuse

_MODULUS = 1 << 128


async def look(source: End, target: End) -> Stand:
    """Tell how a copy from one end to the other stands.

    Raises `ConflictError`, saying what to do, where there can be none.
    """
    moved = await _known(source, "source")
    held = await _known(target, "target")
    if moved is not None and held is not None and moved.copy_id == held.copy_id:
        return "begun"
    if moved is not None and moved.ended_at is not None:
        refuse(source.place, [moved])
    for one in await source.relocations():
        if one.role == "target":
            refuse(source.place, [one])
    await _refuse_what_is_not_empty(target, held)
    return "new" if moved is None else "marked"


async def copy(source: End, target: End, *, stand: Stand, now: int, told: Told) -> Copied:
    """Carry everything over, or what is missing; at the end the target is the installation.

    `stand` is what `look` said. The source must owe nothing under a lease. Raises
    `ConflictError` where the ends turn out to differ: nothing is then served but the source, once
    the copy is undone.
    """
    if stand != "begun":
        await _mark(source, target, now)
    moved, held = await _known(source, "source"), await _known(target, "target")
    assert moved is not None  # noqa: S101  # marked above, or `look` has seen it
    assert held is not None  # noqa: S101  # as above
    if held.ended_at is not None:
        return await _answer(source, target, was_resumed=True, was_done=True)
    totals = {part.name: await _count(source, part) for part in PARTS}
    course = _Course(told, sum(totals.values()))
    done = await target.progress()
    for part in PARTS:
        await _carry(part, source, target, done.get(part.name), course)
    course.begin_comparing()
    for part in PARTS:
        await _compare(part, source, target, course)
    # Nodes that came too late to see the mark.
    for end in (source, target):
        await end.hold()
    numbers = await source.numbers()
    await source.remember(_with(await source.relocations(), replace(moved, ended_at=now)))
    await target.finish(numbers, _with(await target.relocations(), replace(held, ended_at=now)))
    if await target.numbers() != numbers:
        raise ConflictError(f"{target.place} does not keep the numbers it was given; report this")
    return await _answer(source, target, was_resumed=stand == "begun", was_done=False)


async def must_have_these_tables(end: End) -> None:
    """Raise `InvalidInputError` for tables of another release."""
    present = await end.revision()
    if present != migrations.HEAD:
        raise InvalidInputError(
            f"{end.place} has the tables of revision {present}, and this release copies those of"
            f" {migrations.HEAD}; `postroom migrate` brings older ones up to date, newer ones want"
            " their own release"
        )


async def secrets_of(end: End) -> Sequence[bytes]:
    """Return the secrets, sealed."""
    return [row[0] for row in await end.ask(sa.select(schema.secret.c.sealed))]


async def undo(source: End) -> Relocation | None:
    """Let a source be served again; return the copy that it was the source of, if any."""
    moved = await _known(source, "source")
    if moved is not None:
        left = [one for one in await source.relocations() if one.role == "target"]
        await source.remember(left)
    return moved


# --- before and after -------------------------------------------------------------------------


async def _known(end: End, role: str) -> Relocation | None:
    """Return the newest copy in which an end has this part."""
    known = [one for one in await end.relocations() if one.role == role]
    return max(known, key=lambda one: one.begun_at, default=None)


def _with(known: Sequence[Relocation], ours: Relocation) -> list[Relocation]:
    """Return the copies known with one of them as it is now."""
    return [one for one in known if (one.copy_id, one.role) != (ours.copy_id, ours.role)] + [ours]


async def _refuse_what_is_not_empty(target: End, held: Relocation | None) -> None:
    if held is not None and held.ended_at is None:
        raise ConflictError(
            f"{target.place} holds an unfinished copy of another source, {held.other}; give an"
            " empty database"
        )
    for part in PARTS:
        if await target.ask(sa.select(part.table).limit(1)):
            raise ConflictError(
                f"{target.place} is not empty (it has rows in {part.name}); give an empty database"
            )


async def _mark(source: End, target: End, now: int) -> None:
    """Mark both ends; the source first, so that nothing changes there any more.

    A copy begun before that never got here, or went to another target, is forgotten: that one's
    mark fits no source then.
    """
    copy_id = f"copy_{secrets.token_hex(16)}"
    known = [one for one in await source.relocations() if one.role == "target"]
    ours = Relocation(copy_id=copy_id, role="source", other=target.place, begun_at=now)
    await source.remember([*known, ours])
    await target.remember([replace(ours, role="target", other=source.place)])


async def _answer(source: End, target: End, *, was_resumed: bool, was_done: bool) -> Copied:
    return Copied(
        source=source.place,
        target=target.place,
        rows={part.name: await _total(target, part.table) for part in PARTS},
        was_resumed=was_resumed,
        was_done=was_done,
    )


async def _count(source: End, part: Part) -> int:
    return await _total(source, part.reads)


async def _total(end: End, table: sa.Table) -> int:
    return int((await end.ask(sa.select(sa.func.count()).select_from(table)))[0][0])


class _Course:
    """How far all of it is, for whoever watches."""

    def __init__(self, told: Told, total: int) -> None:
        self._told = told
        self._total = total
        self._rows = 0
        self._is_comparing = False

    def begin_comparing(self) -> None:
        self._rows = 0
        self._is_comparing = True

    def add(self, part: Part, rows: int) -> None:
        self._rows += rows
        does = "compare" if self._is_comparing else "copy"
        self._told(Progress(does=does, part=part.name, rows=self._rows, total=self._total))  # type: ignore[arg-type]  # one of the two


# --- rows -------------------------------------------------------------------------------------


async def _carry(part: Part, source: End, target: End, far: Far | None, course: _Course) -> None:
    """Copy a part from where the target is; the next chunk is read while one is written."""
    copied = far.copied if far else 0
    if copied:
        course.add(part, copied)
    reading = asyncio.ensure_future(_chunk(source, part, far.after if far else None))
    try:
        while read := await reading:
            after = part.key_of(read[-1])
            copied += len(read)
            reading = asyncio.ensure_future(_chunk(source, part, after))
            rows = part.made(read, target.found_by)
            await target.put(part.table, rows, part.name, Far(after=after, copied=copied))
            course.add(part, len(read))
    finally:
        # A connection is not closed under a question.
        await asyncio.wait({reading})


async def _chunk(end: End, part: Part, after: Row | None) -> Sequence[Row]:
    """Return the rows after a key, as many as fit a chunk; none at the end."""
    sizes = await end.ask(part.sizes(after))
    if not sizes:
        return ()
    last, size = sizes[0], 0
    for row in sizes:
        size += row[-1]
        if size > CHUNK_BYTES:
            break
        last = row
    return await end.ask(part.chunk(after, last[:-1]))


async def _compare(part: Part, source: End, target: End, course: _Course) -> None:
    """Read both ends again and compare them."""
    given, kept = await asyncio.gather(
        _checksum(_made(source, part, target.found_by, course)),
        _checksum(_made(target, Part(part.table), target.found_by, None)),
    )
    if given != kept:
        raise ConflictError(
            f"{part.name} differs: {source.place} has {given[0]} rows and {target.place}"
            f" {kept[0]}, or some differ in content. Nothing was served; begin again with an empty"
            " database, and report this"
        )


async def _made(
    end: End, part: Part, found_by: FoundBy, course: _Course | None
) -> AsyncIterator[list[Row]]:
    after: Row | None = None
    while read := await _chunk(end, part, after):
        after = part.key_of(read[-1])
        yield part.made(read, found_by)
        if course is not None:
            course.add(part, len(read))


async def _checksum(chunks: AsyncIterator[list[Row]]) -> tuple[int, int]:
    """Return how many rows there are, and the sum of their hashes, whatever their order."""
    count, total = 0, 0
    async for rows in chunks:
        count += len(rows)
        total += await asyncio.to_thread(_hashed, rows)
    return count, total % _MODULUS


def _hashed(rows: Sequence[Row]) -> int:
    encode = msgspec.msgpack.Encoder().encode
    return sum(
        int.from_bytes(hashlib.blake2b(encode(list(row)), digest_size=16).digest()) for row in rows
    )
