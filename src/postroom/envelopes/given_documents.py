"""Documents as a client gives them: bytes checked, described, kept beside the envelope."""

import binascii
import re
import sys
from collections.abc import Callable, Sequence
from itertools import islice

from msgspec.structs import replace

from postroom.envelopes import given_tabs
from postroom.envelopes.envelope import Document
from postroom.envelopes.given import Given, body_error, check, parameter_error
from postroom.envelopes.limits import DEFAULT, Limits
from postroom.errors import DocusignError
from postroom.model import Json, Noun

EXTENSIONS = frozenset(
    {
        *("pdf", "txt", "htm", "html", "xhtml", "xml", "csv", "rtf", "msg", "wpd", "xps"),
        *("doc", "docm", "docx", "dot", "dotm", "dotx", "xls", "xlsm", "xlsx"),
        *("pot", "potx", "pps", "ppt", "pptm", "pptx"),
        *("bmp", "gif", "jpg", "jpeg", "png", "tif", "tiff"),
    }
)
"""What the service takes. A document is kept as it is given, never converted."""
_RESERVED = frozenset({"certificate", "combined", "archive", "portfolio"})
"""Words of the documents' URLs, which no document can have as its id."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
_PDF_MARK = b"%PDF-"
_PDF_MARK_WITHIN = 1_024
"""Where readers look for the mark: other bytes may stand before it."""
_PAGE = re.compile(rb"/Type\s{0,10}/Page(?![A-Za-z])")
_NAME_CHARACTERS = 260
_MAX_ORDER = 9_999
_MAX_FIELDS = 200
_ANY_LENGTH = sys.maxsize
"""For base64: its own limit is in bytes."""


class ReadDocuments(Noun, frozen=True, kw_only=True):
    """Documents, and the bytes of each under its id."""

    documents: tuple[Document, ...] = ()
    contents: tuple[tuple[str, bytes], ...] = ()


def read_documents(
    body: Json, *, new_guid: Callable[[], str], limits: Limits = DEFAULT
) -> ReadDocuments:
    """Return the documents of a body `{"documents": [...]}`, as PUT of the documents sends it."""
    check(body)
    given = Given(body, "").children("documents", most=limits.documents)
    return new_documents(given, new_guid=new_guid, limits=limits)


def new_documents(
    given: Sequence[Given], *, new_guid: Callable[[], str], limits: Limits
) -> ReadDocuments:
    """Return documents as given. Raises `DocusignError` for one that cannot be taken."""
    if len(given) > limits.documents:
        raise parameter_error("documents", f"are more than {limits.documents}; send fewer.")
    documents: list[Document] = []
    contents: list[tuple[str, bytes]] = []
    pages_left = limits.pages
    for position, said in enumerate(given, start=1):
        content, extension = _content(said, limits)
        pages = _pages(content, most=pages_left) if extension == "pdf" else 1
        pages_left = max(pages_left - pages, 1)
        document = replace(
            _document(said, position, extension, limits),
            guid=new_guid(),
            size_bytes=len(content),
            page_count=pages,
        )
        if any(document.id == other.id for other in documents):
            raise parameter_error(
                said.at("documentId"), f"{document.id} is another document's too; number them."
            )
        documents.append(document)
        contents.append((document.id, content))
    return ReadDocuments(documents=tuple(documents), contents=tuple(contents))


def put_into(before: Sequence[Document], given: Sequence[Document]) -> tuple[Document, ...]:
    """Return documents with those given in the places of those of the same ids, or added.

    One that is added comes after the last, unless its order is free.
    """
    documents = {one.id: one for one in before}
    for one in given:
        if one.id in documents:
            documents[one.id] = one
        else:
            taken = {other.order for other in documents.values()}
            is_free = one.order not in taken
            documents[one.id] = one if is_free else replace(one, order=max(taken) + 1)
    return tuple(documents.values())


def _document(said: Given, position: int, extension: str, limits: Limits) -> Document:
    document_id = said.text("documentId", most=_NAME_CHARACTERS, default=str(position)).strip()
    if not _ID.fullmatch(document_id) or document_id.lower() in _RESERVED:
        raise parameter_error(said.at("documentId"), "is no document id; number the documents.")
    return Document(
        id=document_id,
        guid="",
        name=said.text("name", most=_NAME_CHARACTERS) or f"document-{document_id}.{extension}",
        extension=extension,
        order=said.number("order", default=position, most=_MAX_ORDER),
        fields=tuple(
            (
                one.text("name", most=limits.text_characters),
                one.text("value", most=limits.text_characters),
            )
            for one in said.children("documentFields", most=_MAX_FIELDS)
        ),
        tabs=_prefilled(said, limits),
    )


def _prefilled(said: Given, limits: Limits) -> Json:
    tabs = said.child("tabs")
    if tabs is None or not tabs.has("prefillTabs"):
        return None
    kinds = Given(tabs.said["prefilltabs"], tabs.at("prefillTabs"))
    return {"prefillTabs": given_tabs.read(kinds, "", limits)}


def _content(said: Given, limits: Limits) -> tuple[bytes, str]:
    """Return a document's bytes and its extension, lower case."""
    if page := said.child("htmlDefinition"):
        source = page.text("source", most=limits.document_bytes)
        if not source:
            raise body_error(page.at("source"), "is missing; send the page's HTML.")
        return source.encode(), "html"
    if not said.has("documentBase64"):
        if said.has("remoteUrl"):
            raise body_error(said.at("remoteUrl"), "is not fetched here; send documentBase64.")
        raise body_error(said.at("documentBase64"), "is missing; send the document's bytes.")
    content = base64_of(said, "documentBase64", limits)
    extension = _extension(said)
    if extension == "pdf" and _PDF_MARK not in content[:_PDF_MARK_WITHIN]:
        raise DocusignError(
            "PDF_VALIDATION_FAILED",
            f"{said.place} is not a PDF; send one, or say what it is as fileExtension.",
        )
    return content, extension


def base64_of(said: Given, key: str, limits: Limits) -> bytes:
    """Return bytes that were given as base64; whitespace in it is allowed."""
    text = "".join(said.text(key, most=_ANY_LENGTH).split())
    if len(text) * 3 // 4 > limits.document_bytes + 3:
        megabytes = limits.document_bytes / 1024 / 1024
        raise DocusignError(
            "DOCUMENT_TOO_LARGE",
            f"{said.at(key)} is larger than {megabytes:g} MB; send a smaller one.",
        )
    try:
        content = binascii.a2b_base64(text.encode(), strict_mode=True)
    except ValueError as error:
        raise body_error(said.at(key), "is not base64; encode the bytes as base64.") from error
    if not content:
        raise body_error(said.at(key), "is empty; send the document's bytes.")
    return content


def _extension(said: Given) -> str:
    given = said.text("fileExtension", most=_NAME_CHARACTERS)
    if not given:
        _, dot, suffix = said.text("name", most=_NAME_CHARACTERS).rpartition(".")
        given = suffix if dot and suffix.lower() in EXTENSIONS else "pdf"
    extension = given.strip().lstrip(".").lower()
    if extension not in EXTENSIONS:
        raise DocusignError(
            "UNSUPPORTED_FILE_TYPE",
            f"{said.at('fileExtension')} is none the service takes; send a PDF, HTML or text.",
        )
    return extension


def _pages(content: bytes, *, most: int) -> int:
    """Count the pages a PDF shows without unpacking it; one that packs its pages away has one."""
    return max(1, sum(1 for _ in islice(_PAGE.finditer(content), most)))
