import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postroom import signature

KEY = "c2lnbmluZyBrZXkgb2YgYSB0ZXN0IGFjY291bnQ="
BODY = b'{"event":  "envelope-sent", "data": {"b": 1, "a": 2}}\n'

keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@given(st.lists(keys, min_size=1, max_size=5), st.binary(max_size=200), st.data())
def test_any_key_against_any_header(texts: list[str], body: bytes, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(texts) - 1))
    noise = data.draw(st.lists(st.text(max_size=60), max_size=5))
    place = data.draw(st.integers(0, len(noise)))
    signatures = [*noise[:place], signature.docusign([texts[index]], body)[0], *noise[place:]]
    found = signature.verify_docusign(texts, signatures, body)
    assert found is not None
    assert texts[found] == texts[index]


@given(st.binary(min_size=1, max_size=200), st.data())
def test_one_altered_bit_fails(body: bytes, data: st.DataObject) -> None:
    place, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    altered = bytearray(body)
    altered[place] ^= 1 << bit
    signatures = signature.docusign([KEY], body)
    assert signature.verify_docusign([KEY], signatures, bytes(altered)) is None


anything = st.text(st.characters(exclude_categories=()), max_size=60)
"""Lone surrogates too: what a server makes of odd header bytes is not ours to trust."""


@given(st.lists(anything, max_size=5), st.binary(max_size=100))
@example(["\ud800" * 44], b"")
def test_whatever_stands_in_a_header_is_no_more_than_wrong(texts: list[str], body: bytes) -> None:
    assert signature.verify_docusign([KEY], texts, body) is None


def test_the_hundredth_key_counts_and_no_header_beyond_the_hundredth() -> None:
    texts = [f"key-{number}=" for number in range(100)]
    made = signature.docusign([texts[99]], BODY)
    assert signature.verify_docusign(texts, made, BODY) == 99
    assert signature.verify_docusign(texts, ["x"] * 100 + made, BODY) is None


@pytest.mark.parametrize("parsed", [{"event": "x"}, "text", None])
def test_a_parsed_body_is_a_type_error(parsed: object) -> None:
    with pytest.raises(TypeError, match="raw bytes"):
        signature.verify_docusign([KEY], [], parsed)  # type: ignore[arg-type]  # the trap


def by(key: bytes, body: bytes) -> str:
    return base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (by(KEY.rstrip("=").encode(), BODY), "without its trailing '='"),
        (by(f"{KEY}=".encode(), BODY), "after adding a trailing '='"),
        (by(base64.b64decode(KEY), BODY), "base64-decoded"),
        (hmac.new(KEY.encode(), BODY, hashlib.sha256).hexdigest(), "hexadecimal"),
        (by(KEY.encode(), b'{"event":"envelope-sent","data":{"b":1,"a":2}}'), "re-serialised"),
        (by(KEY.encode(), BODY.replace(b"\n", b"\r\n")), "line endings"),
        (by(KEY.encode(), BODY.rstrip()), "white space at the end"),
        (by(KEY.encode(), BODY)[:-1], "cut off"),
        (base64.b64encode(hmac.digest(KEY.encode(), BODY, "sha1")).decode(), "SHA1"),
        (base64.b64encode(hmac.digest(KEY.encode(), BODY, "sha512")).decode(), "SHA512"),
    ],
)
def test_a_common_mistake_is_named(made: str, cause: str) -> None:
    assert signature.verify_docusign([KEY], [made], BODY) is None
    said = signature.likely_cause([KEY], [made], BODY)
    assert said is not None
    assert cause in said
    assert KEY.rstrip("=") not in said


def test_no_cause_is_made_up() -> None:
    assert signature.likely_cause([KEY], [by(b"another", BODY)], BODY) is None


def test_a_body_written_again_by_another_language_is_named() -> None:
    escaped = b'{"subject": "\\u00e9t\\u00e9"}'
    made = by(KEY.encode(), '{"subject":"été"}'.encode())
    said = signature.likely_cause([KEY], [made], escaped)
    assert said is not None
    assert "re-serialised" in said


def test_the_cause_is_looked_for_within_bounds() -> None:
    spaced = json.dumps({"event": "x" * 64 * 1024}).encode()
    made = by(KEY.encode(), spaced.replace(b": ", b":"))
    assert signature.likely_cause([KEY], [made], spaced) is None
    others = [f"key-{number}" for number in range(10)]
    assert signature.likely_cause([*others, KEY], [by(KEY[:-1].encode(), BODY)], BODY) is None


@given(st.lists(anything, max_size=5), st.binary(max_size=100))
@example(["\ud800" * 44], b"")
def test_no_hostile_header_or_body_stops_the_search_for_a_cause(
    texts: list[str], body: bytes
) -> None:
    said = signature.likely_cause([KEY], texts, body)
    assert said is None or KEY not in said


@pytest.mark.parametrize("text", ["", " key", "key\n", "k" * 513, "whsec_***"])
def test_a_key_that_cannot_be_right_is_refused(text: str) -> None:
    assert signature.check_key(text) is not None


def test_a_key_of_any_text_is_taken() -> None:
    assert signature.check_key(KEY) is None
    assert signature.check_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") is None


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (300, True), (-300, True), (301, False)])
def test_standard_webhooks_has_a_time_window(age: int, *, fresh: bool) -> None:
    made = signature.standard_webhooks([KEY, "other"], message_id="m", timestamp=1000, body=BODY)
    verified = signature.verify_standard_webhooks(
        [KEY], message_id="m", timestamp="1000", signatures=made, body=BODY, now=1000 + age
    )
    assert verified is fresh


@example("\ud800", "1000", "v1,")
@given(anything, st.sampled_from(["1000", "\u0661\u0660\u0660\u0660"]) | anything, anything)
def test_hostile_standard_headers_are_no_more_than_wrong(
    message_id: str, timestamp: str, signatures: str
) -> None:
    assert not signature.verify_standard_webhooks(
        [KEY],
        message_id=message_id,
        timestamp=timestamp,
        signatures=signatures,
        body=BODY,
        now=1000,
    )


@pytest.mark.parametrize(
    "altered", [{"message_id": "n"}, {"timestamp": "1001"}, {"body": BODY + b" "}]
)
def test_standard_webhooks_signs_the_id_the_time_and_the_body(altered: dict[str, str]) -> None:
    made = signature.standard_webhooks([KEY], message_id="m", timestamp=1000, body=BODY)
    presented = {"message_id": "m", "timestamp": "1000", "signatures": made, "body": BODY}
    assert signature.verify_standard_webhooks([KEY], now=1000, **presented)  # type: ignore[arg-type]  # one dict for all four
    assert not signature.verify_standard_webhooks([KEY], now=1000, **(presented | altered))  # type: ignore[arg-type]  # as above
