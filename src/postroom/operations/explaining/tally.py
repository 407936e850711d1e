"""What a listener had of its account's traffic, and of the rest by what it was not wanted. Pure."""

from collections import Counter

from postroom.model import Noun, Truth
from postroom.operations.views import moment
from postroom.routing import words
from postroom.routing.explaining import reasons
from postroom.routing.explaining.explanation import Explanation
from postroom.routing.explaining.shortfall import Shortfall
from postroom.storage.port import StoredNotification

MOST_KINDS = 200
"""Different events, senders or conditions that are counted each for itself."""
MOST_NEAR = 20
SHOWN = 5
_OTHERS = "others"
_BY = {
    "event": "by event",
    "sender": "by sender",
    "content": "by content",
    "standing": "by standing",
    "yielded": "yielded to others of its lane",
    "absent": "before the listener was there",
    "message": "not readable",
    "past": "past retention, so not recomputed",
    "undecided": "not decided",
    "account": "of another account",
}


class Example(Noun, frozen=True, kw_only=True):
    """One notification of a group: the newest."""

    notification_id: str
    envelope_id: str | None
    event: str
    received_at: str
    why: str


class Part(Noun, frozen=True, kw_only=True):
    """So many of a group are alike."""

    what: str
    """The event, the sender, or the conditions of the filter that were missed."""
    count: int


class Reason(Noun, frozen=True, kw_only=True):
    """Notifications not owed, by the first condition against."""

    kind: str
    """`event`, `sender`, `content`, `standing`, `yielded`, `absent`, `message`, `past`,
    `undecided` or `account`."""
    count: int
    parts: tuple[Part, ...]
    """The most frequent first."""
    example: Example


class NearMissCount(Noun, frozen=True, kw_only=True):
    """A value that nearly matched, and how often it came."""

    path: str
    seen: str
    wanted: str
    how: tuple[str, ...]
    count: int
    example: Example


class Tally:
    """Counts in bounded memory, newest first."""

    def __init__(self) -> None:
        self.looked_at = 0
        self.states: Counter[str] = Counter()
        self.revisions: dict[int, int] = {}
        """Revision of the registry: when the earliest counted under it came."""
        self.oldest_at: int | None = None
        self._counts: Counter[str] = Counter()
        self._parts: dict[str, Counter[str]] = {}
        self._examples: dict[str, Example] = {}
        self._near: dict[tuple[str, str, str, tuple[str, ...]], tuple[int, Example]] = {}

    @property
    def not_owed(self) -> int:
        """How many the listener was owed nothing of."""
        return self._counts.total()

    def see(self, stored: StoredNotification) -> None:
        """Count one more, whatever became of it."""
        self.looked_at += 1
        self.oldest_at = stored.notification.received_at
        if len(self.revisions) < MOST_KINDS or stored.registry_revision in self.revisions:
            self.revisions[stored.registry_revision] = stored.notification.received_at

    def owed(self, state: str) -> None:
        """Count what the listener was owed, by where that stands."""
        self.states[state] += 1

    def missed(self, stored: StoredNotification, found: Explanation) -> None:
        """Count what it was owed nothing of, by why."""
        kind = _kind(found)
        self.other(stored, kind, _what(kind, stored, found), found.reason or found.outcome)
        if found.nearly is not None:
            near = found.nearly
            key = near.path, near.seen, near.wanted, near.how
            count, example = self._near.get(key, (0, _example(stored, near.sentence)))
            if count or len(self._near) < MOST_KINDS:
                self._near[key] = count + 1, example

    def other(self, stored: StoredNotification, kind: str, what: str, why: str) -> None:
        """Count one of a kind."""
        self._counts[kind] += 1
        self._examples.setdefault(kind, _example(stored, why))
        parts = self._parts.setdefault(kind, Counter())
        parts[what if what in parts or len(parts) < MOST_KINDS else _OTHERS] += 1

    def reasons(self) -> tuple[Reason, ...]:
        """Return the groups, the largest first."""
        return tuple(
            Reason(
                kind=kind,
                count=count,
                parts=tuple(
                    Part(what=what, count=many) for what, many in self._parts[kind].most_common()
                ),
                example=self._examples[kind],
            )
            for kind, count in self._counts.most_common()
        )

    def near_misses(self) -> tuple[NearMissCount, ...]:
        """Return the values that nearly matched, the most frequent first."""
        found = sorted(self._near.items(), key=lambda one: -one[1][0])[:MOST_NEAR]
        return tuple(
            NearMissCount(
                path=path, seen=seen, wanted=wanted, how=how, count=count, example=example
            )
            for (path, seen, wanted, how), (count, example) in found
        )

    def sentence(self) -> str:
        """Say in one sentence what was not wanted, and by what."""
        told = [_said(one) for one in self.reasons()]
        near = [
            f"near miss {words.quoted(one.seen)} ({one.count:,} times)"
            for one in self.near_misses()[:SHOWN]
        ]
        nearly = f"; {', '.join(near)}" if near else ""
        return f"{self.not_owed:,} not owed: {', '.join(told)}{nearly}" if told else ""


def _said(reason: Reason) -> str:
    shown = [f"{one.what} {one.count:,}" for one in reason.parts[:SHOWN] if one.what]
    more = "…" if len(reason.parts) > SHOWN else ""
    named = f" ({', '.join(shown)}{more})" if shown else ""
    return f"{reason.count:,} {_BY[reason.kind]}{named}"


def _kind(found: Explanation) -> str:
    if found.truth is Truth.UNKNOWN:
        return "undecided"
    return "yielded" if found.against is None else found.against


def _what(kind: str, stored: StoredNotification, found: Explanation) -> str:
    if kind == "event":
        return stored.notification.event
    if kind == "sender":
        return reasons.first_word(found.findings[-1].seen) or "unknown"
    if kind == "content" and found.short is not None:
        return _paths(found.short)
    return ""


def _paths(short: Shortfall) -> str:
    return " and ".join(dict.fromkeys(one.path for one in short.missed[:SHOWN]))


def _example(stored: StoredNotification, why: str) -> Example:
    one = stored.notification
    return Example(
        notification_id=one.id,
        envelope_id=one.envelope_id,
        event=one.event,
        received_at=moment(one.received_at),
        why=why,
    )
