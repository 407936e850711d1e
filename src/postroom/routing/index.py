"""Listeners by the text that each insists on: those that cannot match are not even asked."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from postroom.model import Noun
from postroom.routing.conditions import Condition, OneOf, TextTest, conjuncts
from postroom.routing.content import Content
from postroom.routing.paths import Path
from postroom.routing.users import Directory, Sender
from postroom.routing.wants import Wants

FEW = 16
"""So many are asked as fast by themselves as something is looked up for them."""
MOST_PLACES = 32
"""Each place that is not a custom field is looked at for every message."""

Placed = tuple[int, Wants]
"""A listener, and its place among all: the order in which they are found."""


class _Pin(Noun, frozen=True, kw_only=True):
    """What some value at a path must be, or (`is_beginning`) begin with: one of these texts."""

    path: Path
    texts: tuple[str, ...]
    is_beginning: bool


class _Drawer:
    """Listeners filed by the text that they insist on at one path: the whole, or its beginning."""

    __slots__ = ("_beginnings", "_wholes", "everyone")

    def __init__(self) -> None:
        self.everyone: list[Placed] = []
        self._wholes: dict[str, list[Placed]] = {}
        self._beginnings: dict[int, dict[str, list[Placed]]] = {}

    def file(self, placed: Placed, pin: _Pin) -> None:
        self.everyone.append(placed)
        for text in pin.texts:
            texts = self._beginnings.setdefault(len(text), {}) if pin.is_beginning else self._wholes
            texts.setdefault(text, []).append(placed)

    def found(self, values: Iterable[str]) -> Iterator[Placed]:
        for value in values:
            yield from self._wholes.get(value, ())
            for length, texts in self._beginnings.items():
                yield from texts.get(value[:length], ())


class Index:
    """Listeners filed by a text, or else by the sender, that each insists on.

    One that insists on several texts is filed under the most selective. Those with loose
    comparison or sticky fields see other texts than the message's, and are not filed by text.
    """

    def __init__(self, wants: Sequence[Wants], directory: Directory) -> None:
        self._everyone = wants
        self._directory = directory
        self._unfiled: list[Placed] = []
        self._by_field: dict[str, _Drawer] = {}
        self._by_place: dict[str, tuple[Path, _Drawer]] = {}
        self._by_id: dict[str, list[Placed]] = {}
        self._by_email: dict[str, list[Placed]] = {}
        self._with_id: list[Placed] = []
        self._with_email: list[Placed] = []
        pins = [_pins(one, is_many=len(wants) > FEW) for one in wants]
        crowd = Counter(
            (pin.path.text, text) for options in pins for pin in options for text in pin.texts
        )
        for placed, options in zip(enumerate(wants), pins, strict=True):
            self._file(placed, sorted(options, key=lambda pin: _size(crowd, pin)))

    def candidates(self, content: Content) -> Iterable[Wants]:
        """Return, in their order, all that may match; where a text is not known, all filed by it.

        What a message does not say is for each listener to judge.
        """
        if len(self._unfiled) == len(self._everyone):
            return self._everyone
        found = dict(self._unfiled)
        if self._by_field:
            found.update(self._found_by_field(content.custom_fields()))
        for path, drawer in self._by_place.values():
            sight = content.look(path)
            found.update(drawer.everyone if sight.doubt is not None else drawer.found(sight.values))
        if self._with_id or self._with_email:
            found.update(self._found_by_sender(self._sender(content)))
        return [found[place] for place in sorted(found)]

    def _file(self, placed: Placed, pins: Sequence[_Pin]) -> None:
        for pin in pins:
            drawer = self._drawer(pin.path)
            if drawer is not None:
                drawer.file(placed, pin)
                return
        if len(self._everyone) <= FEW or not self._file_by_sender(placed):
            self._unfiled.append(placed)

    def _drawer(self, path: Path) -> _Drawer | None:
        if path.root == "customFields":
            return self._by_field.setdefault(path.segments[0], _Drawer())
        if path.text not in self._by_place and len(self._by_place) == MOST_PLACES:
            return None
        return self._by_place.setdefault(path.text, (path, _Drawer()))[1]

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

    def _found_by_field(self, fields: Mapping[str, tuple[str, ...]] | None) -> Iterator[Placed]:
        if fields is None:
            for drawer in self._by_field.values():
                yield from drawer.everyone
            return
        for name in fields.keys() & self._by_field.keys():
            yield from self._by_field[name].found(fields[name])

    def _found_by_sender(self, sender: Sender) -> Iterator[Placed]:
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


def _pins(one: Wants, *, is_many: bool) -> list[_Pin]:
    listener = one.listener
    if one.filter is None or listener.comparison != "exact" or listener.field_policy != "current":
        return []
    found = (_pin(node) for node in conjuncts(one.filter.node) if isinstance(node, Condition))
    return [
        pin for pin in found if pin is not None and (is_many or pin.path.root == "customFields")
    ]


def _pin(node: Condition) -> _Pin | None:
    if node.path.is_identifier:  # compared without regard to case
        return None
    beginning = None
    for test in node.holding:
        if isinstance(test, OneOf):
            return _Pin(path=node.path, texts=test.texts, is_beginning=False)
        if isinstance(test, TextTest) and test.operator == "startsWith":
            beginning = _Pin(path=node.path, texts=(test.text,), is_beginning=True)
    return beginning


def _size(crowd: Counter[tuple[str, str]], pin: _Pin) -> int:
    return sum(crowd[pin.path.text, text] for text in pin.texts)
