"""Held, crossed, paused, keys: what a person decides, and what is refused in words."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from tests.acceptance.cast import A1, A2, KA1
from tests.flow.registry_office import (
    MINUTE,
    T0,
    RegistryOffice,
    listener,
    registry_office,
)

from postroom.errors import ConflictError, InvalidInputError, NotFoundError
from postroom.operations import accounts, crossed, deliveries, health, held, keys, listeners
from postroom.operations.views import moment

ERP = {"customFields.Integration": "ERP"}
RIVALS = (
    listener("erp", lane="write-back"),
    listener("crm", lane="write-back"),
    listener("archive"),
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RegistryOffice]:
    async with registry_office(tmp_path) as one:
        yield one


async def states(desk: RegistryOffice, notification: str) -> dict[str, str]:
    page = await deliveries.list_deliveries(desk.store, notification=notification)
    return {one.listener: one.state for one in page.items}


@pytest.mark.parametrize(("to", "becomes"), [("deliver", "due"), ("dismiss", "dismissed")])
async def test_held_ones_are_decided_one_by_one_or_all_at_once(
    desk: RegistryOffice, to: Literal["deliver", "dismiss"], becomes: str
) -> None:
    await desk.apply(listener("erp", filter=ERP))
    first, second, third = [await desk.feed(number, include=()) for number in (1, 2, 3)]
    assert len((await held.list_held(desk.store, listener="erp")).items) == 3
    one = await held.release_held(
        desk.store, listener="erp", notification=second, to=to, now=desk.now, actor="grace"
    )
    assert one.decided == 1
    assert [await states(desk, each) for each in (first, second, third)] == [
        {"erp": "held"},
        {"erp": becomes},
        {"erp": "held"},
    ]
    rest = await held.release_held(desk.store, listener="erp", to=to, now=desk.now, actor="grace")
    assert rest.decided == 2
    assert (await held.list_held(desk.store)).items == ()
    entry = (await health.list_audit(desk.store)).items[0]
    assert (entry.verb, entry.actor, entry.details["to"]) == ("release-held", "grace", to)


async def test_a_held_one_says_what_is_missing(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", filter=ERP))
    await desk.feed(1, include=())
    (one,) = (await held.list_held(desk.store)).items
    assert one.reason is not None
    assert "custom_fields" in one.reason


async def test_a_crossed_one_goes_to_the_one_chosen_and_not_to_its_rivals(
    desk: RegistryOffice,
) -> None:
    await desk.apply(*RIVALS)
    notification = await desk.feed(1)
    assert {one.listener for one in (await crossed.list_crossed(desk.store)).items} == {
        "erp",
        "crm",
    }
    done = await crossed.resolve_crossed(
        desk.store, notification, to="crm", now=desk.now, actor="grace"
    )
    assert done.decided == 2
    assert await states(desk, notification) == {
        "erp": "dismissed",
        "crm": "due",
        "archive": "due",
    }
    with pytest.raises(ConflictError, match="is not crossed"):
        await crossed.resolve_crossed(
            desk.store, notification, to="erp", now=desk.now, actor="grace"
        )


async def test_a_crossed_one_cannot_go_to_who_does_not_want_it(desk: RegistryOffice) -> None:
    await desk.apply(*RIVALS)
    notification = await desk.feed(1)
    with pytest.raises(InvalidInputError, match="choose among crm, erp"):
        await crossed.resolve_crossed(
            desk.store, notification, to="archive", now=desk.now, actor="grace"
        )


async def test_a_paused_listener_says_so_and_since_when_until_resumed(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("erp"))
    await desk.feed(1)
    paused = await listeners.pause_listener(desk.store, "erp", now=desk.now, actor="grace")
    assert (paused.state, paused.paused_at) == ("paused", moment(desk.now))
    assert (paused.backlog.due, paused.backlog.oldest_received_at) == (1, moment(desk.now))
    resumed = await listeners.resume_listener(desk.store, "erp", now=desk.now, actor="grace")
    assert (resumed.state, resumed.paused_at) == ("ok", None)


async def test_pausing_twice_keeps_the_moment_of_the_first(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"))
    await listeners.pause_listener(desk.store, "erp", now=T0, actor="grace")
    again = await listeners.pause_listener(desk.store, "erp", now=T0 + MINUTE, actor="grace")
    assert again.paused_at == moment(T0)


async def test_a_listener_that_is_down_says_since_when(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"))
    (one,) = (await desk.store.registry()).listeners
    await desk.store.set_down(one, T0, T0 + MINUTE)
    shown = await listeners.show_listener(desk.store, "erp")
    assert (shown.state, shown.down_since) == ("down", moment(T0))
    assert "erp is down" in (await health.health(desk.store)).attention[0]


async def test_a_listener_removed_leaves_its_deliveries_dismissed_and_listed(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("erp"))
    notification = await desk.feed(1)
    before = await listeners.remove_listener(desk.store, "erp", now=desk.now, actor="grace")
    assert before.backlog.due == 1
    assert (await listeners.list_listeners(desk.store)).items == ()
    (state,) = (await states(desk, notification)).items()
    assert state[0].startswith("(removed listener")
    assert state[1] == "dismissed"


async def test_a_listener_removed_takes_its_own_keys_out_of_use(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", keys=[{"text": "erp-own-key="}]), listener("crm"))
    await listeners.remove_listener(desk.store, "erp", now=desk.now, actor="grace")
    kept = {one.listener: one.retired_at for one in (await keys.list_keys(desk.store)).items}
    assert kept == {None: None, "erp": moment(desk.now)}


async def test_nothing_is_released_for_a_notification_there_is_not(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", filter=ERP))
    with pytest.raises(NotFoundError, match="postroom notifications"):
        await held.release_held(
            desk.store, listener="erp", notification="evt_none", now=desk.now, actor="grace"
        )


async def test_a_name_two_accounts_have_needs_the_account(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"), listener("erp", account=A2))
    with pytest.raises(InvalidInputError, match="give the account too"):
        await listeners.show_listener(desk.store, "erp")
    shown = await listeners.show_listener(desk.store, "erp", account="Acme UK")
    assert shown.account_id == A2


async def test_names_nobody_has_are_refused_with_the_list_to_look_at(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"))
    with pytest.raises(NotFoundError, match="postroom listeners"):
        await listeners.show_listener(desk.store, "crm")
    with pytest.raises(NotFoundError, match="postroom accounts"):
        await accounts.show_account(desk.store, "Nobody", now=desk.now)
    with pytest.raises(NotFoundError, match="postroom listeners"):
        await listeners.show_listener(desk.store, "erp", account=A2)


async def test_an_account_tells_its_listeners_and_keys_in_force(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"))
    shown = await accounts.show_account(desk.store, A1.upper(), now=desk.now)
    assert (shown.name, shown.listeners, shown.active_keys) == ("Acme Corp", 1, 1)
    (key, _) = (await keys.list_keys(desk.store)).items
    await keys.retire_key(desk.store, key.id, now=desk.now, actor="grace")
    assert (await accounts.show_account(desk.store, A1, now=desk.now)).active_keys == 0


async def test_keys_stand_beside_each_other_until_one_is_retired(desk: RegistryOffice) -> None:
    await desk.apply()
    added = await keys.add_key(
        desk.store, desk.vault, account=A1, text="the-next-key=", now=desk.now, actor="grace"
    )
    page = await keys.list_keys(desk.store, account="Acme Corp")
    assert [one.retired_at for one in page.items] == [None, None]
    later = moment(desk.now + MINUTE)
    retired = await keys.retire_key(
        desk.store, added.fingerprint, at=later, now=desk.now, actor="grace"
    )
    assert (retired.id, retired.retired_at) == (added.id, later)


async def test_a_key_that_is_there_already_is_not_added_again(desk: RegistryOffice) -> None:
    await desk.apply()
    with pytest.raises(ConflictError, match="there already"):
        await keys.add_key(
            desk.store, desk.vault, account=A1, text=KA1, now=desk.now, actor="grace"
        )


async def test_a_text_that_cannot_be_a_key_is_refused_without_repeating_it(
    desk: RegistryOffice,
) -> None:
    await desk.apply()
    with pytest.raises(InvalidInputError) as caught:
        await keys.add_key(
            desk.store, desk.vault, account=A1, text=" pasted key ", now=desk.now, actor="grace"
        )
    assert "pasted" not in str(caught.value)


async def test_a_fingerprint_of_two_keys_in_force_asks_for_the_id(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", keys=[{"text": KA1}]))
    (first, _, own) = (await keys.list_keys(desk.store)).items
    assert first.fingerprint == own.fingerprint
    with pytest.raises(InvalidInputError, match=own.id):
        await keys.retire_key(desk.store, first.fingerprint, now=desk.now, actor="grace")
    await keys.retire_key(desk.store, first.id, now=desk.now, actor="grace")
    retired = await keys.retire_key(desk.store, own.fingerprint, now=desk.now, actor="grace")
    assert retired.id == own.id


async def test_a_key_nobody_knows_is_refused(desk: RegistryOffice) -> None:
    with pytest.raises(NotFoundError, match="postroom keys"):
        await keys.retire_key(desk.store, "key_none", now=desk.now, actor="grace")
