"""An account's configuration as Docusign answers with it.

Every default, and the order of the keys, are those of a recorded answer (contract 1.2). What an
update does not give stays as it was; an empty list takes the list away.
"""

from collections.abc import Callable, Mapping
from typing import Any

from postroom.model import Json
from postroom.operations.connect import triggers
from postroom.operations.connect.listener_url import refusal
from postroom.operations.connect.requests import keys_of, text_of, texts_of

MOST_CHARACTERS = 5000
"""Of any text of a configuration; those with a limit of their own are checked elsewhere."""
_MOST_PARAMETERS = 50


def _text(said: Mapping[str, Any], key: str, _earlier: Json) -> Json:
    text = text_of(said, key)
    if len(text) > MOST_CHARACTERS:
        raise refusal(f"{key} is longer than {MOST_CHARACTERS} characters.")
    return text


def _truth(said: Mapping[str, Any], key: str, earlier: Json) -> Json:
    text = text_of(said, key).lower()
    if text not in {"true", "false", ""}:
        raise refusal(f"{key} is true or false.")
    return text or earlier


def _events(said: Mapping[str, Any], key: str, _earlier: Json) -> Json:
    return [one.spelt for one in triggers.of_list(said, key, [])]


def _ids(said: Mapping[str, Any], key: str, _earlier: Json) -> Json:
    return list(texts_of(said, key))


def _event_data(said: Mapping[str, Any], key: str, earlier: Json) -> Json:
    given = {name: value for name, value in keys_of(said[key.lower()]).items() if value is not None}
    read = triggers.event_data(keys_of(earlier) | given, [])
    shown_format = {"format": read.format} if read.format else {}
    return {"version": read.version, **shown_format, "includeData": list(read.include)}


def _oauth(said: Mapping[str, Any], key: str, earlier: Json) -> Json:
    """Return a `ConnectOAuthConfig` (contract 1.4) without its secret."""
    given = {name: value for name, value in keys_of(said[key.lower()]).items() if value is not None}
    merged = keys_of(earlier or {}) | given
    names = ("authorizationServerUrl", "clientId", "scope")
    kept: dict[str, Json] = {name: text for name in names if (text := _text(merged, name, None))}
    custom = merged.get("customparameters")
    if custom:
        if not _is_of_texts(custom):
            raise refusal(f"customParameters is an object of at most {_MOST_PARAMETERS} texts.")
        kept["customParameters"] = dict(custom)
    return kept


def _is_of_texts(value: Json) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) <= _MOST_PARAMETERS
        and all(isinstance(v, str) and len(v) <= MOST_CHARACTERS for v in value.values())
    )


_Reader = Callable[[Mapping[str, Any], str, Json], Json]

_FIELDS: dict[str, tuple[_Reader, Json]] = {
    "configurationType": (_text, "custom"),
    "urlToPublishTo": (_text, ""),
    "name": (_text, ""),
    "allowEnvelopePublish": (_truth, "false"),
    "deliveryMode": (_text, ""),
    "enableLog": (_truth, "false"),
    "includeDocuments": (_truth, "false"),
    "includeCertificateOfCompletion": (_truth, "false"),
    "requiresAcknowledgement": (_truth, "true"),
    "signMessageWithX509Certificate": (_truth, "false"),
    "useSoapInterface": (_truth, "false"),
    "includeTimeZoneInformation": (_truth, "false"),
    "includeOAuth": (_truth, "false"),
    "includeHMAC": (_truth, "false"),
    "integratorManaged": (_truth, "false"),
    "includeEnvelopeVoidReason": (_truth, "false"),
    "includeSenderAccountasCustomField": (_truth, "false"),
    "envelopeEvents": (_events, None),
    "recipientEvents": (_events, None),
    "events": (_events, None),
    "soapNamespace": (_text, ""),
    "allUsers": (_truth, "false"),
    "allUsersExcept": (_truth, "false"),
    "userIds": (_ids, None),
    "groupIds": (_ids, None),
    "includeCertSoapHeader": (_truth, "false"),
    "requireMutualTls": (_truth, "false"),
    "includeDocumentFields": (_truth, "false"),
    "pausePublish": (_truth, "false"),
    "eventData": (_event_data, {"version": "", "includeData": []}),
    "enableOAuthPerConfiguration": (_truth, "false"),
    "oAuthConfiguration": (_oauth, None),
    "userName": (_text, None),
}
"""Every key that is echoed: how it is read, and its default; without one it may be absent."""

KEYS = ("connectId", *_FIELDS, "password", "disabledBy")
"""Every key of a configuration that means something here."""


def echo(said: Mapping[str, Any], before: Mapping[str, Json], connect_id: str) -> dict[str, Json]:
    """Return a configuration as it is after a request with the keys `said`, in lower case.

    Raises `DocusignError` for a value that is no text, boolean or list where one is wanted.
    """
    echoed: dict[str, Json] = {"connectId": connect_id}
    for key, (read, default) in _FIELDS.items():
        value = before.get(key, default)
        if said.get(key.lower()) is not None:
            value = read(said, key, value)
        if value or default is not None:
            echoed[key] = value
    if "disabledBy" in before and echoed["allowEnvelopePublish"] == "false":
        echoed["disabledBy"] = before["disabledBy"]  # until somebody switches it on again
    return echoed
