"""S8: a listener that cannot take two envelopes, and messages nobody can read."""

from collections import Counter
from typing import Any

import pytest
from tests.acceptance import invariants
from tests.acceptance.cast import A1, KA1, KA9, account, envelope, envelope_id, signed_headers
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder

ORDINARY = tuple(range(8100, 8200))
FAILING, HANGING = 808, 809
TEN_ATTEMPTS = [60] * 9


def connect(recorder: Recorder, **of_crm: Any) -> dict[str, Any]:
    def listener(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "account": A1, "url": recorder.url(name)} | more

    crm = {"retry": TEN_ATTEMPTS, "timeout_seconds": 10, "concurrency": 4} | of_crm
    return {
        "accounts": [account(A1, "Acme Corp")],
        "listeners": [listener("CRM", **crm), listener("OPS")],
    }


def completed(listener: str, *numbers: int) -> Counter[tuple[str, str, str | None, str]]:
    return Counter((listener, envelope_id(n), None, "envelope-completed") for n in numbers)


def poison(recorder: Recorder) -> None:
    recorder.say("CRM", envelopes=[FAILING], status=500, body=b"cannot parse E-808")
    recorder.say("CRM", envelopes=[HANGING], hang=True)


def test_two_poisoned_envelopes_delay_no_other_and_end_in_the_failures_list(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    poison(recorder)
    for number in (FAILING, HANGING, *ORDINARY):
        gateway.tell(envelope(number), "envelope-completed")
    gateway.wait_until(
        lambda: recorder.totals() == {"CRM": 100, "OPS": 102},
        "the other envelopes did not arrive while two were poisoned",
    )
    gateway.wait_until(lambda: gateway.owed("OPS") == 0, "OPS is still owed something")
    for _ in range(2 * len(TEN_ATTEMPTS) + 4):
        gateway.hang_through(recorder, timeout_seconds=10)
        gateway.advance(seconds=70)
    gateway.hang_through(recorder, timeout_seconds=10)
    gateway.until_quiet()
    failures = {one["envelope_id"]: one for one in gateway.ask("failures")["items"]}
    assert set(failures) == {envelope_id(FAILING), envelope_id(HANGING)}
    assert {one["attempts"] for one in failures.values()} == {10}
    assert failures[envelope_id(FAILING)]["last_status"] == 500
    assert failures[envelope_id(HANGING)]["last_failure"] == "timeout"

    recorder.heal("CRM")
    gateway.run("replay", str(failures[envelope_id(FAILING)]["id"]))
    gateway.catch_up("CRM")
    expected = completed("CRM", FAILING, *ORDINARY)
    invariants.check(gateway, recorder, expected + completed("OPS", FAILING, HANGING, *ORDINARY))


def test_in_strict_order_later_events_wait_behind_the_poisoned_one(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder, ordering="envelope"))
    recorder.say("CRM", envelopes=[FAILING], status=500, times=3)
    gateway.tell(envelope(FAILING), "envelope-sent", "envelope-delivered", "envelope-completed")
    gateway.until_quiet()
    assert recorder.totals() == {"OPS": 3}
    gateway.catch_up("CRM")
    events = [one.arrival[3] for one in recorder.deliveries("CRM")]
    assert events == ["envelope-sent", "envelope-delivered", "envelope-completed"]


def test_without_order_later_events_pass_and_the_late_one_is_flagged(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder, ordering="none"))
    recorder.say("CRM", envelopes=[FAILING], status=500, times=1)
    gateway.tell(envelope(FAILING), "envelope-sent")
    gateway.until_quiet()
    gateway.advance(seconds=1)
    gateway.tell(envelope(FAILING), "envelope-completed")
    gateway.until_quiet()
    assert recorder.totals() == {"OPS": 2, "CRM": 1}
    gateway.catch_up("CRM")
    first, late = recorder.deliveries("CRM")
    assert (first.arrival[3], late.arrival[3]) == ("envelope-completed", "envelope-sent")
    assert "postroom-late" not in first.headers
    assert late.headers["postroom-late"] == "true"


MESSAGE_START = b'{"event":"envelope-completed","data":{"accountId":"%s"' % A1.encode()
BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<DocuSignEnvelopeInformation>&b;</DocuSignEnvelopeInformation>"
)
POISON = {
    "malformed": MESSAGE_START + b',"envelopeId":',
    "thirty-megabytes": MESSAGE_START + b',"x":"' + b"x" * (30 << 20) + b'"}}',
    "unknown-event": MESSAGE_START.replace(b"completed", b"foo")
    + b',"envelopeId":"%s"}}' % envelope_id(880).encode(),
    "no-account": b'{"event":"envelope-completed","data":{"envelopeId":"x"}}',
    "empty": b"",
    "xml-bomb": BOMB,
    "nested": MESSAGE_START + b',"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}}",
}


@pytest.fixture(scope="module")
def poisoned(launch_once: Launch) -> Gateway:
    one = launch_once()
    one.apply({"accounts": [account(A1, "Acme Corp")]})
    return one


@pytest.mark.parametrize("name", POISON)
def test_an_unreadable_message_is_kept_and_flagged_if_it_is_signed_and_refused_if_not(
    poisoned: Gateway, name: str
) -> None:
    gateway, body = poisoned, POISON[name]
    before = len(gateway.every("notifications"))
    content_type = "text/xml" if name == "xml-bomb" else "application/json"
    genuine = signed_headers([KA1], body) | {"Content-Type": content_type}
    forged = signed_headers([KA9], body) | {"Content-Type": content_type}
    assert gateway.post(body, forged, path=f"/{A1}") == 401
    assert len(gateway.every("notifications")) == before
    assert gateway.post(body, genuine, path=f"/{A1}") == 200
    newest, *others = gateway.every("notifications")
    assert len(others) == before
    assert newest["flaw"]
    assert gateway.http.get("/healthz").is_success


def test_an_unknown_event_still_reaches_the_listeners_that_want_everything(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    body = POISON["unknown-event"]
    assert gateway.post(body) == 200
    gateway.until_quiet()
    assert recorder.totals() == {"CRM": 1, "OPS": 1}
    assert [one.body for one in recorder.deliveries()] == [body, body]
