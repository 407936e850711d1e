"""The report on a shadow: how two decisions compare, and what it comes to in one sentence."""

import pytest

from postroom.clock import SECOND
from postroom.model import DeliveryState
from postroom.operations.shadow_report import Kind, Tally, compare, verdict
from postroom.routing.states import TOLD_LATER
from postroom.storage.port import Compared

DAY = 86_400 * SECOND
SHADOWED, DELIVERED = DeliveryState.SHADOWED, DeliveryState.DELIVERED
WANTED, UNWANTED = (SHADOWED, None), (None, None)
GOT = (DELIVERED, None)

Owed = tuple[DeliveryState | None, str | None]


def row(*owed: Owed, number: int = 1) -> Compared:
    return Compared(
        sequence=number,
        notification_id=f"evt_{number:032x}",
        envelope_id=None,
        event="envelope-completed",
        received_at=number,
        registry_revision=1,
        states=tuple(state for state, _ in owed),
        reasons=tuple(reason for _, reason in owed),
    )


@pytest.mark.parametrize(
    ("shadow", "live", "kind"),
    [
        (WANTED, GOT, Kind.BOTH),
        (WANTED, (DeliveryState.DUE, None), Kind.BOTH),
        (WANTED, (DeliveryState.WAITING, None), Kind.BOTH),
        (WANTED, (DeliveryState.GIVEN_UP, "503 for too long"), Kind.BOTH),
        (WANTED, (DeliveryState.DISMISSED, TOLD_LATER), Kind.BOTH),
        (WANTED, WANTED, Kind.BOTH),
        (WANTED, UNWANTED, Kind.ONLY_SHADOW),
        (UNWANTED, GOT, Kind.ONLY_LIVE),
        (UNWANTED, UNWANTED, None),
        ((SHADOWED, "undecided"), GOT, Kind.HELD_BY_SHADOW),
        ((SHADOWED, "undecided"), UNWANTED, Kind.HELD_BY_SHADOW),
        (WANTED, (DeliveryState.HELD, "undecided"), Kind.OPEN_AT_LIVE),
        (WANTED, (DeliveryState.CROSSED, "crossed"), Kind.OPEN_AT_LIVE),
        (UNWANTED, (DeliveryState.DISMISSED, "by hand"), Kind.OPEN_AT_LIVE),
    ],
)
def test_two_decisions_compare_by_what_was_decided_not_by_what_became_of_it(
    shadow: Owed, live: Owed, kind: Kind | None
) -> None:
    assert compare(row(shadow, live)) == kind


def tally(**counts: int) -> Tally:
    """Return a tally of so many notifications of each kind; `neither` is of none."""
    made = Tally(0)
    owed = {
        "both": (WANTED, GOT),
        "more": (WANTED, UNWANTED),
        "missed": (UNWANTED, GOT),
        "held": ((SHADOWED, "undecided"), UNWANTED),
        "open": (WANTED, (DeliveryState.HELD, "undecided")),
        "neither": (UNWANTED, UNWANTED),
    }
    for name, count in counts.items():
        for _ in range(count):
            made.count(row(*owed[name]))
    return made


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"both": 3, "neither": 1197}, "what erp got, and nothing more"),
        ({"both": 3, "more": 12, "neither": 1185}, "what erp got, and 12 more"),
        ({"both": 3, "missed": 2, "neither": 1195}, "all but 2 of what erp got, and nothing more"),
        (
            {"both": 3, "missed": 2, "more": 1, "neither": 1194},
            "all but 2 of what erp got, and 1 more besides",
        ),
        ({"missed": 2, "neither": 1198}, "none of the 2 that erp got, and nothing more"),
        ({"more": 7, "neither": 1193}, "7, where erp got nothing"),
        ({"neither": 1200}, "nothing, where erp got nothing"),
        (
            {"both": 3, "held": 2, "open": 1, "neither": 1194},
            "what erp got, and nothing more; 2 it would have held; 1 still open at erp",
        ),
    ],
)
def test_the_verdict_says_in_one_sentence_what_it_comes_to(
    counts: dict[str, int], said: str
) -> None:
    assert verdict("erp-2", "erp", tally(**counts), lasted_us=3 * DAY + 5) == (
        f"In 3 days and 1,200 notifications, erp-2 would have got {said}."
    )


def test_without_a_listener_to_compare_with_it_says_what_the_shadow_would_have_got() -> None:
    made = Tally(0)
    for owed in (WANTED, WANTED, UNWANTED, (SHADOWED, "undecided")):
        made.count(row(owed))
    assert verdict("erp-2", None, made, lasted_us=90 * SECOND) == (
        "In 1 minute and 4 notifications, erp-2 would have got 2; 1 it would have held."
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "less than a minute"), (3600, "1 hour"), (7300, "2 hours"), (90_000, "1 day")],
)
def test_a_time_is_told_in_its_largest_unit(seconds: int, said: str) -> None:
    assert f"In {said} and 1 notification," in verdict(
        "erp-2", "erp", tally(both=1), lasted_us=seconds * SECOND
    )


def test_nothing_that_came_in_is_no_agreement() -> None:
    assert "would have got" not in verdict("erp-2", "erp", Tally(5), lasted_us=0)


def test_of_each_kind_the_newest_are_kept_and_all_are_counted() -> None:
    made = Tally(2)
    for number in range(1, 101):
        made.count(row(WANTED, GOT if number % 2 else UNWANTED, number=number))
    assert made.counts[Kind.BOTH] == made.counts[Kind.ONLY_SHADOW] == 50
    assert [one.sequence for one in made.newest[Kind.BOTH]] == [97, 99]
    assert [one.sequence for one in made.newest[Kind.ONLY_SHADOW]] == [98, 100]
    assert (made.first_at, made.last_at, made.differing) == (1, 100, 50)
