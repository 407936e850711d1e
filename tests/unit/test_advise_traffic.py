"""The listeners that are there as facts: nothing that they ask for is lost by taking advice."""

import pytest
from tests.unit.advice_cast import NOBODY, options
from tests.unit.routing_cast import U123, U567, listener, only, registry

from postroom.errors import InvalidInputError
from postroom.model import Json, Listener, UserCondition
from postroom.operations.advising import files as written
from postroom.operations.advising import traffic
from postroom.routing.advising import advice, wording

ERP: Json = {"customFields.Integration": "ERP"}
LIVE: Json = {"customFields.Env": "live"}


def advised(*listeners: Listener) -> tuple[dict[str, tuple[int, ...]], dict[str, Json]]:
    """Return each listener's options, and each as it is written."""
    there = registry(*listeners, environment_field="Env")
    told = traffic.told_by(there)
    placed = advice.place(told.facts)
    files = written.write(placed, told.facts, told.key_envs, there)
    said = wording.tell(placed, told.facts)
    assert "accounts" not in files.connect, "what is there is left as it is"
    return options(said), {one["name"]: one for one in files.connect.get("listeners", ())}


def test_listeners_that_are_apart_already_stay_as_they_are() -> None:
    found, written = advised(
        listener("crm", users=only(U123)),
        listener("erp", users=only(U567), filter=ERP),
        listener("audit"),
    )
    assert found == {"crm": (4,), "erp": (4,), "audit": (2,)}
    assert written["crm"]["users"] == {"only": [U123]}
    assert "events" not in written["crm"], "every event stays every event"
    assert written["audit"].keys() == {"name", "account", "url"}


def test_a_filter_that_says_more_than_a_mark_stays_beside_what_is_advised() -> None:
    orders = ERP | {"envelope.emailSubject": {"startsWith": "PO"}}
    quotes = ERP | {"envelope.emailSubject": {"startsWith": "QU"}}
    found, written = advised(listener("a", filter=orders), listener("b", filter=quotes))
    assert found == {"a": (3,), "b": (3,)}
    assert [written[name]["filter"] for name in "ab"] == [orders, quotes]


def test_what_a_filter_says_already_is_narrowed_where_that_is_not_enough() -> None:
    some: Json = {"customFields.Integration": ["ERP", "CRM"]}
    found, written = advised(
        listener("a", filter=some, users=only(U123)), listener("b", filter=some, users=only(U567))
    )
    assert found == {"a": (4,), "b": (4,)}
    assert [written[name]["filter"] for name in "ab"] == [some, some]


def test_an_environment_stays_asked_for_once() -> None:
    both: Json = ERP | LIVE
    _, written = advised(
        listener("a", filter=both, environment="live"),
        listener("b", filter={"customFields.Integration": "CRM"} | LIVE, environment="live"),
    )
    assert (written["a"]["filter"], written["a"]["environment"]) == (both, "live")


def test_users_left_out_stay_left_out() -> None:
    but = UserCondition(kind="except", ids=(U123,))
    _, written = advised(listener("a", users=but, filter=ERP), listener("b", users=only(U123)))
    assert written["a"]["users"] == {"except": [U123]}


def test_shadows_and_listeners_that_are_off_are_not_asked_about() -> None:
    found, _ = advised(
        listener("a", users=only(U123)),
        listener("off", is_active=False),
        listener("shadow", mode="shadow"),
    )
    assert found == {"a": (4,)}


def test_where_texts_are_compared_loosely_all_are() -> None:
    _, written = advised(
        listener("a", filter=ERP, comparison="loose"),
        listener("b", filter={"customFields.Integration": "CRM"}),
    )
    assert {one["comparison"] for one in written.values()} == {"loose"}


def test_more_listeners_than_can_be_advised_about_are_refused() -> None:
    many = registry(*(listener(f"l{number}") for number in range(101)))
    with pytest.raises(InvalidInputError, match="more than 100 listeners"):
        traffic.told_by(many)
    with pytest.raises(InvalidInputError, match="no listeners"):
        traffic.told_by(NOBODY)
