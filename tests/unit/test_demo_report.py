"""The demo is content only with exactly the arrivals of its story."""

from collections.abc import Sequence

import pytest

from postroom.cli.demo import story
from postroom.cli.demo.listeners import Arrival
from postroom.cli.demo.play import Sent
from postroom.cli.demo.report import Cell, Row, Tries, problems

UNCLAIMED = ("envelope-voided of “Draft of the sub-account, voided by Grace”",)
TRIES = tuple(
    Tries(
        listener=name,
        deliveries=2,
        attempts=2 + retries,
        retries=retries,
    )
    for name in story.LISTENERS
    for retries in [story.FAILURES if name == story.FLAKY else 0]
)


def rows(**wrong: tuple[str, ...]) -> list[Row]:
    """Make the story's rows; `wrong` is what listeners got of the first envelope instead."""
    return [
        Row(
            title=chapter.title,
            envelope_id=chapter.envelope.id,
            cells=tuple(
                Cell(
                    listener=name,
                    delivered=wrong.get(name, chapter.arrives.get(name, ()))
                    if number == 0
                    else chapter.arrives.get(name, ()),
                    expected=chapter.arrives.get(name, ()),
                    why_not=None,
                )
                for name in story.LISTENERS
            ),
        )
        for number, chapter in enumerate(story.chapters())
    ]


def arrival(*, event_id: str = "evt_1", is_genuine: bool = True) -> Arrival:
    return Arrival(
        listener="AAA",
        envelope_id=story.chapters()[0].envelope.id,
        event="envelope-sent",
        event_id=event_id,
        status=200,
        is_genuine=is_genuine,
    )


def sent(status: int) -> Sent:
    return Sent(chapter=story.chapters()[0], event="envelope-sent", body=b"{}", status=status)


def found(
    *,
    made: Sequence[Row] | None = None,
    tries: Sequence[Tries] = TRIES,
    unclaimed: Sequence[str] = UNCLAIMED,
    arrivals: Sequence[Arrival] = (),
    status: int = 200,
) -> str:
    answers = [sent(status)]
    return "\n".join(
        problems(rows() if made is None else made, tries, unclaimed, {"AAA": arrivals}, answers)
    )


def test_a_story_that_went_as_told_has_no_problem() -> None:
    assert found(arrivals=[arrival(), arrival()]) == ""


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"AAA": ("envelope-sent",)}, "AAA got ['envelope-sent'] of “Quote"),
        ({"AAA": ("envelope-completed", "envelope-sent")}, "AAA got"),
        ({"BBB": ("envelope-sent",)}, "BBB got ['envelope-sent'] of “Quote"),
        ({"audit": ()}, "audit got []"),
    ],
    ids=["missing", "out-of-order", "extra", "nothing"],
)
def test_a_wrong_arrival_is_named(wrong: dict[str, tuple[str, ...]], told: str) -> None:
    assert told in found(made=rows(**wrong))


def test_a_request_that_does_not_verify_is_named() -> None:
    assert "AAA got a request whose signatures" in found(arrivals=[arrival(is_genuine=False)])


def test_an_event_under_two_ids_is_named() -> None:
    assert "came under 2 ids" in found(arrivals=[arrival(), arrival(event_id="evt_2")])


def test_a_retry_too_few_is_named() -> None:
    untried = [Tries(listener="BBB", deliveries=2, attempts=2, retries=0)]
    assert "BBB was tried again 0 times instead of 2" in found(tries=untried)


def test_an_unclaimed_one_too_many_is_named() -> None:
    assert "unclaimed" in found(unclaimed=(*UNCLAIMED, "envelope-sent of “Quote”"))


def test_a_message_that_was_not_taken_is_named() -> None:
    assert "was answered 503" in found(status=503)
