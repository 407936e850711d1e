"""Nodes: real `postroom serve` processes behind proxies of their own, restarted when killed."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.acceptance.gateway import COMMAND
from tests.chaos.cluster import DATABASE, Server
from tests.chaos.ports import free_port
from tests.chaos.proxy import HOST, Proxy

from postroom.vault import Vault

TOKEN = "chaos-admin-token-0123456789"
READY_SECONDS = 60.0
LIVES_SECONDS = 1.5
"""A node that is ready is left alone so long: it shall have something to lose."""
_LOOK_SECONDS = 0.05
_AGAIN_SECONDS = 0.3
"""What supervises a node waits so long before it starts it again."""
UNAVAILABLE = 4
"""The exit code of a node that found no database when it started."""


class Node:
    """One node through all its lives."""

    def __init__(self, number: int, folder: Path, key: str, servers: Sequence[Server]) -> None:
        self.number = number
        self.port = free_port()
        self.links = [Proxy(server.port) for server in servers]
        """The ways to the servers, in their order."""
        self.is_ready = False
        self.own_ends: list[int] = []
        """The exit codes of lives that ended by themselves after the node was ready."""
        self.lives = 0
        self._log = folder / f"node-{number}.log"
        self._key = key
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._became_ready = asyncio.Event()
        self._was_killed = False
        self._ready_since = 0.0

    async def start(self) -> None:
        """Start it; from now on it is started again whenever it has ended."""
        for link in self.links:
            await link.open()
        self._keeper = asyncio.create_task(self._keep())

    async def ready(self) -> None:
        """Wait until it answers. Raises TimeoutError, with the end of its log."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._became_ready.wait()
        except TimeoutError as late:
            raise TimeoutError(f"node {self.number} is not ready:\n{self.log_tail()}") from late

    async def in_full_life(self) -> None:
        """Wait until it has been ready for a while."""
        loop = asyncio.get_running_loop()
        while True:
            await self.ready()
            if (left := self._ready_since + LIVES_SECONDS - loop.time()) <= 0:
                return
            await asyncio.sleep(left)

    def kill(self) -> None:
        """`kill -9`."""
        if self._process is not None and self._process.poll() is None:
            self._was_killed = True
            self._down()
            self._process.kill()

    async def stop(self) -> None:
        """End it for good, and let go of its proxies."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for link in self.links:
            link.close()

    @property
    def dsn(self) -> str:
        """Where it finds the database."""
        hosts = ",".join(f"{HOST}:{link.port}" for link in self.links)
        return f"postgresql://postgres@{hosts}/{DATABASE}?target_session_attrs=read-write"

    def log_tail(self) -> str:
        """Return the last of what it wrote."""
        return self._log.read_text(errors="replace")[-3000:]

    async def _keep(self) -> None:
        while True:
            self._launch()
            assert self._process is not None
            await self._until_ready_or_ended(self._process)
            while self._process.poll() is None:  # noqa: ASYNC110  # a child's end is polled for
                await asyncio.sleep(_LOOK_SECONDS)
            code = self._process.wait()
            if not self._was_killed and (self.is_ready or code != UNAVAILABLE):
                self.own_ends.append(code)
            self._down()
            await asyncio.sleep(_AGAIN_SECONDS)

    def _launch(self) -> None:
        self._was_killed = False
        self.lives += 1
        environment = {k: v for k, v in os.environ.items() if not k.startswith("POSTROOM_")} | {
            "POSTROOM_DATABASE": self.dsn,
            "POSTROOM_SECRET_KEY": self._key,
            "POSTROOM_ADMIN_TOKEN": TOKEN,
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own command
                [*COMMAND, "serve", "--allow-private-addresses", "--port", str(self.port)],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def _until_ready_or_ended(self, process: "subprocess.Popen[bytes]") -> None:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, self.port)
                writer.transport.abort()
                if not self._was_killed:
                    self.is_ready = True
                    self._ready_since = asyncio.get_running_loop().time()
                    self._became_ready.set()
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _down(self) -> None:
        self.is_ready = False
        self._became_ready.clear()


def new_key() -> str:
    """Return a key for the stored secrets."""
    return Vault.generate_key().decode()


async def apply(node: Node, document: Path) -> None:
    """Apply a connect.yaml at a node. Raises RuntimeError if it is refused."""
    where = ("--server", f"http://{HOST}:{node.port}", "--token", TOKEN)
    applying = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "postroom", "apply", str(document), *where),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await applying.communicate()
    if applying.returncode:
        raise RuntimeError(f"the listeners could not be applied: {said.decode()}")
