"""Signatures that are remembered are never another message's."""

from postroom import signature
from postroom.delivery import signing

KEYS = ("first-key", "second-key")


def made_anew(keys: tuple[str, ...], body: bytes, message_id: str, seconds: int) -> signing.Headers:
    numbered = enumerate(signature.docusign(keys, body), start=1)
    standard = signature.standard_webhooks(
        keys, message_id=message_id, timestamp=seconds, body=body
    )
    return (
        ("X-Authorization-Digest", "HMACSHA256"),
        *((f"X-DocuSign-Signature-{number}", signed) for number, signed in numbered),
        ("webhook-signature", standard),
    )


def test_whatever_differs_is_signed_anew_and_the_same_comes_out_the_same() -> None:
    asked = [
        (keys, body, message_id, seconds)
        for keys in (KEYS, KEYS[:1], KEYS[1:])
        for body in (b"{}", b"{ }", b"x" * (signing.LARGEST_REMEMBERED_BYTES + 1))
        for message_id in ("evt_1", "evt_2")
        for seconds in (1_800_000_000, 1_800_000_001)
    ]
    for one in (*asked, *reversed(asked), *asked):
        assert signing.headers(*one) == made_anew(*one)


def test_equal_bytes_read_back_from_the_store_are_not_hashed_again() -> None:
    first = signing.headers(KEYS, b"a body of its own", "evt_again", 1_800_000_000)
    again = signing.headers(
        KEYS, bytes(bytearray(b"a body of its own")), "evt_again", 1_800_000_000
    )
    assert again is first


def test_only_so_many_are_remembered() -> None:
    first = signing.headers(KEYS, b"{}", "evt_first", 1_800_000_000)
    for number in range(signing.REMEMBERED):
        signing.headers(KEYS, b"{}", f"evt_other_{number}", 1_800_000_000)
    again = signing.headers(KEYS, b"{}", "evt_first", 1_800_000_000)
    assert again == first
    assert again is not first
