"""A script for `postroom trigger`: what it comes to, and each problem at its place."""

from pathlib import Path
from typing import Any

import pytest

from postroom.cli import connect_file
from postroom.clock import SECOND
from postroom.envelopes.envelope import Sender
from postroom.envelopes.scenes import Scene, Wishes
from postroom.envelopes.stories import STORIES
from postroom.errors import InvalidInputError
from postroom.model import Json
from postroom.operations.connect import script, trigger
from postroom.operations.connect.rehearsal import rehearse
from postroom.operations.connect.trigger import TriggerRequest
from postroom.operations.document import InvalidDocumentError

A1 = "a1000000-0000-4000-8000-000000000001"
NOW = 1_772_442_000 * SECOND
SENDER = Sender(user_id="5f0c1f3e-0000-4000-8000-000000000123", name="S", email="s@example.com")
TWO: list[Json] = [{"name": "Ada", "email": "ada@example.com"}, {"role": "carbonCopies"}]


def scene(**said: Any) -> Scene:
    return script.scenes(script.read({"envelopes": [said]}), seed=7, wishes=Wishes())[0]


def done(*steps: Any, **said: Any) -> list[tuple[str, str | None, float]]:
    made = scene(steps=list(steps), **said)
    return [(one.action.verb, one.action.recipient_id, one.after_seconds) for one in made.beats]


def problems(document: Json) -> dict[str, str]:
    with pytest.raises(InvalidDocumentError) as refused:
        script.read(document)
    return {".".join(str(step) for step in one.path): one.message for one in refused.value.problems}


def problem(*steps: Any, **said: Any) -> str:
    found = problems({"envelopes": [{"steps": list(steps), **said}]})
    assert len(found) == 1, found
    return next(f"{path.removeprefix('envelopes.0.')}: {text}" for path, text in found.items())


def test_an_envelope_is_made_of_what_the_script_says_and_of_the_seed_for_the_rest() -> None:
    made = scene(subject="Contract", fields={"Region": "EU", "Number": 7}, recipients=TWO)
    assert made.definition["emailSubject"] == "Contract"
    assert made.definition["status"] == "sent"
    fields = made.definition["customFields"]["textCustomFields"]
    assert [(one["name"], one["value"]) for one in fields] == [("Region", "EU"), ("Number", "7")]
    recipients = made.definition["recipients"]
    assert [one["email"] for one in recipients["signers"]] == ["ada@example.com"]
    assert recipients["carbonCopies"][0]["recipientId"] == "2"
    assert made == scene(subject="Contract", fields={"Region": "EU", "Number": "7"}, recipients=TWO)


def test_fields_and_notifications_of_the_command_are_those_the_script_leaves_out() -> None:
    read = script.read({"envelopes": [{"fields": {"Region": "EU"}}]})
    wishes = Wishes(fields=(("Region", "US"), ("Batch", "1")), event_notification={"url": "u"})
    made = script.scenes(read, seed=1, wishes=wishes)[0].definition
    values = {one["name"]: one["value"] for one in made["customFields"]["textCustomFields"]}
    assert values == {"Region": "EU", "Batch": "1"}
    assert made["eventNotification"] == {"url": "u"}


def test_steps_are_read_in_each_of_their_spellings() -> None:
    assert done("view", {"sign": 1}) == [("view", "1", 0), ("sign", "1", 0)]
    assert done("send", "lock", draft=True) == [("send", None, 0), ("lock", None, 0)]
    made = scene(
        recipients=TWO,
        steps=[
            {"decline": {"recipient": 1, "reason": "wrong price"}},
            {"void": "No longer needed"},
            {"purge": "documents_queued"},
            {"sign": {"recipient": "1", "tabs": {"PO": 4711}}},
            {"resend": 1},
            "resend",
        ],
    )
    actions = [one.action for one in made.beats]
    assert (actions[0].recipient_id, actions[0].reason) == ("1", "wrong price")
    assert (actions[1].recipient_id, actions[1].reason) == (None, "No longer needed")
    assert actions[2].purge_state == "documents_queued"
    assert actions[3].tabs == {"PO": "4711"}
    assert [one.recipient_id for one in actions[4:]] == ["1", None]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("3 days", 259_200),
        ("1 day", 86_400),
        ("2h", 7_200),
        ("90", 90),
        (90, 90),
        ("1.5 minutes", 90),
        ("1 week", 604_800),
        ("10 S", 10),
    ],
)
def test_a_wait_is_read_in_words_and_goes_before_the_next_step(said: Any, seconds: float) -> None:
    assert done({"wait": said}, {"wait": 1}, "view") == [("view", "1", seconds + 1)]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"wait": "soon"}, "steps.0.wait: write a time"),
        ({"wait": "3 fortnights"}, "steps.0.wait: write a time"),
        ({"wait": True}, "steps.0.wait: write a time"),
        ({"wait": "-1 days"}, "steps.0.wait: write a time"),
        ({"wait": "99999 days"}, "steps.0.wait: this is longer than ten years"),
        ("sgn", "steps.0: there is no verb 'sgn'; there are send, view"),
        (7, "steps.0: write one verb"),
        ({"view": 1, "sign": 1}, "steps.0: write one verb"),
        ({"view": 2}, "steps.0.view: there is no recipient 2; there are 1"),
        ({"view": [1]}, "steps.0.view: write one value"),
        ({"view": {"reason": "x"}}, "steps.0.view: view has no 'reason'; known are recipient"),
        ({"lock": 1}, "steps.0.lock: lock has no 'recipient'; it takes nothing"),
        ({"decline": {"reason": ["x"]}}, "steps.0.decline.reason: write a text"),
        ({"decline": {"reason": "x" * 501}}, "steps.0.decline.reason: reason is longer"),
        ({"sign": {"tabs": ["PO"]}}, "steps.0.sign.tabs: write labels and their values"),
    ],
)
def test_a_step_that_cannot_be_is_named_by_its_place(step: Any, said: str) -> None:
    steps = [step, "view"] if isinstance(step, dict) and "wait" in step else [step]
    assert problem(*steps).startswith(said)


def test_with_several_recipients_a_step_says_whose_it_is() -> None:
    assert problem("sign", recipients=TWO) == "steps.0.sign: say whose: sign: 1"


def test_a_wait_that_nothing_follows_is_refused() -> None:
    assert problem("view", {"wait": 1}) == "steps: nothing follows the last wait; leave it out"


def test_whoever_it_is_handed_to_is_a_recipient_that_the_script_need_not_list() -> None:
    handed = {"reassign": {"recipient": 1, "name": "Ben", "email": "ben@example.com"}}
    assert done(handed, {"sign": 2})[-1] == ("sign", "2", 0)


def test_problems_of_shape_are_all_told_at_once() -> None:
    found = problems(
        {
            "envelopes": [
                {"subjct": "x"},
                {"recipients": [{"email": "nobody", "id": "a b", "role": "witness"}]},
                {"sender": None, "steps": "sign", "fields": ["x"]},
            ],
            "sede": 1,
        }
    )
    assert found["envelopes.0.subjct"].startswith("unknown key 'subjct'; known keys are subject,")
    assert found["envelopes.1.recipients.0.email"] == "write an e-mail address"
    assert found["envelopes.1.recipients.0.id"].startswith("letters, digits")
    assert found["envelopes.1.recipients.0.role"].startswith("write one of signers, ")
    assert found["envelopes.2.steps"].startswith("write a list here")
    assert found["envelopes.2.fields"].startswith("write keys and their values")
    assert found["sede"].startswith("unknown key 'sede'; known keys are account, seed, envelopes")


@pytest.mark.parametrize("document", [None, [], "x", 7, {}, {"envelopes": []}, {"envelopes": [1]}])
def test_what_is_no_script_is_refused(document: Json) -> None:
    with pytest.raises(InvalidDocumentError):
        script.read(document)


def test_two_recipients_of_one_id_are_refused() -> None:
    assert "another recipient has the id 1 too" in problem(recipients=[{}, {"id": 1}])


def test_a_script_with_its_own_seed_plays_the_same_without_being_told() -> None:
    document = {"seed": 5, "account": "Acme", "envelopes": [{}, {}]}
    play = trigger.planned(TriggerRequest(script=document))
    assert (play.seed, play.account, play.count) == (5, "Acme", 2)
    other = trigger.planned(TriggerRequest(script=document, seed=6, account="Acme UK"))
    assert (other.seed, other.account) == (6, "Acme UK")


@pytest.mark.parametrize(
    "request_",
    [
        TriggerRequest(),
        TriggerRequest(event="Sent", story="completed"),
        TriggerRequest(script={"envelopes": [{}]}, count=2),
        TriggerRequest(event="Sent", count=0),
        TriggerRequest(event="Sent", count=trigger.MAX_COUNT + 1),
        TriggerRequest(event="Sent", rate_per_second=0),
        TriggerRequest(event="Sent", rate_per_second=float("nan")),
    ],
)
def test_a_request_that_cannot_be_played_is_refused(request_: TriggerRequest) -> None:
    with pytest.raises(InvalidInputError):
        trigger.planned(request_)


def test_a_script_file_s_problems_are_told_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "play.yaml"
    path.write_text("envelopes:\n  - steps:\n      - view\n      - sgn\n")
    file = connect_file.parsed(path, start="envelopes:")
    with pytest.raises(InvalidDocumentError) as refused:
        script.read(file.document)
    said = file.describe(refused.value.problems)
    assert said.startswith("play.yaml:4:9: envelopes[0].steps[1]: there is no verb 'sgn'")


def test_an_empty_script_file_is_told_what_to_start_with(tmp_path: Path) -> None:
    path = tmp_path / "play.yaml"
    path.write_text("")
    with pytest.raises(InvalidInputError, match="is empty; start with envelopes:"):
        connect_file.parsed(path, start="envelopes:")


def test_the_reference_s_script_can_be_played_as_it_stands(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    path = tmp_path / "play.yaml"
    path.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    play = trigger.planned(TriggerRequest(script=connect_file.parsed(path, start="").document))
    told = [
        [one.event for one in rehearse(made, account_id=A1, sender=SENDER, now=NOW, include=())]
        for made in play.scenes
    ]
    assert [one[-1] for one in told] == ["envelope-declined", "envelope-completed"]


def test_the_reference_lists_every_story_with_its_summary() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    told = {one.name for one in STORIES.values() if f"| `{one.name}` | {one.summary} |" in page}
    assert told == STORIES.keys()
