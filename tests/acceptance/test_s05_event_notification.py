"""S5: what one envelope says of its own listener, beside the account's configuration."""

import json
from collections import Counter
from typing import Any

import docusign_esign as ds
import pytest
from tests.acceptance.cast import A1, U123, account
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder
from tests.acceptance.sdk import Sdk

from postroom.signature import verify_docusign


@pytest.fixture
def offline(launch: Launch) -> Gateway:
    gateway = launch(flags=("--offline",))
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": []})
    return gateway


def article(url: str, **changed: Any) -> dict[str, Any]:
    """The article's `eventNotification`, in the order and the spelling it has there."""
    said: dict[str, Any] = {
        "url": url,
        "requireAcknowledgment": "true",
        "loggingEnabled": "true",
        "envelopeEvents": [
            {"envelopeEventStatusCode": "Completed", "includeDocuments": "false"},
        ],
        "recipientEvents": [
            {"recipientEventStatusCode": code, "includeDocuments": "false"}
            for code in ("Declined", "AuthenticationFailed", "AutoResponded")
        ],
        "eventData": {
            "version": "restv2.1",
            "format": "json",
            "includeData": [
                "custom_fields",
                "extensions",
                "folders",
                "recipients",
                "powerform",
                "tabs",
                "payment_tabs",
            ],
        },
    }
    return {key: value for key, value in (said | changed).items() if value is not None}


def events(recorder: Recorder, listener: str) -> Counter[str]:
    return Counter(one.message["event"] for one in recorder.deliveries(listener))


def test_each_story_reaches_the_envelopes_own_listener_and_the_accounts(
    offline: Gateway, recorder: Recorder
) -> None:
    sdk = Sdk(offline)
    sdk.configure("C1", recorder.url("MAIN"), events=["envelope-completed"])
    own = article(recorder.url("APP2"))

    signed = sdk.send("ada", event_notification=own)
    sdk.sign_all(signed)
    declined = sdk.send("ada", event_notification=own)
    sdk.act(declined, "decline", reason="wrong price")
    locked = sdk.send("ada", event_notification=own)
    sdk.act(locked, "fail-authentication")
    sdk.correct(locked, "1", "ada.corrected@example.com")
    sdk.sign_all(locked)
    bounced = sdk.send("adda", event_notification=own)
    sdk.act(bounced, "bounce", reason="no such mailbox")
    sdk.correct(bounced, "1", "ada@example.com")
    sdk.sign_all(bounced)
    without = sdk.send("ada")
    sdk.sign_all(without)
    offline.until_quiet()

    assert events(recorder, "APP2") == {
        "envelope-completed": 3,
        "recipient-declined": 1,
        "recipient-authenticationfailed": 1,
        "recipient-autoresponded": 1,
    }
    assert events(recorder, "MAIN") == {"envelope-completed": 4}
    for one in recorder.deliveries("APP2"):
        summary = one.message["data"]["envelopeSummary"]
        assert {"customFields", "recipients", "folders"} <= summary.keys()
        assert "envelopeDocuments" not in summary
        assert one.message["configurationId"] > 0


def test_without_acknowledgement_and_logging_a_failure_leaves_no_trace_at_docusign(
    offline: Gateway, recorder: Recorder
) -> None:
    sdk = Sdk(offline)
    recorder.say("APP2", status=500)
    recorder.say("GATEWAY", status=500, times=1)
    offline.apply(
        {
            "accounts": [account(A1, "Acme Corp")],
            "listeners": [
                {
                    "name": "managed",
                    "account": A1,
                    "url": recorder.url("GATEWAY"),
                    "events": ["envelope-completed"],
                }
            ],
        }
    )
    silent = article(recorder.url("APP2"), requireAcknowledgment=None, loggingEnabled=None)
    sdk.sign_all(sdk.send("ada", event_notification=silent))
    offline.until_quiet()
    offline.advance(days=15)
    offline.until_quiet()

    assert len(recorder.received_by("APP2")) == 1
    assert sdk.connect.list_event_logs(A1).total_records == "0"
    assert sdk.connect.list_event_failure_logs(A1).total_records == "0"
    assert len(recorder.received_by("GATEWAY")) == 2, "the route of our own is retried"
    [delivery] = [one for one in offline.every("deliveries") if one["listener"] == "managed"]
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 2)


def test_the_same_url_on_both_channels_is_told_twice_and_a_gateway_there_delivers_once(
    offline: Gateway, recorder: Recorder, launch_once: Launch
) -> None:
    behind = launch_once()
    behind.apply(
        {
            "accounts": [account(A1, "Acme Corp")],
            "listeners": [{"name": "APP", "account": A1, "url": recorder.url("APP")}],
        }
    )
    door = f"{behind.url}/connect/{A1}"
    sdk = Sdk(offline)
    sdk.configure("C1", door, events=["envelope-completed"])
    own = article(door, recipientEvents=None, includeHMAC="true")
    sdk.sign_all(sdk.send("ada", event_notification=own))
    offline.until_quiet()
    behind.until_quiet()

    assert len(offline.every("deliveries", state="delivered")) == 2
    [kept] = behind.every("notifications")
    assert kept["repeats"] == 1
    assert events(recorder, "APP") == {"envelope-completed": 1}


def test_a_misspelt_key_is_ignored_as_the_service_would_and_warned_about(
    offline: Gateway, recorder: Recorder
) -> None:
    sdk = Sdk(offline)
    recorder.say("APP2", status=500)
    wrong = article(recorder.url("APP2"), requireAcknowledgment=None, requireAcknowledgement="true")
    sdk.sign_all(sdk.send("ada", event_notification=wrong))
    offline.until_quiet()
    offline.advance(days=1)
    offline.until_quiet()
    assert len(recorder.received_by("APP2")) == 1, "a key that is not read acknowledges nothing"
    offline.wait_until(
        lambda: any("requireAcknowledgement" in line for line in offline.log),
        "the misspelt key was not warned about",
    )


def test_only_an_administrators_notification_may_carry_the_accounts_token(
    offline: Gateway, recorder: Recorder
) -> None:
    own = article(recorder.url("APP2"), includeOAuth="true")
    with pytest.raises(ds.ApiException) as refused:
        Sdk(offline, user=U123.email).send("ada", event_notification=own)
    assert (refused.value.status, b"USER_LACKS_PERMISSIONS" in refused.value.body) == (403, True)
    assert offline.every("listeners") == []
    Sdk(offline).send("ada", event_notification=own)
    assert len(offline.every("listeners")) == 1


def test_different_notifications_are_bounded_and_a_refused_envelope_leaves_none(
    launch: Launch, recorder: Recorder
) -> None:
    gateway = launch(flags=("--offline", "--connect-max-event-notifications", "1"))
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": []})
    sdk = Sdk(gateway)
    with pytest.raises(ds.ApiException):
        sdk.send("ada", event_notification=article(recorder.url("A")), email_blurb="x" * 20_000)
    assert gateway.every("listeners") == []
    for _ in range(2):
        sdk.send("ada", event_notification=article(recorder.url("A")))
    with pytest.raises(ds.ApiException) as full:
        sdk.send("ada", event_notification=article(recorder.url("B")))
    assert b"as many as it may have" in full.value.body


def test_the_articles_envelope_word_for_word_is_sent_and_told_as_it_says(
    offline: Gateway,
) -> None:
    """Its body names no recipient and no document: offline, one of each is put in."""
    body = {
        "emailSubject": "Please sign the attached document",
        "status": "sent",
        "eventNotification": article("https://apps.example.com/app2/webhook-listener"),
    }
    answer = offline.http.post(
        f"/restapi/v2.1/accounts/{A1}/envelopes", content=json.dumps(body).encode()
    )
    assert answer.status_code == 201, answer.text
    assert list(answer.json()) == ["envelopeId", "uri", "statusDateTime", "status"]
    assert answer.json()["status"] == "sent"
    Sdk(offline).sign_all(answer.json()["envelopeId"])
    offline.wait_until(lambda: bool(offline.every("deliveries")), "nothing was owed")
    [owed] = offline.every("deliveries")
    assert owed["event"] == "envelope-completed"
    [listener] = offline.every("listeners")
    assert listener["url"] == "https://apps.example.com/app2/webhook-listener"
    assert listener["include"] is not None


def test_what_is_told_is_signed_with_the_accounts_keys_where_hmac_is_on(
    offline: Gateway, recorder: Recorder
) -> None:
    sdk = Sdk(offline)
    sdk.configure("signed", recorder.url("SIGNED"), events=["envelope-sent"])
    sdk.configure("bare", recorder.url("BARE"), events=["envelope-sent"], include_hmac="false")
    sdk.send("ada")
    offline.until_quiet()
    [signed], [bare] = recorder.deliveries("SIGNED"), recorder.deliveries("BARE")
    [key] = [one["text"] for one in account(A1, "")["keys"]]
    assert verify_docusign([key], [signed.headers["x-docusign-signature-1"]], signed.body) == 0
    assert signed.headers["x-authorization-digest"] == "HMACSHA256"
    assert not any(name.startswith("x-docusign-signature") for name in bare.headers)
    assert isinstance(sdk.connect.list_configurations(A1), ds.ConnectConfigResults)
