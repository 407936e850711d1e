"""What traffic shows about who sends what: envelopes by sender, custom field and template."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from postroom.model import Notification, Noun
from postroom.routing import paths
from postroom.routing.advising.facts import Facts, Integration, Mark, Senders
from postroom.routing.content import Content

MOST_VALUES = 8
"""Values of a field told one by one."""
MOST_FIELDS = 50
"""Fields of one envelope that are looked at, and names of fields that are told."""
MOST_SENDERS = 50
"""Senders that are told of: the busiest."""
MOST_SHARING = 100
"""Listeners of one envelope whose pairs are counted."""
LONGEST = 256
"""Characters of a text that are kept; Docusign's own bound for fields is 100 (contract 7.4)."""
MOST_NAMED_SENDERS = 3
"""Of more senders than this an integration's envelopes are taken to be sent by people."""
_EMAIL = paths.Path(text="sender.email", root="sender", segments=("email",))
_ID = paths.Path(text="sender.userId", root="sender", segments=("userId",))
_TEMPLATE = paths.Path(
    text="envelope.templateId", root="envelope", segments=("templates", "templateId")
)


class SeenEnvelope(Noun, frozen=True, kw_only=True):
    """One envelope as its newest message tells it."""

    account_id: str
    sender_id: str | None
    email: str | None
    fields: dict[str, str] | None
    """Each custom field's first value; None where no message carried them."""
    templates: tuple[str, ...]
    listeners: frozenset[str]
    """The names of those that want it now."""


class Coverage(Noun, frozen=True, kw_only=True):
    """How many envelopes of one sender carry a custom field, and with which values."""

    sender: str
    field: str
    envelopes: int
    without: int
    values: dict[str, int]
    """The most frequent, by how many envelopes."""


class SharedNow(Noun, frozen=True, kw_only=True):
    """Two listeners that both want some envelopes as they stand now."""

    one: str
    other: str
    envelopes: int


class Telling:
    """Gathers what notifications tell, newest first; one envelope counts once."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], SeenEnvelope] = {}
        self.notifications = 0

    def take(self, notification: Notification, wanted_by: Iterable[str]) -> None:
        """Take one more notification, and who wants it now."""
        if notification.envelope_id is None or not notification.is_readable:
            return
        self.notifications += 1
        key = (notification.account_id, notification.envelope_id)
        listeners = frozenset(wanted_by)
        known = self._seen.get(key)
        if known is not None and known.fields is not None:
            self._seen[key] = replace(known, listeners=known.listeners | listeners)
            return
        self._seen[key] = _seen(notification, listeners | (known.listeners if known else set()))

    def envelopes(self) -> tuple[SeenEnvelope, ...]:
        """Return every envelope seen."""
        return tuple(self._seen.values())


def _seen(notification: Notification, listeners: frozenset[str]) -> SeenEnvelope:
    content = Content(notification)
    sender, email = content.look(_ID).values, content.look(_EMAIL).values
    fields = content.custom_fields()
    return SeenEnvelope(
        account_id=notification.account_id,
        sender_id=sender[0].lower() if sender else None,
        email=email[0].strip().lower()[:LONGEST] if email else None,
        fields=None if fields is None else _kept(fields),
        templates=tuple(text[:LONGEST] for text in content.look(_TEMPLATE).values[:MOST_VALUES]),
        listeners=listeners,
    )


def _kept(fields: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    some = itertools.islice(fields.items(), MOST_FIELDS)
    return {name[:LONGEST]: texts[0][:LONGEST] for name, texts in some if texts}


def coverage(envelopes: Iterable[SeenEnvelope]) -> tuple[Coverage, ...]:
    """Return, for each sender and each field that some envelope carries, how many do."""
    by_sender: dict[str, list[SeenEnvelope]] = {}
    for one in envelopes:
        if one.fields is not None:
            by_sender.setdefault(one.email or one.sender_id or "somebody", []).append(one)
    named = Counter(
        name for some in by_sender.values() for one in some for name in one.fields or ()
    )
    names = sorted(name for name, _ in named.most_common(MOST_FIELDS))
    busiest = sorted(by_sender.items(), key=lambda item: -len(item[1]))[:MOST_SENDERS]
    every = (_coverage(sender, name, some) for sender, some in busiest for name in names)
    return tuple(one for one in every if one.values)


def _coverage(sender: str, name: str, envelopes: list[SeenEnvelope]) -> Coverage:
    found = (_value(one, name) for one in envelopes)
    counted = Counter(value for value in found if value is not None)
    return Coverage(
        sender=sender,
        field=name,
        envelopes=len(envelopes),
        without=len(envelopes) - counted.total(),
        values=dict(counted.most_common(MOST_VALUES)),
    )


def shared(envelopes: Iterable[SeenEnvelope]) -> tuple[SharedNow, ...]:
    """Return which listeners want the same envelopes now, the most crossed first."""
    counted: Counter[tuple[str, str]] = Counter()
    # Few sets of listeners for many envelopes: pairs are counted once for each set.
    for names, count in Counter(one.listeners for one in envelopes).items():
        for pair in itertools.combinations(sorted(names)[:MOST_SHARING], 2):
            counted[pair] += count
    found = counted.most_common(MOST_FIELDS)
    return tuple(SharedNow(one=one, other=other, envelopes=count) for (one, other), count in found)


# what it says about what was told


class Checked(Noun, frozen=True, kw_only=True):
    """Facts completed by traffic, and where the two differ."""

    facts: Facts
    completed: tuple[str, ...]
    contradictions: tuple[str, ...]


def check(facts: Facts, envelopes: tuple[SeenEnvelope, ...], *, guesses: bool) -> Checked:
    """Complete facts by what was seen; what contradicts them is said, and believed.

    `guesses` lets a listener of whose envelopes nothing is known be found by its name, in the
    values of fields and in the addresses of senders.
    """
    checking = _Checking(facts, envelopes)
    if guesses:
        checking.each(checking.guess)
    checking.each(checking.of_field)
    checking.each(checking.of_senders)
    return Checked(
        facts=replace(facts, integrations=checking.integrations),
        completed=tuple(checking.completed),
        contradictions=tuple(checking.contradictions),
    )


class _Checking:
    def __init__(self, facts: Facts, envelopes: tuple[SeenEnvelope, ...]) -> None:
        self._facts = facts
        self._envelopes = envelopes
        self.integrations = facts.integrations
        self.completed: list[str] = []
        self.contradictions: list[str] = []

    def each(self, step: Callable[[Integration], Integration]) -> None:
        """Let a step have its say about every integration that wants its own."""
        self.integrations = tuple(one if one.wants_all else step(one) for one in self.integrations)

    def guess(self, one: Integration) -> Integration:
        """Find an integration's envelopes by its name where nothing tells them."""
        if one.mark is not None or one.senders.are_named:
            return one
        among = self._of_account(one)
        for name, value in sorted(_values(among)):
            if _squashed(value) == _squashed(one.name):
                mark = Mark(name=name, value=value, is_set="always")
                self.completed.append(
                    f"{one.name}: taken to be marked {name} = {value}, by its name"
                )
                return replace(one, mark=mark, senders=self._senders_of(mark, among))
        found = {e.email for e in among if e.email and _squashed(one.name) in _squashed(e.email)}
        if len(found) != 1:
            return one
        [email] = found
        self.completed.append(f"{one.name}: taken to be sent by {email}, by its name")
        return replace(one, senders=Senders(emails=(email,), are_only_for_it=True))

    def _senders_of(self, mark: Mark, among: list[SeenEnvelope]) -> Senders:
        marked = [one for one in among if _value(one, mark.name) == mark.value]
        emails = {one.email for one in marked}
        if None in emails or len(emails) > MOST_NAMED_SENDERS:
            return Senders()
        named = tuple(sorted(email for email in emails if email))
        return Senders(emails=named, are_only_for_it=True)

    def of_field(self, one: Integration) -> Integration:
        """Compare how often the field is said to be set with how often it is."""
        mark, sent = one.mark, self._sent_by(one)
        if mark is None or not sent:
            return one
        without = sum(_value(each, mark.name) is None for each in sent)
        if self._has_unmarked_rival(one):
            without = 0  # what is not marked may well be the rival's
        share = f"{mark.name} is missing on {without} of {len(sent)} envelopes of its senders"
        if mark.is_set == "always" and without:
            self.contradictions.append(f"{one.name}: told as always set, but {share}")
            return replace(one, mark=replace(mark, is_set="sometimes"))
        values = {_value(each, mark.name) for each in sent}
        if mark.is_set == "possible" and mark.value in values:
            self.completed.append(f"{one.name}: {mark.name} = {mark.value} is set already; {share}")
            return replace(one, mark=replace(mark, is_set="sometimes" if without else "always"))
        return one

    def of_senders(self, one: Integration) -> Integration:
        """Compare what its users are said to send with what they send."""
        if not one.senders.are_named:
            return one
        sent = self._sent_by(one)
        if not sent:
            self.contradictions.append(f"{one.name}: nothing of its senders was seen")
            return one
        marks = [other.mark for other in self.integrations if other.name != one.name and other.mark]
        foreign = {
            f"{mark.name} = {mark.value}"
            for mark in marks
            if mark != one.mark and any(_value(each, mark.name) == mark.value for each in sent)
        }
        if foreign and one.senders.are_only_for_it:
            what = ", ".join(sorted(foreign)[:MOST_VALUES])
            self.contradictions.append(
                f"{one.name}: its senders are told to send for nothing else, but send {what} too"
            )
            return replace(one, senders=replace(one.senders, send_marked_too=True))
        return one

    def _has_unmarked_rival(self, one: Integration) -> bool:
        mine = self._senders_known(one)
        return any(
            other.mark is None
            and other.account_id == one.account_id
            and other.name != one.name
            and mine & self._senders_known(other)
            for other in self.integrations
        )

    def _of_account(self, one: Integration) -> list[SeenEnvelope]:
        return [each for each in self._envelopes if each.account_id == one.account_id]

    def _sent_by(self, one: Integration) -> list[SeenEnvelope]:
        """Return what its named senders sent, as far as the fields of it are known."""
        known = self._senders_known(one)
        return [
            each
            for each in self._of_account(one)
            if each.fields is not None and known & {each.sender_id, each.email}
        ]

    def _senders_known(self, one: Integration) -> set[str | None]:
        """Return the ids and addresses of its named senders, through the account's directory."""
        said = one.senders
        known: set[str | None] = {*said.ids, *said.emails}
        for user in self._facts.account(one).users:
            if known & {user.id, user.email} - {None} or set(user.groups) & set(said.groups):
                known |= {user.id, user.email} - {None}
        return known


def _values(envelopes: list[SeenEnvelope]) -> set[tuple[str, str]]:
    return {pair for one in envelopes for pair in (one.fields or {}).items()}


def _value(one: SeenEnvelope, name: str) -> str | None:
    return (one.fields or {}).get(name)


def _squashed(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
