"""Docusign's own log of what Connect published, its failures, and its retry queue.

They are views of our deliveries: the newest of those whose configuration keeps a log. Postroom's
own lists show everything, whatever a configuration says.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from postroom import vocabulary
from postroom.clock import SECOND
from postroom.envelopes.moments import rest_text
from postroom.errors import DocusignError
from postroom.model import DeliveryState, Json, Listener
from postroom.operations import replay
from postroom.operations.connect.living import ConnectServer, read
from postroom.operations.connect.requests import keys_of, texts_of, truth_of
from postroom.storage.port import (
    DeliveryQuery,
    EnvelopeQuery,
    KeptEnvelope,
    KeptObject,
    StoredAttempt,
    StoredDelivery,
)

HIDDEN = "hidden-log"
DAY = 86_400 * SECOND
_ROWS = 500
_PAGES = 10
"""Beyond so many rows no older entry is looked for: logs are about what just happened."""
_LOG_GUID = 0x70_6F_73_74_00_00_40_00_80_00 << 48
_STATES = (DeliveryState.DUE, DeliveryState.DELIVERED, DeliveryState.GIVEN_UP)
MOST_RETRIED = 1000
_STATUSES = {"envelope-created": "Created", "envelope-deleted": "Deleted"}
"""What has another name in the log, or none among the older codes."""

Keep = Callable[[StoredDelivery, Listener], bool]


async def list_logs(
    server: ConnectServer,
    account_id: str,
    *,
    from_at: int | None = None,
    until_at: int | None = None,
) -> Json:
    """Return the newest entries (100, of 15 days, as documented), newest first."""
    entries = await _entries(server, account_id, "log", _is_logged, (from_at, until_at))
    return {"totalRecords": str(len(entries)), "type": "logs", "logs": entries}


async def list_failures(
    server: ConnectServer,
    account_id: str,
    *,
    from_at: int | None = None,
    until_at: int | None = None,
) -> Json:
    """Return what failed and is still to be retried, or was given up; newest first."""
    entries = await _entries(server, account_id, "failure", _has_failed, (from_at, until_at))
    return {"totalRecords": str(len(entries)), "type": "failures", "failures": entries}


async def show_log(
    server: ConnectServer, account_id: str, log_id: str, *, with_attempts: bool = False
) -> Json:
    """Return one entry, with every attempt where asked for (`additional_info`)."""
    row, listener = await _find(server, account_id, log_id, "log")
    kept = await _envelopes(server, account_id, [row])
    attempts = await server.store.attempts(row.id) if with_attempts else ()
    return _entry(row, listener, kept.get(row.envelope_id or ""), attempts, with_attempts)


async def delete_log(server: ConnectServer, account_id: str, log_id: str, *, kind: str) -> None:
    """Take an entry, or `all`, out of Docusign's log (`log`) or failures (`failure`)."""
    if log_id.lower() == "all":
        keep = _is_logged if kind == "log" else _has_failed
        for row, _ in await _rows(server, account_id, kind, keep, (None, None)):
            await _hide(server, account_id, row.id, kind)
        return
    row, _ = await _find(server, account_id, log_id, kind)
    await _hide(server, account_id, row.id, kind)


async def retry_envelopes(
    server: ConnectServer, account_id: str, body: Json, *, actor: str
) -> Json:
    """Publish again what failed of several envelopes (`connect/envelopes/retry_queue`)."""
    said = keys_of(body)
    if truth_of(said, "synchronous"):
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER", "synchronous must be false: retries are queued."
        )
    ids = texts_of(said, "envelopeIds")
    if not ids:
        raise DocusignError("INVALID_REQUEST_PARAMETER", "Name the envelopes as envelopeIds.")
    queue: list[Json] = []
    for envelope_id in dict.fromkeys(ids):
        retried = await retry_envelope(server, account_id, envelope_id, actor=actor)
        queue += retried["retryQueue"]
    return {"retryQueue": queue}


async def retry_envelope(
    server: ConnectServer, account_id: str, envelope_id: str, *, actor: str
) -> Json:
    """Publish again what failed of one envelope; what was given up is replayed."""
    await read(server, account_id, envelope_id)
    rows = await server.store.deliveries(
        DeliveryQuery(
            account_id=account_id,
            envelope_id=envelope_id.lower(),
            states=(DeliveryState.DUE, DeliveryState.GIVEN_UP),
            not_superseded=True,
            limit=MOST_RETRIED,
        )
    )
    listeners = _listeners(server, account_id)
    queue: dict[int, Json] = {}
    for row in rows:
        listener = listeners.get(row.listener_id)
        if listener is None or not row.attempts:
            continue
        await _retry(server, row, actor)
        queue[listener.id] = {
            "configId": config_id(listener),
            "configUrl": listener.url,
            "envelopeId": envelope_id.lower(),
            "status": "queued",
            "statusMessage": "",
        }
    return {"retryQueue": list(queue.values())}


async def _retry(server: ConnectServer, row: StoredDelivery, actor: str) -> None:
    now = server.clock.now()
    if row.state is DeliveryState.GIVEN_UP:
        await replay.replay(
            server.store,
            replay.Wanted(delivery=row.id),
            reason="published again through connect/envelopes/retry_queue",
            now=now,
            actor=actor,
        )
    else:
        await server.store.hasten(row.listener_id, now)


def config_id(listener: Listener) -> str:
    """Return the id under which Docusign's REST API knows a listener: its connectId, or ours."""
    configuration = listener.configuration
    if isinstance(configuration, Mapping) and "connectId" in configuration:
        return str(configuration["connectId"])
    return str(listener.id)


def _is_logged(row: StoredDelivery, listener: Listener) -> bool:
    return listener.is_logged and row.attempts > 0


def _has_failed(row: StoredDelivery, listener: Listener) -> bool:
    is_failing = row.state in {DeliveryState.DUE, DeliveryState.GIVEN_UP}
    return listener.acknowledgement and is_failing and row.attempts > 0 and not row.superseded_by


def _listeners(server: ConnectServer, account_id: str) -> dict[int, Listener]:
    """Return the account's listeners that Docusign would know of."""
    return {
        one.id: one
        for one in server.registry().listeners.values()
        if one.account_id == account_id and one.configuration is not None
    }


async def _entries(
    server: ConnectServer,
    account_id: str,
    kind: str,
    keep: Keep,
    span: tuple[int | None, int | None],
) -> list[Json]:
    rows = await _rows(server, account_id, kind, keep, span)
    kept = await _envelopes(server, account_id, [row for row, _ in rows])
    return [
        _entry(row, listener, kept.get(row.envelope_id or ""), (), with_attempts=False)
        for row, listener in rows
    ]


async def _rows(
    server: ConnectServer,
    account_id: str,
    kind: str,
    keep: Keep,
    span: tuple[int | None, int | None],
) -> list[tuple[StoredDelivery, Listener]]:
    listeners = _listeners(server, account_id)
    hidden = {one.id for one in await server.store.kept_objects(_hidden(kind), account_id)}
    oldest = server.clock.now() - round(server.limits.log_days * DAY)
    found: list[tuple[StoredDelivery, Listener]] = []
    after: int | None = None
    for _ in range(_PAGES):
        rows = await server.store.deliveries(
            DeliveryQuery(
                account_id=account_id,
                states=_STATES,
                received_from=max(oldest, span[0] or 0),
                received_until=span[1],
                after=after,
                limit=_ROWS,
            )
        )
        for row in rows:
            listener = listeners.get(row.listener_id)
            if listener and str(row.id) not in hidden and keep(row, listener):
                found.append((row, listener))
        if len(rows) < _ROWS or len(found) >= server.limits.log_entries:
            break
        after = rows[-1].id
    return found[: server.limits.log_entries]


async def _find(
    server: ConnectServer, account_id: str, log_id: str, kind: str
) -> tuple[StoredDelivery, Listener]:
    number = _delivery_id(log_id)
    row = await server.store.delivery(number) if number else None
    listener = _listeners(server, account_id).get(row.listener_id) if row else None
    is_hidden = bool(row) and await server.store.kept_objects(
        _hidden(kind), account_id, [str(number)]
    )
    keep = _is_logged if kind == "log" else _has_failed
    if row is None or listener is None or is_hidden or not keep(row, listener):
        raise DocusignError(
            "RESOURCE_NOT_FOUND", f"There is no {kind} entry of this id; list them.", status=404
        )
    return row, listener


async def _hide(server: ConnectServer, account_id: str, delivery_id: int, kind: str) -> None:
    await server.store.keep_object(
        KeptObject(
            kind=_hidden(kind),
            account_id=account_id,
            id=str(delivery_id),
            body=b"{}",
            updated_at=server.clock.now(),
        )
    )


def _hidden(kind: str) -> str:
    return f"{HIDDEN}-{kind}"


async def _envelopes(
    server: ConnectServer, account_id: str, rows: Sequence[StoredDelivery]
) -> dict[str, KeptEnvelope]:
    ids = tuple(dict.fromkeys(row.envelope_id for row in rows if row.envelope_id))
    if not ids:
        return {}
    query = EnvelopeQuery(account_id=account_id, ids=ids, limit=len(ids))
    return {one.id: one for one in (await server.store.kept_envelopes(query))[0]}


def _entry(
    row: StoredDelivery,
    listener: Listener,
    kept: KeptEnvelope | None,
    attempts: Sequence[StoredAttempt],
    with_attempts: bool,  # noqa: FBT001  # private, and named by every caller's variable
) -> Json:
    """Return a `connectLog` (contract 6); failures carry their own id and uri beside the log's."""
    log_id = str(UUID(int=_LOG_GUID | row.id))
    here = f"/accounts/{row.account_id}/connect"
    has_failed = row.state is not DeliveryState.DELIVERED
    entry: dict[str, Any] = {
        "accountId": row.account_id,
        "configUrl": listener.url,
        "connectId": config_id(listener),
        "created": rest_text(row.received_at),
        "email": kept.sender_email if kept else "",
        "envelopeId": row.envelope_id or "",
        "error": _error(row) if has_failed else "",
    }
    if with_attempts:
        entry["connectDebugLog"] = [_debug(one, row, listener) for one in attempts]
    if _has_failed(row, listener):
        entry["failureId"] = log_id
        entry["failureUri"] = f"{here}/failures/{log_id}"
    entry |= {
        "lastTry": rest_text(row.settled_at or row.received_at),
        "logId": log_id,
        "logUri": f"{here}/logs/{log_id}",
        "retryCount": str(max(row.attempts - 1, 0)),
        "retryUri": f"{here}/envelopes/{row.envelope_id}/retry_queue",
        "status": _status(row.event),
        "subject": kept.subject if kept else "",
        "userName": kept.sender_name if kept else "",
    }
    return entry


def _debug(attempt: StoredAttempt, row: StoredDelivery, listener: Listener) -> Json:
    is_good = attempt.failure is None and attempt.verdict == "done"
    said = f"{attempt.status}" if attempt.status is not None else attempt.detail
    said_name = listener.configuration["name"] if listener.scope == "account" else listener.name
    debug: dict[str, Any] = {"connectConfig": said_name}
    if not is_good:
        debug["errorDetails"] = {"errorCode": "CONNECT_FAILURE", "message": said}
    debug |= {
        "eventDateTime": rest_text(attempt.started_at),
        "eventDescription": f"{row.event}: attempt {attempt.number}, {attempt.verdict}, {said}",
        "payload": attempt.response_excerpt.decode("utf-8", "replace"),
    }
    return debug


def _error(row: StoredDelivery) -> str:
    if row.last_status is not None:
        return f"{listener_answer(row.last_status)}"
    return row.last_failure or row.reason or "not delivered"


def listener_answer(status: int) -> str:
    """Return what a listener answered, in words."""
    return f"The listener answered {status}."


def _status(event: str) -> str:
    """Return an event as the log's `status`, one of Docusign's envelope statuses (contract 6)."""
    if event in _STATUSES:
        return _STATUSES[event]
    known = vocabulary.legacy(event)
    named = known[1] if known else ""
    return named if named in {"Sent", "Delivered", "Completed", "Declined", "Voided"} else "Any"


def _delivery_id(log_id: str) -> int | None:
    try:
        number = UUID(log_id).int
    except ValueError:
        return None
    is_ours = number >> 48 == _LOG_GUID >> 48
    return number & ((1 << 48) - 1) if is_ours else None
