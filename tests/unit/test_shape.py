import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.shape_cast import KEYS, NOW, SUMMARY, lease, message

from postroom import signature
from postroom.clock import SECOND
from postroom.delivery import reshape
from postroom.delivery.shape import ShapeError, shape
from postroom.model import Lease, Listener, Replay, Request


def shaped(one: Lease, keys: list[str] = KEYS, **listener: Any) -> Request:
    url = "https://one.example.com/"
    return shape(one, Listener(id=1, account_id="a", name="n", url=url, **listener), keys, now=NOW)


def simmed(include: tuple[str, ...] | None, body: bytes | None = None, **more: Any) -> Any:
    one = lease(body or message(), **more)
    return json.loads(shaped(one, format="sim", include=include).body)


def test_pass_through_sends_the_same_bytes_under_docusigns_headers() -> None:
    body = message() + b" \n"
    request = shaped(lease(body))
    headers = dict(request.headers)
    assert request.body == body
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Authorization-Digest"] == "HMACSHA256"
    sent = [headers["X-DocuSign-Signature-1"], headers["X-DocuSign-Signature-2"]]
    assert sent == signature.docusign(KEYS, body)
    assert (headers["webhook-id"], headers["Postroom-Attempt"]) == ("evt_1", "2")


def test_both_signatures_verify_over_what_is_sent() -> None:
    request = shaped(lease(message()), format="sim", include=("custom_fields",))
    headers = dict(request.headers)
    for key in KEYS:
        assert signature.verify_standard_webhooks(
            [key],
            message_id=headers["webhook-id"],
            timestamp=headers["webhook-timestamp"],
            signatures=headers["webhook-signature"],
            body=request.body,
            now=NOW // SECOND,
        )
        assert signature.verify_docusign(
            [key], [headers["X-DocuSign-Signature-1"]], request.body
        ) == (0 if key == KEYS[0] else None)


def test_without_keys_nothing_pretends_to_be_signed() -> None:
    names = {name.lower() for name, _ in shaped(lease(message()), keys=[]).headers}
    assert not any("signature" in name or "digest" in name for name in names)


def test_a_replay_and_a_late_event_are_marked() -> None:
    mark = Replay(id="rpl_1", reason="bug\r\nX-Evil: 1", is_forced=True)
    headers = dict(shaped(lease(message(), replay=mark, is_late=True)).headers)
    assert headers["Postroom-Replay"] == "rpl_1"
    assert headers["Postroom-Replay-Reason"] == "bug??X-Evil: 1"
    assert (headers["Postroom-Replay-Forced"], headers["Postroom-Late"]) == ("true", "true")


def test_a_hostile_content_type_cannot_add_a_header() -> None:
    headers = shaped(lease(message(), content_type="application/json\r\nX-Evil: 1")).headers
    assert not any("\r" in value or "\n" in value for _, value in headers)


def test_an_empty_include_is_the_minimal_message() -> None:
    assert simmed(())["data"] == {"accountId": "a", "envelopeId": "e"}


def test_only_what_was_asked_for_stays() -> None:
    summary = simmed(("custom_fields",))["data"]["envelopeSummary"]
    assert summary.keys() == {"status", "emailSubject", "sender", "customFields"}


def test_tabs_and_document_bytes_go_unless_asked_for() -> None:
    plain = simmed(("recipients",))["data"]["envelopeSummary"]
    assert "tabs" not in plain["recipients"]["signers"][0]
    assert "tabs" in simmed(("tabs",))["data"]["envelopeSummary"]["recipients"]["signers"][0]
    documents = simmed(("documents",))["data"]["envelopeSummary"]["envelopeDocuments"]
    assert documents[0]["PDFBytes"] == "JVBERi0="
    fields = simmed(("document_fields",))["data"]["envelopeSummary"]["envelopeDocuments"]
    assert "PDFBytes" not in fields[0]


def test_without_an_include_everything_stays() -> None:
    assert simmed(None) == json.loads(message())


def test_what_was_fetched_fills_in_what_was_asked_for() -> None:
    fetched = json.dumps({"customFields": {"textCustomFields": []}, "status": "sent"}).encode()
    summary = simmed(("custom_fields",), message({"status": "x"}), enrichment=fetched)["data"][
        "envelopeSummary"
    ]
    assert summary == {"status": "x", "customFields": {"textCustomFields": []}}


def test_what_was_fetched_later_does_not_change_what_the_event_said() -> None:
    fetched = b'{"completedDateTime":"2026-03-02T00:00:00Z","folders":[],"customFields":{}}'
    summary = simmed(("custom_fields",), message({"status": "sent"}), enrichment=fetched)["data"]
    assert summary["envelopeSummary"] == {"status": "sent", "customFields": {}}


def test_a_minimal_message_gets_its_summary_from_what_was_fetched() -> None:
    fetched = b'{"status":"completed","folders":[],"customFields":{"textCustomFields":[]}}'
    summary = simmed(("custom_fields",), message(None), enrichment=fetched)["data"]
    assert summary["envelopeSummary"] == {
        "status": "completed",
        "customFields": {"textCustomFields": []},
    }


def test_what_was_not_touched_keeps_its_bytes_and_its_order() -> None:
    body = (
        b'{"event":"envelope-sent","data":{"accountId":"a","envelopeSummary":'
        b'{"status" : "s\\u00e9nt","folders":[{"n":1.50}],"big":12345678901234567890,'
        b'"customFields":{ "a":1e2 }}}}'
    )
    assert shaped(lease(body), format="sim", include=("custom_fields",)).body == (
        b'{"event":"envelope-sent","data":{"accountId":"a","envelopeSummary":'
        b'{"status":"s\\u00e9nt","big":12345678901234567890,"customFields":{ "a":1e2 }}}}'
    )


def test_a_message_without_data_gains_none() -> None:
    assert shaped(lease(b'{"event":"x"}'), format="sim", include=()).body == b'{"event":"x"}'


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("ask bob@example.com, or eve@x.org.", "ask b***@example.com, or e***@x.org."),
        ("<bob+tag@mail.example.co.uk>", "<b***@mail.example.co.uk>"),
        ("bob@münchen.example", "b***@münchen.example"),
        ('"bob smith"@example.com', '"***@example.com'),
        ("bob@intranet", "b***@intranet"),
        ("at 5 @ the office", "at 5 @ the office"),
    ],
)
def test_masking_hides_addresses_inside_text(written: str, sent: str) -> None:
    body = shaped(
        lease(message({"emailBlurb": written, "nested": [{"deep": [written]}]})),
        format="sim",
        mask=("emails",),
    ).body
    summary = json.loads(body)["data"]["envelopeSummary"]
    assert summary == {"emailBlurb": sent, "nested": [{"deep": [sent]}]}


def test_masking_hides_every_address() -> None:
    body = shaped(lease(message()), format="sim", mask=("emails",)).body
    assert b"alice@" not in body
    assert b"bob@" not in body
    assert b"a***@example.com" in body


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"data":[]}'])
def test_what_cannot_be_re_shaped_is_an_error_of_its_own(body: bytes) -> None:
    with pytest.raises(ShapeError):
        shaped(lease(body or b" "), format="sim", include=())


json_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=10) | st.integers(-5, 5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
tokens = st.lists(st.sampled_from(["custom_fields", "recipients", "tabs", "documents"]))


@given(st.dictionaries(st.sampled_from([*SUMMARY, "folders"]), json_values), tokens, st.booleans())
def test_re_shaping_never_adds_and_never_breaks(
    summary: Any,
    include: list[str],
    masks: bool,  # noqa: FBT001  # Hypothesis passes by position
) -> None:
    try:
        made = reshape.sim(
            message(summary), enrichment=None, include=tuple(include), masks_emails=masks
        )
    except reshape.UNREADABLE:
        return
    kept = json.loads(made)["data"].get("envelopeSummary", {})
    assert kept.keys() <= summary.keys()
