"""An envelope's documents and custom fields as JSON (contract 3.1, 7.4)."""

from collections.abc import Set as AbstractSet

from postroom.envelopes.dialect import Dialect
from postroom.envelopes.envelope import CustomField, Document, Envelope
from postroom.model import Json

_ENDING = {
    "display": "inline",
    "includeInDownload": "true",
    "signerMustAcknowledge": "no_interaction",
    "templateRequired": "false",
    "authoritativeCopy": "false",
}
_LETTER_PAGE = {"height": "792", "width": "612", "dpi": "72"}
CERTIFICATE = "certificate"
"""The document id of the certificate of completion."""
_CERTIFICATE_ORDER = "999"


def documents(envelope: Envelope, dialect: Dialect, include: AbstractSet[str]) -> list[Json]:
    """Return what is said of each document, and of the certificate once it is completed.

    `include` may ask for `prefill_tabs` and `document_fields`. Bytes are never among it.
    """
    made = [_document(document, envelope.id, dialect, include) for document in envelope.documents]
    if envelope.completed_at is not None:
        made.append(_certificate(envelope.id))
    return made


def _document(
    document: Document, envelope_id: str, dialect: Dialect, include: AbstractSet[str]
) -> dict[str, Json]:
    made: dict[str, Json] = {
        "documentId": document.id,
        "documentIdGuid": document.guid,
        "name": document.name,
        "type": "content",
        "uri": f"/envelopes/{envelope_id}/documents/{document.id}",
        "order": str(document.order),
        "pages": [
            {"pageId": _derived(document.guid, number), "sequence": str(number), **_LETTER_PAGE}
            for number in range(1, document.page_count + 1)
        ],
    }
    if document.fields and "document_fields" in include:
        made["documentFields"] = [{"name": name, "value": value} for name, value in document.fields]
    made.update(dialect.document_types)
    made.update(_ENDING)
    if document.tabs and "prefill_tabs" in include:
        made["tabs"] = document.tabs
    return made


def _certificate(envelope_id: str) -> dict[str, Json]:
    return {
        "documentId": CERTIFICATE,
        "documentIdGuid": _derived(envelope_id, 999),
        "name": "Summary",
        "type": "summary",
        "uri": f"/envelopes/{envelope_id}/documents/{CERTIFICATE}",
        "order": _CERTIFICATE_ORDER,
        **_ENDING,
    }


def _derived(guid: str, number: int) -> str:
    """Return another GUID, the same each time: as good as drawn anew, at a tenth of the price."""
    return f"{guid[:24]}{number:012x}"


def custom_fields(fields: tuple[CustomField, ...]) -> dict[str, Json]:
    """Return the envelope's custom fields as in a message and as the REST API gives them."""
    return {
        "textCustomFields": [_field(field) for field in fields if field.kind == "text"],
        "listCustomFields": [
            {"listItems": list(field.items), **_field(field)}
            for field in fields
            if field.kind == "list"
        ],
    }


def _field(field: CustomField) -> dict[str, Json]:
    made = {
        "fieldId": field.id,
        "name": field.name,
        "show": "true" if field.is_shown else "false",
        "required": "true" if field.is_required else "false",
        "value": field.value,
    }
    if field.configuration_type is not None:
        made["configurationType"] = field.configuration_type
    return made
