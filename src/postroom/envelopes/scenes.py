"""Envelopes to live through: a definition as the REST API takes one, and what is done to it. Pure.

Everything made up here (addresses, subjects, and the ids through `guids`) comes from a seed, so
that the same seed plays the same life again.
"""

import base64
import random
from collections.abc import Callable, Iterator
from uuid import UUID

from postroom.envelopes.stories import Beat, Story, TemplateBeat, beats_of
from postroom.model import Json, Noun

_DOCUMENT = base64.b64encode(b"An agreement, to be signed by everybody it concerns.\n").decode()
_SEED_BITS = 64


class Scene(Noun, frozen=True, kw_only=True):
    """One envelope, or template, that is to be created, and what then happens to it."""

    definition: Json
    """An `envelopeDefinition` (contract 7.3), or an `envelopeTemplate`."""
    beats: tuple[Beat, ...] = ()
    template_beats: tuple[TemplateBeat, ...] = ()
    """Of a template, beginning with its creation; empty for an envelope."""
    seed: int
    sender: str | None = None
    """Whose envelope it is, as a person would name a user; None leaves it to the caller."""


class Wishes(Noun, frozen=True, kw_only=True):
    """What all envelopes of a story shall have."""

    fields: tuple[tuple[str, str], ...] = ()
    """Custom fields as (name, value)."""
    event_notification: Json = None
    """An `eventNotification`, or a list of them."""


def scenes(story: Story, *, count: int, seed: int, wishes: Wishes) -> Iterator[Scene]:
    """Yield so many envelopes of a story, in an order mixed by the seed."""
    chance = random.Random(seed)  # noqa: S311  # repeatable on purpose, no secret
    parts = [beats for number, beats in beats_of(story, count) for _ in range(number)]
    chance.shuffle(parts)
    for beats in parts:
        own_seed = chance.getrandbits(_SEED_BITS)
        make = _template if story.template_beats else _definition
        yield Scene(
            definition=make(story, wishes, own_seed),
            beats=beats,
            template_beats=story.template_beats,
            seed=own_seed,
        )


def guids(seed: int) -> Callable[[], str]:
    """Return a maker of GUIDs that makes the same ones for the same seed."""
    chance = random.Random(f"guids of {seed}")  # noqa: S311  # as above
    return lambda: str(UUID(int=chance.getrandbits(128), version=4))


def definition(
    *,
    subject: str,
    is_draft: bool,
    recipients: dict[str, list[Json]],
    wishes: Wishes,
) -> Json:
    """Return an `envelopeDefinition` with one small document."""
    made: dict[str, Json] = {
        "emailSubject": subject,
        "status": "created" if is_draft else "sent",
        "documents": [
            {
                "documentId": "1",
                "name": "agreement.txt",
                "fileExtension": "txt",
                "documentBase64": _DOCUMENT,
            }
        ],
        "recipients": recipients,
    }
    if wishes.fields:
        made["customFields"] = {
            "textCustomFields": [
                {"name": name, "value": value, "show": "true"} for name, value in wishes.fields
            ]
        }
    if isinstance(wishes.event_notification, list):
        made["eventNotifications"] = wishes.event_notification
    elif wishes.event_notification is not None:
        made["eventNotification"] = wishes.event_notification
    return made


def mark_of(seed: int) -> str:
    """Return a few characters by which people tell an envelope of a seed from others."""
    return f"{seed & 0xFFFFFF:06x}"


def _definition(story: Story, wishes: Wishes, seed: int) -> Json:
    mark = mark_of(seed)
    signers: list[Json] = [
        {
            "recipientId": str(number),
            "routingOrder": "1" if story.are_parallel else str(number),
            "name": f"Signer {number}",
            "email": f"signer{number}.{mark}@example.com",
        }
        for number in range(1, story.signers + 1)
    ]
    return definition(
        subject=f"Please sign: agreement {mark}",
        is_draft=story.is_draft,
        recipients={"signers": signers},
        wishes=wishes,
    )


def _template(story: Story, wishes: Wishes, seed: int) -> Json:
    mark = mark_of(seed)
    signers: list[Json] = [
        {"recipientId": str(number), "routingOrder": str(number), "roleName": f"Signer {number}"}
        for number in range(1, story.signers + 1)
    ]
    said = definition(
        subject=f"Please sign: agreement {mark}",
        is_draft=True,
        recipients={"signers": signers},
        wishes=wishes,
    )
    return {"name": f"Agreement {mark}", **said}
