"""What is done when: three tracks beside the load, each from the same seed, and the whole run."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.chaos.rig import NODES, Plan, Report, Rig

Step = Callable[[Rig, random.Random], Awaitable[None]]
Told = Callable[[Rig], None]
_TOLD_SECONDS = 1.0

EVERY_NODE_EACH = 20
"""Of so many kills of nodes three are of all at once."""


async def _kill_node(rig: Rig, chance: random.Random) -> None:
    await rig.kill_node(chance.choice(rig.nodes))


async def _kill_every_node(rig: Rig, _: random.Random) -> None:
    await rig.kill_every_node()


async def _crash(rig: Rig, _: random.Random) -> None:
    await rig.crash_primary()


async def _restart(rig: Rig, _: random.Random) -> None:
    await rig.restart_primary()


async def _fail_over(rig: Rig, _: random.Random) -> None:
    await rig.fail_over()


async def _partition(rig: Rig, chance: random.Random) -> None:
    await rig.partition_primary(chance.choice(rig.nodes))


async def _cut(rig: Rig, chance: random.Random) -> None:
    await rig.cut(chance.choice(rig.nodes))


async def _delay(rig: Rig, chance: random.Random) -> None:
    await rig.delay(chance.choice(rig.nodes), 2.0, chance.uniform(0.01, 0.1))


async def _hang(rig: Rig, chance: random.Random) -> None:
    await rig.hang(chance.choice(rig.nodes), chance.uniform(1, 8))


async def _refuse(rig: Rig, chance: random.Random) -> None:
    await rig.refuse(chance.choice(rig.nodes), chance.uniform(0.5, 4))


async def _pause_standby(rig: Rig, chance: random.Random) -> None:
    await rig.pause_standby(chance.uniform(0.5, 3))


async def _away(rig: Rig, _: random.Random) -> None:
    await rig.let_a_listener_be_away(3.0)


_NETWORK: tuple[Step, ...] = (_cut, _delay, _hang, _cut, _refuse, _pause_standby, _away)


def tracks(plan: Plan) -> list[list[Step]]:
    """Return what is done to nodes, to the database and to the network, each in its order."""
    chance = random.Random(plan.seed)  # noqa: S311  # repeatable, not secret
    at_once = round(plan.node_kills / EVERY_NODE_EACH + 0.3)
    single = plan.node_kills - NODES * at_once
    on_nodes: list[Step] = [_kill_node] * single + [_kill_every_node] * at_once
    on_database: list[Step] = [(_crash, _restart)[n % 2] for n in range(plan.database_kills)]
    on_database += [(_fail_over, _partition)[n % 2] for n in range(plan.failovers)]
    on_network = [_NETWORK[n % len(_NETWORK)] for n in range(plan.network_faults)]
    for one in (on_nodes, on_database, on_network):
        chance.shuffle(one)
    return [on_nodes, on_database, on_network]


async def run(plan: Plan, folder: Path, told: Told = lambda _: None) -> Report:
    """Start everything, do everything, wait for what is owed, end everything; return the report."""
    rig = Rig(plan, folder)
    try:
        await rig.start()
        began = asyncio.get_running_loop().time()
        teller = asyncio.create_task(_tell(rig, told))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(rig.source.run())
                for number, steps in enumerate(tracks(plan)):
                    group.create_task(_play(rig, steps, plan.seed + number))
            rig.heal()
            await rig.pass_everything()
        finally:
            teller.cancel()
        return await rig.report(began)
    finally:
        await rig.stop()


async def _play(rig: Rig, steps: Sequence[Step], seed: int) -> None:
    """Take one step after the other, spread over the time there is."""
    chance = random.Random(seed)  # noqa: S311  # repeatable, not secret
    began = time.monotonic()
    for number, step in enumerate(steps):
        due = began + rig.plan.seconds * (number + 0.5) / len(steps)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await step(rig, chance)


async def _tell(rig: Rig, told: Told) -> None:
    while True:
        told(rig)
        await asyncio.sleep(_TOLD_SECONDS)
