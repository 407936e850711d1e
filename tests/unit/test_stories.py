"""Stories, played with the real lifecycle: what they tell, and the same again under a seed."""

import json
from collections import Counter
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from postroom import vocabulary
from postroom.clock import SECOND
from postroom.envelopes import scenes, stories
from postroom.envelopes.envelope import Sender
from postroom.envelopes.scenes import Wishes
from postroom.envelopes.stories import Story
from postroom.errors import InvalidInputError
from postroom.operations.connect.rehearsal import Message, rehearse

A1 = "a1000000-0000-4000-8000-000000000001"
NOW = 1_772_442_000 * SECOND
SENDER = Sender(user_id="5f0c1f3e-0000-4000-8000-000000000123", name="Service", email="s@x.com")
NOTHING = Wishes()
OF_ENVELOPES = [name for name in vocabulary.EVENTS if name.startswith(("envelope-", "recipient-"))]


def played(
    story: Story, *, count: int = 1, seed: int = 7, wishes: Wishes = NOTHING
) -> list[Message]:
    return [
        message
        for scene in scenes.scenes(story, count=count, seed=seed, wishes=wishes)
        for message in rehearse(
            scene, account_id=A1, sender=SENDER, now=NOW, include=("recipients",)
        )
    ]


def events(messages: Iterable[Message]) -> list[str]:
    return [one.event for one in messages]


SENT = ["recipient-sent", "envelope-sent"]
SIGNED = [
    "recipient-delivered",
    "envelope-delivered",
    "recipient-completed",
    "envelope-completed",
]
TOLD = {
    "completed": [*SENT, *SIGNED],
    "declined": [*SENT, *SIGNED[:2], "recipient-declined", "envelope-declined"],
    "voided": [*SENT, "envelope-voided"],
    "bounced-then-corrected": [*SENT, "recipient-autoresponded", "recipient-sent", *SIGNED],
    "bounced-then-voided": [*SENT, "recipient-autoresponded", "envelope-voided"],
    "authentication-failed": [
        *SENT,
        "recipient-authenticationfailed",
        "recipient-sent",
        *SIGNED,
    ],
    "auto-replied": [*SENT, "recipient-autoresponded", *SIGNED],
    "finish-later": [*SENT, *SIGNED[:2], "recipient-finish-later", *SIGNED[2:]],
    "expired": [*SENT, "envelope-voided"],
    "resent": [*SENT, "recipient-resent", "envelope-resent", *SIGNED],
    "purged": [*SENT, *SIGNED, "envelope-purge"],
    "deleted": [*SENT, *SIGNED, "envelope-deleted"],
    "discarded": ["envelope-created", "envelope-discard"],
}


@pytest.mark.parametrize("name", TOLD)
def test_a_story_tells_what_its_summary_promises(name: str) -> None:
    assert events(played(stories.STORIES[name])) == TOLD[name]


def test_every_story_of_the_other_names_ends_as_it_says() -> None:
    ends = {
        name: (Counter(events(told)), told[-1].event)
        for name in stories.STORIES.keys() - TOLD.keys() - {"bulk"}
        for told in [played(stories.STORIES[name])]
    }
    assert ends.keys() == {
        "two-signers",
        "reassigned",
        "delegated",
        "signed-by-the-first-declined-by-the-second",
    }
    assert ends["two-signers"][0]["recipient-completed"] == 2
    assert ends["two-signers"][1] == "envelope-completed"
    assert ends["reassigned"][0]["recipient-reassign"] == 1
    assert ends["reassigned"][1] == "envelope-completed"
    assert ends["delegated"][0]["recipient-delegate"] == 1
    assert ends["delegated"][1] == "envelope-completed"
    declined = ends["signed-by-the-first-declined-by-the-second"]
    assert declined[0]["recipient-completed"] == declined[0]["recipient-declined"] == 1
    assert declined[1] == "envelope-declined"


@pytest.mark.parametrize("event", sorted(OF_ENVELOPES))
def test_every_event_of_an_envelope_has_a_story_whose_last_beat_causes_it(event: str) -> None:
    story = stories.story_for_event(event)
    told = events(played(story))
    assert event in told
    without_the_last = replace(story, beats=story.beats[:-1])
    before = events(played(without_the_last)) if story.beats else []
    assert event not in before


def test_an_event_is_found_in_any_spelling() -> None:
    assert stories.story_for_event("Completed").name == "envelope-completed"
    assert stories.story_for_event("recipientDeclined").name == "recipient-declined"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("click-agreed", "is no event of an envelope's or a template's life"),
        ("envelope-signed", "did you mean recipient-completed"),
        ("nonsense" * 100, "is no event"),
    ],
)
def test_an_event_that_no_life_causes_is_refused_with_those_there_are(
    event: str, said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said) as refused:
        stories.story_for_event(event)
    assert "envelope-completed, " in str(refused.value)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    ("event", "verbs"),
    [
        ("template-created", ["create"]),
        ("templateModified", ["create", "change"]),
        ("template-deleted", ["create", "delete"]),
    ],
)
def test_an_event_of_a_template_has_a_story_of_a_template(event: str, verbs: list[str]) -> None:
    story = stories.story_for_event(event)
    assert [one.verb for one in story.template_beats] == verbs
    (scene,) = scenes.scenes(story, count=1, seed=1, wishes=Wishes(fields=(("Dept", "HR"),)))
    assert scene.beats == ()
    assert scene.definition["name"].startswith("Agreement ")
    assert scene.definition["customFields"]["textCustomFields"][0]["value"] == "HR"
    assert [one["roleName"] for one in scene.definition["recipients"]["signers"]] == ["Signer 1"]


def test_a_template_is_not_played_in_memory() -> None:
    with pytest.raises(InvalidInputError, match="leave --url out"):
        played(stories.story_for_event("template-created"))


def test_a_story_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInputError, match="bounced-then-corrected, "):
        stories.story_named("happy")


def test_bulk_has_the_mix_and_the_totals_of_the_table() -> None:
    totals = Counter(events(played(stories.STORIES["bulk"], count=5_000)))
    assert totals == {
        "envelope-sent": 5_000,
        "recipient-sent": 5_000,
        "recipient-autoresponded": 40,
        "recipient-delivered": 4_960,
        "envelope-delivered": 4_960,
        "recipient-completed": 4_900,
        "envelope-completed": 4_900,
        "recipient-declined": 60,
        "envelope-declined": 60,
    }
    assert totals.total() == 29_880


@pytest.mark.parametrize("count", [1, 2, 49, 50, 99, 100, 101, 4_999, 12_345])
def test_bulk_keeps_its_proportions_for_any_count(count: int) -> None:
    parts = [number for number, _ in stories.beats_of(stories.STORIES["bulk"], count)]
    assert sum(parts) == count
    for number, weight in zip(parts, (4_900, 60, 40), strict=True):
        assert abs(number - count * weight / 5_000) < 1


def test_the_same_seed_plays_the_same_again_and_another_does_not() -> None:
    story = stories.STORIES["bulk"]
    first, again = played(story, count=20, seed=3), played(story, count=20, seed=3)
    assert first == again
    other = played(story, count=20, seed=4)
    assert {one.envelope_id for one in first}.isdisjoint(one.envelope_id for one in other)
    assert len({one.envelope_id for one in first}) == 20


def test_fields_and_an_event_notification_are_on_every_envelope() -> None:
    wishes = Wishes(fields=(("Integration", "ERP"),), event_notification={"url": "https://x.y/"})
    made = list(scenes.scenes(stories.STORIES["completed"], count=2, seed=1, wishes=wishes))
    for scene in made:
        assert scene.definition["customFields"]["textCustomFields"][0]["name"] == "Integration"
        assert scene.definition["eventNotification"] == {"url": "https://x.y/"}


def test_a_message_carries_what_was_asked_for_and_the_moments_of_the_story() -> None:
    told = [json.loads(one.body) for one in played(stories.STORIES["expired"])]
    created, ended = told[0]["generatedDateTime"], told[-1]["generatedDateTime"]
    assert ended.startswith("2026-03-02T09:00:00.0000000Z")
    assert created.startswith("2025-11-02T")
    summary = told[-1]["data"]["envelopeSummary"]
    assert summary["status"] == "voided"
    assert "recipients" in summary
    assert "customFields" not in summary
    assert told[-1]["configurationId"] > 0
