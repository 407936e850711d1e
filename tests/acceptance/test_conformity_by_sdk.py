"""Where an integration would notice that this is not the service: small facts, by the SDK."""

from typing import Any

import docusign_esign as ds
import pytest
from tests.acceptance.cast import A1, account
from tests.acceptance.conftest import Launch
from tests.acceptance.recorder import Recorder
from tests.acceptance.sdk import PDF, Sdk

EVERYTHING = "2020-01-01"


@pytest.fixture(scope="module")
def sdk(launch_once: Launch) -> Sdk:
    """Return the SDK at a server that the cases share: each looks for its own signers only."""
    gateway = launch_once(flags=("--offline",))
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": []})
    return Sdk(gateway)


def draft(sdk: Sdk, signer: str = "ada", **more: Any) -> str:
    """Create a draft with one document and one signer, unless `more` says otherwise."""
    said: dict[str, Any] = {
        "status": "created",
        "email_subject": "A draft",
        "documents": [ds.Document(document_base64=PDF, name="A.pdf", document_id="1")],
        "recipients": ds.Recipients(
            signers=[ds.Signer(email=f"{signer}@example.com", name=signer, recipient_id="1")]
        ),
    }
    made = sdk.envelopes.create_envelope(
        A1, envelope_definition=ds.EnvelopeDefinition(**(said | more))
    )
    return str(made.envelope_id)


def listed(sdk: Sdk, signer: str, **asked: str) -> list[str]:
    asked = {"from_date": EVERYTHING, "search_text": f"{signer}@example.com"} | asked
    found = sdk.envelopes.list_status_changes(A1, **asked)
    return [one.envelope_id for one in found.envelopes or []]


def code(refused: pytest.ExceptionInfo[ds.ApiException]) -> tuple[int, str]:
    return refused.value.status, refused.value.body.decode().split('"')[3]


# --- lists ------------------------------------------------------------------------------------


def test_a_list_begins_with_the_oldest_change_unless_asked_otherwise(sdk: Sdk) -> None:
    first, second = sdk.send("olga"), sdk.send("olga")
    sdk.void(first)
    assert listed(sdk, "olga") == [second, first]
    assert listed(sdk, "olga", order="desc") == [first, second]
    assert listed(sdk, "olga", order_by="created") == [first, second]
    with pytest.raises(ds.ApiException) as sideways:
        listed(sdk, "olga", order="sideways")
    assert code(sideways) == (400, "INVALID_REQUEST_PARAMETER")


def test_drafts_are_listed_only_where_they_are_asked_for(sdk: Sdk) -> None:
    kept, sent = draft(sdk, "dora"), sdk.send("dora")
    assert listed(sdk, "dora") == [sent]
    assert listed(sdk, "dora", status="any") == [sent]
    assert listed(sdk, "dora", status="created") == [kept]
    assert listed(sdk, "dora", folder_ids="draft") == [kept]
    assert listed(sdk, "dora", envelope_ids=f"{kept},{sent}") == [kept, sent]
    assert listed(sdk, "dora", from_to_status="created") == [kept, sent]


def test_a_custom_field_without_a_value_lists_nothing_but_an_error(sdk: Sdk) -> None:
    sdk.send("ada", fields={"Integration": "ERP"})
    for wrong in ("Integration", "=ERP"):
        with pytest.raises(ds.ApiException) as refused:
            listed(sdk, "ada", custom_field=wrong)
        assert code(refused) == (400, "INVALID_REQUEST_PARAMETER")


def test_a_date_may_be_written_as_americans_do(sdk: Sdk) -> None:
    sent = sdk.send("amy")
    assert listed(sdk, "amy", from_date="01/31/2020") == [sent]
    assert listed(sdk, "amy", from_date="12/31/2099") == []
    with pytest.raises(ds.ApiException) as refused:
        listed(sdk, "amy", from_date="31/12/2019")
    assert code(refused) == (400, "INVALID_REQUEST_PARAMETER")


# --- sending and correcting -------------------------------------------------------------------


def test_a_draft_is_sent_only_with_a_subject_and_an_address_for_everybody(sdk: Sdk) -> None:
    nobody = ds.Recipients(signers=[ds.Signer(name="Ada", recipient_id="1")])
    for without, expected in (
        ({"email_subject": ""}, "ENVELOPE_IS_INCOMPLETE"),
        ({"recipients": nobody}, "INVALID_EMAIL_ADDRESS_FOR_RECIPIENT"),
    ):
        kept = draft(sdk, **without)
        with pytest.raises(ds.ApiException) as refused:
            sdk.envelopes.update(A1, kept, envelope=ds.Envelope(status="sent"))
        assert code(refused) == (400, expected)
        assert sdk.envelopes.get_envelope(A1, kept).status == "created"


def test_a_recipient_without_an_address_is_not_added_to_an_envelope_under_way(sdk: Sdk) -> None:
    sent = sdk.send("ada")
    late = ds.Recipients(
        signers=[
            ds.Signer(name="Nobody", recipient_id="2"),
            ds.Signer(name="Bob", email="bob@example.com", recipient_id="3"),
        ]
    )
    results = sdk.envelopes.update_recipients(A1, sent, recipients=late).recipient_update_results
    faults = [one.error_details.error_code if one.error_details else None for one in results]
    assert faults == ["INVALID_EMAIL_ADDRESS_FOR_RECIPIENT", None]
    now = sdk.envelopes.list_recipients(A1, sent)
    assert [one.recipient_id for one in now.signers] == ["1", "3"]


def test_a_kind_of_recipient_that_is_not_served_is_refused_rather_than_lost(sdk: Sdk) -> None:
    with pytest.raises(ds.ApiException) as refused:
        draft(sdk, recipients=ds.Recipients(participants=[ds.Participant(recipient_id="1")]))
    assert code(refused) == (400, "INVALID_REQUEST_PARAMETER")
    assert b"participants" in refused.value.body


def test_a_draft_whose_status_is_set_to_deleted_is_discarded(sdk: Sdk, recorder: Recorder) -> None:
    sdk.configure("ALL", recorder.url("ALL"), events=["envelope-discard", "envelope-deleted"])
    sdk.envelopes.update(A1, draft(sdk), envelope=ds.Envelope(status="deleted"))
    sdk.gateway.until_quiet()
    assert [one.message["event"] for one in recorder.deliveries("ALL")] == ["envelope-discard"]


def test_who_signs_embedded_is_found_only_by_its_client_user_id(sdk: Sdk) -> None:
    signer = ds.Signer(
        email="ada@example.com", name="Ada", recipient_id="1", client_user_id="crm-77"
    )
    sent = draft(sdk, status="sent", recipients=ds.Recipients(signers=[signer]))
    wanted = {"user_name": "Ada", "email": "ada@example.com", "return_url": "https://example.com/"}
    for wrong in ({}, {"client_user_id": "crm-78"}, {"recipient_id": "1"}):
        with pytest.raises(ds.ApiException) as refused:
            sdk.envelopes.create_recipient_view(
                A1, sent, recipient_view_request=ds.RecipientViewRequest(**wanted, **wrong)
            )
        assert code(refused) == (400, "UNKNOWN_ENVELOPE_RECIPIENT")
    view = sdk.envelopes.create_recipient_view(
        A1, sent, recipient_view_request=ds.RecipientViewRequest(**wanted, client_user_id="crm-77")
    )
    assert "/signing/" in view.url


# --- documents --------------------------------------------------------------------------------


def test_documents_that_are_added_one_by_one_stand_in_that_order(sdk: Sdk) -> None:
    kept = draft(sdk)
    more = ds.EnvelopeDefinition(
        documents=[
            ds.Document(document_base64=PDF, name=f"{name}.pdf", document_id=number)
            for number, name in (("2", "B"), ("3", "C"))
        ]
    )
    sdk.envelopes.update_documents(A1, kept, envelope_definition=more)
    shown = sdk.envelopes.list_documents(A1, kept).envelope_documents
    assert [(one.document_id, one.order) for one in shown] == [("1", "1"), ("2", "2"), ("3", "3")]


def test_a_pdf_can_be_put_into_a_draft_as_it_is(sdk: Sdk) -> None:
    kept, page = draft(sdk), "%PDF-1.4 of another page"
    put = sdk.envelopes.update_document(A1, "2", kept, page)
    assert (put.document_id, put.order) == ("2", "2")
    path = f"/restapi/v2.1/accounts/{A1}/envelopes/{kept}/documents/2"
    assert sdk.gateway.http.get(path).text == page
    with pytest.raises(ds.ApiException) as refused:
        sdk.envelopes.update_document(A1, "2", kept, "no page at all")
    assert code(refused) == (400, "PDF_VALIDATION_FAILED")


# --- the log ----------------------------------------------------------------------------------


def test_a_log_entry_names_a_failure_only_where_there_is_one_to_find(
    sdk: Sdk, recorder: Recorder
) -> None:
    said = {"events": ["envelope-sent"], "enable_log": "true"}
    for name, acknowledges in (("KEPT", "true"), ("LOST", "false")):
        recorder.say(name, status=500)
        sdk.configure(name, recorder.url(name), requires_acknowledgement=acknowledges, **said)
    sdk.send("ada")
    sdk.gateway.until_quiet()
    entries = {one.config_url: one for one in sdk.connect.list_event_logs(A1).logs}
    kept, lost = entries[recorder.url("KEPT")], entries[recorder.url("LOST")]
    [failure] = sdk.connect.list_event_failure_logs(A1).failures
    assert (kept.failure_id, lost.failure_id) == (failure.failure_id, None)
    assert lost.error == kept.error != ""
    shown = sdk.connect.get_event_log(A1, lost.log_id, additional_info="true")
    assert [one.connect_config for one in shown.connect_debug_log] == ["LOST"]
