"""Keys: added while rotating, retired when done, shown only by their fingerprints."""

import secrets
from collections.abc import Sequence
from typing import Protocol

from postroom import signature
from postroom.errors import ConflictError, InvalidInputError, NotFoundError
from postroom.model import Account
from postroom.operations import names
from postroom.operations.views import KeyView, Page, moment, moment_or_none, read_moment
from postroom.storage.port import AuditEntry, SealedSecret, Store

MAX_KEYS = 100
"""As many as Docusign allows an account (contract 4)."""


class Sealing(Protocol):
    """What seals secrets and tells them apart."""

    def seal(self, text: str) -> bytes:
        """Return a secret sealed."""
        ...

    def fingerprint(self, text: str) -> str:
        """Return eight hex digits that tell a secret from others."""
        ...


async def list_keys(store: Store, *, account: str | None = None) -> Page[KeyView]:
    """List keys, retired ones too, in the order they were added."""
    only = names.account_id(await store.registry(), account)
    found = [key for key in await store.secrets() if only in {None, key.account_id}]
    return Page(items=tuple(view(key) for key in found), next_after=None)


async def add_key(  # the key, whose it is, and who adds it when
    store: Store,
    vault: Sealing,
    *,
    account: str,
    text: str,
    listener: str | None = None,
    now: int,
    actor: str,
) -> KeyView:
    """Add a signing key to an account, or to one listener; the others stay in force.

    Raises `InvalidInputError` for a text that cannot be a key, `ConflictError` if it is there.
    """
    registry = await store.registry()
    owner = names.account(registry, account)
    if listener is not None:
        names.listener(registry, listener, owner.id)
    known = await store.secrets()
    added = seal(vault, known, owner, text, listener=listener, now=now)
    if added is None:
        raise ConflictError("this key is there already; `postroom keys` lists it")
    await store.put_secret(added, noted(now, actor, "add-key", added))
    return view(added)


async def retire_key(
    store: Store, key: str, *, at: str | None = None, now: int, actor: str
) -> KeyView:
    """Take a key out of use, by id or fingerprint, now or from a moment on.

    Raises `NotFoundError`, or `InvalidInputError` where a fingerprint is that of several keys.
    """
    found = _named(await store.secrets(), key, now)
    asked = read_moment(at, "at")
    when = now if asked is None else asked
    await store.retire_secret(found.id, when, noted(now, actor, "retire-key", found))
    return view(next(one for one in await store.secrets() if one.id == found.id))


def seal(  # the key, whose it is, and when
    vault: Sealing,
    known: Sequence[SealedSecret],
    account: Account,
    text: str,
    *,
    listener: str | None,
    now: int,
) -> SealedSecret | None:
    """Return a new key sealed, or None if its owner has it in force already.

    Raises `InvalidInputError` for a text that cannot be a key.
    """
    complaint = signature.check_key(text)
    if complaint is not None:
        raise InvalidInputError(complaint)
    fingerprint = vault.fingerprint(text)
    own = [
        key
        for key in known
        if (key.account_id, key.listener, key.purpose) == (account.id, listener, "hmac")
        and (key.retired_at is None or key.retired_at > now)
    ]
    if any(key.fingerprint == fingerprint for key in own):
        return None
    if len(own) >= MAX_KEYS:
        raise InvalidInputError(f"at most {MAX_KEYS} keys; retire one first")
    return SealedSecret(
        id=f"key_{secrets.token_hex(6)}",
        account_id=account.id,
        listener=listener,
        purpose="hmac",
        sealed=vault.seal(text),
        fingerprint=fingerprint,
        created_at=now,
    )


def _named(known: Sequence[SealedSecret], key: str, now: int) -> SealedSecret:
    by_id = [one for one in known if one.id == key]
    alike = [one for one in known if one.fingerprint == key]
    in_force = [one for one in alike if one.retired_at is None or one.retired_at > now]
    found = by_id or in_force or alike[-1:]
    if not found:
        raise NotFoundError(f"there is no key {key[: names.SHOWN]!r}; `postroom keys` lists them")
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise InvalidInputError(f"several keys have the fingerprint {key}; give the id: {ids}")
    return found[0]


def view(key: SealedSecret) -> KeyView:
    """Return a key for a list."""
    return KeyView(
        id=key.id,
        account_id=key.account_id,
        listener=key.listener,
        purpose=key.purpose,
        fingerprint=key.fingerprint,
        created_at=moment(key.created_at),
        retired_at=moment_or_none(key.retired_at),
    )


def noted(now: int, actor: str, verb: str, key: SealedSecret) -> AuditEntry:
    """Return the audit entry of what was done to a key; it tells the fingerprint only."""
    details = {
        "account": key.account_id,
        "listener": key.listener,
        "key": key.id,
        "fingerprint": key.fingerprint,
    }
    return AuditEntry(at=now, actor=actor, verb=verb, details=details)
