"""An envelope's own `eventNotification`, read as Docusign reads it, and the listener it makes.

Equal ones of one account make one listener, so that thousands of envelopes with the same
notification, as in a bulk send, need not make thousands of listeners.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from postroom.envelopes import given
from postroom.errors import DocusignError
from postroom.model import Account, Json, Listener
from postroom.operations.connect import listener_url, spellings, triggers
from postroom.operations.connect.echo import MOST_CHARACTERS
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.connect.listener_url import refusal
from postroom.operations.connect.requests import keys_of, text_of
from postroom.operations.connect.triggers import EventData, Trigger

NAME_PREFIX = "eventNotification-"
NAME_DIGITS = 12

_TRUTHS = (
    "loggingEnabled",
    "requireAcknowledgment",
    "includeDocuments",
    "includeCertificateOfCompletion",
    "includeDocumentFields",
    "includeEnvelopeVoidReason",
    "includeSenderAccountAsCustomField",
    "includeTimeZone",
    "includeHMAC",
    "includeOAuth",
    "integratorManaged",
    "useSoapInterface",
    "includeCertificateWithSoap",
    "signMessageWithX509Cert",
)
"""All off unless said: also logging and acknowledgement, other than on the account (article)."""
_TEXTS = ("url", "deliveryMode", "soapNameSpace")
KEYS = (*_TEXTS, *triggers.KINDS, "eventData", *_TRUTHS)
"""The 21 keys of an `eventNotification` (contract 1.1)."""

_EXTRAS = {
    "includeCertificateOfCompletion": "certificate",
    "includeDocumentFields": "document_fields",
    "includeSenderAccountAsCustomField": "sender_account",
    "includeTimeZone": "time_zone",
    "includeEnvelopeVoidReason": "void_reason",
}
_WITHOUT_EFFECT = (
    "includeCertificateWithSoap",
    "signMessageWithX509Cert",
    "integratorManaged",
)
_DEFAULT_LIMITS = ConnectLimits()


def listener_of(
    body: Json,
    account: Account,
    *,
    allow_http_loopback: bool = False,
    allow_private_addresses: bool = False,
    limits: ConnectLimits = _DEFAULT_LIMITS,
) -> tuple[Listener, tuple[str, ...]]:
    """Return the listener that an `eventNotification` stands for, and what is odd about it.

    Raises `DocusignError` for what cannot be used.
    """
    given.check(body)
    said = keys_of(body)
    kept = {key: _text(said, key) for key in _TEXTS}
    listener_url.check(
        kept["url"],
        allow_http_loopback=allow_http_loopback,
        allow_private_addresses=allow_private_addresses,
        limits=limits,
    )
    kept |= {key: _truth(said, key) for key in _TRUTHS}
    warnings = list(spellings.misspelt(body, KEYS, "an eventNotification"))
    wanted = [one for key in triggers.KINDS for one in triggers.of_list(said, key, warnings)]
    if not wanted:
        warnings.append("events, envelopeEvents and recipientEvents are all empty: nothing fires")
    warnings += [f"{key} has no effect here" for key in _WITHOUT_EFFECT if kept[key] == "true"]
    eventful = triggers.event_data(said.get("eventdata"), warnings)
    listener = _listener(kept, wanted, eventful, account, limits)
    return listener, tuple(dict.fromkeys(warnings))


def lint_event_notification(body: Json) -> tuple[str, ...]:
    """Return what is wrong with an `eventNotification`, or odd, a sentence each; never raises."""
    try:
        _, warnings = listener_of(
            body, Account(id=""), allow_http_loopback=True, allow_private_addresses=True
        )
    except DocusignError as problem:
        return (str(problem),)
    return warnings


def _listener(
    kept: dict[str, str],
    wanted: Sequence[Trigger],
    eventful: EventData,
    account: Account,
    limits: ConnectLimits,
) -> Listener:
    include = triggers.included(eventful.include)
    is_about_all = kept["includeDocuments"] == "true" or "documents" in include
    configuration = _configuration(kept, wanted, eventful)
    return Listener(
        id=0,
        account_id=account.id,
        name=f"{NAME_PREFIX}{_digest(configuration)}",
        url=kept["url"],
        events=_each(one.event for one in wanted),
        format=triggers.format_of(
            kept["deliveryMode"], eventful.version, empty_mode=limits.empty_delivery_mode
        ),
        include=include,
        acknowledgement=kept["requireAcknowledgment"] == "true",
        scope="envelope",
        configuration=configuration,
        is_signed=kept["includeHMAC"] == "true",
        is_logged=kept["loggingEnabled"] == "true",
        documents_for=_each(one.event for one in wanted if is_about_all or one.has_documents),
        extras=tuple(extra for key, extra in _EXTRAS.items() if kept[key] == "true"),
    )


def _configuration(
    kept: Mapping[str, str], wanted: Sequence[Trigger], eventful: EventData
) -> dict[str, Json]:
    """Return the notification in Docusign's own shape (contract 8.3), with every default."""
    lists: dict[str, list[Json]] = {"events": [], "envelopeEvents": [], "recipientEvents": []}
    for one in wanted:
        if one.kind is None:
            lists["events"].append(one.spelt)
        else:
            has_documents = "true" if one.has_documents else "false"
            code = {f"{one.kind}EventStatusCode": one.spelt, "includeDocuments": has_documents}
            lists[f"{one.kind}Events"].append(code)
    data = {"version": eventful.version, "includeData": list(eventful.include)}
    return {**kept, **lists, "eventData": data}


def _digest(configuration: Json) -> str:
    content = msgspec.json.encode(configuration, order="sorted")
    return hashlib.sha256(content).hexdigest()[:NAME_DIGITS]


def _each(events: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(events))


def _text(said: Mapping[str, Any], key: str) -> str:
    text = text_of(said, key)
    if len(text) > MOST_CHARACTERS:
        raise refusal(f"{key} is longer than {MOST_CHARACTERS} characters.")
    return text


def _truth(said: Mapping[str, Any], key: str) -> str:
    text = text_of(said, key).lower()
    if text not in {"true", "false", ""}:
        raise refusal(f"{key} is true or false.")
    return text or "false"
