"""What is odd about a Connect configuration or an `eventNotification`, each remark with its place.

One key at a time is put into a body that nothing can be said against, and whatever is then said is
about that key. So the reading itself says what is wrong, and this file only where.
"""

from collections.abc import Callable, Iterator, Mapping

from postroom import vocabulary
from postroom.errors import DocusignError
from postroom.model import Json, Noun
from postroom.operations.connect import (
    configuration,
    echo,
    event_notification,
    listener_url,
    spellings,
    triggers,
)
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.connect.requests import MAX_LISTED, keys_of, text_of, truth_of
from postroom.operations.document import Problem

Remark = tuple[tuple[str | int, ...], str]
"""A path below the key that is looked at, and a sentence."""
_NO_HTTP = "HTTPS_REQUIRED_FOR_CONNECT_LISTENER"
_INSIDE = {
    "eventData": ("version", "format", "includeData"),
    "oAuthConfiguration": (
        "authorizationServerUrl",
        "clientId",
        "clientSecret",
        "scope",
        "customParameters",
    ),
}
"""The keys of the objects inside either level."""
_SILENT = "nothing fires"
_REMEDIES = {
    "allowEnvelopePublish": '; write "allowEnvelopePublish": "true"',
    "allUsers": '; write "allUsers": "true", or name the userIds',
    "events": '; name some, such as "events": ["envelope-completed"]',
}
"""What to do where nothing fires, by the key that the sentence begins with."""


class Level(Noun, frozen=True, kw_only=True):
    """A configuration of the account, or of one envelope."""

    what: str
    elsewhere: str
    """What its sister is called."""
    keys: tuple[str, ...]
    keys_elsewhere: tuple[str, ...]
    url: str
    required: tuple[str, ...]
    sound: dict[str, Json]
    """A body that nothing can be said against."""
    lint: Callable[[Json], tuple[str, ...]]
    has_codes_as_objects: bool
    """Of what shape its lists of legacy codes are (contract 8.3)."""
    wanted: dict[str, str]
    """Switches that are off unless said, and what that costs."""


_PAUSED = f'is on: {_SILENT} until somebody resumes it; write "pausePublish": "false"'
_UNSIGNED = (
    'is not on, so messages carry no signature and anybody can forge one; write "includeHMAC":'
    ' "true", and give the account a Connect key'
)
CONFIGURATION = Level(
    what="a Connect configuration",
    elsewhere="an eventNotification",
    keys=echo.KEYS,
    keys_elsewhere=event_notification.KEYS,
    url="urlToPublishTo",
    required=("name", "urlToPublishTo"),
    sound={
        "name": "sound",
        "urlToPublishTo": "https://sound.example.com/",
        "configurationType": "custom",
        "allowEnvelopePublish": "true",
        "allUsers": "true",
        "userIds": ["somebody"],
        "events": ["envelope-completed"],
    },
    lint=configuration.lint_configuration,
    has_codes_as_objects=False,
    wanted={"includeHMAC": _UNSIGNED},
)
EVENT_NOTIFICATION = Level(
    what="an eventNotification",
    elsewhere="a Connect configuration",
    keys=event_notification.KEYS,
    keys_elsewhere=echo.KEYS,
    url="url",
    required=("url",),
    sound={"url": "https://sound.example.com/", "events": ["envelope-completed"]},
    lint=event_notification.lint_event_notification,
    has_codes_as_objects=True,
    wanted={
        "requireAcknowledgment": "is not on, so a message that fails is never tried again; write"
        ' "requireAcknowledgment": "true"',
        "loggingEnabled": "is not on, so Docusign's log shows neither messages nor failures; write"
        ' "loggingEnabled": "true"',
        "includeHMAC": _UNSIGNED,
    },
)


def remarks(level: Level, body: Mapping[str, Json], *, is_offline: bool) -> Iterator[Problem]:
    """Yield what is odd about a body of a level; never raises.

    With `is_offline` http to loopback is fine, as it is to `postroom serve --offline`.
    """
    spelt = {key.lower(): key for key in level.keys}
    whole: dict[str, Json] = {}
    """The body by the keys' right spelling, with sound values in the place of odd ones."""
    odd_keys = set()
    for given, value in body.items():
        key = spelt.get(given.lower())
        if key is None:
            yield Problem(path=(given,), message=_stray(level, given))
        elif value is not None:
            odd = [*_of_case(level, given, key), *_of_key(level, key, value, is_offline)]
            yield from (Problem(path=(given, *path), message=message) for path, message in odd)
            whole |= _in_place_of(level, key) if odd else {key: value}
            odd_keys |= {key} if odd else set()
    for key in level.required:
        if key not in whole:
            yield Problem(path=(key,), message=f"is missing; {level.what} cannot be without it")
            whole[key] = level.sound[key]
    for sentence in level.lint(whole):
        yield _placed(level, sentence)
    if truth_of({"pausepublish": whole.get("pausePublish")}, "pausePublish"):
        yield Problem(path=("pausePublish",), message=_PAUSED)
    for key, cost in level.wanted.items():
        if key not in odd_keys and not truth_of({key.lower(): whole.get(key)}, key):
            yield Problem(path=(key,), message=cost)


def _stray(level: Level, given: str) -> str:
    """Return what to say of a key that is not read."""
    for sentence in spellings.misspelt([given], level.keys, level.what):
        return sentence
    if given.lower() in {key.lower() for key in level.keys_elsewhere}:
        return f"is a key of {level.elsewhere}; {level.what} ignores it, so leave it out"
    return f"is no key of {level.what} and is ignored; check its spelling, or leave it out"


def _of_case(level: Level, given: str, key: str) -> Iterator[Remark]:
    """Yield a remark on the two keys that the levels tell apart by a capital (contract 8.2)."""
    if given != key and given in level.keys_elsewhere:
        yield (), f"is the spelling of {level.elsewhere}; in {level.what} it is {key}"


def _of_key(level: Level, key: str, value: Json, is_offline: bool) -> Iterator[Remark]:  # noqa: FBT001  # private
    if key == level.url:
        yield from _of_url(value, is_offline=is_offline)
    elif key in triggers.KINDS and isinstance(value, list) and len(value) <= MAX_LISTED:
        for number, entry in enumerate(value):
            yield from (((number, *path), said) for path, said in _of_entry(level, key, entry))
    elif key in triggers.KINDS and isinstance(value, str):
        yield (), "is a text; write a list, with each event an entry of its own"
    elif key in _INSIDE and isinstance(value, Mapping):
        for name, inner in value.items():
            yield from (((name, *path), said) for path, said in _inside(level, key, name, inner))
    else:
        yield from (((), sentence) for sentence in _about(level, key, value))


def _of_url(value: Json, *, is_offline: bool) -> Iterator[Remark]:
    try:
        listener_url.check(
            text_of({"url": value}, "url"),
            allow_http_loopback=is_offline,
            allow_private_addresses=True,
            limits=ConnectLimits(),
        )
    except DocusignError as problem:
        remedy = " Write an https URL." if problem.code == _NO_HTTP else ""
        yield (), f"{problem}{remedy}"


def _of_entry(level: Level, key: str, entry: Json) -> Iterator[Remark]:
    """Yield what is odd about one event of a list, its shape first (contract 8.3)."""
    kind = triggers.KINDS[key]
    code = f"{kind}EventStatusCode"
    wants_object = kind is not None and level.has_codes_as_objects
    if isinstance(entry, str) and wants_object:
        yield (), f'is a text, and {level.what} has objects here: {{"{code}": "Completed"}}'
    elif isinstance(entry, Mapping) and not wants_object:
        example = "envelope-completed" if kind is None else "Completed"
        yield (), f'is an object, and {level.what} has texts here, such as "{example}"'
    elif isinstance(entry, Mapping):
        known = (code, "includeDocuments")
        for name in entry:
            if name.lower() not in {one.lower() for one in known}:
                yield (name,), f"is no key here and is ignored; {' and '.join(known)} are"
        if code.lower() not in {name.lower() for name in entry}:
            yield (), f'names no event; write {{"{code}": "Completed"}}'
            return
    yield from (((), sentence) for sentence in _of_spelling(key, entry))
    yield from (((), f"{said}{_code_of(said, key)}") for said in _about(level, key, [entry]))


def _of_spelling(key: str, entry: Json) -> Iterator[str]:
    """Yield a remark on an event spelt as the other lists spell it (contract 8.5)."""
    kind = triggers.KINDS[key]
    said = keys_of(entry) if isinstance(entry, Mapping) else {}
    text = said.get(f"{kind}eventstatuscode", entry)
    name = text.strip().lower() if isinstance(text, str) else ""
    event = vocabulary.canonical(name, kind)
    if event is None or (kind is None) == (name in vocabulary.EVENTS):
        return
    code = vocabulary.legacy(event)
    if kind is None:
        yield f"is a legacy code; in events write {event}"
    elif code is not None and code[0] == kind:
        yield f"is spelt {code[1]} in {key}"
    else:
        yield f"has no place in {key}; write it into events"


def _code_of(sentence: str, key: str) -> str:
    """Return how a list of legacy codes spells the event that a sentence takes one to be."""
    meant = vocabulary.legacy(sentence.rpartition("did you mean ")[2].removesuffix("?"))
    kind = triggers.KINDS[key]
    return f" In {key} it is spelt {meant[1]}." if meant and meant[0] == kind else ""


def _inside(level: Level, key: str, name: str, value: Json) -> Iterator[Remark]:
    """Yield what is odd about one key of an object inside."""
    known = {one.lower(): one for one in _INSIDE[key]}
    if name.lower() not in known:
        near = list(spellings.misspelt([name], _INSIDE[key], f"the {key}"))
        yield (), near[0] if near else f"is no key of {key}; there are {', '.join(_INSIDE[key])}"
    elif name.lower() == "includedata" and isinstance(value, list) and len(value) <= MAX_LISTED:
        for number, token in enumerate(value):
            about = _about(level, key, {name: [token]})
            yield from (((number,), sentence) for sentence in about)
    else:
        yield from (((), sentence) for sentence in _about(level, key, {name: value}))


def _about(level: Level, key: str, value: Json) -> Iterator[str]:
    """Yield what is said once one value stands in a sound body: all of it is about the value."""
    for sentence in level.lint({**level.sound, key: value}):
        yield f"{_without_place(sentence, key)}{_remedy(sentence)}"


def _in_place_of(level: Level, key: str) -> dict[str, Json]:
    """Return what stands for an odd value when the whole is looked at."""
    stand_in = "events" if key in triggers.KINDS else key
    return {stand_in: level.sound[stand_in]} if stand_in in level.sound else {}


def _placed(level: Level, sentence: str) -> Problem:
    subject = _subject(sentence)
    path = (subject,) if subject in level.keys else ()
    return Problem(path=path, message=f"{sentence}{_remedy(sentence)}")


def _remedy(sentence: str) -> str:
    return _REMEDIES.get(_subject(sentence), "") if sentence.endswith(_SILENT) else ""


def _subject(sentence: str) -> str:
    """Return the key that a sentence begins with, as those about silences do."""
    return sentence.partition(" ")[0].rstrip(",:").partition(".")[0]


def _without_place(sentence: str, key: str) -> str:
    """Return a sentence without the place that it begins with; the place is told beside it."""
    place, colon, rest = sentence.partition(": ")
    return rest if colon and place.partition(".")[0] == key else sentence
