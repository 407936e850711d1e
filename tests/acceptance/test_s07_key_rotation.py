"""S7: the HMAC key of an account is rotated without losing a message."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.acceptance import invariants
from tests.acceptance.cast import A1, A2, account, docusign_signature, envelope, signed_headers
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder

K1 = "first-key-of-the-rotation-0000000001="
K2 = "second-key-of-the-rotation-000000002="
K3 = "a-key-nobody-ever-told-the-gateway-3="


def connect(recorder: Recorder, keys: Sequence[str], account_id: str = A1) -> dict[str, Any]:
    return {
        "accounts": [
            account(account_id, "Acme Corp")
            | {"keys": [{"text": key} for key in keys], "prune_keys": True}
        ],
        "listeners": [
            {
                "name": "ALL",
                "account": account_id,
                "url": recorder.url("ALL"),
                "events": ["envelope-completed"],
            }
        ],
    }


def message(gateway: Gateway, number: int, account_id: str = A1) -> bytes:
    return gateway.messages(envelope(number, account=account_id), "envelope-completed")[0]


STEPS = (
    ((K1,), (K1,)),
    ((K1, K2), (K1, K2)),
    ((K1, K2), (K2,)),
    ((K2,), (K2,)),
)
"""(keys of the Docusign account, keys of the gateway), four steps of 20 messages."""


@pytest.mark.parametrize("turn", [1, -1], ids=["old-key-first", "new-key-first"])
def test_every_message_is_accepted_at_every_step_of_the_rotation(
    gateway: Gateway, recorder: Recorder, turn: int
) -> None:
    for step, (docusigns, ours) in enumerate(STEPS):
        gateway.apply(connect(recorder, ours))
        for number in range(7000 + 100 * step, 7020 + 100 * step):
            body = message(gateway, number)
            headers = signed_headers(docusigns[::turn], body)
            assert gateway.post(body, headers) == 200
        gateway.until_quiet()
        # What goes out is signed by every key in force: nothing changes for the listener.
        for one in recorder.deliveries()[-20:]:
            assert invariants.verifies(one, ours[-1], one.body) == (True, True)
    assert recorder.totals() == {"ALL": 80}
    assert len(gateway.every("notifications")) == 80


def test_a_hundred_keys_are_all_tried(gateway: Gateway, recorder: Recorder) -> None:
    keys = [f"one-of-a-hundred-keys-of-the-account-{n:03d}=" for n in range(100)]
    document = connect(recorder, keys, A2)
    # With a key of its own the listener need not read a hundred signatures.
    document["listeners"][0]["keys"] = [{"text": K1}]
    gateway.apply(document)
    for number, key in enumerate((keys[0], keys[50], keys[99]), start=7500):
        body = message(gateway, number, A2)
        assert gateway.post(body, signed_headers([key], body)) == 200
    gateway.until_quiet()
    assert recorder.totals() == {"ALL": 3}
    assert keys_that_matched(gateway) == 3


def keys_that_matched(gateway: Gateway) -> int:
    """Count the keys that messages were proved with, as the metrics tell an operator."""
    lines = gateway.http.get("/metrics").text.splitlines()
    return sum(line.startswith("postroom_notifications_total{") for line in lines)


def reordered(body: bytes) -> bytes:
    return json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()


def with_line_ends(body: bytes) -> bytes:
    return body.replace(b',"data"', b',\n"data"')


Forge = Callable[[bytes], tuple[bytes, dict[str, str]]]

FORGERIES: dict[str, Forge] = {
    "unknown-key": lambda body: (body, signed_headers([K3], body)),
    "no-header": lambda body: (body, {"Content-Type": "application/json"}),
    "re-serialised": lambda body: (reordered(body), signed_headers([K1], body)),
    "re-spaced": lambda body: (json.dumps(json.loads(body)).encode(), signed_headers([K1], body)),
    "one-byte-added": lambda body: (body + b" ", signed_headers([K1], body)),
    "line-ends-changed": lambda body: (
        with_line_ends(body).replace(b"\n", b"\r\n"),
        signed_headers([K1], with_line_ends(body)),
    ),
    "unknown-algorithm": lambda body: (
        body,
        signed_headers([K1], body) | {"X-Authorization-Digest": "HMACSHA512"},
    ),
    "key-without-its-equals-sign": lambda body: (
        body,
        signed_headers([K1], body) | {"X-DocuSign-Signature-1": docusign_signature(K1[:-1], body)},
    ),
    "truncated": lambda body: (
        body,
        signed_headers([K1], body) | {"X-DocuSign-Signature-1": docusign_signature(K1, body)[:-4]},
    ),
}
HINTED = {"re-spaced", "line-ends-changed", "key-without-its-equals-sign", "truncated"}


@pytest.fixture(scope="module")
def guarded(launch_once: Launch) -> Gateway:
    one = launch_once()
    one.apply({"accounts": [account(A1, "Acme Corp") | {"keys": [{"text": K1}]}]})
    return one


@pytest.mark.parametrize("name", FORGERIES)
def test_a_message_that_is_not_exactly_what_was_signed_is_refused(
    guarded: Gateway, name: str
) -> None:
    gateway = guarded
    before = len(gateway.every("rejections"))
    body, headers = FORGERIES[name](message(gateway, 7600))
    assert gateway.post(body, headers) == 401
    rejection = gateway.until_rejected(before + 1)[0]
    assert rejection["reason"]
    assert bool(rejection["hint"]) >= (name in HINTED)
    assert gateway.every("notifications") == []


def test_a_retired_key_opens_nothing_from_its_date_on(gateway: Gateway, recorder: Recorder) -> None:
    gateway.apply(connect(recorder, [K1, K2]))
    first = next(one for one in gateway.ask("keys", "list")["items"] if not one["retired_at"])
    gateway.run("keys", "retire", first["id"])
    old, new = message(gateway, 7700), message(gateway, 7701)
    assert gateway.post(old, signed_headers([K1], old)) == 401
    assert gateway.post(new, signed_headers([K2], new)) == 200
    gateway.until_quiet()
    assert recorder.totals() == {"ALL": 1}
