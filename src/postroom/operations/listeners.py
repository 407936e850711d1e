"""Listeners: what they said, how they fare, pause and resume."""

import msgspec

from postroom.model import Listener, ListenerState
from postroom.operations import keys, names
from postroom.operations.views import (
    ListenerView,
    Page,
    backlog_view,
    moment_or_none,
    state_in_a_word,
)
from postroom.routing import filters
from postroom.storage.port import AuditEntry, Backlog, RemoveListener, Store


async def list_listeners(store: Store, *, account: str | None = None) -> Page[ListenerView]:
    """List every listener, or those of one account, with state and backlog."""
    registry = await store.registry()
    only = names.account_id(registry, account)
    states = await store.states()
    backlogs = {one.listener_id: one for one in (await store.counts()).backlog}
    found = sorted(
        (one for one in registry.listeners.values() if only in {None, one.account_id}),
        key=lambda one: (one.account_id, one.name),
    )
    views = tuple(_view(one, states.get(one.id), backlogs.get(one.id)) for one in found)
    return Page(items=views, next_after=None)


async def show_listener(store: Store, listener: str, *, account: str | None = None) -> ListenerView:
    """Return one listener. Raises `NotFoundError`, `InvalidInputError` if the name is ambiguous."""
    found = names.listener(await store.registry(), listener, account)
    backlogs = {one.listener_id: one for one in (await store.counts()).backlog}
    return _view(found, (await store.states()).get(found.id), backlogs.get(found.id))


async def pause_listener(
    store: Store, listener: str, *, account: str | None = None, now: int, actor: str
) -> ListenerView:
    """Send nothing to a listener until it is resumed; what it is owed is kept."""
    found = names.listener(await store.registry(), listener, account)
    state = (await store.states()).get(found.id)
    if state is None or state.paused_at is None:
        await store.set_paused(found.id, now, _audit(now, actor, "pause-listener", found))
    return await show_listener(store, found.name, account=found.account_id)


async def resume_listener(
    store: Store, listener: str, *, account: str | None = None, now: int, actor: str
) -> ListenerView:
    """Send again what a paused listener is owed, in order."""
    found = names.listener(await store.registry(), listener, account)
    audit = _audit(now, actor, "resume-listener", found)
    await store.set_paused(found.id, None, audit)
    return await show_listener(store, found.name, account=found.account_id)


async def remove_listener(
    store: Store, listener: str, *, account: str | None = None, now: int, actor: str
) -> ListenerView:
    """Remove a listener; what it is owed is dismissed, its own keys are retired.

    Returns it as it was.
    """
    found = names.listener(await store.registry(), listener, account)
    before = await show_listener(store, found.name, account=found.account_id)
    change = RemoveListener(account_id=found.account_id, name=found.name)
    await store.change([change], _audit(now, actor, "remove-listener", found))
    for key in await store.secrets():
        is_own = (key.account_id, key.listener) == (found.account_id, found.name)
        if is_own and (key.retired_at is None or key.retired_at > now):
            await store.retire_secret(key.id, now, keys.noted(now, actor, "retire-key", key))
    return before


def _audit(now: int, actor: str, verb: str, listener: Listener) -> AuditEntry:
    details = {"account": listener.account_id, "listener": listener.name}
    return AuditEntry(at=now, actor=actor, verb=verb, details=details)


def _view(listener: Listener, state: ListenerState | None, backlog: Backlog | None) -> ListenerView:
    said = msgspec.structs.asdict(listener)
    said.pop("id")
    is_active = said.pop("is_active")
    said["users"] = msgspec.to_builtins(listener.users)
    return ListenerView(
        **said,
        state=state_in_a_word(state) if is_active else "off",
        paused_at=moment_or_none(state.paused_at if state else None),
        down_since=moment_or_none(state.down_since if state else None),
        filter_in_words="" if listener.filter is None else filters.describe(listener.filter),
        backlog=backlog_view(backlog),
    )
