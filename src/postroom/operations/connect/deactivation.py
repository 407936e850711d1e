"""Configurations that fail for days: first a warning, then they are switched off (contract 5)."""

import contextlib
from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from postroom import observe
from postroom.clock import SECOND
from postroom.errors import ConflictError
from postroom.model import Listener, ListenerState
from postroom.operations.connect.living import ConnectServer
from postroom.storage.port import AuditEntry, KeptObject, PutListener

DAY = 86_400 * SECOND
PENDING = "pending-deactivation"
SYSTEM = "system"
"""What `disabledBy` says then; Docusign's own value is not documented."""

Standing = Literal["well", "pending-deactivation", "to-deactivate"]


def standing(
    listener: Listener,
    state: ListenerState | None,
    *,
    now: int,
    pending_days: float,
    deactivation_days: float,
) -> Standing:
    """Return how near a configuration is to being switched off for failing."""
    if listener.configuration is None or listener.scope != "account" or not listener.is_active:
        return "well"
    if state is None or state.down_since is None:
        return "well"
    failing = now - state.down_since
    if failing >= deactivation_days * DAY:
        return "to-deactivate"
    return "pending-deactivation" if failing >= pending_days * DAY else "well"


async def deactivate_failing(server: ConnectServer) -> None:
    """Switch off every configuration that has failed for too long, and say so in audit and log."""
    states = await server.store.states()
    now = server.clock.now()
    for listener_id in [one.listener_id for one in states.values() if one.down_since is not None]:
        registry = server.registry()
        listener = registry.listeners.get(listener_id)
        if listener is None:
            continue
        reached = standing(
            listener,
            states[listener_id],
            now=now,
            pending_days=server.limits.pending_deactivation_days,
            deactivation_days=server.limits.deactivation_days,
        )
        if reached == "to-deactivate":
            # Where somebody has changed it meanwhile, the next time decides by what it is then.
            with contextlib.suppress(ConflictError):
                await _deactivate(server, listener, now, registry.revision)
        elif reached == "pending-deactivation":
            await _warn(server, listener, states[listener_id].down_since or now)


async def _warn(server: ConnectServer, listener: Listener, down_since: int) -> None:
    """Say once for each outage that the configuration will be switched off (contract 5)."""
    since = str(down_since).encode()
    told = await server.store.kept_objects(PENDING, listener.account_id, [listener.name])
    if told and told[0].body == since:
        return
    await server.store.keep_object(
        KeptObject(
            kind=PENDING,
            account_id=listener.account_id,
            id=listener.name,
            body=since,
            updated_at=server.clock.now(),
        )
    )
    observe.log.warning(
        "a configuration fails for days: Active - Pending Deactivation; mend its listener",
        account=listener.account_id,
        listener=listener.name,
        deactivation_days=server.limits.deactivation_days,
    )


async def _deactivate(server: ConnectServer, listener: Listener, now: int, revision: int) -> None:
    said = listener.configuration
    assert isinstance(said, Mapping)  # noqa: S101  # `standing` passes no other
    off = replace(
        listener,
        is_active=False,
        configuration={**said, "allowEnvelopePublish": "false", "disabledBy": SYSTEM},
    )
    details = {"account": listener.account_id, "listener": listener.name}
    await server.store.change(
        [PutListener(listener=off)],
        AuditEntry(at=now, actor="postroom", verb="deactivate-configuration", details=details),
        expected_revision=revision,
    )
    await server.refresh()
    observe.log.error(
        "a configuration was switched off: it failed for too long; mend its listener, then set"
        " allowEnvelopePublish to true",
        **details,
    )
