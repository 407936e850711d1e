"""Stories on a real store and road: what is told is delivered, in order, and can be seen."""

import asyncio
import copy
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, ALICE, U123
from tests.acceptance.recorder import Recorder
from tests.flow.gatehouse import START, eventually
from tests.flow.playhouse import Playhouse, playhouse

from postroom.clock import SECOND
from postroom.envelopes import stories
from postroom.envelopes.envelope import Sender
from postroom.model import AccountField, Notification
from postroom.operations.connect import envelopes, living, templates
from postroom.operations.connect.living import ConnectServer
from postroom.operations.connect.trigger import Progress, TriggerRequest
from postroom.storage.port import NotificationQuery

SENT = ["recipient-sent", "envelope-sent"]
VIEWED = ["recipient-delivered", "envelope-delivered"]
SIGNED = ["recipient-completed", "envelope-completed"]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recording = Recorder()
    yield recording
    recording.close()


@pytest.fixture
async def house(tmp_path: Path, recorder: Recorder) -> AsyncIterator[Playhouse]:
    async with playhouse(tmp_path, recorder) as opened:
        yield opened


async def test_an_event_is_told_to_its_listener_with_field_and_sender(house: Playhouse) -> None:
    fields = {"Integration": "Integration A"}
    done = await house.trigger(event="Completed", fields=fields, sender="123")
    told = [*SENT, *VIEWED, *SIGNED]
    assert done["account_id"] == A1
    assert [one["events"] for one in done["envelopes"]] == [told]
    assert done["totals"] == dict(sorted(Counter(told).items()))
    assert await house.heard() == told
    last = house.recorder.deliveries("all")[-1].message["data"]
    assert last["userId"] == U123.user_id
    assert last["envelopeId"] == done["envelopes"][0]["envelope_id"]
    carried = last["envelopeSummary"]["customFields"]["textCustomFields"]
    assert [(one["name"], one["value"]) for one in carried] == [("Integration", "Integration A")]


async def test_every_event_s_and_every_other_story_plays_on_the_server_as_in_memory(
    house: Playhouse,
) -> None:
    for event in stories.events():
        done = await house.play(TriggerRequest(event=event))
        assert event in done.totals
    for name in stories.STORIES:
        done = await house.play(TriggerRequest(story=name))
        assert done.envelopes


async def test_a_bulk_has_the_totals_of_the_table_and_each_envelope_its_order(
    house: Playhouse,
) -> None:
    progress: list[Progress] = []
    done = await house.play(TriggerRequest(story="bulk", count=250, seed=11), told=progress.append)
    totals = {"recipient-completed": 245, "recipient-declined": 3, "recipient-autoresponded": 2}
    assert done.totals.items() >= totals.items()
    assert sum(done.totals.values()) == 1_494
    assert (progress[-1].played, progress[-1].of, progress[-1].told) == (250, 250, 1_494)
    heard = await house.heard()
    assert Counter(heard) == done.totals
    by_envelope = defaultdict(list)
    for one in house.recorder.deliveries("all"):
        by_envelope[one.message["data"]["envelopeId"]].append(one.message["event"])
    assert by_envelope == {one.envelope_id: list(one.events) for one in done.envelopes}


async def test_the_waits_of_a_story_move_a_virtual_clock(house: Playhouse) -> None:
    await house.trigger(story="expired")
    assert house.clock.now() - START == (120 * 86_400 - 60) * SECOND
    (one,) = (await house.ask("GET", "/envelopes"))["items"]
    details = await house.ask("GET", f"/envelopes/{one['id']}")
    assert (one["status"], details["voided_reason"]) == ("voided", "Envelope has expired.")


async def test_in_real_time_a_story_waits_until_the_clock_says_so(house: Playhouse) -> None:
    request = TriggerRequest(story="finish-later", is_real_time=True)
    playing = asyncio.ensure_future(house.play(request))

    async def a_minute_later() -> bool:
        house.clock.advance_to(house.clock.now() + 60 * SECOND)
        return "recipient-finish-later" in [one.event for one in await told(house)]

    await eventually(a_minute_later)
    assert not playing.done()
    house.clock.advance_to(house.clock.now() + 86_400 * SECOND)
    assert (await playing).envelopes[0].status == "completed"


async def told(house: Playhouse) -> Sequence[Notification]:
    kept = await house.store.notifications(NotificationQuery())
    return [one.notification for one in kept]


async def test_moving_the_clock_lets_no_delivery_under_way_time_out(house: Playhouse) -> None:
    await house.trigger(story="two-signers", count=100)
    await house.heard()
    received = house.recorder.received_by("all")
    assert len(received) == 900
    assert {one.headers["postroom-attempt"] for one in received} == {"1"}


async def test_a_listener_that_hangs_does_not_stop_the_time(house: Playhouse) -> None:
    house.recorder.say("all", hang=True)
    await house.trigger(story="voided")
    assert house.clock.now() - START == 3_600 * SECOND
    house.recorder.heal("all")


async def test_the_same_seed_makes_the_same_envelopes_and_not_twice(
    house: Playhouse, tmp_path: Path, recorder: Recorder
) -> None:
    first = await house.trigger(story="two-signers", seed=5, count=3)
    again = await house.trigger(story="two-signers", seed=5, count=3, expect=409)
    assert "give another seed" in again["detail"]
    (tmp_path / "other").mkdir()
    async with playhouse(tmp_path / "other", recorder) as other:
        assert await other.trigger(story="two-signers", seed=5, count=3) == first


TEMPLATE_LIVES = [
    ("template-created", ["template-created"]),
    ("template-modified", ["template-created", "template-modified"]),
    ("template-deleted", ["template-created", "template-deleted"]),
]


@pytest.mark.parametrize(("event", "told"), TEMPLATE_LIVES)
async def test_a_template_is_made_and_told_of_as_over_the_rest_api(
    house: Playhouse, event: str, told: list[str]
) -> None:
    done = await house.trigger(event=event, sender="123", seed=9)
    (one,) = done["templates"]
    assert (one["events"], done["envelopes"]) == (told, [])
    assert await house.heard() == told
    last = house.recorder.deliveries("all")[-1].message
    assert (last["event"], last["data"]["userId"]) == (event, U123.user_id)
    assert last["data"]["templateId"] == one["template_id"]
    kept = await templates.list_templates(house.connect, A1)
    is_kept = event != "template-deleted"
    ids = [each["templateId"] for each in kept["envelopeTemplates"]]
    assert ids == ([one["template_id"]] if is_kept else [])


async def test_an_envelope_is_made_from_a_template_that_was_triggered(house: Playhouse) -> None:
    done = await house.trigger(event="template-modified", fields={"Dept": "HR"})
    body = {
        "status": "sent",
        "templateId": done["templates"][0]["template_id"],
        "templateRoles": [{"roleName": "Signer 1", "name": "Ann", "email": "ann@example.com"}],
    }
    sender = Sender(user_id=ALICE.user_id)
    made = await envelopes.create(house.connect, A1, body, sender=sender, is_admin=True)
    assert made.envelope.status == "sent"
    assert made.envelope.recipients[0].email == "ann@example.com"
    assert [(one.name, one.value) for one in made.envelope.fields] == [("Dept", "HR")]


async def test_the_templates_of_a_seed_are_the_same_ones_and_not_made_twice(
    house: Playhouse,
) -> None:
    first = await house.trigger(event="template-created", seed=5, count=3)
    assert first["totals"] == {"template-created": 3}
    again = await house.trigger(event="template-modified", seed=5, count=3, expect=409)
    assert "give another seed" in again["detail"]
    gone = [await house.trigger(event="template-deleted", seed=6) for _ in range(2)]
    assert gone[0] == gone[1]
    assert Counter(await house.heard()) == {"template-created": 5, "template-deleted": 2}


async def test_a_template_takes_no_event_notification(house: Playhouse) -> None:
    notification = {"url": house.recorder.url("own")}
    refused = await house.trigger(
        event="template-created", event_notification=notification, expect=422
    )
    assert "a template has none" in refused["detail"]


async def test_a_script_plays_each_envelope_with_its_own_sender(house: Playhouse) -> None:
    document = {
        "envelopes": [
            {"sender": "alice", "steps": [{"decline": {"recipient": 1, "reason": "no"}}]},
            {"sender": "123", "recipients": [{}, {}], "steps": [{"sign": 1}, {"sign": 2}]},
        ]
    }
    done = await house.trigger(script=document)
    assert [one["status"] for one in done["envelopes"]] == ["declined", "completed"]
    await house.heard()
    senders = {
        one.message["data"]["envelopeId"]: one.message["data"]["userId"]
        for one in house.recorder.deliveries("all")
    }
    assert [senders[one["envelope_id"]] for one in done["envelopes"]] == [
        ALICE.user_id,
        U123.user_id,
    ]


async def test_a_script_s_problems_come_back_with_their_places(house: Playhouse) -> None:
    refused = await house.trigger(script={"envelopes": [{"steps": ["sgn"]}]}, expect=422)
    assert refused["problems"][0]["path"] == ["envelopes", 0, "steps", 0]


async def test_a_step_that_is_not_legal_is_named_by_envelope_and_verb(house: Playhouse) -> None:
    document = {"envelopes": [{"steps": ["view"]}, {"steps": ["sign", {"void": "too late"}]}]}
    refused = await house.trigger(script=document, expect=422)
    assert "_CANNOT_VOID_INVALID_STATE: envelope 2, void: The envelope is" in refused["detail"]


async def test_many_envelopes_share_the_listener_of_their_event_notification(
    house: Playhouse,
) -> None:
    before = await house.store.revision()
    notification = {
        "url": house.recorder.url("own"),
        "deliveryMode": "SIM",
        "events": ["envelope-completed"],
        "eventData": {"version": "restv2.1"},
    }
    await house.trigger(story="completed", count=20, event_notification=notification)
    await house.heard()
    assert await house.store.revision() == before + 1
    assert len(house.recorder.deliveries("own")) == 20


async def test_what_is_wrong_with_the_first_ends_it_before_the_others_begin(
    house: Playhouse,
) -> None:
    await house.account(AccountField(id="1", name="Cost centre", is_required=True))
    refused = await house.trigger(story="bulk", count=500, expect=422)
    assert "Cost centre" in refused["detail"]
    assert (await house.ask("GET", "/envelopes"))["items"] == []


async def test_an_envelope_that_others_change_meanwhile_is_gone_on_with(house: Playhouse) -> None:
    enact = house.connect.enact
    has_meddled = False

    async def meddled(envelope: Any, notifications: Any, **more: Any) -> bool:
        nonlocal has_meddled
        if envelope.revision == 2 and not has_meddled:
            has_meddled = True
            await living.act(
                other, A1, envelope.id, stories.STORIES["finish-later"].beats[1].action
            )
        return await enact(envelope, notifications, **more)

    other: ConnectServer = copy.copy(house.connect)
    house.connect.enact = meddled
    done = await house.play(TriggerRequest(story="completed"))
    assert done.envelopes[0].status == "completed"
    assert (await house.heard()).count("recipient-finish-later") == 1


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({}, "give one of: an event (such as envelope-completed), a story, a script"),
        ({"event": "click-agreed"}, "no event of an envelope's or a template's life"),
        ({"story": "happy"}, "there is no story 'happy'"),
        ({"event": "Sent", "sender": "nobody"}, "no user of the account Acme Corp"),
        ({"event": "Sent", "sender": "example.com"}, "is the sender of several"),
        ({"event": "Sent", "count": 0}, "the request cannot be used as it is"),
        ({"event": "Sent", "cuont": 2}, "the request cannot be used as it is"),
        ({"event": "Sent", "fields": {"x" * 101: "y"}}, "INVALID_REQUEST_PARAMETER: "),
        ({"event": "Sent", "rate_per_second": -1}, "the rate is more than 0"),
        ({"event": "Sent", "event_notification": "x"}, "INVALID_REQUEST_BODY: "),
        ({"script": "x"}, "1 problems, each with its place"),
    ],
)
async def test_an_order_that_cannot_be_played_is_refused(
    house: Playhouse, order: dict[str, Any], said: str
) -> None:
    answer = await house.http.post("/trigger", json=order)
    assert answer.status_code in {400, 422}, answer.text
    assert said in answer.json()["detail"]


async def test_an_account_that_is_not_there_is_not_found(house: Playhouse) -> None:
    refused = await house.trigger(event="Sent", account="Nobody Inc", expect=404)
    assert "there is no account 'Nobody Inc'" in refused["detail"]


async def test_progress_is_told_line_by_line_and_the_report_at_the_end(house: Playhouse) -> None:
    answer = await house.http.post(
        "/trigger",
        json={"story": "bulk", "count": 5},
        headers={"Accept": "application/x-ndjson"},
    )
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[-2]["progress"] == {"played": 5, "of": 5, "told": 30}
    assert len(lines[-1]["result"]["envelopes"]) == 5


# --- one envelope, by hand


async def sent(house: Playhouse) -> str:
    done = await house.trigger(event="Sent")
    return str(done["envelopes"][0]["envelope_id"])


async def test_an_action_says_what_it_told_and_a_second_time_nothing(house: Playhouse) -> None:
    path = f"/envelopes/{await sent(house)}/actions"
    action = {"verb": "sign", "recipient_id": "1"}
    done = await house.ask("POST", path, json=action, params={"account": "Acme Corp"})
    assert (done["envelope"]["status"], done["events"]) == ("completed", [*VIEWED, *SIGNED])
    again = await house.ask("POST", path, json=action)
    assert (again["envelope"]["status"], again["events"]) == ("completed", [])
    assert await house.heard() == [*SENT, *VIEWED, *SIGNED]


async def test_an_action_that_is_not_legal_is_refused_with_docusign_s_code(
    house: Playhouse,
) -> None:
    envelope = await sent(house)
    path = f"/envelopes/{envelope}/actions"
    refused = await house.ask("POST", path, json={"verb": "sign", "recipient_id": "9"}, expect=422)
    assert refused["detail"].startswith("UNKNOWN_ENVELOPE_RECIPIENT: ")
    await house.ask("POST", path, json={"verb": "wave"}, expect=400)
    await house.ask("POST", path, json={"verb": "sign", "recipient": "1"}, expect=400)
    nowhere = envelope.replace(envelope[0], "0" if envelope[0] != "0" else "1", 1)
    gone = await house.ask(
        "POST", f"/envelopes/{nowhere}/actions", json={"verb": "send"}, expect=404
    )
    assert "`postroom envelopes` lists" in gone["detail"]
    await house.ask("POST", path, json={"verb": "void", "reason": "x"})
    await house.ask("POST", path, json={"verb": "delete"})
    await house.ask("POST", path, json={"verb": "remove"})
    removed = await house.ask("POST", path, json={"verb": "send"}, expect=404)
    assert removed["detail"].startswith("ENVELOPE_DOES_NOT_EXIST: ")


async def test_envelopes_are_listed_page_by_page_and_by_status_and_field(house: Playhouse) -> None:
    await house.trigger(event="Sent", count=3, fields={"Region": "EU"})
    await house.trigger(event="Completed", count=2)
    first = await house.ask("GET", "/envelopes", params={"limit": 4})
    rest = await house.ask("GET", "/envelopes", params={"after": first["next_after"]})
    assert (len(first["items"]), len(rest["items"]), rest["next_after"]) == (4, 1, None)
    assert len({one["id"] for one in first["items"] + rest["items"]}) == 5
    by_status = await house.ask("GET", "/envelopes", params={"statuses": "Completed"})
    assert len(by_status["items"]) == 2
    by_field = await house.ask("GET", "/envelopes", params={"field": "Region=EU"})
    assert [one["fields"] for one in by_field["items"]] == [{"Region": "EU"}] * 3
    refused = await house.ask("GET", "/envelopes", params={"field": "Region"}, expect=422)
    assert "Name=Value" in refused["detail"]


async def test_an_envelope_is_shown_with_its_recipients_and_its_trail(house: Playhouse) -> None:
    done = await house.trigger(story="bounced-then-voided")
    found = await house.ask("GET", f"/envelopes/{done['envelopes'][0]['envelope_id'].upper()}")
    assert found["envelope"]["status"] == "voided"
    assert found["recipients"][0]["status"] == "autoresponded"
    assert "mailbox does not exist" in found["recipients"][0]["reason"]
    assert [one["action"] for one in found["trail"]][-1] == "Voided"
