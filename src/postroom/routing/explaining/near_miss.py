"""Values that nearly matched: the usual cause when nobody wants a notification."""

from postroom.model import Listener, Notification, Noun, Registry, Truth
from postroom.routing import words
from postroom.routing.content import Content
from postroom.routing.explaining import shortfall
from postroom.routing.explaining.shortfall import Shortfall
from postroom.routing.users import Directory
from postroom.routing.wants import Wants


class NearMiss(Noun, frozen=True, kw_only=True):
    """A listener that would have wanted a notification but for the spelling of a value."""

    listener: str
    path: str
    seen: str
    wanted: str
    how: tuple[str, ...]
    """The differences in words: `trailing space`, `case differs`."""
    sentence: str


def near_misses(registry: Registry, notification: Notification) -> list[NearMiss]:
    """Return the near misses of a notification's account, in the order of its listeners."""
    account = registry.accounts.get(notification.account_id)
    if account is None or not notification.is_readable:
        return []
    content, directory = Content(notification), Directory(account)
    found = (
        near_miss(Wants(listener, directory), notification, content)
        for listener in registry.listeners.values()
        if listener.account_id == account.id and listener.filter is not None
    )
    return [miss for miss in found if miss is not None]


def near_miss(wants: Wants, notification: Notification, content: Content) -> NearMiss | None:
    """Return by what a listener's filter nearly matched, where all else about it did match."""
    if wants.filter is None or wants.by_event(notification).truth is Truth.NO:
        return None
    if wants.by_sender(content).truth is Truth.NO:
        return None
    if wants.filter.node is None or wants.filter.decide(content) is not Truth.NO:
        return None
    return of_shortfall(wants.listener, shortfall.of(wants.filter.node, wants.listener, content))


def of_shortfall(listener: Listener, short: Shortfall) -> NearMiss | None:
    """Return the near miss that a shortfall is, if it is nothing else: its first value."""
    first = short.missed[0] if short.is_near else None
    if first is None or first.near is None:
        return None
    return NearMiss(
        listener=listener.name,
        path=first.path,
        seen=words.clipped(first.near.seen, words.LONGEST_TEXT),
        wanted=words.clipped(first.near.wanted, words.LONGEST_TEXT),
        how=first.near.how,
        sentence=short.sentence,
    )
