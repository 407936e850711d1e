"""The users of an account by Docusign's verbs: list, show, add, change, close."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from postroom.errors import DocusignError
from postroom.model import Account, Json, Noun, Registry, User
from postroom.operations.connect import identities, paging, user_views
from postroom.operations.connect.paging import Paging
from postroom.operations.connect.registrar import Changed, Registrar
from postroom.operations.connect.requests import MAX_LISTED, keys_of, text_of, texts_of, truth_of

STATUSES = ("ActivationRequired", "ActivationSent", "Active", "Closed", "Disabled")
CLOSED = "Closed"
MOST_USERS = 10_000
"""Of one account, closed ones too."""
MOST_NAME_CHARACTERS = 100
MOST_EMAIL_CHARACTERS = 100
MOST_PROFILE_CHARACTERS = 200

_STATUS = {status.lower(): status for status in STATUSES}


class UserFilter(Noun, frozen=True, kw_only=True):
    """Which users are asked for: all conditions hold together, any case."""

    email: str = ""
    email_part: str = ""
    name_part: str = ""
    statuses: tuple[str, ...] = ()
    group_id: str = ""
    not_group_id: str = ""


def read_filter(asked: Mapping[str, str]) -> UserFilter:
    """Return the filter of a query. Raises `DocusignError` for a status there is not."""
    statuses = texts_of(asked, "status")
    if unknown := [one for one in statuses if one.lower() not in _STATUS]:
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER",
            f"status {unknown[0][:40]} is none; it is one of {', '.join(STATUSES)}.",
        )
    return UserFilter(
        email=text_of(asked, "email").lower(),
        email_part=text_of(asked, "email_substring").lower(),
        name_part=text_of(asked, "user_name_substring").lower(),
        statuses=tuple(_STATUS[one.lower()] for one in statuses),
        group_id=text_of(asked, "group_id"),
        not_group_id=text_of(asked, "not_group_id"),
    )


def chosen(account: Account, wanted: UserFilter) -> list[User]:
    """Return the users that a filter lets through, in the order they were added."""
    names = {group.id: group.name for group in identities.groups(account)}
    return [user for user in identities.people(account) if _passes(user, wanted, names)]


def _passes(user: User, wanted: UserFilter, group_names: Mapping[str, str]) -> bool:
    email = (user.email or "").lower()
    return (
        (not wanted.email or email == wanted.email)
        and wanted.email_part in email
        and wanted.name_part in user.name.lower()
        and (not wanted.statuses or user.status in wanted.statuses)
        and (not wanted.group_id or group_names.get(wanted.group_id) in user.groups)
        and (not wanted.not_group_id or group_names.get(wanted.not_group_id) not in user.groups)
    )


def list_users(
    registry: Registry, account: Account, asked: Mapping[str, str], paged: Paging
) -> Json:
    """Return a page of users; `additional_info` adds what `show_user` tells."""
    found = chosen(account, read_filter(asked))
    is_full = truth_of(asked, "additional_info")
    views = [
        user_views.full_view(registry, account, user) if is_full else user_views.user_view(user)
        for user in paging.part(found, paged)
    ]
    return paging.page(
        "users", views, total=len(found), paging=paged, path=f"/accounts/{account.id}/users"
    )


def show_user(registry: Registry, account: Account, user_id: str) -> Json:
    """Return one user with groups and configurations."""
    return user_views.full_view(registry, account, member(account, user_id))


def member(account: Account, user_id: str) -> User:
    """Return a user of an account. Raises `DocusignError` INVALID_USERID."""
    found = identities.by_id(account, user_id)
    if found is not None:
        return found
    raise DocusignError(
        "INVALID_USERID", f"The account has no user {user_id[:80]}; list its users to find the id."
    )


async def add_users(registrar: Registrar, account_id: str, body: Json, *, actor: str) -> Json:
    """Add users; one that cannot be added has `errorDetails`, and the others are added.

    They are Active at once: nobody here gets an e-mail to activate an account with.
    """
    asked_for = listed(body, "newUsers")

    def decide(registry: Registry, now: int) -> tuple[Changed, Json]:
        account = registry.accounts[account_id]
        told: list[Json] = []
        for said in asked_for:
            try:
                account, user = added(account, said, now)
            except DocusignError as problem:
                told.append(_failed(said, problem))
            else:
                told.append(_new_view(user))
        return _changed(registry.accounts[account_id], account), {"newUsers": told}

    return await registrar.change(decide, actor=actor, verb="add-users")


async def update_users(registrar: Registrar, account_id: str, body: Json, *, actor: str) -> Json:
    """Change users; one that cannot be changed has `errorDetails`."""
    return await _each(registrar, account_id, body, _updated, actor=actor, verb="change-users")


async def update_user(
    registrar: Registrar, account_id: str, user_id: str, body: Json, *, actor: str
) -> Json:
    """Change one user; return it as it then is."""
    said = keys_of(body)

    def decide(registry: Registry, _now: int) -> tuple[Changed, Json]:
        before = registry.accounts[account_id]
        after, user = _updated(before, {**said, "userid": user_id})
        return _changed(before, after), user_views.full_view(registry, after, user)

    return await registrar.change(decide, actor=actor, verb="change-users")


async def close_users(
    registrar: Registrar, account_id: str, body: Json, *, leaves_groups: bool = False, actor: str
) -> Json:
    """Close users: they stay listed, as Docusign keeps them; `leaves_groups` takes them out."""

    def close(account: Account, said: Mapping[str, Any]) -> tuple[Account, User]:
        user = member(account, text_of(said, "userId"))
        groups = () if leaves_groups else user.groups
        return put(account, replace(user, status=CLOSED, groups=groups))

    return await _each(registrar, account_id, body, close, actor=actor, verb="close-users")


async def _each(
    registrar: Registrar,
    account_id: str,
    body: Json,
    do: Callable[[Account, Mapping[str, Any]], tuple[Account, User]],
    *,
    actor: str,
    verb: str,
) -> Json:
    asked_for = listed(body, "users")

    def decide(registry: Registry, _now: int) -> tuple[Changed, Json]:
        account = registry.accounts[account_id]
        told: list[Json] = []
        for said in asked_for:
            try:
                account, user = do(account, said)
            except DocusignError as problem:
                told.append(_failed(said, problem))
            else:
                told.append(user_views.short_view(user))
        return _changed(registry.accounts[account_id], account), {"users": told}

    return await registrar.change(decide, actor=actor, verb=verb)


def listed(body: Json, key: str) -> list[dict[str, Any]]:
    """Return the objects of a request's list by their keys in lower case."""
    found = keys_of(body).get(key.lower())
    if not isinstance(found, list) or len(found) > MAX_LISTED:
        raise DocusignError(
            "INVALID_REQUEST_BODY", f"Give {key} as a list of at most {MAX_LISTED} objects."
        )
    return [keys_of(one) for one in found]


def added(account: Account, said: Mapping[str, Any], now: int) -> tuple[Account, User]:
    """Return an account with one more user, whom an entry of a request describes."""
    if len(account.users) >= MOST_USERS:
        raise DocusignError("ACCOUNT_LACKS_PERMISSIONS", f"It has {MOST_USERS} users already.")
    email = _email(said)
    user = _said_of(account, User(id=str(uuid4()), email=email, created_at=now), said)
    address = email.lower()
    if any(
        one.status != CLOSED
        and (one.email or "").lower() == address
        and identities.named(account, one).name == user.name
        for one in account.users
    ):
        raise DocusignError(
            "USER_ALREADY_EXISTS_IN_ACCOUNT",
            "The account has a user of this name and address; change that one, or close it first.",
        )
    return replace(account, users=(*account.users, user)), user


def put(account: Account, user: User) -> tuple[Account, User]:
    """Return an account in which a user is as given, and the user.

    A user whom connect.yaml gave no id keeps none, unless the address changes, which the id is
    derived from: without one it is found by its address in messages of a feed too.
    """

    def kept(before: User) -> User:
        is_by_address = not before.id and before.email == user.email
        return replace(user, id=None) if is_by_address else user

    users = tuple(
        kept(one) if identities.user_id(account, one) == user.id else one for one in account.users
    )
    return replace(account, users=users), user


def _updated(account: Account, said: Mapping[str, Any]) -> tuple[Account, User]:
    user = member(account, text_of(said, "userId"))
    if text_of(said, "email"):
        user = replace(user, email=_email(said))
    return put(account, _said_of(account, user, said))


def _said_of(account: Account, user: User, said: Mapping[str, Any]) -> User:
    """Return a user as a request says; what it does not say stays."""
    profile = dict(user_views.said_of(user))
    for key in user_views.PROFILE_KEYS:
        if key.lower() in said:
            profile[key] = bounded(text_of(said, key), key, MOST_PROFILE_CHARACTERS)
    is_admin = truth_of(said, "isAdmin", default=user.is_admin)
    if permission := text_of(said, "permissionProfileId"):
        if permission not in user_views.PERMISSION_PROFILES:
            raise DocusignError(
                "INVALID_REQUEST_PARAMETER", "There is no such permissionProfileId."
            )
        profile["permissionProfileId"] = permission
        is_admin = permission == user_views.ADMINISTRATOR.id
    spelt = " ".join(filter(None, (profile.get("firstName"), profile.get("lastName"))))
    name = text_of(said, "userName") or user.name or spelt or (user.email or "").partition("@")[0]
    return replace(
        user,
        name=bounded(name, "userName", MOST_NAME_CHARACTERS),
        is_admin=is_admin,
        status=_status(said, user.status),
        groups=_groups(account, said, user.groups),
        profile=profile or None,
    )


def _status(said: Mapping[str, Any], before: str) -> str:
    given = text_of(said, "userStatus")
    if given and given.lower() not in _STATUS:
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER", f"userStatus is one of {', '.join(STATUSES)}."
        )
    return _STATUS[given.lower()] if given else before


def _groups(account: Account, said: Mapping[str, Any], before: tuple[str, ...]) -> tuple[str, ...]:
    if said.get("grouplist") is None:
        return before
    names = {group.id: group.name for group in identities.groups(account)}
    ids = [text_of(one, "groupId") for one in listed(said, "groupList")]
    if unknown := [one for one in ids if one not in names]:
        raise DocusignError(
            "INVALID_GROUP_ID", f"The account has no group {unknown[0][:80]}; list its groups."
        )
    return tuple(dict.fromkeys(names[one] for one in ids))


def _email(said: Mapping[str, Any]) -> str:
    email = bounded(text_of(said, "email"), "email", MOST_EMAIL_CHARACTERS)
    local, at, domain = email.partition("@")
    if not (local and at and domain) or "@" in domain or any(one.isspace() for one in email):
        raise DocusignError("INVALID_EMAIL_ADDRESS", "Give the user's email, like ada@example.com.")
    return email


def bounded(text: str, key: str, most: int) -> str:
    """Return a text that is short enough and has no control characters; raise otherwise."""
    if len(text) > most or any(ord(one) < ord(" ") for one in text):
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER",
            f"{key} has control characters or more than {most} characters.",
        )
    return text


def _new_view(user: User) -> dict[str, Json]:
    view = user_views.user_view(user)
    keys = ("userId", "uri", "email", "userName", "userStatus", "createdDateTime")
    more = ("permissionProfileId", "permissionProfileName")
    return {key: view[key] for key in (*keys, *more)}


def _failed(said: Mapping[str, Any], problem: DocusignError) -> dict[str, Json]:
    """Return an entry of a request that could not be done (contract 6.3)."""
    named: Iterable[str] = ("userId", "userName", "email")
    given = {key: said[key.lower()] for key in named if isinstance(said.get(key.lower()), str)}
    return {**given, "errorDetails": error_details(problem)}


def error_details(problem: DocusignError) -> dict[str, str]:
    """Return an error as an entry of a list carries it."""
    return {"errorCode": problem.code, "message": str(problem)}


def _changed(before: Account, after: Account) -> Changed:
    if after == before:
        return Changed()
    was = {identities.user_id(before, one): one for one in before.users}
    touched = [
        identities.user_id(after, one)
        for one in after.users
        if was.get(identities.user_id(after, one)) != one
    ]
    return Changed(accounts=(after,), details={"account": after.id, "users": touched})
