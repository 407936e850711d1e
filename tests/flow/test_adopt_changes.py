"""Changing an account, against the Connect server's own paths: in order, resumable, undone."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.flow.connect_desk import A1, ADA, SAM, Desk, desk

from postroom.cli import adopt_state
from postroom.errors import ConflictError, InvalidInputError, UnavailableError
from postroom.model import Group, User
from postroom.operations.adopting import changing, plan
from postroom.operations.adopting.account import MOST_CONFIGURATIONS, connect_id, standing
from postroom.operations.adopting.memory import Memory, switched

CONNECT = f"/restapi/v2.1/accounts/{A1}"
BASE = "https://localhost:8443/restapi"
GATEWAY = "https://connect.example.com/connect"


class Account:
    """The port, over Docusign's paths of a real server; it can break down at the n-th change."""

    def __init__(self, served: Desk) -> None:
        self._desk = served
        self.changes: list[str] = []
        self.breaks_at: int | None = None
        self.is_done_when_broken = False
        """True: the change was made, and only the answer was lost."""

    async def name(self) -> str:
        return "Acme Corp"

    async def configurations(self) -> Sequence[Mapping[str, Any]]:
        said = await self._desk.ask("GET", f"{CONNECT}/connect")
        return list(said["configurations"])

    async def create(self, configuration: Mapping[str, Any]) -> None:
        await self._change("create", "POST", "/connect", 201, json=dict(configuration))

    async def update(self, configuration: Mapping[str, Any]) -> None:
        switch = "on" if configuration["allowEnvelopePublish"] == "true" else "off"
        what = f"{switch} {configuration['connectId']}"
        await self._change(what, "PUT", "/connect", 200, json=dict(configuration))

    async def delete(self, connect_id: str) -> None:
        await self._change("delete", "DELETE", f"/connect/{connect_id}", 200)

    async def groups(self) -> Sequence[Group]:
        said = await self._desk.ask("GET", f"{CONNECT}/groups")
        return [Group(id=one["groupId"], name=one["groupName"]) for one in said["groups"]]

    async def members(self, group_id: str) -> Sequence[User]:
        said = await self._desk.ask("GET", f"{CONNECT}/groups/{group_id}/users")
        return [User(id=one["userId"], email=one["email"]) for one in said["users"]]

    async def users(self) -> Sequence[User]:
        said = await self._desk.ask("GET", f"{CONNECT}/users")
        return [User(id=one["userId"], email=one["email"]) for one in said["users"]]

    async def fields(self) -> Sequence[str]:
        return ()

    async def _change(self, what: str, method: str, path: str, expect: int, **more: Any) -> None:
        is_broken = self.breaks_at == len(self.changes)
        self.changes.append(what)
        if not is_broken or self.is_done_when_broken:
            await self._desk.ask(method, f"{CONNECT}{path}", expect=expect, **more)
        if is_broken:
            raise UnavailableError("the line is dead")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(tmp_path) as one:
        groups = (await one.ask("GET", f"{CONNECT}/groups"))["groups"]
        four: list[dict[str, Any]] = [
            {"allUsers": "true"},
            {"userIds": [ADA]},
            {"allUsersExcept": "true", "groupIds": [groups[0]["groupId"]]},
            {"allUsers": "true", "allowEnvelopePublish": "false"},
        ]
        for number, said in enumerate(four, start=1):
            made: dict[str, Any] = {
                "name": f"Listener {number}",
                "urlToPublishTo": f"https://listener{number}.example.com/hook?key=s3cret",
                "configurationType": "custom",
                "allowEnvelopePublish": "true",
                "deliveryMode": "SIM",
                "events": ["envelope-completed"],
                "eventData": {"version": "restv2.1", "includeData": ["recipients"]},
            }
            await one.ask("POST", f"{CONNECT}/connect", expect=201, json=made | said)
        yield one


class Adopter:
    """A person with a state file, who may have to call again."""

    def __init__(self, account: Account, folder: Path) -> None:
        self.account = account
        self.file = folder / "state.json"
        self.told: list[str] = []

    def keep(self, memory: Memory) -> None:
        adopt_state.save(self.file, memory)

    @property
    def memory(self) -> Memory:
        found = adopt_state.load(self.file, A1, BASE)
        assert found is not None
        return found

    async def begin(self) -> Memory:
        now = await standing(self.account, A1)
        made = plan.make(now, gateway_url=GATEWAY, name="Postroom 1")
        assert made.create is not None
        off = [one.adopted.connect_id for one in made.switch_off]
        return Memory(
            account_id=A1,
            base_path=BASE,
            phase="applying",
            create=made.create,
            switch_off=tuple(switched(one) for one in now.configurations if connect_id(one) in off),
        )

    async def apply(self, memory: Memory) -> Memory:
        return await changing.carry_out(self.account, memory, keep=self.keep, told=self.told.append)

    async def undo(self) -> Memory:
        return await changing.put_back(
            self.account, self.memory, keep=self.keep, told=self.told.append
        )


@pytest.fixture
def adopter(served: Desk, tmp_path: Path) -> Adopter:
    return Adopter(Account(served), tmp_path)


async def on(account: Account) -> list[str]:
    return [
        str(one["name"])
        for one in await account.configurations()
        if one["allowEnvelopePublish"] == "true"
    ]


async def test_the_one_is_created_before_the_others_are_switched_off_one_by_one(
    adopter: Adopter,
) -> None:
    former = await adopter.account.configurations()
    done = await adopter.apply(await adopter.begin())
    ids = [one.connect_id for one in done.switch_off]
    assert adopter.account.changes == ["create", *(f"off {one}" for one in ids)]
    assert await on(adopter.account) == ["Postroom 1"]
    assert done.phase == "applied"
    await adopter.undo()
    assert adopter.account.changes[4:] == [*(f"on {one}" for one in reversed(ids)), "delete"]
    assert await adopter.account.configurations() == former


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("number", range(4))
async def test_after_a_failure_at_any_change_it_goes_on_where_it_stopped(
    adopter: Adopter, number: int, *, is_done: bool
) -> None:
    former = await adopter.account.configurations()
    memory = await adopter.begin()
    adopter.account.breaks_at = number
    adopter.account.is_done_when_broken = is_done
    with pytest.raises(UnavailableError):
        await adopter.apply(memory)
    assert adopter.memory.phase == "applying"
    adopter.account.breaks_at = None
    await adopter.apply(adopter.memory)
    assert await on(adopter.account) == ["Postroom 1"]
    assert len(await adopter.account.configurations()) == len(former) + 1, "created once"
    made = list(adopter.account.changes)
    await adopter.apply(adopter.memory)
    assert adopter.account.changes == made, "once more changes nothing"


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("number", range(4))
async def test_what_was_begun_can_be_undone_after_a_failure_at_any_change(
    adopter: Adopter, number: int, *, is_done: bool
) -> None:
    former = await adopter.account.configurations()
    memory = await adopter.begin()
    adopter.account.breaks_at = number
    adopter.account.is_done_when_broken = is_done
    with pytest.raises(UnavailableError):
        await adopter.apply(memory)
    adopter.account.breaks_at = None
    assert (await adopter.undo()).phase == "undone"
    assert await adopter.account.configurations() == former


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("number", range(4, 8))
async def test_undoing_goes_on_after_a_failure_at_any_change(
    adopter: Adopter, number: int, *, is_done: bool
) -> None:
    former = await adopter.account.configurations()
    await adopter.apply(await adopter.begin())
    adopter.account.breaks_at = number
    adopter.account.is_done_when_broken = is_done
    with pytest.raises(UnavailableError):
        await adopter.undo()
    adopter.account.breaks_at = None
    await adopter.undo()
    assert await adopter.account.configurations() == former
    made = list(adopter.account.changes)
    assert (await adopter.undo()).phase == "undone"
    assert adopter.account.changes == made, "once more changes nothing"


async def test_a_state_that_cannot_be_written_stops_before_the_first_change(
    adopter: Adopter, tmp_path: Path
) -> None:
    memory = await adopter.begin()
    adopter.file = tmp_path / "no" / "such" / "folder.json"
    with pytest.raises(InvalidInputError, match="nothing more is changed"):
        await adopter.apply(memory)
    assert adopter.account.changes == []


async def test_what_somebody_changed_meanwhile_is_left_alone(adopter: Adopter) -> None:
    memory = await adopter.begin()
    changed = memory.switch_off[1].connect_id
    other = Account(adopter.account._desk)
    one = {connect_id(each): dict(each) for each in await other.configurations()}[changed]
    await other.update(one | {"name": "Mine now"})
    with pytest.raises(ConflictError, match=f"{changed} .* is not what it was"):
        await adopter.apply(memory)
    assert adopter.account.changes == []
    assert await on(adopter.account) == ["Listener 1", "Mine now", "Listener 3"]


async def test_undoing_neither_overwrites_a_change_nor_deletes_the_one_then(
    adopter: Adopter,
) -> None:
    done = await adopter.apply(await adopter.begin())
    gone = done.switch_off[0].connect_id
    await Account(adopter.account._desk).delete(gone)
    with pytest.raises(ConflictError, match="is not there any more"):
        await adopter.undo()
    assert await on(adopter.account) == ["Postroom 1"]


async def test_the_one_that_somebody_renamed_is_not_deleted_and_not_said_to_be(
    adopter: Adopter,
) -> None:
    done = await adopter.apply(await adopter.begin())
    other = Account(adopter.account._desk)
    all_ = {connect_id(each): dict(each) for each in await other.configurations()}
    assert done.created_id is not None
    await other.update(all_[done.created_id] | {"name": "Ours"})
    with pytest.raises(ConflictError, match=f"{done.created_id} is not what was created .name."):
        await adopter.undo()
    assert await on(adopter.account) == ["Listener 1", "Listener 2", "Listener 3", "Ours"]
    await other.delete(done.created_id)
    assert (await adopter.undo()).phase == "undone"


async def test_no_other_is_switched_off_once_the_one_is_switched_off_by_somebody(
    adopter: Adopter,
) -> None:
    other = Account(adopter.account._desk)
    memory = await adopter.begin()
    adopter.account.breaks_at = 2
    adopter.account.is_done_when_broken = True
    with pytest.raises(UnavailableError):
        await adopter.apply(memory)

    class Meanwhile(Account):
        """Somebody switches the one off just before the next change."""

        async def configurations(self) -> Sequence[Mapping[str, Any]]:
            self.looks = getattr(self, "looks", 0) + 1
            if self.looks == 2:
                [one] = [
                    dict(each)
                    for each in await super().configurations()
                    if each["name"] == "Postroom 1"
                ]
                await other.update(one | {"allowEnvelopePublish": "false"})
            return await super().configurations()

    adopter.account = Meanwhile(adopter.account._desk)
    with pytest.raises(ConflictError, match="no other is switched off"):
        await adopter.apply(adopter.memory)
    assert await on(adopter.account) == ["Listener 3"]


async def test_an_account_without_room_for_one_more_is_left_as_it_is(adopter: Adopter) -> None:
    other = Account(adopter.account._desk)
    one = dict((await other.configurations())[3])
    for number in range(5, MOST_CONFIGURATIONS + 1):
        await other.create(one | {"name": f"Listener {number}"})
    memory = await adopter.begin()
    with pytest.raises(ConflictError, match="nothing was changed: delete one"):
        await adopter.apply(memory)
    assert adopter.account.changes == []
    assert not adopter.file.exists()
    [last] = [one for one in await other.configurations() if one["name"] == "Listener 20"]
    await other.delete(connect_id(last))
    assert (await adopter.apply(memory)).phase == "applied"


async def test_a_configuration_it_does_not_know_is_never_touched(adopter: Adopter) -> None:
    memory = await adopter.begin()
    new = {
        "name": "New",
        "urlToPublishTo": "https://new.example.com/",
        "configurationType": "custom",
        "allowEnvelopePublish": "true",
        "allUsers": "true",
        "events": ["envelope-sent"],
    }
    await Account(adopter.account._desk).create(new)
    await adopter.apply(memory)
    assert await on(adopter.account) == ["New", "Postroom 1"]
    await adopter.undo()
    assert await on(adopter.account) == ["Listener 1", "Listener 2", "Listener 3", "New"]


async def test_an_account_that_makes_something_else_of_it_is_not_switched_off(
    adopter: Adopter,
) -> None:
    memory = await adopter.begin()
    off = dict(memory.create) | {"allowEnvelopePublish": "false"}
    await Account(adopter.account._desk).create(off)
    with pytest.raises(ConflictError, match="allowEnvelopePublish"):
        await adopter.apply(memory)
    assert await on(adopter.account) == ["Listener 1", "Listener 2", "Listener 3"]
    await adopter.undo()


async def test_the_state_file_has_no_secret_and_is_its_owners_alone(adopter: Adopter) -> None:
    await adopter.apply(await adopter.begin())
    assert "s3cret" not in adopter.file.read_text()
    assert adopter.file.stat().st_mode & 0o077 == 0
    assert [one.former["name"] for one in adopter.memory.switch_off] == [
        "Listener 1",
        "Listener 2",
        "Listener 3",
    ]


async def test_a_state_of_another_account_or_none_at_all_is_refused(
    adopter: Adopter, tmp_path: Path
) -> None:
    await adopter.apply(await adopter.begin())
    with pytest.raises(InvalidInputError, match="is about account"):
        adopt_state.load(adopter.file, SAM, BASE)
    junk = tmp_path / "junk.json"
    for raw in (b"", b"[]", b'{"postroom_adopt": 1}', b"\xff", b"[" * 100_000):
        junk.write_bytes(raw)
        with pytest.raises(InvalidInputError, match="was not written by"):
            adopt_state.load(junk, A1, BASE)
    nameless = {"postroom_adopt": 1, "account_id": A1, "base_path": BASE, "phase": "applied"}
    junk.write_text(json.dumps(nameless | {"create": {"name": 7}, "switch_off": []}))
    with pytest.raises(InvalidInputError, match="does not say which configuration"):
        adopt_state.load(junk, A1, BASE)
    assert adopt_state.load(tmp_path / "none.json", A1, BASE) is None
