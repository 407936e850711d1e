"""Listeners by the value that each insists on: those that cannot match are not even asked."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from postroom.routing.conditions import conjuncts, pinned_texts
from postroom.routing.content import Content
from postroom.routing.users import Directory, Sender
from postroom.routing.wants import Wants

FEW = 16
"""So many are asked as fast by their users as the sender is looked up."""

Placed = tuple[int, Wants]
"""A listener, and its place among all: the order in which they are found."""


class Index:
    """Listeners filed by the custom field's value, or else by the sender, that each insists on.

    One that insists on several values is filed under the most selective. Those with loose
    comparison or sticky fields see other values than the message's, and are not filed by field.
    """

    def __init__(self, wants: Sequence[Wants], directory: Directory) -> None:
        self._everyone = wants
        self._directory = directory
        self._unfiled: list[Placed] = []
        self._by_field: dict[str, dict[str, list[Placed]]] = {}
        self._by_id: dict[str, list[Placed]] = {}
        self._by_email: dict[str, list[Placed]] = {}
        self._with_field: list[Placed] = []
        self._with_id: list[Placed] = []
        self._with_email: list[Placed] = []
        pins = [_pins(one) for one in wants]
        crowd = Counter(
            (name, text) for options in pins for name, texts in options for text in texts
        )
        for placed, options in zip(enumerate(wants), pins, strict=True):
            if options:
                self._file_by_field(placed, min(options, key=lambda pin: _size(crowd, pin)))
            elif len(wants) <= FEW or not self._file_by_sender(placed):
                self._unfiled.append(placed)

    def candidates(self, content: Content) -> Iterable[Wants]:
        """Return, in their order, all that may match; where a value is not known, all filed by it.

        What a message does not say is for each listener to judge.
        """
        if len(self._unfiled) == len(self._everyone):
            return self._everyone
        found = dict(self._unfiled)
        if self._with_field:
            found.update(self._found_by_field(content.custom_fields()))
        if self._with_id or self._with_email:
            found.update(self._found_by_sender(self._sender(content)))
        return [found[place] for place in sorted(found)]

    def _file_by_field(self, placed: Placed, pin: tuple[str, tuple[str, ...]]) -> None:
        name, texts = pin
        self._with_field.append(placed)
        for text in texts:
            self._by_field.setdefault(name, {}).setdefault(text, []).append(placed)

    def _file_by_sender(self, placed: Placed) -> bool:
        users = placed[1].users
        if users is None or not users.is_only or users.has_unknown_groups:
            return False
        for files, those, keys in (
            (self._by_id, self._with_id, users.wanted_ids),
            (self._by_email, self._with_email, users.wanted_emails),
        ):
            if keys:
                those.append(placed)
            for key in keys:
                files.setdefault(key, []).append(placed)
        return True

    def _found_by_field(self, fields: Mapping[str, tuple[str, ...]] | None) -> Iterable[Placed]:
        if fields is None:
            return self._with_field
        return (
            placed
            for name in fields.keys() & self._by_field.keys()
            for text in fields[name]
            for placed in self._by_field[name].get(text, ())
        )

    def _found_by_sender(self, sender: Sender) -> Iterable[Placed]:
        if sender.id is None:
            yield from self._with_id
        else:
            yield from self._by_id.get(sender.id, ())
        if not sender.is_email_known:
            yield from self._with_email
        for email in sender.emails:
            yield from self._by_email.get(email, ())

    def _sender(self, content: Content) -> Sender:
        if self._by_email:
            return self._directory.sender(content)
        return self._directory.sender_by_id(content) or self._directory.sender(content)


def _pins(one: Wants) -> list[tuple[str, tuple[str, ...]]]:
    listener = one.listener
    if one.filter is None or listener.comparison != "exact" or listener.field_policy != "current":
        return []
    found = (pinned_texts(node) for node in conjuncts(one.filter.node))
    return [pin for pin in found if pin is not None]


def _size(crowd: Counter[tuple[str, str]], pin: tuple[str, tuple[str, ...]]) -> int:
    name, texts = pin
    return sum(crowd[name, text] for text in texts)
