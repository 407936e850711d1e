"""S3: staging and production on one account, told apart by the field `Env`."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.acceptance import invariants
from tests.acceptance.cast import A1, ALICE, account, envelope, envelope_id
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Arrival, Recorder

PROD = range(3000, 3040)
STAGING = range(3100, 3125)
UNTAGGED = range(3200, 3205)
MISSPELT = range(3300, 3303)
COMPLETED = ("envelope-completed",)


def connect(recorder: Recorder, **more: dict[str, Any]) -> dict[str, Any]:
    def listener(name: str, env: str) -> dict[str, Any]:
        return {
            "name": name,
            "account": A1,
            "url": recorder.url(name),
            "events": list(COMPLETED),
            "filter": {"customFields.Env": env},
            "environment": env,
            "retry": [300] * 20,
        } | more.get(name, {})

    return {
        "accounts": [account(A1, "Acme Corp", environment_field="Env")],
        "listeners": [
            listener("PROD", "prod"),
            listener("STG", "staging"),
            listener("DEV", "staging") | {"format": "sim", "mask": ["emails"]},
        ],
    }


def feed(gateway: Gateway, numbers: Iterable[int], env: str | None = None) -> None:
    for number in numbers:
        plain = envelope(number, sender=ALICE)
        gateway.tell(envelope(number, sender=ALICE, Env=env) if env else plain, *COMPLETED)


def feed_all(gateway: Gateway) -> None:
    feed(gateway, PROD, "prod")
    feed(gateway, STAGING, "staging")
    feed(gateway, UNTAGGED)
    feed(gateway, MISSPELT, "prd")


def arrivals(listener: str, numbers: Iterable[int]) -> Counter[Arrival]:
    return Counter((listener, envelope_id(n), None, "envelope-completed") for n in numbers)


def test_production_and_the_tap_get_theirs_while_staging_is_down_and_staging_catches_up(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    recorder.say("STG", status=503)
    feed_all(gateway)
    gateway.until_quiet()
    assert recorder.totals() == {"PROD": 40, "DEV": 25}
    assert gateway.owed("STG") == 25
    recorder.heal("STG")
    for _ in range(3):
        gateway.advance(minutes=10)
        gateway.until_quiet()
    expected = arrivals("PROD", PROD) + arrivals("DEV", STAGING) + arrivals("STG", STAGING)
    invariants.check(gateway, recorder, expected)


def test_the_untagged_and_the_misspelt_are_unclaimed_and_the_misspelling_is_pointed_out(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    feed_all(gateway)
    gateway.until_quiet()
    unclaimed = gateway.ask("unclaimed")["items"]
    assert {one["envelope_id"] for one in unclaimed} == {
        envelope_id(number) for number in (*UNTAGGED, *MISSPELT)
    }
    assert len(unclaimed) == 8
    near = [one for one in unclaimed if one["near_misses"]]
    assert {one["envelope_id"] for one in near} == set(map(envelope_id, MISSPELT))


def test_the_tap_sees_no_email_address(gateway: Gateway, recorder: Recorder) -> None:
    gateway.apply(connect(recorder))
    feed(gateway, STAGING, "staging")
    gateway.until_quiet()
    tapped = recorder.deliveries("DEV")
    assert len(tapped) == 25
    assert not any(b"alice@" in one.body or b"signer1." in one.body for one in tapped)
    assert all(b"alice@" in one.body for one in recorder.deliveries("STG"))


def test_a_rule_that_would_send_production_to_staging_is_refused_when_saved(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    wrong = connect(recorder, STG={"filter": {"customFields.Env": "prod"}})
    complaint = gateway.apply(wrong, expect=2)
    assert "STG" in complaint
    assert "staging" in complaint
    feed(gateway, PROD, "prod")
    gateway.until_quiet()
    assert recorder.totals() == {"PROD": 40}
