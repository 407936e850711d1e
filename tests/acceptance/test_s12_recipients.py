"""S12: declined, autoresponded and locked-out recipients, from the envelope's creation on."""

from collections import Counter
from typing import Any

import pytest
from tests.acceptance.cast import A1, account
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder
from tests.acceptance.sdk import Sdk

RECIPIENT_EVENTS = [
    "recipient-declined",
    "recipient-autoresponded",
    "recipient-authenticationfailed",
]


@pytest.fixture
def offline(launch: Launch, recorder: Recorder) -> Gateway:
    gateway = launch(flags=("--offline",))
    listeners: list[dict[str, Any]] = [
        {
            "name": "HELP",
            "account": A1,
            "url": recorder.url("HELP"),
            "events": ["recipient-authenticationfailed"],
            "filter": {"customFields.Region": "EU"},
        }
    ]
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": listeners})
    return gateway


def test_each_story_reaches_who_asked_for_it(offline: Gateway, recorder: Recorder) -> None:
    sdk = Sdk(offline)
    sdk.configure("COMP", recorder.url("COMP"), events=RECIPIENT_EVENTS)
    sdk.configure(
        "SALES", recorder.url("SALES"), events=["envelope-completed", "envelope-declined"]
    )
    for region in ("EU", "US"):
        locked = sdk.send("ada", fields={"Region": region})
        sdk.act(locked, "fail-authentication")
        sdk.correct(locked, "1", "ada.corrected@example.com")
        sdk.sign_all(locked)
    bounced = sdk.send("adda")
    sdk.act(bounced, "bounce", reason="550 no such user")
    sdk.correct(bounced, "1", "ada@example.com")
    sdk.sign_all(bounced)
    declined = sdk.send("ada", "ben")
    sdk.sign_all(declined)
    sdk.act(declined, "decline", "2", reason="wrong price")
    voided = sdk.send("adda", fields={"Region": "EU"})
    sdk.act(voided, "bounce", reason="550 no such user")
    sdk.void(voided)
    offline.until_quiet()

    assert recorder.totals() == {"COMP": 5, "SALES": 4, "HELP": 1}
    assert Counter(one.message["event"] for one in recorder.deliveries("COMP")) == {
        "recipient-authenticationfailed": 2,
        "recipient-autoresponded": 2,
        "recipient-declined": 1,
    }
    for one in recorder.deliveries("COMP"):
        inner = one.message["data"]
        told = next(
            signer
            for signer in inner["envelopeSummary"]["recipients"]["signers"]
            if signer["recipientId"] == inner["recipientId"]
        )
        assert told["name"]
        if one.message["event"] == "recipient-declined":
            assert (inner["recipientId"], told["declinedReason"]) == ("2", "wrong price")


def test_an_event_of_recipients_that_nobody_knows_is_taken_as_any_other(
    offline: Gateway, recorder: Recorder
) -> None:
    offline.apply(
        {
            "accounts": [account(A1, "Acme Corp")],
            "listeners": [{"name": "ALL", "account": A1, "url": recorder.url("ALL")}],
        }
    )
    sdk = Sdk(offline)
    envelope_id = sdk.send("ada")
    body = (
        b'{"event":"recipient-waved","apiVersion":"v2.1","data":{"accountId":"%b",'
        b'"userId":"%b","envelopeId":"%b","recipientId":"1"}}'
        % (A1.encode(), A1.encode(), envelope_id.encode())
    )
    assert offline.post(body) == 200
    offline.until_quiet()
    assert "recipient-waved" in {one.message["event"] for one in recorder.deliveries("ALL")}
