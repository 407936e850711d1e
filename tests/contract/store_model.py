"""What a store must do, in plain Python over a list: slow, obvious, and kept in memory only."""

from dataclasses import dataclass
from operator import attrgetter

from postroom.model import DeliveryState, Done, OwedState, TryAgain, Verdict
from postroom.storage.port import Recording

OPEN = (DeliveryState.DUE, DeliveryState.WAITING)
UNDECIDED = (DeliveryState.HELD, DeliveryState.CROSSED)
IN_LINE = attrgetter("occurred_at", "arrival", "id")


@dataclass
class Owed:
    """One delivery; `id` is the store's, told to the model once it is known."""

    id: int
    arrival: int
    notification_id: str
    received_at: int
    listener_id: int
    envelope_id: str | None
    occurred_at: int
    is_ordered: bool
    state: DeliveryState
    due_at: int | None
    token: int | None = None
    attempts: int = 0
    is_late: bool = False
    is_superseded: bool = False

    @property
    def is_owing(self) -> bool:
        """Whether it keeps its notification from being forgotten."""
        is_failure = self.state is DeliveryState.GIVEN_UP and not self.is_superseded
        return self.state in OPEN or self.state in UNDECIDED or is_failure


class Model:
    """Everything owed, and the rules of the port."""

    def __init__(self) -> None:
        self.owed: dict[int, Owed] = {}
        self.kept: dict[str, int] = {}
        """When each notification came, by id."""
        self.bodies: set[str] = set()
        self.arrivals = 0

    def record(self, recording: Recording, ids: dict[int, int], now: int) -> list[Owed]:
        """Keep a recording whose deliveries have `ids` by listener; return those born leased."""
        kept = recording.notification
        self.kept[kept.id] = kept.received_at
        self.bodies.add(kept.id)
        self.arrivals += 1
        born: list[Owed] = []
        for match in recording.matches:
            is_due = match.state is OwedState.DUE
            one = Owed(
                id=ids[match.listener_id],
                arrival=self.arrivals,
                notification_id=kept.id,
                received_at=kept.received_at,
                listener_id=match.listener_id,
                envelope_id=kept.envelope_id,
                occurred_at=kept.occurred_at,
                is_ordered=kept.envelope_id is not None
                and match.listener_id not in recording.unordered,
                state=DeliveryState.WAITING if is_due else DeliveryState(match.state),
                due_at=kept.received_at if is_due else None,
            )
            self._join(one, now)
            if one.state is DeliveryState.DUE and match.listener_id in recording.lease_for:
                one.token, one.due_at = recording.token, recording.leased_until
                born.append(one)
        return born

    def lease(self, listener_id: int, limit: int, now: int, until: int, token: int) -> list[Owed]:
        ready = sorted(
            (
                one
                for one in self.owed.values()
                if one.listener_id == listener_id
                and one.state is DeliveryState.DUE
                and _moment(one) <= now
            ),
            key=lambda one: (_moment(one), one.id),
        )
        taken = []
        for due in ready[:limit]:
            due.token = None
            self.reseat(due, now)
            head = due if due.state is DeliveryState.DUE else self._due_of(due)
            if _moment(head) <= now:
                head.token, head.due_at = token, until
                taken.append(head)
        return taken

    def settle(self, one: Owed, verdict: Verdict, now: int) -> None:
        """End the attempt of a leased delivery."""
        one.token = None
        one.attempts += 1
        if isinstance(verdict, TryAgain):
            one.due_at = verdict.at
        else:
            is_done = isinstance(verdict, Done)
            one.state = DeliveryState.DELIVERED if is_done else DeliveryState.GIVEN_UP
            one.due_at = None
            if is_done:
                for other in self.owed.values():
                    if _same_envelope(one, other) and other.state in OPEN:
                        other.is_late |= other.occurred_at < one.occurred_at
        self.reseat(one, now)

    def give_back(self, one: Owed, now: int) -> None:
        one.token, one.due_at = None, min(_moment(one), now)
        self.reseat(one, now)

    def decide(self, one: Owed, state: DeliveryState, now: int) -> None:
        if state is DeliveryState.DUE:
            one.state, one.due_at = DeliveryState.WAITING, now
            self._join(one, now)
        else:
            one.state = state

    def replay(self, old: Owed, new_id: int, due_at: int, now: int) -> None:
        old.is_superseded = True
        again = Owed(
            id=new_id,
            arrival=old.arrival,
            notification_id=old.notification_id,
            received_at=old.received_at,
            listener_id=old.listener_id,
            envelope_id=old.envelope_id,
            occurred_at=old.occurred_at,
            is_ordered=old.is_ordered,
            state=DeliveryState.WAITING,
            due_at=due_at,
        )
        self._join(again, now)

    def remove_listener(self, listener_id: int) -> None:
        for one in self.owed.values():
            if one.listener_id == listener_id and (one.state in OPEN or one.state in UNDECIDED):
                one.state, one.token, one.due_at = DeliveryState.DISMISSED, None, None

    def forgettable(self, before: int) -> set[str]:
        """Return the notifications older than a moment that owe nothing."""
        owing = {one.notification_id for one in self.owed.values() if one.is_owing}
        return {id_ for id_, at in self.kept.items() if at < before and id_ not in owing}

    def forget(self, notification_ids: set[str]) -> None:
        self.owed = {
            id_: one
            for id_, one in self.owed.items()
            if one.notification_id not in notification_ids
        }
        self.bodies -= notification_ids
        for id_ in notification_ids:
            del self.kept[id_]

    def line(self, of: Owed) -> list[Owed]:
        """Return the line that a delivery stands in, in order."""
        if not of.is_ordered:
            return [of] if of.state in OPEN else []
        line = [
            one
            for one in self.owed.values()
            if _same_envelope(of, one) and one.is_ordered and one.state in OPEN
        ]
        return sorted(line, key=IN_LINE)

    def reseat(self, of: Owed, now: int) -> None:
        """Make the head of a line due, the leased one if there is one, and let the others wait."""
        line = self.line(of)
        head = next((one for one in line if one.token is not None), line[0] if line else None)
        for one in line:
            if one is not head:
                one.state = DeliveryState.WAITING
            elif one.state is DeliveryState.WAITING:
                one.state, one.due_at = DeliveryState.DUE, max(_moment(one), now)

    def _join(self, one: Owed, now: int) -> None:
        one.is_late = any(
            _same_envelope(one, other)
            and other.state is DeliveryState.DELIVERED
            and other.occurred_at > one.occurred_at
            for other in self.owed.values()
        )
        self.owed[one.id] = one
        self.reseat(one, now)

    def _due_of(self, waiting: Owed) -> Owed:
        return next(one for one in self.line(waiting) if one.state is DeliveryState.DUE)


def _same_envelope(one: Owed, other: Owed) -> bool:
    return one.listener_id == other.listener_id and one.envelope_id == other.envelope_id is not None


def _moment(one: Owed) -> int:
    assert one.due_at is not None
    return one.due_at
