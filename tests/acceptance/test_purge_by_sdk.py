"""Purging through the official SDK: documents wait in the queue, and are dropped by the clock."""

import io
from typing import Any

import docusign_esign as ds
import pytest
from pypdf import PdfReader
from tests.acceptance.cast import A1, account
from tests.acceptance.conftest import Launch
from tests.acceptance.recorder import Recorder
from tests.acceptance.sdk import Sdk


def completed(launch: Launch, *flags: str) -> tuple[Sdk, str]:
    """Start a server; return the SDK on it, and an envelope that everybody has signed."""
    gateway = launch(flags=("--offline", *flags))
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": []})
    sdk = Sdk(gateway)
    envelope_id = sdk.send("ada")
    sdk.sign_all(envelope_id)
    return sdk, envelope_id


def purge(sdk: Sdk, envelope_id: str, state: str) -> None:
    sdk.envelopes.update(A1, envelope_id, envelope=ds.Envelope(purge_state=state))


def state_of(sdk: Sdk, envelope_id: str) -> str:
    return str(sdk.envelopes.get_envelope(A1, envelope_id).purge_state)


def get(sdk: Sdk, envelope_id: str, document_id: str) -> Any:
    path = f"/restapi/v2.1/accounts/{A1}/envelopes/{envelope_id}/documents/{document_id}"
    return sdk.gateway.http.get(path)


def pages(sdk: Sdk, envelope_id: str, document_id: str) -> list[str]:
    """Return the text of each page of a PDF."""
    answer = get(sdk, envelope_id, document_id)
    assert answer.status_code == 200, answer.text
    return [page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages]


def test_documents_are_dropped_after_14_days_in_the_purge_queue(
    launch: Launch, recorder: Recorder
) -> None:
    sdk, envelope_id = completed(launch)
    sdk.configure(
        "PAPERS",
        recorder.url("PAPERS"),
        events=["envelope-purge", "envelope-deleted"],
        event_data={"version": "restv2.1", "includeData": ["documents"]},
        include_documents="true",
    )
    purge(sdk, envelope_id, "documents_queued")
    sdk.gateway.until_quiet()
    sdk.gateway.advance(days=13)
    sdk.gateway.until_quiet()
    assert state_of(sdk, envelope_id) == "documents_queued"
    assert get(sdk, envelope_id, "1").content.startswith(b"%PDF")

    sdk.gateway.advance(days=2)
    sdk.gateway.wait_until(
        lambda: state_of(sdk, envelope_id) == "documents_purged", "nothing was purged"
    )
    listed = sdk.envelopes.list_documents(A1, envelope_id).envelope_documents
    assert [one.name for one in listed][:1] == ["Agreement.pdf"]
    with pytest.raises(ds.ApiException) as gone:
        sdk.envelopes.get_document(A1, "1", envelope_id)
    assert (gone.value.status, b"The document was purged" in gone.value.body) == (404, True)
    first, *rest = pages(sdk, envelope_id, "combined")
    assert "Agreement.pdf was purged" in first
    assert rest == pages(sdk, envelope_id, "certificate")

    sdk.act(envelope_id, "delete", None)
    sdk.gateway.until_quiet()
    told = [
        (one.message["event"], summary["purgeState"], "PDFBytes" in summary["envelopeDocuments"][0])
        for one in recorder.deliveries("PAPERS")
        for summary in [one.message["data"]["envelopeSummary"]]
    ]
    assert told == [
        ("envelope-purge", "documents_queued", True),
        ("envelope-deleted", "documents_purged", False),
    ]
    with pytest.raises(ds.ApiException, match="purged already"):
        purge(sdk, envelope_id, "documents_queued")


def test_a_purge_that_is_taken_back_in_time_drops_nothing(launch: Launch) -> None:
    sdk, envelope_id = completed(launch, "--purge-days", "3")
    purge(sdk, envelope_id, "documents_and_metadata_queued")
    sdk.gateway.advance(days=2)
    purge(sdk, envelope_id, "documents_dequeued")
    other = sdk.send("ben")
    sdk.sign_all(other)
    purge(sdk, other, "documents_and_metadata_queued")
    sdk.gateway.advance(days=3, seconds=1)
    sdk.gateway.wait_until(
        lambda: state_of(sdk, other) == "documents_and_metadata_purged",
        "the other was not purged",
    )
    assert state_of(sdk, envelope_id) == "documents_dequeued"
    assert get(sdk, envelope_id, "1").content.startswith(b"%PDF")
    assert get(sdk, other, "1").status_code == 404
