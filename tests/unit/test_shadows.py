"""Shadows in routing: decided like any listener, and bearing on nobody."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.routing_cast import listener, notification, only, registry, states, with_fields

from postroom.model import Lane, Listener, Match, Notification, OwedState, Registry, Routing
from postroom.routing import states as routing_states
from postroom.routing.explaining.explanation import explain
from postroom.routing.match import Router
from postroom.storage.port import Recording

ERP = {"customFields.Integration": "ERP"}
DUE, HELD, CROSSED = OwedState.DUE, OwedState.HELD, OwedState.CROSSED
SHADOWED = OwedState.SHADOWED
A_LANE = Lane(account_id="a1000000-0000-4000-8000-000000000001", name="write-back")


def shadow(name: str, **keys: Any) -> Listener:
    return listener(name, mode="shadow", **keys)


def match_of(known: Registry, received: Notification, name: str) -> Match:
    matches = Router(known).match(received).matches
    return next(one for one in matches if known.listeners[one.listener_id].name == name)


def test_a_shadow_that_wants_a_notification_is_owed_it_as_a_shadow() -> None:
    known = registry(listener("erp", filter=ERP), shadow("erp-2", filter=ERP))
    assert states(known, with_fields({"Integration": "ERP"})) == {"erp": DUE, "erp-2": SHADOWED}
    assert states(known, with_fields({"Integration": "HR"})) == {}


def test_a_shadow_claims_nothing() -> None:
    known = registry(shadow("erp-2"))
    routing = Router(known).match(notification())
    assert [one.state for one in routing.matches] == [SHADOWED]
    assert routing.is_unclaimed


@pytest.mark.parametrize("order", [("live", "shadow"), ("shadow", "live")])
def test_a_shadow_crosses_with_nobody_of_its_lane(order: tuple[str, str]) -> None:
    known = registry(*(listener(mode, mode=mode, lane="write-back") for mode in order))
    assert states(known, notification()) == {"live": DUE, "shadow": SHADOWED}


def test_two_shadows_of_one_lane_do_not_cross() -> None:
    known = registry(shadow("one", lane="write-back"), shadow("two", lane="write-back"))
    assert states(known, notification()) == {"one": SHADOWED, "two": SHADOWED}


def test_two_live_listeners_cross_beside_a_shadow_and_are_not_told_of_it() -> None:
    known = registry(
        listener("one", lane="write-back"),
        shadow("two", lane="write-back"),
        listener("three", lane="write-back"),
    )
    assert states(known, notification()) == {"one": CROSSED, "two": SHADOWED, "three": CROSSED}
    reason = match_of(known, notification(), "one").reason
    assert reason is not None
    assert "crossed with three in lane" in reason


def test_a_lane_that_prefers_a_shadow_gives_it_to_the_live_one() -> None:
    known = registry(
        listener("erp", lane="write-back"),
        shadow("erp-2", lane="write-back"),
        lanes=[replace(A_LANE, prefer=("erp-2", "erp"))],
    )
    assert states(known, notification()) == {"erp": DUE, "erp-2": SHADOWED}


def test_a_shadow_that_cannot_be_decided_says_why_and_lets_no_rival_wait() -> None:
    known = registry(
        listener("erp", lane="write-back"), shadow("erp-2", lane="write-back", filter=ERP)
    )
    assert states(known, notification()) == {"erp": DUE, "erp-2": SHADOWED}
    reason = match_of(known, notification(), "erp-2").reason
    assert reason is not None
    assert reason.startswith("undecided: customFields.Integration")
    assert match_of(known, with_fields({"Integration": "ERP"}), "erp-2").reason is None


def test_an_undecided_live_listener_does_not_let_a_shadow_wait() -> None:
    known = registry(
        listener("erp", lane="write-back", filter=ERP), shadow("erp-2", lane="write-back")
    )
    assert match_of(known, notification(), "erp").state is HELD
    assert match_of(known, notification(), "erp-2").reason is None


def test_the_explanation_of_a_shadow_says_what_it_would_get() -> None:
    known = registry(
        listener("erp", lane="write-back"), shadow("erp-2", lane="write-back", filter=ERP)
    )

    def outcome(name: str, received: Notification) -> str:
        one = next(one for one in known.listeners.values() if one.name == name)
        return explain(known, one, received).outcome

    received = with_fields({"Integration": "ERP"})
    assert outcome("erp-2", received) == "would be delivered (shadow)"
    assert outcome("erp", received) == "matched"
    assert outcome("erp-2", notification()).startswith("would be held (shadow): undecided: ")
    assert outcome("erp-2", with_fields({"Integration": "HR"})).startswith("not wanted")


def test_a_live_listener_that_yields_yields_to_no_shadow() -> None:
    known = registry(
        shadow("aaa", lane="write-back"),
        listener("erp", lane="write-back"),
        listener("sf", lane="write-back", users=only("5f0c1f3e-0000-4000-8000-000000000123")),
        lanes=[replace(A_LANE, prefer=("sf",))],
    )
    erp = next(one for one in known.listeners.values() if one.name == "erp")
    assert explain(known, erp, notification()).outcome == (
        "wanted, but yielded to sf in lane write-back"
    )


def test_a_shadow_of_states_is_told_every_event_of_an_action() -> None:
    known = registry(shadow("states", format="xml"), listener("told", format="xml"))
    events = [notification(event=event) for event in ("recipient-completed", "envelope-completed")]
    recordings = [recording(one, Router(known).match(one)) for one in events]
    merged = routing_states.merged(recordings, known.listeners, routing_states.OF_STATES)
    fates = [
        {known.listeners[match.listener_id].name: match.state for match in one.matches}
        for one in merged
    ]
    assert fates == [
        {"told": OwedState.MERGED, "states": SHADOWED},
        {"told": DUE, "states": SHADOWED},
    ]


def recording(one: Notification, routing: Routing) -> Recording:
    return Recording(
        notification=one,
        matches=routing.matches,
        is_unclaimed=routing.is_unclaimed,
        registry_revision=1,
        token=1,
        leased_until=0,
    )
