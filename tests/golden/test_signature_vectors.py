"""Signatures that others have published, and captured messages as the intake reads them."""

import json
from pathlib import Path

import pytest

from postroom import signature
from postroom.intake.authenticate import Accepted, Door, authenticate
from postroom.intake.normalise import normalise
from postroom.model import Secret

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "connect-json"
KEY = "a test key, used as text="
EARLY_2027 = 1_800_000_000_000_000


def test_the_public_docusign_vector() -> None:
    body = (
        b'{"event":"envelope-sent","apiVersion":"v2.1","data":{"envelopeId":"11111111-2222-3333-'
        b'4444-555555555555","status":"sent","emailSubject":"Please sign this document","userId":'
        b'"99999999-8888-7777-6666-555555555555"}}'
    )
    made = ["pIJlMnjy4GTTMVTa8IIpWiM4b8HmP+8qYoa3jPx/zCQ="]
    keys = ["another", "6d5b9f8a-2c44-4a7e-9b31-3f0e1d2c5a9c"]
    assert signature.docusign(keys[1:], body) == made
    assert signature.verify_docusign(keys, made, body) == 1


def test_the_standard_webhooks_vector() -> None:
    keys = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    body = b'{"test": 2432232314}'
    made = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    named = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert (
        signature.standard_webhooks(keys, message_id=named, timestamp=1614265330, body=body) == made
    )
    assert signature.verify_standard_webhooks(
        keys,
        message_id=named,
        timestamp="1614265330",
        signatures=f"v1a,other {made}",
        body=body,
        now=1614265331,
    )


def test_every_captured_message_is_authenticated_and_read() -> None:
    captured = sorted(SAMPLES.glob("*.json"))
    if not captured:
        pytest.skip("shared/samples is not beside the checkout: captured messages were NOT checked")
    for path in captured:
        take_in(path.read_bytes())


def take_in(body: bytes) -> None:
    sent = json.loads(body)
    inner = sent["data"]
    account_id = inner["accountId"].lower()
    key = Secret(
        id="k", account_id=account_id, listener=None, purpose="hmac", text=KEY, created_at=0
    )
    admitted = authenticate(
        body,
        path_account=None,
        header_account=None,
        algorithm="HMACSHA256",
        signatures=signature.docusign([KEY], body),
        doors={account_id: Door(account_id=account_id, keys=(key,))},
    )
    assert admitted == Accepted(account_id=account_id, key_id="k")
    read = normalise(
        body, account_id=account_id, content_type="application/json", received_at=EARLY_2027
    )
    assert read.body == body
    if not sent["event"]:  # the official skeleton, which has every key and no value
        assert read.flaw == "it has no event"
        return
    assert (read.flaw, read.event, read.envelope_id) == (None, sent["event"], inner["envelopeId"])
    assert read.sender_id == inner["userId"]
    assert read.recipient_id == inner.get("recipientId")
    assert read.configuration_id == str(sent["configurationId"])
    assert read.occurred_at < EARLY_2027
