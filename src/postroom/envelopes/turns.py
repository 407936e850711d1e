"""Whose turn it is: sending in routing order, opening, finishing, and what follows for all. Pure.

Recipients of one routing order act side by side; the next order is sent when everybody before it
that blocks is done. Carbon copies never block and are done when sent to, seals sign by
themselves, certified deliveries are done when opened, everybody else signs.

One rule orders what an action tells: a recipient's own event first, then the envelope's that
follows from it (contract 2.3). So `recipient-sent` of everybody in the first order comes before
`envelope-sent`, which says that it went to at least one (contract 2.2).
"""

from collections.abc import Iterable, Sequence

from postroom.envelopes.course import Course
from postroom.envelopes.envelope import Recipient, Role, Verb

OPENED = frozenset({"delivered", "completed"})
ACTIVE = frozenset({"sent", "delivered", "autoresponded"})
"""The statuses of a recipient whose turn it is."""

_BY_THEMSELVES = frozenset({"carbonCopies", "seals"})
_WITHOUT_SIGNING = frozenset({"carbonCopies", "certifiedDeliveries"})


def ending_verb(role: Role) -> Verb | None:
    """Return the verb by which a recipient of this role finishes; None where it needs none."""
    if role in _BY_THEMSELVES:
        return None
    return "view" if role == "certifiedDeliveries" else "sign"


def turn(recipients: Iterable[Recipient]) -> int | None:
    """Return the lowest routing order in which somebody that blocks is not done, if any."""
    return min(
        (
            recipient.routing_order
            for recipient in recipients
            if recipient.status != "completed" and recipient.role != "carbonCopies"
        ),
        default=None,
    )


def invite(course: Course) -> bool:
    """Send to everybody whose turn has come and who was not sent to; return whether any was."""
    waiting = [recipient for recipient in course.recipients if recipient.status == "created"]
    if not waiting:
        return False
    order = turn(course.recipients)
    called = [one for one in waiting if order is None or one.routing_order <= order]
    called.sort(key=lambda recipient: recipient.routing_order)
    sender = course.envelope.sender.name
    for recipient in called:
        course.update(recipient, status="sent", sent_at=course.at)
        course.tell("recipient-sent", recipient.id)
        course.note(
            "Sent Invitations",
            f"{sender} sent an invitation to {recipient.name} [{recipient.email}]",
        )
    return bool(called)


def settle(course: Course) -> None:
    """Let everything follow that now can: the next turns, the envelope delivered, its end."""
    _take_delivery_back(course)
    _finish_by_themselves(course)
    while invite(course):
        _finish_by_themselves(course)
    _deliver(course)
    if all(recipient.status == "completed" for recipient in course.recipients):
        course.become("completed", completed_at=course.at)
        course.tell("envelope-completed")
        course.note("Completed", "Everybody has finished; the envelope is completed")


def open_for(course: Course, recipient: Recipient) -> Recipient:
    """Let a recipient open the documents, unless it has; return it as it is then."""
    if recipient.status in OPENED:
        return recipient
    recipient = course.update(
        recipient, status="delivered", delivered_at=course.at, autoresponded_reason=None
    )
    course.tell("recipient-delivered", recipient.id)
    course.note("Viewed", f"{recipient.name} opened the envelope", recipient)
    _deliver(course)
    return recipient


def finish(course: Course, recipient: Recipient) -> None:
    """Let a recipient be done; what follows from it for the others is `settle`'s."""
    signs = recipient.role not in _WITHOUT_SIGNING
    recipient = course.update(
        recipient,
        status="completed",
        completed_count=recipient.completed_count + 1,
        signed_at=course.at if signs else None,
    )
    course.tell("recipient-completed", recipient.id)
    if signs:
        course.note("Signed", f"{recipient.name} signed the envelope", recipient)


def _finish_by_themselves(course: Course) -> None:
    for recipient in tuple(course.recipients):
        if recipient.role in _BY_THEMSELVES and recipient.status == "sent":
            finish(course, recipient)


def _deliver(course: Course) -> None:
    if course.status == "sent" and _have_opened(course.recipients):
        course.become("delivered", delivered_at=course.at)
        course.tell("envelope-delivered")


def _take_delivery_back(course: Course) -> None:
    # A correction or a reassignment can bring in somebody that has yet to open it.
    if course.status == "delivered" and not _have_opened(course.recipients):
        course.become("sent", delivered_at=None)


def _have_opened(recipients: Sequence[Recipient]) -> bool:
    statuses = [one.status for one in recipients if one.role not in _BY_THEMSELVES]
    return bool(statuses) and OPENED.issuperset(statuses)
