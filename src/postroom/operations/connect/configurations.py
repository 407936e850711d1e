"""Connect configurations by Docusign's verbs: each is a listener with its own words beside it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeVar
from weakref import WeakKeyDictionary

from postroom import observe
from postroom.errors import ConflictError, DocusignError
from postroom.model import Account, Json, Listener, Registry
from postroom.operations import keys
from postroom.operations.connect import configuration
from postroom.operations.connect.configuration import Configuration, SecretTexts
from postroom.operations.connect.envelopes import account_of
from postroom.operations.connect.listener_url import refusal
from postroom.operations.connect.living import ConnectServer
from postroom.operations.connect.requests import keys_of, text_of
from postroom.storage.port import (
    Accompanying,
    AuditEntry,
    Change,
    KeepObject,
    KeptObject,
    PutListener,
    PutSecret,
    RemoveListener,
    SealedSecret,
)

FIRST_ID = 22_210_001
"""Docusign's are as long (contract 1.1)."""
NUMBERING = "connect-id"
"""The kind of the object that keeps the last `connectId` given out."""
_LAST = "last"

MOST_TRIES = 5

_turns: WeakKeyDictionary[ConnectServer, asyncio.Lock] = WeakKeyDictionary()
"""One change of a server's configurations at a time: they read what they then write."""

Answer = TypeVar("Answer")


async def list_configurations(server: ConnectServer, account_id: str) -> Json:
    """Return an account's configurations, in the order they were made."""
    account = account_of(server, account_id)
    return await _listed(server, _of_account(await server.store.registry(), account))


async def get_configuration(server: ConnectServer, account_id: str, connect_id: str) -> Json:
    """Return one configuration, in a list as Docusign gives it (contract 8.7)."""
    account = account_of(server, account_id)
    found = _named(await server.store.registry(), account, connect_id)
    return await _listed(server, [found])


async def create_configuration(
    server: ConnectServer, account_id: str, body: Json, *, actor: str
) -> Json:
    """Make a configuration; return it as Docusign echoes it, with the `connectId` it was given.

    A `connectId` in the body is passed over. Raises `DocusignError`, also where the account has
    as many as it may have.
    """
    account = account_of(server, account_id)

    async def create() -> Json:
        registry = await server.store.registry()
        most = server.limits.max_configurations
        if len(_of_account(registry, account)) >= most:
            # The code for this was not found (contract 6.4).
            raise refusal(f"The account has {most} Connect configurations; delete one first.")
        # After the registry: whoever is given an id moves it.
        connect_id = await _next_id(server)
        made = _read(server, body, account, connect_id)
        return await _keep(server, made, body, None, actor, registry.revision)

    return await _in_turn(server, create)


async def update_configuration(
    server: ConnectServer, account_id: str, body: Json, *, actor: str
) -> Json:
    """Change the configuration whose `connectId` is in the body; return it as it then is.

    What is not given, or null, stays as it was, inside `eventData` too: whether Docusign merges
    or replaces is not documented (contract 6), and merging is what never loses anything. An
    empty list takes a list away, an empty `password` the password.
    """
    account = account_of(server, account_id)
    connect_id = text_of(keys_of(body), "connectId")
    if not connect_id:
        raise refusal("Give the connectId of the configuration to change.")

    async def update() -> Json:
        registry = await server.store.registry()
        before = _named(registry, account, connect_id)
        said = await _echo(server, before)
        made = _read(server, body, account, said["connectId"], said)
        return await _keep(server, made, body, before, actor, registry.revision)

    return await _in_turn(server, update)


async def delete_configuration(
    server: ConnectServer, account_id: str, connect_id: str, *, actor: str
) -> None:
    """Delete a configuration: what it is owed is dismissed, its secrets are out of use."""
    account = account_of(server, account_id)

    async def delete() -> None:
        registry = await server.store.registry()
        found = _named(registry, account, connect_id)
        audit = _audit(server, actor, "delete-configuration", found)
        change = RemoveListener(account_id=account.id, name=found.name)
        await server.store.change([change], audit, expected_revision=registry.revision)
        for secret in await server.store.secrets():
            if (secret.account_id, secret.listener) == (account.id, found.name):
                await _retire(server, secret, actor)
        await server.refresh()

    await _in_turn(server, delete)


# --- reading and finding ----------------------------------------------------------------------


def _read(
    server: ConnectServer,
    body: Json,
    account: Account,
    connect_id: str,
    before: Mapping[str, Json] | None = None,
) -> Configuration:
    return configuration.read(
        body,
        account=account,
        connect_id=connect_id,
        before=before,
        limits=server.limits,
        allow_http_loopback=server.allow_http_loopback,
        allow_private_addresses=server.allow_private_addresses,
    )


def _of_account(registry: Registry, account: Account) -> list[Listener]:
    found = [
        one
        for one in registry.listeners.values()
        if one.account_id == account.id and one.scope == "account" and one.configuration is not None
    ]
    return sorted(found, key=lambda one: int(one.configuration["connectId"]))


def _named(registry: Registry, account: Account, connect_id: str) -> Listener:
    """Return a configuration. Raises `DocusignError`; its code is not documented (contract 6.4)."""
    for one in _of_account(registry, account):
        if one.configuration["connectId"] == connect_id:
            return one
    raise DocusignError(
        "RESOURCE_NOT_FOUND",
        f"The account has no Connect configuration {connect_id[:40]}; list them to find its id.",
        status=404,
    )


async def _listed(server: ConnectServer, found: list[Listener]) -> Json:
    configurations = [await _echo(server, one) for one in found]
    return {"configurations": configurations, "totalRecords": str(len(configurations))}


async def _echo(server: ConnectServer, listener: Listener) -> dict[str, Json]:
    """Return a configuration as it is now, also where it was paused by another way than this."""
    state = (await server.store.states()).get(listener.id)
    is_paused = state is not None and state.paused_at is not None
    return {**listener.configuration, "pausePublish": "true" if is_paused else "false"}


# --- keeping ----------------------------------------------------------------------------------


async def _in_turn(server: ConnectServer, work: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do what reads and then writes; again, where another node has written in between.

    Raises `ConflictError` where others always were faster.
    """
    async with _turns.setdefault(server, asyncio.Lock()):
        for _ in range(MOST_TRIES - 1):
            with contextlib.suppress(ConflictError):
                return await work()
        return await work()


async def _next_id(server: ConnectServer) -> str:
    kept = await server.store.kept_objects(NUMBERING, "", (_LAST,))
    return str(int(kept[0].body) + 1 if kept else FIRST_ID)


def _last_id(server: ConnectServer, connect_id: str) -> KeepObject:
    """See to it that a `connectId` is never given out again, also once it is deleted."""
    return KeepObject(
        kept=KeptObject(
            kind=NUMBERING,
            account_id="",
            id=_LAST,
            body=connect_id.encode(),
            updated_at=server.clock.now(),
        )
    )


async def _keep(
    server: ConnectServer,
    made: Configuration,
    body: Json,
    before: Listener | None,
    actor: str,
    revision: int,
) -> Json:
    """Keep a configuration with its secrets and its pause; return its echo.

    Secrets come with it, and a pause before what it holds up, so that nothing is sent meanwhile
    that the configuration does not allow. Raises `ConflictError`, with the configuration as it
    was, where the registry is no longer at `revision`.
    """
    listener = made.listener
    given = _sealed(server, listener, configuration.secret_texts(body))
    changes: list[Change | Accompanying] = [
        PutSecret(secret=one, audit=keys.noted(one.created_at, actor, f"put-{one.purpose}", one))
        for one, text in given
        if text
    ]
    if before is not None and made.is_paused:
        await _pause(server, before, is_paused=True, actor=actor)
    verb = "create-configuration" if before is None else "update-configuration"
    audit = _audit(server, actor, verb, listener, before)
    changes.append(PutListener(listener=listener))
    if before is None:
        changes.append(_last_id(server, listener.configuration["connectId"]))
    await server.store.change(changes, audit, expected_revision=revision)
    taken_away = {one.id for one, text in given if not text}
    for known in await server.store.secrets() if taken_away else ():
        if known.id in taken_away:
            await _retire(server, known, actor)
    kept = await _kept(server, listener)
    await _pause(server, kept, is_paused=made.is_paused, actor=actor)
    if before is not None and kept.is_active and not before.is_active:
        # Switched on again it begins anew: what failed before no longer counts against it.
        await server.store.set_down(kept.id, None, None)
    await server.refresh()
    for warning in made.warnings:
        observe.log.warning(
            "a Connect configuration",
            account=listener.account_id,
            listener=listener.name,
            warning=warning,
        )
    return made.echo


async def _kept(server: ConnectServer, listener: Listener) -> Listener:
    """Return a listener just put, with the id it has."""
    registry = await server.store.registry()
    owner = (listener.account_id, listener.name)
    return next(one for one in registry.listeners.values() if (one.account_id, one.name) == owner)


async def _pause(server: ConnectServer, listener: Listener, *, is_paused: bool, actor: str) -> None:
    state = (await server.store.states()).get(listener.id)
    if is_paused == (state is not None and state.paused_at is not None):
        return
    audit = _audit(server, actor, "pause-listener" if is_paused else "resume-listener", listener)
    await server.store.set_paused(listener.id, audit.at if is_paused else None, audit)


def _sealed(
    server: ConnectServer, listener: Listener, given: SecretTexts
) -> list[tuple[SealedSecret, str]]:
    """Return each secret that was given, sealed, with its text; "" takes the one before away."""
    texts: dict[Literal["password", "client-secret"], str | None] = {
        "password": given.password,
        "client-secret": given.client_secret,
    }
    return [
        (
            SealedSecret(
                id=f"{purpose}_{listener.account_id}_{listener.name}",
                account_id=listener.account_id,
                listener=listener.name,
                purpose=purpose,
                sealed=server.vault.seal(text),
                fingerprint=server.vault.fingerprint(text),
                created_at=server.clock.now(),
            ),
            text,
        )
        for purpose, text in texts.items()
        if text is not None
    ]


async def _retire(server: ConnectServer, secret: SealedSecret, actor: str) -> None:
    now = server.clock.now()
    if secret.retired_at is None or secret.retired_at > now:
        noted = keys.noted(now, actor, f"retire-{secret.purpose}", secret)
        await server.store.retire_secret(secret.id, now, noted)


def _audit(
    server: ConnectServer,
    actor: str,
    verb: str,
    listener: Listener,
    before: Listener | None = None,
) -> AuditEntry:
    """Return the audit entry of a change; of an update it names the keys that changed."""
    details: dict[str, Json] = {
        "account": listener.account_id,
        "listener": listener.name,
        "name": listener.configuration["name"],
    }
    if before is not None:
        was, is_ = before.configuration, listener.configuration
        details["changed"] = [key for key in {**was, **is_} if was.get(key) != is_.get(key)]
    return AuditEntry(at=server.clock.now(), actor=actor, verb=verb, details=details)
