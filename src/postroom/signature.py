"""Sign and verify: Docusign's HMAC (contract 4) and Standard Webhooks.

Works on the raw bytes only. Keys are text: for Docusign always the UTF-8 bytes of the text as
displayed, never base64-decoded.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Iterator, Sequence

ALGORITHM = "HMACSHA256"
"""What `X-Authorization-Digest` says."""
MAX_SIGNATURES = 100
"""An account has at most 100 keys, each with a header of its own (contract 4)."""
MAX_KEY_CHARACTERS = 512
STANDARD_PREFIX = "whsec_"
STANDARD_VERSION = "v1,"
TOLERANCE_SECONDS = 300
"""Standard Webhooks' window for the timestamp, on both sides."""

_ANALYSED_BYTES = 64 * 1024
_ANALYSED = 10
_SIGNATURE_CHARACTERS = 44
_LONGEST_CHARACTERS = 88
"""A base64 SHA-512: the longest signature that a known mistake makes."""


def docusign(keys: Sequence[str], body: bytes) -> list[str]:
    """Return one base64 signature for each key, for `X-DocuSign-Signature-1` and so on.

    Raises `TypeError` if `body` is not bytes: a parsed body cannot be signed.
    """
    raw = _raw(body)
    return [_docusign(key.encode(), raw) for key in keys]


def verify_docusign(keys: Sequence[str], signatures: Sequence[str], body: bytes) -> int | None:
    """Return the index of a key that made one of the signatures, or None.

    Every key is tried against every signature in constant time, with no early way out.
    Raises `TypeError` if `body` is not bytes: verify before parsing.
    """
    offered = [_padded(text, _SIGNATURE_CHARACTERS) for text in signatures[:MAX_SIGNATURES]]
    found: int | None = None
    for index, expected in enumerate(docusign(keys, body)):
        wanted = expected.encode()
        matches = 0
        for signature in offered:
            matches |= hmac.compare_digest(wanted, signature)
        if matches and found is None:
            found = index
    return found


def check_key(text: str) -> str | None:
    """Return what is wrong with a signing key and what to do, or None; never repeats the key."""
    if not text:
        return "the key is empty; paste it as Docusign shows it"
    if len(text) > MAX_KEY_CHARACTERS:
        return f"the key is longer than {MAX_KEY_CHARACTERS} characters; paste the key alone"
    if text != text.strip() or not text.isprintable():
        return "the key has white space or control characters around or in it; paste it alone"
    if text.startswith(STANDARD_PREFIX) and _standard_secret(text) is None:
        return f"what follows {STANDARD_PREFIX} is not base64; paste the whole secret"
    return None


def standard_webhooks(keys: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` value: one `v1,...` for each key, separated by spaces.

    A key that starts with `whsec_` is base64-decoded after it, as Standard Webhooks says; any
    other key is its UTF-8 bytes. `timestamp` is in seconds.
    """
    content = b"%b.%d.%b" % (message_id.encode(), timestamp, _raw(body))
    return " ".join(_standard(key, content) for key in keys)


def verify_standard_webhooks(  # the three headers, the body, the keys, the time
    keys: Sequence[str],
    *,
    message_id: str,
    timestamp: str,
    signatures: str,
    body: bytes,
    now: float,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> bool:
    """Return whether a message is signed with one of the keys, and not too old or too new.

    `timestamp` and `signatures` are the headers' texts; `now` is in seconds.
    """
    raw = _raw(body)
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004  # seconds for 30,000 years
        return False
    is_fresh = abs(now - int(timestamp)) <= tolerance_seconds
    content = b"%b.%b.%b" % (_bytes(message_id), timestamp.encode(), raw)
    width = len(STANDARD_VERSION) + _SIGNATURE_CHARACTERS
    offered = [_padded(one, width) for one in signatures.split(" ", MAX_SIGNATURES)]
    matches = 0
    for key in keys:
        wanted = _standard(key, content).encode()
        for signature in offered:
            matches |= hmac.compare_digest(wanted, signature)
    return bool(matches) and is_fresh


def likely_cause(keys: Sequence[str], signatures: Sequence[str], body: bytes) -> str | None:
    """Return why none of the signatures verifies, if a common mistake explains it.

    For the operator only: it never tells anything of a key. Anyone can have it called, so what it
    tries is bounded: bodies up to 64 KiB, ten keys, ten signatures.
    """
    if not signatures:
        return "there is no signature header: switch on HMAC in the Connect configuration"
    if not keys:
        return "the account has no key here: add the one Docusign shows"
    offered = [_bytes(text) for text in signatures[:_ANALYSED] if len(text) <= _LONGEST_CHARACTERS]
    if offered and len(body) <= _ANALYSED_BYTES:
        changed = list(_other_bodies(body))
        for key in keys[:_ANALYSED]:
            for cause, signed in _mistakes(key, body, changed):
                if any(hmac.compare_digest(signed, one) for one in offered):
                    return cause
    if any(len(text) != _SIGNATURE_CHARACTERS for text in signatures):
        return "a signature is not 44 characters of base64: it was cut off or changed on its way"
    return None


def _mistakes(
    key: str, body: bytes, changed: Sequence[tuple[str, bytes]]
) -> Iterator[tuple[str, bytes]]:
    """Yield each common mistake with the signature it makes, the likely ones first."""
    for cause, other in _other_keys(key):
        yield cause, _docusign(other, body).encode()
    for cause, other in changed:
        yield cause, _docusign(key.encode(), other).encode()
    yield (
        "is hexadecimal instead of base64",
        hmac.digest(key.encode(), body, "sha256").hex().encode(),
    )
    for algorithm in ("sha1", "sha512"):
        yield (
            f"is made with {algorithm.upper()}: Docusign signs with HMAC-SHA256",
            base64.b64encode(hmac.digest(key.encode(), body, algorithm)),
        )


def _other_keys(key: str) -> Iterator[tuple[str, bytes]]:
    """Yield the keys that a sender may have used in place of `key`."""
    if key.endswith("="):
        lost = "matches a key without its trailing '=': the sender's copy of the key lost it"
        yield lost, key.rstrip("=").encode()
    for padding in ("=", "=="):
        yield (
            "matches after adding a trailing '=': the key kept here lost it",
            (key + padding).encode(),
        )
    decoded = _decoded(key)
    if decoded is not None:
        yield (
            "matches a base64-decoded key: the key is text and is used as it is displayed",
            decoded,
        )
    yield (
        "matches with white space around the key: the sender's copy of the key has it",
        f"{key}\n".encode(),
    )


def _other_bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the bodies that may have been signed in place of `body`."""
    re_serialised = "matches the body re-serialised: sign and verify the raw bytes"
    for other in _re_serialised(body):
        yield re_serialised, other
    line_endings = "matches with other line endings: something on the way changes the bytes"
    unix = body.replace(b"\r\n", b"\n")
    yield line_endings, unix
    yield line_endings, unix.replace(b"\n", b"\r\n")
    end = "matches with other white space at the end: something on the way changes the bytes"
    yield end, body.rstrip()
    yield end, body + b"\n"
    yield end, body + b"\r\n"


def _re_serialised(body: bytes) -> list[bytes]:
    """Return the body as the usual JSON libraries would write it again."""
    try:
        parsed = json.loads(body)
        texts = [
            json.dumps(parsed, separators=separators, sort_keys=is_sorted, ensure_ascii=is_ascii)
            for separators in ((",", ":"), (", ", ": "))
            for is_sorted in (False, True)
            for is_ascii in (False, True)
        ]
        return [text.encode() for text in dict.fromkeys(texts)]
    except (ValueError, RecursionError):
        return []


def _docusign(key: bytes, body: bytes) -> str:
    return base64.b64encode(hmac.digest(key, body, "sha256")).decode("ascii")


def _standard(key: str, content: bytes) -> str:
    secret = _standard_secret(key) if key.startswith(STANDARD_PREFIX) else key.encode()
    if secret is None:
        raise ValueError("not a Standard Webhooks secret; check_key refuses it")
    return STANDARD_VERSION + _docusign(secret, content)


def _standard_secret(key: str) -> bytes | None:
    return _decoded(key.removeprefix(STANDARD_PREFIX))


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _padded(text: str, width: int) -> bytes:
    """Return a header's value as `width` bytes, so that no comparison leaves early."""
    raw = _bytes(text[: width + 1])
    return raw if len(raw) == width else bytes(width)


def _bytes(text: str) -> bytes:
    """Return a header's text as bytes, whatever a hostile sender has put there."""
    return text.encode("utf-8", "replace")


def _raw(body: bytes) -> bytes:
    if not isinstance(body, bytes | bytearray | memoryview):
        raise TypeError("pass the raw bytes of the body, before any parsing")
    return bytes(body)
