"""What adopting an account would do: what is taken over, what is left, and the proof."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console
from tests.unit.adopt_cast import (
    A1,
    ANN,
    BOB,
    CARL,
    GATEWAY,
    ROBOTS,
    SALES,
    USERS,
    configuration,
    planned,
    standing,
)

from postroom.cli import adopt_report
from postroom.envelopes.sim_envelope import SimEnvelope, SimSender
from postroom.envelopes.sim_message import message
from postroom.errors import InvalidInputError
from postroom.intake.normalise import normalise
from postroom.model import Account, Listener, Registry
from postroom.operations.adopting import feed
from postroom.operations.adopting.plan import AdoptionPlan
from postroom.operations.adopting.proof import Trio, prove
from postroom.operations.adopting.translation import translate
from postroom.operations.document import read
from postroom.operations.drafts import draft
from postroom.routing.match import Router

EVENTS = ("envelope-sent", "envelope-completed", "envelope-voided", "recipient-completed")


def left(plan: AdoptionPlan) -> str:
    (one,) = plan.left
    assert plan.switch_off == ()
    assert plan.create is None
    return one.why


def otherwise(plan: AdoptionPlan) -> str:
    (one,) = plan.switch_off
    return "\n".join(each.what for each in one.adopted.differences)


def test_a_configuration_becomes_a_listener_in_the_files_words() -> None:
    plan = planned(
        configuration(
            1,
            name="ERP / orders",
            allUsers="false",
            userIds=[ANN.upper()],
            groupIds=["7002"],
            envelopeEvents=["Completed", "voided"],
            events=[],
            requiresAcknowledgement="false",
        )
    )
    assert plan.document == {
        "accounts": [
            {
                "id": A1,
                "name": "Acme Corp",
                "keys": [{"env": "DOCUSIGN_CONNECT_KEY"}],
                "users": [
                    {"id": ANN, "email": "ann@example.com"},
                    {"id": BOB, "email": "bob@example.com", "groups": ["Robots"]},
                ],
            }
        ],
        "listeners": [
            {
                "name": "ERP - orders",
                "account": A1,
                "url": "https://listener1.example.com/hook",
                "events": ["envelope-completed", "envelope-voided"],
                "users": {"only": [ANN, "Robots"]},
                "format": "sim",
                "include": ["recipients"],
                "acknowledgement": False,
            }
        ],
    }
    assert otherwise(plan) == "who is in its groups is as of now: Robots"


def test_the_one_configuration_brings_all_that_any_of_them_needs() -> None:
    plan = planned(
        configuration(1, events=["envelope-sent"], includeSenderAccountasCustomField="true"),
        configuration(2, eventData={"version": "restv2.1", "includeData": ["documents"]}),
        configuration(3, deliveryMode="Aggregate", eventData={"version": "legacy"}),
    )
    assert plan.create == {
        "name": "Postroom 1",
        "configurationType": "custom",
        "urlToPublishTo": GATEWAY,
        "allowEnvelopePublish": "true",
        "allUsers": "true",
        "deliveryMode": "SIM",
        "events": ["envelope-completed", "envelope-sent"],
        "eventData": {
            "version": "restv2.1",
            "includeData": ["custom_fields", "documents", "recipients", "tabs"],
        },
        "includeHMAC": "true",
        "requiresAcknowledgement": "true",
        "enableLog": "true",
        "includeSenderAccountasCustomField": "true",
    }
    assert [one.adopted.listener["format"] for one in plan.switch_off] == ["sim", "sim", "xml"]
    assert all(one.proof.is_same for one in plan.switch_off)
    told = [one.adopted.differences for one in plan.switch_off]
    assert told[0] == ()
    assert "AccountName" in told[1][0].what, "it gets what another asked for"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"configurationType": "salesforce"}, "its type is salesforce"),
        ({"allowEnvelopePublish": "false"}, "it is off"),
        ({"pausePublish": "true"}, "it is paused"),
        ({"useSoapInterface": "true", "soapNamespace": "urn:x"}, "SOAP"),
        ({"includeOAuth": "true"}, "OAuth"),
        ({"requireMutualTls": "true"}, "Docusign's certificate"),
        ({"integratorManaged": "true"}, "integrator's keys"),
        ({"userName": "erp"}, "password"),
        ({"urlToPublishTo": GATEWAY}, "the gateway's own"),
        ({"urlToPublishTo": "http://plain.example.com/"}, "cannot be read"),
        ({"events": []}, "no events"),
        ({"allUsers": "false"}, "no users"),
        ({"allUsers": "false", "groupIds": ["7009"]}, "cannot be read"),
        ({"deliveryMode": ""}, "deliveryMode is not told"),
        ({"eventData": {"version": "legacy"}, "includeDocuments": "true"}, "documents in XML"),
        ({"includeCertificateOfCompletion": "true"}, "certificate of completion"),
        ({"eventData": "nonsense"}, "cannot be read"),
        ({"allUsers": "false", "userIds": ["nobody"]}, "connect.yaml cannot say it: users.only"),
        ({"connectId": None}, "no connectId"),
        ({"configurationType": {}, "allUsers": []}, "not told"),
        ({"allUsers": {}}, "cannot be read"),
    ],
)
def test_what_could_not_stay_the_same_is_left_alone(said: dict[str, Any], why: str) -> None:
    assert why in left(planned(configuration(1, **said)))


def test_a_group_in_which_nobody_is_leaves_its_configuration_alone() -> None:
    now = standing(configuration(1, allUsers="false", groupIds=["7002"]), users=USERS[:1])
    _, (one,) = translate(now, gateway_url=GATEWAY, empty_mode=None)
    assert "nobody is in its group Robots" in one.why


def test_a_full_account_is_said_to_be_full_before_anything_is_changed() -> None:
    others = [configuration(one, allowEnvelopePublish="false") for one in range(2, 21)]
    folder = Path("folder")
    full, roomy = planned(configuration(1), *others), planned(configuration(1), *others[1:])
    assert full.is_full
    assert "needs room for one more" in printed(full, folder)
    assert not roomy.is_full
    assert "needs room" not in printed(roomy, folder)


def test_an_account_without_configurations_has_nothing_to_take_over() -> None:
    assert planned().create is None
    assert "nothing to take over" in printed(planned(), Path("folder"))


def test_what_to_do_next_fits_a_terminal() -> None:
    others = [configuration(one, allowEnvelopePublish="false") for one in range(2, 21)]
    told = printed(planned(configuration(1), *others), Path("folder"))
    _, _, steps = told.partition("To take it over:")
    assert max(map(len, steps.splitlines())) <= 80


def printed(plan: AdoptionPlan, folder: Path) -> str:
    said = adopt_report.lines(plan, folder / "c.yaml", folder / "s.json", is_applied=False)
    console = Console(width=200)
    with console.capture() as captured:
        for line in said:
            console.print(line)
    return captured.get()


def test_what_no_delivery_mode_means_can_be_said() -> None:
    for mode, format_ in (("SIM", "sim"), ("Aggregate", "aggregate")):
        (one,) = planned(configuration(1, deliveryMode=""), empty_mode=mode).switch_off
        assert one.adopted.listener["format"] == format_


def test_configurations_of_one_name_become_listeners_of_two() -> None:
    plan = planned(configuration(1, name="Same"), configuration(2, name="Same"))
    names = [one["name"] for one in plan.document["listeners"]]
    assert names == ["Same", "Same (2)"]


@st.composite
def configurations(draw: st.DrawFn, connect_id: int) -> dict[str, Any]:
    kind = draw(st.sampled_from(["all", "some", "except"]))
    said: dict[str, Any] = {
        "events": draw(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=3)),
        "allUsers": "true" if kind == "all" else "false",
        "allUsersExcept": "true" if kind == "except" else "false",
    }
    if kind != "all":
        said["userIds"] = draw(st.lists(st.sampled_from([ANN, BOB, CARL]), max_size=2))
        said["groupIds"] = draw(st.lists(st.sampled_from([SALES.id, ROBOTS.id]), max_size=2))
    return configuration(connect_id, **said)


def listeners(plan: AdoptionPlan) -> tuple[Account, dict[str, Listener]]:
    account = plan.document["accounts"][0] | {"keys": []}
    drafted = draft(
        read(plan.document | {"accounts": [account]}),
        Registry(revision=0, accounts={}, listeners={}, lanes={}),
        allow_private=True,
    )
    return drafted.accounts[0], {one.name: one for one in drafted.listeners}


def gets(account: Account, listener: Listener, event: str, sender: str) -> bool:
    registry = Registry(
        revision=1, accounts={A1: account}, listeners={1: replace(listener, id=1)}, lanes={}
    )
    envelope = SimEnvelope(
        account_id=A1,
        id="e0000000-0000-4000-8000-000000000001",
        sender=SimSender(user_id=sender, name="x", email=f"{sender[-4:]}@example.com"),
        subject="x",
    )
    recipient = "1" if event.startswith("recipient") else None
    body = message(envelope, event, at=0, recipient_id=recipient, include=("recipients",))
    one = normalise(body, account_id=A1, content_type="application/json", received_at=0)
    return bool(Router(registry).match(one).matches)


@given(st.tuples(configurations(1), configurations(2)))
@settings(deadline=None, max_examples=60)
def test_what_is_proved_the_same_is_the_same_for_every_sender_and_event(
    made: tuple[dict[str, Any], ...],
) -> None:
    now = standing(*made)
    plan = planned(*made)
    account, by_name = listeners(plan)
    assert plan.create is None or plan.switch_off
    if plan.create is None:
        return
    carried = feed.listener(plan.create, account)
    readings, _ = translate(now, gateway_url=GATEWAY, empty_mode=None)
    taken = {one.adopted.connect_id for one in plan.switch_off}
    for reading in readings:
        if reading.adopted.connect_id not in taken:
            continue
        after = by_name[reading.adopted.listener["name"]]
        everybody = replace(account, users=USERS)
        for event in EVENTS:
            for sender in (ANN, BOB, CARL, "5f0c1f3e-0000-4000-8000-00000000dead"):
                before = gets(everybody, reading.listener, event, sender)
                comes = gets(account, carried, event, sender)
                assert before == (comes and gets(account, after, event, sender))


def trio(**after: Any) -> tuple[Account, Trio]:
    made = configuration(1, allUsers="false", userIds=[ANN], events=list(EVENTS[:2]))
    now, plan = standing(made), planned(made)
    account, by_name = listeners(plan)
    (reading,), _ = translate(now, gateway_url=GATEWAY, empty_mode=None)
    assert plan.create is not None
    carried = feed.listener(plan.create, account)
    listener = replace(by_name["Listener 1"], **after)
    return account, Trio(before=reading.listener, after=listener, feed=carried)


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ({"events": ("envelope-sent",)}, "envelope-completed of an envelope that"),
        ({"events": EVENTS[:3]}, "envelope-voided of an envelope that"),
        ({"users": None}, "would reach it, and does not today"),
        ({"filter": {"customFields.Integration": "ERP"}}, "would not any more"),
        ({"url": "https://elsewhere.example.com/"}, "another URL"),
        ({"format": "aggregate"}, "format aggregate"),
        ({"include": ()}, "other includes"),
        ({"acknowledgement": False}, "acknowledgement"),
    ],
)
def test_a_listener_that_is_not_the_same_is_not_proved_the_same(
    after: dict[str, Any], reason: str
) -> None:
    proof = prove(*trio(**after))
    assert not proof.is_same
    assert reason in "\n".join(proof.reasons)


def test_a_feed_that_brings_too_little_is_found_out() -> None:
    account, one = trio()
    assert prove(account, one).is_same
    lean = replace(one.feed, events=("envelope-sent",), include=())
    reasons = "\n".join(prove(account, replace(one, feed=lean)).reasons)
    assert "would not reach the gateway" in reasons
    assert "does not include recipients" in reasons


@pytest.mark.parametrize(
    ("given_url", "published_to"),
    [
        ("https://connect.example.com", "https://connect.example.com/connect"),
        ("https://connect.example.com/", "https://connect.example.com/connect"),
        ("https://example.com/in/connect", "https://example.com/in/connect"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/connect"),
    ],
)
def test_the_front_door_is_found_from_the_gateways_address(
    given_url: str, published_to: str
) -> None:
    assert feed.address(given_url) == published_to


@pytest.mark.parametrize(
    "url", ["", "connect.example.com", "http://example.com", "https://a:b@x.com", "https://[x"]
)
def test_an_address_that_docusign_would_not_publish_to_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError, match="--gateway-url"):
        feed.address(url)
