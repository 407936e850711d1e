"""S4: one account per business unit, strictly apart, behind one gateway."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from tests.acceptance import invariants
from tests.acceptance.cast import (
    A1,
    A2,
    A3,
    A9,
    ALICE,
    KA1,
    KA2,
    KA9,
    account,
    envelope,
    envelope_id,
    signed_headers,
)
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Arrival, Recorder

ACCOUNTS = {"L1": A1, "L2": A2, "L3": A3}
NUMBERS = {"L1": range(4100, 4110), "L2": range(4200, 4210), "L3": range(4300, 4310)}
L2_KEY = "own-key-of-listener-l2-for-the-test01="


def connect(recorder: Recorder, **accounts_of: str) -> dict[str, Any]:
    listeners = [
        {
            "name": name,
            "account": account_id,
            "url": recorder.url(name),
            "events": ["envelope-completed"],
            **({"keys": [{"text": L2_KEY}]} if name == "L2" else {}),
        }
        for name, account_id in (ACCOUNTS | accounts_of).items()
    ]
    return {
        "accounts": [
            account(A1, "Acme Corp"),
            account(A2, "Acme UK", parent=A1),
            account(A3, "Acme Wholesale", parent=A1),
        ],
        "listeners": listeners,
    }


def message(gateway: Gateway, number: int, account_id: str) -> bytes:
    made = envelope(number, account=account_id, sender=ALICE)
    return gateway.messages(made, "envelope-completed")[0]


def feed(gateway: Gateway, names: Iterable[str] = ACCOUNTS) -> None:
    """Feed ten envelopes for each, interleaved."""
    for step in range(10):
        for name in names:
            body = message(gateway, NUMBERS[name][step], ACCOUNTS[name])
            assert gateway.post(body, path=f"/{ACCOUNTS[name]}") == 200


def arrivals(*names: str) -> Counter[Arrival]:
    return Counter(
        (name, envelope_id(number), None, "envelope-completed")
        for name in names
        for number in NUMBERS[name]
    )


def test_each_unit_gets_its_own_envelopes_and_no_others(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    feed(gateway)
    gateway.until_quiet()
    assert recorder.totals() == {"L1": 10, "L2": 10, "L3": 10}
    invariants.check(gateway, recorder, arrivals("L1", "L2", "L3"), keys={"L2": [L2_KEY]})


@pytest.fixture(scope="module")
def besieged(launch_once: Launch) -> Gateway:
    one = launch_once()
    one.apply({"accounts": [account(A1, "Acme Corp"), account(A2, "Acme UK", parent=A1)]})
    return one


@pytest.mark.parametrize(
    ("body_account", "header_account", "key"),
    [
        pytest.param(A2, None, KA1, id="another-accounts-key"),
        pytest.param(A2, A1, KA2, id="header-names-another-account"),
        pytest.param(A9, None, KA9, id="unknown-account"),
        pytest.param(A2, None, None, id="no-signature"),
    ],
)
def test_a_hostile_post_is_refused_recorded_and_told_nothing(
    besieged: Gateway, body_account: str, header_account: str | None, key: str | None
) -> None:
    gateway = besieged
    before = len(gateway.every("rejections"))
    body = message(gateway, 4900, body_account)
    headers = signed_headers([key], body) if key else {"Content-Type": "application/json"}
    if header_account:
        headers["X-DocuSign-AccountId"] = header_account
    answer = gateway.post_raw(body, headers)
    plain = gateway.post_raw(body, {"Content-Type": "application/json"})
    assert answer.status_code == 401
    assert answer.content == plain.content  # the caller learns nothing about which keys exist
    rejections = gateway.until_rejected(before + 2)[:2]
    assert all(one["reason"] for one in rejections)
    assert {one["account_id"] for one in rejections} == {body_account}
    assert gateway.every("notifications") == []


def test_removing_one_units_listener_stops_that_one_only(
    gateway: Gateway, recorder: Recorder
) -> None:
    document = connect(recorder)
    gateway.apply(document)
    document["listeners"] = [one for one in document["listeners"] if one["name"] != "L3"]
    gateway.apply(document, "--prune")
    feed(gateway)
    gateway.until_quiet()
    invariants.check(gateway, recorder, arrivals("L1", "L2"), keys={"L2": [L2_KEY]})


def test_moving_a_listener_to_another_account_changes_nothing_for_the_listener(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    feed(gateway, ["L2"])
    gateway.until_quiet()
    gateway.apply(connect(recorder, L2=A1), "--prune")
    feed(gateway, ["L1"])
    gateway.until_quiet()
    from_main: Counter[Arrival] = Counter(
        ("L2", envelope_id(number), None, "envelope-completed") for number in NUMBERS["L1"]
    )
    invariants.delivered_exactly(recorder, arrivals("L1", "L2") + from_main)
    invariants.one_id_per_event(recorder)
    invariants.every_request_is_signed(recorder, {"L2": [L2_KEY]})
    assert {json.loads(one.body)["data"]["accountId"] for one in recorder.deliveries("L2")} == {
        A1,
        A2,
    }
