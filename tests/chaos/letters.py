"""What is sent: the events of numbered envelopes, each the same bytes whenever it is made."""

import base64
import hashlib
import hmac
from functools import cache

from postroom.envelopes.sim_envelope import SimSender
from postroom.envelopes.sim_message import message, ordinary_envelope

ACCOUNT = "a1000000-0000-4000-8000-000000000001"
KEY = "chaos-signing-key-0000000000000000000000000="
EVENTS = ("envelope-sent", "recipient-sent", "recipient-completed", "envelope-completed")
FIELDS = ("Integration A", "Integration B")
"""What the custom field `Integration` says: of even envelopes the first, of odd ones the second."""
_SENDER = SimSender(
    user_id="5f0c1f3e-0000-4000-8000-000000000567", name="ERP", email="svc-erp@example.com"
)
_PREFIX = "e0000000-0000-4000-8000-"
_MODEL_ID = _PREFIX + "0" * 12
_BEGAN_AT = 1_772_000_000_000_000
_APART_US = 1_000_000

Letter = tuple[int, int]
"""(envelope number, place of its event in `EVENTS`)."""


def body(letter: Letter) -> bytes:
    """Return the message of an event."""
    number, place = letter
    return f"{_PREFIX}{number:012d}".encode().join(_parts(number % 2, place))


def request(letter: Letter) -> bytes:
    """Return the whole signed HTTP request."""
    content = body(letter)
    signed = base64.b64encode(hmac.digest(KEY.encode(), content, hashlib.sha256)).decode()
    head = (
        "POST /connect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Authorization-Digest: HMACSHA256\r\nX-DocuSign-Signature-1: {signed}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def read(content: bytes) -> Letter:
    """Return which event a message tells. Raises ValueError where it is none of ours."""
    event = _between(content, b'"event":"', b'"').decode()
    envelope_id = _between(content, b'"envelopeId":"', b'"').decode()
    number = int(envelope_id.removeprefix(_PREFIX))
    return number, EVENTS.index(event)


def _between(content: bytes, before: bytes, after: bytes) -> bytes:
    start = content.index(before) + len(before)
    return content[start : content.index(after, start)]


@cache
def _parts(odd: int, place: int) -> list[bytes]:
    """Return a message, cut where its envelope's id stands: making one from scratch is dear."""
    envelope = ordinary_envelope(
        account_id=ACCOUNT,
        envelope_id=_MODEL_ID,
        sender=_SENDER,
        text_fields=(("Integration", FIELDS[odd]),),
    )
    event = EVENTS[place]
    made = message(
        envelope,
        event,
        at=_BEGAN_AT + place * _APART_US,
        recipient_id="1" if event.startswith("recipient") else None,
        include=("custom_fields",),
    )
    return made.split(_MODEL_ID.encode())
