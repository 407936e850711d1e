"""The documents of an envelope: stored, combined, and the certificate that is made of its trail."""

import asyncio
import base64
from collections.abc import Sequence

from msgspec.structs import replace

from postroom.envelopes import certificate, given_documents, rest_view
from postroom.envelopes.envelope import Document, Envelope, Step
from postroom.envelopes.given import parameter_error
from postroom.envelopes.limits import Limits
from postroom.errors import DocusignError
from postroom.model import Json
from postroom.operations.connect import binding
from postroom.operations.connect.living import ConnectServer, change, read

COMBINED, CERTIFICATE = "combined", "certificate"
_TYPES = {"pdf": "application/pdf", "html": "text/html", "txt": "text/plain"}


async def list_documents(server: ConnectServer, account_id: str, envelope_id: str) -> Json:
    """Return what documents an envelope has."""
    living = await read(server, account_id, envelope_id)
    return rest_view.documents_view(living.envelope)


async def document_bytes(
    server: ConnectServer, account_id: str, envelope_id: str, document_id: str
) -> tuple[bytes, str, str]:
    """Return a document's bytes, its media type and its file name.

    `combined` is all of them as one PDF with the certificate at its end once the envelope is
    completed, and a page in the place of each that was purged; `certificate` is the certificate
    of completion as of now.
    """
    envelope = (await read(server, account_id, envelope_id)).envelope
    at = server.clock.now()
    if document_id == CERTIFICATE:
        made = await asyncio.to_thread(certificate.certificate_of_completion, envelope, at=at)
        return made, _TYPES["pdf"], "Summary.pdf"
    if document_id == COMBINED:
        held = [
            (one, None if envelope.is_purged else await _held(server, envelope, one))
            for one in envelope.documents
        ]
        parts = await asyncio.to_thread(_parts, envelope, held, at)
        made = await binding.combined(parts, turns=server.binding_turns)
        return made, _TYPES["pdf"], "Combined.pdf"
    document = next((one for one in envelope.documents if one.id == document_id), None)
    if document is None:
        raise DocusignError(
            "DOCUMENT_DOES_NOT_EXIST",
            "The envelope has no document of this id; list its documents.",
            status=404,
        )
    kind = _TYPES.get(document.extension, "application/octet-stream")
    return await _held(server, envelope, document), kind, document.name


async def put_documents(
    server: ConnectServer, account_id: str, envelope_id: str, body: Json
) -> Json:
    """Add documents to a draft, or replace those of the same id."""
    given = given_documents.read_documents(
        body, new_guid=server.new_guid, limits=server.envelope_limits
    )

    def decide(envelope: Envelope, at: int) -> Step:
        _must_be_draft(envelope)
        documents = given_documents.put_into(envelope.documents, given.documents)
        _check_room(documents, server.envelope_limits)
        return Step(envelope=replace(envelope, documents=documents, modified_at=at))

    living = await change(server, account_id, envelope_id, decide, documents=given.contents)
    return rest_view.documents_view(living.envelope)


async def put_document(
    server: ConnectServer, account_id: str, envelope_id: str, document_id: str, content: bytes
) -> Json:
    """Add a PDF to a draft, or replace the one of its id; return what is then known of it."""
    encoded = base64.b64encode(content).decode()
    said = {"documentId": document_id, "fileExtension": "pdf", "documentBase64": encoded}
    view = await put_documents(server, account_id, envelope_id, {"documents": [said]})
    return next(one for one in view["envelopeDocuments"] if one["documentId"] == document_id)


async def delete_documents(
    server: ConnectServer, account_id: str, envelope_id: str, ids: tuple[str, ...]
) -> Json:
    """Take documents out of a draft."""

    def decide(envelope: Envelope, at: int) -> Step:
        _must_be_draft(envelope)
        left = tuple(one for one in envelope.documents if one.id not in ids)
        return Step(envelope=replace(envelope, documents=left, modified_at=at))

    living = await change(server, account_id, envelope_id, decide, dropped_documents=ids)
    return rest_view.documents_view(living.envelope)


def _must_be_draft(envelope: Envelope) -> None:
    if envelope.status != "created":
        raise DocusignError(
            "ENVELOPE_INVALID_STATUS", "Documents can be changed only while it is a draft."
        )


def _check_room(documents: Sequence[Document], limits: Limits) -> None:
    """Raise `DocusignError` for more than one envelope holds, however many requests brought it."""
    if len(documents) > limits.documents:
        raise parameter_error("documents", f"are more than {limits.documents}; send fewer.")
    if sum(one.size_bytes for one in documents) > limits.documents_bytes:
        megabytes = limits.documents_bytes / 1024 / 1024
        raise DocusignError(
            "DOCUMENT_TOO_LARGE",
            f"The documents of one envelope are at most {megabytes:g} MB together; send smaller"
            " ones.",
        )


async def _held(server: ConnectServer, envelope: Envelope, document: Document) -> bytes:
    held = await server.store.envelope_document(envelope.account_id, envelope.id, document.id)
    if held is None:
        raise DocusignError(
            "DOCUMENT_DOES_NOT_EXIST",
            "The document was purged; what is known of it is still listed.",
            status=404,
        )
    return held


def _parts(envelope: Envelope, held: list[tuple[Document, bytes | None]], at: int) -> list[bytes]:
    parts = [
        certificate.purged_page(document)
        if content is None
        else certificate.pdf_of(document, content)
        for document, content in held
    ]
    if envelope.status == "completed":
        parts.append(certificate.certificate_of_completion(envelope, at=at))
    return parts
