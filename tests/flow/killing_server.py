"""The server, ending itself by SIGKILL at one named gap of the road.

`POSTROOM_KILL_AT=after-record:17` kills at the 17th time the road passes that gap. Everything else
is the real thing: the composition root, the store, the wire.
"""

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

from postroom import app
from postroom.delivery.send import Sender
from postroom.model import Outcome, Request
from postroom.settings import Settings
from postroom.storage.port import Life, Lived, Recorded, Recording, Settled, Settlement, Store
from postroom.storage.sqlite import connection, writer
from postroom.web.asgi import Application
from postroom.web.front_door import Message, Receive, Scope, Send

GAPS = (
    "before-record",
    "after-record",  # on disk, not yet answered
    "after-answer",
    "before-send",  # leased, not yet sent
    "after-send",  # the listener has it, not yet settled
    "after-settle",
)
INSIDE = "inside-transaction"
"""Each statement of the thread that writes, COMMIT among them, counts as a passing."""
SWITCHES = ("allow_private_addresses", "offline")


class KillAt:
    """Stands between the road and its ports, and ends the process at the chosen moment."""

    def __init__(self, gap: str, passing: int) -> None:
        self._gap = gap
        self._left = passing

    def passes(self, gap: str) -> None:
        if gap == self._gap:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def store(self, store: Store) -> Store:
        return _Store(store, self)

    def sender(self, sender: Sender) -> Sender:
        return _Sender(sender, self)

    def writer(self) -> None:
        """Stand between the store and the statements it writes with."""

        def open_watched(path: Path) -> sqlite3.Connection:
            opened = connection.open_writer(path)
            opened.set_trace_callback(lambda _: self.passes(INSIDE))
            return opened

        writer.open_writer = open_watched  # type: ignore[attr-defined]  # by that name it opens

    def site(self, site: Application) -> Application:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            async def watched(message: Message) -> None:
                await send(message)
                if message["type"] == "http.response.body" and scope["method"] != "GET":
                    self.passes("after-answer")

            await site(scope, receive, watched)

        return serve


class _Store:
    def __init__(self, store: Store, kill: KillAt) -> None:
        self._store = store
        self._kill = kill

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    async def record(self, recording: Recording) -> Recorded:
        self._kill.passes("before-record")
        recorded = await self._store.record(recording)
        self._kill.passes("after-record")
        return recorded

    async def live(self, life: Life) -> Lived:
        self._kill.passes("before-record")
        lived = await self._store.live(life)
        self._kill.passes("after-record")
        return lived

    async def settle(self, settlement: Settlement) -> Settled:
        settled = await self._store.settle(settlement)
        self._kill.passes("after-settle")
        return settled


class _Sender:
    def __init__(self, sender: Sender, kill: KillAt) -> None:
        self._sender = sender
        self._kill = kill

    async def send(self, request: Request) -> Outcome:
        self._kill.passes("before-send")
        outcome = await self._sender.send(request)
        self._kill.passes("after-send")
        return outcome

    async def close(self) -> None:
        await self._sender.close()


def main() -> None:
    """Serve as `postroom serve` does, with the flags of the acceptance tests."""
    flags: dict[str, Any] = {}
    words = iter(sys.argv[2:])
    for word in words:
        name = word.removeprefix("--").replace("-", "_")
        flags[name] = True if name in SWITCHES else next(words)
    gap, _, passing = os.environ["POSTROOM_KILL_AT"].partition(":")
    part = KillAt(gap, int(passing))
    if gap == INSIDE:
        part.writer()
    asyncio.run(app.serve(Settings.load(**flags), part=part))


if __name__ == "__main__":
    main()
