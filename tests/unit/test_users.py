"""Associated users: by id, by e-mail, by group, and what an unknown sender means."""

from typing import Any

import pytest
from tests.unit.routing_cast import A1, ALICE, DIRECTORY, EMAILS, U123, U567, notification, summary

from postroom.model import Account, Notification, Truth, User, UserCondition
from postroom.routing.content import Content
from postroom.routing.users import CompiledUsers, Directory

YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN
STRANGER = "5f0c1f3e-0000-4000-8000-000000000999"


def compiled(condition: UserCondition, users: tuple[User, ...] = DIRECTORY) -> CompiledUsers:
    return CompiledUsers(condition, Directory(Account(id=A1, users=users)))


def decide(
    received: Notification, users: tuple[User, ...] = DIRECTORY, **condition: tuple[str, ...]
) -> tuple[Truth, Truth]:
    """Return what `only` and `except` say of the sender."""
    content = Content(received)
    return (
        compiled(UserCondition(kind="only", **condition), users).decide(content),
        compiled(UserCondition(kind="except", **condition), users).decide(content),
    )


def sent_by(sender_id: str | None, email: str | None = None) -> Notification:
    carried = None if email is None else summary(sender={"email": email})
    return notification(carried, sender_id=sender_id)


@pytest.mark.parametrize(
    ("condition", "sender_id", "expected"),
    [
        ({"ids": (U123,)}, U123, (YES, NO)),
        ({"ids": (U123.upper(),)}, U123, (YES, NO)),
        ({"ids": (U123,)}, U567, (NO, YES)),
        ({"emails": (EMAILS[U123],)}, U123, (YES, NO)),
        ({"emails": (EMAILS[U123].upper(),)}, U123, (YES, NO)),
        ({"emails": (EMAILS[U123],)}, U567, (NO, YES)),
        ({"groups": ("integrations",)}, U567, (YES, NO)),
        ({"groups": ("integrations",)}, ALICE, (NO, YES)),
        ({"groups": ("integrations",)}, STRANGER, (NO, YES)),
        ({"ids": (ALICE,), "groups": ("erp",)}, ALICE, (YES, NO)),
        ({}, U123, (NO, YES)),
    ],
)
def test_a_known_sender_is_decided_by_id(
    condition: dict[str, Any], sender_id: str, expected: tuple[Truth, Truth]
) -> None:
    assert decide(sent_by(sender_id), **condition) == expected


def test_an_unknown_sender_is_unknown_to_both_kinds() -> None:
    assert decide(sent_by(None), ids=(U123,)) == (UNKNOWN, UNKNOWN)
    assert decide(sent_by(None), groups=("erp",)) == (UNKNOWN, UNKNOWN)


def test_an_email_outside_the_directory_is_compared_with_the_senders() -> None:
    wanted = ("new@example.com",)
    assert decide(sent_by(STRANGER, "NEW@example.com"), emails=wanted) == (YES, NO)
    assert decide(sent_by(STRANGER, "old@example.com"), emails=wanted) == (NO, YES)


def test_an_email_outside_the_directory_is_unknown_where_the_senders_is_not_carried() -> None:
    assert decide(sent_by(STRANGER), emails=("new@example.com",)) == (UNKNOWN, UNKNOWN)


def test_the_directory_knows_the_address_of_a_sender_whose_message_does_not_say() -> None:
    assert decide(sent_by(U123), emails=("new@example.com",)) == (NO, YES)


def test_a_sender_known_by_email_alone_is_found_in_the_directory() -> None:
    assert decide(sent_by(None, EMAILS[U123]), ids=(U123,)) == (YES, NO)
    assert decide(sent_by(None, "who@example.com"), ids=(U123,)) == (UNKNOWN, UNKNOWN)


def test_an_address_that_two_users_share_does_not_say_which_of_them_sent() -> None:
    shared = (User(id=U123, email="x@example.com"), User(id=U567, email="x@example.com"))
    assert decide(sent_by(None, "x@example.com"), shared, ids=(U123,)) == (UNKNOWN, UNKNOWN)
    assert decide(sent_by(U567), shared, emails=("x@example.com",)) == (YES, NO)


def test_group_members_without_an_id_are_known_by_email() -> None:
    users = (User(email="m@example.com", groups=("team",)),)
    assert decide(sent_by(STRANGER, "M@example.com"), users, groups=("team",)) == (YES, NO)
    assert decide(sent_by(STRANGER), users, groups=("team",)) == (UNKNOWN, UNKNOWN)


def test_a_group_nobody_is_in_is_undecided_rather_than_open() -> None:
    assert decide(sent_by(U123), groups=("typo",)) == (UNKNOWN, UNKNOWN)
    assert decide(sent_by(U123), groups=("typo", "erp")) == (UNKNOWN, UNKNOWN)
    assert decide(sent_by(U123), ids=(U123,), groups=("typo",)) == (YES, NO)


def test_a_finding_names_condition_and_sender() -> None:
    condition = UserCondition(kind="only", ids=(U123,), groups=("erp",))
    finding = compiled(condition).finding(Content(sent_by(ALICE)))
    assert finding.truth is NO
    assert finding.condition == "only users svc-salesforce@example.com, group erp"
    assert finding.seen == f"a@example.com {ALICE}"


def test_an_undecided_finding_says_what_is_missing() -> None:
    typo = UserCondition(kind="except", groups=("typo",))
    assert "group typo" in (compiled(typo).finding(Content(sent_by(U123))).hint or "")
    by_email = UserCondition(kind="only", emails=("new@example.com",))
    hint = compiled(by_email).finding(Content(sent_by(STRANGER))).hint
    assert "no envelopeSummary" in (hint or "")
