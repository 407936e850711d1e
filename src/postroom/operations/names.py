"""Accounts and listeners by the names people use."""

from collections.abc import Mapping

from postroom.errors import InvalidInputError, NotFoundError
from postroom.model import Account, Listener, Registry
from postroom.storage.port import Store

SHOWN = 100
"""Characters of an unknown name that an error repeats."""


def account(registry: Registry, named: str) -> Account:
    """Return the account of an id or a name.

    Raises `NotFoundError`, or `InvalidInputError` where several have the name.
    """
    by_id = registry.accounts.get(named.lower())
    if by_id is not None:
        return by_id
    found = [one for one in registry.accounts.values() if one.name == named]
    if len(found) > 1:
        raise InvalidInputError(f"several accounts are called {named!r}; give the account's id")
    if not found:
        raise NotFoundError(
            f"there is no account {named[:SHOWN]!r}; `postroom accounts` lists them"
        )
    return found[0]


def account_id(registry: Registry, named: str | None) -> str | None:
    """Return the id of an account by id or name, or None for None."""
    return None if named is None else account(registry, named).id


def listener(registry: Registry, named: str, of_account: str | None = None) -> Listener:
    """Return the listener of a name.

    Raises `NotFoundError`, or `InvalidInputError` where several accounts have one of that name.
    """
    only = account_id(registry, of_account)
    found = [
        one
        for one in registry.listeners.values()
        if one.name == named and only in {None, one.account_id}
    ]
    if len(found) > 1:
        raise InvalidInputError(f"several accounts have a listener {named!r}; give the account too")
    if not found:
        raise NotFoundError(
            f"there is no listener {named[:SHOWN]!r}; `postroom listeners` lists them"
        )
    return found[0]


def listener_id(registry: Registry, named: str | None, of_account: str | None) -> int | None:
    """Return the id of a listener by name, or None for None."""
    return None if named is None else listener(registry, named, of_account).id


async def names(store: Store) -> Mapping[int, str]:
    """Return the name of every listener there is, by its id."""
    registry = await store.registry()
    return {one.id: one.name for one in registry.listeners.values()}


def name_of(known: Mapping[int, str], listener_id: int) -> str:
    """Return a listener's name, also of one that was removed."""
    return known.get(listener_id, f"(removed listener {listener_id})")
