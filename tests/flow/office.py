"""A whole node in the test's own process: real store, real sender, a clock we move.

It is asked over HTTP through its ASGI application, without a socket.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from tests.acceptance.cast import A1, KEYS, account, envelope, signed_headers

from postroom import app
from postroom.envelopes.sim_message import message
from postroom.settings import Settings

TOKEN = "office-admin-token-0123456789"
NOWHERE = "http://127.0.0.1:9/"
"""Nothing listens on the discard port: a delivery to it fails at once."""


class Office:
    """The node, and who asks it."""

    def __init__(self, node: app.Node, http: httpx.AsyncClient) -> None:
        self.node = node
        self.http = http

    async def ask(self, method: str, path: str, *, expect: int = 200, **more: Any) -> Any:
        """Make a request to the API; return the decoded answer, whose status must be `expect`."""
        answer = await self.http.request(method, f"/api/v1{path}", **more)
        assert answer.status_code == expect, answer.text
        if expect >= httpx.codes.BAD_REQUEST:
            assert answer.headers["content-type"] == "application/problem+json"
        return answer.json()

    async def get(self, path: str, **query: Any) -> Any:
        return await self.ask("GET", path, params=query)

    async def post(self, path: str, body: Any = None, *, expect: int = 200, **query: Any) -> Any:
        return await self.ask("POST", path, json=body, params=query, expect=expect)

    async def apply(self, *listeners: dict[str, Any], **document: Any) -> Any:
        """Apply the account A1 with listeners of it."""
        named = [
            {"account": A1, "url": NOWHERE, "acknowledgement": False} | one for one in listeners
        ]
        made = {"accounts": [account(A1, "Acme Corp")], "listeners": named} | document
        applied = await self.post("/apply", made)
        await self.node.keeper.refresh()
        self.node.worker.roster_changed()
        return applied

    async def feed(
        self,
        number: int,
        event: str = "envelope-completed",
        *,
        include: tuple[str, ...] = ("custom_fields", "recipients"),
        **fields: Any,
    ) -> str:
        """Send one event of envelope E-number to the front door; return the notification's id."""
        body = message(
            envelope(number, **fields),
            event,
            at=self.node.clock.now(),
            include=include,
        )
        answer = await self.http.post(
            "/connect", content=body, headers=signed_headers([KEYS[A1]], body)
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["notification"])

    async def quiet(self) -> None:
        """Wait until nothing is in hand and nothing that may be sent is due."""
        async with asyncio.timeout(20):
            while (found := await self.get("/health"))["in_hand"] or found["due_now"]:  # noqa: ASYNC110  # quiet is seen from outside only
                await asyncio.sleep(0)  # the node works in this very loop


@asynccontextmanager
async def office(folder: Path, **settings: Any) -> AsyncIterator[Office]:
    """Run a node on a fresh file while the block runs."""
    given: dict[str, Any] = {
        "database": f"sqlite:///{folder / 'postroom.db'}",
        "admin_token": TOKEN,
        "allow_private_addresses": True,
        "virtual_clock": "2026-03-02T09:00:00Z",
    }
    async with app.node(Settings.load(**(given | settings))) as node:
        transport = httpx.ASGITransport(app=node.site)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://postroom", headers=headers
        ) as http:
            yield Office(node, http)
