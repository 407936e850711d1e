"""Two nodes change accounts and configurations at once: each by what it read, none over another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, A2, account
from tests.flow.registry_office import RegistryOffice, listener, registry_office
from tests.flow.test_connect_configurations import Desk

from postroom.errors import ConflictError, DocusignError
from postroom.model import Account
from postroom.operations.apply import Applied, apply
from postroom.operations.changes import intended
from postroom.operations.connect.limits import ConnectLimits
from postroom.storage.port import AuditEntry, PutAccount

AUDIT = AuditEntry(at=0, actor="ann", verb="test", details=None)


@pytest.fixture
async def offices(tmp_path: Path) -> AsyncIterator[Sequence[RegistryOffice]]:
    """Yield two desks on one database, each with a store of its own, as two nodes have."""
    async with AsyncExitStack() as stack:
        made = [await stack.enter_async_context(registry_office(tmp_path)) for _ in range(2)]
        made[1].vault = made[0].vault
        yield made


async def names_at(office: RegistryOffice) -> set[str]:
    return {one.name for one in (await office.store.registry()).listeners.values()}


async def test_files_that_each_prune_the_other_leave_one_of_them_whole(
    offices: Sequence[RegistryOffice],
) -> None:
    """Neither may be worked out for a system and then done to what the other has made of it."""
    files = [[listener(f"{name}{number}") for number in range(3)] for name in ("a", "b")]
    for _ in range(5):
        await asyncio.gather(
            *(office.apply(*file, prune=True) for office, file in zip(offices, files, strict=True))
        )
        assert await names_at(offices[0]) in ({"a0", "a1", "a2"}, {"b0", "b1", "b2"})


async def test_of_two_plans_of_one_system_one_is_applied(
    offices: Sequence[RegistryOffice],
) -> None:
    await offices[0].apply(listener("erp"))
    documents = [
        {"accounts": [account(A1, "Acme Corp"), account(A2, "Acme UK")], "listeners": [one]}
        for one in (listener("erp", concurrency=2), listener("erp", concurrency=3))
    ]
    shown = [
        await intended(
            office.store,
            office.vault,
            said,
            allow_private_addresses=False,
            prune=False,
            now=office.now,
        )
        for office, said in zip(offices, documents, strict=True)
    ]
    tried = await asyncio.gather(
        *(
            apply(
                office.store,
                office.vault,
                said,
                allow_private_addresses=False,
                plan=one.fingerprint,
                now=office.now,
                actor="grace",
            )
            for office, said, one in zip(offices, documents, shown, strict=True)
        ),
        return_exceptions=True,
    )
    assert {type(one) for one in tried} == {Applied, ConflictError}


@pytest.fixture
async def desks(offices: Sequence[RegistryOffice]) -> Sequence[Desk]:
    await offices[0].store.change([PutAccount(account=Account(id=A1))], AUDIT)
    made = [Desk(office.store) for office in offices]
    for one in made:
        await one.refresh()
    return made


async def test_no_connect_id_is_given_twice_by_two_nodes(desks: Sequence[Desk]) -> None:
    made: list[Any] = []
    for number in range(4):
        made += await asyncio.gather(*(desk.create(name=f"c{number}") for desk in desks))
        await desks[0].delete(made[-1]["connectId"])
    ids = [one["connectId"] for one in made]
    assert len(set(ids)) == len(ids) == 8


async def test_two_nodes_keep_an_account_within_its_limit(desks: Sequence[Desk]) -> None:
    for desk in desks:
        desk.server = desk.with_limits(ConnectLimits(max_configurations=3))
    tried = await asyncio.gather(
        *(desk.create(name=f"c{number}") for number in range(4) for desk in desks),
        return_exceptions=True,
    )
    assert sum(isinstance(one, DocusignError) for one in tried) == 5
    assert (await desks[1].listed())["totalRecords"] == "3"


async def test_two_nodes_that_update_one_configuration_lose_neither_change(
    desks: Sequence[Desk],
) -> None:
    made = await desks[0].create()
    changes = ({"urlToPublishTo": "https://new.example.com/"}, {"includeHMAC": "true"})
    await asyncio.gather(
        *(
            desk.update(connectId=made["connectId"], **change)
            for desk, change in zip(desks, changes, strict=True)
        )
    )
    (now,) = (await desks[0].listed())["configurations"]
    assert (now["urlToPublishTo"], now["includeHMAC"]) == ("https://new.example.com/", "true")
