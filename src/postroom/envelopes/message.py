"""What is told of an envelope that lives here: the JSON SIM body kept for a happening, and states.

A body kept carries everything an include can ask for but the documents' bytes; each delivery
leaves out what its listener did not ask for.
"""

from collections.abc import Set as AbstractSet

import msgspec

from postroom.envelopes import summary as wire
from postroom.envelopes.dialect import MESSAGE
from postroom.envelopes.envelope import Envelope, Happening
from postroom.envelopes.moments import generated_text
from postroom.model import Json

EVERYTHING = wire.EVERYTHING
"""Every includeData token."""

__all__ = ["EVERYTHING", "aggregate", "full_message", "generated_text", "summary", "told"]

_encode = msgspec.json.Encoder().encode


def told(envelope: Envelope) -> msgspec.Raw:
    """Return an `envelopeSummary` with everything, encoded: the same in all messages of a step."""
    return msgspec.Raw(_encode(wire.compose(envelope, MESSAGE, wire.EVERYTHING)))


def full_message(
    envelope: Envelope, happening: Happening, *, at: int, summary: msgspec.Raw | None = None
) -> bytes:
    """Return the JSON SIM body kept for a happening: compact UTF-8, every include.

    `at` becomes `generatedDateTime`; `summary` is what `told` returns of this envelope.
    `configurationId` and `retryCount` are 0: a delivery puts its listener's own there.
    """
    inner: dict[str, Json] = {
        "accountId": envelope.account_id,
        "userId": envelope.sender.user_id,
        "envelopeId": envelope.id,
    }
    if happening.recipient_id is not None:
        inner["recipientId"] = happening.recipient_id
    if happening.reassigned_recipient_id is not None:
        inner["reassignedRecipientId"] = happening.reassigned_recipient_id
    inner["envelopeSummary"] = told(envelope) if summary is None else summary
    return _encode(
        {
            "event": happening.event,
            "apiVersion": "v2.1",
            "uri": f"/restapi/v2.1/accounts/{envelope.account_id}/envelopes/{envelope.id}",
            "retryCount": 0,
            "configurationId": 0,
            "generatedDateTime": generated_text(at),
            "data": inner,
        }
    )


def aggregate(envelope: Envelope, include: AbstractSet[str] = wire.EVERYTHING) -> bytes:
    """Return the JSON aggregate body: the envelope itself at top level (contract 3.2)."""
    return _encode(summary(envelope, include))


def summary(envelope: Envelope, include: AbstractSet[str] = wire.EVERYTHING) -> dict[str, Json]:
    """Return an `envelopeSummary` with what `include` asks for (tokens of contract 3.1)."""
    return wire.compose(envelope, MESSAGE, include)
