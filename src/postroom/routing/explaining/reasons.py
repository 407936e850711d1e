"""Why a listener does not get a notification, as a person says it; one sentence a condition.

Each says what the message has and what was wanted, and names what nearly fits.
"""

from collections.abc import Iterable

from postroom.model import Finding, Json, Listener, Notification, Truth
from postroom.routing import words
from postroom.routing.explaining import spelling
from postroom.routing.explaining.shortfall import Shortfall
from postroom.routing.wants import Wants

MOST_COMPARED = 200


def unreadable(finding: Finding) -> str:
    """Say that no listener can be matched with a message that is no message."""
    return f"the message cannot be read: {finding.hint}"


def of_account(listener: Listener, notification: Notification) -> str:
    """Say that the notification is another account's."""
    return (
        f"it came for account {words.clipped(notification.account_id, words.LONGEST_TEXT)}, and "
        f"the listener is of account {listener.account_id}"
    )


def of_standing(listener: Listener, notification: Notification) -> str:
    """Say that it is off, or that the envelope or the publication is not its own."""
    if not listener.is_active:
        off = " (allowEnvelopePublish is false)" if listener.configuration is not None else ""
        return f"it is switched off{off}"
    if notification.origin == "historical":
        told = ", ".join(notification.attached[: words.MOST_ENTRIES]) or "nobody"
        return f"it was published again, as history, for {words.clipped(told, 200)} alone"
    return "the envelope does not carry its eventNotification"


def of_event(listener: Listener, notification: Notification) -> str:
    """Say which event it is, which are wanted, and which of these it nearly is."""
    event = words.clipped(notification.event, words.LONGEST_TEXT)
    events = listener.events
    if not events:
        return "its configuration names no events"
    nearly = _nearest(event, events)
    if len(events) == 1:
        return f"the event is {event}, wanted {_shown(events)}{nearly}"
    named = f" ({_shown(events)})" if len(events) <= words.MOST_ENTRIES else ""
    return f"{event} is not among its {len(events)} events{named}{nearly}"


def of_sender(wants: Wants, finding: Finding) -> str:
    """Say who sent it, and whose envelopes are wanted."""
    users = wants.users
    seen = first_word(finding.seen)
    described = users.describe() if users is not None else ""
    if finding.truth is Truth.UNKNOWN:
        return f"who sent it is not known, wanted {described}: {finding.hint}"
    sender = f"sent by {seen}" if seen else "sent by nobody it names"
    if users is not None and not users.is_only:
        whom = described.removeprefix("all users except ")
        return f"{sender}, whose envelopes it does not want: all but those of {whom}"
    nearly = ""
    if "@" in seen and users is not None and wants.listener.users is not None:
        nearly = _nearest(seen, wants.listener.users.emails)
    unknown = "" if "@" in seen else " (whom the account's directory does not know by e-mail)"
    return f"{sender}{unknown}, who is not among {described.removeprefix('only users ')}{nearly}"


def first_word(seen: Json) -> str:
    """Return of a sender as seen, address and id, the first; "" where nothing can be read."""
    return next(iter(str(seen or "").split()), "")


def of_content(finding: Finding, short: Shortfall | None) -> str:
    """Say by what the content falls short of the filter."""
    if short is None or not short.missed:
        return finding.hint or f"{finding.condition} does not hold"
    return short.sentence


def _shown(texts: Iterable[str]) -> str:
    return words.clipped(", ".join(texts), words.LONGEST_SENTENCE)


def _nearest(seen: str, wanted: Iterable[str]) -> str:
    """Return in brackets which wanted text a seen one nearly is; nothing where none."""
    found = [
        (text, told)
        for text, _ in zip(wanted, range(MOST_COMPARED), strict=False)
        if (told := spelling.differences(seen, text)) not in {(), (spelling.A_CLOSE_SPELLING,)}
    ]
    if not found:
        return ""
    text, told = min(found, key=lambda one: spelling.weight(one[1]))
    return f" (nearly {words.clipped(text, words.LONGEST_TEXT)}: {', '.join(told)})"
