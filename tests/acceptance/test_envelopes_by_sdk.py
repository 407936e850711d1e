"""Envelopes through the official SDK: created, listed, changed, and lived through by the clock."""

from collections import Counter
from typing import Any

import docusign_esign as ds
import httpx
import pytest
from tests.acceptance.cast import A1, ALICE, account
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder
from tests.acceptance.sdk import PDF, Sdk

EVERYTHING = [
    f"envelope-{what}"
    for what in (
        "created",
        "sent",
        "delivered",
        "completed",
        "declined",
        "voided",
        "resent",
        "corrected",
        "purge",
        "deleted",
        "discard",
        "removed",
        "reminder-sent",
    )
] + [
    f"recipient-{what}"
    for what in (
        "sent",
        "delivered",
        "completed",
        "declined",
        "authenticationfailed",
        "autoresponded",
        "resent",
        "delegate",
        "reassign",
        "finish-later",
    )
]


@pytest.fixture
def offline(launch: Launch) -> Gateway:
    gateway = launch(flags=("--offline",))
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": []})
    return gateway


@pytest.fixture
def sdk(offline: Gateway, recorder: Recorder) -> Sdk:
    one = Sdk(offline)
    templates = ["template-created", "template-modified", "template-deleted"]
    one.configure("ALL", recorder.url("ALL"), events=[*EVERYTHING, *templates])
    return one


def told(sdk: Sdk, recorder: Recorder, envelope_id: str | None = None) -> list[str]:
    sdk.gateway.until_quiet()
    return [
        one.message["event"]
        for one in recorder.deliveries("ALL")
        if envelope_id in {None, one.message["data"].get("envelopeId")}
    ]


def draft(sdk: Sdk, **more: Any) -> str:
    definition = ds.EnvelopeDefinition(
        status="created",
        email_subject="A draft",
        documents=[ds.Document(document_base64=PDF, name="A.pdf", document_id="1")],
        recipients=ds.Recipients(
            signers=[ds.Signer(email="ada@example.com", name="Ada", recipient_id="1")]
        ),
        **more,
    )
    return str(sdk.envelopes.create_envelope(A1, envelope_definition=definition).envelope_id)


def test_a_draft_is_told_of_sent_later_and_a_discarded_one_is_never_sent(
    sdk: Sdk, recorder: Recorder
) -> None:
    sent = draft(sdk)
    sdk.envelopes.update(A1, sent, envelope=ds.Envelope(status="sent"))
    assert told(sdk, recorder, sent) == ["envelope-created", "recipient-sent", "envelope-sent"]
    gone = draft(sdk)
    sdk.act(gone, "discard", None)
    assert told(sdk, recorder, gone) == ["envelope-created", "envelope-discard"]


def test_every_action_is_told_as_it_is_called(sdk: Sdk, recorder: Recorder) -> None:
    envelope_id = sdk.send("ada", "ben", parallel=True)
    sdk.act(envelope_id, "finish-later")
    sdk.act(envelope_id, "reassign", name="Carla", email="carla@example.com", reason="on leave")
    sdk.act(envelope_id, "delegate", "2", name="Dan", email="dan@example.com")
    sdk.envelopes.update(A1, envelope_id, envelope=ds.Envelope(), resend_envelope="true")
    sdk.act(envelope_id, "remind", None)
    sdk.void(envelope_id)
    sdk.envelopes.update(A1, envelope_id, envelope=ds.Envelope(purge_state="documents_queued"))
    sdk.act(envelope_id, "delete", None)
    counted = Counter(told(sdk, recorder, envelope_id))
    assert counted.keys() >= {
        "recipient-finish-later",
        "recipient-reassign",
        "recipient-delegate",
        "envelope-resent",
        "recipient-resent",
        "envelope-reminder-sent",
        "envelope-voided",
        "envelope-purge",
        "envelope-deleted",
    }
    [moved] = [
        one for one in recorder.deliveries("ALL") if one.message["event"] == "recipient-reassign"
    ]
    assert moved.message["data"]["reassignedRecipientId"]


def test_a_correction_under_the_edit_lock_is_told_when_the_lock_is_removed(
    sdk: Sdk, recorder: Recorder
) -> None:
    envelope_id = sdk.send("ada")
    sdk.envelopes.create_lock(
        A1, envelope_id, lock_request=ds.LockRequest(lock_duration_in_seconds="300")
    )
    sdk.correct(envelope_id, "1", "ada.new@example.com")
    assert "envelope-corrected" not in told(sdk, recorder, envelope_id)
    sdk.envelopes.delete_lock(A1, envelope_id)
    assert "envelope-corrected" in told(sdk, recorder, envelope_id)


def test_time_reminds_and_expires_an_envelope_by_itself(sdk: Sdk, recorder: Recorder) -> None:
    timed = ds.Notification(
        use_account_defaults="false",
        reminders=ds.Reminders(reminder_enabled="true", reminder_delay="2", reminder_frequency="2"),
        expirations=ds.Expirations(expire_enabled="true", expire_after="5", expire_warn="1"),
    )
    envelope_id = sdk.send("ada", notification=timed)
    sdk.gateway.advance(days=6)
    sdk.gateway.wait_until(
        lambda: sdk.envelopes.get_envelope(A1, envelope_id).status == "voided",
        "the envelope did not expire",
    )
    counted = Counter(told(sdk, recorder, envelope_id))
    assert counted["envelope-reminder-sent"] == 2
    assert counted["envelope-voided"] == 1
    assert "xpired" in sdk.envelopes.get_envelope(A1, envelope_id).voided_reason


def test_envelopes_are_listed_by_field_status_and_page(sdk: Sdk) -> None:
    erp = [sdk.send("ada", fields={"Integration": "ERP"}) for _ in range(3)]
    crm = sdk.send("ada", fields={"Integration": "CRM = new"})
    sdk.void(erp[0])
    found = sdk.envelopes.list_status_changes(
        A1, from_date="2020-01-01", custom_field="Integration=ERP"
    )
    assert {one.envelope_id for one in found.envelopes} == set(erp)
    odd = sdk.envelopes.list_status_changes(
        A1, from_date="2020-01-01", custom_field="Integration=CRM = new"
    )
    assert [one.envelope_id for one in odd.envelopes] == [crm]
    voided = sdk.envelopes.list_status_changes(A1, from_date="2020-01-01", status="voided")
    assert [one.envelope_id for one in voided.envelopes] == [erp[0]]
    page = sdk.envelopes.list_status_changes(
        A1, from_date="2020-01-01", count="2", start_position="2", include="recipients"
    )
    assert (page.result_set_size, page.total_set_size, page.end_position) == ("2", "4", "3")
    assert page.envelopes[0].recipients.signers[0].email == "ada@example.com"
    by_id = sdk.envelopes.list_status_changes(A1, envelope_ids=",".join([crm, erp[1]]))
    assert {one.envelope_id for one in by_id.envelopes} == {crm, erp[1]}
    with pytest.raises(ds.ApiException) as unbounded:
        sdk.envelopes.list_status_changes(A1)
    assert b"from_date" in unbounded.value.body


def test_an_envelope_is_shown_with_what_is_asked_for(sdk: Sdk) -> None:
    envelope_id = Sdk(sdk.gateway, user=ALICE.email).send("ada", fields={"PO": "7781"})
    bare = sdk.envelopes.get_envelope(A1, envelope_id)
    assert (bare.status, bare.sender.email, bare.custom_fields) == ("sent", ALICE.email, None)
    full = sdk.envelopes.get_envelope(A1, envelope_id, include="custom_fields,recipients,documents")
    assert full.custom_fields.text_custom_fields[0].value == "7781"
    assert full.recipients.signers[0].status == "sent"
    assert [one.name for one in full.envelope_documents] == ["Agreement.pdf"]
    trail = sdk.envelopes.list_audit_events(A1, envelope_id)
    actions = [
        field.value
        for event in trail.audit_events
        for field in event.event_fields
        if field.name == "Action"
    ]
    assert actions[0] == "Registered"
    with pytest.raises(ds.ApiException) as unknown:
        sdk.envelopes.get_envelope(A1, A1)
    assert (unknown.value.status, b"ENVELOPE_DOES_NOT_EXIST" in unknown.value.body) == (404, True)


def test_documents_are_given_out_one_by_one_combined_and_with_a_certificate(sdk: Sdk) -> None:
    envelope_id = sdk.send("ada")
    sdk.sign_all(envelope_id)
    listed = sdk.envelopes.list_documents(A1, envelope_id)
    assert [one.document_id for one in listed.envelope_documents][:1] == ["1"]
    for document_id in ("1", "combined", "certificate"):
        answer = sdk.gateway.http.get(
            f"/restapi/v2.1/accounts/{A1}/envelopes/{envelope_id}/documents/{document_id}"
        )
        assert answer.content.startswith(b"%PDF")
        assert answer.headers["content-type"] == "application/pdf"


def test_a_template_is_used_by_its_id_and_told_of(sdk: Sdk, recorder: Recorder) -> None:
    templates = ds.TemplatesApi(sdk.client)
    made = templates.create_template(
        A1,
        envelope_template=ds.EnvelopeTemplate(
            name="Offer",
            email_subject="Your offer",
            documents=[ds.Document(document_base64=PDF, name="Offer.pdf", document_id="1")],
            recipients=ds.Recipients(
                signers=[ds.Signer(role_name="Buyer", recipient_id="1", routing_order="1")]
            ),
        ),
    )
    definition = ds.EnvelopeDefinition(
        status="sent",
        template_id=made.template_id,
        template_roles=[ds.TemplateRole(role_name="Buyer", name="Ben", email="ben@example.com")],
    )
    envelope_id = sdk.envelopes.create_envelope(A1, envelope_definition=definition).envelope_id
    shown = sdk.envelopes.get_envelope(A1, envelope_id, include="recipients")
    assert (shown.email_subject, shown.recipients.signers[0].email) == (
        "Your offer",
        "ben@example.com",
    )
    assert "template-created" in told(sdk, recorder)


def test_a_person_signs_on_the_page_that_the_recipient_view_gives(
    sdk: Sdk, recorder: Recorder
) -> None:
    envelope_id = sdk.send("ada")
    view = sdk.envelopes.create_recipient_view(
        A1,
        envelope_id,
        recipient_view_request=ds.RecipientViewRequest(
            return_url="http://localhost:3000/done?x=1",
            authentication_method="none",
            email="ada@example.com",
            user_name="Ada",
        ),
    )
    page = httpx.get(view.url)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    session = page.text.partition('name="session" value="')[2].partition('"')[0]
    signed = httpx.post(f"{sdk.gateway.url}/signing", data={"session": session, "verb": "sign"})
    assert signed.headers["location"] == "http://localhost:3000/done?x=1&event=signing_complete"
    assert told(sdk, recorder, envelope_id)[-2:] == ["recipient-completed", "envelope-completed"]
    forged = httpx.post(f"{sdk.gateway.url}/signing", data={"session": "x", "verb": "sign"})
    assert forged.status_code == 401
