"""What the message for a listener carries, by all the switches that a configuration has."""

from collections.abc import Mapping

from postroom.model import Listener

_COMPLETED = "envelope-completed"
_SPELLINGS = ("soapNamespace", "soapNameSpace")
"""The account's and the envelope's (contract 8.2)."""


def documents(listener: Listener, event: str) -> bool:
    """Tell whether the message of an event carries the documents' bytes."""
    return event in listener.documents_for or "documents" in (listener.include or ())


def certificate(listener: Listener, event: str) -> bool:
    """Tell whether the message carries the certificate: of completed envelopes (contract 1.1)."""
    return event == _COMPLETED and "certificate" in listener.extras


def includes(listener: Listener, event: str) -> tuple[str, ...] | None:
    """Return the includeData tokens for one event, with those that other switches stand for."""
    if listener.include is None:
        return None
    more = {
        "documents": event in listener.documents_for,
        "document_fields": "document_fields" in listener.extras,
    }
    added = [token for token, is_on in more.items() if is_on and token not in listener.include]
    return (*listener.include, *added) if added else listener.include


def soap_namespace(listener: Listener) -> str | None:
    """Return the namespace in which XML is wrapped for SOAP, or None where it is not."""
    said = listener.configuration
    if not isinstance(said, Mapping) or said.get("useSoapInterface") != "true":
        return None
    return next((str(said[key]) for key in _SPELLINGS if said.get(key)), "")


def oauth(listener: Listener) -> bool:
    """Tell whether the listener wants a Bearer token: `includeOAuth`, of either level."""
    said = listener.configuration
    return isinstance(said, Mapping) and said.get("includeOAuth") == "true"


def configuration_id(listener: Listener) -> int:
    """Return what messages carry as `configurationId`.

    A configuration's `connectId`; for an `eventNotification` the listener's id, as the contract
    knows of no other (3.1).
    """
    said = listener.configuration
    text = said.get("connectId") if isinstance(said, Mapping) else None
    return int(text) if text else listener.id
