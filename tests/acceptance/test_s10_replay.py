"""S10: a listener wrote the wrong thing for two days; what it got is played to it again."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.acceptance import invariants
from tests.acceptance.cast import A1, account, envelope
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder

FROM = datetime(2026, 3, 2, tzinfo=UTC)
TO = datetime(2026, 3, 4, 18, tzinfo=UTC)
TOTAL, VOIDED, DECLINED = 412, 25, 12
RANGE = ("--from", FROM.isoformat(), "--to", TO.isoformat())
ORDER = ("replay", "--listener", "VAULT", "--events", "voided,declined", *RANGE)


def connect(recorder: Recorder) -> dict[str, Any]:
    return {
        "accounts": [account(A1, "Acme Corp")],
        "listeners": [
            {"name": name, "account": A1, "url": recorder.url(name)} for name in ("VAULT", "OTHER")
        ],
    }


def events() -> list[str]:
    """Return 412 events: every eleventh a wrong one, 25 voided first, then 12 declined."""
    wrong = ["envelope-voided"] * VOIDED + ["envelope-declined"] * DECLINED
    made = ["envelope-completed"] * TOTAL
    for position, event in enumerate(wrong):
        made[position * 11] = event
    return made


def play(gateway: Gateway, recorder: Recorder) -> None:
    gateway.apply(connect(recorder))
    step = (TO - FROM) / TOTAL
    for position, event in enumerate(events()):
        if position % 4 == 0:
            gateway.until_quiet()  # a clock that jumps over a lease in use ends it
            gateway.advance_to(FROM + position * step)
        gateway.tell(envelope(10_000 + position), event)
    gateway.until_quiet()
    gateway.advance_to(TO + timedelta(hours=1))
    gateway.until_quiet()
    assert recorder.totals() == {"VAULT": TOTAL, "OTHER": TOTAL}


def ids(recorder: Recorder, listener: str, *, wrong_only: bool = False) -> list[str]:
    return [
        one.headers["webhook-id"]
        for one in recorder.deliveries(listener)
        if not wrong_only or one.arrival[3] != "envelope-completed"
    ]


def check_audit(gateway: Gateway) -> None:
    """See that the audit log tells who replayed what, and how much."""
    entry = next(one for one in gateway.every("audit") if "replay" in one["verb"])
    told = str(entry)
    assert entry["actor"]
    assert "VAULT" in told
    assert "voided" in told
    assert "37" in told


def test_exactly_the_wrong_ones_are_played_again_under_the_same_ids(
    launch: Launch, recorder: Recorder
) -> None:
    gateway = launch(start=FROM.isoformat())
    play(gateway, recorder)
    before = recorder.arrivals()
    wrong = Counter(ids(recorder, "VAULT", wrong_only=True))

    assert gateway.ask(*ORDER, "--dry-run")["matched"] == 37
    gateway.until_quiet()
    assert recorder.arrivals() == before

    done = gateway.ask(*ORDER, "--rate", "5", "--reason", "wrote Completed for the wrong ones")
    assert done["queued"] == 37
    gateway.until_quiet()
    first_burst = len(ids(recorder, "VAULT")) - TOTAL
    assert first_burst <= 5
    for _ in range(10):
        gateway.advance(seconds=1)
        gateway.until_quiet()
    again = recorder.deliveries("VAULT")[TOTAL:]
    assert Counter(one.headers["webhook-id"] for one in again) == wrong
    assert len(ids(recorder, "OTHER")) == TOTAL
    assert len({one.headers["postroom-replay"] for one in again}) == 1
    reasons = {one.headers["postroom-replay-reason"] for one in again}
    assert reasons == {"wrote Completed for the wrong ones"}
    stamps = {int(one.headers["webhook-timestamp"]) for one in again}
    assert min(stamps) >= (TO + timedelta(hours=1)).timestamp()
    invariants.check(gateway, recorder, before + Counter(one.arrival for one in again))
    check_audit(gateway)


def test_a_second_run_plays_nothing_again_unless_it_is_forced(
    launch: Launch, recorder: Recorder
) -> None:
    gateway = launch(start=FROM.isoformat())
    play(gateway, recorder)
    gateway.run(*ORDER)
    gateway.catch_up("VAULT")
    assert len(ids(recorder, "VAULT")) == TOTAL + 37
    gateway.run(*ORDER)
    gateway.catch_up("VAULT")
    assert len(ids(recorder, "VAULT")) == TOTAL + 37
    gateway.run(*ORDER, "--force")
    gateway.catch_up("VAULT")
    forced = recorder.deliveries("VAULT")[TOTAL + 37 :]
    assert len(forced) == 37
    assert {one.headers["postroom-replay-forced"] for one in forced} == {"true"}


def test_what_retention_has_dropped_is_reported_by_id_and_the_rest_is_played(
    launch: Launch, recorder: Recorder
) -> None:
    gateway = launch(start=FROM.isoformat(), flags=("--body-retention-days", "7"))
    play(gateway, recorder)
    wrong = ids(recorder, "VAULT", wrong_only=True)
    # Three of the 37 fall out of retention: positions 0, 11 and 22 of 412.
    step = (TO - FROM) / TOTAL
    gateway.advance_to(FROM + 30 * step + timedelta(days=7))
    gateway.kill()
    gateway.start()  # retention is seen to at once on starting
    gateway.wait_until(
        lambda: not gateway.get(f"notifications/{wrong[2]}")["has_body"],
        "retention did not drop the body",
    )
    done = gateway.ask(*ORDER)
    assert done["queued"] == 34
    assert sorted(done["not_replayable"]) == sorted(wrong[:3])
    gateway.catch_up("VAULT")
    assert len(ids(recorder, "VAULT")) == TOTAL + 34
