"""Historical publish: what envelopes are now, told once more to a listener named on the spot."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from postroom.envelopes.envelope import Happening
from postroom.envelopes.moments import rest_text
from postroom.errors import DocusignError
from postroom.model import Json
from postroom.operations.connect import configuration
from postroom.operations.connect.envelopes import account_of
from postroom.operations.connect.living import ConnectServer, Living, notification, read
from postroom.operations.connect.requests import keys_of, texts_of
from postroom.storage.port import AuditEntry, KeptObject, PutListener

KIND = "historical-publish"
MOST_ENVELOPES = 9_999
"""As many as Docusign takes in an hour (contract 5)."""
_EVENTS = {
    "created": "envelope-created",
    "sent": "envelope-sent",
    "delivered": "envelope-delivered",
    "completed": "envelope-completed",
    "declined": "envelope-declined",
    "voided": "envelope-voided",
    "deleted": "envelope-deleted",
}


async def publish(server: ConnectServer, account_id: str, body: Json, *, actor: str) -> Json:
    """Publish the present state of envelopes to the configuration given; return the transaction.

    The configuration's keys are read in any case, as the documented examples spell them oddly
    (contract 6). Envelopes that are not here are counted as errors, and named.
    """
    account = account_of(server, account_id)
    said = keys_of(body)
    ids = tuple(dict.fromkeys(one.lower() for one in texts_of(said, "envelopes")))
    config = said.get("config")
    if not ids or not isinstance(config, Mapping):
        raise DocusignError(
            "INVALID_REQUEST_BODY", "Give the envelopes' ids as envelopes, and a config."
        )
    if len(ids) > MOST_ENVELOPES:
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER", f"At most {MOST_ENVELOPES} envelopes can be published."
        )
    transaction_id = server.new_guid()
    name = await _listener(server, account.id, transaction_id, config, actor)
    errors: list[Json] = []
    for envelope_id in ids:
        try:
            living = await read(server, account.id, envelope_id)
        except DocusignError as problem:
            errors.append({"envelopeId": envelope_id, "errorCode": problem.code})
            continue
        await _tell(server, living, name, transaction_id)
    made = {
        "envelopePublishTransactionId": transaction_id,
        "processingStatus": "processing",
        "envelopeCount": str(len(ids)),
        "processedEnvelopeCount": str(len(ids) - len(errors)),
        "errorCount": str(len(errors)),
        "envelopeLevelErrorRollups": errors,
        "submissionDate": rest_text(server.clock.now()),
    }
    await server.store.keep_object(
        KeptObject(
            kind=KIND,
            account_id=account.id,
            id=transaction_id,
            body=msgspec.json.encode(made | {"processingStatus": "complete"}),
            updated_at=server.clock.now(),
        )
    )
    return made


async def show_publish(server: ConnectServer, account_id: str, transaction_id: str) -> Json:
    """Return a transaction as it stands."""
    kept = await server.store.kept_objects(KIND, account_id, [transaction_id.lower()])
    if not kept:
        raise DocusignError(
            "RESOURCE_NOT_FOUND", "There is no publish transaction of this id.", status=404
        )
    return msgspec.json.decode(kept[0].body)


async def _listener(
    server: ConnectServer, account_id: str, transaction_id: str, config: Json, actor: str
) -> str:
    """Make the listener of this transaction: it hears of nothing but what is published to it."""
    account = account_of(server, account_id)
    name = f"historical-{transaction_id}"
    given = keys_of(config)
    read_as = configuration.read(
        {"name": "Historical publish", "configurationType": "custom", **config}
        | {"allowEnvelopePublish": "true", "allUsers": "true"},
        account=account,
        connect_id="0",
        limits=server.limits,
        allow_http_loopback=server.allow_http_loopback,
        allow_private_addresses=server.allow_private_addresses,
    )
    has_events = any(given.get(key) for key in ("events", "envelopeevents", "recipientevents"))
    listener = replace(
        read_as.listener,
        name=name,
        scope="envelope",
        is_active=True,
        users=None,
        events=read_as.listener.events if has_events else tuple(_EVENTS.values()),
    )
    details = {"account": account_id, "transaction": transaction_id}
    await server.store.change(
        [PutListener(listener=listener)],
        AuditEntry(at=server.clock.now(), actor=actor, verb="publish-historical", details=details),
    )
    await server.refresh()
    return name


async def _tell(server: ConnectServer, living: Living, name: str, transaction_id: str) -> None:
    envelope, now = living.envelope, server.clock.now()
    event = _EVENTS.get(envelope.status, "envelope-sent")
    await server.enact(
        None,
        [
            notification(
                envelope,
                Happening(event=event),
                at=now,
                now=now,
                only_for=(name,),
                occurrence=transaction_id,
            )
        ],
    )
