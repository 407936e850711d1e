"""Connect configurations, logs, failures and the retry queue, through the official SDK."""

import base64
from typing import Any

import docusign_esign as ds
import pytest
from tests.acceptance.cast import A1, A2, ALICE, KA1, U123, account, docusign_signature
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder
from tests.acceptance.sdk import Sdk

MINIMAL = {
    "name": "Minimal",
    "urlToPublishTo": "https://example.com/hook?tenant=1",
    "allUsers": True,
    "allowEnvelopePublish": True,
    "configurationType": "custom",
    "envelopeEvents": ["sent", "Completed"],
    "recipientEvents": ["Sent"],
}
DEFAULTS = {
    "deliveryMode": "",
    "enableLog": "false",
    "requiresAcknowledgement": "true",
    "includeHMAC": "false",
    "allUsersExcept": "false",
    "pausePublish": "false",
    "eventData": {"version": "", "includeData": []},
}


@pytest.fixture
def offline(launch: Launch) -> Gateway:
    gateway = launch(flags=("--offline",))
    gateway.apply({"accounts": [account(A1, "Acme Corp"), account(A2, "Acme UK")], "listeners": []})
    return gateway


@pytest.fixture
def sdk(offline: Gateway) -> Sdk:
    return Sdk(offline)


def raw(sdk: Sdk, method: str, path: str, **more: Any) -> Any:
    return sdk.gateway.http.request(method, f"/restapi/v2.1/accounts/{A1}/{path}", **more)


def test_a_minimal_configuration_is_answered_with_every_default(sdk: Sdk) -> None:
    answer = raw(sdk, "POST", "connect", json=MINIMAL)
    assert answer.status_code == 201
    made = answer.json()
    assert made.items() >= DEFAULTS.items()
    assert made["envelopeEvents"] == MINIMAL["envelopeEvents"], "echoed as given"
    assert (made["allUsers"], made["connectId"].isdigit()) == ("true", True)
    assert answer.headers["location"].endswith(f"/connect/{made['connectId']}")
    assert answer.headers["x-docusign-tracetoken"]


def test_a_configuration_is_listed_changed_and_deleted(sdk: Sdk) -> None:
    made = sdk.configure("One", "https://example.com/one", events=["envelope-sent"])
    listed = sdk.connect.list_configurations(A1)
    assert (listed.total_records, listed.configurations[0].name) == ("1", "One")
    changed = sdk.connect.update_configuration(
        A1,
        connect_custom_configuration=ds.ConnectCustomConfiguration(
            connect_id=made.connect_id, name="Two"
        ),
    )
    assert (changed.name, changed.url_to_publish_to) == ("Two", "https://example.com/one")
    one = sdk.connect.get_configuration(A1, made.connect_id)
    assert [each["name"] for each in one.to_dict()["configurations"]] == ["Two"]
    answer = raw(sdk, "DELETE", f"connect/{made.connect_id}", json={})
    assert (answer.status_code, answer.content) == (200, b"")
    assert sdk.connect.list_configurations(A1).total_records == "0"
    with pytest.raises(ds.ApiException) as gone:
        sdk.connect.delete_configuration(A1, made.connect_id)
    assert gone.value.status == 404


def test_https_is_required_and_twenty_are_enough(sdk: Sdk) -> None:
    with pytest.raises(ds.ApiException) as refused:
        sdk.configure("Bare", "http://example.com/hook")
    assert refused.value.status == 400
    assert b"HTTPS_REQUIRED_FOR_CONNECT_LISTENER" in refused.value.body
    for number in range(20):
        sdk.configure(f"No {number}", f"https://example.com/{number}")
    with pytest.raises(ds.ApiException) as full:
        sdk.configure("One too many", "https://example.com/21")
    assert full.value.status == 400
    assert Sdk(sdk.gateway, account=A2).connect.list_configurations(A2).total_records == "0"


def test_a_configuration_is_off_until_it_publishes_and_paused_ones_catch_up(
    sdk: Sdk, recorder: Recorder
) -> None:
    off = sdk.configure(
        "Off", recorder.url("OFF"), events=["envelope-sent"], allow_envelope_publish="false"
    )
    held = sdk.configure(
        "Held", recorder.url("HELD"), events=["envelope-sent"], pause_publish="true"
    )
    sdk.send("ada")
    sdk.gateway.until_idle()
    assert recorder.totals() == {}
    for one, change in (
        (off, {"allow_envelope_publish": "true"}),
        (held, {"pause_publish": "false"}),
    ):
        sdk.connect.update_configuration(
            A1,
            connect_custom_configuration=ds.ConnectCustomConfiguration(
                connect_id=one.connect_id, **change
            ),
        )
    sdk.send("ada")
    sdk.gateway.until_quiet()
    assert recorder.totals() == {"OFF": 1, "HELD": 2}


def test_whom_a_configuration_is_about_can_be_looked_up(sdk: Sdk) -> None:
    made = sdk.configure(
        "Some", "https://example.com/some", all_users="false", user_ids=[U123.user_id]
    )
    about = sdk.connect.list_users(A1, made.connect_id)
    assert about.all_users_selected == "false"
    assert [user.user_id for user in about.users] == [U123.user_id]
    everybody = sdk.connect.get_connect_all_users(A1, made.connect_id)
    included = {user.user_id: user.is_included for user in everybody.users}
    assert (included[U123.user_id], included[ALICE.user_id]) == ("true", "false")


def test_the_log_shows_each_delivery_of_a_logged_configuration_with_its_attempts(
    sdk: Sdk, recorder: Recorder
) -> None:
    recorder.say("LOGGED", status=500, times=1)
    sdk.configure("Logged", recorder.url("LOGGED"), events=["envelope-sent"])
    sdk.configure("Silent", recorder.url("SILENT"), events=["envelope-sent"], enable_log="false")
    envelope_id = sdk.send("ada")
    sdk.gateway.until_quiet()
    failed = sdk.connect.list_event_failure_logs(A1)
    [failure] = failed.failures
    assert (failure.envelope_id, failure.retry_count) == (envelope_id, "0")
    assert "500" in failure.error

    sdk.gateway.advance(minutes=6)
    sdk.gateway.until_quiet()
    [entry] = sdk.connect.list_event_logs(A1).logs
    assert (entry.status, entry.retry_count, entry.subject) == (
        "Sent",
        "1",
        "Please sign the attached document",
    )
    shown = sdk.connect.get_event_log(A1, entry.log_id, additional_info="true")
    assert len(shown.connect_debug_log) == 2
    assert sdk.connect.list_event_failure_logs(A1).total_records == "0"
    sdk.connect.delete_event_log(A1, entry.log_id)
    assert sdk.connect.list_event_logs(A1).total_records == "0"
    assert len(sdk.gateway.every("deliveries")) == 2, "our own list keeps everything"


def test_the_retry_queue_publishes_at_once_what_failed(sdk: Sdk, recorder: Recorder) -> None:
    recorder.say("FLAKY", status=503, times=1)
    sdk.configure("Flaky", recorder.url("FLAKY"), events=["envelope-sent"])
    envelope_id = sdk.send("ada")
    sdk.gateway.until_quiet()
    assert recorder.totals() == {}
    queued = sdk.connect.retry_event_for_envelope(A1, envelope_id)
    [one] = queued.retry_queue
    assert (one.envelope_id, one.config_url) == (envelope_id, recorder.url("FLAKY"))
    sdk.gateway.until_quiet()
    assert recorder.totals() == {"FLAKY": 1}
    again = sdk.connect.retry_event_for_envelopes(
        A1,
        connect_failure_filter=ds.ConnectFailureFilter(
            envelope_ids=[envelope_id], synchronous="false"
        ),
    )
    assert again.retry_queue == []


def test_a_configuration_that_fails_for_two_weeks_is_switched_off(
    sdk: Sdk, recorder: Recorder
) -> None:
    recorder.say("DEAD", status=500)
    made = sdk.configure("Dead", recorder.url("DEAD"), events=["envelope-sent"])
    for _ in range(5):
        sdk.send("ada")
    sdk.gateway.until_quiet()
    sdk.gateway.advance(days=4)
    sdk.gateway.wait_until(
        lambda: any("Pending Deactivation" in line for line in sdk.gateway.log),
        "nobody was warned",
    )
    assert sdk.connect.list_configurations(A1).configurations[0].disabled_by is None
    for _ in range(4):
        sdk.gateway.advance(days=3)
        sdk.gateway.until_quiet()
    sdk.gateway.wait_until(
        lambda: sdk.connect.list_configurations(A1).configurations[0].disabled_by == "system",
        "it was not switched off",
    )
    [off] = sdk.connect.list_configurations(A1).configurations
    assert (off.connect_id, off.allow_envelope_publish) == (made.connect_id, "false")
    recorder.heal("DEAD")
    on = ds.ConnectCustomConfiguration(connect_id=made.connect_id, allow_envelope_publish="true")
    sdk.connect.update_configuration(A1, connect_custom_configuration=on)
    before = len(recorder.deliveries("DEAD"))
    sdk.send("ada")
    sdk.gateway.until_quiet()
    assert len(recorder.deliveries("DEAD")) > before


def test_messages_carry_what_the_configuration_includes(sdk: Sdk, recorder: Recorder) -> None:
    sdk.configure(
        "Full",
        recorder.url("FULL"),
        events=["envelope-completed", "envelope-voided"],
        event_data={
            "version": "restv2.1",
            "includeData": ["custom_fields", "recipients", "tabs", "documents", "folders"],
        },
        include_certificate_of_completion="true",
        include_sender_accountas_custom_field="true",
        include_envelope_void_reason="true",
    )
    sdk.configure(
        "Least",
        recorder.url("LEAST"),
        events=["envelope-voided"],
        event_data={"version": "restv2.1", "includeData": ["custom_fields"]},
    )
    sdk.sign_all(sdk.send("ada", fields={"Integration": "ERP"}))
    sdk.void(sdk.send("ada"), "ordered twice")
    sdk.gateway.until_quiet()
    completed, voided = sorted(recorder.deliveries("FULL"), key=lambda one: one.message["event"])
    summary = completed.message["data"]["envelopeSummary"]
    papers = {one["documentId"]: one for one in summary["envelopeDocuments"]}
    assert papers.keys() == {"1", "certificate"}
    assert all(base64.b64decode(one["PDFBytes"]).startswith(b"%PDF") for one in papers.values())
    names = [one["name"] for one in summary["customFields"]["textCustomFields"]]
    assert names == ["Integration", "AccountId", "AccountName", "AccountSite"]
    assert voided.message["data"]["envelopeSummary"]["voidedReason"] == "ordered twice"
    [least] = recorder.deliveries("LEAST")
    assert "voidedReason" not in least.message["data"]["envelopeSummary"]
    signed = completed.headers["x-docusign-signature-1"]
    assert signed == docusign_signature(KA1, completed.body)


def test_an_aggregate_configuration_hears_of_the_final_signature_once(
    sdk: Sdk, recorder: Recorder
) -> None:
    both: dict[str, Any] = {
        "envelope_events": ["Completed"],
        "recipient_events": ["Completed"],
        "delivery_mode": "Aggregate",
    }
    data = {"version": "restv2.1", "includeData": ["recipients"]}
    sdk.configure("JSON", recorder.url("JSON"), event_data=data, **both)
    sdk.configure(
        "XML",
        recorder.url("XML"),
        event_data={"version": "legacy"},
        **both,
    )
    sdk.sign_all(sdk.send("ada"))
    sdk.gateway.until_quiet()
    [aggregate] = recorder.deliveries("JSON")
    assert aggregate.message["status"] == "completed"
    assert "event" not in aggregate.message
    [legacy] = recorder.deliveries("XML")
    assert legacy.headers["content-type"].startswith("text/xml")
    assert b"<Status>Completed</Status>" in legacy.body


def test_a_historical_publish_tells_what_is_now_to_the_listener_given_alone(
    sdk: Sdk, recorder: Recorder
) -> None:
    sdk.configure("Live", recorder.url("LIVE"), events=["envelope-completed"])
    envelope_id = sdk.send("ada")
    sdk.sign_all(envelope_id)
    sdk.gateway.until_quiet()
    answer = raw(
        sdk,
        "POST",
        "connect/envelopes/publish/historical",
        json={
            "envelopes": [envelope_id],
            "config": {
                "name": "past",
                "urlToPublishTo": recorder.url("PAST"),
                "IncludeHMAC": "true",
                "deliveryMode": "SIM",
                "events": ["envelope-completed"],
                "eventData": {"version": "restv2.1", "includedata": ["custom_fields"]},
            },
        },
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["envelopeCount"] == "1"
    sdk.gateway.until_quiet()
    assert recorder.totals() == {"LIVE": 1, "PAST": 1}
    [past] = recorder.deliveries("PAST")
    assert past.message["event"] == "envelope-completed"


def test_secrets_are_made_shown_once_and_taken_out_of_use(sdk: Sdk, recorder: Recorder) -> None:
    made = raw(sdk, "POST", "connect/secret", json={})
    assert made.status_code == 201
    sdk.configure("Signed", recorder.url("SIGNED"), events=["envelope-sent"])
    sdk.send("ada")
    sdk.gateway.until_quiet()
    [one] = recorder.deliveries("SIGNED")
    assert {"x-docusign-signature-1", "x-docusign-signature-2"} <= one.headers.keys()
    texts = [value for value in made.json().values() if isinstance(value, str)]
    assert one.headers["x-docusign-signature-2"] in {
        docusign_signature(text, one.body) for text in texts
    }
    listed = raw(sdk, "GET", "connect/secret").text
    assert not any(text in listed for text in (*texts, KA1) if len(text) > 20)
    assert raw(sdk, "DELETE", "connect/secret/2").status_code == 200
