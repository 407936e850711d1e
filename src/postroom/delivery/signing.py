"""The signature headers of a message; what was signed just now is remembered.

The listeners of one notification mostly get the same bytes under the same keys, one soon after the
other, so that remembering the answers saves more than half of all signing. A remembered one is
never the wrong one, as everything that is signed is compared.
"""

from collections import OrderedDict
from collections.abc import Sequence

from postroom import signature

Headers = tuple[tuple[str, str], ...]

REMEMBERED = 512
"""Messages: as many as the listeners of a busy node are apart from each other."""
LARGEST_REMEMBERED_BYTES = 16 * 1024
"""Of a larger message nothing is remembered, so that memory stays within 8 MB."""


class _Signed:
    """A message's signatures under some keys, and that of the last moment it was sent at."""

    __slots__ = ("at_seconds", "body", "headers", "lasting")

    def __init__(self, keys: Sequence[str], body: bytes) -> None:
        self.body = body
        self.lasting: Headers = (
            ("X-Authorization-Digest", signature.ALGORITHM),
            *(
                (f"X-DocuSign-Signature-{number}", signed)
                for number, signed in enumerate(signature.docusign(keys, body), start=1)
            ),
        )
        self.at_seconds = -1
        self.headers: Headers = ()

    def at(self, keys: Sequence[str], message_id: str, seconds: int) -> Headers:
        """Return all headers as of a moment, which is part of what Standard Webhooks signs."""
        if self.at_seconds != seconds:
            signed = signature.standard_webhooks(
                keys, message_id=message_id, timestamp=seconds, body=self.body
            )
            self.headers = (*self.lasting, ("webhook-signature", signed))
            self.at_seconds = seconds
        return self.headers


_recent: OrderedDict[tuple[str, tuple[str, ...]], _Signed] = OrderedDict()


def headers(keys: tuple[str, ...], body: bytes, message_id: str, seconds: int) -> Headers:
    """Return Docusign's headers, one for each key, and Standard Webhooks' one."""
    place = (message_id, keys)
    known = _recent.get(place)
    if known is None or known.body != body:
        known = _Signed(keys, body)
        if len(body) <= LARGEST_REMEMBERED_BYTES:
            _recent[place] = known
            if len(_recent) > REMEMBERED:
                _recent.popitem(last=False)
    return known.at(keys, message_id, seconds)
