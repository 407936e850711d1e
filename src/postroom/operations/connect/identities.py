"""Who is who in an account: the ids that users and accounts have where nobody gave them one."""

import uuid

from postroom.envelopes.sender_account import NAMESPACE, account_number, number
from postroom.model import Account, Group, Registry, User

__all__ = ["NAMESPACE", "account_number"]

ACTIVE = "Active"


def user_id(account: Account, user: User) -> str:
    """Return a user's GUID, lower case; one that has none gets one by account and address."""
    if user.id:
        return user.id.lower()
    return str(uuid.uuid5(NAMESPACE, f"{account.id} {(user.email or '').lower()}"))


def named(account: Account, user: User) -> User:
    """Return a user that has an id and a name: connect.yaml need give neither."""
    return User(
        id=user_id(account, user),
        email=user.email,
        groups=user.groups,
        name=user.name or (user.email or "").partition("@")[0],
        is_admin=user.is_admin,
        status=user.status,
        created_at=user.created_at if user.created_at is not None else account.created_at,
        profile=user.profile,
    )


def people(account: Account) -> tuple[User, ...]:
    """Return the users of an account, closed ones too, each with an id and a name."""
    return tuple(named(account, user) for user in account.users)


def groups(account: Account) -> tuple[Group, ...]:
    """Return the groups of an account, also those that connect.yaml only names at its users."""
    known = {group.name for group in account.groups}
    named_so = dict.fromkeys(name for user in account.users for name in user.groups)
    return (
        *account.groups,
        *(
            Group(id=number(f"{account.id} group {name}"), name=name)
            for name in named_so
            if name not in known
        ),
    )


def by_id(account: Account, wanted: str) -> User | None:
    """Return the user of an id in any case, closed or not."""
    sought = wanted.strip().lower()
    # Asked at every request: only the one who is found is worth naming.
    found = (named(account, user) for user in account.users if user_id(account, user) == sought)
    return next(found, None)


def find(account: Account, wanted: str) -> User | None:
    """Return the user of an id, or the first active one of an e-mail address."""
    sought = wanted.strip().lower()
    by_email = (
        user
        for user in people(account)
        if sought and user.status == ACTIVE and (user.email or "").lower() == sought
    )
    return by_id(account, wanted) or next(by_email, None)


def administrator(account: Account) -> User:
    """Return the first active administrator; one stands in where an account has none."""
    active = [user for user in people(account) if user.is_admin and user.status == ACTIVE]
    stand_in = User(
        id=str(uuid.uuid5(NAMESPACE, f"{account.id} administrator")),
        email="administrator@localhost",
        name="Account Administrator",
        is_admin=True,
        created_at=account.created_at,
    )
    return next(iter(active), stand_in)


def account_named(registry: Registry, named_so: str) -> Account | None:
    """Return the account of a GUID in any case, or of an account number."""
    found = registry.accounts.get(named_so.lower())
    if found is not None or not (named_so.isascii() and named_so.isdigit()):
        return found
    numbered = (one for one in registry.accounts.values() if account_number(one.id) == named_so)
    return next(numbered, None)
