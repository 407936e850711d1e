"""Docusign's REST answers about envelopes: what shows, when, and in which words."""

import pytest
from msgspec.structs import replace
from tests.unit.envelope_cast import ANN, ENVELOPE_ID, NOON, definition, read

from postroom.clock import SECOND
from postroom.envelopes import lifecycle, rest_view
from postroom.envelopes.envelope import Action, CustomField, Envelope, Reminders
from postroom.envelopes.moments import generated_text, rest_text, summary_text
from postroom.model import Json

FORMULA = {"tabLabel": "fee", "formula": "1", "paymentDetails": {"currencyCode": "USD"}}


def draft(**more: Json) -> Envelope:
    return lifecycle.created(read(definition(**more)).envelope).envelope


def sent(**more: Json) -> Envelope:
    return lifecycle.act(draft(**more), Action(verb="send"), at=NOON + SECOND).envelope


def signed(envelope: Envelope, recipient_id: str = "1") -> Envelope:
    action = Action(verb="sign", recipient_id=recipient_id)
    return lifecycle.act(envelope, action, at=NOON + 60 * SECOND).envelope


def signer(envelope: Envelope, *, tabs: bool = False) -> Json:
    return rest_view.recipients_view(envelope, tabs=tabs)["signers"][0]


def test_a_moment_has_seven_digits_in_an_answer_and_no_trailing_zeros_in_a_summary() -> None:
    assert rest_text(NOON + 90_000) == "2026-01-13T12:00:00.0900000Z"
    assert generated_text(NOON + 1) == "2026-01-13T12:00:00.0000010Z"
    assert summary_text(NOON + 90_000) == "2026-01-13T12:00:00.09Z"
    assert summary_text(NOON) == "2026-01-13T12:00:00Z"
    assert summary_text(NOON + 12 * 3600 * SECOND - 1) == "2026-01-13T23:59:59.999999Z"
    assert rest_text(-1) == "1969-12-31T23:59:59.9999990Z"


def test_what_is_created_answers_with_the_status_and_when_it_came_to_it() -> None:
    assert rest_view.created_view(sent()) == {
        "envelopeId": ENVELOPE_ID,
        "uri": f"/envelopes/{ENVELOPE_ID}",
        "statusDateTime": "2026-01-13T12:00:01.0000000Z",
        "status": "sent",
    }


def test_only_a_sent_envelope_tells_when_it_ends_and_whose_turn_it_is() -> None:
    assert "expireEnabled" not in rest_view.envelope_view(draft())
    assert "currentRoutingOrder" not in rest_view.recipients_view(draft())
    shown = rest_view.envelope_view(sent())
    assert (shown["expireEnabled"], shown["expireAfter"]) == ("true", "120")
    assert shown["expireDateTime"] == "2026-05-13T12:00:01.0000000Z"
    assert rest_view.recipients_view(sent())["currentRoutingOrder"] == "1"


def test_an_envelope_that_never_expires_says_so() -> None:
    never = sent(notification={"expirations": {"expireEnabled": "false"}})
    shown = rest_view.envelope_view(never)
    assert shown["expireEnabled"] == "false"
    assert "expireDateTime" not in shown


def test_the_current_routing_order_is_that_of_the_first_who_is_not_done() -> None:
    ben = {"name": "Ben", "email": "ben@example.com", "recipientId": "2", "routingOrder": "7"}
    envelope = sent(recipients={"signers": [ANN, ben]})
    assert rest_view.recipients_view(signed(envelope))["currentRoutingOrder"] == "7"
    assert rest_view.recipients_view(signed(signed(envelope), "2"))["currentRoutingOrder"] == "7"


def test_a_signer_without_tabs_places_its_own_once_sent() -> None:
    with_tabs = [ANN | {"tabs": {"signHereTabs": [{"xPosition": 1}]}}]
    assert "recipientSuppliesTabs" not in signer(draft())
    assert signer(sent())["recipientSuppliesTabs"] == "true"
    assert "recipientSuppliesTabs" not in signer(sent(recipients={"signers": with_tabs}))


def test_tabs_come_only_when_asked_for_and_the_payments_among_them_apart() -> None:
    tabs = {"textTabs": [{"tabLabel": "a"}], "formulaTabs": [FORMULA, {"tabLabel": "sum"}]}
    envelope = draft(recipients={"signers": [ANN | {"tabs": tabs}]})
    assert "tabs" not in signer(envelope)
    shown = signer(envelope, tabs=True)
    assert [tab["tabLabel"] for tab in shown["tabs"]["formulaTabs"]] == ["sum"]
    assert [tab["tabLabel"] for tab in shown["paymentTabs"]["formulaTabs"]] == ["fee"]
    assert list(shown)[:3] == ["tabs", "paymentTabs", "creationReason"]


def test_what_else_was_said_of_a_recipient_stands_where_the_service_has_it() -> None:
    said = ANN | {"accessCode": "s3", "note": "n", "clientUserId": "c", "roleName": "r"}
    shown = list(signer(draft(recipients={"signers": [said]})))
    assert shown.index("recipientIdGuid") < shown.index("accessCode") < shown.index("userId")
    assert shown.index("userId") < shown.index("clientUserId") < shown.index("routingOrder")
    assert shown.index("routingOrder") < shown.index("note") < shown.index("roleName")


def test_a_recipient_tells_its_course_and_its_failed_authentication() -> None:
    failing = Action(verb="fail-authentication", recipient_id="1")
    failed = signer(lifecycle.act(sent(), failing, at=NOON + 2 * SECOND).envelope)
    assert failed["recipientAuthenticationStatus"] == {
        "accessCodeResult": {"status": "Failed", "eventTimestamp": "2026-01-13T12:00:02.0000000Z"}
    }
    declining = Action(verb="decline", recipient_id="1", reason="Too dear")
    declined = signer(lifecycle.act(sent(), declining, at=NOON + 2 * SECOND).envelope)
    assert (declined["status"], declined["declinedReason"]) == ("declined", "Too dear")
    keys = ["deliveredDateTime", "declinedDateTime", "sentDateTime", "declinedReason"]
    assert [key for key in declined if key in keys] == keys


def test_options_stand_in_the_place_of_the_defaults() -> None:
    plain = rest_view.envelope_view(draft())
    shown = rest_view.envelope_view(draft(allowReassign=False, brandId="b", enableWetSign="false"))
    assert (shown["allowReassign"], shown["enableWetSign"]) == ("false", "false")
    assert [key for key in shown if key != "brandId"] == list(plain)
    assert list(shown).index("sender") < list(shown).index("brandId") < len(shown) - 5


@pytest.mark.parametrize(
    ("token", "key"),
    [
        ("custom_fields", "customFields"),
        ("documents", "envelopeDocuments"),
        ("attachments", "envelopeAttachments"),
        ("extensions", "emailSettings"),
        ("folders", "folders"),
        ("recipients", "recipients"),
        ("powerform", "powerForm"),
        ("tabs", "recipients"),
        ("payment_tabs", "recipients"),
    ],
)
def test_each_include_brings_its_key_and_nothing_else(token: str, key: str) -> None:
    envelope = draft(
        attachments=[{"attachmentId": "1"}],
        emailSettings={"replyEmailNameOverride": "R"},
        powerForm={"powerFormId": "p"},
    )
    without = rest_view.envelope_view(envelope)
    shown = rest_view.envelope_view(envelope, frozenset({token}))
    assert shown.keys() - without.keys() == {key}
    assert rest_view.list_view(envelope, frozenset({token})).keys() >= {key}


def test_a_list_leaves_out_what_only_the_whole_envelope_tells() -> None:
    listed = rest_view.list_view(sent())
    assert not {"initialSentDateTime", "allowReassign", "uSigState"} & listed.keys()
    assert listed["envelopeLocation"] == "not_specified"


def test_pages_lead_to_their_neighbours_and_nowhere_else() -> None:
    def at(start: int, size: int) -> list[str]:
        made = rest_view.page([{}] * size, start=start, total=5, count=2, uri=lambda n: f"/e?s={n}")
        return [made[key] for key in ("endPosition", "totalSetSize", "nextUri", "previousUri")]

    assert at(0, 2) == ["1", "5", "/e?s=2", ""]
    assert at(1, 2) == ["2", "5", "/e?s=3", "/e?s=0"]
    assert at(4, 1) == ["4", "5", "", "/e?s=2"]
    assert at(9, 0) == ["9", "5", "", "/e?s=7"]
    none = rest_view.page([], start=0, total=0, count=2, uri=str)
    assert list(none.values()) == ["0", "0", "0", "0", "", "", []]


def test_the_certificate_is_among_the_documents_once_it_is_completed() -> None:
    assert len(rest_view.documents_view(sent())["envelopeDocuments"]) == 1
    content, certificate = rest_view.documents_view(signed(sent()))["envelopeDocuments"]
    assert [page["sequence"] for page in content["pages"]] == ["1", "2"]
    assert content["pages"][0]["pageId"] != content["pages"][1]["pageId"]
    assert (certificate["documentId"], certificate["order"]) == ("certificate", "999")


def test_list_fields_carry_their_items_first() -> None:
    field = CustomField(id="1", name="R", kind="list", items=("a", "b"), is_shown=False)
    shown = rest_view.custom_fields_view((field,))
    assert shown["textCustomFields"] == []
    assert list(shown["listCustomFields"][0].items()) == [
        ("listItems", ["a", "b"]),
        ("fieldId", "1"),
        ("name", "R"),
        ("show", "false"),
        ("required", "false"),
        ("value", ""),
    ]


def test_reminders_and_the_end_are_shown_as_text() -> None:
    reminders = Reminders(is_reminding=True, delay_days=2, frequency_days=3, warn_days=4)
    assert rest_view.notification_view(reminders) == {
        "useAccountDefaults": "false",
        "reminders": {
            "reminderEnabled": "true",
            "reminderDelay": "2",
            "reminderFrequency": "3",
        },
        "expirations": {"expireEnabled": "true", "expireAfter": "120", "expireWarn": "4"},
    }


def test_the_audit_trail_tells_who_did_what_in_order() -> None:
    events = rest_view.audit_events_view(signed(sent()))["auditEvents"]
    said = [{one["name"]: one["value"] for one in event["eventFields"]} for event in events]
    actions = [one["Action"] for one in said]
    assert actions[0] == "Registered"
    assert actions.index("Viewed") < actions.index("Signed")
    assert said[0]["ClientIPAddress"] == "192.0.2.10"


def test_a_voided_envelope_tells_when_and_why_between_its_other_moments() -> None:
    voiding = Action(verb="void", reason="Wrong terms")
    shown = rest_view.envelope_view(lifecycle.act(sent(), voiding, at=NOON + 9 * SECOND).envelope)
    keys = list(shown)
    at = keys.index("sentDateTime")
    assert keys[at + 1 : at + 4] == ["voidedDateTime", "voidedReason", "statusChangedDateTime"]
    assert shown["voidedReason"] == "Wrong terms"


def test_a_sender_without_an_address_of_the_network_shows_none() -> None:
    envelope = draft()
    silent = replace(envelope, sender=replace(envelope.sender, ip_address=""))
    assert "ipAddress" not in rest_view.envelope_view(silent)["sender"]
