"""What is odd about a file before anything is made of it: which kind it is, and every remark.

Docusign ignores what it does not know and keeps what can never fire. Nothing is asked and nothing
is kept here: a document goes in, remarks come out.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Literal

from postroom import vocabulary
from postroom.envelopes import definition, given
from postroom.envelopes.envelope import Sender
from postroom.errors import DocusignError, InvalidInputError
from postroom.model import Account, Json, Noun, Registry, User
from postroom.operations import document as connect_document
from postroom.operations import drafts
from postroom.operations.connect.remarks import (
    CONFIGURATION,
    EVENT_NOTIFICATION,
    Level,
    remarks,
)
from postroom.operations.document import InvalidDocumentError, Problem

Path = tuple[str | int, ...]
Kind = Literal[
    "Connect configuration",
    "Connect configurations",
    "eventNotification",
    "envelope definition",
    "connect.yaml",
    "list",
]

_OF_A_FILE = {"accounts", "lanes", "listeners"}
_OF_A_DEFINITION = {
    "emailsubject",
    "eventnotification",
    "eventnotifications",
    "documents",
    "recipients",
    "templateid",
    "templateroles",
    "compositetemplates",
}
_SECRETS = {"keys", "token", "private_key"}
"""Keys of connect.yaml under which a secret stands, by its text or by where it is kept."""
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class Linted(Noun, frozen=True, kw_only=True):
    """A document as recognised, and what is odd about it, in order of finding."""

    kind: Kind
    problems: tuple[Problem, ...]


def lint(document: Json, *, is_offline: bool = False) -> Linted:
    """Return what is odd about a decoded JSON or YAML document.

    `is_offline` lets http to loopback pass. Raises `InvalidInputError` for what is none of the
    kinds it knows, or is nested or filled beyond all bounds.
    """
    given.check(document)
    kind = _kind(document)
    if kind is None:
        raise InvalidInputError(
            "this is neither a Connect configuration, an eventNotification, an envelope definition"
            " nor a connect.yaml; it has no key that any of them has"
        )
    found = _of_kind(kind, document, (), is_offline=is_offline)
    return Linted(kind=kind, problems=tuple(dict.fromkeys(found)))


def _kind(document: Json) -> Kind | None:
    if isinstance(document, list):
        return "list"
    if not isinstance(document, Mapping):
        return None
    keys = {str(key).lower() for key in document}
    if "configurations" in keys:
        return "Connect configurations"
    if keys & _OF_A_FILE:
        return "connect.yaml"
    if keys & _OF_A_DEFINITION:
        return "envelope definition"
    of_account = _keys_in(keys, CONFIGURATION)
    of_envelope = _keys_in(keys, EVENT_NOTIFICATION)
    if not of_account and not of_envelope:
        return None
    return "Connect configuration" if of_account >= of_envelope else "eventNotification"


def _keys_in(keys: set[str], level: Level) -> int:
    return len(keys & {key.lower() for key in level.keys})


def _of_kind(kind: Kind, document: Json, path: Path, *, is_offline: bool) -> Iterator[Problem]:
    if kind == "list":
        yield from _of_entries(document, path, is_offline=is_offline)
    elif kind == "Connect configurations":
        for key, value in document.items():
            if key.lower() == "configurations":
                yield from _of_entries(value, (*path, key), is_offline=is_offline)
    elif kind == "connect.yaml":
        yield from _of_connect_file(document)
    elif kind == "envelope definition":
        yield from _under(path, _of_definition(document, is_offline=is_offline))
    else:
        level = CONFIGURATION if kind == "Connect configuration" else EVENT_NOTIFICATION
        yield from _under(path, remarks(level, document, is_offline=is_offline))


def _of_entries(entries: Json, path: Path, *, is_offline: bool) -> Iterator[Problem]:
    if not isinstance(entries, list):
        yield Problem(path=path, message="is no list; write one")
        return
    for number, entry in enumerate(entries):
        kind = _kind(entry)
        if kind is None or kind in {"list", "connect.yaml"}:
            message = "is neither a Connect configuration, an eventNotification nor a definition"
            yield Problem(path=(*path, number), message=message)
        else:
            yield from _of_kind(kind, entry, (*path, number), is_offline=is_offline)


def _under(path: Path, problems: Iterator[Problem]) -> Iterator[Problem]:
    return (Problem(path=(*path, *one.path), message=one.message) for one in problems)


# an envelope definition


def _of_definition(body: Mapping[str, Json], *, is_offline: bool) -> Iterator[Problem]:
    numbers = itertools.count(1)
    try:
        draft = definition.read_definition(
            body,
            account=Account(id=""),
            sender=Sender(user_id="", name="", email=""),
            envelope_id="",
            now=0,
            new_guid=lambda: str(next(numbers)),
            templates=_Templates(),
        )
    except DocusignError as problem:
        yield _placed(str(problem), body)
    else:
        yield from (_placed(sentence, body) for sentence in draft.warnings)
    for key, value in body.items():
        if key.lower() == "eventnotification" and isinstance(value, Mapping):
            found = remarks(EVENT_NOTIFICATION, value, is_offline=is_offline)
            yield from _under((key,), found)
        elif key.lower() == "eventnotifications" and isinstance(value, list):
            for number, one in enumerate(value):
                if isinstance(one, Mapping):
                    found = remarks(EVENT_NOTIFICATION, one, is_offline=is_offline)
                    yield from _under((key, number), found)


class _Templates(dict[str, Json]):
    """Has every template, and nothing in it: which there are is not known here."""

    def __bool__(self) -> bool:
        return True

    def get(self, key: str, default: Json = None) -> Json:  # noqa: ARG002  # the base class's
        return {}


def _placed(sentence: str, body: Mapping[str, Json]) -> Problem:
    """Place a sentence that begins with a path, such as `recipients.signers[0].emial is ignored`.

    As much of the path counts as there is in the body.
    """
    told, _, rest = sentence.partition(" ")
    path: list[str | int] = []
    inner: Json = body
    steps = [int(number) if number else name for number, name in _STEP.findall(told)]
    for step in steps:
        if isinstance(inner, Mapping) and isinstance(step, str):
            spelt = next((key for key in inner if key.lower() == step.lower()), None)
            if spelt is None:
                break
            path, inner = [*path, spelt], inner[spelt]
        elif isinstance(inner, list) and isinstance(step, int) and step < len(inner):
            path, inner = [*path, step], inner[step]
        else:
            break
    is_whole = bool(path) and len(path) == len(steps)
    return Problem(path=tuple(path), message=rest if is_whole else sentence)


# connect.yaml


def _of_connect_file(document: Mapping[str, Json]) -> Iterator[Problem]:
    """Yield what `apply` would refuse or warn of, as far as the file alone tells."""
    stood_in = _with_stand_ins(document)
    try:
        read = connect_document.read(stood_in)
        yield from _of_events(read)
        drafted = drafts.draft(read, _registry(read), allow_private=True)
    except InvalidDocumentError as refused:
        is_elsewhere = not document.get("accounts")
        for one in refused.problems:
            # Whether an environment can be told apart is for the account to say.
            is_open = is_elsewhere and one.path[2:] == ("environment",)
            if not is_open and not _is_of_stand_in(one, document):
                yield one
        return
    # Those of a listener are about its events, which have been told of in their places.
    own = (one for one in drafted.warnings if not one.startswith("listener "))
    yield from (Problem(path=(), message=sentence) for sentence in own)


def _registry(read: connect_document.ConnectDocument) -> Registry:
    """Return what is there already, as far as a file without accounts must take it to be."""
    if read.accounts:
        return Registry(revision=0, accounts={}, listeners={}, lanes={})
    named = {one.account for one in read.listeners} | {one.account for one in read.lanes}
    users = [one.users for one in read.listeners if one.users is not None]
    groups = {name for one in users for name in (*(one.only or ()), *(one.except_ or ()))}
    anybody = (User(groups=tuple(sorted(groups))),)
    accounts = {name: Account(id=name.lower(), name=name, users=anybody) for name in named}
    return Registry(revision=0, accounts=accounts, listeners={}, lanes={})


def _of_events(read: connect_document.ConnectDocument) -> Iterator[Problem]:
    for number, listener in enumerate(read.listeners):
        for place, event in enumerate(listener.events):
            if vocabulary.canonical(event) is None:
                meant = vocabulary.suggest(event)
                hint = f"did you mean {meant}?" if meant else "check its spelling"
                yield Problem(
                    path=("listeners", number, "events", place),
                    message=f"{event!r} is not a known event; {hint}",
                )


def _with_stand_ins(value: Json, of: str = "") -> Json:
    """Return a document in which every key that is named only is there as some text."""
    if isinstance(value, Mapping):
        if of in _SECRETS and len(value) == 1 and value.keys() <= {"env", "file"}:
            return {"text": "stand-in"}
        return {key: _with_stand_ins(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_stand_ins(inner, of) for inner in value]
    return value


def _is_of_stand_in(problem: Problem, document: Json) -> bool:
    """Tell whether it is about the text of a private key that the document only names."""
    if problem.path[-2:] != ("private_key", "text"):
        return False
    secret = document
    for step in problem.path[:-1]:
        secret = secret[step]
    return "text" not in secret
