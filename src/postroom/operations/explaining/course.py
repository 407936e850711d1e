"""What is missing from an envelope's course as it was told: an end without its beginning. Pure."""

from collections.abc import Iterable

from postroom.model import Notification, Noun

_BEFORE = {
    "envelope-delivered": "envelope-sent",
    "envelope-completed": "envelope-sent",
    "envelope-declined": "envelope-sent",
    "envelope-voided": "envelope-sent",
    "recipient-delivered": "recipient-sent",
    "recipient-completed": "recipient-sent",
    "recipient-declined": "recipient-sent",
}
"""What happened before, whatever else did (contract 2.3)."""


class Gap(Noun, frozen=True, kw_only=True):
    """An event that must have happened, and never came."""

    event: str
    recipient_id: str | None
    implied_by: str
    """The event that came."""


def gaps(notifications: Iterable[Notification]) -> tuple[Gap, ...]:
    """Return what must have happened for these to, and is not among them; each once."""
    came = {(one.event, _whose(one)): one for one in notifications}
    found: dict[tuple[str, str | None], Gap] = {}
    for event, whose in came:
        before = _BEFORE.get(event)
        key = before or "", whose
        if before is not None and key not in came and key not in found:
            found[key] = Gap(event=before, recipient_id=whose, implied_by=event)
    return tuple(found.values())


def said(gap: Gap) -> str:
    """Say it, and what to do about it."""
    whose = "" if gap.recipient_id is None else f" of recipient {gap.recipient_id[:40]}"
    return (
        f"{gap.implied_by}{whose} came, and {gap.event} never did, which the feed carries of other "
        "envelopes: it may have been refused or lost; `postroom reconcile` asks the account"
    )


def _whose(one: Notification) -> str | None:
    return one.recipient_id if one.event.startswith("recipient-") else None
