"""Why a listener gets a notification, or why not: a recomputation, never a log.

Give it the registry of the revision that was in force (design: promise 5) and the notification
as kept: the answer is the one that was acted on.
"""

from collections.abc import Iterator
from typing import Literal

from postroom.model import (
    Finding,
    Listener,
    Match,
    Notification,
    Noun,
    OwedState,
    Registry,
    Routing,
    Truth,
)
from postroom.routing import truth
from postroom.routing.content import Content
from postroom.routing.explaining import reasons, shortfall
from postroom.routing.explaining.near_miss import NearMiss, of_shortfall
from postroom.routing.explaining.shortfall import Shortfall
from postroom.routing.match import Router
from postroom.routing.users import Directory
from postroom.routing.wants import Wants

Kind = Literal["message", "account", "standing", "event", "sender", "content"]
"""What a condition is about, in the order they are asked."""
_Asked = tuple[Kind, Finding]


class Explanation(Noun, frozen=True, kw_only=True):
    """What each condition of a listener said about a notification, and what came of it."""

    listener: str
    truth: Truth
    findings: tuple[Finding, ...]
    """In the order account, standing, event, users, filter; nothing after the first no.

    Standing is there for configurations only: whether it is active, and of this envelope.
    """
    against: Kind | None = None
    """Which condition does not hold or, where each may, cannot be decided."""
    reason: str | None = None
    """That in one sentence: what the message has, and what was wanted."""
    short: Shortfall | None = None
    """Where it is the filter: the branch of it that came closest."""
    match: Match | None = None
    """What the listener is owed; None where nothing."""
    outcome: str
    """The whole in one sentence."""
    nearly: NearMiss | None = None

    @property
    def near_miss(self) -> str | None:
        """The near miss in one sentence."""
        return None if self.nearly is None else self.nearly.sentence


def explain(registry: Registry, listener: Listener, notification: Notification) -> Explanation:
    """Return why a listener of `registry` gets a notification, or the first condition against."""
    return Explainer(registry, listener).explain(notification)


class Explainer:
    """Explains one listener of one revision, of many notifications."""

    def __init__(
        self, registry: Registry, listener: Listener, lanes: "Lanes | None" = None
    ) -> None:
        self._registry = registry
        self._listener = listener
        self._lanes = Lanes(registry) if lanes is None else lanes
        account = registry.accounts.get(listener.account_id)
        self._wants = None if account is None else Wants(listener, Directory(account))
        self._router: Router | None = None

    def explain(self, notification: Notification) -> Explanation:
        """Return why the listener gets it, or the first condition against."""
        content = Content(notification)
        asked = list(self._asked(notification, content))
        decided = truth.conjunction(finding.truth for _, finding in asked)
        against = None
        if decided is not Truth.YES:
            against = next(one for one in asked if one[1].truth is decided)
        short = self._short(against, content)
        reason = None if against is None else self._reason(against, notification, short)
        routing = None if decided is Truth.NO else self._in_lane(notification, content)
        match = None if routing is None else self._own(routing)
        return Explanation(
            listener=self._listener.name,
            truth=decided,
            findings=tuple(finding for _, finding in asked),
            against=None if against is None else against[0],
            reason=reason,
            short=short,
            match=match,
            outcome=self._outcome(reason, routing, match),
            nearly=of_shortfall(self._listener, short) if short is not None else None,
        )

    def _asked(self, notification: Notification, content: Content) -> Iterator[_Asked]:
        for asked in self._conditions(notification, content):
            yield asked
            if asked[1].truth is Truth.NO:
                return

    def _conditions(self, notification: Notification, content: Content) -> Iterator[_Asked]:
        if not notification.is_readable:
            flaw = notification.flaw or "it was kept raw"
            condition = "the message can be read"
            yield "message", Finding(truth=Truth.NO, condition=condition, hint=flaw)
        yield "account", _by_account(self._listener, notification)
        if self._wants is not None:
            yield from (("standing", one) for one in self._wants.by_standing(notification))
            yield "event", self._wants.by_event(notification)
            yield "sender", self._wants.by_sender(content)
            yield "content", self._wants.by_content(content)

    def _short(self, against: _Asked | None, content: Content) -> Shortfall | None:
        wants = self._wants
        if against is None or against[0] != "content" or wants is None or wants.filter is None:
            return None
        node = wants.filter.node
        return None if node is None else shortfall.of(node, self._listener, content)

    def _reason(self, against: _Asked, notification: Notification, short: Shortfall | None) -> str:
        kind, finding = against
        match kind:
            case "message":
                return reasons.unreadable(finding)
            case "account":
                return reasons.of_account(self._listener, notification)
            case "standing":
                return reasons.of_standing(self._listener, notification)
            case "event":
                return reasons.of_event(self._listener, notification)
            case "sender" if self._wants is not None:
                return reasons.of_sender(self._wants, finding)
            case _:
                return reasons.of_content(finding, short)

    # --- what came of it ---

    def _in_lane(self, notification: Notification, content: Content) -> Routing:
        """Return what the listener and its rivals are owed, once its lane had its say."""
        if self._listener.lane and self._listener.mode == "live":
            return self._lanes.route(self._listener, notification, content)
        if self._router is None:
            self._router = Router(_with_rivals(self._registry, self._listener))
        return self._router.match(notification, content)

    def _own(self, routing: Routing) -> Match | None:
        matches = routing.matches
        return next((one for one in matches if one.listener_id == self._listener.id), None)

    def _outcome(self, reason: str | None, routing: Routing | None, match: Match | None) -> str:
        if routing is None:
            return f"not wanted: {reason}"
        if match is None:
            names = [self._registry.listeners[one.listener_id].name for one in routing.matches]
            return f"wanted, but yielded to {', '.join(names[:3])} in lane {self._listener.lane}"
        if match.state is OwedState.DUE:
            return "matched"
        if match.state is OwedState.CROSSED:
            return f"matched, but {match.reason}"
        if match.state is OwedState.SHADOWED:
            held = f"would be held (shadow): {match.reason}"
            return held if match.reason else "would be delivered (shadow)"
        return f"held: {match.reason}"


class Lanes:
    """Routes within one lane of a registry: the same for all that are live there.

    Each lane remembers the notification that it was asked for last: explaining one to all the
    listeners of a lane would otherwise take the square of their number.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._routers: dict[tuple[str, str | None], Router] = {}
        self._last: dict[tuple[str, str | None], tuple[Notification, Routing]] = {}

    def route(self, listener: Listener, notification: Notification, content: Content) -> Routing:
        """Return what a live listener and its rivals are owed."""
        lane = listener.account_id, listener.lane
        last = self._last.get(lane)
        if last is not None and last[0] is notification:
            return last[1]
        if lane not in self._routers:
            self._routers[lane] = Router(_with_rivals(self._registry, listener))
        routing = self._routers[lane].match(notification, content)
        self._last[lane] = notification, routing
        return routing


def _with_rivals(registry: Registry, listener: Listener) -> Registry:
    """Return the registry without the listeners that cannot bear on this one."""
    listeners = {
        other.id: other
        for other in registry.listeners.values()
        if listener.lane
        and (other.account_id, other.lane) == (listener.account_id, listener.lane)
        and other.mode == "live"
    }
    account = registry.accounts.get(listener.account_id)
    return Registry(
        revision=registry.revision,
        accounts={account.id: account} if account else {},
        listeners={**listeners, listener.id: listener},
        lanes=registry.lanes,
    )


def _by_account(listener: Listener, notification: Notification) -> Finding:
    is_ours = listener.account_id == notification.account_id
    return Finding(
        truth=Truth.YES if is_ours else Truth.NO,
        condition=f"account is {listener.account_id}",
        seen=notification.account_id,
    )
