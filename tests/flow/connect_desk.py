"""Docusign's REST paths over a real store, asked over HTTP without a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from postroom.clock import SystemClock, VirtualClock
from postroom.model import Account, Registry, User
from postroom.operations import tokens
from postroom.operations.connect.living import ConnectServer
from postroom.storage.port import AuditEntry, PutAccount, Store
from postroom.storage.sqlite import open_store
from postroom.vault import Vault
from postroom.web.connect_api import ConnectServices, create_connect_api

TOKEN = "connect-desk-admin-token-0123456789"
START = 1_772_442_000_000_000
"""2026-03-02T09:00:00Z"""
MAX_BODY_BYTES = 100_000
HOST = "localhost:8443"

A1 = "a1000000-0000-4000-8000-000000000001"
A2 = "a2000000-0000-4000-8000-000000000002"
ADA = "5f0c1f3e-0000-4000-8000-00000000ada0"
SAM = "5f0c1f3e-0000-4000-8000-000000005a50"
UMA = "5f0c1f3e-0000-4000-8000-00000000a3a0"


def people(*more: User) -> tuple[User, ...]:
    return (
        User(id=ADA, email="ada@example.com", name="Ada Adams", is_admin=True),
        User(id=SAM, email="sam@example.com", name="Sam Samson", groups=("integrations",)),
        User(email="svc@example.com"),
        *more,
    )


ACCOUNTS = (
    Account(id=A1, name="Acme Corp", users=people()),
    Account(
        id=A2,
        name="Acme UK",
        parent_id=A1,
        users=(
            User(id=UMA, email="uma@example.com", name="Uma Unwin", is_admin=True),
            User(id=SAM, email="sam@example.com", name="Sam Samson"),
        ),
    ),
)


class Desk:
    """The application, its store, and who asks."""

    def __init__(self, services: ConnectServices, http: httpx.AsyncClient) -> None:
        self.services = services
        self.http = http
        self.clock: VirtualClock = services.clock  # type: ignore[assignment]  # made below

    async def ask(
        self, method: str, path: str, *, expect: int = 200, token: str | None = TOKEN, **more: Any
    ) -> Any:
        """Make a request; return the decoded answer, whose status must be `expect`."""
        answer = await self.raw(method, path, token=token, **more)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def raw(
        self, method: str, path: str, *, token: str | None = TOKEN, **more: Any
    ) -> httpx.Response:
        headers = more.pop("headers", {})
        if token is not None:
            headers = {"Authorization": f"Bearer {token}"} | headers
        answer = await self.http.request(method, path, headers=headers, **more)
        assert len(answer.headers["x-docusign-tracetoken"]) == 36
        return answer

    async def refused(self, method: str, path: str, *, expect: int, **more: Any) -> str:
        """Make a request that must be refused; return the error's code."""
        said = await self.ask(method, path, expect=expect, **more)
        assert list(said) == ["errorCode", "message"]
        assert said["message"]
        return str(said["errorCode"])

    async def verbs(self) -> list[str]:
        """Return the verbs of the audit log, newest first."""
        return [
            entry.verb for _, entry in await self.services.store.audit_log(after=None, limit=100)
        ]


@asynccontextmanager
async def desk(
    folder: Path, *accounts: Account, is_offline: bool = True, **more: Any
) -> AsyncIterator[Desk]:
    """Serve a fresh store with the accounts while the block runs."""
    store = await open_store(folder / "postroom.db")
    try:
        audit = AuditEntry(at=START, actor="test", verb="begin", details=None)
        changes = [PutAccount(account=one) for one in accounts or ACCOUNTS]
        await store.change(changes, audit)
        await tokens.ensure_admin(store, TOKEN, now=START)
        services = await services_of(store, is_offline=is_offline, **more)
        transport = httpx.ASGITransport(app=create_connect_api(services))
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as http:
            yield Desk(services, http)
    finally:
        await store.close()


async def nothing_happens(*_: Any, **__: Any) -> bool:
    """Stand where the road is: none of these tests sends an envelope."""
    raise AssertionError("an envelope was changed")


async def services_of(store: Store, **more: Any) -> ConnectServices:
    current: list[Registry] = [await store.registry()]

    async def refresh() -> None:
        current[0] = await store.registry()

    shared: dict[str, Any] = {
        "store": store,
        "vault": Vault([Vault.generate_key()]),
        "clock": VirtualClock(START),
        "registry": lambda: current[0],
        "refresh": refresh,
    }
    server = ConnectServer(
        **shared, enact=nothing_happens, new_guid=lambda: str(uuid4()), allow_http_loopback=True
    )
    given: dict[str, Any] = shared | {
        "machine_clock": SystemClock(),
        "envelopes": server,
        "max_body_bytes": MAX_BODY_BYTES,
    }
    return ConnectServices(**(given | more))
