"""`kill -9` while envelopes live here: a change and what it tells are both there, or neither."""

import contextlib
import os
import random
import signal
import sys
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.gateway import COMMAND, Gateway
from tests.acceptance.recorder import Received, Recorder
from tests.flow import dead_disk
from tests.flow.dead_disk import Disk
from tests.flow.envelope_lives import REST, Life, Lives, content
from tests.flow.killing_server import GAPS, INSIDE

from postroom.clock import SECOND
from postroom.model import DeliveryState, Listener

START = "2026-03-02T09:00:00Z"
KILLING = (sys.executable, "-m", "tests.flow.killing_server")
OUTSIDE = "outside"
"""Killed by another process, at whatever it does just then."""
EVENTS = [
    "envelope-created",
    "envelope-sent",
    "envelope-delivered",
    "envelope-completed",
    "envelope-declined",
    "envelope-voided",
    "envelope-reminder-sent",
    "recipient-sent",
    "recipient-delivered",
    "recipient-completed",
    "recipient-declined",
    "recipient-autoresponded",
]
CONCURRENCY = Listener(id=0, account_id="", name="", url="").concurrency
DAY = 24 * 3600 * SECOND


class Scene:
    """A server that is killed again and again, three listeners, and what is found each time."""

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        self.folder = folder
        self.recorder = recorder
        self.gateway = Gateway(folder, start=START, flags=("--offline",))
        self.kills = 0
        self.kills_at_work = 0
        """How often it was dead before we had to end it."""
        self._leased: Counter[tuple[str, str]] = Counter()
        """By listener and notification: at how many kills it was leased."""

    @property
    def event_notification(self) -> Any:
        """What each envelope says of a listener of its own: completion brings the documents."""
        return {
            "url": self.recorder.url("OWN"),
            "requireAcknowledgment": "true",
            "deliveryMode": "SIM",
            "events": EVENTS,
            "includeDocuments": "true",
            "eventData": {"version": "restv2.1", "includeData": []},
        }

    def configure(self) -> None:
        """Have two Connect configurations: one of events, one of states."""
        for name, mode in (("EVENTS", "SIM"), ("STATES", "aggregate")):
            said = {
                "name": name,
                "urlToPublishTo": self.recorder.url(name),
                "configurationType": "custom",
                "allowEnvelopePublish": "true",
                "allUsers": "true",
                "requiresAcknowledgement": "true",
                "deliveryMode": mode,
                "events": EVENTS,
                "eventData": {"version": "restv2.1", "includeData": []},
            }
            answer = self.gateway.http.post(f"{REST}/connect", json=said)
            assert answer.is_success, answer.text

    def start(self, gap: str | None = None, passing: int = 0) -> None:
        """Start it; with a gap it kills itself there, which may be while it starts."""
        os.environ["POSTROOM_KILL_AT"] = f"{gap}:{passing}"
        self.gateway.start(COMMAND if gap is None else KILLING, may_die=gap is not None)

    def strike(self) -> None:
        """Kill it from outside, in the midst of what it does."""
        process = self.gateway._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)

    def examine(self) -> Disk:
        """Look at what the dead server left: what was told was kept, and agrees."""
        self.kills += 1
        self.kills_at_work += not self.gateway.is_alive
        self.gateway.kill()
        received = self._received_ids()
        disk = dead_disk.read(self.folder)
        disk.check()
        assert not received - {one.id for one in disk.notes}, "told of what was not kept"
        self._leased.update((o.listener, o.notification_id) for o in disk.owed if o.is_leased)
        return disk

    def finish(self) -> Disk:
        """Let the rest be delivered; see that each listener has all it was owed, in order."""
        self.gateway.until_quiet()
        for one in self.gateway.get("listeners")["items"]:
            self.gateway.catch_up(one["name"])
        disk = self.examine()
        names = self._names(disk)
        assert sorted(names.values()) == ["EVENTS", "OWN", "STATES"]
        for name, path in names.items():
            self._check_listener(disk, name, path)
        return disk

    def _received_ids(self) -> set[str]:
        return {one.headers["webhook-id"] for one in self.recorder.received}

    def _names(self, disk: Disk) -> dict[str, str]:
        """Return the recorder's paths by what the listeners are called."""
        first = {one.listener for one in disk.owed}
        own = {name: "OWN" for name in first if name.startswith("eventNotification")}
        configured = sorted(first - own.keys(), key=lambda name: int(name.removeprefix("connect-")))
        return own | dict(zip(configured, ("EVENTS", "STATES"), strict=True))

    def _check_listener(self, disk: Disk, name: str, path: str) -> None:
        notes = {one.id: one for one in disk.notes}
        mine = [one for one in disk.owed if one.listener == name]
        owed = {one.notification_id: one.state for one in mine}
        # An attempt that was under way when the clock was moved has timed out, but has arrived.
        failures = {one.notification_id: one.failures for one in mine}
        assert owed.keys() == notes.keys(), f"{path}: an event without its delivery"
        arrivals: dict[str, list[Received]] = defaultdict(list)
        for one in self.recorder.deliveries(path):
            arrivals[one.headers["webhook-id"]].append(one)
        merged = _merged(disk) if path == "STATES" else set()
        assert {id_ for id_, state in owed.items() if state is DeliveryState.DISMISSED} == merged
        assert arrivals.keys() == owed.keys() - merged, f"{path}: lost, or told unasked"
        again = Counter({id_: len(got) - 1 for id_, got in arrivals.items() if len(got) > 1})
        for id_, times in again.items():
            most = self._leased[name, id_] + failures[id_]
            assert times <= most, f"{path}: {notes[id_].told} came unleased"
        assert again.total() <= self.kills * CONCURRENCY, f"{path}: {again.total()} repeats"
        _check_order(disk, list(arrivals), path)
        if path != "STATES":
            for id_, got in arrivals.items():
                assert {_told_in(one) for one in got} == {(notes[id_].envelope_id, notes[id_].told)}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("POSTROOM_KILL_AT", "")  # taken back when the test is over
    with contextlib.closing(Recorder()) as recorder:
        one = Scene(tmp_path, recorder)
        yield one
        one.gateway.close()


def _merged(disk: Disk) -> set[str]:
    """Return what a listener of states does not hear of: a later event of the action tells it."""
    last = {(one.envelope_id, one.occurred_at): one.id for one in disk.notes}
    return {one.id for one in disk.notes} - set(last.values())


def _check_order(disk: Disk, arrived: list[str], path: str) -> None:
    """See that what an envelope told came, each the first time, in the order it was kept."""
    place = {one.id: number for number, one in enumerate(disk.notes)}
    envelope = {one.id: one.envelope_id for one in disk.notes}
    came: dict[str, list[int]] = defaultdict(list)
    for id_ in arrived:
        came[envelope[id_]].append(place[id_])
    assert [one for one in came.values() if one != sorted(one)] == [], f"{path}: out of order"


def _told_in(one: Received) -> tuple[str, tuple[str, str | None]]:
    _, envelope_id, recipient_id, event = one.arrival
    return envelope_id, (event, recipient_id)


def check_lives(disk: Disk, lives: list[Life]) -> None:
    """See that all that was acknowledged is there, documents and all."""
    by_number = {one.subject: envelope_id for envelope_id, one in disk.envelopes.items()}
    assert len(by_number) == len(disk.envelopes), "an envelope was made twice"
    notes = disk.notes_by_envelope()
    for life in lives:
        envelope_id = life.id or by_number.get(f"Envelope {life.number}")
        if envelope_id is None:
            continue
        told = {one.told for one in notes[envelope_id]}
        assert life.acknowledged <= told, "acknowledged but lost"
        held = disk.documents[envelope_id]
        assert life.documents <= held.keys(), "a document is lost"
        for document_id, body in held.items():
            assert body == content(life.number, document_id), "a document is damaged"


def play_through_kills(scene: Scene, lives: Lives, gaps: list[tuple[str, int]]) -> Disk:
    """Let envelopes live, kill at each of the gaps, and look each time; then let them end."""
    scene.start()
    scene.configure()
    scene.gateway.kill()
    for gap, passing in gaps:
        if gap == OUTSIDE:
            scene.start()
            lives.strike_after(passing, scene.strike)
        else:
            scene.start(gap, passing)
        lives.run()
        if lives.are_over:  # the gap may still come while the rest is delivered
            scene.gateway.until_quiet_or_dead()
        else:
            scene.gateway.wait_until(
                lambda: not scene.gateway.is_alive, "clients lost a live server"
            )
        check_lives(scene.examine(), lives.lives)
    scene.start()
    lives.run()
    assert lives.are_over
    check_over_rest(scene.gateway, lives.lives)
    disk = scene.finish()
    check_lives(disk, lives.lives)
    return disk


def check_over_rest(gateway: Gateway, lives: list[Life]) -> None:
    for life in lives[:: max(1, len(lives) // 50)]:
        for document_id in life.documents:
            path = f"{REST}/envelopes/{life.id}/documents/{document_id}"
            assert gateway.http.get(path).content == content(life.number, document_id)
        status = gateway.http.get(f"{REST}/envelopes/{life.id}").json()["status"]
        assert status == ("completed", "completed", "declined", "voided", "sent")[life.number % 5]


def check_documents_told(scene: Scene, disk: Disk, lives: list[Life]) -> None:
    """See that each completion brought its own listener every document, whole."""
    number = {life.id: life for life in lives}
    told = [one for one in scene.recorder.deliveries("OWN") if b"envelope-completed" in one.body]
    assert told
    for one in told:
        life = number[one.arrival[1]]
        for document_id in life.documents:
            assert b64encode(content(life.number, document_id)) in one.body
    assert {one.arrival[1] for one in told} == {
        id_ for id_, envelope in disk.envelopes.items() if envelope.status == "completed"
    }


def test_a_change_and_what_it_tells_survive_a_kill_at_each_gap_together(
    scene: Scene,
) -> None:
    lives = Lives(scene.gateway, 60, scene.event_notification)
    gaps = [(OUTSIDE, 25), *((gap, 18) for gap in GAPS), (INSIDE, 250)]
    disk = play_through_kills(scene, lives, gaps)
    assert scene.kills_at_work == len(gaps)
    check_documents_told(scene, disk, lives.lives)


def kill_at_random(scene: Scene, kills: int, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # chooses gaps, not secrets
    lives = Lives(scene.gateway, 5 * kills, scene.event_notification)
    most = {OUTSIDE: 40, INSIDE: 600}
    gaps = [dice.choice((*GAPS, OUTSIDE, INSIDE)) for _ in range(kills)]
    chosen = [(gap, dice.randint(1, most.get(gap, 60))) for gap in gaps]
    disk = play_through_kills(scene, lives, chosen)
    assert scene.kills_at_work > 0.9 * kills
    check_documents_told(scene, disk, lives.lives)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_change_and_what_it_tells_survive_a_hundred_random_kills_together(
    scene: Scene,
) -> None:
    kill_at_random(scene, 100, seed=20260304)


AWAITED = 12
REMINDING = {
    "useAccountDefaults": "false",
    "reminders": {"reminderEnabled": "true", "reminderDelay": "1", "reminderFrequency": "1"},
    "expirations": {"expireEnabled": "true", "expireAfter": "3", "expireWarn": "0"},
}
"""Reminds after one day and after two, and expires after three."""


def send_to_nobody_who_signs(scene: Scene) -> None:
    for number in range(AWAITED):
        said = {
            "status": "sent",
            "emailSubject": f"Envelope {number}",
            "eventNotification": scene.event_notification,
            "notification": REMINDING,
        }
        answer = scene.gateway.http.post(f"{REST}/envelopes", json=said)
        assert answer.status_code == httpx.codes.CREATED, answer.text


def pass_a_day_and_die(gateway: Gateway) -> None:
    gateway.until_quiet_or_dead()  # what is under way times out when the clock is moved
    tomorrow = gateway.now + timedelta(days=1)
    with contextlib.suppress(httpx.TransportError):  # it may die of it before it answers
        gateway.advance_to(tomorrow)
    gateway.now = tomorrow
    gateway.wait_until(lambda: not gateway.is_alive, "it was not killed")


def test_what_time_does_is_told_once_when_it_is_killed_midway(
    scene: Scene,
) -> None:
    scene.start()
    scene.configure()
    send_to_nobody_who_signs(scene)
    scene.examine()
    # In the midst of the first reminders, of the second ones, and of the expiries.
    for gap, passing in (("before-record", 7), ("after-record", 13), ("after-send", 30)):
        scene.start(gap, passing)
        pass_a_day_and_die(scene.gateway)
        scene.examine()
    scene.start()
    scene.gateway.wait_until(lambda: _is_over(scene.gateway), "they did not expire")
    sent_at = scene.gateway.now_at - 3 * DAY
    disk = scene.finish()
    due = {("envelope-reminder-sent", 1), ("envelope-reminder-sent", 2), ("envelope-voided", 3)}
    told = Counter(
        (one.envelope_id, one.told[0], (one.occurred_at - sent_at) // DAY) for one in disk.notes
    )
    assert set(told.values()) == {1}
    assert {one for one in told if one[2]} == {(id_, *one) for id_ in disk.envelopes for one in due}
    assert len(disk.envelopes) == AWAITED


def _is_over(gateway: Gateway) -> bool:
    found = gateway.http.get(
        f"{REST}/envelopes", params={"from_date": "2020-01-01", "status": "voided"}
    )
    return bool(int(found.json()["totalSetSize"]) == AWAITED)
