"""Templates by id: kept as they were given, told of as the service does, and used by envelopes."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from postroom.envelopes import given
from postroom.envelopes.moments import generated_text
from postroom.errors import DocusignError
from postroom.intake.identity import event_id
from postroom.model import Json, Notification
from postroom.operations.connect.living import ConnectServer
from postroom.operations.connect.requests import keys_of, text_of
from postroom.storage.port import KeptObject

KIND = "template"
MOST_TEMPLATES = 20
"""How many templates one envelope may name."""


async def create_template(
    server: ConnectServer, account_id: str, body: Json, *, user_id: str
) -> Json:
    """Keep a template; return its id and name as the REST API does."""
    template_id = server.new_guid()
    await _keep(server, account_id, template_id, body)
    await _tell(server, account_id, template_id, "template-created", user_id)
    return {
        "templateId": template_id,
        "name": text_of(keys_of(body), "name"),
        "uri": f"/templates/{template_id}",
    }


async def update_template(
    server: ConnectServer, account_id: str, template_id: str, body: Json, *, user_id: str
) -> Json:
    """Change what is said of a template; keys that are not given stay."""
    keys_of(body)
    before = await _read(server, account_id, template_id)
    spelt = {key.lower(): key for key in before}
    merged = {**before, **{spelt.get(str(k).lower(), k): v for k, v in body.items()}}
    await _keep(server, account_id, template_id, merged)
    await _tell(server, account_id, template_id, "template-modified", user_id)
    return {"envelopeId": template_id}


async def delete_template(
    server: ConnectServer, account_id: str, template_id: str, *, user_id: str
) -> None:
    """Forget a template."""
    await _read(server, account_id, template_id)
    await server.store.drop_object(KIND, account_id, template_id.lower())
    await _tell(server, account_id, template_id.lower(), "template-deleted", user_id)


async def show_template(server: ConnectServer, account_id: str, template_id: str) -> Json:
    """Return a template as it was given, with its id."""
    body = await _read(server, account_id, template_id)
    return {"templateId": template_id.lower(), **body}


async def list_templates(server: ConnectServer, account_id: str) -> Json:
    """List the templates of an account."""
    kept = await server.store.kept_objects(KIND, account_id)
    views = [
        {"templateId": one.id, "name": text_of(keys_of(msgspec.json.decode(one.body)), "name")}
        for one in kept
    ]
    count = str(len(views))
    return {
        "envelopeTemplates": views,
        "resultSetSize": count,
        "startPosition": "0",
        "endPosition": str(max(len(views) - 1, 0)),
        "totalSetSize": count,
    }


async def named_in(server: ConnectServer, account_id: str, body: Json) -> dict[str, Json]:
    """Return the templates that an envelope definition names, by id in lower case.

    Raises `DocusignError` TEMPLATE_ID_INVALID for one that is not kept.
    """
    ids = list(dict.fromkeys(_ids(body)))
    if not ids:
        return {}
    if len(ids) > MOST_TEMPLATES:
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER", f"An envelope names at most {MOST_TEMPLATES} templates."
        )
    kept = await server.store.kept_objects(KIND, account_id, ids)
    found = {one.id: msgspec.json.decode(one.body) for one in kept}
    if missing := [one for one in ids if one not in found]:
        raise DocusignError(
            "TEMPLATE_ID_INVALID", f"There is no template {missing[0][:80]}; create it first."
        )
    return found


def _ids(body: Json) -> Iterator[str]:
    """Find templateId at the top and among compositeTemplates' serverTemplates."""
    if not isinstance(body, Mapping):
        return
    said = keys_of(body)
    if template_id := text_of(said, "templateId"):
        yield template_id.lower()
    composites = said.get("compositetemplates")
    for composite in composites if isinstance(composites, list) else ():
        servers = keys_of(composite).get("servertemplates") if isinstance(composite, dict) else ()
        for one in servers if isinstance(servers, list) else ():
            if isinstance(one, dict) and (named := text_of(keys_of(one), "templateId")):
                yield named.lower()


async def _read(server: ConnectServer, account_id: str, template_id: str) -> dict[str, Any]:
    kept = await server.store.kept_objects(KIND, account_id, [template_id.lower()])
    if not kept:
        raise DocusignError(
            "TEMPLATE_ID_INVALID",
            f"There is no template {template_id[:80]}; list them to find its id.",
            status=404,
        )
    read: dict[str, Any] = msgspec.json.decode(kept[0].body)
    return read


async def _keep(server: ConnectServer, account_id: str, template_id: str, body: Json) -> None:
    keys_of(body)
    given.check(body)
    await server.store.keep_object(
        KeptObject(
            kind=KIND,
            account_id=account_id,
            id=template_id,
            body=msgspec.json.encode(body),
            updated_at=server.clock.now(),
        )
    )


async def _tell(
    server: ConnectServer, account_id: str, template_id: str, event: str, user_id: str
) -> None:
    """Tell listeners of a template's event, with a templates-based uri (contract 3.1, unsure)."""
    now = server.clock.now()
    said = {
        "event": event,
        "apiVersion": "v2.1",
        "uri": f"/restapi/v2.1/accounts/{account_id}/templates/{template_id}",
        "retryCount": 0,
        "configurationId": 0,
        "generatedDateTime": generated_text(now),
        "data": {"accountId": account_id, "userId": user_id, "templateId": template_id},
    }
    occurrence = f"{template_id} {generated_text(now)} {server.new_guid()}"
    await server.enact(
        None,
        [
            Notification(
                id=event_id(account_id, None, event, None, occurrence.encode()),
                account_id=account_id,
                envelope_id=None,
                event=event,
                recipient_id=None,
                sender_id=user_id,
                occurred_at=now,
                received_at=now,
                body=msgspec.json.encode(said),
                origin="here",
            )
        ],
    )
