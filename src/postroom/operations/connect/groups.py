"""The groups of an account by Docusign's verbs; listeners name them in their conditions."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from postroom.errors import DocusignError
from postroom.model import Account, Group, Json, Listener, Registry, User
from postroom.operations.connect import identities, paging, people, user_views
from postroom.operations.connect.paging import Paging
from postroom.operations.connect.registrar import Changed, Registrar
from postroom.operations.connect.requests import text_of, truth_of

MOST_GROUPS = 1000
MOST_NAME_CHARACTERS = 100
CUSTOM = "customGroup"


def list_groups(account: Account, asked: Mapping[str, str], paged: Paging) -> Json:
    """Return a page of groups, by a part of the name; `include_usercount` counts the members."""
    part = text_of(asked, "search_text").lower()
    kind = text_of(asked, "group_type").lower()
    found = [
        group
        for group in identities.groups(account)
        if part in group.name.lower() and kind in {"", CUSTOM.lower()}
    ]
    views = [
        {**_view(group), "usersCount": str(len(_members(account, group)))}
        if truth_of(asked, "include_usercount")
        else _view(group)
        for group in paging.part(found, paged)
    ]
    return paging.page(
        "groups", views, total=len(found), paging=paged, path=f"/accounts/{account.id}/groups"
    )


def list_members(account: Account, group_id: str, paged: Paging) -> Json:
    """Return a page of a group's users."""
    members = _members(account, _group(account, group_id))
    views = [user_views.short_view(user) for user in paging.part(members, paged)]
    path = f"/accounts/{account.id}/groups/{group_id}/users"
    return paging.page("users", views, total=len(members), paging=paged, path=path)


async def add_groups(registrar: Registrar, account_id: str, body: Json, *, actor: str) -> Json:
    """Add groups, with members where the request names some."""

    def add(_registry: Registry, account: Account, said: Mapping[str, Any]) -> _Done:
        name = _free_name(account, said)
        if len(account.groups) >= MOST_GROUPS:
            raise DocusignError("INVALID_REQUEST_PARAMETER", f"It has {MOST_GROUPS} groups.")
        group = Group(id=_new_id(account), name=name)
        account = replace(account, groups=(*account.groups, group))
        if said.get("users") is not None:
            for one in people.listed(said, "users"):
                user = people.member(account, text_of(one, "userId"))
                account, _ = people.put(account, _joined(user, name))
        return account, (), _view(group)

    return await _each(registrar, account_id, body, add, actor=actor, verb="add-groups")


async def rename_groups(registrar: Registrar, account_id: str, body: Json, *, actor: str) -> Json:
    """Rename groups: for their members, and in the conditions of listeners that name them."""

    def rename(registry: Registry, account: Account, said: Mapping[str, Any]) -> _Done:
        group = _group(account, text_of(said, "groupId"))
        if text_of(said, "groupName") in {"", group.name}:
            return account, (), _view(group)
        after = Group(id=group.id, name=_free_name(account, said))

        def swap(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(after.name if one == group.name else one for one in names)

        account = replace(
            account,
            groups=tuple(after if one.id == group.id else one for one in account.groups),
            users=tuple(replace(one, groups=swap(one.groups)) for one in account.users),
        )
        listeners = tuple(
            replace(one, users=replace(one.users, groups=swap(one.users.groups)))
            for one in _naming(registry, account, group)
            if one.users is not None
        )
        return account, listeners, _view(after)

    return await _each(registrar, account_id, body, rename, actor=actor, verb="rename-groups")


async def remove_groups(registrar: Registrar, account_id: str, body: Json, *, actor: str) -> Json:
    """Remove groups; one that a listener names stays: an exclusion must not open by accident."""

    def remove(registry: Registry, account: Account, said: Mapping[str, Any]) -> _Done:
        group = _group(account, text_of(said, "groupId"))
        if naming := [one.name for one in _naming(registry, account, group)]:
            raise DocusignError(
                "GROUP_IN_USE",
                f"{', '.join(naming[:5])} names this group; take it out there first.",
            )
        account = replace(
            account,
            groups=tuple(one for one in account.groups if one.id != group.id),
            users=tuple(
                replace(one, groups=tuple(name for name in one.groups if name != group.name))
                for one in account.users
            ),
        )
        return account, (), _view(group)

    return await _each(registrar, account_id, body, remove, actor=actor, verb="remove-groups")


async def change_members(
    registrar: Registrar, account_id: str, group_id: str, body: Json, *, is_in: bool, actor: str
) -> Json:
    """Put users into a group, or take them out; each that cannot be has `errorDetails`."""
    asked_for = people.listed(body, "users")

    def decide(registry: Registry, _now: int) -> tuple[Changed, Json]:
        before = account = _with_groups(registry.accounts[account_id])
        name = _group(account, group_id).name
        told: list[Json] = []
        for said in asked_for:
            user_id = text_of(said, "userId")
            try:
                user = people.member(account, user_id)
            except DocusignError as problem:
                told.append({"userId": user_id, "errorDetails": people.error_details(problem)})
                continue
            account, user = people.put(account, _joined(user, name) if is_in else _left(user, name))
            told.append(user_views.short_view(user))
        details = {"account": account_id, "group": group_id}
        accounts = (account,) if account != before else ()
        return Changed(accounts=accounts, details=details), {"users": told}

    verb = "add-group-members" if is_in else "remove-group-members"
    return await registrar.change(decide, actor=actor, verb=verb)


_Done = tuple[Account, tuple[Listener, ...], Json]


async def _each(
    registrar: Registrar,
    account_id: str,
    body: Json,
    do: Callable[[Registry, Account, Mapping[str, Any]], _Done],
    *,
    actor: str,
    verb: str,
) -> Json:
    asked_for = people.listed(body, "groups")

    def decide(registry: Registry, _now: int) -> tuple[Changed, Json]:
        before = account = _with_groups(registry.accounts[account_id])
        listeners = dict(registry.listeners)
        told: list[Json] = []
        for said in asked_for:
            now_so = replace(registry, listeners=listeners)
            try:
                account, changed, view = do(now_so, account, said)
            except DocusignError as problem:
                told.append({**_given(said), "errorDetails": people.error_details(problem)})
                continue
            listeners |= {one.id: one for one in changed}
            told.append(view)
        touched = tuple(one for one in listeners.values() if one != registry.listeners[one.id])
        details = {"account": account_id, "groups": [_given(said) for said in asked_for]}
        accounts = (account,) if account != before else ()
        return Changed(accounts=accounts, listeners=touched, details=details), {"groups": told}

    return await registrar.change(decide, actor=actor, verb=verb)


def _with_groups(account: Account) -> Account:
    """Return an account whose groups all stand in it, also those only named at its users."""
    return replace(account, groups=identities.groups(account))


def _group(account: Account, group_id: str) -> Group:
    for group in identities.groups(account):
        if group.id == group_id.strip():
            return group
    raise DocusignError(
        "INVALID_GROUP_ID", f"The account has no group {group_id[:80]}; list its groups."
    )


def _members(account: Account, group: Group) -> list[User]:
    return [user for user in identities.people(account) if group.name in user.groups]


def _naming(registry: Registry, account: Account, group: Group) -> list[Listener]:
    return [
        one
        for one in registry.listeners.values()
        if one.account_id == account.id and one.users and group.name in one.users.groups
    ]


def _free_name(account: Account, said: Mapping[str, Any]) -> str:
    name = people.bounded(text_of(said, "groupName"), "groupName", MOST_NAME_CHARACTERS)
    if not name or any(group.name == name for group in identities.groups(account)):
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER", "Give a groupName that no group of the account has."
        )
    return name


def _new_id(account: Account) -> str:
    taken = {group.id for group in identities.groups(account)}
    while (made := str(10_000_000 + secrets.randbelow(90_000_000))) in taken:
        pass
    return made


def _joined(user: User, name: str) -> User:
    return replace(user, groups=tuple(dict.fromkeys((*user.groups, name))))


def _left(user: User, name: str) -> User:
    return replace(user, groups=tuple(one for one in user.groups if one != name))


def _view(group: Group) -> dict[str, Json]:
    return {"groupId": group.id, "groupName": group.name, "groupType": CUSTOM}


def _given(said: Mapping[str, Any]) -> dict[str, Json]:
    """Return what an entry says, as far as it is short text."""
    return {
        key: said[key.lower()][:MOST_NAME_CHARACTERS]
        for key in ("groupId", "groupName")
        if isinstance(said.get(key.lower()), str)
    }
