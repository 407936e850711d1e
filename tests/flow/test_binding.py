"""PDFs are joined in a process of its own: a hostile one costs that process, never the server."""

import asyncio

import pytest
from msgspec.structs import replace

from postroom.envelopes.sheet import Line, pages
from postroom.errors import DocusignError
from postroom.operations.connect import binding
from postroom.operations.connect.binding import Bounds

DEFAULT = Bounds()
PLAIN = pages([Line(text="A page")], title="plain", at=0)


def heavy() -> bytes:
    """A PDF of 1 MB that asks for minutes and gigabytes: pages that inherit a huge dictionary."""
    names = b"".join(b"/N%d %d " % (number, number) for number in range(90_000))
    kids = b" ".join([b"3 0 R"] * 4_999)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Resources <<%s>>/Kids[%s]>>" % (names, kids),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    ]
    body, offsets = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 4\n0000000000 65535 f \n" + table
    return body + head + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(body)


async def refused(parts: list[bytes], bounds: Bounds) -> str:
    with pytest.raises(DocusignError) as caught:
        await binding.combined(parts, turns=asyncio.Semaphore(1), bounds=bounds)
    return caught.value.code


async def test_plain_parts_become_one_pdf() -> None:
    made = await binding.combined([PLAIN, b"no PDF"], turns=asyncio.Semaphore(1))
    assert made.startswith(b"%PDF-")


@pytest.mark.parametrize(
    "bounds",
    [
        replace(DEFAULT, cpu_seconds=2),
        replace(DEFAULT, wall_seconds=2.0),
    ],
    ids=["processor", "patience"],
)
async def test_a_pdf_that_costs_too_much_is_refused_and_its_process_is_gone(
    bounds: Bounds,
) -> None:
    assert await refused([heavy()], bounds) == "DOCUMENTS_CANNOT_BE_COMBINED"


async def test_more_than_may_be_joined_is_refused_before_it_is_tried() -> None:
    assert await refused([PLAIN] * 2, replace(DEFAULT, part_bytes=len(PLAIN))) == (
        "DOCUMENTS_CANNOT_BE_COMBINED"
    )


async def test_memory_is_bounded_too() -> None:
    bounds = replace(DEFAULT, memory_bytes=64 * 1024 * 1024)
    assert await refused([heavy()], bounds) == "DOCUMENTS_CANNOT_BE_COMBINED"
