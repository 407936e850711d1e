"""The messages that are posted: everyday ones of about 6 KB, each of an envelope of its own."""

import base64
import hashlib
import hmac
import random
import time
from collections.abc import Sequence
from functools import cache, lru_cache

from postroom.envelopes.sim_envelope import SimSender
from postroom.envelopes.sim_message import message, ordinary_envelope

ACCOUNT = "a1000000-0000-4000-8000-000000000001"
SENDER = "5f0c1f3e-0000-4000-8000-000000000567"
KEY = "benchmark-signing-key-000000000000000000000="
FIELD_VALUE = "Integration A"
"""What the custom field `Integration` says."""
MARK = b'"envelopeId":"'
END = b"}}}"
"""Of the summary, the data and the message."""
PREFIX = "e0000000-0000-4000-8000-"
NUMBER_DIGITS = 12
MINUTE_NS = 60_000_000_000


def bodies(first: int, count: int) -> list[bytes]:
    """Return `count` messages whose envelope ids end in the numbers from `first` on.

    Making one from scratch costs more than the program under test spends on it, so one is made
    and the others are that one with another envelope id.
    """
    parts = _parts(time.time_ns() // MINUTE_NS)
    return [
        f"{PREFIX}{n:0{NUMBER_DIGITS}d}".encode().join(parts) for n in range(first, first + count)
    ]


@lru_cache(maxsize=1)
def _parts(minute: int) -> list[bytes]:
    """Return a message of this minute, cut where its envelope's id stands."""
    model_id = PREFIX + "0" * NUMBER_DIGITS
    envelope = ordinary_envelope(
        account_id=ACCOUNT,
        envelope_id=model_id,
        sender=SimSender(user_id=SENDER, name="ERP service", email="svc-erp@example.com"),
        text_fields=(("Integration", FIELD_VALUE),),
    )
    model = message(
        envelope,
        "envelope-completed",
        at=minute * MINUTE_NS // 1000,
        include=("custom_fields", "recipients"),
    )
    return model.split(model_id.encode())


def requests(messages: Sequence[bytes]) -> list[bytes]:
    """Return each message as the whole signed HTTP request."""
    made = []
    for body in messages:
        signed = base64.b64encode(hmac.digest(KEY.encode(), body, hashlib.sha256)).decode()
        head = (
            "POST /connect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"X-Authorization-Digest: HMACSHA256\r\nX-DocuSign-Signature-1: {signed}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


def with_document(body: bytes, size: int) -> bytes:
    """Return a message that carries a document, in Base64 as the wire has it: `size` bytes in all.

    The document is no PDF, as nobody on the road looks inside; like a PDF it cannot be compressed.
    """
    before = b',"envelopeDocuments":[{"documentId":"1","name":"contract.pdf","PDFBytes":"'
    after = b'"}]'
    characters = size - len(body) - len(before) - len(after)
    return body.removesuffix(END) + before + _document(characters // 4 * 3) + after + END


@cache
def _document(size: int) -> bytes:
    return base64.b64encode(random.Random(0).randbytes(size))  # noqa: S311  # no secret, and the same each time


def number_of(body: bytes) -> int:
    """Return the number in a message's envelope id."""
    end = body.index(MARK) + len(MARK) + len(PREFIX) + NUMBER_DIGITS
    return int(body[end - NUMBER_DIGITS : end])
