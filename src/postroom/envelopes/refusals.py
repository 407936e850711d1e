"""Why an action on an envelope is refused: Docusign's code (contract 6.4), and what to do."""

from postroom.envelopes.envelope import Envelope, Recipient
from postroom.errors import DocusignError

_NEXT = {
    "created": "send it first",
    "sent": "void it, or wait until its recipients are done",
    "delivered": "void it, or wait until its recipients are done",
}


def wrong_status(
    envelope: Envelope,
    undone: str,
    *,
    code: str = "ENVELOPE_INVALID_STATUS",
    advice: str | None = None,
) -> DocusignError:
    """Return the refusal of what an envelope's status does not allow.

    `undone` is what cannot be done to it, such as "be voided"; `advice` what to do instead.
    """
    advice = advice or _NEXT.get(envelope.status, "create a new envelope instead")
    return DocusignError(code, f"The envelope is {envelope.status} and cannot {undone}: {advice}.")


def incomplete(lacking: str) -> DocusignError:
    """Return the refusal to send an envelope that lacks something."""
    return DocusignError(
        "ENVELOPE_IS_INCOMPLETE", f"The envelope cannot be sent yet: {lacking}, then send it again."
    )


def gone() -> DocusignError:
    """Return the refusal of anything to an envelope that was permanently removed."""
    return DocusignError(
        "ENVELOPE_DOES_NOT_EXIST",
        "The envelope was permanently removed: create a new envelope instead.",
        status=404,
    )


def locked() -> DocusignError:
    """Return the refusal of recipients' actions while an edit lock is held."""
    return DocusignError(
        "EDIT_LOCK_ENVELOPE_LOCKED",
        "The envelope is locked for editing: remove the lock, then let the recipient act.",
    )


def nobody_named(verb: str) -> DocusignError:
    """Return the refusal of a recipient's action that does not say whose it is."""
    return DocusignError(
        "INVALID_RECIPIENT_ID", f"'{verb}' is done by a recipient: name it by its recipientId."
    )


def unknown_recipient(envelope: Envelope, recipient_id: str) -> DocusignError:
    """Return the refusal of a recipient id that the envelope does not have."""
    known = ", ".join(recipient.id for recipient in envelope.recipients[:20]) or "none"
    return DocusignError(
        "UNKNOWN_ENVELOPE_RECIPIENT",
        f"The envelope has no recipient {recipient_id[:40]!r}: choose one that it has ({known}).",
    )


def wrong_role(recipient: Recipient, verb: str) -> DocusignError:
    """Return the refusal of an action that a recipient of this type never takes."""
    return DocusignError(
        "INVALID_RECIPIENT_ID",
        f"Recipient {recipient.id} is one of {recipient.role} and does not {verb}: "
        f"name a recipient that does.",
    )


def not_its_turn(recipient: Recipient) -> DocusignError:
    """Return the refusal of a recipient whose routing order has not come."""
    return DocusignError(
        "RECIPIENT_NOT_IN_SEQUENCE",
        f"It is not yet the turn of recipient {recipient.id}: "
        f"let the recipients before routing order {recipient.routing_order} finish first.",
    )


def locked_out(recipient: Recipient) -> DocusignError:
    """Return the refusal of a recipient that failed its authentication."""
    return DocusignError(
        "USER_AUTHENTICATION_FAILED",
        f"Recipient {recipient.id} is locked out after failing its authentication: "
        f"correct the recipient or resend the envelope first.",
    )


def wrong_recipient_status(recipient: Recipient, undone: str, advice: str) -> DocusignError:
    """Return the refusal of what a recipient's status does not allow."""
    return DocusignError(
        "RECIPIENT_UPDATE_FAILED",
        f"Recipient {recipient.id} is {recipient.status} and cannot {undone}: {advice}.",
    )


def bad_parameter(sentence: str) -> DocusignError:
    """Return the refusal of what an action was given, in a sentence that says what to give."""
    return DocusignError("INVALID_REQUEST_PARAMETER", sentence)


def bad_address() -> DocusignError:
    """Return the refusal of what is no e-mail address."""
    return DocusignError(
        "INVALID_EMAIL_ADDRESS_FOR_RECIPIENT",
        "Give the recipient an e-mail address of at most 100 characters, such as ann@example.com.",
    )


def may_not_reassign() -> DocusignError:
    """Return the refusal of handing over an envelope that was sent with allowReassign false."""
    return DocusignError(
        "USER_LACKS_PERMISSIONS",
        "The envelope does not allow its recipients to reassign it: correct the recipient instead.",
    )
