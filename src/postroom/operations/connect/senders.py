"""Whose envelope it shall be: accounts and users by a part that tells them apart."""

import re
from collections.abc import Callable
from uuid import uuid5

from postroom.envelopes.envelope import Sender
from postroom.errors import InvalidInputError, NotFoundError
from postroom.model import Account, Registry, User
from postroom.operations import names
from postroom.operations.connect import identities

SHOWN = 20
"""How many users an error lists."""
MAX_CHARACTERS = 100
"""Of what a user is named by, as an error repeats it."""


def account_of(registry: Registry, named: str | None) -> Account:
    """Return the account of an id or a name; without one the only account, or the first main one.

    Raises `NotFoundError`, and `InvalidInputError` where a name is several accounts'.
    """
    if named is not None:
        return names.account(registry, named)
    accounts = list(registry.accounts.values())
    main = [one for one in accounts if one.parent_id is None] or accounts
    if not main:
        raise NotFoundError(
            "there is no account yet; `postroom apply connect.yaml` makes one, and"
            " `postroom serve --offline` has one ready"
        )
    return main[0]


def sender_of(account: Account, named: str | None) -> Sender:
    """Return the user whom a text names: all of an id or e-mail address, its end, or a part of it.

    Without a text it is the first active user who is no administrator, or else the first one; an
    account without users has its administrator, whom `identities` makes up.
    Raises `InvalidInputError` for a text that is nobody's, or several users'.
    """
    users = [one for one in identities.people(account) if one.status == identities.ACTIVE]
    if named is None:
        plain = [one for one in users if not one.is_admin]
        return _sender(next(iter(plain or users), identities.administrator(account)))
    wanted = named.strip().lower()
    if not wanted:
        raise InvalidInputError("the sender is empty; name a user by id or e-mail address")
    for fits in _WAYS:
        found = [one for one in users if any(fits(text, wanted) for text in _texts(one))]
        if len(found) == 1:
            return _sender(found[0])
        if found:
            raise InvalidInputError(
                f"{named[:MAX_CHARACTERS]!r} is the sender of several: {_list(found)}; write more"
                " of the id or the address"
            )
    who = f"its users are {_list(users)}" if users else "it has no users; add some to connect.yaml"
    raise InvalidInputError(
        f"no user of the account {account.name or account.id} is named by"
        f" {named[:MAX_CHARACTERS]!r}; {who}"
    )


_WAYS: tuple[Callable[[str, str], bool], ...] = (
    str.__eq__,
    lambda text, wanted: text.endswith(wanted),
    lambda text, wanted: text.partition("@")[0].endswith(wanted),
    lambda text, wanted: wanted in text,
)
"""From the strictest on; the first by which anybody is named decides."""


def made_up(named: str) -> Sender:
    """Return a sender whom no account has to know: by a GUID, its last digits, or an address.

    Raises `InvalidInputError` for anything else.
    """
    text = named.strip().lower()
    if "@" in text and len(text) <= MAX_CHARACTERS:
        user_id = str(uuid5(identities.NAMESPACE, f"sender {text}"))
        return Sender(user_id=user_id, name=text.partition("@")[0], email=text)
    return Sender(user_id=guid_of(text), name="Sender", email="sender@example.com")


def guid_of(text: str) -> str:
    """Return a GUID of itself or of its last digits, such as 123, lower case.

    Raises `InvalidInputError` for what is neither.
    """
    wanted = text.strip().lower()
    if re.fullmatch("[0-9a-f]{1,12}", wanted):
        return f"00000000-0000-4000-8000-{wanted:0>12}"
    if re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", wanted):
        return wanted
    raise InvalidInputError(
        f"{text[:MAX_CHARACTERS]!r} is no GUID; give a whole one, or its last 1 to 12 digits"
    )


def _texts(user: User) -> tuple[str, ...]:
    return tuple(text.lower() for text in (user.id, user.email) if text)


def _sender(user: User) -> Sender:
    return Sender(user_id=user.id or "", name=user.name, email=user.email or "")


def _list(users: list[User]) -> str:
    shown = ", ".join(user.email or user.id or "" for user in users[:SHOWN])
    return f"{shown} and {len(users) - SHOWN} more" if len(users) > SHOWN else shown
