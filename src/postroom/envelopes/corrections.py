"""What changes on the way: recipients corrected, replaced and removed, fields edited. Pure.

A correction alone tells nothing but the `recipient-sent` of those it is sent to again. Over the
API `envelope-corrected` is told when an edit lock under which it happened is removed
(contract 2.2): `is_corrected` remembers that until then.
"""

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from msgspec.structs import replace

from postroom.envelopes import refusals, turns
from postroom.envelopes.course import Course
from postroom.envelopes.envelope import Action, CustomField, Envelope, Recipient, Step

MAX_NAME_CHARACTERS = 100
"""Of a recipient's name and of its address."""

_DONE = frozenset({"completed", "declined"})


def correct_recipients(
    envelope: Envelope, changed: Sequence[Recipient], *, at: int, resend: bool
) -> Step:
    """Put recipients, merged by the caller from old and new, in the place of those with their ids.

    How far a recipient has come is kept, whatever `changed` says of it. One whose address
    changed, that was locked out, whose mail came back, or that moved to a later order starts
    again and is sent to when it is its turn. An id that is new is a recipient added. `resend`
    sends once more to those of `changed` whose turn it is and who do not start again.

    Raises DocusignError where the envelope is neither a draft nor in process, or a recipient
    that is done would change.
    """
    course = Course(envelope, at)
    _require_open(course, "be corrected")
    for fresh in changed:
        _correct(course, fresh)
    if resend and course.is_in_process:
        ids = {fresh.id for fresh in changed}
        pending = [one for one in course.recipients if one.id in ids and one.status in turns.ACTIVE]
        resend_to(course, pending)
    return _concluded(course)


def remove_recipients(envelope: Envelope, ids: Sequence[str], at: int) -> Step:
    """Take recipients out of an envelope; whose turn was held up by them, has it now.

    Raises DocusignError for an id it does not have, for a recipient that is done, and where a
    sent envelope would be left with nobody.
    """
    course = Course(envelope, at)
    _require_open(course, "lose recipients")
    for recipient_id in dict.fromkeys(ids):
        recipient = course.recipient(recipient_id, "remove")
        if recipient.status in _DONE:
            raise refusals.wrong_recipient_status(recipient, "be removed", "leave it where it is")
        course.recipients.remove(recipient)
        _note_correction(course, f"removed {recipient.name}")
    if course.is_in_process and not course.recipients:
        raise refusals.incomplete("void it, or add a recipient before its last one is removed")
    return _concluded(course)


def set_fields(envelope: Envelope, fields: Sequence[CustomField], at: int) -> Step:
    """Replace the custom fields; raises DocusignError where the envelope has ended."""
    course = Course(envelope, at)
    _require_open(course, "change its custom fields")
    if tuple(fields) != envelope.fields:
        course.change(fields=tuple(fields))
        _note_correction(course, "changed the custom fields")
    return course.step()


def correct(course: Course, action: Action) -> None:
    """Give a recipient another name or address, or let one that was locked out try again."""
    _require_open(course, "be corrected")
    recipient = course.recipient(action.recipient_id, action.verb)
    name, email = action.name or recipient.name, action.email or recipient.email
    require_address(name, email)
    user_id = recipient.user_id if email == recipient.email else _user_id(email)
    _correct(course, replace(recipient, name=name, email=email, user_id=user_id))
    if course.is_in_process:
        turns.settle(course)


def reassign(course: Course, recipient: Recipient, action: Action) -> None:
    """Let another person act in a recipient's place; the recipient then only gets a copy.

    Who reassigns tells both ids, who delegates only its own (contract 2.2, 3.1).
    """
    email = action.email or ""
    name = action.name or email
    require_address(name, email)
    options = course.envelope.options
    may = options.get("allowReassign", "true") if isinstance(options, dict) else "true"
    if str(may).lower() == "false":
        raise refusals.may_not_reassign()
    successor = _successor(course, recipient, name, email)
    replaced = course.update(
        recipient, role="carbonCopies", status="completed", tabs=None, reassigned_to=successor.id
    )
    course.recipients.insert(course.recipients.index(replaced), successor)
    if action.verb == "delegate":
        course.tell("recipient-delegate", recipient.id)
    else:
        course.tell("recipient-reassign", recipient.id, successor.id)
    done = "delegated" if action.verb == "delegate" else "reassigned"
    because = f": {action.reason}" if action.reason else ""
    course.note(
        done.capitalize(),
        f"{recipient.name} {done} the envelope to {name} [{email}]{because}",
        recipient,
    )
    turns.settle(course)


def was_reassigned(course: Course, recipient: Recipient, action: Action) -> bool:
    """Tell whether a recipient has already handed over to the very person that an action names."""
    if recipient.reassigned_to is None:
        return False
    for one in course.recipients:
        if one.id == recipient.reassigned_to:
            return one.email == action.email and one.name == (action.name or action.email)
    return False


def resend_to(course: Course, recipients: Sequence[Recipient]) -> None:
    """Send again to recipients whose turn it is; lifts their lock-out, forgets a bounced mail."""
    if not recipients:
        return
    for recipient in recipients:
        bounced = recipient.status == "autoresponded"
        course.update(
            recipient,
            status="sent" if bounced else recipient.status,
            sent_at=course.at,
            autoresponded_reason=None,
            is_locked_out=False,
            failed_at=None,
        )
        course.tell("recipient-resent", recipient.id)
    course.change(sent_at=course.at)
    course.tell("envelope-resent")
    course.note(*resending(course, recipients))


def resending(course: Course, recipients: Sequence[Recipient]) -> tuple[str, str]:
    """Return the trace of sending again: its action and its message."""
    names = ", ".join(recipient.name for recipient in recipients)
    return "Resent", f"{course.envelope.sender.name} sent the envelope again to {names}"


def require_address(name: str, email: str) -> None:
    """Raise DocusignError unless a recipient can be called and written to like this."""
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.strip():
        raise refusals.bad_parameter(
            f"Give the recipient a name of at most {MAX_NAME_CHARACTERS} characters."
        )
    local, at_sign, domain = email.rpartition("@")
    if not (local and at_sign and domain) or len(email) > MAX_NAME_CHARACTERS:
        raise refusals.bad_address()


def _correct(course: Course, fresh: Recipient) -> None:
    old = next((one for one in course.recipients if one.id == fresh.id), None)
    if old is None:
        course.recipients.append(_anew(fresh))
        _note_correction(course, f"added {fresh.name}")
        return
    merged = _with_progress(fresh, old)
    if old.status not in _DONE and _starts_again(old, merged):
        course.change(sent_at=course.at)
        merged = _anew(merged)
    if merged != old:
        if old.status in _DONE:
            raise refusals.wrong_recipient_status(old, "be corrected", "leave it as it is")
        course.put(old, merged)
        _note_correction(course, f"corrected {merged.name} [{merged.email}]")


def _with_progress(fresh: Recipient, old: Recipient) -> Recipient:
    return replace(
        fresh,
        guid=old.guid,
        status=old.status,
        completed_count=old.completed_count,
        sent_at=old.sent_at,
        delivered_at=old.delivered_at,
        signed_at=old.signed_at,
        declined_at=old.declined_at,
        declined_reason=old.declined_reason,
        autoresponded_reason=old.autoresponded_reason,
        is_locked_out=old.is_locked_out,
        failed_at=old.failed_at,
        reassigned_to=old.reassigned_to,
    )


def _anew(recipient: Recipient) -> Recipient:
    return replace(
        recipient,
        status="created",
        completed_count=0,
        sent_at=None,
        delivered_at=None,
        signed_at=None,
        declined_at=None,
        declined_reason=None,
        autoresponded_reason=None,
        is_locked_out=False,
        failed_at=None,
        reassigned_to=None,
    )


def _starts_again(old: Recipient, merged: Recipient) -> bool:
    return old.status != "created" and (
        old.is_locked_out
        or old.status == "autoresponded"
        or merged.routing_order > old.routing_order
        or (merged.name, merged.email, merged.role) != (old.name, old.email, old.role)
        or (merged.client_user_id, merged.delivery_method)
        != (old.client_user_id, old.delivery_method)
    )


def _successor(course: Course, recipient: Recipient, name: str, email: str) -> Recipient:
    taken = {one.id for one in course.recipients}
    number = len(taken) + 1
    while str(number) in taken:
        number += 1
    guid = uuid5(NAMESPACE_URL, f"{course.envelope.id}/recipients/{number}/{email}/{course.at}")
    return replace(
        _anew(recipient),
        id=str(number),
        guid=str(guid),
        name=name,
        email=email,
        user_id=_user_id(email),
        client_user_id=None,
    )


def _user_id(email: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"mailto:{email}"))


def _require_open(course: Course, undone: str) -> None:
    if course.status != "created" and not course.is_in_process:
        raise refusals.wrong_status(course.envelope, undone)


def _note_correction(course: Course, what: str) -> None:
    if course.envelope.is_locked and course.is_in_process:
        course.change(is_corrected=True)
    course.note("Corrected", f"{course.envelope.sender.name} {what}")


def _concluded(course: Course) -> Step:
    if course.is_in_process:
        turns.settle(course)
    return course.step()
