"""The edit lock of an envelope: what is corrected under it is told when it is removed."""

from postroom.clock import SECOND
from postroom.envelopes.envelope import Action
from postroom.envelopes.moments import rest_text
from postroom.model import Json
from postroom.operations.connect.living import ConnectServer, act
from postroom.operations.connect.requests import keys_of, number_of, text_of

LONGEST_SECONDS = 1_800


async def lock_envelope(
    server: ConnectServer, account_id: str, envelope_id: str, body: Json, *, user_id: str
) -> Json:
    """Take the lock; return what it is."""
    said = keys_of(body)
    seconds = number_of(said, "lockDurationInSeconds", default=300, most=LONGEST_SECONDS)
    living = await act(server, account_id, envelope_id, Action(verb="lock"))
    until = living.envelope.modified_at + seconds * SECOND
    return {
        "lockedByUser": {"userId": user_id},
        "lockedByApp": text_of(said, "lockedByApp"),
        "lockedUntilDateTime": rest_text(until),
        "lockDurationInSeconds": str(seconds),
        "lockType": text_of(said, "lockType") or "edit",
        "useScratchPad": "false",
        "lockToken": living.envelope.id,
    }


async def unlock_envelope(server: ConnectServer, account_id: str, envelope_id: str) -> Json:
    """Give the lock back; where something was corrected, `envelope-corrected` is told."""
    living = await act(server, account_id, envelope_id, Action(verb="unlock"))
    return {
        "lockedByApp": "",
        "lockedUntilDateTime": rest_text(living.envelope.modified_at),
        "lockDurationInSeconds": "0",
        "lockType": "none",
        "useScratchPad": "false",
        "lockToken": "",
    }
