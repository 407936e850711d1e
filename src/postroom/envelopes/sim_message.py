"""Messages of our own making, in JSON SIM, exactly as the wire carries them (contract 3.1)."""

from collections.abc import Iterable

import msgspec

from postroom.envelopes import progress, summary
from postroom.envelopes.dialect import MESSAGE
from postroom.envelopes.moments import generated_text
from postroom.envelopes.sim_envelope import SimEnvelope, SimRecipient, SimSender
from postroom.model import Json
from postroom.vocabulary import INCLUDES

CONFIGURATION_ID = 22_100_001
"""A Connect configuration's id as messages carry it: a number (contract 8.8)."""


def message(
    envelope: SimEnvelope,
    event: str,
    *,
    at: int,
    recipient_id: str | None = None,
    include: Iterable[str] = (),
    retry_count: int = 0,
    configuration_id: int = CONFIGURATION_ID,
) -> bytes:
    """Return the bytes Docusign would POST when `event` happens to `envelope` at `at`.

    Compact UTF-8 JSON in the key order of the wire. Without `include` the body is the minimal
    one; with any token it carries an `envelopeSummary` whose states fit the event.

    Raises ValueError for an include token that `vocabulary.INCLUDES` does not name.
    """
    here = f"/restapi/v2.1/accounts/{envelope.account_id}/envelopes/{envelope.id}"
    inner: dict[str, Json] = {
        "accountId": envelope.account_id,
        "userId": envelope.sender.user_id,
        "envelopeId": envelope.id,
    }
    if recipient_id is not None:
        inner["recipientId"] = recipient_id
    if tokens := frozenset(include):
        if unknown := tokens - summary.EVERYTHING:
            message = f"a message cannot include {sorted(unknown)}; choose from {[*INCLUDES]}"
            raise ValueError(message)
        reached = progress.after(envelope, event, at=at, recipient_id=recipient_id)
        inner["envelopeSummary"] = summary.compose(reached, MESSAGE, tokens)
    return msgspec.json.encode(
        {
            "event": event,
            "apiVersion": "v2.1",
            "uri": here,
            "retryCount": retry_count,
            "configurationId": configuration_id,
            "generatedDateTime": generated_text(at),
            "data": inner,
        }
    )


def ordinary_envelope(
    *,
    account_id: str,
    envelope_id: str,
    sender: SimSender,
    text_fields: tuple[tuple[str, str], ...] = (),
) -> SimEnvelope:
    """Return an envelope of everyday size: about 6 KB with custom fields and recipients."""
    people = ("Ada Adeyemi", "Ben Brandt", "Carla Conti", "Dan Dubois", "Eva Eriksen")
    signers = tuple(
        SimRecipient(
            id=str(order),
            name=name,
            email=f"{name.split()[0].lower()}@example.com",
            routing_order=order,
            role="signers" if order < len(people) else "carbonCopies",
        )
        for order, name in enumerate(people, start=1)
    )
    plain = (
        ("Department", "Procurement"),
        ("Cost centre", "4711-EU"),
        ("Contract type", "Framework agreement"),
    )
    return SimEnvelope(
        account_id=account_id,
        id=envelope_id,
        sender=sender,
        subject="Please sign: Framework agreement 2026, second revision.pdf",
        blurb="Please read the agreement and sign it where marked. Call us with any question.",
        text_fields=text_fields + plain,
        list_fields=(("Region", "EMEA"),),
        recipients=signers,
    )
