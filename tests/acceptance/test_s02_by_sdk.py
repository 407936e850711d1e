"""S2 from envelope creation on, E-209 included: its field is changed while it is under way."""

from collections import Counter
from typing import Any

import docusign_esign as ds
import pytest
from tests.acceptance.cast import A1, ALICE, account
from tests.acceptance.conftest import Launch
from tests.acceptance.recorder import Recorder
from tests.acceptance.sdk import Sdk

ERP_EVENTS = ["envelope-completed"]
HR_EVENTS = ["recipient-sent", "recipient-delivered", "recipient-completed"]
SF_EVENTS = ["envelope-completed", "envelope-declined", "envelope-voided"]


def listeners(recorder: Recorder, policy: str) -> list[dict[str, Any]]:
    """SF, ERP, HR and the rule for copies of HR's (`HR2`, delivered to HR too)."""

    def one(name: str, at: str, events: list[str], field: str, value: str) -> dict[str, Any]:
        return {
            "name": name,
            "account": A1,
            "url": recorder.url(at),
            "events": events,
            "filter": {f"customFields.{field}": value},
            "field_policy": policy,
        }

    return [
        one("SF", "SF", SF_EVENTS, "Integration", "Salesforce"),
        one("ERP", "ERP", ERP_EVENTS, "Integration", "ERP"),
        one("HR", "HR", HR_EVENTS, "Integration", "HR"),
        one("HR2", "HR", ["envelope-completed"], "CC", "HR"),
    ]


def started(launch: Launch, recorder: Recorder, policy: str) -> Sdk:
    gateway = launch(flags=("--offline",))
    document = {
        "accounts": [account(A1, "Acme Corp")],
        "listeners": listeners(recorder, policy),
    }
    gateway.apply(document)
    return Sdk(gateway)


def play_209(sdk: Sdk) -> str:
    """Send with ERP, change it to HR before the signer opens it, complete it."""
    envelope_id = sdk.send("ada", fields={"Integration": "ERP"})
    fields = sdk.envelopes.list_custom_fields(A1, envelope_id)
    [field] = fields.text_custom_fields
    sdk.envelopes.update_custom_fields(
        A1,
        envelope_id,
        custom_fields=ds.CustomFields(
            text_custom_fields=[
                ds.TextCustomField(field_id=field.field_id, name=field.name, value="HR")
            ]
        ),
    )
    sdk.sign_all(envelope_id)
    return envelope_id


def test_every_envelope_reaches_the_integration_its_field_names(
    launch: Launch, recorder: Recorder
) -> None:
    sdk = started(launch, recorder, "sticky")
    one = {"Integration": "Salesforce", "SFObject": "0065g00000ABCDE"}
    sdk.sign_all(sdk.send("ada", fields=one))
    sdk.sign_all(sdk.send("ada", fields={"Integration": "ERP", "PO": "PO-7781"}))
    sdk.sign_all(sdk.send("ada", "ben", fields={"Integration": "HR"}), ("1", "2"))
    nobody = Sdk(sdk.gateway, user=ALICE.email).send("ada")
    sdk.sign_all(nobody)
    sdk.sign_all(sdk.send("ada", fields={"Integration": "salesforce "}))
    sdk.sign_all(sdk.send("ada", list_fields={"Integration": "ERP"}))
    sdk.sign_all(sdk.send("ada", fields={"Integration": "ERP", "CC": "HR"}))
    play_209(sdk)
    sdk.gateway.until_quiet()

    # E-208 is about a feed that lacks the fields: nothing that lives here lacks them.
    assert recorder.totals() == {"SF": 1, "ERP": 4, "HR": 7}
    unclaimed = [one for one in sdk.gateway.every("unclaimed") if one["envelope_id"] == nobody]
    assert "envelope-completed" in {one["event"] for one in unclaimed}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param("sticky", {"ERP": ["envelope-completed"]}, id="sticky"),
        pytest.param("current", {"HR": ["recipient-delivered", "recipient-completed"]}, id="now"),
    ],
)
def test_a_field_that_changes_under_way_counts_as_the_policy_says(
    launch: Launch, recorder: Recorder, policy: str, expected: dict[str, list[str]]
) -> None:
    sdk = started(launch, recorder, policy)
    play_209(sdk)
    sdk.gateway.until_quiet()
    arrived = {
        name: [one.message["event"] for one in recorder.deliveries(name)]
        for name in dict.fromkeys(one.listener for one in recorder.deliveries())
    }
    assert arrived == expected


def test_a_required_field_of_the_account_keeps_an_envelope_from_being_sent(
    launch: Launch, recorder: Recorder
) -> None:
    sdk = started(launch, recorder, "current")
    ds.AccountsApi(sdk.client).create_custom_field(
        A1,
        custom_field=ds.CustomField(
            name="Integration", custom_field_type="text", required="true", show="true"
        ),
    )
    with pytest.raises(ds.ApiException) as refused:
        sdk.send("ada")
    assert refused.value.status == 400
    assert b"Integration" in refused.value.body
    sdk.sign_all(sdk.send("ada", fields={"Integration": "ERP"}))
    sdk.gateway.until_quiet()
    assert recorder.totals() == Counter(ERP=1)
