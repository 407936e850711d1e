"""What an envelope gives out as PDF: its certificate, its documents, and all of them in one."""

import io
import logging
from collections.abc import Iterator, Mapping, Sequence

from lxml import etree

from postroom.envelopes.envelope import Document, Envelope, Recipient, Role, Trace
from postroom.envelopes.local_time import moment
from postroom.envelopes.sheet import Line, pages

MAX_RECIPIENTS = 200
MAX_DOCUMENTS = 200
MAX_TRACES = 500
"""So many of each does a certificate list; it counts the others."""
MAX_TEXT_BYTES = 100_000
MAX_TEXT_LINES = 1_000
"""So much of a document that is no PDF is shown."""
MAX_COMBINED_PAGES = 5_000

_EVENTS: dict[Role, str] = {
    "signers": "Signer Events",
    "inPersonSigners": "In Person Signer Events",
    "editors": "Editor Delivery Events",
    "agents": "Agent Delivery Events",
    "intermediaries": "Intermediary Delivery Events",
    "certifiedDeliveries": "Certified Delivery Events",
    "carbonCopies": "Carbon Copy Events",
    "witnesses": "Witness Events",
    "notaries": "Notary Events",
    "seals": "Electronic Seal Events",
}
_PDF = b"%PDF-"
_HEADER_BYTES = 1024
"""A PDF may begin with other bytes, up to so many (ISO 32000-1, annex H)."""
_UNDATED = 0

# It would print bytes of documents; the page that takes a part's place says what matters.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def certificate_of_completion(envelope: Envelope, *, at: int) -> bytes:
    """Return a PDF that tells who did what to an envelope, and when, as it stands at `at`.

    The same envelope and moment give the same bytes. Moments are UTC.
    """
    return pages(_certificate(envelope), title=f"Certificate of Completion {envelope.id}", at=at)


def pdf_of(document: Document, content: bytes) -> bytes:
    """Return a document as PDF: as it is where it is one, else its text on plain pages."""
    if _PDF in content[:_HEADER_BYTES]:
        return content
    text = _html_text(content) if _is_html(document) else _plain_text(content)
    if text is None:
        kind = document.extension.upper() or "unknown"
        text = f"{document.name}\n\nA file of type {kind}, {len(content)} bytes: not shown here."
    lines = text.splitlines()[:MAX_TEXT_LINES]
    return pages([Line(text=one, style="fixed") for one in lines], title=document.name, at=_UNDATED)


def purged_page(document: Document) -> bytes:
    """Return a PDF that stands in the place of a purged document, and says so."""
    return _notice(f"{document.name} was purged and is not shown here.")


def combined(parts: Sequence[bytes]) -> bytes:
    """Return PDFs one after the other in one, up to `MAX_COMBINED_PAGES`.

    A part that cannot be read, or has more pages than are left, is replaced by a page that says so.
    """
    from pypdf import PdfReader, PdfWriter  # noqa: PLC0415  # a tenth of a second, as in `sheet`

    whole = PdfWriter()
    left = MAX_COMBINED_PAGES
    for number, part in enumerate(parts, start=1):
        clean, count = _rewritten(part)
        if clean is None or count > left:
            reason = "it is no PDF that can be read" if clean is None else "it has too many pages"
            clean, count = _notice(f"Part {number} is not shown here: {reason}."), 1
        whole.append(PdfReader(io.BytesIO(clean)), import_outline=False)
        left = max(left - count, 1)
    if not parts:
        whole.append(PdfReader(io.BytesIO(_notice("There are no documents."))))
    made = io.BytesIO()
    whole.write(made)
    return made.getvalue()


# --- the certificate --------------------------------------------------------------------------


def _certificate(envelope: Envelope) -> Iterator[Line]:
    yield Line(text="Certificate of Completion", style="title")
    yield Line(text=f"Envelope Id: {envelope.id}")
    yield Line(text=f"Subject: {envelope.subject}")
    yield Line(text=f"Status: {envelope.status.capitalize()}")
    sender = envelope.sender
    yield Line(text=f"Envelope Originator: {sender.name} {sender.email} {sender.ip_address}")
    yield from _documents(envelope)
    for role, title in _EVENTS.items():
        members = [one for one in envelope.recipients[:MAX_RECIPIENTS] if one.role == role]
        if members:
            yield from _heading(title)
            for recipient in members:
                yield from _recipient(recipient)
    yield from _others(len(envelope.recipients) - MAX_RECIPIENTS, "recipients")
    yield from _heading("Envelope Summary Events")
    yield from _moments(_summary(envelope))
    if envelope.voided_reason is not None:
        yield Line(text=f"Reason for voiding: {envelope.voided_reason}")
    yield from _heading("Audit Trail")
    for trace in envelope.trail[:MAX_TRACES]:
        yield _trace(trace)
    yield from _others(len(envelope.trail) - MAX_TRACES, "entries")
    yield Line(text="")
    yield Line(text="Made by Postroom for testing: no evidence of any signature.", style="small")


def _documents(envelope: Envelope) -> Iterator[Line]:
    yield from _heading("Documents")
    for document in envelope.documents[:MAX_DOCUMENTS]:
        size = f"pages: {document.page_count}, bytes: {document.size_bytes}"
        yield Line(text=f"{document.order}. {document.name} (id: {document.id}, {size})")
    yield from _others(len(envelope.documents) - MAX_DOCUMENTS, "documents")


def _recipient(recipient: Recipient) -> Iterator[Line]:
    state = recipient.status.capitalize()
    yield Line(text=f"{recipient.routing_order}. {recipient.name} {recipient.email}: {state}")
    yield from _moments(
        {
            "Sent": recipient.sent_at,
            "Viewed": recipient.delivered_at,
            "Signed": recipient.signed_at,
            "Declined": recipient.declined_at,
            "Authentication failed": recipient.failed_at,
        }
    )
    if recipient.declined_reason is not None:
        yield Line(text=f"    Reason for declining: {recipient.declined_reason}")
    if recipient.autoresponded_reason is not None:
        yield Line(text=f"    Automatic reply: {recipient.autoresponded_reason}")


def _summary(envelope: Envelope) -> Mapping[str, int | None]:
    return {
        "Created": envelope.created_at,
        "Envelope Sent": envelope.sent_at,
        "Certified Delivered": envelope.delivered_at,
        "Completed": envelope.completed_at,
        "Declined": envelope.declined_at,
        "Voided": envelope.voided_at,
    }


def _trace(trace: Trace) -> Line:
    who = f"{trace.user_name} {trace.ip_address}".strip()
    return Line(text=f"{_moment(trace.at)}  {trace.action}  {who}: {trace.message}")


def _heading(text: str) -> Iterator[Line]:
    yield Line(text="")
    yield Line(text=text, style="heading")


def _moments(moments: Mapping[str, int | None]) -> Iterator[Line]:
    for name, at in moments.items():
        if at is not None:
            yield Line(text=f"    {name}: {_moment(at)}")


def _others(count: int, noun: str) -> Iterator[Line]:
    if count > 0:
        yield Line(text=f"and {count} more {noun}")


def _moment(at: int) -> str:
    return moment(at).strftime("%Y-%m-%d %H:%M:%S UTC")


# --- documents --------------------------------------------------------------------------------


def _is_html(document: Document) -> bool:
    return document.extension.lower().lstrip(".") in {"htm", "html", "xhtml"}


def _html_text(content: bytes) -> str:
    """Return what a page says, a line for each piece; whatever it is made of, it never raises."""
    parser = etree.HTMLParser(no_network=True, encoding="utf-8")
    parser.feed(content[:MAX_TEXT_BYTES] or b" ")
    try:
        root: etree._Element | None = parser.close()
    except etree.XMLSyntaxError:
        root = None
    if root is None:  # there is nothing in it at all
        return ""
    etree.strip_elements(root, etree.Comment, "script", "style", with_tail=False)
    pieces = (" ".join(str(piece).split()) for piece in root.itertext())
    return "\n".join(piece for piece in pieces if piece)


def _plain_text(content: bytes) -> str | None:
    """Return a text, or None for a file that is none."""
    text = content[:MAX_TEXT_BYTES].decode("utf-8", "replace")
    is_binary = "\0" in text or text.count("\N{REPLACEMENT CHARACTER}") > len(text) // 20
    return None if is_binary else text


def _notice(text: str) -> bytes:
    return pages([Line(text=text)], title=text, at=_UNDATED)


def _rewritten(part: bytes) -> tuple[bytes | None, int]:
    """Return a PDF written anew with its number of pages: what survives that can be joined."""
    from pypdf import PdfReader, PdfWriter  # noqa: PLC0415  # as above

    try:
        reader = PdfReader(io.BytesIO(part), strict=False)
        count = len(reader.pages)
        if not 0 < count <= MAX_COMBINED_PAGES:
            return None, 0
        writer = PdfWriter()
        writer.append(reader, import_outline=False)
        made = io.BytesIO()
        writer.write(made)
    except Exception:  # noqa: BLE001  # a hostile PDF makes pypdf raise errors of any kind
        return None, 0
    return made.getvalue(), count
