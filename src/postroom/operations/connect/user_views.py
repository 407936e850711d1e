"""Users as the REST API shows them: key order and spellings of a recorded answer (contract 7.5)."""

from collections.abc import Mapping
from typing import Any

from postroom.envelopes.moments import rest_text
from postroom.model import Account, Json, Listener, Noun, Registry, User
from postroom.operations.connect import identities

PROFILE_KEYS = (
    "title",
    "firstName",
    "middleName",
    "lastName",
    "suffixName",
    "jobTitle",
    "company",
)
"""What is kept of a user by Docusign's own keys, beside what routing goes by."""


class PermissionProfile(Noun, frozen=True, kw_only=True):
    """What a user may do: ours are Docusign's three standard ones."""

    id: str
    name: str


ADMINISTRATOR = PermissionProfile(id="10000001", name="Account Administrator")
SENDER = PermissionProfile(id="10000002", name="DocuSign Sender")
VIEWER = PermissionProfile(id="10000003", name="DocuSign Viewer")
PERMISSION_PROFILES = {one.id: one for one in (ADMINISTRATOR, SENDER, VIEWER)}


def profile_of(user: User) -> PermissionProfile:
    """Return a user's permission profile; an administrator has the administrator's."""
    if user.is_admin:
        return ADMINISTRATOR
    kept = str(said_of(user).get("permissionProfileId", SENDER.id))
    found = PERMISSION_PROFILES.get(kept, SENDER)
    return SENDER if found is ADMINISTRATOR else found


def said_of(user: User) -> Mapping[str, Any]:
    """Return what else is kept of a user."""
    return user.profile if isinstance(user.profile, Mapping) else {}


def user_uri(user: User) -> str:
    """Return a user's address, as every list tells it."""
    return f"/users/{user.id}"


def user_view(user: User) -> dict[str, Json]:
    """Return a user as lists show one; "True" and "False" have capitals here."""
    said = said_of(user)
    created = rest_text(user.created_at or 0)
    profile = profile_of(user)
    return {
        "userName": user.name,
        "userId": user.id,
        "userType": "CompanyUser",
        "isAdmin": capital(value=user.is_admin),
        "isAlternateAdmin": "False",
        "userStatus": user.status,
        "uri": user_uri(user),
        "email": user.email or "",
        "title": said.get("title", ""),
        "createdDateTime": created,
        "userAddedToAccountDateTime": created,
        **{key: said.get(key, "") for key in PROFILE_KEYS[1:]},
        "permissionProfileId": profile.id,
        "permissionProfileName": profile.name,
        "isManagedByScim": "False",
        "isMembershipManagedByScim": "False",
    }


def full_view(registry: Registry, account: Account, user: User) -> dict[str, Json]:
    """Return a user with groups, and with the configurations that go by who sends."""
    ids = {group.name: group.id for group in identities.groups(account)}
    groups = [
        {"groupId": ids[name], "groupName": name, "groupType": "customGroup"}
        for name in user.groups
    ]
    listeners = sorted(registry.listeners.values(), key=lambda one: one.id)
    connects = [
        _connect_view(one, user)
        for one in listeners
        if one.account_id == account.id and one.scope == "account" and one.configuration
    ]
    return {
        **user_view(user),
        "groupList": groups,
        "enableConnectForUser": lower(value=any(one["enabled"] == "true" for one in connects)),
        "connectConfigurations": connects,
    }


def short_view(user: User) -> dict[str, Json]:
    """Return a user as a group's members, and answers to changes, show one."""
    return {
        "userName": user.name,
        "userId": user.id,
        "userType": "CompanyUser",
        "userStatus": user.status,
        "uri": user_uri(user),
        "email": user.email or "",
    }


def is_wanted(listener: Listener, user: User) -> bool:
    """Return whether a listener is about the envelopes that a user sends."""
    condition = listener.users
    if condition is None:
        return True
    is_named = (
        user.id in condition.ids
        or (user.email or "").lower() in {one.lower() for one in condition.emails}
        or not set(user.groups).isdisjoint(condition.groups)
    )
    return is_named == (condition.kind == "only")


def _connect_view(listener: Listener, user: User) -> dict[str, Json]:
    """Return a `connectUserObject`, whose `configurationtype` is all lower case (contract 8.2)."""
    return {
        "connectId": str(listener.configuration["connectId"]),
        "enabled": lower(value=listener.is_active and is_wanted(listener, user)),
        "hasAccess": lower(value=user.is_admin),
        "configurationtype": str(listener.configuration.get("configurationType", "custom")),
    }


def capital(*, value: bool) -> str:
    """Return a boolean as the user API spells it."""
    return "True" if value else "False"


def lower(*, value: bool) -> str:
    """Return a boolean as everything else spells it."""
    return "true" if value else "false"
