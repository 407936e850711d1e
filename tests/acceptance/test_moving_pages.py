"""The pages on backups and on moving to PostgreSQL do what they say and print what they show."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.acceptance.tutorial import Tutorial
from tests.contract.copy_cast import live_through_everything
from tests.contract.postgres import PostgresServer

from postroom.storage.sqlite import open_store
from postroom.vault import Vault

STOP = "sudo systemctl stop postroom"
WAITS = 1
"""How `postroom health` ends of an installation in which something waits for a person."""


class Page(Tutorial):
    """A page whose reader's server runs under systemd: here it is this test's own process."""

    def _do(self, command: str, shown: str) -> None:
        if command != STOP:
            super()._do(command, shown)
        elif (server := self._running.pop("server", None)) is not None:
            server.terminate()
            assert server.wait(30) == 0

    def ready(self) -> int:
        """Return what the server says of itself."""
        return httpx.get(f"http://127.0.0.1:{self._ports['8080']}/readyz").status_code


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """Return a folder with an installation that has lived, and its key."""
    key = Vault.generate_key()
    (tmp_path / "postroom.db.key").write_bytes(key)

    async def live() -> None:
        store = await open_store(tmp_path / "postroom.db")
        await live_through_everything(store, sealed=Vault([key]).seal("secret"))
        await store.close()

    asyncio.run(live())
    return tmp_path


@pytest.fixture
def dsn() -> Iterator[str]:
    engine = PostgresServer()
    engine.start()
    yield asyncio.run(engine.bare_database())
    engine.stop()


def test_backing_up_and_restoring_goes_as_the_page_shows(installation: Path) -> None:
    looked = "postroom health --database sqlite:///backups/monday.db"
    page = Page("how-to/back-up-and-restore.md", installation, ends={looked: WAITS})
    try:
        page.do("$ postroom serve\n")
        page.follow()
        assert page.ready() == 200
    finally:
        page.close()
    assert (installation / "restored" / "postroom.db.lock").exists()
    # Whoever looked into the copy has made no key beside it that would be taken for its own.
    assert not (installation / "backups" / "monday.db.key").exists()


def test_moving_to_postgresql_goes_as_the_page_shows(installation: Path, dsn: str) -> None:
    named = "postgresql://postroom@db.example.com/postroom"
    page = Page(
        "how-to/move-to-postgresql.md",
        installation,
        instead={named: f"'{dsn}'"},
        ends={"postroom health": WAITS},
    )
    try:
        page.do("$ postroom serve\n")
        page.follow()
    finally:
        page.close()
    assert (installation / "back.db").exists()
