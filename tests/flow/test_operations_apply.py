"""Apply: idempotent, all or nothing, saying what changed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, A2, KA1, KEYS, account
from tests.flow.registry_office import RegistryOffice, listener, registry_office

from postroom.model import DeliveryState
from postroom.operations import accounts, crossed, deliveries, health, keys, listeners
from postroom.operations.apply import Applied
from postroom.operations.document import InvalidDocumentError

PREFER_ERP = [{"name": "write-back", "account": A1, "prefer": ["erp"]}]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RegistryOffice]:
    async with registry_office(tmp_path) as one:
        yield one


def told(applied: Applied) -> list[str]:
    return [f"{one.action} {one.kind} {one.name}" for one in applied.changes]


async def keys_of(desk: RegistryOffice, account_id: str) -> list[bool]:
    """Tell of each key of an account, in the order they came, whether it is in force."""
    page = await keys.list_keys(desk.store, account=account_id)
    return [one.retired_at is None for one in page.items]


async def test_the_first_time_everything_is_added(desk: RegistryOffice) -> None:
    applied = await desk.apply(listener("erp"))
    assert told(applied)[:3] == [
        "added account Acme Corp",
        "added account Acme UK",
        "added listener erp",
    ]
    assert [one.kind for one in applied.changes[3:]] == ["key", "key"]
    (shown,) = (await listeners.list_listeners(desk.store)).items
    assert (shown.name, shown.account_id, shown.state) == ("erp", A1, "ok")


async def test_the_second_time_nothing_changes(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"))
    revision = await desk.store.revision()
    again = await desk.apply(listener("erp"))
    assert (again.changes, again.unchanged) == ((), 3)
    assert await desk.store.revision() == revision
    audit = (await health.list_audit(desk.store)).items
    assert [one.verb for one in audit] == ["apply", "add-key", "add-key"]


async def test_a_change_is_told_field_by_field(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", concurrency=4))
    applied = await desk.apply(listener("erp", concurrency=8, events=["Declined"]))
    (change,) = applied.changes
    assert change.fields == {"concurrency": (4, 8), "events": ((), ("envelope-declined",))}


async def test_a_dry_run_tells_the_same_and_changes_nothing(desk: RegistryOffice) -> None:
    dry = await desk.apply(listener("erp"), dry_run=True)
    assert dry.is_dry_run
    assert await desk.store.revision() == 0
    assert (await keys.list_keys(desk.store)).items == ()
    assert told(await desk.apply(listener("erp"))) == told(dry)


async def test_a_wrong_document_changes_nothing_and_names_every_place(
    desk: RegistryOffice,
) -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        await desk.apply(listener("good"), listener("bad", url="ftp://x", retry="never"))
    assert [one.path for one in caught.value.problems] == [
        ("listeners", 1, "url"),
        ("listeners", 1, "retry"),
    ]
    assert await desk.store.revision() == 0
    assert (await keys.list_keys(desk.store)).items == ()


@pytest.mark.parametrize("text", [" spaced-key=", "line\nbreak", "whsec_!!"])
async def test_a_text_that_cannot_be_a_key_is_refused_at_its_place(
    desk: RegistryOffice, text: str
) -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        await desk.apply(listener("erp", keys=[{"text": "fine="}, {"text": text}]))
    (problem,) = caught.value.problems
    assert problem.path == ("listeners", 0, "keys", 1, "text")
    assert text not in problem.message


@pytest.mark.parametrize("named", [A1, "Acme Corp", A1.upper()])
async def test_a_lane_may_stand_once(desk: RegistryOffice, named: str) -> None:
    lanes = [{"name": "l", "account": A1}, {"name": "l", "account": named}]
    with pytest.raises(InvalidDocumentError, match=r"lanes\[1\].name: this lane stands here twice"):
        await desk.apply(lanes=lanes)


async def test_what_is_not_named_is_left_alone_unless_pruned(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"), listener("crm"))
    assert told(await desk.apply(listener("erp"))) == []
    pruned = await desk.apply(listener("erp"), prune=True)
    assert told(pruned) == ["removed listener crm"]


async def test_an_account_pruned_takes_its_keys_out_of_use(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"))
    await desk.apply(listener("erp"), accounts=[account(A1, "Acme Corp")], prune=True)
    page = await accounts.list_accounts(desk.store, now=desk.now)
    assert [one.id for one in page.items] == [A1]
    assert [one.retired_at is None for one in (await keys.list_keys(desk.store)).items] == [
        True,
        False,
    ]


async def test_an_account_named_by_a_listener_only_is_not_pruned(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"))
    kept = await desk.apply(listener("erp"), accounts=[account(A2, "Acme UK")], prune=True)
    assert kept.changes == ()


async def test_keys_are_added_beside_each_other_and_never_twice(desk: RegistryOffice) -> None:
    await desk.apply()
    both = {"keys": [{"text": KA1}, {"text": "the-next-key="}]}
    await desk.apply(accounts=[account(A1, "Acme Corp") | both])
    assert await keys_of(desk, A1) == [True, True]


async def test_keys_no_longer_named_are_retired_only_where_the_file_says_so(
    desk: RegistryOffice,
) -> None:
    await desk.apply()
    new: dict[str, Any] = {"keys": [{"text": "the-next-key="}]}
    await desk.apply(accounts=[account(A1, "Acme Corp") | new])
    assert await keys_of(desk, A1) == [True, True]
    await desk.apply(accounts=[account(A1, "Acme Corp") | new | {"prune_keys": True}])
    assert await keys_of(desk, A1) == [False, True]
    assert await keys_of(desk, A2) == [True]


async def test_an_account_that_accepts_nothing_is_warned_about(desk: RegistryOffice) -> None:
    bare = {"id": A1, "name": "Acme Corp"}
    assert "accepts nothing" in (await desk.apply(accounts=[bare])).warnings[0]
    assert (await desk.apply(accounts=[bare | {"unsigned": True}])).warnings == ()


async def test_the_warning_stays_until_the_account_has_a_key(desk: RegistryOffice) -> None:
    bare = {"id": A1, "name": "Acme Corp"}
    first = await desk.apply(accounts=[bare])
    assert (await desk.apply(accounts=[bare])).warnings == first.warnings
    await desk.apply()
    assert (await desk.apply(accounts=[bare])).warnings == ()
    pruned = await desk.apply(accounts=[bare | {"prune_keys": True}])
    assert pruned.warnings == first.warnings


async def test_a_listener_pruned_and_put_again_does_not_sign_with_its_old_key(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("erp", keys=[{"text": "erp-own-key="}]))
    gone = await desk.apply(prune=True)
    assert [one.action for one in gone.changes] == ["removed", "retired"]
    await desk.apply(listener("erp"))
    own = [one for one in (await keys.list_keys(desk.store)).items if one.listener == "erp"]
    assert [one.retired_at is not None for one in own] == [True]


async def test_no_secret_is_ever_told(desk: RegistryOffice) -> None:
    applied = await desk.apply(listener("erp", keys=[{"text": "erp-own-key="}]))
    pages = [
        applied,
        await health.list_audit(desk.store),
        await keys.list_keys(desk.store),
        await listeners.list_listeners(desk.store),
        await accounts.list_accounts(desk.store, now=desk.now),
    ]
    for secret in (*KEYS.values(), "erp-own-key="):
        assert secret not in str(pages)


async def test_a_lane_that_begins_to_prefer_decides_what_is_crossed(desk: RegistryOffice) -> None:
    rivals = (listener("erp", lane="write-back"), listener("crm", lane="write-back"))
    await desk.apply(*rivals)
    crossed_id = await desk.feed(1)
    assert len((await crossed.list_crossed(desk.store)).items) == 2
    applied = await desk.apply(*rivals, lanes=PREFER_ERP)
    assert applied.crossed_decided == 2
    page = await deliveries.list_deliveries(desk.store, notification=crossed_id)
    assert {one.listener: one.state for one in page.items} == {
        "erp": DeliveryState.DUE,
        "crm": DeliveryState.DISMISSED,
    }


async def test_a_lane_that_begins_to_deliver_lets_all_of_it_go(desk: RegistryOffice) -> None:
    rivals = (listener("erp", lane="write-back"), listener("crm", lane="write-back"))
    await desk.apply(*rivals)
    await desk.feed(1)
    delivering = [{"name": "write-back", "account": A1, "on_crossing": "deliver"}]
    await desk.apply(*rivals, lanes=delivering)
    assert [len(await desk.deliver(name)) for name in ("erp", "crm")] == [1, 1]
