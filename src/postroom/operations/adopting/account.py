"""A Docusign account as adopting sees it: the port, and what it stands like at one moment."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from postroom.errors import DocusignError
from postroom.model import Group, Json, Noun, User
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.connect.requests import keys_of, texts_of

MOST_CONFIGURATIONS = ConnectLimits().max_configurations
"""Docusign counts those of one's own making, on or off (contract 5)."""
_COUNTED = {"custom", "customrecipient"}
SWITCH = "allowEnvelopePublish"
"""Docusign's key for on and off (contract 1.1)."""
_NOT_COMPARED = {SWITCH, "disabledBy"}
Configuration = Mapping[str, Any]
"""A Connect configuration as Docusign answers with it."""


class ConnectAccount(Protocol):
    """One account, asked and changed over its REST API.

    Every verb raises `InvalidInputError` where the account refuses, `UnavailableError` where it
    does not answer, with nothing secret in the text. A change that raised `UnavailableError` may
    have been made or not.
    """

    async def name(self) -> str:
        """Return the account's name."""
        ...

    async def configurations(self) -> Sequence[Configuration]:
        """Return the Connect configurations, as they are now."""
        ...

    async def create(self, configuration: Configuration) -> None:
        """Make a configuration."""
        ...

    async def update(self, configuration: Configuration) -> None:
        """Make the configuration of its `connectId` what is given, all of it."""
        ...

    async def delete(self, connect_id: str) -> None:
        """Delete a configuration."""
        ...

    async def groups(self) -> Sequence[Group]:
        """Return the groups of users."""
        ...

    async def members(self, group_id: str) -> Sequence[User]:
        """Return the users of one group."""
        ...

    async def users(self) -> Sequence[User]:
        """Return the users, by id and address."""
        ...

    async def fields(self) -> Sequence[str]:
        """Return the names of the custom fields that the account offers."""
        ...


class Standing(Noun, frozen=True, kw_only=True):
    """What an account stands like: all that its notifications go by."""

    account_id: str
    name: str
    configurations: tuple[Configuration, ...]
    users: tuple[User, ...]
    """Those that a configuration names, by itself or by a group, with these groups."""
    groups: tuple[Group, ...]
    fields: tuple[str, ...]


async def standing(account: ConnectAccount, account_id: str) -> Standing:
    """Read what an account stands like. Changes nothing."""
    configurations = tuple(await account.configurations())
    group_ids = {one for each in configurations for one in _ids(each, "groupIds")}
    user_ids = {one for each in configurations for one in _ids(each, "userIds")}
    groups = tuple(await account.groups()) if group_ids else ()
    groups = tuple(one for one in groups if one.id.lower() in group_ids)
    belongs: dict[str, list[str]] = {}
    for group in groups:
        for user in await account.members(group.id):
            if user.id:
                belongs.setdefault(user.id.lower(), []).append(group.name)
    named = dict.fromkeys((*sorted(user_ids), *sorted(belongs)))
    known = {user.id.lower(): user for user in await account.users() if user.id} if named else {}
    return Standing(
        account_id=account_id,
        name=await account.name(),
        configurations=configurations,
        users=tuple(
            User(
                id=one,
                email=known[one].email if one in known else None,
                groups=tuple(belongs.get(one, ())),
            )
            for one in named
        ),
        groups=groups,
        fields=tuple(await account.fields()),
    )


def _ids(configuration: Configuration, key: str) -> tuple[str, ...]:
    """Return a list of ids; none of a configuration that cannot be read, which is told later."""
    try:
        return tuple(one.lower() for one in texts_of(keys_of(configuration), key))
    except DocusignError:
        return ()


def word(configuration: Configuration, key: str) -> str:
    """Return a text of a configuration, its key in any case; "" for what is no text."""
    value = next((one for name, one in configuration.items() if name.lower() == key.lower()), None)
    return str(value).strip() if isinstance(value, str | int) else ""


def connect_id(configuration: Configuration) -> str:
    """Return a configuration's id."""
    return word(configuration, "connectId")


def is_on(configuration: Configuration, key: str = SWITCH) -> bool:
    """Tell whether a switch of a configuration is on."""
    return word(configuration, key).lower() == "true"


def has_room(configurations: Iterable[Configuration]) -> bool:
    """Tell whether the account may have one more configuration."""
    kinds = (word(one, "configurationType").lower() for one in configurations)
    return sum(kind in _COUNTED for kind in kinds) < MOST_CONFIGURATIONS


def fingerprint(configuration: Configuration) -> str:
    """Return what tells whether a configuration is still what it was, on or off."""
    compared: dict[str, Json] = {
        key: value for key, value in configuration.items() if key not in _NOT_COMPARED
    }
    return hashlib.sha256(msgspec.json.encode(compared, order="deterministic")).hexdigest()


def bare(url: str) -> str:
    """Return a URL without what people put secrets into: the user part and the query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
