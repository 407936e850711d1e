"""The id that an event always has, made of what the event is.

Connect messages carry no id (contract 3.4), so a source's resend, a second channel, and the same
event told by an envelope that lives here must all come out the same.
"""

import hashlib

from postroom import vocabulary


def event_id(
    account_id: str,
    envelope_id: str | None,
    event: str,
    recipient_id: str | None,
    occurrence: bytes,
) -> str:
    """Return the id of an event; `occurrence` tells apart what can happen more than once."""
    is_whose = recipient_id is not None or not event.startswith("recipient-")
    if event in vocabulary.ONCE_ONLY and is_whose:
        occurrence = b""
    parts = (account_id, envelope_id or "", event, recipient_id or "")
    return id_of(*(part.encode("utf-8", "surrogatepass") for part in parts), occurrence)


def id_of(*parts: bytes) -> str:
    """Return the id made of parts; their lengths keep one part from running into the next."""
    counted = b"".join(b"%d:%b" % (len(part), part) for part in parts)
    return "evt_" + hashlib.sha256(counted).hexdigest()[:32]
