"""Two registries compared by the same traffic: every notification is decided by both.

Both decisions are made now; what was decided at the time is not asked. Nothing is held in memory
but counts and a few examples.
"""

from collections.abc import Iterable

from postroom.model import (
    Account,
    Lane,
    Listener,
    Match,
    Notification,
    Noun,
    OwedState,
    Registry,
    Routing,
)
from postroom.operations.views import moment
from postroom.routing.content import Content
from postroom.routing.explaining import explanation
from postroom.routing.match import Router
from postroom.storage.port import StoredNotification

MOST_EXAMPLES = 5
MOST_TOLD = 3
"""Listeners that an example says why of; one missing field can hold it for thousands."""


class Example(Noun, frozen=True, kw_only=True):
    """A notification that an effect is about."""

    notification_id: str
    account_id: str
    envelope_id: str | None
    event: str
    sender_id: str | None
    received_at: str
    why: str
    """In one sentence."""


class Effect(Noun, frozen=True, kw_only=True):
    """How often something would have happened, with the first examples."""

    count: int
    examples: tuple[Example, ...]


class ListenerEffect(Noun, frozen=True, kw_only=True):
    """What one listener would have had otherwise, in deliveries."""

    listener: str
    account_id: str
    before: int
    after: int
    gained: Effect
    lost: Effect
    """What is held or crossed is not delivered, and counts neither before nor after."""


class Effects(Noun, frozen=True, kw_only=True):
    """What a change would have done to traffic, in the accounts that it touches."""

    notifications: int
    """How many were decided, before and after."""
    decisions: int
    """Over these, how many listeners each was decided for."""
    without_body: int
    """Notifications left out, since retention has dropped what they said."""
    received_from: str | None
    received_until: str | None
    """The first and the last arrival among those decided."""
    listeners: tuple[ListenerEffect, ...]
    newly_unclaimed: Effect
    no_longer_unclaimed: Effect
    newly_crossed: Effect
    no_longer_crossed: Effect
    newly_held: Effect
    no_longer_held: Effect
    """Crossed and held count notifications that are so for some listener."""


class _Tally:
    """A count with its first examples."""

    __slots__ = ("count", "examples")

    def __init__(self) -> None:
        self.count = 0
        self.examples: list[Example] = []

    def effect(self) -> Effect:
        return Effect(count=self.count, examples=tuple(self.examples))


class Comparison:
    """Takes traffic page by page and counts what differs."""

    def __init__(self, before: Registry, after: Registry) -> None:
        self.accounts = touched(before, after)
        """The accounts whose listeners, lanes or users differ; others are passed over."""
        self._registries = before, after
        self._routers = Router(before), Router(after)
        everyone = before.listeners | after.listeners
        self._names = {
            id_: one
            for id_, one in everyone.items()
            if one.account_id in self.accounts and one.scope == "account"
        }
        self._crowd = dict.fromkeys(self.accounts, 0)
        for one in self._names.values():
            self._crowd[one.account_id] += 1
        self._before = dict.fromkeys(self._names, 0)
        self._gained = {id_: _Tally() for id_ in self._names}
        self._lost = {id_: _Tally() for id_ in self._names}
        self._begins = {fate: _Tally() for fate in _FATES}
        self._ends = {fate: _Tally() for fate in _FATES}
        self._notifications = self._decisions = self._without_body = 0
        self._first = self._last = 0

    def take(self, page: Iterable[StoredNotification]) -> None:
        """Decide what is in a page."""
        for stored in page:
            notification = stored.notification
            if notification.account_id not in self.accounts or not notification.is_readable:
                continue
            if stored.has_body:
                self._decide(notification)
            else:
                self._without_body += 1

    def effects(self) -> Effects:
        """Return what has come of it so far."""
        listeners = [self._of_listener(id_) for id_ in self._names]
        return Effects(
            notifications=self._notifications,
            decisions=self._decisions,
            without_body=self._without_body,
            received_from=moment(self._first) if self._notifications else None,
            received_until=moment(self._last) if self._notifications else None,
            listeners=tuple(sorted(listeners, key=lambda one: (one.account_id, one.listener))),
            newly_unclaimed=self._begins["unclaimed"].effect(),
            no_longer_unclaimed=self._ends["unclaimed"].effect(),
            newly_crossed=self._begins["crossed"].effect(),
            no_longer_crossed=self._ends["crossed"].effect(),
            newly_held=self._begins["held"].effect(),
            no_longer_held=self._ends["held"].effect(),
        )

    def _decide(self, notification: Notification) -> None:
        at = notification.received_at
        self._first = min(at, self._first) if self._notifications else at
        self._last = max(at, self._last)
        self._notifications += 1
        self._decisions += self._crowd[notification.account_id]
        content = Content(notification)
        was, would_be = (router.match(notification, content) for router in self._routers)
        for match in was.matches:
            if match.state is OwedState.DUE and match.listener_id in self._before:
                self._before[match.listener_id] += 1
        if was != would_be:
            self._differ(notification, was, would_be)

    def _differ(self, notification: Notification, was: Routing, would_be: Routing) -> None:
        had, has = _due(was), _due(would_be)
        for tallies, ids, which in ((self._gained, has - had, 0), (self._lost, had - has, 1)):
            for id_ in ids & tallies.keys():
                self._note(tallies[id_], notification, (id_,), which)
        for fate, is_so in _FATES.items():
            then, now = is_so(was), is_so(would_be)
            if now and not then:
                self._note(self._begins[fate], notification, _concerned(would_be), 1)
            elif then and not now:
                self._note(self._ends[fate], notification, _concerned(was), 0)

    def _note(
        self, tally: _Tally, notification: Notification, listener_ids: Iterable[int], which: int
    ) -> None:
        """Count; the first few are told in full, as one of the two registries explains them."""
        tally.count += 1
        if tally.count > MOST_EXAMPLES:
            return
        concerned = list(listener_ids)
        told = [self._why(id_, notification, which) for id_ in concerned[:MOST_TOLD]]
        if len(concerned) > MOST_TOLD:
            told.append(f"and so for {len(concerned) - MOST_TOLD:,} more")
        why = "; ".join(told)
        tally.examples.append(
            Example(
                notification_id=notification.id,
                account_id=notification.account_id,
                envelope_id=notification.envelope_id,
                event=notification.event,
                sender_id=notification.sender_id,
                received_at=moment(notification.received_at),
                why=why or "no listener wants it",
            )
        )

    def _why(self, listener_id: int, notification: Notification, which: int) -> str:
        listener = self._registries[which].listeners.get(listener_id)
        if listener is None:
            return f"{self._names[listener_id].name} {'is removed' if which else 'is new'}"
        explained = explanation.explain(self._registries[which], listener, notification)
        return f"{listener.name}: {explained.near_miss or explained.outcome}"

    def _of_listener(self, id_: int) -> ListenerEffect:
        gained, lost = self._gained[id_].effect(), self._lost[id_].effect()
        return ListenerEffect(
            listener=self._names[id_].name,
            account_id=self._names[id_].account_id,
            before=self._before[id_],
            after=self._before[id_] + gained.count - lost.count,
            gained=gained,
            lost=lost,
        )


def touched(before: Registry, after: Registry) -> frozenset[str]:
    """Return the accounts whose listeners, lanes or users differ."""
    was, is_ = _by_account(before), _by_account(after)
    return frozenset(id_ for id_ in was.keys() | is_.keys() if was.get(id_) != is_.get(id_))


def _by_account(registry: Registry) -> dict[str, dict[object, Account | Listener | Lane]]:
    """Return all that each account has; one pass, for there may be thousands of each."""
    found: dict[str, dict[object, Account | Listener | Lane]] = {
        id_: {None: one} for id_, one in registry.accounts.items()
    }
    for listener in registry.listeners.values():
        found.setdefault(listener.account_id, {})[listener.id] = listener
    for lane in registry.lanes.values():
        found.setdefault(lane.account_id, {})[lane.name] = lane
    return found


def _due(routing: Routing) -> set[int]:
    return {match.listener_id for match in routing.matches if match.state is OwedState.DUE}


def _concerned(routing: Routing) -> Iterable[int]:
    return (match.listener_id for match in routing.matches if _is_undecided(match))


def _is_undecided(match: Match) -> bool:
    return match.state in {OwedState.HELD, OwedState.CROSSED}


def _is_unclaimed(routing: Routing) -> bool:
    return routing.is_unclaimed


def _is_crossed(routing: Routing) -> bool:
    return any(match.state is OwedState.CROSSED for match in routing.matches)


def _is_held(routing: Routing) -> bool:
    return any(match.state is OwedState.HELD for match in routing.matches)


_FATES = {"unclaimed": _is_unclaimed, "crossed": _is_crossed, "held": _is_held}
