"""What must hold in every scenario (I1 to I6), checked at its end from outside."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.acceptance.cast import KEYS
from tests.acceptance.gateway import TOKEN, Gateway
from tests.acceptance.recorder import Arrival, Received, Recorder

from postroom import signature


def check(
    gateway: Gateway,
    recorder: Recorder,
    expected: Counter[Arrival],
    *,
    keys: dict[str, Iterable[str]] | None = None,
) -> None:
    """Check all six. `keys` are those of listeners that do not sign with their account's."""
    delivered_exactly(recorder, expected)
    one_id_per_event(recorder)
    every_request_is_signed(recorder, keys or {})
    everything_is_explained(gateway)
    nothing_leaks(gateway, keys or {})
    everything_is_durable(gateway)


def delivered_exactly(recorder: Recorder, expected: Counter[Arrival]) -> None:
    """I2: nothing is missing, nothing is extra."""
    arrived = recorder.arrivals()
    assert not expected - arrived, f"missing: {expected - arrived}"
    assert not arrived - expected, f"extra: {arrived - expected}"


def one_id_per_event(recorder: Recorder) -> None:
    """I4: a logical event has one id at every listener, through retries and replays."""
    ids: dict[tuple[str | None, ...], set[str]] = defaultdict(set)
    for one in recorder.received:
        ids[one.arrival[1:]].add(one.headers["webhook-id"])
    assert {event: found for event, found in ids.items() if len(found) != 1} == {}
    assert len({found for event_ids in ids.values() for found in event_ids}) == len(ids)


def every_request_is_signed(recorder: Recorder, keys: dict[str, Iterable[str]]) -> None:
    """I5: both signatures verify, and neither does once a byte is altered."""
    for one in recorder.received:
        own = keys.get(one.listener) or [KEYS[one.message["data"]["accountId"]]]
        altered = bytes([one.body[0] ^ 1]) + one.body[1:]
        for key in own:
            assert verifies(one, key, one.body) == (True, True), one.listener
            assert verifies(one, key, altered) == (False, False), one.listener


def verifies(one: Received, key: str, body: bytes) -> tuple[bool, bool]:
    """Return whether Docusign's and Standard Webhooks' signature verify over `body`."""
    signatures = [
        value for name, value in one.headers.items() if name.startswith("x-docusign-signature-")
    ]
    stamp = int(one.headers["webhook-timestamp"])
    by_docusign = signature.verify_docusign([key], signatures, body)
    by_standard = signature.verify_standard_webhooks(
        [key],
        message_id=one.headers["webhook-id"],
        timestamp=one.headers["webhook-timestamp"],
        signatures=one.headers["webhook-signature"],
        body=body,
        now=stamp,
    )
    return by_docusign is not None, by_standard


def everything_is_explained(gateway: Gateway) -> None:
    """I3: for a kept message and every listener of its account there is a decision.

    Of many messages about a hundred are asked for, evenly spread.
    """
    listeners: Counter[str] = Counter(one["account_id"] for one in gateway.every("listeners"))
    kept = gateway.every("notifications")
    for notification in kept[:: 1 + len(kept) // 100]:
        explained = gateway.get(f"notifications/{notification['id']}/explanation")
        assert len(explained["listeners"]) == listeners[notification["account_id"]]
        assert all(one["summary"] for one in explained["listeners"])


def nothing_leaks(gateway: Gateway, keys: dict[str, Iterable[str]]) -> None:
    """I6: no log line, listing or decision shows a key, the admin's token or a document."""
    secrets = {*KEYS.values(), TOKEN, *(key for own in keys.values() for key in own)}
    places = [*gateway.log, *(str(gateway.get(p)) for p in ("listeners", "keys", "audit"))]
    leaks = [place for place in places if any(secret in place for secret in secrets)]
    assert leaks == []
    assert not any("PDFBytes" in line for line in gateway.log)


def everything_is_durable(gateway: Gateway) -> None:
    """I1: a power cut changes nothing of what was acknowledged or delivered."""
    before = gateway.get("health")["store"]
    gateway.kill()
    gateway.start()
    after = gateway.get("health")["store"]
    assert after == before
