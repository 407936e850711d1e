"""Export on a real store: keys as variables, Connect configurations told and left out."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.acceptance.cast import A1, A2, KA1
from tests.flow.registry_office import RegistryOffice, listener, registry_office

from postroom.errors import NotFoundError
from postroom.operations import keys, names
from postroom.operations.apply import apply
from postroom.operations.export import Exported, export
from postroom.storage.port import AuditEntry, PutListener

OWN = "a-key-of-the-listener-alone-00000001="
SECOND = "test-key-of-acme-corp-the-new-one-02="


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RegistryOffice]:
    async with registry_office(tmp_path) as one:
        yield one


async def exported(desk: RegistryOffice, account: str | None = None) -> Exported:
    return await export(desk.store, account=account, now=desk.now)


def with_keys(document: Any, texts: dict[str, str]) -> Any:
    """Put the text of each variable in its place, as the command line does."""
    if isinstance(document, list):
        return [with_keys(one, texts) for one in document]
    if not isinstance(document, dict):
        return document
    if document.keys() == {"env"}:
        return {"text": texts[document["env"]]}
    return {key: with_keys(one, texts) for key, one in document.items()}


async def test_applying_what_is_exported_changes_nothing_keys_included(
    desk: RegistryOffice,
) -> None:
    await desk.apply(
        listener(
            "erp", lane="write-back", keys=[{"text": OWN}], users={"only": ["svc-erp@example.com"]}
        ),
        listener("hr", lane="write-back"),
        lanes=[{"name": "write-back", "account": A1, "prefer": ["hr"]}],
    )
    await keys.add_key(
        desk.store, desk.vault, account=A1, text=SECOND, now=desk.now + 1, actor="grace"
    )
    desk.now += 2
    made = await exported(desk)
    assert made.warnings == ()
    assert [(one.name, one.listener) for one in made.variables] == [
        ("ACME_CORP_CONNECT_KEY", None),
        ("ACME_CORP_CONNECT_KEY_2", None),
        ("ACME_UK_CONNECT_KEY", None),
        ("ACME_CORP_ERP_KEY", "erp"),
    ]
    by_fingerprint = {desk.vault.fingerprint(one): one for one in (KA1, SECOND, OWN)}
    texts = {
        one.name: by_fingerprint.get(
            one.fingerprint or "", "test-key-of-acme-uk-sub-account-00002="
        )
        for one in made.variables
    }
    again = await apply(
        desk.store,
        desk.vault,
        with_keys(made.document, texts),
        allow_private_addresses=False,
        prune=True,
        now=desk.now,
        actor="grace",
    )
    assert (again.changes, again.unchanged) == ((), 5)


async def test_no_secret_is_in_it_and_a_retired_key_is_not_named(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", keys=[{"text": OWN}]))
    (retired,) = [one for one in (await keys.list_keys(desk.store)).items if one.listener]
    await keys.retire_key(desk.store, retired.id, now=desk.now, actor="grace")
    made = await exported(desk)
    assert KA1 not in repr(made)
    assert OWN not in repr(made)
    assert [one.name for one in made.variables] == ["ACME_CORP_CONNECT_KEY", "ACME_UK_CONNECT_KEY"]


async def test_one_account_alone_can_be_exported(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"), listener("uk", account=A2))
    made = await exported(desk, "Acme UK")
    assert [one["id"] for one in made.document["accounts"]] == [A2]
    assert [one["name"] for one in made.document["listeners"]] == ["uk"]
    with pytest.raises(NotFoundError):
        await exported(desk, "Acme Mars")


async def test_connect_configurations_are_left_out_and_named(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp"))
    erp = names.listener(await desk.store.registry(), "erp")
    made_by_rest = replace(erp, id=0, name="connect-22210001", configuration={"connectId": "1"})
    audit = AuditEntry(at=desk.now, actor="grace", verb="test", details={})
    await desk.store.change([PutListener(listener=made_by_rest)], audit)
    made = await exported(desk)
    assert [one["name"] for one in made.document["listeners"]] == ["erp"]
    (told,) = made.left_out
    assert "connect-22210001" in told
    assert "Acme Corp" in told


async def test_what_apply_would_refuse_is_told(desk: RegistryOffice) -> None:
    grouped = [{"email": "ann@example.com", "groups": ["robots"]}]
    await desk.apply(
        listener("erp", users={"only": ["robots"]}),
        accounts=[{"id": A1, "name": "Acme Corp", "users": grouped, "unsigned": True}],
    )
    await desk.apply(accounts=[{"id": A1, "name": "Acme Corp", "unsigned": True}])
    (told,) = (await exported(desk)).warnings
    assert told.startswith("apply would refuse listeners[0].users.only[0]")
