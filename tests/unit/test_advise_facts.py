"""The file of facts: what may stand in it; whatever else does is refused with its place."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.advice_cast import A1, A2, MAIN, document, field, integration

from postroom.errors import InvalidInputError
from postroom.model import Json
from postroom.operations.advising import facts
from postroom.operations.document import InvalidDocumentError
from postroom.routing.advising.facts import EVENTS


def problems(said: Json) -> dict[tuple[str | int, ...], str]:
    with pytest.raises(InvalidDocumentError) as refused:
        facts.read(said)
    return {one.path: one.message for one in refused.value.problems}


def one(**more: Any) -> Json:
    return document(integration("erp") | more)


def test_what_is_not_told_has_the_usual_answer() -> None:
    told = facts.read(one())
    [erp] = told.facts.integrations
    assert (erp.events, erp.account_id, erp.senders.are_named) == (EVENTS, A1, False)
    assert (told.facts.has_postroom, told.facts.can_add_account) == (True, False)
    assert told.key_envs == {A1: "MAIN_CONNECT_KEY", A2: "SUB_CONNECT_KEY"}


def test_senders_are_ids_addresses_and_groups() -> None:
    told = facts.read(one(senders=["ERP@example.com", A1.upper(), "services"]))
    [erp] = told.facts.integrations
    assert (erp.senders.emails, erp.senders.ids) == (("erp@example.com",), (A1,))
    assert (erp.senders.groups, erp.senders.are_only_for_it) == (("services",), True)


def test_events_are_taken_in_any_spelling() -> None:
    [erp] = facts.read(one(events=["Completed", "envelope-sent"])).facts.integrations
    assert erp.events == ("envelope-completed", "envelope-sent")


@pytest.mark.parametrize(
    ("said", "path", "remedy"),
    [
        ([], (), "start with"),
        ({"accounts": [MAIN]}, ("integrations",), "required"),
        ({"accounts": [], "integrations": []}, ("accounts",), "at least one"),
        (one(events=[]), ("integrations", 0, "events"), "at least one"),
        (one(senders=[]), ("integrations", 0, "senders"), "at least one"),
        (one(senders=7), ("integrations", 0, "senders"), "or everyday"),
        (one(senders=["servces"]), ("integrations", 0, "senders", 0), "did you mean services"),
        (one(events=["envelope-complete"]), ("integrations", 0, "events", 0), "envelope-completed"),
        (one(evnts=[]), ("integrations", 0, "evnts"), "did you mean events"),
        (one(url="ftp://x"), ("integrations", 0, "url"), "http"),
        (one(account="Nobody"), ("integrations", 0, "account"), "no such account"),
        (one(account="Sub", environment="x"), ("integrations", 0, "environment"), "field"),
        (one(name="a/b"), ("integrations", 0, "name"), "slash"),
        (one(strict="perhaps"), ("integrations", 0, "strict"), "true or false"),
        (one(field={"name": "X"}), ("integrations", 0, "field", "value"), "required"),
        (one(field=field("x", name=" ")), ("integrations", 0, "field", "name"), "a name"),
        (document(integration("a"), integration("A")), ("integrations", 1, "name"), "already"),
        (document(integration("a"), accounts=(MAIN, MAIN)), ("accounts", 1, "id"), "twice"),
        (document(integration("a"), accounts=({"id": "1"},)), ("accounts", 0, "id"), "GUID"),
        (
            document(integration("a"), accounts=({"id": A1, "users": [{}]},)),
            ("accounts", 0, "users", 0),
            "id, email",
        ),
        (
            document(integration("a"), accounts=({"id": A1, "parent": A2},)),
            ("accounts", 0, "parent"),
            "another account",
        ),
        (
            document(integration("a"), accounts=({"id": A1, "key_env": "1 2"},)),
            ("accounts", 0, "key_env"),
            "environment variable",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_its_place(
    said: Json, path: tuple[str | int, ...], remedy: str
) -> None:
    found = problems(said)
    assert remedy in found.get(path, ""), found


def test_every_problem_is_told_at_once() -> None:
    said = document(integration("a", account="X", url="y"), integration("a"))
    assert len(problems(said)) == 3


def test_no_message_repeats_what_was_written() -> None:
    said = document(integration("a", strict="hunter2", url="hunter2://x", evnts="hunter2"))
    assert not any("hunter2" in message for message in problems(said).values())


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("id", "name", "url", "users", "senders", "field", "value", "set", "email")
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(anything | st.fixed_dictionaries({"accounts": anything, "integrations": anything}))
def test_whatever_stands_there_is_read_or_refused(said: Json) -> None:
    with contextlib.suppress(InvalidInputError):
        facts.read(said)


@given(st.dictionaries(st.sampled_from(sorted(integration("x"))) | st.text(max_size=9), anything))
def test_whatever_is_told_of_an_integration_is_read_or_refused(more: dict[str, Json]) -> None:
    with contextlib.suppress(InvalidInputError):
        facts.read(one(**more))
