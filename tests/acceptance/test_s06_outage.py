"""S6: a listener is down for hours while the gateway is killed and its disk fills up."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.acceptance import invariants
from tests.acceptance.cast import A1, account, envelope, envelope_id
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Received, Recorder

LIFE = ("envelope-sent", "envelope-delivered", "recipient-completed:1", "envelope-completed")
ENVELOPES = range(6000, 6060)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
STEP = timedelta(minutes=5)


def connect(recorder: Recorder, **more: Any) -> dict[str, Any]:
    return {
        "accounts": [account(A1, "Acme Corp")],
        "listeners": [
            {
                "name": name,
                "account": A1,
                "url": recorder.url(name),
                "events": [event.partition(":")[0] for event in LIFE],
            }
            | more
            for name in ("SF", "ERP")
        ],
    }


def at(hour: int, minute: int = 0) -> datetime:
    return NINE.replace(hour=hour, minute=minute)


def timetable() -> dict[datetime, list[tuple[int, str]]]:
    """Spread the four events of sixty envelopes over 09:05 to 11:55, in steps of five minutes."""
    slots: dict[datetime, list[tuple[int, str]]] = defaultdict(list)
    for position, number in enumerate(ENVELOPES):
        for turn, event in enumerate(LIFE):
            slot = (position * 31 // 59) + turn  # 0..34: the 35 slots between 09:05 and 11:55
            slots[at(9, 5) + slot * STEP].append((number, event))
    return slots


def feed(gateway: Gateway, events: list[tuple[int, str]]) -> list[bytes]:
    """Offer messages; return those that were not acknowledged."""
    bodies = [gateway.messages(envelope(number), event)[0] for number, event in events]
    statuses = gateway.tell_all(bodies)
    assert set(statuses) <= {200, 503}
    return [body for body, status in zip(bodies, statuses, strict=True) if status != 200]


def again(body: bytes) -> bytes:
    """Return the source's own resend of a message."""
    made = json.loads(body)
    made["retryCount"] += 1
    return json.dumps(made, separators=(",", ":")).encode()


def through_the_outage(gateway: Gateway, slots: dict[datetime, list[tuple[int, str]]]) -> None:
    """Feed 09:05 to 12:00, with a kill at 10:30 and a full disk at 11:00."""
    refused: list[bytes] = []
    for step in range(1, 37):
        moment = NINE + step * STEP
        gateway.advance_to(moment)
        if moment == at(11):
            with gateway.full_disk():
                refused = feed(gateway, slots[moment])
            assert len(refused) == len(slots[moment]) > 0
            # A probe that could not be written down leaves its listener due until the next one.
            gateway.until_idle()
            continue
        # The source keeps its own order: what was refused comes before what is new.
        assert set(gateway.tell_all([again(body) for body in refused])) <= {200}
        refused = feed(gateway, slots[moment])
        assert refused == []
        if moment == at(10, 30):
            gateway.kill()
            gateway.start()
        gateway.until_quiet()


def through_the_hang(gateway: Gateway, recorder: Recorder) -> None:
    """Go on to 12:20 with requests that are never answered."""
    while gateway.now < at(12, 20):
        gateway.advance(minutes=5)
        gateway.hang_through(recorder, timeout_seconds=100)


def test_an_outage_a_crash_and_a_full_disk_lose_nothing_and_keep_the_order(
    launch: Launch, recorder: Recorder
) -> None:
    gateway = launch(start=NINE.isoformat())
    gateway.apply(connect(recorder))
    slots = timetable()
    assert sum(map(len, slots.values())) == 240
    recorder.say("ERP", status=503, body=b"down for maintenance")
    through_the_outage(gateway, slots)
    assert len(recorder.distinct("SF")) == 240
    assert recorder.deliveries("ERP") == []
    assert gateway.owed("ERP") == 240
    assert gateway.listener("ERP")["down_since"]

    recorder.heal("ERP")
    recorder.say("ERP", hang=True)
    through_the_hang(gateway, recorder)
    recorder.heal("ERP")
    gateway.catch_up("ERP")
    assert gateway.listener("ERP")["down_since"] is None
    for listener in ("SF", "ERP"):
        all_in_order(recorder, listener)
    # On time: at once, or as soon as the source could offer again after the full disk.
    assert max(map(delay, recorder.distinct("SF"))) <= STEP
    only_what_was_in_flight_came_twice(recorder, slots[at(10, 30)])
    every_attempt_is_logged(gateway, recorder)
    invariants.check(gateway, recorder, recorder.arrivals())


def all_in_order(recorder: Recorder, listener: str) -> None:
    got: dict[str, list[str]] = defaultdict(list)
    for one in recorder.distinct(listener):
        got[one.arrival[1]].append(one.arrival[3])
    assert set(got) == set(map(envelope_id, ENVELOPES))
    expected = tuple(event.partition(":")[0] for event in LIFE)
    assert {tuple(events) for events in got.values()} == {expected}


def delay(one: Received) -> timedelta:
    sent = datetime.fromtimestamp(int(one.headers["webhook-timestamp"]), UTC)
    return sent - datetime.fromisoformat(one.message["generatedDateTime"])


def only_what_was_in_flight_came_twice(
    recorder: Recorder, in_flight: list[tuple[int, str]]
) -> None:
    """At the kill only what had just been fed can have been sent and not yet written down."""
    twice = {arrival for arrival, count in recorder.arrivals().items() if count > 1}
    suspects = {
        ("SF", envelope_id(number), event.partition(":")[2] or None, event.partition(":")[0])
        for number, event in in_flight
    }
    assert twice <= suspects
    assert set(recorder.arrivals().values()) <= {1, 2}


def every_attempt_is_logged(gateway: Gateway, recorder: Recorder) -> None:
    logged: Counter[str] = Counter()
    for delivery in gateway.every("deliveries", listener="ERP"):
        attempts = gateway.get(f"deliveries/{delivery['id']}")["attempts"]
        for attempt in attempts:
            logged[str(attempt["status"] or attempt["failure"])] += 1
            assert attempt["duration_ms"] >= 0
            if attempt["status"] == 503:
                assert "down for maintenance" in attempt["response_excerpt"]
    tried = Counter(str(one.status or "timeout") for one in recorder.received_by("ERP"))
    # The one probe that may have been on the wire at the kill is known to nobody.
    assert (tried - logged).total() <= 1
    assert not logged - tried
    assert logged["timeout"] > 0


def test_after_the_last_retry_it_is_in_the_failures_list_and_can_be_replayed(
    launch: Launch, recorder: Recorder
) -> None:
    gateway = launch(start=NINE.isoformat())
    gateway.apply(connect(recorder, retry="docusign-legacy"))
    recorder.say("ERP", status=503)
    gateway.tell(envelope(6100), *LIFE)
    gateway.until_quiet()
    for _ in range(8 * 4):
        gateway.advance(hours=6)
        gateway.until_quiet()
    assert gateway.owed("ERP") == 4
    for _ in range(60 * 4):
        gateway.advance(hours=6)
        gateway.until_quiet()
        if gateway.owed("ERP") == 0:
            break
    failures = gateway.ask("failures")["items"]
    assert len(failures) == 4
    assert {one["last_status"] for one in failures} == {503}
    recorder.heal("ERP")
    gateway.run("replay", "--listener", "ERP", "--envelope", failures[0]["envelope_id"])
    gateway.catch_up("ERP")
    assert recorder.totals() == {"SF": 4, "ERP": 4}
    assert gateway.ask("failures")["items"] == []
    invariants.check(gateway, recorder, recorder.arrivals())
