"""`postroom backup`: a whole copy of one moment, while the file is written to."""

import asyncio
import json
import os
import sqlite3
import stat
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from tests.contract.store_cast import (
    AUDIT,
    envelope,
    lease,
    notification,
    put,
    recording,
    settle,
)
from tests.flow.test_cli_output import log_of_its_own  # noqa: F401  # a fixture for all tests here
from typer.testing import CliRunner, Result

from postroom.cli.program import program
from postroom.errors import UnavailableError
from postroom.model import DeliveryState
from postroom.storage.port import DeliveryQuery, Store
from postroom.storage.sqlite import backup, open_store

LISTENER = 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a database in it."""
    for name in ("POSTROOM_SECRET_KEY", "POSTROOM_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    async def make() -> None:
        store = await open_store(tmp_path / "postroom.db")
        await store.change([put("erp")], AUDIT)
        for number in range(1, 4):
            await store.record(recording(notification(number), LISTENER))
        await store.close()

    asyncio.run(make())
    return tmp_path


def typed(*words: str, ends: int = 0) -> Result:
    done = CliRunner().invoke(program, ["backup", *words])
    assert done.exit_code == ends, done.output
    return done


async def test_a_copy_taken_under_load_is_of_one_moment_and_owes_what_it_must(
    tmp_path: Path,
) -> None:
    """Every notification that it has owes or has delivered; what goes on meanwhile is not in it."""
    path, file = tmp_path / "postroom.db", tmp_path / "copy.db"
    store = await open_store(path)
    await store.change([put("erp")], AUDIT)
    is_taken = asyncio.Event()
    kept = 0

    async def load() -> int:
        for number in count(1):
            one = notification(number, envelope_id=envelope(number % 7), body=b"b" * 20_000)
            await store.record(recording(one, LISTENER))
            for got in await lease(store, LISTENER, limit=1):
                await settle(store, got)
            if is_taken.is_set():
                return number
        raise AssertionError

    loading = asyncio.create_task(load())
    while kept < 60:
        kept = (await store.counts()).notifications
    heard: list[tuple[int, int]] = []
    taken = await asyncio.to_thread(
        backup.take, path, file, may_replace=False, told=lambda *far: heard.append(far)
    )
    is_taken.set()
    assert kept <= taken.notifications < await loading
    await store.close()
    assert heard[-1][0] == heard[-1][1] > 0

    restored = await open_store(file)
    counts = await restored.counts()
    assert counts.notifications == taken.notifications
    await restored.free_leases(0)
    owed = await _by_state(restored)
    assert sum(owed.values()) == taken.notifications
    while leases := await lease(restored, LISTENER):
        for got in leases:
            await settle(restored, got)
    assert await _by_state(restored) == {DeliveryState.DELIVERED: taken.notifications}
    await restored.close()


async def _by_state(store: Store) -> dict[DeliveryState, int]:
    every = await store.deliveries(DeliveryQuery(limit=100_000))
    return {
        state: sum(one.state is state for one in every) for state in {one.state for one in every}
    }


def test_the_copy_is_one_file_for_its_owner_alone(folder: Path) -> None:
    os.umask(0o022)
    said = " ".join(typed("copy.db").stdout.split())
    assert "copy.db is whole: 3 notifications (" in said
    assert sorted(one.name for one in folder.iterdir() if one.name.startswith("copy")) == [
        "copy.db"
    ]
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600


def test_the_key_that_a_restore_needs_is_named_and_not_copied(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "postroom.db.key").write_text("not a key, and not read")
    said = typed("one.db").stdout
    assert "the key in postroom.db.key: keep that too" in " ".join(said.split())
    monkeypatch.setenv("POSTROOM_SECRET_KEY", "k" * 44)
    said = typed("two.db").stdout
    assert "open with POSTROOM_SECRET_KEY" in " ".join(said.split())
    assert not (folder / "one.db.key").exists()


def test_a_file_that_is_there_is_replaced_only_when_told(folder: Path) -> None:
    (folder / "copy.db").write_text("the only copy of yesterday")
    assert "--force" in typed("copy.db", ends=4).stderr
    assert (folder / "copy.db").read_text() == "the only copy of yesterday"
    done = json.loads(typed("copy.db", "--force", "--json").stdout)
    assert done == {
        "file": "copy.db",
        "size_bytes": (folder / "copy.db").stat().st_size,
        "notifications": 3,
        "key_file": None,
    }
    with closing(sqlite3.connect(folder / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM delivery").fetchone() == (3,)


@pytest.mark.parametrize(
    ("words", "ends", "says"),
    [
        (["postroom.db", "--force"], 2, "is the database itself"),
        (["copy.db", "--database", "sqlite:///nowhere.db"], 3, "there is no database"),
        (["nowhere/copy.db"], 4, "check its folder"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing_behind(
    folder: Path, words: list[str], ends: int, says: str
) -> None:
    before = sorted(folder.iterdir())
    assert says in " ".join(typed(*words, ends=ends).stderr.split())
    assert sorted(folder.iterdir()) == before


def test_for_postgresql_it_points_to_the_tools_that_do_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTROOM_SECRET_KEY", "k" * 44)
    said = typed("copy.db", "--database", "postgresql://h/d", ends=2).stderr
    assert "pg_dump" in said
    assert "pg_basebackup" in said
    assert not (folder / "copy.db").exists()


def test_a_damaged_database_gives_no_backup_and_leaves_the_old_one(folder: Path) -> None:
    (folder / "copy.db").write_text("the only copy of yesterday")
    path = folder / "postroom.db"
    with closing(sqlite3.connect(path)) as whole:
        whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = whole.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'delivery_by_listener'"
        ).fetchone()[0]
        size = whole.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size + size // 2)
        file.write(b"\xff" * (size // 2))
    with pytest.raises(UnavailableError, match="damaged"):
        backup.take(path, folder / "copy.db", may_replace=True, told=lambda *_: None)
    assert (folder / "copy.db").read_text() == "the only copy of yesterday"
    assert not (folder / "copy.db.partial").exists()
