"""The same stories without a server: played in memory, for the messages they would tell."""

from collections.abc import Iterator

from msgspec.structs import replace

from postroom.clock import SECOND
from postroom.delivery import reshape
from postroom.envelopes import definition, lifecycle, message, scenes
from postroom.envelopes.envelope import Envelope, Happening, Sender
from postroom.envelopes.scenes import Scene
from postroom.envelopes.sim_message import CONFIGURATION_ID
from postroom.errors import InvalidInputError
from postroom.model import Account, Noun

_MARKS = reshape.Marks(retry_count=0, configuration_id=CONFIGURATION_ID)


class Message(Noun, frozen=True, kw_only=True):
    """One JSON SIM message, as it is put on the wire."""

    event: str
    envelope_id: str
    recipient_id: str | None
    body: bytes


def rehearse(
    scene: Scene, *, account_id: str, sender: Sender, now: int, include: tuple[str, ...]
) -> Iterator[Message]:
    """Yield the messages of an envelope's life in order, each with no more than `include`.

    The life ends at `now`: what a story waits for lies before it. Raises `DocusignError` where
    the definition or one of its beats is refused, `InvalidInputError` for a template's.
    """
    if scene.template_beats:
        raise InvalidInputError(
            "templates are kept on a server: ask one with --server, and leave --url out"
        )
    new_guid = scenes.guids(scene.seed)
    at = now - sum(round(beat.after_seconds * SECOND) for beat in scene.beats)
    draft = definition.read_definition(
        scene.definition,
        account=Account(id=account_id),
        sender=sender,
        envelope_id=new_guid(),
        now=at,
        new_guid=new_guid,
    )
    is_sent = draft.envelope.status == "sent"
    begun = lifecycle.begun(replace(draft.envelope, status="created"), at=at, is_sent=is_sent)
    yield from _messages(begun.envelope, begun.happenings, at, include)
    envelope = begun.envelope
    for beat in scene.beats:
        at = max(at + round(beat.after_seconds * SECOND), envelope.modified_at)
        step = lifecycle.act(envelope, beat.action, at=at)
        envelope = step.envelope
        yield from _messages(envelope, step.happenings, at, include)


def _messages(
    envelope: Envelope, happenings: tuple[Happening, ...], at: int, include: tuple[str, ...]
) -> Iterator[Message]:
    for one in happenings:
        yield Message(
            event=one.event,
            envelope_id=envelope.id,
            recipient_id=one.recipient_id,
            body=reshape.sim(
                message.full_message(envelope, one, at=at),
                enrichment=None,
                include=include,
                masks_emails=False,
                marks=_MARKS,
            ),
        )
