"""The rig: three nodes on two servers under load, everything that is done to them, and the end."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import ledger, nodes
from tests.chaos.audience import CAST, PLACES, Audience
from tests.chaos.cluster import DATABASE, Cluster
from tests.chaos.ledger import Fault, Findings
from tests.chaos.letters import EVENTS
from tests.chaos.nodes import Node
from tests.chaos.source import Source

NODES = 3
PASSES_SECONDS = 90.0
"""When nothing has arrived for so long, nothing will: a lease lasts a minute."""
GOES_ON_SECONDS = 60.0
"""How long after a fault something new must have been acknowledged."""
APART_SECONDS = 4.0
"""How long two servers write: longer than a node may be silent before the others go on for it."""
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is done, in how long."""

    notifications: int
    seconds: float
    seed: int
    node_kills: int
    """`kill -9` of a node; of twenty kills three are of all nodes at once."""
    database_kills: int
    """`kill -9` and restarts of the primary, in turn."""
    failovers: int
    """The primary killed, or cut off and left running, and the standby promoted."""
    network_faults: int
    """Connections cut, delayed, hung, refused; the standby hangs; a listener is away."""

    @property
    def kills(self) -> int:
        """How many programs are killed or restarted."""
        return self.node_kills + self.database_kills + self.failovers


@dataclass(kw_only=True)
class Report:
    """What happened, and what is wrong with it."""

    plan: Plan
    findings: Findings
    faults: Sequence[Fault]
    complaints: list[str]
    acknowledged: int
    refused: int
    unanswered: int
    turned_away: int
    seconds: float
    resumed: dict[str, list[float]] = field(default_factory=dict)
    """By kind of fault: after how many seconds something new was acknowledged by a node."""

    @property
    def counted(self) -> Counter[str]:
        """How many faults of each kind there were."""
        return Counter(one.kind for one in self.faults)


class Rig:
    """Everything that runs, and what can be done to it."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.cluster = Cluster()
        self.audience = Audience(seed=plan.seed)
        key = nodes.new_key()
        self.nodes = [Node(number, folder, key, self.cluster.servers) for number in range(NODES)]
        self.source = Source(
            ports=lambda: [one.port for one in self.nodes],
            envelopes=plan.notifications // len(EVENTS),
            seconds=plan.seconds,
            seed=plan.seed,
        )
        self.faults: list[Fault] = []
        self.resumed: dict[str, list[float]] = {}
        self._slow: list[str] = []
        self._folder = folder
        self._database_turn = asyncio.Lock()
        """One thing at a time is done to the database."""

    async def start(self) -> None:
        """Start the database, the listeners and the nodes."""
        await self.cluster.start()
        await self.audience.open()
        for node in self.nodes:
            await node.start()
        await asyncio.gather(*(node.ready() for node in self.nodes))
        document = self._folder / "connect.yaml"
        document.write_text(self.audience.connect_yaml())
        await nodes.apply(self.nodes[0], document)

    async def stop(self) -> None:
        """End everything that was started."""
        await asyncio.gather(*(node.stop() for node in self.nodes))
        self.audience.close()
        await asyncio.to_thread(self.cluster.stop)

    # --- what is done to nodes ---------------------------------------------------------------

    async def kill_node(self, node: Node) -> None:
        """`kill -9` of one node, as soon as it is ready."""
        await node.in_full_life()
        now = self._now()
        node.kill()
        self.faults.append(Fault(kind="node killed", began=now, ended=now, kills=1, calls=PLACES))

    async def kill_every_node(self) -> None:
        """`kill -9` of all nodes at once."""
        await asyncio.gather(*(node.in_full_life() for node in self.nodes))
        now = self._now()
        for node in self.nodes:
            node.kill()
        self.faults.append(
            Fault(kind="all nodes killed", began=now, ended=now, kills=NODES, calls=PLACES)
        )

    # --- what is done to the database --------------------------------------------------------

    async def crash_primary(self) -> None:
        """`kill -9` of the primary, started again."""
        async with self._database_fault("PostgreSQL killed", kills=1):
            await self.cluster.crash()

    async def restart_primary(self) -> None:
        """Restart the primary."""
        async with self._database_fault("PostgreSQL restarted", kills=1):
            await self.cluster.restart()

    async def fail_over(self) -> None:
        """Kill the primary, promote the standby, and make the old primary a standby of it."""
        async with self._database_fault("failover", kills=1):
            await asyncio.to_thread(self.cluster.primary.kill)
            await self.cluster.promote()
        async with self._database_turn:
            await self.cluster.rebuild()

    async def partition_primary(self, alone: Node) -> None:
        """Cut the primary off with one node, promote the standby, then let all reach both.

        The old primary takes whatever the node alone with it says, and can confirm nothing, for its
        standby is gone. It is killed at last, as a fence does.
        """
        async with self._database_fault("failover from a partition", kills=1):
            old = self.cluster.servers.index(self.cluster.primary)
            cut_off = [node.links[old ^ (node is alone)] for node in self.nodes]
            for link in cut_off:
                link.hang()
            await self.cluster.promote()
            await self._goes_on("a promotion beside a primary that hangs")
            await asyncio.sleep(APART_SECONDS)
            for link in cut_off:
                link.heal()
            await asyncio.sleep(1)
            await asyncio.to_thread(self.cluster.standby.kill)
        async with self._database_turn:
            await self.cluster.rebuild()

    async def pause_standby(self, seconds: float) -> None:
        """Let the standby hang: the primary runs, and no commit ends."""
        async with self._database_turn:
            began = self._now()
            self.cluster.standby.pause()
            await asyncio.sleep(seconds)
            self.cluster.standby.resume()
            self._note("standby hung", began, calls=PLACES)

    # --- what is done to the network ---------------------------------------------------------

    async def cut(self, node: Node) -> None:
        """Reset every connection of a node to the database."""
        began = self._now()
        for link in node.links:
            link.cut()
        self._note("connections cut", began, calls=PLACES)

    async def delay(self, node: Node, seconds: float, each: float) -> None:
        """Hold back for a moment every byte between a node and the database."""
        began = self._now()
        for link in node.links:
            link.delay(each)
        await asyncio.sleep(seconds)
        self._heal(node)
        self._note("connections delayed", began, calls=PLACES)

    async def hang(self, node: Node, seconds: float) -> None:
        """Let no byte through between a node and the database."""
        began = self._now()
        for link in node.links:
            link.hang()
        await asyncio.sleep(seconds)
        self._heal(node)
        self._note("connections hung", began, calls=PLACES)

    async def refuse(self, node: Node, seconds: float) -> None:
        """End every connection between a node and the database as soon as it is made."""
        began = self._now()
        for link in node.links:
            link.refuse()
            link.cut()
        await asyncio.sleep(seconds)
        self._heal(node)
        self._note("connections refused", began, calls=PLACES)

    async def let_a_listener_be_away(self, seconds: float) -> None:
        """Let a listener answer 503 for a while."""
        began = self._now()
        self.audience.is_moody_away = True
        await asyncio.sleep(seconds)
        self.audience.is_moody_away = False
        self._note("listener away", began)

    def heal(self) -> None:
        """End whatever is done to the network."""
        for node in self.nodes:
            self._heal(node)
        self.audience.is_moody_away = False

    # --- the end -----------------------------------------------------------------------------

    async def pass_everything(self) -> None:
        """Wait until each listener has all it should have and nothing is open any more.

        Not once nothing has come for so long that nothing will.
        """
        seen, since = -1, self._now()
        while not self.has_everything or await self._left_open():
            arrived = sum(len(one) for one in self.audience.arrivals.values())
            if arrived != seen:
                seen, since = arrived, self._now()
            elif self._now() - since > PASSES_SECONDS:
                return
            await asyncio.sleep(_LOOK_SECONDS * 4)

    @property
    def has_everything(self) -> bool:
        """Whether each listener has all that is acknowledged and for it."""
        kept = self.source.acknowledged
        return all(
            len(self.audience.distinct[one.name]) >= sum(map(one.wants, kept)) for one in CAST
        )

    async def report(self, began: float) -> Report:
        """Hold everything against everything."""
        findings = ledger.check(
            self.source.acknowledged, self.source.begun, self.audience.arrivals, self.faults
        )
        complaints = findings.complaints + self._slow
        complaints += self.source.strange[:5] + self.audience.strange[:5]
        if missing := self.source.total - len(self.source.acknowledged):
            complaints.append(f"{missing} were never acknowledged")
        if left := await self._left_open():
            complaints.append(f"{left} deliveries are still open, or were given up")
        for node in self.nodes:
            if node.own_ends:
                complaints.append(f"node {node.number} ended by itself: {node.own_ends}")
        return Report(
            plan=self.plan,
            findings=findings,
            faults=self.faults,
            complaints=complaints,
            acknowledged=len(self.source.acknowledged),
            refused=self.source.refused,
            unanswered=self.source.lost,
            turned_away=self.audience.turned_away,
            seconds=self._now() - began,
            resumed=self.resumed,
        )

    # --- within ------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _database_fault(self, kind: str, *, kills: int) -> AsyncIterator[None]:
        async with self._database_turn:
            began = self._now()
            yield
            await self._goes_on(kind)
            self._note(kind, began, kills=kills, calls=PLACES)

    async def _goes_on(self, after: str) -> None:
        """Wait until something new is acknowledged, where there is still something to send."""
        before, began = len(self.source.acknowledged), self._now()
        try:
            async with asyncio.timeout(GOES_ON_SECONDS):
                while before == len(self.source.acknowledged) < self.source.total:  # noqa: ASYNC110  # as above
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            self._slow.append(f"nothing was acknowledged for {GOES_ON_SECONDS:.0f} s after {after}")
        self.resumed.setdefault(after, []).append(self._now() - began)

    async def _left_open(self) -> int:
        delivered = "SELECT count(*) FROM delivery WHERE state <> 5"
        (row,) = await self.cluster.primary.ask(delivered, DATABASE)
        return int(str(row[0]))

    def _heal(self, node: Node) -> None:
        for link in node.links:
            link.heal()

    def _note(self, kind: str, began: float, *, kills: int = 0, calls: int = 0) -> None:
        ended = self._now()
        self.faults.append(Fault(kind=kind, began=began, ended=ended, kills=kills, calls=calls))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
