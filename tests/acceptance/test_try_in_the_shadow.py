"""A listener tried in the shadow, as an operator does it: apply, wait, compare, go live."""

from typing import Any

import pytest
from tests.acceptance.cast import A1, ALICE, account, envelope, envelope_id
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder

COMPLETED = "envelope-completed"
EXACT = range(3000, 3020)
OTHER_CASE = range(3100, 3112)
OTHERS = range(3200, 3205)


def connect(recorder: Recorder, mode: str, *, with_old: bool = True) -> dict[str, Any]:
    def listener(name: str, condition: Any) -> dict[str, Any]:
        return {
            "name": name,
            "account": A1,
            "url": recorder.url(name),
            "events": [COMPLETED],
            "filter": {"customFields.Integration": condition},
            "lane": "write-back",
        }

    old = [listener("erp", "ERP")] if with_old else []
    new = listener("erp-2", {"equalsIgnoreCase": "erp"}) | {"mode": mode}
    return {"accounts": [account(A1, "Acme Corp")], "listeners": [*old, new]}


def feed_all(gateway: Gateway) -> None:
    for numbers, value in ((EXACT, "ERP"), (OTHER_CASE, "Erp"), (OTHERS, "HR")):
        for number in numbers:
            gateway.tell(envelope(number, sender=ALICE, Integration=value), COMPLETED)
    gateway.until_quiet()


@pytest.fixture
def tried(gateway: Gateway, recorder: Recorder) -> Gateway:
    """Return a gateway at which erp-2 has been a shadow beside erp for three days of traffic."""
    gateway.apply(connect(recorder, "shadow"))
    feed_all(gateway)
    gateway.advance(days=3, minutes=1)
    return gateway


def test_the_report_says_in_a_sentence_what_the_shadow_would_have_got(tried: Gateway) -> None:
    printed = tried.run("shadow", "erp-2", "--against", "erp")
    assert printed.splitlines()[0] == (
        "In 3 days and 37 notifications, erp-2 would have got what erp got, and 12 more."
    )
    assert "erp: not wanted" in printed
    found = tried.ask("shadow", "erp-2", "--against", "erp", "--examples", "3")
    assert {kind: found[kind]["count"] for kind in ("both", "only_shadow", "only_live")} == {
        "both": 20,
        "only_shadow": 12,
        "only_live": 0,
    }
    examples = found["only_shadow"]["examples"]
    assert [one["envelope_id"] for one in examples] == [
        envelope_id(number) for number in OTHER_CASE[-3:]
    ]


def test_a_shadow_gets_nothing_and_disturbs_nobody(tried: Gateway, recorder: Recorder) -> None:
    assert recorder.totals() == {"erp": 20}
    assert tried.owed("erp-2") == 0
    assert tried.every("crossed") == []
    assert tried.every("held") == []
    assert len(tried.every("unclaimed")) == len(OTHER_CASE) + len(OTHERS)
    assert len(tried.every("deliveries", listener="erp-2", states="shadowed")) == 32
    assert [one["listener"] for one in tried.get("health")["backlog"]] == ["erp"]
    assert "shadow" in tried.run("listeners", "show", "erp-2")
    crossed_over = tried.find(envelope_id(OTHER_CASE[0]), COMPLETED)
    assert "would be delivered (shadow)" in tried.run("explain", crossed_over["id"], "erp-2")


def test_made_live_it_gets_new_traffic_and_what_was_recorded_stays_recorded(
    tried: Gateway, recorder: Recorder
) -> None:
    tried.apply(connect(recorder, "live", with_old=False), "--prune")
    tried.tell(envelope(3300, sender=ALICE, Integration="eRP"), COMPLETED)
    tried.until_quiet()
    assert recorder.totals() == {"erp": 20, "erp-2": 1}
    refused = tried.run("replay", "--listener", "erp-2", "--states", "shadowed", expect=2)
    assert "only what has ended can be replayed" in refused
    without = tried.run("shadow", "erp-2")
    assert "37 notifications, erp-2 would have got 32." in without


def test_everything_recorded_for_a_shadow_survives_a_power_cut(
    tried: Gateway, recorder: Recorder
) -> None:
    tried.kill()
    tried.start()
    tried.until_quiet()
    assert len(tried.every("deliveries", listener="erp-2", states="shadowed")) == 32
    assert recorder.totals() == {"erp": 20}


def test_a_listener_that_was_never_a_shadow_has_no_report(tried: Gateway) -> None:
    complaint = tried.run("shadow", "erp", expect=2)
    assert "erp has never been a shadow" in complaint
    assert "mode: shadow" in complaint
    assert "there is no listener 'nobody'" in tried.run("shadow", "nobody", expect=3)
