"""Short messages in the shape of the wire, and listeners to want them, for the routing tests."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from postroom.model import (
    Account,
    Json,
    Lane,
    Listener,
    Notification,
    OwedState,
    Registry,
    Truth,
    User,
    UserCondition,
)
from postroom.routing import filters
from postroom.routing.content import Content
from postroom.routing.match import Router

A1 = "a1000000-0000-4000-8000-000000000001"
U123 = "5f0c1f3e-0000-4000-8000-000000000123"
U567 = "5f0c1f3e-0000-4000-8000-000000000567"
ALICE = "5f0c1f3e-0000-4000-8000-00000000a11c"
ENVELOPE = "e0000000-0000-4000-8000-000000000201"
EMAILS = {U123: "svc-salesforce@example.com", U567: "svc-erp@example.com", ALICE: "a@example.com"}
DIRECTORY = (
    User(id=U123, email=EMAILS[U123], groups=("integrations",)),
    User(id=U567, email=EMAILS[U567], groups=("integrations", "erp")),
    User(id=ALICE, email=EMAILS[ALICE], groups=("people",)),
)

Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]


def custom_fields(text: Fields = (), listed: Fields = ()) -> dict[str, Any]:
    """Return `customFields` as an envelopeSummary carries them."""
    return {
        "textCustomFields": [
            {"fieldId": "1", "name": name, "show": "true", "required": "false", "value": value}
            for name, value in dict_items(text)
        ],
        "listCustomFields": [
            {"listItems": [], "fieldId": "2", "name": name, "show": "true", "value": value}
            for name, value in dict_items(listed)
        ],
    }


def dict_items(fields: Fields) -> list[tuple[str, Any]]:
    return list(fields.items() if isinstance(fields, Mapping) else fields)


def summary(text: Fields = (), listed: Fields = (), **keys: Any) -> dict[str, Any]:
    """Return an envelopeSummary with custom fields and some keys of its own."""
    return {"status": "completed", "customFields": custom_fields(text, listed), **keys}


def notification(
    envelope_summary: Json = None,
    *,
    event: str = "envelope-completed",
    sender_id: str | None = U123,
    recipient_id: str | None = None,
    body: bytes | None = None,
    **keys: Any,
) -> Notification:
    """Return a notification with a body in JSON SIM; without a summary the minimal one."""
    inside: dict[str, Any] = {"accountId": A1, "userId": sender_id, "envelopeId": ENVELOPE}
    if recipient_id is not None:
        inside["recipientId"] = recipient_id
    if envelope_summary is not None:
        inside["envelopeSummary"] = envelope_summary
    message = {"event": event, "apiVersion": "v2.1", "retryCount": 0, "data": inside}
    known: dict[str, Any] = {
        "id": "evt_" + "0" * 32,
        "account_id": A1,
        "envelope_id": ENVELOPE,
        "event": event,
        "recipient_id": recipient_id,
        "sender_id": sender_id,
        "occurred_at": 0,
        "received_at": 0,
        "body": json.dumps(message).encode() if body is None else body,
    }
    return Notification(**{**known, **keys})


def with_fields(text: Fields = (), listed: Fields = (), **keys: Any) -> Notification:
    """Return an envelope-completed notification with custom fields."""
    return notification(summary(text, listed), **keys)


def listener(name: str, number: int = 1, **keys: Any) -> Listener:
    return Listener(id=number, account_id=A1, name=name, url=f"https://{name}.example.com", **keys)


def only(*ids: str) -> UserCondition:
    return UserCondition(kind="only", ids=ids)


def registry(*listeners: Listener, lanes: Iterable[Lane] = (), **account: Any) -> Registry:
    """Return a registry of one account; listeners get the ids 1, 2, ... in their order."""
    numbered = {
        number: Listener(
            **{field: getattr(one, field) for field in one.__struct_fields__} | {"id": number}
        )
        for number, one in enumerate(listeners, 1)
    }
    account_keys = {"users": DIRECTORY, **account}
    return Registry(
        revision=1,
        accounts={A1: Account(id=A1, **account_keys)},
        listeners=numbered,
        lanes={(lane.account_id, lane.name): lane for lane in lanes},
    )


def states(known: Registry, received: Notification) -> dict[str, OwedState]:
    """Return what each listener that is owed something is owed, by name."""
    matches = Router(known).match(received).matches
    return {known.listeners[match.listener_id].name: match.state for match in matches}


def truth_of(
    filter_: Json,
    received: Notification,
    *,
    comparison: Literal["exact", "loose"] = "exact",
    field_policy: Literal["current", "sticky"] = "current",
) -> Truth:
    compiled = filters.compile(filter_, comparison=comparison, field_policy=field_policy)
    return compiled.decide(Content(received))
