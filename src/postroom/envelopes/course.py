"""The course of one action: what it has changed of an envelope so far, and what it tells. Pure."""

from typing import Any

from msgspec.structs import replace

from postroom.envelopes import refusals
from postroom.envelopes.envelope import Envelope, Happening, Recipient, Step, Trace
from postroom.envelopes.limits import DEFAULT, Limits

IN_PROCESS = frozenset({"sent", "delivered"})
"""The statuses in which recipients act."""


class Course:
    """An envelope while one action is played: it gathers, and `step` returns the outcome.

    Every change leaves a trace: a course without one has changed nothing.
    """

    __slots__ = (
        "_changes",
        "_happenings",
        "_traces",
        "at",
        "envelope",
        "limits",
        "recipients",
        "status",
    )

    def __init__(self, envelope: Envelope, at: int, limits: Limits = DEFAULT) -> None:
        self.envelope = envelope
        """As it was before."""
        self.at = at
        self.limits = limits
        self.status = envelope.status
        self.recipients = list(envelope.recipients)
        self._changes: dict[str, Any] = {}
        self._happenings: list[Happening] = []
        self._traces: list[Trace] = []

    @property
    def is_in_process(self) -> bool:
        """Whether it has been sent and has not ended."""
        return self.status in IN_PROCESS

    def recipient(self, recipient_id: str | None, verb: str) -> Recipient:
        """Return a recipient by its id; raises DocusignError where there is none."""
        if recipient_id is None:
            raise refusals.nobody_named(verb)
        for recipient in self.recipients:
            if recipient.id == recipient_id:
                return recipient
        raise refusals.unknown_recipient(self.envelope, recipient_id)

    def change(self, **changes: Any) -> None:
        """Change fields of the envelope."""
        self._changes.update(changes)

    def become(self, status: str, **changes: Any) -> None:
        """Move the envelope to a status, and change fields with it."""
        self.status = status
        self._changes.update(changes)

    def put(self, old: Recipient, new: Recipient) -> None:
        """Put a recipient in the place of one that is among the recipients."""
        # By identity: comparing two recipients compares their tabs.
        place = next(at for at, recipient in enumerate(self.recipients) if recipient is old)
        self.recipients[place] = new

    def update(self, recipient: Recipient, **changes: Any) -> Recipient:
        """Change fields of a recipient and return it as it is then."""
        updated = replace(recipient, **changes)
        self.put(recipient, updated)
        return updated

    def tell(
        self, event: str, recipient_id: str | None = None, reassigned_to: str | None = None
    ) -> None:
        """Add an event to those that are told."""
        self._happenings.append(
            Happening(event=event, recipient_id=recipient_id, reassigned_recipient_id=reassigned_to)
        )

    def note(self, action: str, message: str, by: Recipient | None = None) -> None:
        """Add to the audit trail what was done, by a recipient or else by the sender."""
        self._traces.append(self._trace(action, message, by))

    def is_repeat(self, action: str, message: str, by: Recipient | None = None) -> bool:
        """Tell whether the last thing done to the envelope was this, at this very moment."""
        trail = self.envelope.trail
        return bool(trail) and trail[-1] == self._trace(action, message, by)

    def step(self) -> Step:
        """Return what was done: the very same envelope where that was nothing."""
        envelope, changes = self.envelope, self._changes
        if not self._traces:
            return Step(envelope=envelope)
        changes["recipients"] = tuple(self.recipients)
        changes["trail"] = (*envelope.trail, *self._traces)
        changes["modified_at"] = self.at
        if self.status != envelope.status:
            changes["status"] = self.status
            changes["status_changed_at"] = self.at
        return Step(envelope=replace(envelope, **changes), happenings=tuple(self._happenings))

    def _trace(self, action: str, message: str, by: Recipient | None) -> Trace:
        sender = self.envelope.sender
        return Trace(
            at=self.at,
            user_id=sender.user_id if by is None else by.user_id,
            user_name=sender.name if by is None else by.name,
            action=action,
            message=message,
            envelope_status=self.status,
            ip_address=sender.ip_address if by is None else "",
        )
