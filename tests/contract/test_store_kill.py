"""`kill -9`: what was said to be kept is there afterwards, whole."""

import random
import subprocess
import sys
from pathlib import Path

from postroom.storage.port import DeliveryQuery
from postroom.storage.sqlite import open_store

KILLS = 5


def _record_and_kill(path: Path, first: int, lines: int) -> list[str]:
    """Let a process record, kill it after some lines; return the ids it said were kept."""
    command = [sys.executable, "-m", "tests.contract.store_recorder", str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own program
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(lines)]
        process.kill()
        # What it had written before it died counts too; a line it was in the middle of does not.
        rest = process.stdout.read()
    return said + [line for line in rest.splitlines(keepends=False) if len(line) == len(said[0])]


async def test_nothing_that_was_kept_is_lost_by_killing_the_process(tmp_path: Path) -> None:
    path = tmp_path / "postroom.db"
    chance = random.Random(7)  # noqa: S311  # repeatable, not secret
    said: list[str] = []
    for life in range(KILLS):
        said += _record_and_kill(path, life * 1_000_000, chance.randrange(1, 400))

    store = await open_store(path)
    try:
        for notification_id in said:
            stored = await store.notification(notification_id)
            assert stored is not None
            assert stored.has_body
            owed = await store.deliveries(DeliveryQuery(notification_id=notification_id))
            assert {one.listener_id for one in owed} == {1, 2}
        counts = await store.counts()
        every = await store.deliveries(DeliveryQuery(limit=1_000_000))
        assert len(every) == 2 * counts.notifications
    finally:
        await store.close()
    assert len(said) == len(set(said)) >= KILLS
