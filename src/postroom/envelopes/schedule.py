"""What time does to an envelope: it reminds, expires, and completes a queued purge. Pure.

The warning before expiry is a mail and no event, so nothing is due for it.
"""

from postroom.clock import SECOND
from postroom.envelopes.course import IN_PROCESS
from postroom.envelopes.envelope import Action, Envelope, Verb

_DAY = 86_400 * SECOND


def expires_at(envelope: Envelope) -> int | None:
    """Return when the envelope expires: days after it was first sent; None where it never does."""
    reminders = envelope.reminders
    if not reminders.is_expiring or envelope.initial_sent_at is None:
        return None
    return envelope.initial_sent_at + reminders.expire_after_days * _DAY


def reminds_at(envelope: Envelope) -> int | None:
    """Return when it reminds next: after the delay, then at the frequency; None for no more."""
    reminders = envelope.reminders
    if not reminders.is_reminding or envelope.initial_sent_at is None:
        return None
    if envelope.last_reminded_at is None:
        begins, days = envelope.initial_sent_at, reminders.delay_days or reminders.frequency_days
    else:
        begins, days = envelope.last_reminded_at, reminders.frequency_days
    return begins + days * _DAY if days > 0 else None


def next_at(envelope: Envelope) -> int | None:
    """Return when time does something to the envelope next; None where it never does."""
    due = _next(envelope)
    return None if due is None else due[0]


def due_action(envelope: Envelope, now: int) -> Action | None:
    """Return what is due by `now`: that of `next_at`; None where nothing is.

    To play everything that came due while nobody looked, act at `next_at` itself, again and
    again, for as long as this returns an action.
    """
    due = _next(envelope)
    return Action(verb=due[1]) if due is not None and due[0] <= now else None


def _next(envelope: Envelope) -> tuple[int, Verb] | None:
    if envelope.purge_at is not None:
        return envelope.purge_at, "complete-purge"
    if envelope.status not in IN_PROCESS:
        return None
    expiry, reminder = expires_at(envelope), reminds_at(envelope)
    if expiry is not None and (reminder is None or expiry <= reminder):
        return expiry, "expire"
    return None if reminder is None else (reminder, "remind")
