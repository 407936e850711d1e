"""Accounts and sub-accounts."""

from collections import Counter

from postroom.model import Account
from postroom.operations import names
from postroom.operations.views import AccountView, Page
from postroom.storage.port import Store


async def list_accounts(store: Store, *, now: int) -> Page[AccountView]:
    """List every account, main accounts before their sub-accounts."""
    registry = await store.registry()
    listeners = Counter(one.account_id for one in registry.listeners.values())
    keys = await _active_keys(store, now)
    ordered = sorted(
        registry.accounts.values(), key=lambda a: (a.parent_id or a.id, a.parent_id or "", a.id)
    )
    views = tuple(_view(one, listeners[one.id], keys[one.id]) for one in ordered)
    return Page(items=views, next_after=None)


async def show_account(store: Store, account: str, *, now: int) -> AccountView:
    """Return one account, by id or name. Raises `NotFoundError`."""
    registry = await store.registry()
    found = names.account(registry, account)
    listeners = sum(one.account_id == found.id for one in registry.listeners.values())
    return _view(found, listeners, (await _active_keys(store, now))[found.id])


async def _active_keys(store: Store, now: int) -> Counter[str]:
    return Counter(
        key.account_id
        for key in await store.secrets()
        if key.purpose == "hmac"
        and key.listener is None
        and (key.retired_at is None or key.retired_at > now)
    )


def _view(account: Account, listeners: int, active_keys: int) -> AccountView:
    return AccountView(
        id=account.id,
        name=account.name,
        parent_id=account.parent_id,
        is_unsigned=account.is_unsigned,
        users=len(account.users),
        listeners=listeners,
        active_keys=active_keys,
        environment_field=account.environment_field,
        enrichment_url=account.enrichment.base_url if account.enrichment else None,
    )
