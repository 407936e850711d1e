"""What a document would change: worked out, not done. `apply`, `plan` and `diff` begin here."""

import hashlib
from typing import Any

import msgspec
from msgspec.structs import replace

from postroom.model import Account, Json, Lane, Listener, Noun, Registry
from postroom.operations import beside, enrichment_draft, keys
from postroom.operations.document import AccountPart, ConnectDocument, read
from postroom.operations.drafts import Drafts, draft
from postroom.operations.keys import Sealing
from postroom.storage.port import (
    Change,
    PutAccount,
    PutLane,
    PutListener,
    RemoveAccount,
    RemoveLane,
    RemoveListener,
    SealedSecret,
    Store,
)


class ChangeView(Noun, frozen=True, kw_only=True):
    """One thing that changed."""

    kind: str
    """`account`, `lane`, `listener` or `key`."""
    name: str
    account_id: str
    action: str
    """`added`, `changed`, `removed` or `retired`."""
    fields: dict[str, tuple[Json, Json]]
    """For `changed`: the fields that differ, as (before, after)."""


class Intended(Noun, frozen=True, kw_only=True):
    """What a document comes to beside a system as it stands."""

    before: Registry
    changes: tuple[Change, ...]
    views: tuple[ChangeView, ...]
    unchanged: int
    added_keys: tuple[SealedSecret, ...]
    retired_keys: tuple[SealedSecret, ...]
    warnings: tuple[str, ...]

    def after(self) -> Registry:
        """Return the registry as it would stand; new listeners have ids below 0."""
        accounts, lanes = dict(self.before.accounts), dict(self.before.lanes)
        listeners = {(one.account_id, one.name): one for one in self.before.listeners.values()}
        for number, change in enumerate(self.changes, start=1):
            if isinstance(change, PutAccount):
                accounts[change.account.id] = change.account
            elif isinstance(change, PutLane):
                lanes[change.lane.account_id, change.lane.name] = change.lane
            elif isinstance(change, PutListener):
                put = change.listener
                put = put if put.id else replace(put, id=-number)
                listeners[put.account_id, put.name] = put
            elif isinstance(change, RemoveLane):
                del lanes[change.account_id, change.name]
            elif isinstance(change, RemoveListener):
                del listeners[change.account_id, change.name]
            else:
                del accounts[change.account_id]
                lanes = {key: one for key, one in lanes.items() if key[0] in accounts}
                listeners = {key: one for key, one in listeners.items() if key[0] in accounts}
        return Registry(
            revision=self.before.revision,
            accounts=accounts,
            listeners={one.id: one for one in listeners.values()},
            lanes=lanes,
        )

    @property
    def fingerprint(self) -> str:
        """32 hex digits that are the same only for the same changes of the same system.

        Listeners of single envelopes are left out: they come with every envelope that has one.
        """
        standing = [one for one in self.before.listeners.values() if one.scope == "account"]
        said = (
            list(self.before.accounts.values()),
            sorted(standing, key=lambda one: one.id),
            [self.before.lanes[key] for key in sorted(self.before.lanes)],
            self.views,
            self.changes,
        )
        return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:32]


async def intended(  # the document, and how far it goes
    store: Store,
    vault: Sealing,
    document: Json,
    *,
    allow_private_addresses: bool,
    prune: bool,
    now: int,
) -> Intended:
    """Return what a document would change.

    What the document does not name is left alone unless `prune`.
    Raises `InvalidDocumentError` with every problem and its place.
    """
    registry, known = await store.registry(), list(await store.secrets())
    # A file of thousands of listeners takes a while, and others want to be served meanwhile.
    return await beside.reckon(
        _intended,
        registry,
        known,
        vault,
        document,
        allow_private=allow_private_addresses,
        prune=prune,
        now=now,
    )


def _intended(  # the system, the document, and how far it goes
    registry: Registry,
    known: list[SealedSecret],
    vault: Sealing,
    document: Json,
    *,
    allow_private: bool,
    prune: bool,
    now: int,
) -> Intended:
    shape = read(document)
    drafts = draft(shape, registry, allow_private=allow_private)
    changes, views, unchanged = _compare(drafts, registry)
    added, retired = _keys(shape, drafts, known, vault, now)
    if prune:
        _prune(drafts, registry, changes, views)
        retired += _of_removed(changes, known, now)
    views += [_key_view(key, "added") for key in added]
    views += [_key_view(key, "retired") for key in retired]
    in_force = [key for key in (*known, *added) if key not in retired and _is_in_force(key, now)]
    return Intended(
        before=registry,
        changes=tuple(changes),
        views=tuple(views),
        unchanged=unchanged,
        added_keys=tuple(added),
        retired_keys=tuple(retired),
        warnings=(*drafts.warnings, *_deaf(drafts, in_force)),
    )


def _compare(drafts: Drafts, registry: Registry) -> tuple[list[Change], list[ChangeView], int]:
    listeners = {(one.account_id, one.name): one for one in registry.listeners.values()}
    changes: list[Change] = []
    views: list[ChangeView] = []
    unchanged = 0
    pairs: list[tuple[Account | Lane | Listener, Account | Lane | Listener | None, Change]] = [
        *((a, registry.accounts.get(a.id), PutAccount(account=a)) for a in drafts.accounts),
        *((e, registry.lanes.get((e.account_id, e.name)), PutLane(lane=e)) for e in drafts.lanes),
    ]
    for one in drafts.listeners:
        before = listeners.get((one.account_id, one.name))
        same_id = one if before is None else replace(one, id=before.id)
        pairs.append((same_id, before, PutListener(listener=same_id)))
    for after, before_, change in pairs:
        if after == before_:
            unchanged += 1
            continue
        changes.append(change)
        views.append(_view(after, before_))
    return changes, views, unchanged


def _prune(
    drafts: Drafts, registry: Registry, changes: list[Change], views: list[ChangeView]
) -> None:
    """Remove what the document does not name.

    An account stays where the document names it as an owner or a parent only, or where it has
    Connect configurations; those are made and deleted on Docusign's paths, and stay.
    """
    kept = {one.id for one in drafts.accounts}
    kept |= {lane.account_id for lane in drafts.lanes}
    kept |= {listener.account_id for listener in drafts.listeners}
    kept |= {one.parent_id for one in drafts.accounts if one.parent_id is not None}
    named = {(one.account_id, one.name) for one in drafts.listeners}
    for listener in registry.listeners.values():
        if listener.configuration is not None:
            kept.add(listener.account_id)
        elif (listener.account_id, listener.name) not in named:
            changes.append(RemoveListener(account_id=listener.account_id, name=listener.name))
            views.append(_removed(listener))
    lanes = {(one.account_id, one.name) for one in drafts.lanes}
    for lane in registry.lanes.values():
        if (lane.account_id, lane.name) not in lanes:
            changes.append(RemoveLane(account_id=lane.account_id, name=lane.name))
            views.append(_removed(lane))
    for account in (one for one in registry.accounts.values() if one.id not in kept):
        changes.append(RemoveAccount(account_id=account.id))
        views.append(_removed(account))


def _keys(
    shape: ConnectDocument,
    drafts: Drafts,
    known: list[SealedSecret],
    vault: Sealing,
    now: int,
) -> tuple[list[SealedSecret], list[SealedSecret]]:
    """Return the keys to add, and those to retire where an account says `prune_keys`."""
    added: list[SealedSecret] = []
    retired: list[SealedSecret] = []
    for part, account in zip(shape.accounts, drafts.accounts, strict=True):
        for key in part.keys:
            sealed = keys.seal(vault, [*known, *added], account, key.text, listener=None, now=now)
            added += [sealed] if sealed else []
        if part.prune_keys:
            retired += _unnamed(part, account, known, vault, now)
        text = enrichment_draft.secret_text(part.enrichment) if part.enrichment else None
        if text is not None:
            token = _token(account, text, known, vault, now)
            added += [token] if token else []
    owners = {account.id: account for account in drafts.accounts}
    for listener_part, listener in zip(shape.listeners, drafts.listeners, strict=True):
        owner = owners.get(listener.account_id, Account(id=listener.account_id))
        for key in listener_part.keys:
            sealed = keys.seal(
                vault, [*known, *added], owner, key.text, listener=listener.name, now=now
            )
            added += [sealed] if sealed else []
    return added, retired


def _unnamed(
    part: AccountPart, account: Account, known: list[SealedSecret], vault: Sealing, now: int
) -> list[SealedSecret]:
    named = {vault.fingerprint(key.text) for key in part.keys}
    return [
        key
        for key in known
        if (key.account_id, key.listener, key.purpose) == (account.id, None, "hmac")
        and _is_in_force(key, now)
        and key.fingerprint not in named
    ]


def _of_removed(changes: list[Change], known: list[SealedSecret], now: int) -> list[SealedSecret]:
    """Return the secrets of accounts and listeners that go: put again, they begin without."""
    accounts = {one.account_id for one in changes if isinstance(one, RemoveAccount)}
    listeners = {(one.account_id, one.name) for one in changes if isinstance(one, RemoveListener)}
    return [
        key
        for key in known
        if (key.account_id in accounts or (key.account_id, key.listener) in listeners)
        and _is_in_force(key, now)
    ]


def _deaf(drafts: Drafts, in_force: list[SealedSecret]) -> tuple[str, ...]:
    """Warn of accounts whose messages will all be refused."""
    hearing = {key.account_id for key in in_force if (key.listener, key.purpose) == (None, "hmac")}
    return tuple(
        f"account {one.name or one.id} has no keys in force: it accepts nothing until it has"
        for one in drafts.accounts
        if not one.is_unsigned and one.id not in hearing
    )


def _is_in_force(key: SealedSecret, now: int) -> bool:
    return key.retired_at is None or key.retired_at > now


def _token(
    account: Account, text: str, known: list[SealedSecret], vault: Sealing, now: int
) -> SealedSecret | None:
    """Return the account's token, or private key, sealed; None if it is the one in force."""
    token_id, fingerprint = enrichment_draft.secret_id(account.id), vault.fingerprint(text)
    if any(
        (key.id, key.fingerprint) == (token_id, fingerprint) and _is_in_force(key, now)
        for key in known
    ):
        return None
    return SealedSecret(
        id=token_id,
        account_id=account.id,
        listener=None,
        purpose="enrichment",
        sealed=vault.seal(text),
        fingerprint=fingerprint,
        created_at=now,
    )


def _view(after: Account | Lane | Listener, before: Account | Lane | Listener | None) -> ChangeView:
    differing: dict[str, tuple[Json, Json]] = {}
    if before is not None:
        was, is_ = msgspec.to_builtins(before), msgspec.to_builtins(after)
        differing = {name: (was[name], is_[name]) for name in is_ if was[name] != is_[name]}
    return ChangeView(
        **_named(after), action="added" if before is None else "changed", fields=differing
    )


def _removed(noun: Account | Lane | Listener) -> ChangeView:
    return ChangeView(**_named(noun), action="removed", fields={})


def _key_view(key: SealedSecret, action: str) -> ChangeView:
    owner = f" of {key.listener}" if key.listener else ""
    return ChangeView(
        kind="key",
        name=f"{key.fingerprint}{owner}",
        account_id=key.account_id,
        action=action,
        fields={},
    )


def _named(noun: Account | Lane | Listener) -> dict[str, Any]:
    if isinstance(noun, Account):
        return {"kind": "account", "name": noun.name or noun.id, "account_id": noun.id}
    kind = "lane" if isinstance(noun, Lane) else "listener"
    return {"kind": kind, "name": noun.name, "account_id": noun.account_id}
