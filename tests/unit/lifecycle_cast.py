"""Envelopes, recipients and actions for the tests that live through an envelope's life."""

from collections.abc import Iterable
from typing import Any

import pytest

from postroom.clock import SECOND
from postroom.envelopes.envelope import (
    RECIPIENT_TYPES,
    Action,
    CustomField,
    Document,
    Envelope,
    Recipient,
    Role,
    Sender,
    Step,
    Verb,
)
from postroom.envelopes.lifecycle import act
from postroom.errors import DocusignError

A1 = "a1000000-0000-4000-8000-000000000001"
U123 = "5f0c1f3e-0000-4000-8000-000000000123"
START = 1_767_225_600 * SECOND
"""2026-01-01 00:00 UTC, when every envelope of the cast is created."""
LATER = START + 3600 * SECOND
ROLES: tuple[Role, ...] = tuple(RECIPIENT_TYPES)
NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn")


def recipient(number: int = 1, **changes: Any) -> Recipient:
    """Return recipient `number`, a signer in routing order 1 unless changed."""
    name = NAMES[(number - 1) % len(NAMES)]
    made: dict[str, Any] = {
        "id": str(number),
        "guid": f"1e000000-0000-4000-8000-{number:012}",
        "name": name,
        "email": f"{name.lower()}@example.com",
        "user_id": f"0e000000-0000-4000-8000-{number:012}",
    }
    return Recipient(**(made | changes))


def document(number: int = 1, **changes: Any) -> Document:
    """Return a document of an envelope."""
    made: dict[str, Any] = {
        "id": str(number),
        "guid": f"d0000000-0000-4000-8000-{number:012}",
        "name": f"agreement-{number}.pdf",
    }
    return Document(**(made | changes))


def field(name: str, value: str, **changes: Any) -> CustomField:
    """Return a text custom field."""
    made: dict[str, Any] = {"id": "10480000001", "name": name, "value": value}
    return CustomField(**(made | changes))


def envelope(number: int = 1, *, recipients: Iterable[Recipient] = (), **changes: Any) -> Envelope:
    """Return draft E-`number` with one document and, unless given others, one signer."""
    made: dict[str, Any] = {
        "account_id": A1,
        "id": f"e0000000-0000-4000-8000-{number:012}",
        "sender": Sender(user_id=U123, name="Sam Sender", email="sam@example.com"),
        "subject": "Please sign",
        "recipients": tuple(recipients) or (recipient(),),
        "documents": (document(),),
        "created_at": START,
        "modified_at": START,
        "status_changed_at": START,
    }
    return Envelope(**(made | changes))


def action(verb: Verb, recipient_id: str | None = None, **changes: Any) -> Action:
    """Return an action; voiding is given a reason, reassigning a person."""
    made: dict[str, Any] = {"verb": verb, "recipient_id": recipient_id}
    if verb == "void":
        made["reason"] = "No longer needed"
    if verb in {"reassign", "delegate"}:
        made |= {"name": "Rita", "email": "rita@example.com"}
    return Action(**(made | changes))


def play(start: Envelope, *actions: Action | Verb, at: int = START + SECOND) -> Step:
    """Live through actions, a second apart; return where it ends with everything it told."""
    told: list[Any] = []
    for number, one in enumerate(actions):
        played = Action(verb=one) if isinstance(one, str) else one
        step = act(start, played, at=at + number * SECOND)
        start = step.envelope
        told.extend(step.happenings)
    return Step(envelope=start, happenings=tuple(told))


def sent(*recipients: Recipient, **changes: Any) -> Envelope:
    """Return an envelope that has just been sent."""
    return play(envelope(recipients=recipients, **changes), "send").envelope


def events(step: Step) -> list[str]:
    """Return what was told: `envelope-sent`, and `recipient-sent 1` with the recipient's id."""
    return [
        one.event if one.recipient_id is None else f"{one.event} {one.recipient_id}"
        for one in step.happenings
    ]


def refusal(start: Envelope, verb: Verb, recipient_id: str | None = None) -> str:
    """Return the code with which an action is refused; its sentence must say what to do."""
    with pytest.raises(DocusignError) as caught:
        act(start, action(verb, recipient_id), at=LATER)
    message = str(caught.value)
    assert message.endswith(".")
    assert message.count(":") >= 1 or message.startswith("Give ")
    return caught.value.code


def statuses(start: Envelope) -> list[str]:
    """Return how far each recipient has come."""
    return [one.status for one in start.recipients]
