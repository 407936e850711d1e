"""What recipients do to an envelope, and what befalls them: one function for each verb. Pure.

Each raises DocusignError unless it is the recipient's turn and of its role to do this; done a
second time it changes nothing.
"""

from postroom.envelopes import corrections, refusals, tab_values, turns
from postroom.envelopes.course import Course
from postroom.envelopes.envelope import Action, Recipient


def view(course: Course, action: Action) -> None:
    """Let a recipient open the documents; one that only has to is done with it."""
    recipient = course.recipient(action.recipient_id, action.verb)
    if recipient.status in turns.OPENED and not recipient.is_locked_out:
        return
    _require_turn(course, recipient)
    ends = turns.ending_verb(recipient.role) == "view"
    recipient = turns.open_for(course, recipient)
    if ends:
        turns.finish(course, recipient)
        turns.settle(course)


def sign(course: Course, action: Action) -> None:
    """Let a recipient sign, opening first if it has not; its tabs take the values given."""
    recipient = course.recipient(action.recipient_id, action.verb)
    if turns.ending_verb(recipient.role) != "sign":
        raise refusals.wrong_role(recipient, action.verb)
    if recipient.status == "completed":
        return
    _require_turn(course, recipient)
    recipient = turns.open_for(course, recipient)
    if action.tabs:
        recipient = course.update(recipient, tabs=tab_values.fill(recipient, action.tabs))
    turns.finish(course, recipient)
    turns.settle(course)


def decline(course: Course, action: Action) -> None:
    """Let a recipient decline, which ends the envelope; opens first if it has not."""
    recipient = course.recipient(action.recipient_id, action.verb)
    if recipient.status == "declined":
        return
    if turns.ending_verb(recipient.role) is None:
        raise refusals.wrong_role(recipient, action.verb)
    _require_turn(course, recipient)
    recipient = turns.open_for(course, recipient)
    course.update(
        recipient, status="declined", declined_at=course.at, declined_reason=action.reason
    )
    course.tell("recipient-declined", recipient.id)
    course.become("declined", declined_at=course.at)
    course.tell("envelope-declined")
    because = f": {action.reason}" if action.reason else ""
    course.note("Declined", f"{recipient.name} declined the envelope{because}", recipient)


def fail_authentication(course: Course, action: Action) -> None:
    """Lock a recipient out that failed all its attempts to show who it is."""
    recipient = course.recipient(action.recipient_id, action.verb)
    if recipient.is_locked_out:
        return
    _require_turn(course, recipient)
    course.update(recipient, is_locked_out=True, failed_at=course.at)
    course.tell("recipient-authenticationfailed", recipient.id)
    course.note("Authentication Failed", f"{recipient.name} failed to authenticate", recipient)


def bounce(course: Course, action: Action) -> None:
    """Let a recipient's mail come back, or be answered by a machine; the envelope stays sent."""
    recipient = course.recipient(action.recipient_id, action.verb)
    if recipient.status == "autoresponded":
        return
    if recipient.client_user_id is not None:
        raise refusals.wrong_role(recipient, "get mail, for it signs embedded")
    _require_turn(course, recipient)
    if recipient.status != "sent":
        raise refusals.wrong_recipient_status(recipient, action.verb, "it has opened its mail")
    course.update(recipient, status="autoresponded", autoresponded_reason=action.reason)
    course.tell("recipient-autoresponded", recipient.id)
    said = "came back" if action.verb == "bounce" else "was answered automatically"
    course.note("Autoresponded", f"The mail to {recipient.name} {said}", recipient)


def finish_later(course: Course, action: Action) -> None:
    """Let a recipient put off signing, opening first if it has not."""
    recipient = course.recipient(action.recipient_id, action.verb)
    if turns.ending_verb(recipient.role) != "sign":
        raise refusals.wrong_role(recipient, action.verb)
    _require_turn(course, recipient)
    said = "Finish Later", f"{recipient.name} will finish later"
    if not course.is_repeat(*said, recipient):
        recipient = turns.open_for(course, recipient)
        course.tell("recipient-finish-later", recipient.id)
        course.note(*said, recipient)


def reassign(course: Course, action: Action) -> None:
    """Let a recipient hand over to another person, or a delegation rule do it."""
    recipient = course.recipient(action.recipient_id, action.verb)
    if corrections.was_reassigned(course, recipient, action):
        return
    _require_turn(course, recipient)
    corrections.reassign(course, recipient, action)


def _require_turn(course: Course, recipient: Recipient) -> None:
    require_in_process(course, "be acted on by its recipients")
    if course.envelope.is_locked:
        # An edit lock keeps recipients, too, from changing the envelope.
        raise refusals.locked()
    if recipient.is_locked_out:
        raise refusals.locked_out(recipient)
    require_active(recipient, "act")


def require_active(recipient: Recipient, undone: str) -> None:
    """Raise DocusignError unless a recipient was sent to and is not done."""
    if recipient.status == "created":
        raise refusals.not_its_turn(recipient)
    if recipient.status not in turns.ACTIVE:
        raise refusals.wrong_recipient_status(recipient, undone, "it is done")


def require_in_process(course: Course, undone: str) -> None:
    """Raise DocusignError unless the envelope is sent and has not ended."""
    if not course.is_in_process:
        raise refusals.wrong_status(course.envelope, undone)
