"""One delivery becomes one request: its body in the listener's format, signed and marked.

`pass-through` sends the bytes as they came, so that a listener behind the gateway sees what it saw
before. `sim` makes the message again with no more than the listener asked for.
"""

from collections.abc import Sequence

import postroom
from postroom import signature
from postroom.clock import SECOND
from postroom.delivery import reshape
from postroom.errors import PostroomError
from postroom.model import Lease, Listener, Noun, Request

USER_AGENT = f"Postroom/{postroom.__version__}"
MAX_HEADER_CHARACTERS = 500


class ShapeError(PostroomError):
    """The message cannot be put into the listener's format; trying again cannot mend it."""


def shape(lease: Lease, listener: Listener, keys: Sequence[str], *, now: int) -> Request:
    """Return the request for one attempt, signed with every key as of `now`.

    Without keys (an unsigned account) there are no signature headers at all.
    Raises `ShapeError` where `sim` is asked for and the message cannot be read.
    """
    body = lease.notification.body if listener.format == "pass-through" else _sim(lease, listener)
    seconds = now // SECOND
    headers = [
        ("Content-Type", _safe(lease.notification.content_type) or "application/json"),
        ("User-Agent", USER_AGENT),
        ("X-DocuSign-AccountId", lease.notification.account_id),
        ("webhook-id", lease.notification.id),
        ("webhook-timestamp", str(seconds)),
        ("Postroom-Attempt", str(lease.attempt)),
    ]
    if keys:
        headers += _signed(tuple(keys), body, lease.notification.id, seconds)
    if lease.replay is not None:
        headers.append(("Postroom-Replay", _safe(lease.replay.id)))
        headers.append(("Postroom-Replay-Reason", _safe(lease.replay.reason)))
        if lease.replay.is_forced:
            headers.append(("Postroom-Replay-Forced", "true"))
    if lease.is_late:
        headers.append(("Postroom-Late", "true"))
    return Request(
        url=listener.url,
        headers=tuple(headers),
        body=body,
        timeout_seconds=listener.timeout_seconds,
        connect_timeout_seconds=listener.connect_timeout_seconds,
    )


class _Signatures(Noun, frozen=True, kw_only=True):
    keys: tuple[str, ...]
    body: bytes
    message_id: str
    seconds: int
    headers: tuple[tuple[str, str], ...]


_last: _Signatures | None = None
"""The listeners of one notification mostly get the same bytes under the same keys, one right after
the other: remembering one answer saves more than half of all signing. It is never the wrong one,
as everything that is signed is compared."""


def _signed(
    keys: tuple[str, ...], body: bytes, message_id: str, seconds: int
) -> tuple[tuple[str, str], ...]:
    """Return Docusign's headers, one for each key, and Standard Webhooks' one."""
    global _last  # noqa: PLW0603  # a memory of one, see above
    if (
        _last is not None
        and _last.body is body
        and (_last.keys, _last.message_id, _last.seconds) == (keys, message_id, seconds)
    ):
        return _last.headers
    headers = (
        ("X-Authorization-Digest", signature.ALGORITHM),
        *(
            (f"X-DocuSign-Signature-{number}", signed)
            for number, signed in enumerate(signature.docusign(keys, body), start=1)
        ),
        (
            "webhook-signature",
            signature.standard_webhooks(keys, message_id=message_id, timestamp=seconds, body=body),
        ),
    )
    _last = _Signatures(
        keys=keys, body=body, message_id=message_id, seconds=seconds, headers=headers
    )
    return headers


def _sim(lease: Lease, listener: Listener) -> bytes:
    try:
        return reshape.sim(
            lease.notification.body,
            enrichment=lease.notification.enrichment,
            include=listener.include,
            masks_emails="emails" in listener.mask,
        )
    except reshape.UNREADABLE as problem:
        raise ShapeError(f"the message cannot be re-shaped: {str(problem)[:200]}") from None


def _safe(text: str) -> str:
    """Return text that cannot end a header or begin another: printable ASCII, bounded."""
    if text.isascii() and text.isprintable():
        return text[:MAX_HEADER_CHARACTERS]
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)[
        :MAX_HEADER_CHARACTERS
    ]
