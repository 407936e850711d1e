"""The calendar: what time does to envelopes, and to configurations that fail for days."""

import asyncio
from collections.abc import Callable

from postroom import observe
from postroom.envelopes import lifecycle
from postroom.envelopes.envelope import Envelope, Step
from postroom.operations.connect import deactivation, living
from postroom.operations.connect.living import ConnectServer
from postroom.workers.patience import Patience

BATCH = 200
LOOK_SECONDS = 0.25
"""How often; a clock may be moved at any time, so it is not waited for."""


class Calendar:
    """Reminds, expires and purges envelopes in time, and deactivates what always fails."""

    def __init__(self, server: ConnectServer, *, is_lead: Callable[[], bool]) -> None:
        self._server = server
        self._is_lead = is_lead
        """Whether this is the one of many nodes that does it."""

    async def run(self) -> None:
        """Look at the clock again and again, until cancelled."""
        patience = Patience("calendar")
        while True:
            if self._is_lead():
                await patience.do(self.work)
            await asyncio.sleep(LOOK_SECONDS)

    async def work(self) -> None:
        """Do what is due by the clock."""
        await self._envelopes()
        await deactivation.deactivate_failing(self._server)

    async def _envelopes(self) -> None:
        while True:
            now = self._server.clock.now()
            due = await self._server.store.envelopes_due(now, BATCH)
            for kept in due:
                # At its own moment, however late we look: a clock may be moved by weeks.
                after = await living.step(
                    self._server, living.of_kept(kept), _what_is_due, at=kept.next_at
                )
                if after is not None and after.revision == kept.revision:
                    observe.log.error("nothing was due after all", envelope=kept.id)
                    return
            if len(due) < BATCH:
                return


def _what_is_due(envelope: Envelope, at: int) -> Step:
    action = lifecycle.due_action(envelope, at)
    return Step(envelope=envelope) if action is None else lifecycle.act(envelope, action, at=at)
