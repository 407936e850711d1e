"""Why a listener got nothing since a moment."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, A2, U123
from tests.flow.registry_office import (
    GIVEN_UP,
    MINUTE,
    T0,
    RegistryOffice,
    listener,
    registry_office,
)

from postroom.clock import SECOND
from postroom.errors import InvalidInputError, NotFoundError
from postroom.operations.explain_silence import Progress, Silence, explain_silence
from postroom.operations.listeners import pause_listener
from postroom.operations.views import moment
from postroom.storage.port import Rejection

ERP = {"customFields.Integration": "ERP"}
START = moment(T0 - SECOND)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RegistryOffice]:
    async with registry_office(tmp_path) as one:
        yield one


async def silence(desk: RegistryOffice, name: str = "erp", **more: Any) -> Silence:
    given: dict[str, Any] = {"since": START, "now": desk.now + MINUTE} | more
    return await explain_silence(desk.store, name, **given)


async def test_what_it_was_not_owed_is_counted_by_the_first_condition_against(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("erp", filter=ERP, events=["completed"]))
    for number in range(10, 14):
        await desk.feed(number, "envelope-sent", Integration="ERP")
    await desk.feed(3, Integration="erp ")
    await desk.feed(4, Integration="erp ")
    await desk.feed(5, Integration="HR")
    newest = await desk.feed(6, Integration="ERP")
    await desk.deliver("erp")
    found = await silence(desk)
    assert [(one.kind, one.count) for one in found.reasons] == [("event", 4), ("content", 3)]
    assert [(one.what, one.count) for one in found.owed] == [("delivered", 1)]
    assert (found.looked_at, found.not_owed, found.is_cut) == (8, 7, False)
    (near,) = found.near_misses
    assert (near.seen, near.wanted, near.count) == ("erp ", "ERP", 2)
    assert found.verdict == (
        f"Of 8 notifications since {START}, erp had 1 delivered; 7 not owed: "
        "4 by event (envelope-sent 4), 3 by content (customFields.Integration 3); "
        'near miss "erp " (2 times).'
    )
    assert found.reasons[1].example.notification_id != newest
    assert found.reasons[1].example.why == 'custom field Integration was "HR", wanted "ERP"'


async def test_senders_and_missing_data_are_counted_too(desk: RegistryOffice) -> None:
    await desk.apply(listener("mine", users={"only": [U123.email]}), listener("erp", filter=ERP))
    await desk.feed(1, include=())
    mine = await silence(desk, "mine")
    (reason,) = mine.reasons
    assert (reason.kind, reason.parts[0].what) == ("sender", "alice@example.com")
    erp = await silence(desk)
    assert [(one.what, one.count) for one in erp.owed] == [("held", 1)]
    assert any("postroom held" in one for one in erp.circumstances)


async def test_each_is_decided_by_the_revision_then_in_force(desk: RegistryOffice) -> None:
    await desk.apply(listener("other"))
    await desk.feed(1)
    await desk.apply(listener("erp", filter=ERP))
    await desk.feed(2)
    desk.now += MINUTE
    await desk.apply(listener("erp"))
    await desk.feed(3)
    found = await silence(desk)
    assert {one.kind: one.count for one in found.reasons} == {"absent": 1, "content": 1}
    assert [one.first_decided_at is not None for one in found.revisions] == [True, True]
    changes = [one for one in found.circumstances if one.startswith("it was ")]
    assert [one.split(" at ")[0] for one in changes] == ["it was changed", "it was added"]


async def test_a_paused_listener_says_since_when_and_how_to_resume(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"))
    await pause_listener(desk.store, "erp", now=desk.now, actor="grace")
    await desk.feed(1)
    told = (await silence(desk)).circumstances
    assert told[0].startswith(f"it is paused since {moment(T0)}")
    assert "postroom listeners resume erp" in told[0]
    assert any(one.startswith("on their way to it: 1") for one in told)
    assert any(one.startswith("it was paused at") and "grace" in one for one in told)


async def test_a_listener_that_is_down_says_how_the_last_try_went(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"))
    await desk.feed(1)
    await desk.deliver("erp", GIVEN_UP, status=503)
    (erp,) = (await desk.store.registry()).listeners.values()
    await desk.store.set_down(erp.id, desk.now, desk.now + MINUTE)
    told = (await silence(desk)).circumstances
    assert told[0].startswith(f"it is down since {moment(desk.now)}; the last try")
    assert "answered 503" in told[0]


async def test_a_shadow_says_that_nothing_is_ever_sent_to_it(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", mode="shadow"))
    (told, *_) = (await silence(desk, now=T0 + MINUTE)).circumstances
    assert told == "it is a shadow: what it wants is recorded and never sent"


async def test_no_traffic_at_all_is_told_with_the_last_that_came_and_the_door(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("erp"))
    never = await silence(desk)
    assert never.verdict == f"Nothing came for the account of erp since {START}."
    assert any("nothing has ever come" in one for one in never.circumstances)
    await desk.feed(1)
    last = moment(desk.now)
    since = desk.now + SECOND
    bad: dict[str, Any] = {"remote": "192.0.2.1", "reason": "no signature matches", "hint": None}
    await desk.store.reject(
        [
            Rejection(at=since - 2, account_id=A1, **bad),
            Rejection(at=since + 1, account_id=A1, **bad),
            Rejection(at=since + 2, account_id=A1, **bad),
            Rejection(at=since + 3, account_id=A2, **bad),
            Rejection(at=since + 4, account_id=None, **bad),
        ]
    )
    found = await silence(desk, since=moment(since), now=since + MINUTE)
    told = "\n".join(found.circumstances)
    assert f"the last notification came at {last}" in told
    assert "of the account: 2 (2 times: no signature matches)" in told
    assert "of an account that was not told: 1" in told


async def test_of_very_many_the_newest_are_looked_at_and_it_says_so(
    desk: RegistryOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postroom.operations.explain_silence.PAGE", 2)
    await desk.apply(listener("erp", events=["sent"]))
    for number in range(7):
        await desk.feed(number)
    heard: list[Progress] = []
    found = await silence(desk, most=3, told=heard.append)
    assert (found.looked_at, found.is_cut) == (3, True)
    assert found.oldest_looked_at == moment(T0 + 5 * MINUTE)
    assert "the newest 3 notifications" in found.verdict
    assert [one.looked_at for one in heard] == [2, 3]
    assert not (await silence(desk, most=7)).is_cut


async def test_without_its_body_a_notification_is_counted_as_past(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", filter=ERP))
    await desk.feed(1, Integration="HR")
    await desk.store.forget_bodies(desk.now + SECOND, 10)
    assert [(one.kind, one.count) for one in (await silence(desk)).reasons] == [("past", 1)]


async def test_of_another_account_nothing_is_counted(desk: RegistryOffice) -> None:
    await desk.apply(listener("uk", account=A2))
    await desk.feed(1)
    assert (await silence(desk, "uk")).looked_at == 0


async def test_a_moment_to_come_and_a_listener_that_is_not_there_are_refused(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("erp"))
    for since in ("2031-01-01", "yesterday", ""):
        with pytest.raises(InvalidInputError, match="since: "):
            await silence(desk, since=since)
    with pytest.raises(NotFoundError, match="postroom listeners"):
        await silence(desk, "nobody")
