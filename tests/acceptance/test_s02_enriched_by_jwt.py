"""S2's E-208 against a whole account: its feed leaves the field out, and its REST API tells it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, account
from tests.acceptance.docusign_account import DocusignAccount, new_key, opened
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder

START = "2026-03-02T09:00:00+00:00"
ENDINGS = ["envelope-completed", "envelope-declined", "envelope-voided"]


@pytest.fixture
def docusign(tmp_path: Path) -> Iterator[DocusignAccount]:
    with opened(tmp_path / "docusign", start=START) as one:
        yield one


def connect(recorder: Recorder, **more: Any) -> dict[str, Any]:
    def listener(name: str, value: str, *events: str) -> dict[str, Any]:
        return {
            "name": name,
            "account": A1,
            "url": recorder.url(name),
            "events": list(events),
            "filter": {"customFields.Integration": value},
        }

    return {
        "accounts": [account(A1, "Acme Corp", **more)],
        "listeners": [
            listener("SF", "Salesforce", *ENDINGS),
            listener("ERP", "ERP", "envelope-completed"),
        ],
    }


def live_through_208(docusign: DocusignAccount, gateway: Gateway) -> str:
    """Complete an envelope of ERP's; the feed tells its recipients and not its fields."""
    docusign.configure(
        gateway,
        events=ENDINGS,
        event_data={"version": "restv2.1", "includeData": ["recipients"]},
    )
    envelope_id = docusign.sdk.send("ada", fields={"Integration": "ERP"})
    docusign.sdk.sign_all(envelope_id)
    docusign.server.until_quiet()
    return envelope_id


def attention(gateway: Gateway) -> str:
    return "\n".join(gateway.get("health")["attention"])


def test_with_enrichment_the_field_is_asked_for_and_erp_gets_it_once(
    docusign: DocusignAccount, gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder, enrichment=docusign.enrichment()))
    envelope_id = live_through_208(docusign, gateway)
    gateway.wait_until(lambda: bool(recorder.received), "it was not delivered")
    gateway.until_enriched()
    assert recorder.arrivals() == {("ERP", envelope_id, None, "envelope-completed"): 1}
    assert attention(gateway) == ""


def test_without_enrichment_it_is_held_and_health_says_so(
    docusign: DocusignAccount, gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    live_through_208(docusign, gateway)
    gateway.wait_until(lambda: len(gateway.every("held")) == 2, "it was not held")
    held = gateway.ask("held")["items"]
    assert {one["listener"] for one in held} == {"SF", "ERP"}
    assert all("custom_fields" in one["reason"] for one in held)
    assert "2 deliveries held" in attention(gateway)
    assert recorder.received == []


def test_a_key_that_is_not_the_integrations_is_named_in_held_and_replaced_by_applying_another(
    docusign: DocusignAccount, gateway: Gateway, recorder: Recorder
) -> None:
    other, _ = new_key()
    gateway.apply(connect(recorder, enrichment=docusign.enrichment(private_key={"text": other})))
    live_through_208(docusign, gateway)
    gateway.wait_until(
        lambda: "no_valid_keys_or_signatures" in attention(gateway), "health does not say why"
    )
    held = gateway.ask("held")["items"]
    assert all("no_valid_keys_or_signatures" in one["reason"] for one in held)
    assert not any("PRIVATE KEY" in line for line in gateway.log)
    assert all(b"PRIVATE KEY" not in file.read_bytes() for file in gateway.folder.glob("*.db*"))
    applied = gateway.apply(connect(recorder, enrichment=docusign.enrichment()))
    assert docusign.private_key not in applied
    gateway.until_enriched()
    assert recorder.totals() == {"ERP": 1}
    assert attention(gateway) == ""


def test_what_is_no_private_key_is_refused_when_it_is_applied(
    docusign: DocusignAccount, gateway: Gateway, recorder: Recorder
) -> None:
    _, public = new_key()
    said = gateway.apply(
        connect(recorder, enrichment=docusign.enrichment(private_key={"text": public})), expect=2
    )
    assert "accounts[0].enrichment.jwt.private_key" in said
    assert "this is a public key; give the RSA private key" in said
    assert "BEGIN PUBLIC KEY" not in said
