"""Connect configurations by Docusign's verbs, on a real store: what is echoed, kept and told."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from postroom.clock import SECOND, VirtualClock
from postroom.errors import DocusignError
from postroom.model import Account, DeliveryState, Group, Listener, Notification, Registry
from postroom.operations import health
from postroom.operations.connect import configurations
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.connect.living import ConnectServer
from postroom.routing.match import Router
from postroom.storage.port import (
    AuditEntry,
    DeliveryQuery,
    PutAccount,
    PutListener,
    Recording,
    Store,
)
from postroom.storage.sqlite import open_store
from postroom.vault import Vault

A1 = "a1000000-0000-4000-8000-000000000001"
A2 = "a2000000-0000-4000-8000-000000000002"
T0 = 1_772_442_000 * SECOND
ERP = {
    "name": "erp",
    "urlToPublishTo": "https://erp.example.com/",
    "configurationType": "custom",
    "allUsers": "true",
    "allowEnvelopePublish": "true",
    "events": ["envelope-completed"],
}
PASSWORD = "hunter2hunter2"


class Desk:
    """A Connect server over a real store, and whoever administers it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.vault = Vault([Vault.generate_key()])
        self.clock = VirtualClock(T0)
        self.registry = Registry(revision=0, accounts={}, listeners={}, lanes={})
        self.server = self.with_limits(ConnectLimits())

    def with_limits(self, limits: ConnectLimits) -> ConnectServer:
        return ConnectServer(
            store=self.store,
            vault=self.vault,
            clock=self.clock,
            registry=lambda: self.registry,
            refresh=self.refresh,
            enact=self.never,
            limits=limits,
            new_guid=lambda: "",
        )

    async def refresh(self) -> None:
        self.registry = await self.store.registry()

    async def never(self, *_: Any, **__: Any) -> bool:
        raise AssertionError("no configuration changes an envelope")

    async def create(self, account: str = A1, **more: Any) -> Any:
        said = {**ERP, **more}
        return await configurations.create_configuration(self.server, account, said, actor="ann")

    async def update(self, account: str = A1, **said: Any) -> Any:
        return await configurations.update_configuration(self.server, account, said, actor="ann")

    async def delete(self, connect_id: str, account: str = A1) -> None:
        await configurations.delete_configuration(self.server, account, connect_id, actor="ann")

    async def listed(self, account: str = A1) -> Any:
        return await configurations.list_configurations(self.server, account)

    async def listener(self, connect_id: str) -> Listener:
        found = (await self.store.registry()).listeners.values()
        return next(one for one in found if one.name == f"connect-{connect_id}")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = await open_store(tmp_path / "postroom.db")
    one = Desk(store)
    groups = (Group(id="7001", name="integrations"),)
    accounts = [Account(id=A1, groups=groups), Account(id=A2)]
    await store.change(
        [PutAccount(account=account) for account in accounts],
        AuditEntry(at=T0, actor="ann", verb="apply", details=None),
    )
    await one.refresh()
    yield one
    await store.close()


# --- what is answered ---


async def test_a_configuration_made_is_echoed_listed_and_got_alike(desk: Desk) -> None:
    made = await desk.create()
    assert made["connectId"] == "22210001"
    assert await desk.listed() == {"configurations": [made], "totalRecords": "1"}
    got = await configurations.get_configuration(desk.server, A1.upper(), "22210001")
    assert got == {"configurations": [made], "totalRecords": "1"}
    assert list(got["configurations"][0]) == list(made)


async def test_accounts_do_not_see_each_others_configurations(desk: Desk) -> None:
    first, second = await desk.create(A1), await desk.create(A2)
    assert (first["connectId"], second["connectId"]) == ("22210001", "22210002")
    assert [one["connectId"] for one in (await desk.listed(A2))["configurations"]] == ["22210002"]
    with pytest.raises(DocusignError) as caught:
        await desk.update(A2, connectId="22210001", name="mine now")
    assert (caught.value.code, caught.value.status) == ("RESOURCE_NOT_FOUND", 404)


async def test_a_connect_id_is_never_used_again(desk: Desk) -> None:
    await desk.create(connectId="7")
    await desk.create()
    await desk.delete("22210002")
    assert (await desk.create())["connectId"] == "22210003"


async def test_listeners_of_a_file_are_no_configurations(desk: Desk) -> None:
    ours = Listener(id=0, account_id=A1, name="ours", url="https://x.example.com/")
    audit = AuditEntry(at=T0, actor="ann", verb="apply", details=None)
    await desk.store.change([PutListener(listener=ours)], audit)
    assert await desk.listed() == {"configurations": [], "totalRecords": "0"}


async def test_an_update_changes_what_it_gives_and_keeps_the_rest(desk: Desk) -> None:
    made = await desk.create(includeHMAC="true")
    await desk.refresh()
    before = await desk.listener("22210001")
    changed = await desk.update(connectId="22210001", name="erp 2", enableLog=True, allUsers=None)
    assert changed == {**made, "name": "erp 2", "enableLog": "true"}
    after = await desk.listener("22210001")
    assert after.id == before.id
    assert (after.is_logged, after.is_signed) == (True, True)
    assert after.configuration == changed


async def test_what_is_refused_changes_nothing(desk: Desk) -> None:
    made = await desk.create()
    revision = await desk.store.revision()
    for said in (
        {"urlToPublishTo": "http://erp.example.com/"},
        {"name": ""},
        {"allUsers": "false", "groupIds": ["9"]},
    ):
        with pytest.raises(DocusignError):
            await desk.update(connectId="22210001", **said)
    with pytest.raises(DocusignError, match="Give the connectId"):
        await desk.update(name="x")
    assert await desk.store.revision() == revision
    assert await desk.listed() == {"configurations": [made], "totalRecords": "1"}


async def test_an_account_has_no_more_configurations_than_the_limit(desk: Desk) -> None:
    desk.server = desk.with_limits(ConnectLimits(max_configurations=2))
    await desk.create()
    await desk.create()
    with pytest.raises(DocusignError, match="has 2 Connect configurations; delete one first"):
        await desk.create()
    await desk.create(A2)
    await desk.delete("22210001")
    assert await desk.create()


@pytest.mark.parametrize("connect_id", ["22219999", "", "x", "9" * 5000])
async def test_what_is_not_there_is_said_not_to_be(desk: Desk, connect_id: str) -> None:
    with pytest.raises(DocusignError) as caught:
        await configurations.get_configuration(desk.server, A1, connect_id)
    assert caught.value.status == 404
    with pytest.raises(DocusignError):
        await desk.delete(connect_id)


async def test_an_account_that_is_not_here_has_none(desk: Desk) -> None:
    with pytest.raises(DocusignError):
        await desk.listed("a9000000-0000-4000-8000-000000000009")


# --- what becomes of it ---


async def test_the_registry_of_the_road_knows_it_at_once(desk: Desk) -> None:
    await desk.create(allUsers="false", groupIds=["7001"])
    (listener,) = desk.registry.listeners.values()
    assert listener.users is not None
    assert listener.users.groups == ("integrations",)


async def test_pausing_is_the_listeners_pause_and_is_told_as_it_is(desk: Desk) -> None:
    made = await desk.create(pausePublish=True)
    assert made["pausePublish"] == "true"
    listener = await desk.listener("22210001")
    assert (await desk.store.states())[listener.id].paused_at == T0
    assert (await desk.update(connectId="22210001", pausePublish="false"))["pausePublish"] == (
        "false"
    )
    assert await desk.store.states() == {}
    audit = AuditEntry(at=T0, actor="bob", verb="pause-listener", details=None)
    await desk.store.set_paused(listener.id, T0, audit)
    assert (await desk.listed())["configurations"][0]["pausePublish"] == "true"
    assert (await desk.update(connectId="22210001", name="still"))["pausePublish"] == "true"


async def test_a_password_is_sealed_and_never_told(desk: Desk) -> None:
    oauth = {"clientId": "c", "clientSecret": PASSWORD}
    made = await desk.create(userName="erp", password=PASSWORD, oAuthConfiguration=oauth)
    told = [made, await desk.listed(), await desk.store.registry()]
    told.append(await desk.store.audit_log(after=None, limit=100))
    assert PASSWORD not in repr(told)
    kept = {one.purpose: one for one in await desk.store.secrets()}
    assert kept.keys() == {"password", "client-secret"}
    assert kept["password"].listener == "connect-22210001"
    assert desk.vault.open(kept["password"].sealed) == PASSWORD
    assert PASSWORD.encode() not in kept["password"].sealed


async def test_a_password_is_replaced_kept_and_taken_away(desk: Desk) -> None:
    await desk.create(userName="erp", password=PASSWORD)
    await desk.update(connectId="22210001", password="another-one")
    await desk.update(connectId="22210001", name="x")
    (kept,) = await desk.store.secrets()
    assert desk.vault.open(kept.sealed) == "another-one"
    assert kept.retired_at is None
    await desk.update(connectId="22210001", password="")
    (kept,) = await desk.store.secrets()
    assert kept.retired_at == T0


async def test_deleting_dismisses_what_is_owed_and_retires_its_secrets(desk: Desk) -> None:
    await desk.create(userName="erp", password=PASSWORD)
    await record(desk)
    await desk.delete("22210001")
    (owed,) = await desk.store.deliveries(DeliveryQuery())
    assert owed.state is DeliveryState.DISMISSED
    (secret,) = await desk.store.secrets()
    assert secret.retired_at == T0
    assert desk.registry.listeners == {}
    assert await desk.listed() == {"configurations": [], "totalRecords": "0"}


async def test_one_switched_on_again_begins_anew(desk: Desk) -> None:
    await desk.create()
    listener = await desk.listener("22210001")
    await desk.store.set_down(listener.id, T0, T0)
    await desk.update(connectId="22210001", allowEnvelopePublish="false")
    assert (await desk.store.states())[listener.id].down_since == T0
    await desk.update(connectId="22210001", allowEnvelopePublish="true")
    assert await desk.store.states() == {}


async def test_every_change_is_in_the_audit_log(desk: Desk) -> None:
    await desk.create(pausePublish="true", userName="erp", password=PASSWORD)
    await desk.update(connectId="22210001", name="x", enableLog="true")
    await desk.delete("22210001")
    entries = (await health.list_audit(desk.store)).items
    assert [one.verb for one in entries][::-1][1:] == [
        "put-password",
        "create-configuration",
        "pause-listener",
        "update-configuration",
        "delete-configuration",
        "retire-password",
    ]
    changed = next(one for one in entries if one.verb == "update-configuration")
    assert changed.actor == "ann"
    assert changed.details == {
        "account": A1,
        "listener": "connect-22210001",
        "name": "x",
        "changed": ["name", "enableLog"],
    }


async def record(desk: Desk) -> None:
    one = Notification(
        id="evt_1",
        account_id=A1,
        envelope_id="e",
        event="envelope-completed",
        recipient_id=None,
        sender_id="u",
        occurred_at=T0,
        received_at=T0,
        body=b"{}",
    )
    registry = await desk.store.registry()
    routing = Router(registry).match(one)
    await desk.store.record(
        Recording(
            notification=one,
            matches=routing.matches,
            is_unclaimed=routing.is_unclaimed,
            registry_revision=registry.revision,
            token=1,
            leased_until=T0,
        )
    )
