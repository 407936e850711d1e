"""The life of an envelope: what each action does to it, and the events that it tells. Pure.

`act` is the one way to do something to an envelope; corrections of several recipients and of
custom fields come from `corrections`, what time does from `schedule`. What events follow on an
action, and in what order, is `turns`' business.

The same action twice changes nothing. What is meant to be done again (`resend`, `remind`,
`finish-later`) counts as the same action only when nothing else happened in between and the
moment is the same. After a final status nothing is told but purging, deleting and removing.
"""

from collections.abc import Callable

from msgspec.structs import replace

from postroom.clock import SECOND
from postroom.envelopes import corrections, given_recipients, recipient_acts, refusals, turns
from postroom.envelopes.corrections import correct_recipients, remove_recipients, set_fields
from postroom.envelopes.course import Course
from postroom.envelopes.envelope import FINAL_STATUSES, Action, Envelope, Step
from postroom.envelopes.limits import DEFAULT, Limits
from postroom.envelopes.schedule import due_action, expires_at, next_at

__all__ = [
    "EXPIRED",
    "PURGE_STATES",
    "act",
    "begun",
    "correct_recipients",
    "created",
    "due_action",
    "expires_at",
    "next_at",
    "remove_recipients",
    "set_fields",
]

EXPIRED = "Envelope has expired."
"""The void reason of an envelope that expired; it tells expiry from voiding (contract 2.2)."""

PURGE_STATES = (
    "documents_queued",
    "documents_and_metadata_queued",
    "documents_and_metadata_and_redact_queued",
    "documents_dequeued",
)
"""What a purge can be asked to bring about (contract 2.2)."""

MAX_REASON_CHARACTERS = 500
MAX_VOID_REASON_CHARACTERS = 200
_DAY = 86_400 * SECOND
_AFTER_REMOVAL = frozenset({"remove", "complete-purge"})
"""What still happens to a removed envelope: its documents do not outlive the purge queue."""


def created(envelope: Envelope) -> Step:
    """Return the first step of a new draft: `envelope-created`, at its `created_at`."""
    course = Course(envelope, envelope.created_at)
    if not envelope.trail:
        course.tell("envelope-created")
        course.note("Registered", f"The envelope was created by {envelope.sender.name}")
    return course.step()


def begun(envelope: Envelope, *, at: int, is_sent: bool) -> Step:
    """Return the first step of a new envelope: a draft, which is told of, or sent at once.

    What is sent at once never was a draft, and `envelope-created` is what Docusign's older
    messages call Draft (contract 2.2).
    """
    draft = created(envelope)
    return act(draft.envelope, Action(verb="send"), at=at) if is_sent else draft


def act(envelope: Envelope, action: Action, *, at: int, limits: Limits = DEFAULT) -> Step:
    """Return the envelope after an action at a moment, and the events in the order they are told.

    Raises DocusignError where the action is not legal: its code is Docusign's, its sentence says
    what to do. An action that changes nothing returns the very same envelope and no events.
    """
    if envelope.removed_at is not None and action.verb not in _AFTER_REMOVAL:
        raise refusals.gone()
    if len(action.reason) > MAX_REASON_CHARACTERS:
        raise refusals.bad_parameter(
            f"Give a reason of at most {MAX_REASON_CHARACTERS} characters."
        )
    course = Course(envelope, at, limits)
    verb = _VERBS.get(action.verb)
    if verb is None:
        raise refusals.bad_parameter(f"There is no such action: choose from {', '.join(_VERBS)}.")
    verb(course, action)
    return course.step()


def _send(course: Course, _: Action) -> None:
    envelope = course.envelope
    if envelope.initial_sent_at is not None and course.status in {"sent", "delivered", "completed"}:
        return
    if course.status != "created":
        raise refusals.wrong_status(envelope, "be sent")
    _require_complete(envelope)
    course.become("sent", initial_sent_at=course.at, sent_at=course.at, folder="sentitems")
    turns.invite(course)
    course.tell("envelope-sent")
    turns.settle(course)


def _require_complete(envelope: Envelope) -> None:
    if not envelope.recipients:
        raise refusals.incomplete("add a recipient")
    if not envelope.documents:
        raise refusals.incomplete("add a document")
    if not envelope.subject.strip():
        raise refusals.incomplete("give it an emailSubject")
    given_recipients.check_addresses(envelope.recipients)
    for field in envelope.fields:
        if field.is_required and not field.value.strip():
            raise refusals.incomplete(f"give the required custom field {field.name!r} a value")
    if len({recipient.id for recipient in envelope.recipients}) < len(envelope.recipients):
        raise refusals.incomplete("give each recipient a recipientId of its own")


def _void(course: Course, action: Action) -> None:
    if course.status == "voided":
        return
    if not course.is_in_process:
        raise refusals.wrong_status(
            course.envelope, "be voided", code="ENVELOPE_CANNOT_VOID_INVALID_STATE"
        )
    if not 0 < len(action.reason.strip()) <= MAX_VOID_REASON_CHARACTERS:
        raise refusals.bad_parameter(
            f"Give a voidedReason of 1 to {MAX_VOID_REASON_CHARACTERS} characters."
        )
    sender = course.envelope.sender.name
    _end_as_void(course, action.reason, f"{sender} voided the envelope: {action.reason}")


def _expire(course: Course, _: Action) -> None:
    if course.status == "voided":
        return
    recipient_acts.require_in_process(course, "expire")
    _end_as_void(course, EXPIRED, EXPIRED)


def _end_as_void(course: Course, reason: str, message: str) -> None:
    course.become("voided", voided_at=course.at, voided_reason=reason)
    course.tell("envelope-voided")
    course.note("Voided", message)


def _resend(course: Course, action: Action) -> None:
    recipient_acts.require_in_process(course, "be resent")
    if action.recipient_id is None:
        pending = [one for one in course.recipients if one.status in turns.ACTIVE]
    else:
        pending = [course.recipient(action.recipient_id, action.verb)]
        recipient_acts.require_active(pending[0], "be resent to")
    if not course.is_repeat(*corrections.resending(course, pending)):
        corrections.resend_to(course, pending)


def _remind(course: Course, _: Action) -> None:
    recipient_acts.require_in_process(course, "remind")
    said = "Reminded", "The recipients whose turn it is were reminded"
    if not course.is_repeat(*said):
        course.change(last_reminded_at=course.at)
        course.tell("envelope-reminder-sent")
        course.note(*said)


def _lock(course: Course, _: Action) -> None:
    if course.envelope.is_locked:
        return
    if course.status != "created" and not course.is_in_process:
        raise refusals.wrong_status(
            course.envelope, "be locked", code="EDIT_LOCK_INVALID_STATE_FOR_LOCK"
        )
    course.change(is_locked=True)
    course.note("Locked", f"{course.envelope.sender.name} locked the envelope for editing")


def _unlock(course: Course, _: Action) -> None:
    envelope = course.envelope
    if not envelope.is_locked:
        return
    course.change(is_locked=False, is_corrected=False)
    if envelope.is_corrected and course.is_in_process:
        course.tell("envelope-corrected")
    course.note("Unlocked", f"{envelope.sender.name} removed the lock")


def _purge(course: Course, action: Action) -> None:
    envelope, state = course.envelope, action.purge_state
    if state not in PURGE_STATES:
        raise refusals.bad_parameter(f"Give a purgeState out of {', '.join(PURGE_STATES)}.")
    if envelope.purge_state == state:
        return
    if course.status not in FINAL_STATUSES or envelope.initial_sent_at is None:
        raise refusals.wrong_status(envelope, "be purged", advice="let it end first")
    if envelope.is_purged:
        raise refusals.bad_parameter("The documents are purged already: nothing is left to purge.")
    is_taken_back = state == "documents_dequeued"
    if is_taken_back and envelope.purge_at is None:
        raise refusals.bad_parameter("No purge is queued: queue one before taking it back.")
    purge_at = course.at + round(course.limits.purge_days * _DAY)
    course.change(purge_state=state, purge_at=None if is_taken_back else purge_at)
    course.tell("envelope-purge")
    course.note("Purge", f"{envelope.sender.name} set the purge state to {state}")


def _complete_purge(course: Course, _: Action) -> None:
    """Carry out the queued purge; nothing is told, as Docusign tells of the queue alone.

    Who keeps the documents drops their bytes when an envelope becomes `is_purged`.
    """
    envelope = course.envelope
    if envelope.is_purged:
        return
    if envelope.purge_at is None:
        raise refusals.bad_parameter("No purge is queued: queue one first.")
    state = envelope.purge_state.removesuffix("_queued") + "_purged"
    course.change(purge_state=state, purge_at=None)
    if "metadata" in state:  # tabs and attachments, by Docusign's documentation of purging
        bare = tuple(replace(document, tabs=None) for document in envelope.documents)
        course.change(documents=bare, attachments=None)
        for recipient in tuple(course.recipients):
            course.update(recipient, tabs=None)
    course.note("Purge", f"The purge was completed: {state}")


def _delete(course: Course, _: Action) -> None:
    if course.status == "deleted":
        return
    if course.status == "created":
        raise refusals.wrong_status(course.envelope, "be deleted", advice="discard it instead")
    _throw_away(course, "envelope-deleted", "Deleted")


def _discard(course: Course, _: Action) -> None:
    if course.status == "deleted" and course.envelope.initial_sent_at is None:
        return
    if course.status != "created":
        raise refusals.wrong_status(course.envelope, "be discarded", advice="delete it instead")
    _throw_away(course, "envelope-discard", "Discarded")


def _throw_away(course: Course, event: str, done: str) -> None:
    course.become("deleted", deleted_at=course.at, folder="recyclebin")
    course.tell(event)
    course.note(done, f"{course.envelope.sender.name} {done.lower()} the envelope")


def _remove(course: Course, _: Action) -> None:
    if course.envelope.removed_at is not None:
        return
    if course.status not in FINAL_STATUSES:
        raise refusals.wrong_status(
            course.envelope, "be removed", advice="delete or discard it first"
        )
    course.change(removed_at=course.at)
    course.tell("envelope-removed")
    course.note("Removed", f"{course.envelope.sender.name} removed the envelope permanently")


_VERBS: dict[str, Callable[[Course, Action], None]] = {
    "send": _send,
    "view": recipient_acts.view,
    "sign": recipient_acts.sign,
    "decline": recipient_acts.decline,
    "fail-authentication": recipient_acts.fail_authentication,
    "bounce": recipient_acts.bounce,
    "auto-reply": recipient_acts.bounce,
    "reassign": recipient_acts.reassign,
    "delegate": recipient_acts.reassign,
    "finish-later": recipient_acts.finish_later,
    "void": _void,
    "lock": _lock,
    "unlock": _unlock,
    "correct": corrections.correct,
    "resend": _resend,
    "remind": _remind,
    "expire": _expire,
    "purge": _purge,
    "complete-purge": _complete_purge,
    "delete": _delete,
    "discard": _discard,
    "remove": _remove,
}
