"""`postroom copy` as it is typed: what is refused, and what is said."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.contract import postgres
from tests.contract.copy_cast import live_through_everything
from tests.contract.store_cast import AUDIT, put
from typer.testing import CliRunner, Result

from postroom import app as root
from postroom.cli.copy import settings_of
from postroom.cli.program import program
from postroom.errors import ConflictError
from postroom.storage.copying import Relocation
from postroom.storage.postgres import open_store as open_postgres
from postroom.storage.sqlite import copying, open_store
from postroom.vault import Vault

KEY = Vault.generate_key().decode()
OTHER_KEY = Vault.generate_key().decode()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the database of an installation that has lived, with its key beside it."""
    for name in ("POSTROOM_SECRET_KEY", "POSTROOM_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "postroom.db"
    path.with_name("postroom.db.key").write_text(KEY)

    async def live() -> None:
        store = await open_store(path)
        await live_through_everything(store, sealed=Vault([KEY.encode()]).seal("secret"))
        await store.close()

    asyncio.run(live())
    return f"sqlite:///{path}"


@pytest.fixture
def target() -> Iterator[str]:
    dsn = asyncio.run(postgres.server().new_database())
    yield dsn
    asyncio.run(postgres.server().give_back(dsn))


def typed(*words: str, ends: int = 0) -> Result:
    # Wide, so that no path is broken at a hyphen.
    done = CliRunner(env={"COLUMNS": "500"}).invoke(program, list(words))
    assert done.exit_code == ends, done.output
    return done


def refused(*words: str, ends: int = 4) -> str:
    return " ".join(typed(*words, ends=ends).stderr.split())


def test_an_installation_moves_and_the_old_place_says_where_it_went(
    source: str, target: str
) -> None:
    said = " ".join(typed("copy", "--from", source, "--to", target).stdout.split())
    assert f"{source} has moved to postgresql://postgres@/" in said
    assert "18 notifications, " in said
    assert "counts and checksums agree" in said
    assert f"the one in {source.removeprefix('sqlite:///')}.key" in said
    assert KEY not in said
    for command in (["serve", "--port", "0"], ["deliveries"]):
        assert "has moved to postgresql://postgres@/" in refused(*command, "--database", source)
    again = json.loads(typed("copy", "--from", source, "--to", target, "--json").stdout)
    assert (again["was_done"], again["rows"]["secret"]) == (True, 2)


def test_what_has_moved_goes_to_no_second_place_until_it_is_undone(
    source: str, target: str
) -> None:
    typed("copy", "--from", source, "--to", target)
    other = asyncio.run(postgres.server().new_database())
    assert "has moved to" in refused("copy", "--from", source, "--to", other)
    undone = " ".join(typed("copy", "--from", source, "--undo").stdout.split())
    assert "Do not serve postgresql://postgres@/" in undone
    typed("deliveries", "--database", source)
    assert "is not empty" in refused("copy", "--from", source, "--to", target)
    typed("copy", "--from", source, "--to", other)
    asyncio.run(postgres.server().give_back(other))


def test_it_moves_back_into_a_file_of_another_name(
    source: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed("copy", "--from", source, "--to", target)
    monkeypatch.setenv("POSTROOM_SECRET_KEY", KEY)
    back = f"sqlite:///{tmp_path}/back.db"
    said = json.loads(typed("copy", "--from", target, "--to", back, "--json").stdout)
    assert said["rows"]["notification"] == 18
    typed("deliveries", "--database", back)
    assert "has moved to sqlite:///" in refused("deliveries", "--database", target)


def test_a_copy_that_died_between_its_two_marks_is_begun_again(source: str, target: str) -> None:
    """The source says that it is being moved, and the target knows nothing of it."""

    async def die() -> None:
        end = await copying.open_end(Path(source.removeprefix("sqlite:///")))
        mark = Relocation(copy_id="copy_1", role="source", other="postgresql://h/d", begun_at=1)
        await end.remember([mark])
        await end.close()

    asyncio.run(die())
    assert "is being moved to postgresql://h/d" in refused("deliveries", "--database", source)
    done = json.loads(typed("copy", "--from", source, "--to", target, "--json").stdout)
    assert (done["was_resumed"], done["rows"]["notification"]) == (False, 18)


def test_tables_of_another_release_are_left_as_they_are(source: str, target: str) -> None:
    path = Path(source.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as older, older:
        older.execute("UPDATE alembic_version SET version_num = '0003'")
    said = refused("copy", "--from", source, "--to", target, ends=2)
    assert "has the tables of revision 0003" in said
    assert "`postroom migrate`" in said


def test_a_target_that_holds_something_else_is_refused(source: str, target: str) -> None:
    async def live() -> None:
        store = await open_postgres(target)
        await store.change([put("erp")], AUDIT)
        await store.close()

    asyncio.run(live())
    assert "is not empty (it has rows in " in refused("copy", "--from", source, "--to", target)
    typed("deliveries", "--database", source)


def test_a_source_that_is_served_is_refused(source: str, target: str) -> None:
    path = Path(source.removeprefix("sqlite:///"))
    with root.only_one(path):
        said = refused("copy", "--from", source, "--to", target)
    assert "another Postroom serves" in said


async def test_a_target_with_a_node_is_refused(source: str, target: str) -> None:
    store = await open_postgres(target)
    await store.free_leases(0)
    ends = [settings_of(None, one, source) for one in (source, target)]
    with pytest.raises(ConflictError, match=r"is in use by 1 other process\(es\): stop every node"):
        await root.copy(*ends, told=lambda _: None)
    await store.close()


def test_a_key_that_does_not_open_the_secrets_is_refused_before_anything_moves(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTROOM_SECRET_KEY", OTHER_KEY)
    said = refused("copy", "--from", source, "--to", target, ends=2)
    assert "sealed with another key" in said
    assert OTHER_KEY not in said
    typed("deliveries", "--database", source)


@pytest.mark.parametrize(
    ("words", "ends", "says"),
    [
        (["--from", "sqlite:///nowhere.db", "--to", "postgresql://h/d"], 2, "secret_key"),
        (["--from", "sqlite:///a.db", "--to", "sqlite:///b.db"], 2, "postroom backup"),
        (["--from", "sqlite:///a.db"], 2, "give --to"),
        (["--from", "mysql://h/d", "--to", "sqlite:///b.db"], 2, "database URL"),
        (["--from", "sqlite:///nowhere.db", "--undo"], 3, "there is no database nowhere.db"),
    ],
)
def test_what_cannot_be_is_said(
    words: list[str], ends: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSTROOM_SECRET_KEY", raising=False)
    assert says in refused("copy", *words, ends=ends)
    assert list(tmp_path.iterdir()) == []


def test_killed_with_nine_on_its_way_the_same_command_ends_it(source: str, target: str) -> None:
    """Real processes, each killed after a few chunks more; the last one is let end."""
    for chunks in (1, 9):
        command = [sys.executable, "-m", "tests.contract.store_mover", source, target]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own program
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(chunks)]
            process.kill()
        assert all(said), "it had ended before it was killed"
        assert "is being moved to" in refused("deliveries", "--database", source)
    done = json.loads(typed("copy", "--from", source, "--to", target, "--json").stdout)
    assert (done["was_resumed"], done["rows"]["notification"]) == (True, 18)
