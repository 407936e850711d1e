"""A shadow on the road, and the report on it: from a document to the sentence."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, A2
from tests.contract.wire import answers, ok, server
from tests.flow.gatehouse import START, Gatehouse, eventually
from tests.flow.registry_office import MINUTE, T0, RegistryOffice, listener, registry_office

from postroom.clock import SECOND
from postroom.errors import ConflictError, InvalidInputError, NotFoundError
from postroom.model import DeliveryState
from postroom.operations import deliveries, health, held, listeners, notifications
from postroom.operations.document import InvalidDocumentError
from postroom.operations.explain import explain
from postroom.operations.replay import Wanted, replay
from postroom.operations.shadow import Progress, report_shadow
from postroom.operations.shadow_report import ShadowReport
from postroom.operations.views import moment
from postroom.storage.port import DeliveryQuery, RemoveListener

ERP = {"customFields.Integration": "ERP"}
ANY_CASE = {"customFields.Integration": {"equalsIgnoreCase": "erp"}}
SHADOWED, DELIVERED, DUE = DeliveryState.SHADOWED, DeliveryState.DELIVERED, DeliveryState.DUE


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RegistryOffice]:
    async with registry_office(tmp_path) as one:
        yield one


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Gatehouse]:
    one = Gatehouse(tmp_path)
    await one.open()
    yield one
    await one.close()


def shadow(name: str, **more: Any) -> dict[str, Any]:
    return listener(name, mode="shadow", **more)


async def report(desk: RegistryOffice, against: str | None = "erp", **more: Any) -> ShadowReport:
    return await report_shadow(desk.store, "erp-2", against=against, now=desk.now, **more)


# --- on the road ------------------------------------------------------------------------------


async def test_a_shadow_is_sent_nothing_beside_a_live_listener(house: Gatehouse) -> None:
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok(), seen=seen)) as port:
        await house.listen("erp", port)
        await house.listen("erp-2", port, mode="shadow")
        for number in range(3):
            await house.take(number, "envelope-completed")
        await house.until(lambda states: states.count(DELIVERED) == 3)
    assert sorted(await house.states()) == [DELIVERED] * 3 + [SHADOWED] * 3
    assert {head.split()[1] for head, _ in seen} == {b"/erp"}


async def test_made_live_it_gets_what_comes_in_from_then_on(house: Gatehouse) -> None:
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok(), seen=seen)) as port:
        await house.listen("erp", port, mode="shadow")
        await house.take(1, "envelope-sent")
        assert await house.states() == [SHADOWED]
        await house.listen("erp", port)
        await house.take(1, "envelope-completed", at=START + SECOND)
        await house.until(lambda states: states == [SHADOWED, DELIVERED])
    assert len(seen) == 1


async def test_made_a_shadow_it_is_still_sent_what_it_was_owed(house: Gatehouse) -> None:
    async with server(answers(ok("500 No"), ok())) as port:
        await house.listen("erp", port, retry=(60.0,))
        await house.take(1, "envelope-sent")
        await eventually(lambda: house.store.attempts(1))
        await house.listen("erp", port, retry=(60.0,), mode="shadow")
        await house.take(1, "envelope-completed", at=START + SECOND)
        assert await house.states() == [DUE, SHADOWED]
        house.clock.advance_to(START + 70 * SECOND)
        await house.until(lambda states: states == [DELIVERED, SHADOWED])


# --- what people see --------------------------------------------------------------------------


async def test_a_shadow_is_in_no_list_but_that_of_deliveries(desk: RegistryOffice) -> None:
    await desk.apply(shadow("erp-2", filter=ERP, lane="write-back"))
    wanted = await desk.feed(1, Integration="ERP")
    await desk.feed(2, include=())

    fared = await health.health(desk.store)
    assert (fared.backlog, fared.owed, fared.held, fared.crossed, fared.failures) == (
        (),
        0,
        0,
        0,
        0,
    )
    assert (await held.list_held(desk.store)).items == ()
    assert (await deliveries.list_failures(desk.store)).items == ()
    assert len((await notifications.list_unclaimed(desk.store)).items) == 2
    listed = (await deliveries.list_deliveries(desk.store, states=("shadowed",))).items
    assert [one.listener for one in listed] == ["erp-2", "erp-2"]
    assert [bool(one.reason) for one in listed] == [True, False]
    assert listed[1].notification_id == wanted


async def test_the_mode_of_every_listener_is_shown(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"), shadow("erp-2"))
    found = (await listeners.list_listeners(desk.store)).items
    assert [(one.name, one.mode) for one in found] == [("erp", "live"), ("erp-2", "shadow")]


@pytest.mark.parametrize(
    "wrong", [{"url": "ftp://erp.example.com/"}, {"filter": {"envelope.x": {"like": "y"}}}]
)
async def test_a_shadow_is_checked_as_a_live_listener_is(
    desk: RegistryOffice, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidDocumentError):
        await desk.apply(shadow("erp-2", **wrong))


async def test_an_unknown_mode_is_refused(desk: RegistryOffice) -> None:
    with pytest.raises(InvalidDocumentError, match="mode"):
        await desk.apply(listener("erp", mode="shade"))


async def test_explain_says_what_the_shadow_would_get(desk: RegistryOffice) -> None:
    await desk.apply(shadow("erp-2", filter=ERP))

    async def said(notification: str) -> tuple[str, str]:
        (one,) = (await explain(desk.store, notification)).listeners
        return one.outcome, one.summary

    outcome, summary = await said(await desk.feed(1, Integration="ERP"))
    assert outcome == "shadowed"
    assert "would be delivered (shadow)" in summary
    outcome, summary = await said(await desk.feed(2, include=()))
    assert outcome == "shadowed"
    assert "would be held (shadow)" in summary
    assert "customFields.Integration" in summary
    outcome, _ = await said(await desk.feed(3, Integration="HR"))
    assert outcome == "not_wanted"


async def test_a_shadow_is_replayed_nothing(desk: RegistryOffice) -> None:
    async def again(**wanted: Any) -> int:
        asked = Wanted(**wanted)
        return (await replay(desk.store, asked, now=desk.now, actor="grace")).queued

    await desk.apply(listener("erp"), listener("erp-2"))
    await desk.feed(1)
    await desk.deliver("erp")
    await desk.deliver("erp-2")
    await desk.apply(shadow("erp-2"))
    await desk.feed(2)
    rows = await desk.store.deliveries(DeliveryQuery(oldest_first=True))
    delivered, shadowed = rows[1], rows[3]
    assert (delivered.state, shadowed.state) == (DELIVERED, SHADOWED)

    with pytest.raises(ConflictError, match="decided for a shadow"):
        await again(delivery=shadowed.id)
    with pytest.raises(ConflictError, match="is a shadow, to which nothing is sent"):
        await again(delivery=delivered.id)
    with pytest.raises(ConflictError, match="erp-2 is a shadow"):
        await again(listener="erp-2")
    with pytest.raises(InvalidInputError, match="only what has ended"):
        await again(listener="erp", states=("shadowed",))
    assert await again(envelope=delivered.envelope_id) == 1


# --- the report -------------------------------------------------------------------------------


async def test_it_says_what_the_shadow_would_have_got_and_why_the_live_one_did_not(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("erp", filter=ERP), shadow("erp-2", filter=ANY_CASE))
    for number, value in enumerate(("ERP", "ERP", "Erp", "HR"), start=1):
        await desk.feed(number, Integration=value)

    found = await report(desk)

    assert found.verdict == (
        "In 3 minutes and 4 notifications, erp-2 would have got what erp got, and 1 more."
    )
    assert (found.both.count, found.only_shadow.count, found.only_live.count) == (2, 1, 0)
    (example,) = found.only_shadow.examples
    assert example.why == (
        'erp: not wanted: custom field Integration was "Erp" (case differs), wanted "ERP"'
    )
    assert (found.counted_from, found.counted_until) == (moment(T0 + MINUTE), moment(desk.now))


async def test_it_says_why_the_shadow_would_not_have_got_it(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"), shadow("erp-2", events=["envelope-completed"]))
    await desk.feed(1)
    await desk.feed(2, "envelope-declined")
    found = await report(desk)
    assert (found.both.count, found.only_live.count) == (1, 1)
    (example,) = found.only_live.examples
    assert example.event == "envelope-declined"
    assert example.why == (
        "erp-2: not wanted: the event is envelope-declined, wanted envelope-completed"
    )


async def test_what_either_cannot_decide_is_told_apart(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", filter=ERP), shadow("erp-2"), shadow("erp-3", filter=ERP))
    await desk.feed(1, include=())
    found = await report(desk)
    assert found.open_at_live.count == 1
    assert found.open_at_live.examples[0].why.startswith("held: undecided")
    third = await report_shadow(desk.store, "erp-3", against="erp-2", now=desk.now)
    assert third.held_by_shadow.count == 1
    assert "customFields.Integration" in third.held_by_shadow.examples[0].why


async def test_a_live_listener_that_yielded_is_said_to(desk: RegistryOffice) -> None:
    lanes = [{"name": "write-back", "account": A1, "prefer": ["sf"]}]
    both = [listener(name, lane="write-back") for name in ("erp", "sf")]
    await desk.apply(*both, shadow("erp-2", lane="write-back"), lanes=lanes)
    await desk.feed(1)
    (example,) = (await report(desk)).only_shadow.examples
    assert example.why == "erp: wanted, but yielded to sf in lane write-back"


async def test_a_live_listener_that_was_not_there_is_said_to(desk: RegistryOffice) -> None:
    await desk.apply(shadow("erp-2"))
    await desk.feed(1)
    await desk.apply(listener("erp"))
    (example,) = (await report(desk)).only_shadow.examples
    assert example.why == "erp: it was not there then"


async def test_without_its_message_the_reason_is_said_to_be_past_retention(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("erp", filter=ERP), shadow("erp-2"))
    await desk.feed(1, Integration="HR")
    assert await desk.store.forget_bodies(desk.now + 1, 10) == 1
    (example,) = (await report(desk)).only_shadow.examples
    assert "past retention" in example.why


async def test_a_replay_of_the_live_one_counts_once(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"), shadow("erp-2"))
    await desk.feed(1)
    await desk.deliver("erp")
    await replay(desk.store, Wanted(listener="erp"), now=desk.now, actor="grace")
    found = await report(desk)
    assert (found.notifications, found.both.count) == (1, 1)


async def test_it_begins_when_the_shadow_came_to_want_what_it_wants(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", filter=ERP))
    await desk.feed(1, Integration="ERP")
    await desk.apply(shadow("erp-2", filter={"customFields.Integration": "Epr"}))
    await desk.feed(2, Integration="ERP")
    await desk.apply(shadow("erp-2", filter=ERP))
    await desk.feed(3, Integration="ERP")
    await desk.apply(shadow("erp-2", filter=ERP, url="https://elsewhere.example.com/"))
    await desk.feed(4, Integration="ERP")

    found = await report(desk)
    assert (found.notifications, found.both.count, found.only_live.count) == (2, 2, 0)
    whole = await report(desk, received_from=moment(T0))
    assert (whole.notifications, whole.both.count, whole.only_live.count) == (3, 2, 1)
    some = await report(desk, received_from=moment(T0), received_until=moment(T0 + 3 * MINUTE))
    assert (some.notifications, some.only_live.count) == (1, 1)
    assert some.counted_until == moment(T0 + 3 * MINUTE)


async def test_the_time_as_a_shadow_can_be_looked_at_once_it_is_live(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"), shadow("erp-2"))
    await desk.feed(1)
    await desk.apply(listener("erp-2"))
    await desk.feed(2)
    found = await report(desk)
    assert (found.notifications, found.both.count) == (1, 1)


async def test_a_shadow_taken_away_meanwhile_begins_anew(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"), shadow("erp-2"))
    await desk.feed(1)
    gone = RemoveListener(account_id=A1, name="erp-2")
    await desk.store.change([gone], (await desk.store.audit_log(after=None, limit=1))[0][1])
    await desk.feed(2)
    await desk.apply(shadow("erp-2"))
    await desk.feed(3)
    assert (await report(desk, received_from=moment(T0))).notifications == 1


async def test_without_a_listener_to_compare_with_it_counts_what_it_would_get(
    desk: RegistryOffice,
) -> None:
    await desk.apply(shadow("erp-2", filter=ERP))
    await desk.feed(1, Integration="ERP")
    await desk.feed(2, Integration="HR")
    found = await report(desk, against=None)
    assert found.only_shadow.count == 1
    assert found.verdict == "In 1 minute and 2 notifications, erp-2 would have got 1."


async def test_another_accounts_traffic_and_listeners_are_out_of_it(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"), shadow("erp-2"), listener("uk", account=A2))
    with pytest.raises(NotFoundError, match="'uk'"):
        await report(desk, "uk")


async def test_what_cannot_be_compared_is_said(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"), shadow("erp-2"))
    with pytest.raises(InvalidInputError, match="erp has never been a shadow"):
        await report_shadow(desk.store, "erp", against="erp-2", now=desk.now)
    with pytest.raises(InvalidInputError, match="another listener"):
        await report(desk, "erp-2")
    with pytest.raises(InvalidInputError, match="examples"):
        await report(desk, examples=101)
    assert "Nothing came in" in (await report(desk)).verdict


async def test_a_long_report_tells_how_far_it_is_and_keeps_few_examples(
    desk: RegistryOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postroom.operations.shadow.PAGE", 4)
    await desk.apply(listener("erp", filter=ERP), shadow("erp-2"))
    fed = [await desk.feed(number, Integration="HR") for number in range(1, 11)]
    heard: list[Progress] = []
    found = await report(desk, examples=2, told=heard.append)
    assert [(one.looked_at, one.differing) for one in heard] == [(4, 4), (8, 8), (10, 10)]
    assert found.only_shadow.count == 10
    assert [one.notification_id for one in found.only_shadow.examples] == fed[-2:]
