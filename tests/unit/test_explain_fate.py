"""What became of a delivery, in a sentence."""

from typing import Any

import pytest

from postroom.model import DeliveryState, ListenerState
from postroom.operations.explaining.fate import Surroundings, outcome, told
from postroom.routing.states import TOLD_LATER
from postroom.storage.port import StoredAttempt, StoredDelivery

NINE = 1_772_442_000_000_000
"""2026-03-02T09:00:00Z."""
AT_NINE = "2026-03-02T09:00:00.000Z"


def row(state: DeliveryState, **keys: Any) -> StoredDelivery:
    given: dict[str, Any] = {
        "id": 7,
        "notification_id": "evt_0",
        "listener_id": 1,
        "account_id": "a1",
        "envelope_id": "e1",
        "event": "envelope-sent",
        "recipient_id": None,
        "received_at": NINE,
        "reason": None,
        "lane": None,
        "due_at": NINE,
        "is_leased": False,
        "attempts": 0,
        "last_status": None,
        "last_failure": None,
        "settled_at": None,
        "replay": None,
        "superseded_by": None,
        "is_late": False,
        "has_body": True,
    }
    return StoredDelivery(state=state, **(given | keys))


def attempt(**keys: Any) -> StoredAttempt:
    given: dict[str, Any] = {
        "number": 1,
        "started_at": NINE,
        "duration_us": 1,
        "status": None,
        "failure": None,
        "detail": "",
        "response_headers": (),
        "response_excerpt": b"",
        "verdict": "try-again",
        "verdict_reason": "",
        "next_at": None,
    }
    return StoredAttempt(**(given | keys))


PAUSED = ListenerState(listener_id=1, paused_at=NINE)
DOWN = ListenerState(listener_id=1, down_since=NINE, probe_at=NINE)
RETRIED = row(DeliveryState.DUE, attempts=2, last_status=503)


@pytest.mark.parametrize(
    ("one", "around", "said"),
    [
        (
            row(DeliveryState.DELIVERED, attempts=2, settled_at=NINE),
            Surroundings(),
            f"delivered after 2 attempts at {AT_NINE} (matched)",
        ),
        (
            row(DeliveryState.GIVEN_UP, attempts=1, last_status=500, reason="no more tries"),
            Surroundings(last=attempt(status=500, response_excerpt=b"no\nroom\xff")),
            'given up after 1 attempt: no more tries; last answer 500 "no room\ufffd" (matched)',
        ),
        (
            row(DeliveryState.GIVEN_UP, attempts=1, last_failure="dns", reason="dns: no such host"),
            Surroundings(last=attempt(failure="dns", detail="no such host")),
            "given up after 1 attempt: dns: no such host (matched)",
        ),
        (
            row(DeliveryState.WAITING),
            Surroundings(head=RETRIED),
            (
                "waiting behind envelope-sent of the same envelope, which is retried at "
                f"{AT_NINE} (after 2 attempts, last answer 503) (matched)"
            ),
        ),
        (
            row(DeliveryState.WAITING),
            Surroundings(head=row(DeliveryState.DUE, is_leased=True)),
            "waiting behind envelope-sent of the same envelope, which is being sent (matched)",
        ),
        (
            row(DeliveryState.DUE),
            Surroundings(state=PAUSED),
            f"to be sent, once the listener is resumed: it is paused since {AT_NINE} (matched)",
        ),
        (
            row(DeliveryState.DUE, attempts=1, last_failure="timeout"),
            Surroundings(state=DOWN),
            (
                f"pending after 1 attempt, retried at {AT_NINE}, once the listener is well: it is "
                f"down since {AT_NINE}, tried next at {AT_NINE}; last try failed: timeout (matched)"
            ),
        ),
        (
            row(DeliveryState.DUE, is_leased=True, attempts=1, last_status=503),
            Surroundings(),
            "being tried again after 1 attempt; last answer 503 (matched)",
        ),
        (
            row(DeliveryState.DISMISSED, reason=TOLD_LATER),
            Surroundings(),
            "merged: told by a later event of the action, so it is not sent by itself (matched)",
        ),
        (
            row(DeliveryState.DISMISSED, reason="grace dismissed it"),
            Surroundings(),
            "dismissed: grace dismissed it (matched)",
        ),
        (
            row(DeliveryState.CROSSED, reason="crossed with crm in lane wb"),
            Surroundings(),
            "crossed with crm in lane wb",
        ),
        (row(DeliveryState.SHADOWED), Surroundings(), "would be delivered (shadow)"),
        (
            row(DeliveryState.DELIVERED, attempts=1, superseded_by=9),
            Surroundings(),
            "delivered after 1 attempt; done again as delivery 9 (matched)",
        ),
    ],
)
def test_it_says_where_a_delivery_stands_and_what_it_waits_for(
    one: StoredDelivery, around: Surroundings, said: str
) -> None:
    assert told(one, "matched", around) == said


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (row(DeliveryState.DUE), "pending"),
        (row(DeliveryState.WAITING), "pending"),
        (row(DeliveryState.DISMISSED, reason=TOLD_LATER), "merged"),
        (row(DeliveryState.DISMISSED, reason="by hand"), "dismissed"),
        (row(DeliveryState.GIVEN_UP), "given_up"),
    ],
)
def test_where_it_stands_is_said_in_a_word(one: StoredDelivery, word: str) -> None:
    assert outcome(one) == word


def test_a_long_answer_is_cut_and_stays_in_one_line() -> None:
    last = attempt(status=500, response_excerpt=b"<html>\n" * 300)
    said = told(
        row(DeliveryState.GIVEN_UP, attempts=1, last_status=500), "", Surroundings(last=last)
    )
    assert len(said) < 300
    assert "\n" not in said
