"""What an envelope gives out as PDF, read back by another library than made it."""

import io
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pypdf import PdfReader
from tests.unit.legacy_cast import ENVELOPE, SECOND, WINTER, envelope, recipient, signed

from postroom.envelopes import certificate, sheet
from postroom.envelopes.envelope import Document, Trace


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def told(**more: Any) -> str:
    return "\n".join(pages(certificate.certificate_of_completion(envelope(**more), at=WINTER)))


def document(extension: str = "txt", name: str = "agreement") -> Document:
    return Document(id="1", guid="d1", name=name, extension=extension)


def test_a_certificate_tells_who_did_what_and_when() -> None:
    text = told()
    assert text.startswith("Certificate of Completion")
    assert f"Envelope Id: {ENVELOPE}" in text
    assert "Subject: Vertrag „Müller & Söhne" in text
    assert "Status: Completed" in text
    assert "1. agreement.pdf (id: 1" in text
    assert "1. Signer 1 signer1@example.com: Completed" in text
    assert "Signed: 2026-01-15 07:10:27 UTC" in text
    assert "Sam Sender sent invitations to Signer 1" in text


def test_recipients_stand_under_their_role() -> None:
    text = told(recipients=(signed(1, role="carbonCopies"), signed(2), signed(3, role="agents")))
    heads = re.findall(r"(?m)^(?:\w+ )+Events$|^\d\. Signer \d", text)
    assert heads[:6] == [
        "Signer Events",
        "2. Signer 2",
        "Agent Delivery Events",
        "3. Signer 3",
        "Carbon Copy Events",
        "1. Signer 1",
    ]


def test_reasons_are_told() -> None:
    declined = recipient(1, status="declined", declined_at=WINTER, declined_reason="too dear")
    bounced = recipient(2, status="autoresponded", autoresponded_reason="mailbox full")
    failed = recipient(3, failed_at=WINTER)
    text = told(status="voided", voided_reason="mistake", recipients=(declined, bounced, failed))
    assert "Reason for declining: too dear" in text
    assert "Automatic reply: mailbox full" in text
    assert "Authentication failed: 2026-01-15" in text
    assert "Reason for voiding: mistake" in text


def test_the_same_envelope_and_moment_give_the_same_bytes() -> None:
    first = certificate.certificate_of_completion(envelope(), at=WINTER)
    assert certificate.certificate_of_completion(envelope(), at=WINTER) == first
    assert certificate.certificate_of_completion(envelope(), at=WINTER + SECOND) != first
    created = PdfReader(io.BytesIO(first)).metadata
    assert created is not None
    assert str(created.creation_date) == "2026-01-15 07:10:25+00:00"


def test_what_a_certificate_lists_is_bounded_and_the_others_are_counted() -> None:
    trace = Trace(
        at=WINTER,
        user_id="u",
        user_name="U" * 9_000,
        action="Viewed",
        message="m",
        envelope_status="",
    )
    text = told(trail=(trace,) * 10_000, recipients=(signed(1, name="R" * 9_000),) * 10_000)
    assert len(pages(certificate.certificate_of_completion(envelope(), at=WINTER))) == 1
    assert "(The rest is left out here.)" in text
    few = told(trail=(replace(trace, user_name="U"),) * 501, recipients=(signed(1),) * 201)
    assert "and 1 more recipients" in few
    assert "and 1 more entries" in few


anything = st.text(st.characters(), max_size=60)


@settings(max_examples=40)
@given(anything, anything)
def test_any_text_can_be_certified(one: str, other: str) -> None:
    trace = Trace(
        at=WINTER, user_id="u", user_name=one, action=other, message=one, envelope_status=""
    )
    hostile = signed(1, name=one, declined_reason=other)
    text = told(subject=one, recipients=(hostile,), trail=(trace,))
    assert ENVELOPE in text


def test_what_the_fonts_cannot_show_becomes_a_question_mark() -> None:
    assert sheet.showable("„Müller: 10 €“ 契約\x00\n") == "„Müller: 10 €“ ??  "
    assert sheet.showable("e\N{COMBINING ACUTE ACCENT}") == "é"
    assert "Subject: ????" in told(subject="契約契約")


def test_a_pdf_is_given_out_as_it_is() -> None:
    content = b"\xef\xbb\xbf%PDF-1.4 whatever it holds"
    assert certificate.pdf_of(document("docx"), content) is content


def test_a_text_is_shown_line_by_line() -> None:
    (page,) = pages(certificate.pdf_of(document(), "Größe\n\n\tzwei\n".encode()))
    assert [line.strip() for line in page.splitlines() if line.strip()] == ["Größe", "zwei"]


def test_a_html_page_is_shown_as_its_text() -> None:
    body = b"<html><style>p {}</style><script>alert(1)</script><!-- no --><p>Sign &amp; <b>date</b>"
    (page,) = pages(certificate.pdf_of(document("HTML"), body))
    assert page.split() == ["Sign", "&", "date"]


@pytest.mark.parametrize("content", [b"PK\x03\x04\x00\x00\x08", bytes(range(128, 256))])
def test_a_file_of_another_kind_is_named_with_its_size(content: bytes) -> None:
    (page,) = pages(certificate.pdf_of(document("docx", name="offer"), content))
    assert "offer" in page
    assert f"A file of type DOCX, {len(content)} bytes" in page


@settings(max_examples=60)
@given(st.binary(max_size=300) | anything.map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_become_a_pdf(content: bytes) -> None:
    for extension in ("html", "txt"):
        assert certificate.pdf_of(document(extension), content).startswith(b"%PDF-")


@pytest.mark.parametrize(
    "content",
    [b"x\n" * 500_000, b"x" * 5_000_000, b"<div>" * 500_000],
    ids=["lines", "long", "deep"],
)
def test_how_much_of_a_text_is_shown_is_bounded(content: bytes) -> None:
    for extension in ("txt", "html"):
        assert len(pages(certificate.pdf_of(document(extension), content))) <= sheet.MAX_PAGES


def test_parts_follow_one_another_in_one_pdf() -> None:
    parts = [certificate.pdf_of(document(), name) for name in (b"first", b"second", b"third")]
    whole = certificate.combined(parts)
    assert [page.strip() for page in pages(whole)] == ["first", "second", "third"]
    assert certificate.combined(parts) == whole


def test_a_part_that_cannot_be_read_is_replaced_by_a_page_that_says_so() -> None:
    good = certificate.pdf_of(document(), b"good")
    for bad in (b"", b"junk", good[:300], b"%PDF-1.4\n%%EOF"):
        first, second, third = pages(certificate.combined([good, bad, good]))
        assert (first.strip(), third.strip()) == ("good", "good")
        assert "Part 2 is not shown here: it is no PDF that can be read." in second


def test_of_no_parts_there_is_a_page_that_says_so() -> None:
    assert pages(certificate.combined([])) == ["There are no documents."]


def test_a_combined_pdf_has_no_more_pages_than_is_bearable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(certificate, "MAX_COMBINED_PAGES", 3)
    two = certificate.combined([certificate.pdf_of(document(), b"one page")] * 2)
    *shown, last = pages(certificate.combined([two, two]))
    assert [page.strip() for page in shown] == ["one page", "one page"]
    assert "too many pages" in last


GOOD = certificate.pdf_of(Document(id="1", guid="d", name="d"), b"some text to be broken")


@settings(max_examples=150)
@given(st.integers(0, len(GOOD)), st.binary(max_size=12), st.integers(0, 12))
def test_a_broken_pdf_never_breaks_the_others(place: int, put: bytes, gone: int) -> None:
    broken = GOOD[:place] + put + GOOD[place + gone :]
    whole = PdfReader(io.BytesIO(certificate.combined([GOOD, broken, GOOD])))
    assert len(whole.pages) >= 3
    assert "some text" in whole.pages[0].extract_text()
    assert "some text" in whole.pages[-1].extract_text()
