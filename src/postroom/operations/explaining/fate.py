"""What became of a delivery, as a person says it. Pure."""

from postroom.model import DeliveryState, ListenerState, Noun
from postroom.operations.views import moment
from postroom.routing import words
from postroom.routing.states import TOLD_LATER
from postroom.storage.port import StoredAttempt, StoredDelivery

SHOWN_OF_ANSWER = 120
"""Characters of what a listener answered."""


class Surroundings(Noun, frozen=True, kw_only=True):
    """What bears on a delivery besides itself."""

    state: ListenerState | None = None
    """Of its listener, if that is paused or down."""
    head: StoredDelivery | None = None
    """Of a waiting one: the delivery it waits behind."""
    last: StoredAttempt | None = None
    """Its last attempt, where it has not been delivered."""


ALONE = Surroundings()


def outcome(row: StoredDelivery) -> str:
    """Return in a word where a delivery stands: `pending`, `merged`, or its state."""
    if row.state in {DeliveryState.DUE, DeliveryState.WAITING}:
        return "pending"
    if row.state is DeliveryState.DISMISSED and row.reason == TOLD_LATER:
        return "merged"
    return row.state.value


def told(row: StoredDelivery, why: str, around: Surroundings = ALONE) -> str:
    """Say where a delivery stands and what it waits for; `why` it was owed, in brackets."""
    match row.state:
        case DeliveryState.DELIVERED:
            said = f"delivered {_tries(row)}{_at(row)}"
        case DeliveryState.GIVEN_UP:
            said = f"given up {_tries(row)}: {row.reason}{_answer(row, around.last)}"
        case DeliveryState.WAITING:
            said = f"waiting behind {_head(around.head)}{_stopped(around.state)}"
        case DeliveryState.DUE:
            said = _due(row, around)
        case DeliveryState.DISMISSED if row.reason == TOLD_LATER:
            said = f"merged: {TOLD_LATER}, so it is not sent by itself"
        case DeliveryState.SHADOWED:
            held = f"would be held (shadow): {row.reason}"
            return held if row.reason else "would be delivered (shadow)"
        case DeliveryState.HELD:
            return f"held: {row.reason}"
        case DeliveryState.CROSSED:
            return row.reason or "crossed"
        case _:
            said = f"{row.state.value}: {row.reason}"
    replay = f"; done again as delivery {row.superseded_by}" if row.superseded_by else ""
    return f"{said}{replay} ({why})"


def _due(row: StoredDelivery, around: Surroundings) -> str:
    stopped = _stopped(around.state)
    if not row.attempts:
        if row.is_leased:
            return "about to be sent: it is in hand"
        return f"to be sent{stopped}" if stopped else "about to be sent"
    answer = _answer(row, around.last)
    if row.is_leased:
        return f"being tried again {_tries(row)}{answer}"
    again = f", retried at {moment(row.due_at)}" if row.due_at is not None else ""
    return f"pending {_tries(row)}{again}{stopped}{answer}"


def _tries(row: StoredDelivery) -> str:
    return f"after {row.attempts} attempt{'' if row.attempts == 1 else 's'}"


def _at(row: StoredDelivery) -> str:
    return "" if row.settled_at is None else f" at {moment(row.settled_at)}"


def _head(head: StoredDelivery | None) -> str:
    if head is None:
        return "an earlier event of the same envelope"
    which = f"{head.event} of the same envelope"
    if head.is_leased:
        return f"{which}, which is being sent"
    if not head.attempts:
        return f"{which}, which is to be sent first"
    when = "" if head.due_at is None else f" at {moment(head.due_at)}"
    last = f"last answer {head.last_status}" if head.last_status else f"last {head.last_failure}"
    return f"{which}, which is retried{when} ({_tries(head)}, {last})"


def _stopped(state: ListenerState | None) -> str:
    if state is None:
        return ""
    if state.paused_at is not None:
        return f", once the listener is resumed: it is paused since {moment(state.paused_at)}"
    if state.down_since is not None:
        probe = "" if state.probe_at is None else f", tried next at {moment(state.probe_at)}"
        return f", once the listener is well: it is down since {moment(state.down_since)}{probe}"
    return ""


def _answer(row: StoredDelivery, last: StoredAttempt | None) -> str:
    """Say how the last try went, with the beginning of what was answered."""
    if row.last_status:
        said = f"; last answer {row.last_status}"
    elif row.last_failure:
        said = f"; last try failed: {row.last_failure}"
    else:
        return ""
    if last is None:
        return said
    text = last.response_excerpt.decode("utf-8", "replace") if last.status else last.detail
    if not last.status and text and text in (row.reason or ""):
        return ""  # what it was given up for says it already
    shown = " ".join(words.clipped(text.strip(), SHOWN_OF_ANSWER).split())
    return f"{said} {words.quoted(shown)}" if shown else said
