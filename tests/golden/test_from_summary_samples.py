"""Captured JSON messages, told in the older format: well-formed, and by its schema.

They stand beside the checkout, not in it: where they are not there, this says so.
"""

from pathlib import Path

import pytest
from lxml import etree

from postroom.clock import SECOND
from postroom.delivery import reshape
from postroom.envelopes import from_summary
from postroom.envelopes.legacy_element import NAMESPACE
from postroom.envelopes.legacy_xml import envelope_xml

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
CAPTURED = sorted((SAMPLES / "connect-json").glob("*.json"))
SCHEMA = SAMPLES / "connect-xml" / "connect-3.0.xsd"
ABSENT = "NO JSON MESSAGE WAS TOLD IN XML: shared/samples is not beside the checkout"
AT = 1_772_000_000 * SECOND

needs_samples = pytest.mark.skipif(not CAPTURED or not SCHEMA.exists(), reason=ABSENT)


def told(path: Path) -> bytes | None:
    """Return a captured message in XML, or None where it carries no envelope."""
    summary = reshape.whole_summary(path.read_bytes(), None)
    if summary is None:
        return None
    read = from_summary.envelope(summary, account_id="a", envelope_id="e", at=AT)
    return envelope_xml(read, at=AT, extras=("time_zone", "void_reason", "document_fields"))


@needs_samples
@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: path.stem)
def test_every_captured_message_is_told_or_carries_no_envelope(path: Path) -> None:
    xml = told(path)
    assert (xml is None) == ("_min_" in path.name)
    if xml is not None:
        assert etree.fromstring(xml).tag == f"{{{NAMESPACE}}}DocuSignEnvelopeInformation"


@needs_samples
def test_a_captured_envelope_is_told_with_its_people_and_by_the_schema() -> None:
    (path,) = [one for one in CAPTURED if "_full_" in one.name]
    xml = told(path)
    assert xml is not None
    root = etree.fromstring(xml)
    assert root.findtext(f".//{{{NAMESPACE}}}RecipientStatus/{{{NAMESPACE}}}Status") == "Completed"
    names = [one.text for one in root.iterfind(f".//{{{NAMESPACE}}}DocumentStatus/{{*}}Name")]
    assert len(names) == 1
    for empty in root.findall(f".//{{{NAMESPACE}}}CustomFields"):
        parent = empty.getparent()
        assert parent is not None
        parent.remove(empty)  # the schema does not allow it, every captured message has it
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    schema.assertValid(root)
