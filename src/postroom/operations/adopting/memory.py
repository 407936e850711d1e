"""What adopting has changed on an account, kept in a file so that it can be put back.

It is written before the first change and after every one. No secret is in it: what Docusign
answers has none, and what a URL could hold is left out.
"""

from typing import Any, Literal

import msgspec

from postroom.errors import InvalidInputError
from postroom.model import Json, Noun
from postroom.operations.adopting.account import Configuration, bare, connect_id, fingerprint

FORM = 1
NAMED_BY = ("name", "urlToPublishTo")
"""The keys by which the one configuration is known on the account."""
_SECRETS = {"password", "salesforceauthcode", "clientsecret"}

Phase = Literal["applying", "applied", "undoing", "undone"]


class Switched(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A configuration that is switched off, or about to be."""

    connect_id: str
    name: str
    fingerprint: str
    """Of all it said, but for being on or off: whether it is still what it was."""
    former: dict[str, Any]
    """What it said, for people; without secrets."""


class Memory(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was, or is about to be, changed on one account."""

    postroom_adopt: int = FORM
    account_id: str
    base_path: str
    phase: Phase
    create: dict[str, Any]
    """The one configuration; its name is given to no other, so that it is known again."""
    created_id: str | None = None
    switch_off: tuple[Switched, ...]


def switched(configuration: Configuration) -> Switched:
    """Return what to remember of a configuration before it is switched off."""
    return Switched(
        connect_id=connect_id(configuration),
        name=str(configuration.get("name", "")),
        fingerprint=fingerprint(configuration),
        former=_without_secrets(dict(configuration)),
    )


def encoded(memory: Memory) -> bytes:
    """Return the file's bytes."""
    return msgspec.json.format(msgspec.json.encode(memory)) + b"\n"


def decoded(raw: bytes, name: str) -> Memory:
    """Read a file's bytes. Raises `InvalidInputError` for what was not written by adopting."""
    try:
        memory = msgspec.json.decode(raw, type=Memory)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidInputError(f"{name} was not written by `postroom adopt --apply`") from None
    if not all(isinstance(memory.create.get(key), str) for key in NAMED_BY):
        raise InvalidInputError(f"{name} does not say which configuration was created")
    if memory.postroom_adopt != FORM:
        raise InvalidInputError(f"{name} was written by another release; use that one")
    return memory


def _without_secrets(value: Json) -> Json:
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: bare(str(one)) if key == "urlToPublishTo" else _without_secrets(one)
        for key, one in value.items()
        if key.lower() not in _SECRETS
    }
