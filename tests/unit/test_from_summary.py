"""A feed's envelope is told in XML as an envelope that lives here would be; nothing raises."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from tests.unit import legacy_cast
from tests.unit.legacy_cast import ACCOUNT, ENVELOPE, SECOND, TABS, WINTER, recipient, signed

from postroom.envelopes import from_summary, message
from postroom.envelopes.envelope import Envelope
from postroom.envelopes.legacy_xml import envelope_xml

EXTRAS = ("time_zone", "void_reason", "document_fields")


def read(summary: Any, *, at: int = WINTER) -> Envelope:
    return from_summary.envelope(
        json.dumps(summary).encode(), account_id=ACCOUNT, envelope_id=ENVELOPE, at=at
    )


def xml(envelope: Envelope) -> str:
    return envelope_xml(envelope, at=WINTER, extras=EXTRAS).decode()


@pytest.mark.parametrize(
    "envelope",
    [
        legacy_cast.envelope(),
        legacy_cast.envelope(status="voided", voided_reason="a mistake", voided_at=WINTER),
        legacy_cast.envelope(options={"authoritativeCopy": "true", "autoNavigation": "false"}),
        legacy_cast.envelope(
            recipients=(
                signed(1, tabs=TABS, client_user_id="7"),
                recipient(
                    2, role="carbonCopies", status="autoresponded", autoresponded_reason="no box"
                ),
                recipient(3, status="declined", declined_at=WINTER, declined_reason="<no> & no"),
                recipient(4, status="sent", is_locked_out=True, failed_at=WINTER + SECOND),
                recipient(5, role="certifiedDeliveries"),
            )
        ),
        legacy_cast.envelope(status="created", recipients=(), documents=(), fields=()),
    ],
    ids=["completed", "voided", "options", "recipients", "bare"],
)
def test_what_json_tells_makes_the_same_xml_as_the_envelope_itself(envelope: Envelope) -> None:
    told = json.loads(json.dumps(message.summary(envelope)))
    assert xml(read(told)) == xml(envelope)


def test_what_the_older_format_always_tells_is_asked_for_by_its_include() -> None:
    assert from_summary.missing(b'{"recipients":{},"customFields":{}}') == ()
    assert from_summary.missing(b'{"recipients":{}}') == ("custom_fields",)
    assert from_summary.missing(b"{}") == ("custom_fields", "recipients")
    assert from_summary.missing(b"[]") == ("custom_fields", "recipients")


def test_who_signs_in_person_is_known_by_the_hosts_and_the_signers_names() -> None:
    hosted = {"hostName": "Hanna Host", "hostEmail": "host@example.com", "signerName": "Sid"}
    (one,) = read({"recipients": {"inPersonSigners": [hosted]}}).recipients
    assert (one.name, one.email) == ("Sid", "host@example.com")


def test_the_certificate_is_no_document() -> None:
    documents = [{"documentId": 1, "name": "a"}, {"documentId": "certificate", "type": "summary"}]
    (one,) = read({"envelopeDocuments": documents}).documents
    assert (one.id, one.name) == ("1", "a")


def test_what_is_not_told_is_as_in_a_new_envelope() -> None:
    made = read({})
    assert (made.status, made.created_at, made.status_changed_at) == ("created", WINTER, WINTER)
    assert (made.recipients, made.documents, made.fields) == ((), (), ())


NAMES = (
    "status emailSubject createdDateTime sentDateTime sender userName email recipients signers "
    "agents customFields textCustomFields listCustomFields listItems name value show required "
    "envelopeDocuments documentId order documentFields tabs textTabs listTabs radioGroupTabs "
    "recipientAuthenticationStatus accessCodeResult eventTimestamp failed routingOrder "
    "signingLocation autoNavigation idCheckConfigurationName"
)
KEYS = st.sampled_from(NAMES.split())
TEXTS = st.sampled_from(
    ["", "completed", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "Failed", "²", "9" * 30]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_no_json_raises_and_all_of_it_makes_well_formed_xml(summary: dict[str, Any]) -> None:
    assert etree.fromstring(xml(read(summary)).encode()) is not None


@given(st.binary(max_size=40))
def test_no_bytes_raise(summary: bytes) -> None:
    from_summary.missing(summary)
    made = from_summary.envelope(summary, account_id=ACCOUNT, envelope_id=ENVELOPE, at=WINTER)
    assert made.id == ENVELOPE
