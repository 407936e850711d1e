"""One listener's conditions, compiled: what it wants, and why it does or does not."""

from postroom.errors import InvalidInputError
from postroom.model import Finding, Listener, Notification, Truth
from postroom.routing import filters, words
from postroom.routing.content import Content
from postroom.routing.users import CompiledUsers, Directory


def may_want(listener: Listener) -> bool:
    """Tell whether a listener can want anything at all.

    One that is off wants nothing. A configuration without events fires for none, where any other
    listener without events wants every one.
    """
    return listener.is_active and (bool(listener.events) or listener.configuration is None)


class Wants:
    """A listener ready to decide, in the order event, users, filter."""

    def __init__(self, listener: Listener, directory: Directory) -> None:
        self.listener = listener
        self.users = CompiledUsers(listener.users, directory) if listener.users else None
        self.filter: filters.CompiledFilter | None = None
        self._flaw: str | None = None
        try:
            self.filter = filters.compile(
                listener.filter,
                comparison=listener.comparison,
                field_policy=listener.field_policy,
            )
        except InvalidInputError as error:
            # Filters are checked when saved. One that another version let in holds what it
            # would decide, where everybody sees it: neither open, nor a silent no.
            self._flaw = f"{error}; correct the listener"

    def decide(self, content: Content) -> Truth:
        """Return whether it wants what is in the message, once it is known to want the event."""
        by_sender = Truth.YES if self.users is None else self.users.decide(content)
        if by_sender is Truth.NO:
            return Truth.NO
        by_content = Truth.UNKNOWN if self.filter is None else self.filter.decide(content)
        return by_content if by_sender is Truth.YES or by_content is Truth.NO else by_sender

    def doubt(self, content: Content) -> str:
        """Return why an undecided listener is undecided: the first open condition and its lack."""
        findings = (self.by_sender(content), self.by_content(content))
        finding = next(found for found in findings if found.truth is Truth.UNKNOWN)
        reason = f"undecided: {finding.condition}"
        return f"{reason}: {finding.hint}" if finding.hint else reason

    def wants_event(self, event: str) -> bool:
        """Tell whether an event is among those it names; without any it wants every one."""
        events = self.listener.events
        return event in events if events else self.listener.configuration is None

    def by_standing(self, notification: Notification) -> list[Finding]:
        """Return the findings on what only some listeners must be: active, attached.

        A listener that is simply there has none.
        """
        listener = self.listener
        findings = []
        if listener.configuration is not None or not listener.is_active:
            truth = Truth.YES if listener.is_active else Truth.NO
            condition = "the configuration is active (allowEnvelopePublish)"
            findings.append(Finding(truth=truth, condition=condition))
        is_historical = notification.origin == "historical"
        if listener.scope == "envelope" or is_historical:
            truth = Truth.YES if listener.name in notification.attached else Truth.NO
            carrier = "the historical publication is for" if is_historical else "the envelope has"
            findings.append(Finding(truth=truth, condition=f"{carrier} {listener.name}"))
        return findings

    def by_event(self, notification: Notification) -> Finding:
        """Return the finding on the event."""
        events = self.listener.events
        if not events and self.listener.configuration is not None:
            return Finding(truth=Truth.NO, condition="the configuration names an event")
        named = words.clipped(", ".join(events[:50]), words.LONGEST_SENTENCE)
        return Finding(
            truth=Truth.YES if self.wants_event(notification.event) else Truth.NO,
            condition=f"event is one of {named}" if events else "every event",
            seen=words.clipped(notification.event, words.LONGEST_TEXT),
        )

    def by_sender(self, content: Content) -> Finding:
        """Return the finding on the sending user."""
        if self.users is None:
            return Finding(truth=Truth.YES, condition="all users")
        return self.users.finding(content)

    def by_content(self, content: Content) -> Finding:
        """Return the finding on the content filter."""
        if self.filter is None:
            return Finding(truth=Truth.UNKNOWN, condition="the content filter", hint=self._flaw)
        return self.filter.finding(content)
