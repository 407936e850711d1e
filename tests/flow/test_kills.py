"""`kill -9` at each gap of the road, and at random: nothing acknowledged is lost."""

import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.acceptance.cast import A1, account, envelope
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder
from tests.flow.killing_server import GAPS

CONCURRENCY = 4
LISTENERS = ("one", "two", "three")
EVENTS = ("envelope-sent", "envelope-delivered", "envelope-completed")
ENVELOPES = 40
KILLING = (sys.executable, "-m", "tests.flow.killing_server")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recording = Recorder()
    yield recording
    recording.close()


class Load:
    """Feeds the three events of many envelopes, in order per envelope, through kills.

    A message that was not acknowledged is sent again once the server is back, as Docusign does;
    only what was answered 200 counts as acknowledged.
    """

    def __init__(self, gateway: Gateway, first: int, count: int) -> None:
        self.gateway = gateway
        self.acknowledged: Counter[str] = Counter()
        self._envelopes = range(first, first + count)
        self._left = {number: list(EVENTS) for number in self._envelopes}

    def run(self) -> None:
        """Feed until everything is acknowledged or the server is gone."""
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(self._feed, self._envelopes))

    @property
    def is_done(self) -> bool:
        return not any(self._left.values())

    def _feed(self, number: int) -> None:
        made = dict(zip(EVENTS, self.gateway.messages(envelope(number), *EVENTS), strict=True))
        left = self._left[number]
        while left:
            try:
                answer = self.gateway.post_raw(made[left[0]])
            except httpx.TransportError:
                return
            assert answer.status_code == httpx.codes.OK
            self.acknowledged[answer.json()["notification"]] += 1
            left.pop(0)


def start(folder: Path, recorder: Recorder) -> Gateway:
    gateway = Gateway(folder, start="2026-03-02T09:00:00Z")
    gateway.start()
    gateway.apply(
        {
            "accounts": [account(A1, "Acme Corp")],
            "listeners": [
                {
                    "name": name,
                    "account": A1,
                    "url": recorder.url(name),
                    "concurrency": CONCURRENCY,
                    "retry": [0.1, 0.2, 0.4],
                }
                for name in LISTENERS
            ],
        }
    )
    gateway.stop()
    return gateway


def check(recorder: Recorder, load: Load, kills: int) -> None:
    """Nothing acknowledged is lost; repeats are at most the calls in flight; order holds."""
    by_listener: dict[str, Counter[str]] = defaultdict(Counter)
    order: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in recorder.deliveries():
        by_listener[one.listener][one.headers["webhook-id"]] += 1
        events = order[one.listener, one.arrival[1]]
        if one.arrival[3] not in events:
            events.append(one.arrival[3])
    for name in LISTENERS:
        got = by_listener[name]
        assert not set(load.acknowledged) - set(got), f"{name}: acknowledged but lost"
        repeats = sum(got.values()) - len(got)
        assert repeats <= kills * CONCURRENCY, f"{name}: {repeats} repeats in {kills} kills"
    assert [events for events in order.values() if events != list(EVENTS)] == []


@pytest.mark.parametrize("gap", GAPS)
def test_nothing_acknowledged_is_lost_when_killed_at(
    gap: str, tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = start(tmp_path, recorder)
    monkeypatch.setenv("POSTROOM_KILL_AT", f"{gap}:25")
    load = Load(gateway, first=1, count=ENVELOPES)
    gateway.start(KILLING)
    load.run()
    gateway.wait_until(lambda: not gateway.is_alive, "it was not killed")
    gateway.kill()
    gateway.start()
    load.run()
    assert load.is_done
    gateway.until_quiet()
    check(recorder, load, kills=1)
    gateway.close()


def kill_at_random(kills: int, folder: Path, recorder: Recorder, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # chooses gaps, not secrets
    gateway = start(folder, recorder)
    load = Load(gateway, first=1, count=ENVELOPES * max(1, kills // 3))
    for _ in range(kills):
        os.environ["POSTROOM_KILL_AT"] = f"{dice.choice(GAPS)}:{dice.randint(1, 60)}"
        gateway.start(KILLING, may_die=True)  # what is left over may already reach the gap
        load.run()
        if load.is_done:
            gateway.until_quiet_or_dead()
        gateway.kill()
    gateway.start()
    load.run()
    assert load.is_done
    gateway.until_quiet()
    check(recorder, load, kills=kills)
    gateway.close()


def test_nothing_acknowledged_is_lost_in_random_kills(tmp_path: Path, recorder: Recorder) -> None:
    kill_at_random(6, tmp_path, recorder, seed=20260302)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_nothing_acknowledged_is_lost_in_a_hundred_random_kills(
    tmp_path: Path, recorder: Recorder
) -> None:
    kill_at_random(100, tmp_path, recorder, seed=20260303)
