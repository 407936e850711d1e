"""The legacy message beside captured ones and their schema.

Both stand beside the checkout, not in it: where they are not there, this says so.
"""

from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element, _ElementTree
from tests.unit.legacy_cast import TABS, WINTER, envelope, recipient, signed

from postroom.envelopes.envelope import Envelope
from postroom.envelopes.legacy_element import NAMESPACE
from postroom.envelopes.legacy_xml import envelope_xml
from postroom.intake import normalise

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "connect-xml"
CAPTURED = sorted(SAMPLES.glob("*.xml"))
SCHEMA = SAMPLES / "connect-3.0.xsd"
ABSENT = "NO LEGACY MESSAGE WAS CHECKED: shared/samples is not beside the checkout"

needs_samples = pytest.mark.skipif(not CAPTURED or not SCHEMA.exists(), reason=ABSENT)

EVERYTHING = envelope(
    recipients=(
        signed(1, tabs=TABS, client_user_id="7", autoresponded_reason="out of office"),
        recipient(2, role="notaries", status="declined", declined_at=WINTER, declined_reason="no"),
        recipient(3, status="sent", is_locked_out=True, failed_at=WINTER),
    ),
    deleted_at=WINTER,
    declined_at=WINTER,
    voided_reason="a mistake",
)
BARE = envelope(status="created", recipients=(), fields=(), documents=(), sent_at=None)
ALL_EXTRAS = ("time_zone", "void_reason", "document_fields", "sender_account")


def made(of: Envelope) -> _Element:
    documents = [(document, b"%PDF-1.7") for document in of.documents]
    body = envelope_xml(
        of,
        at=WINTER,
        extras=ALL_EXTRAS,
        sender_account=[("AccountId", "1")],
        documents=documents,
        certificate=b"%PDF-1.7",
    )
    return etree.fromstring(body)


def without_empty_fields(root: _Element) -> _Element:
    """Every captured message has an empty `CustomFields`, which the schema does not allow."""
    for empty in [one for one in root.iter(f"{{{NAMESPACE}}}CustomFields") if len(one) == 0]:
        parent = empty.getparent()
        assert parent is not None
        parent.remove(empty)
    return root


def flaws(root: _Element) -> list[str]:
    parsed: _ElementTree = etree.parse(str(SCHEMA))
    schema = etree.XMLSchema(parsed)
    without_empty_fields(root)
    return [] if schema.validate(root) else str(schema.error_log).splitlines()


@needs_samples
@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: path.stem)
def test_the_schema_holds_for_what_was_captured(path: Path) -> None:
    assert flaws(etree.parse(str(path)).getroot()) == []


@needs_samples
@pytest.mark.parametrize("of", [envelope(), EVERYTHING, BARE], ids=["usual", "everything", "bare"])
def test_the_schema_holds_for_what_is_made_here(of: Envelope) -> None:
    assert flaws(made(of)) == []


@needs_samples
def test_elements_stand_in_the_order_of_captured_messages() -> None:
    mine = orders(made(EVERYTHING))
    for path in CAPTURED:
        for parent, pairs in orders(etree.parse(str(path)).getroot()).items():
            turned = {(later, earlier) for earlier, later in pairs} & mine.get(parent, set())
            assert not turned, f"{path.name}: {parent} has {turned} the other way round"


@needs_samples
def test_no_element_that_is_always_captured_is_missing_here() -> None:
    mine = orders(made(envelope()))
    for parent in ("EnvelopeStatus", "RecipientStatus", "DocumentStatus", "CustomField"):
        told = {name for pair in mine[parent] for name in pair}
        always = set.intersection(
            *(names(path, parent) for path in CAPTURED if names(path, parent))
        )
        assert always <= told


@needs_samples
@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: path.stem)
def test_what_was_captured_is_understood_when_it_comes_in(path: Path) -> None:
    one = normalise.normalise(
        path.read_bytes(), account_id="a1", content_type="text/xml", received_at=WINTER
    )
    assert (one.flaw, one.is_readable) == (None, True)
    assert one.event.removeprefix("envelope-") in path.stem.lower() or "sample" in path.stem
    assert one.occurred_at < WINTER
    unfolded = normalise.unfold(one, None)
    assert unfolded is not None
    told = [each.event for each in unfolded.notifications]
    assert (told[0], told[-1]) == ("envelope-sent", one.event) or one.event == "envelope-sent"
    assert len({each.id for each in unfolded.notifications}) == len(told)


def names(path: Path, parent: str) -> set[str]:
    pairs = orders(etree.parse(str(path)).getroot()).get(parent, set())
    return {name for pair in pairs for name in pair}


def orders(root: _Element) -> dict[str, set[tuple[str, str]]]:
    """Return for every kind of element which of its children came before which other."""
    found: dict[str, set[tuple[str, str]]] = {}
    for element in root.iter(f"{{{NAMESPACE}}}*"):
        children = [etree.QName(one).localname for one in element]
        pairs = {(a, b) for i, a in enumerate(children) for b in children[i + 1 :] if a != b}
        found.setdefault(etree.QName(element).localname, set()).update(pairs)
    return found
