"""Who wants a notification: listeners compiled once per registry revision, found by index."""

from collections.abc import Iterable, Sequence

from postroom.model import Lane, Listener, Match, Notification, Registry, Routing, Truth
from postroom.routing import lanes
from postroom.routing.content import Content
from postroom.routing.index import Index
from postroom.routing.users import Directory
from postroom.routing.wants import Wants, may_want

NOBODY = Routing(matches=(), is_unclaimed=False)


class Router:
    """Decides for one revision of the registry. Pure: the same notification, the same routing."""

    def __init__(self, registry: Registry) -> None:
        self._lanes = registry.lanes
        by_account: dict[str, list[Listener]] = {}
        for listener in registry.listeners.values():
            by_account.setdefault(listener.account_id, []).append(listener)
        self._accounts = {
            account.id: _AccountIndex(by_account.get(account.id, []), Directory(account))
            for account in registry.accounts.values()
        }

    def match(self, notification: Notification, content: Content | None = None) -> Routing:
        """Return what every listener of the account is owed; never raises on any content.

        `content` is the notification's, where somebody has read it already.
        Call it again once a notification is enriched: what was held is then decided.
        """
        if not notification.is_readable:
            return NOBODY
        account = self._accounts.get(notification.account_id)
        content = content or Content(notification)
        wishes: list[lanes.Wish] = []
        for wants in account.candidates(notification, content) if account else ():
            truth = wants.decide(content)
            if truth is not Truth.NO:
                doubt = wants.doubt(content) if truth is Truth.UNKNOWN else None
                wishes.append(lanes.Wish(listener=wants.listener, truth=truth, doubt=doubt))
        if account is not None and account.has_shadows:
            return self._with_shadows(wishes)
        matches = self._settled(wishes)
        return Routing(matches=tuple(matches), is_unclaimed=not matches)

    def needs_sticky(self, account_id: str) -> bool:
        """Return whether some listener of the account goes by custom fields as first seen."""
        account = self._accounts.get(account_id)
        return account is not None and account.needs_sticky

    def _with_shadows(self, wishes: Sequence[lanes.Wish]) -> Routing:
        """Decide those that are live as if they were alone, and each shadow by itself."""
        live = [wish for wish in wishes if wish.listener.mode == "live"]
        matches = self._settled(live)
        shadows = [lanes.shadowed(wish) for wish in wishes if wish.listener.mode == "shadow"]
        return Routing(matches=(*matches, *shadows), is_unclaimed=not matches)

    def _settled(self, wishes: Sequence[lanes.Wish]) -> list[Match]:
        by_lane: dict[str | None, list[lanes.Wish]] = {}
        for wish in wishes:
            by_lane.setdefault(wish.listener.lane, []).append(wish)
        if not by_lane.keys() - {None}:
            return lanes.settle(wishes, None)
        matches = {
            match.listener_id: match
            for name, rivals in by_lane.items()
            for match in lanes.settle(rivals, self._lane(name, rivals[0].listener))
        }
        ids = (wish.listener.id for wish in wishes)
        return [matches[listener_id] for listener_id in ids if listener_id in matches]

    def _lane(self, name: str | None, listener: Listener) -> Lane | None:
        if name is None:
            return None
        default = Lane(account_id=listener.account_id, name=name)
        return self._lanes.get((listener.account_id, name), default)


class _AccountIndex:
    """An account's listeners by the events they want; those of single envelopes by name.

    An envelope finds its own by the names it carries, so that thousands of them cost nothing to
    an envelope that carries none.
    """

    def __init__(self, listeners: Iterable[Listener], directory: Directory) -> None:
        everyone = [Wants(one, directory) for one in listeners if may_want(one)]
        self.has_shadows = any(one.listener.mode == "shadow" for one in everyone)
        self._by_name = {one.listener.name: one for one in everyone}
        wants = [one for one in everyone if one.listener.scope == "account"]
        self.needs_sticky = any(
            one.listener.field_policy == "sticky" and one.listener.filter is not None
            for one in wants
        )
        events = {event for one in wants for event in one.listener.events}
        by_event: dict[str, list[Wants]] = {event: [] for event in events}
        for one in wants:
            for event in dict.fromkeys(one.listener.events) or events:
                by_event[event].append(one)
        self._by_event = {event: Index(some, directory) for event, some in by_event.items()}
        self._any_event = Index([one for one in wants if not one.listener.events], directory)

    def candidates(self, notification: Notification, content: Content) -> Iterable[Wants]:
        """Return the listeners that want the event and whose content may still match."""
        event = notification.event
        if notification.origin == "historical":
            return self._named(notification.attached, event)
        found = self._by_event.get(event, self._any_event).candidates(content)
        if not notification.attached:
            return found
        attached = self._named(notification.attached, event)
        return [*found, *(one for one in attached if one.listener.scope == "envelope")]

    def _named(self, names: Iterable[str], event: str) -> list[Wants]:
        found = (self._by_name.get(name) for name in dict.fromkeys(names))
        return [one for one in found if one is not None and one.wants_event(event)]
