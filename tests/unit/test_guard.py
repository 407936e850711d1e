"""A listener of one environment is refused a filter that lets another's envelopes through."""

from typing import Any

import pytest
from tests.unit.routing_cast import A1, listener

from postroom.model import Account
from postroom.routing import guard

GUARDED = Account(id=A1, environment_field="Env")
ENV = "customFields.Env"


@pytest.mark.parametrize(
    "filter_",
    [
        {ENV: "staging"},
        {ENV: ["staging"]},
        {ENV: {"in": ["staging"], "startsWith": "s"}},
        {"customFields.X": "y", "all": [{ENV: "staging"}]},
        {ENV: {"equals": "staging"}, "any": [{"event": "x"}, {ENV: "prod"}]},
    ],
)
def test_a_filter_that_insists_on_its_environment_is_accepted(filter_: Any) -> None:
    assert guard.check(GUARDED, listener("STG", environment="staging", filter=filter_)) is None


@pytest.mark.parametrize(
    "filter_",
    [
        None,
        {ENV: "prod"},
        {ENV: "Staging"},
        {ENV: ["staging", "prod"]},
        {ENV: {"startsWith": "staging"}},
        {ENV: {"not": "prod"}},
        {"any": [{ENV: "staging"}, {"customFields.X": "y"}]},
        {"not": {ENV: "staging"}},
        {"envelope.status": "staging"},
        {"customFields.env": "staging"},
    ],
)
def test_any_other_filter_is_refused_with_the_remedy(filter_: Any) -> None:
    complaint = guard.check(GUARDED, listener("STG", environment="staging", filter=filter_))
    assert complaint is not None
    assert "listener STG is for staging" in complaint
    assert "add `customFields.Env: staging`" in complaint


def test_the_refusal_names_the_environment_the_filter_asks_for() -> None:
    stray = listener("STG", environment="staging", filter={ENV: "prod"})
    assert 'asks for Env "prod"' in (guard.check(GUARDED, stray) or "")


def test_without_a_field_or_an_environment_there_is_nothing_to_guard() -> None:
    assert guard.check(Account(id=A1), listener("STG", environment="staging")) is None
    assert guard.check(GUARDED, listener("STG")) is None
