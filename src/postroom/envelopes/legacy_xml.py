"""The legacy aggregate message, `DocuSignEnvelopeInformation` in XML (contract 3.3).

It tells the state of an envelope, not an event. Elements stand in the order of captured messages;
moments are local to the account's zone and unmarked. One offset, that of the moment of the
message, holds for all of them, so that `TimeZoneOffset` leads back from each to UTC.
"""

from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lxml import etree
from lxml.etree import _Element

from postroom.envelopes.envelope import CustomField, Document, Envelope, Recipient, Role
from postroom.envelopes.legacy_element import NAMESPACE, add, add_if_said, add_nil
from postroom.envelopes.legacy_tabs import add_form, add_form_attachment, add_tab_statuses
from postroom.envelopes.local_time import PACIFIC, TimeZone, local_text, moment, offset_hours
from postroom.model import Json

CONTENT_TYPE = "text/xml; charset=utf-8"

SENDER_ACCOUNT_FIELDS = ("AccountId", "AccountName", "AccountSite")
"""What `includeSenderAccountasCustomField` adds; they stand after all others (contract 3.3)."""

_DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>'
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_NAMESPACES: Mapping[Any, str] = {  # Any: lxml's stubs know no None, the default namespace
    None: NAMESPACE,
    "xsd": "http://www.w3.org/2001/XMLSchema",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
_TYPES: dict[Role, str] = {
    "signers": "Signer",
    "agents": "Agent",
    "editors": "Editor",
    "intermediaries": "Intermediary",
    "carbonCopies": "CarbonCopy",
    "certifiedDeliveries": "CertifiedDelivery",
    "inPersonSigners": "InPersonSigner",
    # The schema is older than these three, and a listener that checks it would refuse a new word.
    "seals": "Signer",
    "witnesses": "Signer",
    "notaries": "Signer",
}
_CODES = {"timedout": "TimedOut", "faxpending": "FaxPending", "autoresponded": "AutoResponded"}


def envelope_xml(
    envelope: Envelope,
    *,
    at: int,
    extras: Collection[str] = (),
    time_zone: TimeZone = PACIFIC,
    sender_account: Sequence[tuple[str, str]] = (),
    documents: Sequence[tuple[Document, bytes]] = (),
    certificate: bytes | None = None,
    soap_namespace: str | None = None,
) -> bytes:
    """Return the message a legacy listener gets when it is told of an envelope at `at`.

    `extras` are those of `Listener.extras`: `time_zone`, `void_reason`, `document_fields` and
    `sender_account` add what they name; `sender_account` holds the fields of the last, as
    (name, value), in the order of `SENDER_ACCOUNT_FIELDS`. `documents` and `certificate` are PDF
    bytes to carry. With a `soap_namespace` the message is wrapped for a SOAP listener.

    Never raises for what an envelope says: text that XML cannot hold is replaced.
    """
    offset = offset_hours(time_zone, at)
    root = etree.Element(f"{{{NAMESPACE}}}DocuSignEnvelopeInformation", nsmap=_NAMESPACES)
    status = add(root, "EnvelopeStatus")
    recipients = add(status, "RecipientStatuses")
    for recipient in envelope.recipients:
        _add_recipient(add(recipients, "RecipientStatus"), recipient, offset)
    _add_state(status, envelope, at, offset)
    _add_holder(status, envelope, offset, tells_void_reason="void_reason" in extras)
    _add_fields(status, envelope, sender_account if "sender_account" in extras else ())
    _add_flags(status, _options(envelope))
    _add_document_statuses(status, envelope, has_fields="document_fields" in extras)
    _add_contents(root, envelope, documents, certificate)
    if "time_zone" in extras:
        add(root, "TimeZone", time_zone)
        add(root, "TimeZoneOffset", str(offset))
    whole = root if not soap_namespace else _in_soap(root, soap_namespace)
    return _DECLARATION + etree.tostring(whole, encoding="utf-8", xml_declaration=False)


def code(status: str) -> str:
    """Return a REST status as the schema writes it: `completed` is `Completed`."""
    return _CODES.get(status, status.capitalize())


# --- the envelope -----------------------------------------------------------------------------


def _add_state(parent: _Element, envelope: Envelope, at: int, offset: int) -> None:
    add(parent, "TimeGenerated", local_text(at, offset))
    add(parent, "EnvelopeID", envelope.id)
    add(parent, "Subject", envelope.subject)
    add(parent, "UserName", envelope.sender.name)
    add(parent, "Email", envelope.sender.email)
    add(parent, "Status", code(envelope.status))
    moments = {
        "Created": envelope.created_at,
        "Deleted": envelope.deleted_at,
        "Sent": envelope.sent_at,
        "Delivered": envelope.delivered_at,
        "Signed": envelope.completed_at,
        "Completed": envelope.completed_at,
        "Declined": envelope.declined_at,
    }
    _add_moments(parent, moments, offset)


def _add_holder(
    parent: _Element, envelope: Envelope, offset: int, *, tells_void_reason: bool
) -> None:
    """Append who holds the authoritative copy, where it is signed and whence it was sent."""
    add(parent, "ACStatus", "Original")
    add(parent, "ACStatusDate", local_text(envelope.created_at, offset))
    add(parent, "ACHolder", envelope.sender.name)
    add(parent, "ACHolderEmail", envelope.sender.email)
    add(parent, "ACHolderLocation", "DocuSign")
    if tells_void_reason:
        add_if_said(parent, "VoidReason", envelope.voided_reason)
    location = str(_options(envelope).get("signingLocation", "")).lower()
    add(parent, "SigningLocation", "InPerson" if location == "inperson" else "Online")
    add(parent, "SenderIPAddress", envelope.sender.ip_address)
    add(parent, "EnvelopePDFHash")


def _add_fields(
    parent: _Element, envelope: Envelope, sender_account: Sequence[tuple[str, str]]
) -> None:
    """Append the custom fields, those of the sender's account last; empty where there are none."""
    account = tuple(CustomField(id="", name=name, value=value) for name, value in sender_account)
    fields = add(parent, "CustomFields")
    last = [one for one in envelope.fields if one.name in SENDER_ACCOUNT_FIELDS]
    first = [one for one in envelope.fields if one.name not in SENDER_ACCOUNT_FIELDS]
    for field in account:
        last = [one for one in last if one.name != field.name]
    for field in (*first, *last):
        _add_field(add(fields, "CustomField"), field, is_shown=field.is_shown)
    for field in account:
        _add_field(add(fields, "CustomField"), field, is_shown=False)


def _add_field(parent: _Element, field: CustomField, *, is_shown: bool) -> None:
    add(parent, "Name", field.name)
    add(parent, "Show", _flag(is_shown))
    add(parent, "Required", _flag(field.is_required))
    add(parent, "Value", field.value)
    add(parent, "CustomFieldType", "List" if field.kind == "list" else "Text")
    if field.kind == "list":
        add(parent, "ListItems", ";".join(field.items))


def _add_flags(parent: _Element, options: Mapping[str, Json]) -> None:
    add(parent, "AutoNavigation", _option(options, "autoNavigation", default="true"))
    add(parent, "EnvelopeIdStamping", _option(options, "envelopeIdStamping", default="true"))
    add(parent, "AuthoritativeCopy", _option(options, "authoritativeCopy", default="false"))


# --- recipients -------------------------------------------------------------------------------


def _add_recipient(parent: _Element, recipient: Recipient, offset: int) -> None:
    add(parent, "Type", _TYPES[recipient.role])
    add(parent, "Email", recipient.email)
    add(parent, "UserName", recipient.name)
    add(parent, "RoutingOrder", str(recipient.routing_order))
    moments = {
        "Sent": recipient.sent_at,
        "Delivered": recipient.delivered_at,
        "Signed": recipient.signed_at,
        "Declined": recipient.declined_at,
    }
    _add_moments(parent, moments, offset)
    if recipient.declined_reason is None:
        add_nil(parent, "DeclineReason")
    else:
        add(parent, "DeclineReason", recipient.declined_reason)
    add_if_said(parent, "AutoRespondedReason", recipient.autoresponded_reason)
    add(parent, "Status", code(recipient.status))
    add(parent, "RecipientIPAddress")
    add_if_said(parent, "ClientUserId", recipient.client_user_id)
    _add_authentication(parent, recipient)
    _add_recipient_fields(parent, recipient)
    add_tab_statuses(parent, recipient)
    add_form_attachment(parent, recipient)
    add(parent, "AccountStatus", "Active")
    add_form(parent, recipient)
    add(parent, "RecipientId", recipient.guid)


def _add_authentication(parent: _Element, recipient: Recipient) -> None:
    """Append that the recipient is locked out; unlike all others this moment is UTC, and marked."""
    if not recipient.is_locked_out or recipient.failed_at is None:
        return
    failed = moment(recipient.failed_at)
    result = add(add(parent, "RecipientAuthenticationStatus"), _check_failed(recipient))
    add(result, "Status", "Failed")
    milliseconds = failed.microsecond // 1000
    add(result, "EventTimestamp", f"{failed:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z")


def _check_failed(recipient: Recipient) -> str:
    more = recipient.more if isinstance(recipient.more, dict) else {}
    if "phoneAuthentication" in more or "smsAuthentication" in more:
        return "PhoneAuthResult"
    return "IDQuestionsResult" if "idCheckConfigurationName" in more else "AccessCodeResult"


def _add_recipient_fields(parent: _Element, recipient: Recipient) -> None:
    fields = add(parent, "CustomFields")
    more = recipient.more if isinstance(recipient.more, dict) else {}
    given = more.get("customFields")
    for value in given if isinstance(given, list) else ():
        if isinstance(value, str):
            add(fields, "CustomField", value)


# --- documents --------------------------------------------------------------------------------


def _add_document_statuses(parent: _Element, envelope: Envelope, *, has_fields: bool) -> None:
    statuses = add(parent, "DocumentStatuses")
    for document in envelope.documents:
        status = add(statuses, "DocumentStatus")
        add(status, "ID", document.id)
        add(status, "Name", document.name)
        add(status, "TemplateName")
        add(status, "Sequence", str(document.order))
        if has_fields and document.fields:
            fields = add(status, "DocumentFields")
            for name, value in document.fields:
                field = add(fields, "DocumentField")
                add(field, "Name", name)
                add(field, "Value", value)


def _add_contents(
    root: _Element,
    envelope: Envelope,
    documents: Sequence[tuple[Document, bytes]],
    certificate: bytes | None,
) -> None:
    if not documents and certificate is None:
        return
    contents = add(root, "DocumentPDFs")
    for document, content in documents:
        one = _add_pdf(contents, document.name, content)
        add(one, "DocumentID", document.id)
        add(one, "DocumentType", "CONTENT")
    if certificate is not None:
        one = _add_pdf(contents, f"CertificateOfCompletion_{envelope.id}.pdf", certificate)
        add(one, "DocumentType", "SUMMARY")


def _add_pdf(parent: _Element, name: str, content: bytes) -> _Element:
    one = add(parent, "DocumentPDF")
    add(one, "Name", name)
    add(one, "PDFBytes", b64encode(content).decode("ascii"))
    return one


# --- the rest ---------------------------------------------------------------------------------


def _in_soap(root: _Element, namespace: str) -> _Element:
    """Wrap a message as the call `DocuSignConnectUpdate` of the listener's own namespace.

    As services described in WSDL expect it, the call and its argument are of that namespace,
    what the argument holds is of Docusign's. What is no namespace at all stays Docusign's too.
    """
    target = namespace if _is_namespace(namespace) else NAMESPACE
    prefixes = {"soap": _SOAP, **_NAMESPACES}
    if target != NAMESPACE:
        prefixes["listener"] = target
    envelope = etree.Element(f"{{{_SOAP}}}Envelope", nsmap=prefixes)
    body = etree.SubElement(envelope, f"{{{_SOAP}}}Body")
    call = etree.SubElement(body, f"{{{target}}}DocuSignConnectUpdate")
    argument = etree.SubElement(call, f"{{{target}}}DocuSignEnvelopeInformation")
    argument.extend(list(root))
    return envelope


def _is_namespace(text: str) -> bool:
    try:
        etree.Element(f"{{{text}}}DocuSignConnectUpdate")
    except ValueError:  # lxml lets through what is a URI
        return False
    return True


def _add_moments(parent: _Element, moments: Mapping[str, int | None], offset: int) -> None:
    for name, at in moments.items():
        if at is not None:
            add(parent, name, local_text(at, offset))


def _options(envelope: Envelope) -> Mapping[str, Json]:
    return envelope.options if isinstance(envelope.options, dict) else {}


def _option(options: Mapping[str, Json], key: str, *, default: str) -> str:
    """Return an option that is a yes or a no; what is neither is the default."""
    said = str(options.get(key, default)).lower()
    return said if said in {"true", "false"} else default


def _flag(value: bool) -> str:  # noqa: FBT001  # one value in, its spelling out
    return "true" if value else "false"
