"""Lines of text on the pages of a PDF: all that a certificate or a plain document needs.

The fonts are those that every reader of PDF has, so nothing is fetched or embedded; what their
256 characters cannot show becomes a question mark.
"""

import unicodedata
from collections.abc import Iterable
from typing import Literal

from postroom.envelopes.local_time import moment
from postroom.model import Noun

MAX_PAGES = 50
MAX_LINE_CHARACTERS = 500

Style = Literal["title", "heading", "text", "small", "fixed"]

_CUT = "(The rest is left out here.)"
_FONTS: dict[Style, tuple[str, Literal["", "B"], int]] = {
    "title": ("Helvetica", "B", 16),
    "heading": ("Helvetica", "B", 11),
    "text": ("Helvetica", "", 9),
    "small": ("Helvetica", "", 7),
    "fixed": ("Courier", "", 9),
}
_MILLIMETRES_PER_POINT = 25.4 / 72
_LEADING = 1.4
_CORE_FONTS_ENCODING = "cp1252"


class Line(Noun, frozen=True, kw_only=True):
    """A line of text, broken where it is wider than the page; cut at `MAX_LINE_CHARACTERS`."""

    text: str
    style: Style = "text"


def pages(lines: Iterable[Line], *, title: str, at: int) -> bytes:
    """Return a PDF of as many lines as `MAX_PAGES` hold, always the same for the same input.

    `at` is the moment it says it was made at.
    """
    from fpdf import FPDF  # noqa: PLC0415  # a third of a second, only for those who want a PDF

    sheet = FPDF(format="letter")
    sheet.core_fonts_encoding = _CORE_FONTS_ENCODING
    sheet.set_title(showable(title))
    sheet.set_creation_date(moment(at))
    sheet.add_page()
    for line in lines:
        is_full = sheet.page_no() >= MAX_PAGES
        font, weight, points = _FONTS[line.style]
        sheet.set_font(font, weight, points)
        height = points * _MILLIMETRES_PER_POINT * _LEADING
        text = _CUT if is_full else showable(line.text[:MAX_LINE_CHARACTERS])
        if text.strip():
            sheet.multi_cell(0, height, text, align="L", new_x="LMARGIN", new_y="NEXT")
        else:
            sheet.ln(height)
        if is_full:
            break
    return bytes(sheet.output())


def showable(text: str) -> str:
    """Return a text of one line in the characters that the fonts have."""
    composed = unicodedata.normalize("NFC", text.expandtabs(4))
    spaced = "".join(one if one.isprintable() else " " for one in composed)
    return spaced.encode(_CORE_FONTS_ENCODING, "replace").decode(_CORE_FONTS_ENCODING)
