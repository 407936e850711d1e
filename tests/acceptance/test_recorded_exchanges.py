"""Recorded requests, sent again as they were: the answers have the shape of those recorded.

What the answers about envelopes and people look like in full is compared in tests/golden.
"""

import json
from typing import Any

import pytest
from tests.acceptance.cast import A1, account
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.sdk import Sdk
from tests.golden.shapes import RECORDED, differences, recorded


@pytest.fixture(scope="module")
def offline(launch_once: Launch) -> Gateway:
    gateway = launch_once(flags=("--offline",))
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": []})
    return gateway


def send_again(gateway: Gateway, exchange: Any, tail: str, **changed: Any) -> Any:
    """Send a recorded request to our account; return the answer decoded, "" where it is empty."""
    said = exchange["request"].get("data")
    answer = gateway.http.request(
        exchange["method"],
        f"/restapi/v2.1/accounts/{A1}/{tail}",
        json=said | changed if said else None,
        params=exchange["request"].get("params"),
    )
    assert answer.is_success, answer.text
    return answer.json() if answer.content else ""


def test_configurations_are_created_listed_changed_and_deleted_as_recorded(
    offline: Gateway,
) -> None:
    created = recorded("create-connect-configuration.json")[0]
    made = send_again(offline, created, "connect")
    assert list(differences(created["response"], made)) == []

    updated = recorded("update-connect-configuration.json")[0]
    changed = send_again(offline, updated, "connect", connectId=made["connectId"])
    assert list(differences(updated["response"], changed)) == []

    listed = recorded("list-connect-configurations.json")[0]
    assert list(differences(listed["response"], send_again(offline, listed, "connect"))) == []

    deleted = recorded("delete-connect-configuration.json")[0]
    gone = send_again(offline, deleted, f"connect/{made['connectId']}")
    assert gone == deleted["response"] == ""


def test_an_envelope_is_created_and_voided_as_recorded(offline: Gateway) -> None:
    created = recorded("create-envelope.json")[0]
    made = send_again(offline, created, "envelopes")
    assert list(differences(created["response"], made)) == []
    envelope = f"envelopes/{made['envelopeId']}"

    shown = recorded("get-envelope.json")[0]
    drafted = send_again(offline, shown, envelope)
    drafted.pop("emailBlurb")  # this envelope has one, the recorded one had none
    assert list(differences(shown["response"], drafted)) == []

    corrected = recorded("update-envelope-recipients.json")
    for exchange in corrected:
        answer = send_again(offline, exchange, f"{envelope}/recipients")
        assert list(differences(exchange["response"], answer)) == []

    for name, tail in (
        ("list-envelope-documents.json", "documents"),
        ("get-envelope-audit-events.json", "audit_events"),
    ):
        exchange = recorded(name)[0]
        answer = send_again(offline, exchange, f"{envelope}/{tail}")
        if tail == "audit_events":
            answer["auditEvents"] = answer["auditEvents"][:1]  # and one for the correction
        assert list(differences(exchange["response"], answer)) == []

    offline.http.put(f"/restapi/v2.1/accounts/{A1}/{envelope}", json={"status": "sent"})
    voided = recorded("void-envelope.json")[0]
    assert list(differences(voided["response"], send_again(offline, voided, envelope))) == []


def test_the_articles_json_is_accepted_word_for_word(offline: Gateway) -> None:
    path = RECORDED / "article-event-notification.json"
    if not path.is_file():
        pytest.skip("THE ARTICLE'S JSON WAS NOT SENT: shared/samples is not beside the checkout")
    answer = offline.http.post(f"/restapi/v2.1/accounts/{A1}/envelopes", content=path.read_bytes())
    assert answer.status_code == 201, answer.text
    envelope_id = answer.json()["envelopeId"]
    Sdk(offline).sign_all(envelope_id)
    offline.wait_until(
        lambda: bool(offline.every("deliveries", envelope=envelope_id)), "nothing was owed"
    )
    [owed] = offline.every("deliveries", envelope=envelope_id)
    assert owed["event"] == "envelope-completed"
    said = json.loads(path.read_text())["eventNotification"]
    [listener] = [one for one in offline.every("listeners") if one["scope"] == "envelope"]
    assert (listener["url"], listener["acknowledgement"]) == (said["url"], True)
