"""A script for `postroom trigger`: envelopes and what happens to them, each error with its place.

The document is JSON's values, as YAML reads them too; what a step says is read by `steps`.
"""

import random
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from postroom.envelopes.envelope import RECIPIENT_TYPES, Role
from postroom.envelopes.scenes import Scene, Wishes, definition, mark_of
from postroom.envelopes.stories import Beat
from postroom.model import Json, Noun
from postroom.operations.connect import steps
from postroom.operations.document import InvalidDocumentError, Name, Part, Problem

MAX_ENVELOPES = 1_000
MAX_STEPS = 500
MAX_RECIPIENTS = 100
MAX_SEED = 2**63 - 1
_SEED_BITS = 62


def _text(value: Any) -> Any:
    """Let a number or a boolean stand for its text, as YAML reads `Region: 7`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text), Field(max_length=1_000)]
Id = Annotated[str, BeforeValidator(_text), Field(pattern=r"^[A-Za-z0-9_-]{1,50}$")]
Order = Annotated[int, Field(ge=1, le=10_000)]


class RecipientPart(Part):
    """A recipient. Without an id it has its number in the list."""

    id: Id | None = None
    name: Name | None = None
    email: Annotated[str, Field(max_length=320, pattern="@")] | None = None
    order: Order | None = None
    role: Role = "signers"


class EnvelopePart(Part):
    """An envelope and what happens to it."""

    subject: Annotated[str, BeforeValidator(_text), Field(max_length=100)] | None = None
    sender: Name | None = None
    draft: bool = False
    fields: Annotated[dict[Name, Text], Field(max_length=500, default_factory=dict)]
    recipients: Annotated[tuple[RecipientPart, ...], Field(max_length=MAX_RECIPIENTS)] = (
        RecipientPart(),
    )
    event_notification: dict[str, Any] | list[dict[str, Any]] | None = None
    steps: Annotated[tuple[Any, ...], Field(max_length=MAX_STEPS)] = ()


class ScriptPart(Part):
    """The whole script."""

    account: Name | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    envelopes: Annotated[tuple[EnvelopePart, ...], Field(min_length=1, max_length=MAX_ENVELOPES)]


class Script(Noun, frozen=True, kw_only=True):
    """A script that can be played."""

    account: str | None
    seed: int | None
    envelopes: tuple[EnvelopePart, ...]
    beats: tuple[tuple[Beat, ...], ...]
    """Of each envelope, in the same order."""


def read(document: Json) -> Script:
    """Return the script of a decoded document.

    Raises `InvalidDocumentError` with every problem there is.
    """
    if not isinstance(document, dict):
        raise InvalidDocumentError([Problem(path=(), message="start with envelopes:")])
    try:
        said = ScriptPart.model_validate(document)
    except ValidationError as refused:
        found = [_problem(error) for error in refused.errors(include_url=False)]
        raise InvalidDocumentError(list(dict.fromkeys(found))) from None
    problems: list[Problem] = []
    beats = tuple(_beats(one, ("envelopes", n), problems) for n, one in enumerate(said.envelopes))
    if problems:
        raise InvalidDocumentError(problems)
    return Script(account=said.account, seed=said.seed, envelopes=said.envelopes, beats=beats)


def scenes(script: Script, *, seed: int, wishes: Wishes) -> tuple[Scene, ...]:
    """Return the envelopes of a script; `wishes` fill in what the script leaves out."""
    chance = random.Random(seed)  # noqa: S311  # repeatable on purpose, no secret
    return tuple(
        _scene(one, beats, chance.getrandbits(_SEED_BITS), wishes)
        for one, beats in zip(script.envelopes, script.beats, strict=True)
    )


def _scene(said: EnvelopePart, beats: tuple[Beat, ...], seed: int, wishes: Wishes) -> Scene:
    mark = mark_of(seed)
    recipients: dict[str, list[Json]] = {}
    for number, one in enumerate(said.recipients, start=1):
        recipients.setdefault(one.role, []).append(
            {
                "recipientId": one.id or str(number),
                "routingOrder": str(one.order or number),
                "name": one.name or f"Recipient {number}",
                "email": one.email or f"recipient{number}.{mark}@example.com",
            }
        )
    own = Wishes(
        fields=tuple((dict(wishes.fields) | said.fields).items()),
        event_notification=said.event_notification or wishes.event_notification,
    )
    return Scene(
        definition=definition(
            subject=said.subject or f"Please sign: agreement {mark}",
            is_draft=said.draft,
            recipients=recipients,
            wishes=own,
        ),
        beats=beats,
        seed=seed,
        sender=said.sender,
    )


def _beats(
    said: EnvelopePart, place: tuple[str | int, ...], problems: list[Problem]
) -> tuple[Beat, ...]:
    ids = [one.id or str(number) for number, one in enumerate(said.recipients, start=1)]
    for number, one in enumerate(ids):
        if one in ids[:number]:
            path = (*place, "recipients", number)
            problems.append(Problem(path=path, message=f"another recipient has the id {one} too"))
    return steps.read(said.steps, ids, (*place, "steps"), problems)


_KEYS: dict[str, type[Part]] = {"recipients": RecipientPart, "envelopes": EnvelopePart}


def _problem(error: Any) -> Problem:
    """Put a validation error in words that say what to write."""
    path = tuple(one for one in error["loc"] if one not in {"dict[str,any]", "list[dict[str,any]]"})
    kind, context = error["type"], error.get("ctx", {})
    pattern = str(context.get("pattern", ""))
    message = {
        "missing": "this is required",
        "tuple_type": "write a list here, each entry after a dash",
        "dict_type": "write keys and their values here",
        "model_type": "write keys and their values here",
        "string_type": "write a text here",
        "literal_error": f"write one of {', '.join(RECIPIENT_TYPES)}",
        "string_pattern_mismatch": "write an e-mail address"
        if pattern == "@"
        else "letters, digits, - and _ are allowed here",
    }.get(kind, str(error["msg"]))
    if kind == "extra_forbidden":
        owner = next((step for step in reversed(path[:-1]) if step in _KEYS), "")
        known = ", ".join(_KEYS.get(str(owner), ScriptPart).model_fields)
        message = f"unknown key {str(path[-1])[:50]!r}; known keys are {known}"
    return Problem(path=path, message=message)
