"""The one configuration that brings the gateway everything, and its way back into a listener."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from postroom.errors import InvalidInputError
from postroom.model import Account, Json, Listener
from postroom.operations.adopting.translation import OF_STATES, Reading, includes
from postroom.operations.connect import configuration
from postroom.operations.connect.limits import ConnectLimits

_OF_A_STATE = ("custom_fields", "recipients", "tabs")
"""What the older format has always told, so that it must be in the feed."""
_SWITCHES = {
    "certificate": "includeCertificateOfCompletion",
    "document_fields": "includeDocumentFields",
    "sender_account": "includeSenderAccountasCustomField",
    "void_reason": "includeEnvelopeVoidReason",
}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def address(gateway_url: str) -> str:
    """Return where the one configuration publishes to: the gateway's front door.

    Raises `InvalidInputError` for what is no https URL (http to loopback apart).
    """
    try:
        parts = urlsplit(gateway_url)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    is_fine = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not host or not is_fine or parts.query or parts.fragment or parts.username is not None:
        raise InvalidInputError(
            "--gateway-url: give the gateway as Docusign reaches it, such as"
            " https://connect.example.com"
        )
    return gateway_url if parts.path.strip("/") else f"{gateway_url.rstrip('/')}/connect"


def body(readings: Sequence[Reading], *, url: str, name: str) -> dict[str, Json]:
    """Return the configuration to create: all users, and all that any of these needs."""
    listeners = [one.listener for one in readings]
    extras = {extra for one in listeners for extra in one.extras}
    tokens = dict.fromkeys(token for one in listeners for token in includes(one))
    if any(one.format in OF_STATES for one in listeners):
        tokens |= dict.fromkeys(_OF_A_STATE)
    return {
        "name": name,
        "configurationType": "custom",
        "urlToPublishTo": url,
        "allowEnvelopePublish": "true",
        "allUsers": "true",
        "deliveryMode": "SIM",
        "events": sorted({event for one in listeners for event in one.events}),
        "eventData": {"version": "restv2.1", "includeData": sorted(tokens)},
        "includeHMAC": "true",
        "requiresAcknowledgement": "true",
        "enableLog": "true",
        **{key: "true" for extra, key in _SWITCHES.items() if extra in extras},
    }


def listener(feed: dict[str, Json], account: Account) -> Listener:
    """Return what the one configuration wants, as Docusign would decide."""
    return configuration.read(
        feed,
        account=account,
        connect_id="0",
        limits=ConnectLimits(),
        allow_http_loopback=True,
        allow_private_addresses=True,
    ).listener


def lacks(made: Any, wanted: dict[str, Json]) -> list[str]:
    """Return the keys in which a configuration that was made is not what was wanted."""
    return [key for key, value in wanted.items() if not _is_there(made.get(key), value)]


def _is_there(there: Json, wanted: Json) -> bool:
    if isinstance(wanted, list):
        return isinstance(there, list) and set(map(str, wanted)) <= set(map(str, there))
    if isinstance(wanted, dict):
        return isinstance(there, dict) and not lacks(there, wanted)
    return str(there).lower() == str(wanted).lower()
