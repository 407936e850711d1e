"""Changing the account: create the one, switch off the others; or put everything back.

In that order nothing is lost: while both are on, a notification may come twice; never not at all.
Every step looks at the account first, so that what was begun can be gone on with after any
failure, and what somebody else has changed meanwhile is left alone.
"""

from collections.abc import Callable

from msgspec.structs import replace

from postroom.errors import ConflictError
from postroom.operations.adopting import feed
from postroom.operations.adopting.account import (
    MOST_CONFIGURATIONS,
    SWITCH,
    Configuration,
    ConnectAccount,
    connect_id,
    fingerprint,
    has_room,
    is_on,
)
from postroom.operations.adopting.memory import NAMED_BY, Memory, Switched

Keep = Callable[[Memory], None]
"""Writes the file; whatever it raises stops everything before the next change."""
Told = Callable[[str], None]
"""Hears of each change that was made, in words."""
_Live = dict[str, Configuration]


async def carry_out(account: ConnectAccount, memory: Memory, *, keep: Keep, told: Told) -> Memory:
    """Do what is remembered as planned; what is done already is not done again.

    Raises `ConflictError` where the account is not what it was when the plan was made: before the
    first change, or at the configuration that somebody has changed meanwhile. Likewise where it
    has no room for one more.
    """
    live = await _live(account)
    for one in memory.switch_off:
        _check_unchanged(one, live)
    if _created(memory, live) is None:
        _check_room(live)
    memory = _now(memory, keep, phase="applying")
    memory = await _create(account, memory, live, keep, told)
    for one in memory.switch_off:
        if is_on(live[one.connect_id]):
            await _switch(account, one, on=False, beside=memory)
            told(f"switched off {one.connect_id} {one.name}")
    return _now(memory, keep, phase="applied")


async def put_back(account: ConnectAccount, memory: Memory, *, keep: Keep, told: Told) -> Memory:
    """Switch on again what was switched off, then delete what was created.

    Raises `ConflictError` where a configuration is not what it was when it was switched off: it
    is left as it is, and so is the one that was created. Likewise, but after all others are on,
    where that one is not what it was when it was created: it is not deleted.
    """
    if memory.phase == "undone":
        return memory
    live = await _live(account)
    for one in memory.switch_off:
        _check_unchanged(one, live)
    memory = _now(memory, keep, phase="undoing")
    for one in reversed(memory.switch_off):
        if not is_on(live[one.connect_id]):
            await _switch(account, one, on=True)
            told(f"switched on {one.connect_id} {one.name}")
    created = _created(memory, live)
    if created is not None:
        if lacking := _unlike(memory, created):
            raise ConflictError(
                f"the others are on again, but {connect_id(created)} is not what was created"
                f" ({', '.join(lacking)}): somebody has changed it, so it stays and a notification"
                " may come twice; delete it in Docusign, then --undo once more"
            )
        await account.delete(connect_id(created))
        told(f"deleted {connect_id(created)} {created.get('name', '')}")
    return _now(memory, keep, phase="undone")


async def _create(
    account: ConnectAccount, memory: Memory, live: _Live, keep: Keep, told: Told
) -> Memory:
    """Create the one configuration unless it is there, and see that it is what was wanted."""
    created = _created(memory, live)
    if created is None:
        await account.create(memory.create)
        created = _created(memory, await _live(account))
        if created is None:
            raise ConflictError(
                "the configuration that was created is not listed; nothing was switched off: look"
                f" for {memory.create['name']!r} in Docusign"
            )
        told(f"created {connect_id(created)} {memory.create['name']}")
    memory = replace(memory, created_id=connect_id(created))
    keep(memory)
    _check_created(created, memory)
    return memory


def _check_created(created: Configuration | None, memory: Memory) -> None:
    lacking = ["it is gone"] if created is None else feed.lacks(created, memory.create)
    if lacking:
        raise ConflictError(
            f"the configuration {memory.created_id} is not as it was to be ({', '.join(lacking)});"
            " no other is switched off: correct it and go on with --apply, or --undo"
        )


def _created(memory: Memory, live: _Live) -> Configuration | None:
    """Return the one configuration; also where its creation was never answered."""
    if memory.created_id is not None and memory.created_id in live:
        return live[memory.created_id]
    former = {one.connect_id for one in memory.switch_off}
    wanted = [memory.create.get(key) for key in NAMED_BY]
    for one_id, one in live.items():
        if one_id not in former and [one.get(key) for key in NAMED_BY] == wanted:
            return one
    return None


def _unlike(memory: Memory, created: Configuration) -> list[str]:
    """Return by which of its names the one configuration is not known any more."""
    return [key for key in NAMED_BY if created.get(key) != memory.create.get(key)]


def _check_room(live: _Live) -> None:
    if not has_room(live.values()):
        raise ConflictError(
            f"the account has {MOST_CONFIGURATIONS} configurations, as many as Docusign lets it"
            " have, and needs room for one more; nothing was changed: delete one that is not"
            " needed in Docusign, then call again"
        )


def _check_unchanged(one: Switched, live: _Live) -> None:
    there = live.get(one.connect_id)
    if there is None:
        what = "is not there any more"
    elif fingerprint(there) != one.fingerprint:
        what = "is not what it was"
    else:
        return
    raise ConflictError(
        f"configuration {one.connect_id} {one.name} {what}: somebody has changed it since it was"
        " read; nothing was changed now. Make it what the state file says under `former`, or do"
        " the rest by hand"
    )


async def _switch(
    account: ConnectAccount, one: Switched, *, on: bool, beside: Memory | None = None
) -> None:
    """Switch a configuration, all else as it is at this moment, and see that it is so.

    `beside` names the one that must be there in its place, and on, up to that very moment.
    """
    live = await _live(account)
    _check_unchanged(one, live)
    if beside is not None:
        _check_created(_created(beside, live), beside)
    # All of it is sent: whether an update merges or replaces is not documented (contract 6).
    said = {key: value for key, value in live[one.connect_id].items() if key != "disabledBy"}
    await account.update(said | {SWITCH: "true" if on else "false"})
    after = (await _live(account)).get(one.connect_id)
    if after is None or is_on(after) is not on or fingerprint(after) != one.fingerprint:
        raise ConflictError(
            f"configuration {one.connect_id} {one.name} is not as it was to be after the change;"
            " nothing more was changed: look at it in Docusign"
        )


async def _live(account: ConnectAccount) -> _Live:
    return {connect_id(one): one for one in await account.configurations()}


def _now(memory: Memory, keep: Keep, **changes: str) -> Memory:
    memory = replace(memory, **changes)
    keep(memory)
    return memory
