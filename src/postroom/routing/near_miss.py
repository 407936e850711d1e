"""Values that nearly matched: the usual cause when nobody wants a notification."""

import difflib
from collections.abc import Sequence

from postroom.model import Notification, Noun, Registry, Truth
from postroom.routing import readings, words
from postroom.routing.conditions import OneOf
from postroom.routing.content import Content
from postroom.routing.filters import Glimpse
from postroom.routing.users import Directory
from postroom.routing.wants import Wants

CLOSE = 0.8
"""How alike two spellings must be, by `difflib`: `prd` and `prod` are 0.86."""
LONGEST_COMPARED = 100
"""Characters, as of a custom field's value (contract 7.4); longer ones are no misspellings."""
MOST_COMPARED = 200
"""Wanted texts, and values, that are compared for one condition."""


class NearMiss(Noun, frozen=True, kw_only=True):
    """A listener that would have wanted a notification but for the spelling of a value."""

    listener: str
    path: str
    seen: str
    wanted: str
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
    for glimpse in wants.filter.failing(content):
        close = _closest(glimpse)
        if close is not None:
            seen, wanted, how = close
            path = words.clipped(glimpse.condition.path.text, words.LONGEST_TEXT)
            return NearMiss(
                listener=wants.listener.name,
                path=path,
                seen=seen,
                wanted=wanted,
                sentence=f"{path} is {words.quoted(seen)}, {how} {words.quoted(wanted)}",
            )
    return None


def _closest(glimpse: Glimpse) -> tuple[str, str, str] | None:
    """Return (value seen, text wanted, how they differ) of an equality that nearly held."""
    for test in glimpse.condition.holding:
        if isinstance(test, OneOf):
            values = [v for v in glimpse.sight.values[:MOST_COMPARED] if len(v) <= LONGEST_COMPARED]
            if not set(values) & set(test.texts):
                return _close(values, test.texts[:MOST_COMPARED])
    return None


def _close(values: Sequence[str], texts: Sequence[str]) -> tuple[str, str, str] | None:
    folded = {readings.folded(text): text for text in texts if len(text) <= LONGEST_COMPARED}
    for value in values:
        wanted = folded.get(readings.folded(value))
        if wanted is not None:
            return value, wanted, "which differs only in case or spaces from"
    for value in values:
        close = difflib.get_close_matches(readings.folded(value), folded, n=1, cutoff=CLOSE)
        if close:
            return value, folded[close[0]], "a close spelling of"
    return None
