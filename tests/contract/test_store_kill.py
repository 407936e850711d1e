"""`kill -9`: what was said to be kept is there afterwards, whole."""

import asyncio
import random
import subprocess
import sys

from tests.contract.conftest import Backend

from postroom.storage.port import DeliveryQuery

KILLS = 5


def _record_and_kill(backend: Backend, first: int, lines: int) -> list[str]:
    """Let a process record, kill it after some lines; return the ids it said were kept."""
    where = [backend.kind, backend.place, str(first)]
    command = [sys.executable, "-m", "tests.contract.store_recorder", *where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own program
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(lines)]
        process.kill()
        # What it had written before it died counts too; a line it was in the middle of does not.
        rest = process.stdout.read()
    return said + [line for line in rest.splitlines(keepends=False) if len(line) == len(said[0])]


async def test_nothing_that_was_kept_is_lost_by_killing_the_process(backend: Backend) -> None:
    store = await backend.open()
    chance = random.Random(7)  # noqa: S311  # repeatable, not secret
    said: list[str] = []
    for life in range(KILLS):
        lines = chance.randrange(1, 400)
        said += await asyncio.to_thread(_record_and_kill, backend, life * 1_000_000, lines)

    for notification_id in said:
        stored = await store.notification(notification_id)
        assert stored is not None
        assert stored.has_body
        owed = await store.deliveries(DeliveryQuery(notification_id=notification_id))
        assert {one.listener_id for one in owed} == {1, 2}
    counts = await store.counts()
    every = await store.deliveries(DeliveryQuery(limit=1_000_000))
    assert len(every) == 2 * counts.notifications
    assert len(said) == len(set(said)) >= KILLS
